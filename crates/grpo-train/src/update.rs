use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::Tensor,
};
use grpo_core::Diagnostics;
use serde::{Deserialize, Serialize};

use crate::Error;

/// AdamW (arXiv:1711.05101) and the clipping of the gradient's global norm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay, relative to the learning rate.
    pub weight_decay: f64,
    /// A gradient with a larger global L2 norm is scaled down to this one.
    pub max_grad_norm: f64,
}

impl Default for OptimizerConfig {
    /// PyTorch's and TRL's defaults.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 }
    }
}

impl OptimizerConfig {
    /// A fresh optimizer.
    pub fn init(&self) -> ModuleOptimizer {
        AdamWConfig::new()
            .with_beta_1(self.beta1 as f32)
            .with_beta_2(self.beta2 as f32)
            .with_epsilon(self.epsilon as f32)
            .with_weight_decay(self.weight_decay as f32)
            .init()
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let check = |key: &str, value: f64, ok: bool, fix: &str| {
            if ok {
                Ok(())
            } else {
                Err(Error::setting(format!("optimizer.{key}"), format!("is {value}"), fix))
            }
        };
        check("beta1", self.beta1, (0.0..1.0).contains(&self.beta1), "use a number in [0, 1)")?;
        check("beta2", self.beta2, (0.0..1.0).contains(&self.beta2), "use a number in [0, 1)")?;
        check(
            "epsilon",
            self.epsilon,
            self.epsilon > 0.0 && self.epsilon < 1.0,
            "use a small positive number",
        )?;
        let decay = self.weight_decay;
        check("weight_decay", decay, decay >= 0.0 && decay.is_finite(), "use 0 or a positive number")?;
        check("max_grad_norm", self.max_grad_norm, self.max_grad_norm > 0.0, "use a positive number")
    }
}

/// One optimizer step in the making: gradients of micro-batches are summed, then clipped and applied.
///
/// The losses of micro-batches already carry the weights of the whole step, so the sum *is* the step's gradient
/// however it was split.
pub struct Update<M: Module> {
    gradients: GradientsAccumulator<M>,
}

impl<M: Module> Default for Update<M> {
    fn default() -> Self {
        Self { gradients: GradientsAccumulator::new() }
    }
}

impl<M: Module> Update<M> {
    /// Differentiates one micro-batch's loss.
    pub fn gradients(module: &M, loss: &Tensor<1>) -> GradientsParams {
        GradientsParams::from_grads(loss.backward(), module)
    }

    /// Adds one micro-batch's gradients. Always in the same order, if results shall be the same bit for bit.
    pub fn add(&mut self, module: &M, gradients: GradientsParams) {
        self.gradients.accumulate(module, gradients);
    }

    /// [`Update::apply`], refused where the loss or the gradient of this step (from 0) of the stage isn't finite.
    pub(crate) fn apply_finite(
        self,
        module: M,
        optimizer: &mut ModuleOptimizer,
        rate: f64,
        max_norm: f64,
        loss: f64,
        (stage, step): (&'static str, usize),
    ) -> Result<(M, f64), Error> {
        let refuse = |seen: String| Error::NotFinite { stage, step: step + 1, seen };
        if !loss.is_finite() {
            return Err(refuse(format!("the loss is {loss}")));
        }
        self.apply(module, optimizer, rate, max_norm)
            .map_err(|(_, norm)| refuse(format!("the gradient's norm is {norm}")))
    }

    /// Clips by the global norm and steps. Returns the new module and the norm before clipping, or, as the error, the old
    /// module and the norm of a gradient with NaN or infinity: nothing has changed then.
    pub fn apply(
        mut self,
        module: M,
        optimizer: &mut ModuleOptimizer,
        rate: f64,
        max_norm: f64,
    ) -> Result<(M, f64), (M, f64)> {
        let mut gradients = self.gradients.grads();
        let norm = global_norm(&module, &gradients);
        if !norm.is_finite() {
            return Err((module, norm));
        }
        if norm > max_norm {
            module.visit(&mut Scale { gradients: &mut gradients, factor: max_norm / norm });
        }
        Ok((optimizer.step(rate, module, gradients), norm))
    }
}

/// The sum of micro-batches' gradients and of what was observed with them, in their order.
pub(crate) struct Sum<M: Module> {
    sum: Option<(Update<M>, Diagnostics)>,
}

impl<M: Module> Default for Sum<M> {
    fn default() -> Self {
        Self { sum: None }
    }
}

impl<M: Module> Sum<M> {
    /// Adds one micro-batch.
    pub(crate) fn add(&mut self, module: &M, (gradients, part): (GradientsParams, Diagnostics)) {
        let (mut update, diagnostics) = match self.sum.take() {
            Some((update, diagnostics)) => (update, diagnostics.merge(part)),
            None => (Update::default(), part),
        };
        update.add(module, gradients);
        self.sum = Some((update, diagnostics));
    }

    /// `None` without a micro-batch.
    pub(crate) fn finish(self) -> Option<(Update<M>, Diagnostics)> {
        self.sum
    }
}

/// L2 norm of all gradients together. One read from the device.
fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    let mut visitor = SquaredNorm { gradients, sum: None };
    module.visit(&mut visitor);
    visitor.sum.map_or(0.0, |sum| f64::from(sum.into_scalar::<f32>()).sqrt())
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squared = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squared,
                None => squared,
            });
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
