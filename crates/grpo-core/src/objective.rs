//! The objective: a point on four independent axes, and the function that evaluates it.

use burn::tensor::{Bool, DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::diagnostics::{Diagnostics, Measured};
use crate::kl::{self, KlEstimator, KlPlacement, ProximalPenalty};
use crate::mask::{self, Mask};
use crate::ratio::{self, Ratio};
use crate::surrogate::Terms;
use crate::{Aggregate, Error, KlPenalty, RatioLevel, Surrogate};

/// What is minimised: a ratio level, a surrogate, an optional KL penalty and an aggregation, chosen
/// independently, with an entropy bonus beside them.
///
/// ```text
/// loss = Σ_it w_it · ( c_it · policy(r_it, A_it)  +  β · kl_it  +  β' · kl'_it )  −  η · Σ_it u_it · H_it
/// ```
///
/// * `r` by [`ratio`](Self::ratio), `policy` by [`surrogate`](Self::surrogate), `kl` and `β` by
///   [`kl`](Self::kl) (where its placement is the loss), `kl'` and `β'` by [`proximal`](Self::proximal), the weights `w` by [`aggregate`](Self::aggregate), once for the whole optimizer step;
/// * `c` are the corrections of the policy term: [`LossInputs::keep`] and [`LossInputs::sampler_ratio`];
/// * `η` is [`entropy_bonus`](Self::entropy_bonus), `H` the entropies and `u` their weights
///   ([`LossInputs::entropy_weights`]).
///
/// Published algorithms are named points: [`Objective::grpo`] and its neighbours. The default is
/// [`Objective::grpo`] without the penalty, which is also TRL's default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// What one importance ratio belongs to.
    pub ratio: RatioLevel,
    /// The policy term.
    pub surrogate: Surrogate,
    /// The penalty for leaving the reference policy; `None` needs no reference policy.
    pub kl: Option<KlPenalty>,
    /// A penalty for leaving the policy that sampled, beside the surrogate or in place of its clip; `None` is off.
    pub proximal: Option<ProximalPenalty>,
    /// How per-token losses become one number.
    pub aggregate: Aggregate,
    /// The coefficient η of the entropy bonus, in units of loss per nat; 0 is off. Positive values keep the
    /// policy exploring.
    pub entropy_bonus: f64,
    /// Log-ratios are clamped to ± this many nats before `exp`, with zero gradient beyond (verl: 20). Tokens
    /// that reach it are reported as [`Metrics::bound_hits`](crate::Metrics::bound_hits).
    pub log_ratio_bound: f64,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            ratio: RatioLevel::default(),
            surrogate: Surrogate::default(),
            kl: None,
            proximal: None,
            aggregate: Aggregate::default(),
            entropy_bonus: 0.0,
            log_ratio_bound: kl::DEFAULT_BOUND,
        }
    }
}

/// What the loss of one micro-batch is computed from. `rows` episodes, padded to `steps`.
///
/// Everything outside [`mask`](Self::mask) is ignored, whatever it holds (NaN and infinities included). Only
/// `log_probs` and `entropies` are differentiated; the others are taken as constants even when they carry a
/// graph. Tensors may or may not be on an autodiff device; all must be on the same device as `log_probs`. The
/// computation runs in f64 when `log_probs` is f64 and in f32 otherwise.
#[derive(Debug, Clone)]
pub struct LossInputs {
    /// `log π_θ(a_t|s_t)` of the sampled actions under the policy being trained, in nats, `[rows, steps]`.
    pub log_probs: Tensor<2>,
    /// The same under the policy that sampled, `[rows, steps]`. `None`: the samples are on-policy, so
    /// `log_probs` itself (as a constant) is used and every ratio is one.
    pub old_log_probs: Option<Tensor<2>>,
    /// The same under the reference policy, `[rows, steps]`. Needed when [`Objective::kl`] is set; without
    /// it, only reported.
    pub ref_log_probs: Option<Tensor<2>>,
    /// The exact divergence from the reference policy, in nats, `[rows, steps]`, differentiated like `log_probs`. Needed when
    /// [`KlPenalty::exact`] is set.
    pub exact_kl: Option<Tensor<2>>,
    /// Which steps have the [`Objective::proximal`] penalty, `[rows, 1]` or `[rows, steps]`; `None`: all.
    pub proximal_steps: Option<Tensor<2, Bool>>,
    /// Advantages, `[rows, 1]` (one per episode) or `[rows, steps]`.
    pub advantages: Tensor<2>,
    /// Which steps are the policy's own, `[rows, steps]`; holes (tool output, environment text) are fine.
    pub mask: Tensor<2, Bool>,
    /// The weights of the steps in the whole optimizer step, `[rows, 1]` or `[rows, steps]`, from
    /// [`Aggregate::row_weights`] or [`Aggregate::weights`].
    pub weights: Tensor<2>,
    /// The entropy of the policy at each step, in nats, `[rows, steps]`. Needed when
    /// [`Objective::entropy_bonus`] isn't zero; without it, only reported.
    pub entropies: Option<Tensor<2>>,
    /// The weights of the entropy bonus, `[rows, 1]` or `[rows, steps]`; `None` takes
    /// [`weights`](Self::weights), as verl does. TRL takes the mean over tokens whatever the aggregation
    /// ([`Aggregate::TokenMean`]).
    pub entropy_weights: Option<Tensor<2>>,
    /// The importance correction between the policy that sampled (an inference engine) and the old policy,
    /// `[rows, 1]` or `[rows, steps]`. It multiplies the policy term, not the KL term; VESPO takes it into
    /// the weight of the answer.
    pub sampler_ratio: Option<Tensor<2>>,
    /// Which steps keep their policy term, `[rows, 1]` or `[rows, steps]`: the entropy mask, the off-policy
    /// mask, rejection. The KL and entropy terms and all divisors still count every active step.
    pub keep: Option<Tensor<2, Bool>>,
}

impl LossInputs {
    /// The inputs every objective needs, for on-policy samples without a reference policy; set further fields
    /// on the value. Shapes as in the fields' documentation.
    pub fn new(
        log_probs: Tensor<2>,
        advantages: Tensor<2>,
        mask: Tensor<2, Bool>,
        weights: Tensor<2>,
    ) -> Self {
        Self {
            log_probs,
            old_log_probs: None,
            ref_log_probs: None,
            exact_kl: None,
            proximal_steps: None,
            advantages,
            mask,
            weights,
            entropies: None,
            entropy_weights: None,
            sampler_ratio: None,
            keep: None,
        }
    }
}

/// The value to differentiate and what was observed on the way.
#[derive(Debug, Clone)]
pub struct LossOutputs {
    /// The micro-batch's share of the optimizer step's loss: the shares of all its micro-batches sum to the
    /// loss, and their gradients to its gradient. Never divide it by the number of micro-batches.
    pub loss: Tensor<1>,
    /// Sums over the micro-batch, still on the device. Merge them over micro-batches, then read them once.
    pub diagnostics: Diagnostics,
}

impl Objective {
    /// Whether the axes fit together and every number is in its domain.
    ///
    /// Call it once, when the configuration is read; [`loss`](Self::loss) assumes it passed.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the key as it stands in a recipe (relative to the objective) and what would be
    /// accepted.
    pub fn validate(&self) -> Result<(), Error> {
        self.surrogate.validate(self.ratio)?;
        if let Some(kl) = &self.kl {
            kl.validate()?;
        }
        if let Some(proximal) = &self.proximal {
            proximal.validate()?;
        }
        self.aggregate.validate()?;
        if !self.entropy_bonus.is_finite() {
            return Err(Error::config("entropy_bonus", self.entropy_bonus, "give a finite number; 0 is off"));
        }
        // e^40 squared is the last power that an f32 holds.
        if !(self.log_ratio_bound > 0.0 && self.log_ratio_bound <= 40.0) {
            let fix = "give a bound in nats above 0 and up to 40 (the usual one is 20)";
            return Err(Error::config("log_ratio_bound", self.log_ratio_bound, fix));
        }
        Ok(())
    }

    /// The loss of a micro-batch and its diagnostics. Nothing is read back by the host.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when an input's shape doesn't fit `log_probs`, and [`Error::Missing`] when a term of
    /// the objective lacks its input.
    pub fn loss(&self, inputs: LossInputs) -> Result<LossOutputs, Error> {
        let batch = Batch::new(self, inputs)?;
        let Batch { mask, log_probs, old_log_probs, advantages, weights, .. } = &batch;

        let token_log = log_probs.clone() - old_log_probs.clone();
        let ratio = Ratio::new(self.ratio, token_log.clone(), mask, self.log_ratio_bound);
        let policy = self.surrogate.evaluate(&Terms {
            mask,
            ratio: &ratio,
            log_probs,
            old_log_probs,
            advantages,
            log_sampler_ratio: batch.sampler_ratio.clone().map(Tensor::log),
            bound: self.log_ratio_bound,
        });

        let mut policy_loss = policy.loss.clone();
        if let Some(dropped) = &batch.dropped {
            policy_loss = policy_loss.mask_fill(dropped.clone(), 0.0);
        }
        if let (Some(correction), false) =
            (&batch.sampler_ratio, matches!(self.surrogate, Surrogate::Vespo(_)))
        {
            policy_loss = policy_loss * correction.clone();
        }
        let policy_loss = (policy_loss * weights.clone()).sum();
        let mut loss = policy_loss.clone();

        // The divergence is reported whenever it can be; it enters the loss only when asked for.
        let (mut kl_per_step, mut kl_loss) = (None, None);
        let (mut divergence, mut reference_hits) = (None, None);
        if let Some(reference) = &batch.ref_log_probs {
            let d = reference.clone() - log_probs.clone();
            let weighted = self.kl.is_some_and(|penalty| penalty.importance_weighted);
            reference_hits = Some(ratio::bound_hits(d.clone(), self.log_ratio_bound));
            let k3 = KlEstimator::K3.of_log_ratio(d.clone().inner(), self.log_ratio_bound);
            divergence = Some(if weighted { k3 * ratio.value.clone().inner() } else { k3 });
            if let Some(penalty) = self.kl_in_loss().filter(|penalty| !penalty.exact) {
                let per_step = penalty.of_log_ratio(d, self.log_ratio_bound);
                kl_per_step = Some(if weighted { per_step * ratio.value.clone() } else { per_step });
            }
        }
        if let (Some(penalty), Some(exact)) =
            (self.kl_in_loss().filter(|penalty| penalty.exact), &batch.exact_kl)
        {
            divergence = Some(exact.clone().inner());
            kl_per_step = Some(penalty.capped(exact.clone()));
        }
        if let (Some(per_step), Some(penalty)) = (kl_per_step, &self.kl) {
            let term = (per_step * weights.clone()).sum() * penalty.beta;
            loss = loss + term.clone();
            kl_loss = Some(term);
        }
        if let Some(penalty) = &self.proximal {
            let per_step = penalty.estimator.of_log_ratio(token_log, self.log_ratio_bound);
            let per_step = match &batch.not_proximal {
                Some(elsewhere) => per_step.mask_fill(elsewhere.clone(), 0.0),
                None => per_step,
            };
            let term = (per_step * weights.clone()).sum() * penalty.beta;
            loss = loss + term.clone();
            kl_loss = Some(kl_loss.map_or(term.clone(), |kl| kl + term));
        }

        let mut entropy_loss = None;
        if let (Some(entropies), true) = (&batch.entropies, self.entropy_bonus != 0.0) {
            let weights = batch.entropy_weights.as_ref().unwrap_or(weights);
            let term = (entropies.clone() * weights.clone()).sum() * -self.entropy_bonus;
            loss = loss + term.clone();
            entropy_loss = Some(term);
        }

        let diagnostics = Diagnostics::measure(Measured {
            mask,
            per_episode: self.ratio.is_per_episode(),
            ratio: &ratio,
            policy: &policy,
            dropped: batch.dropped.as_ref(),
            divergence,
            reference_hits,
            entropies: batch.entropies.as_ref(),
            sampler_ratio: batch.sampler_ratio.as_ref(),
            policy_loss,
            kl_loss,
            entropy_loss,
        });
        Ok(LossOutputs { loss, diagnostics })
    }
}

impl Objective {
    /// The penalty, where it is a term of the loss.
    fn kl_in_loss(&self) -> Option<&KlPenalty> {
        self.kl.as_ref().filter(|penalty| penalty.placement == KlPlacement::Loss)
    }
}

/// The inputs after checking: one float type, `[rows, steps]` throughout, harmless outside the mask,
/// constants without a graph.
struct Batch {
    mask: Mask,
    log_probs: Tensor<2>,
    old_log_probs: Tensor<2>,
    ref_log_probs: Option<Tensor<2>>,
    advantages: Tensor<2>,
    weights: Tensor<2>,
    entropies: Option<Tensor<2>>,
    entropy_weights: Option<Tensor<2>>,
    /// As given, so that one ratio per episode counts once: `[rows, 1]` or `[rows, steps]`.
    sampler_ratio: Option<Tensor<2>>,
    dropped: Option<Tensor<2, Bool>>,
    exact_kl: Option<Tensor<2>>,
    /// Steps without the proximal penalty.
    not_proximal: Option<Tensor<2, Bool>>,
}

impl Batch {
    fn new(objective: &Objective, inputs: LossInputs) -> Result<Self, Error> {
        let shape = inputs.log_probs.dims();
        let dtype = mask::compute_dtype(inputs.log_probs.dtype());
        if shape.contains(&0) {
            return Err(Error::Shape {
                argument: "log_probs",
                expected: "at least one episode and one step".into(),
                found: shape.to_vec(),
            });
        }
        match objective.kl_in_loss() {
            Some(penalty) if penalty.exact && inputs.exact_kl.is_none() => {
                return Err(Error::Missing {
                    argument: "exact_kl",
                    reason: "`kl.exact` is set; give the divergences from `token_kl` or `linear_kl`, or set it to false",
                });
            }
            Some(penalty) if !penalty.exact && inputs.ref_log_probs.is_none() => {
                return Err(Error::Missing {
                    argument: "ref_log_probs",
                    reason: "`kl` is set; give the reference policy's log-probabilities or remove `kl`",
                });
            }
            _ => {}
        }
        if objective.entropy_bonus != 0.0 && inputs.entropies.is_none() {
            return Err(Error::Missing {
                argument: "entropies",
                reason: "`entropy_bonus` isn't zero; give the policy's entropies or set it to 0",
            });
        }
        if objective.surrogate.needs_episode_advantages() && inputs.advantages.dims() != [shape[0], 1] {
            return Err(Error::Shape {
                argument: "advantages",
                expected: format!("[{}, 1] (this surrogate weighs whole episodes)", shape[0]),
                found: inputs.advantages.dims().to_vec(),
            });
        }
        mask::exact("mask", inputs.mask.dims(), shape)?;
        let mask = Mask::new(inputs.mask, dtype);

        let log_probs = mask.select(inputs.log_probs.cast(dtype), 0.0);
        let constant = |argument, x: Tensor<2>| -> Result<Tensor<2>, Error> {
            mask::exact(argument, x.dims(), shape)?;
            Ok(mask.select(x.inner().cast(dtype), 0.0))
        };
        let spread = |argument, x: Tensor<2>| -> Result<Tensor<2>, Error> {
            Ok(mask.select(mask::broadcast(argument, x.inner(), shape, dtype)?, 0.0))
        };
        let old_log_probs = match inputs.old_log_probs {
            Some(old) => constant("old_log_probs", old)?,
            None => log_probs.clone().inner(),
        };
        let differentiable = |argument, x: Tensor<2>| -> Result<Tensor<2>, Error> {
            mask::exact(argument, x.dims(), shape)?;
            Ok(mask.select(x.cast(dtype), 0.0))
        };
        Ok(Self {
            ref_log_probs: inputs.ref_log_probs.map(|x| constant("ref_log_probs", x)).transpose()?,
            advantages: spread("advantages", inputs.advantages)?,
            weights: spread("weights", inputs.weights)?,
            entropy_weights: inputs.entropy_weights.map(|x| spread("entropy_weights", x)).transpose()?,
            sampler_ratio: inputs.sampler_ratio.map(|x| sampler_ratio(x, &mask, shape, dtype)).transpose()?,
            entropies: inputs.entropies.map(|x| differentiable("entropies", x)).transpose()?,
            exact_kl: inputs.exact_kl.map(|x| differentiable("exact_kl", x)).transpose()?,
            dropped: inputs.keep.map(|keep| outside("keep", keep, shape)).transpose()?,
            not_proximal: inputs.proximal_steps.map(|x| outside("proximal_steps", x, shape)).transpose()?,
            mask,
            log_probs,
            old_log_probs,
        })
    }
}

/// One outside the mask, where per-step ratios multiply nothing.
fn sampler_ratio(x: Tensor<2>, mask: &Mask, shape: [usize; 2], dtype: DType) -> Result<Tensor<2>, Error> {
    let x = x.inner();
    if x.dims() == [shape[0], 1] && shape[1] > 1 {
        return Ok(x.cast(dtype));
    }
    mask::exact("sampler_ratio", x.dims(), shape)?;
    Ok(mask.select(x.cast(dtype), 1.0))
}

/// Where `chosen` is false, `[rows, steps]`.
fn outside(
    argument: &'static str,
    chosen: Tensor<2, Bool>,
    shape: [usize; 2],
) -> Result<Tensor<2, Bool>, Error> {
    let found = chosen.dims();
    if found != shape && found != [shape[0], 1] {
        let expected = format!("{shape:?} or [{}, 1]", shape[0]);
        return Err(Error::Shape { argument, expected, found: found.to_vec() });
    }
    Ok(chosen.inner().bool_not().expand(shape))
}
