//! The tutor: a network of two layers from a learner's mastery to a choice of exercise.

use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{Device, Int, Tensor, TensorData, activation::log_softmax},
};
use grpo_rollout::{Agent, Error, Evaluation, Policy};
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

#[derive(Module, Debug)]
pub(crate) struct Tutor {
    hidden: Linear,
    output: Linear,
}

impl Tutor {
    /// Random weights from the host: one seed gives the same network on every device.
    pub(crate) fn new(
        inputs: usize,
        hidden: usize,
        outputs: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut linear = |inputs: usize, outputs: usize, bound: f64| {
            let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let values: Vec<f32> =
                (0..inputs * outputs).map(|_| (bound * (2.0 * uniform() - 1.0)) as f32).collect();
            let weight = Tensor::from_data(TensorData::new(values, [inputs, outputs]), device);
            Linear {
                weight: Param::from_tensor(weight),
                bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
            }
        };
        // Glorot for tanh; a small last layer, so that the first choices are close to uniform.
        let bound = (6.0 / (inputs + hidden) as f64).sqrt();
        Self { hidden: linear(inputs, hidden, bound), output: linear(hidden, outputs, 0.01) }
    }

    /// Log-probability of every exercise, `[learners, exercises]`.
    pub(crate) fn log_probs(&self, mastery: Tensor<2>) -> Tensor<2> {
        // Mastery lies between 0 and 1; the network sees it centred.
        let hidden = self.hidden.forward(mastery.mul_scalar(4.0).sub_scalar(2.0)).tanh();
        log_softmax(self.output.forward(hidden), 1)
    }
}

impl Policy for Tutor {
    type States = Tensor<2>;

    fn evaluate(&self, mastery: &Tensor<2>, exercises: Tensor<2, Int>) -> Result<Evaluation, Error> {
        let all = self.log_probs(mastery.clone());
        let entropy = (all.clone() * all.clone().exp()).sum_dim(1).neg();
        Ok(Evaluation { log_probs: all.gather(1, exercises), entropy })
    }
}

impl Agent for Tutor {
    /// One exercise a session: nothing to remember.
    type Memory = ();

    fn device(&self) -> Device {
        self.output.weight.val().device()
    }

    fn begin(&self, _: usize) {}

    fn act(&self, mastery: Tensor<2>, (): &mut ()) -> Result<Tensor<2>, Error> {
        Ok(self.log_probs(mastery))
    }
}
