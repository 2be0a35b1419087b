//! Corrections between the policy that sampled and the policy that is taken to have sampled.
//!
//! An inference engine samples with other kernels, another precision or older weights than the trainer, so
//! its probabilities differ from the trainer's recomputed `π_old`. Two remedies, both computed once per batch
//! from `d = log π_old − log π_sampler`: a weight `exp(d)`, truncated or masked ([`ImportanceCorrection`],
//! for [`LossInputs::sampler_ratio`](crate::LossInputs)), or dropping what moved too far ([`Rejection`], for
//! [`LossInputs::keep`](crate::LossInputs)). The off-policy sequence mask ([`off_policy_keep`]) looks at the
//! policy being trained instead.

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::mask::{self, Mask};
use crate::{Error, KlEstimator};

/// What one correction belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionLevel {
    /// `exp(d_t)` per step.
    #[default]
    Token,
    /// `exp(Σ_t d_t)` per episode.
    Sequence,
}

/// What happens to a weight outside the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// It is set to the bound ([truncated importance sampling](https://fengyao.notion.site/off-policy-rl)):
    /// biased, low variance.
    #[default]
    Truncate,
    /// It is set to zero (masked importance sampling): what moved too far teaches nothing.
    Mask,
}

/// An importance weight `π_old / π_sampler` with bounds.
///
/// TRL's defaults are sequence level, masked, at most 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportanceCorrection {
    /// Per step or per episode.
    pub level: CorrectionLevel,
    /// What happens outside the bounds.
    pub outside: Outside,
    /// The smallest weight; `None` is no lower bound.
    pub min: Option<f64>,
    /// The largest weight.
    pub max: f64,
    /// Divide by the mean over active steps (or over episodes), so that the weights don't change the size of
    /// the loss.
    pub normalize: bool,
}

impl Default for ImportanceCorrection {
    fn default() -> Self {
        Self {
            level: CorrectionLevel::Sequence,
            outside: Outside::Mask,
            min: None,
            max: 3.0,
            normalize: false,
        }
    }
}

impl ImportanceCorrection {
    /// Whether the bounds make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the key.
    pub fn validate(&self) -> Result<(), Error> {
        if !(self.max.is_finite() && self.max > 0.0) {
            return Err(Error::config("correction.max", self.max, "give a weight above zero (TRL: 3)"));
        }
        match self.min {
            Some(min) if !(min >= 0.0 && min < self.max) => Err(Error::config(
                "correction.min",
                min,
                "give a weight from zero up to below `correction.max`",
            )),
            _ => Ok(()),
        }
    }

    /// The weights: `[episodes, steps]` at token level (1 outside the mask), `[episodes, 1]` at sequence
    /// level, from `old_log_probs`, `sampler_log_probs` and `mask` `[episodes, steps]`.
    ///
    /// A step whose `sampler_log_probs` are unknown can be given `old_log_probs` there: its log-ratio is then
    /// zero. Compute it for the whole batch when [`normalize`](Self::normalize) is set.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ.
    pub fn ratios(
        &self,
        old_log_probs: Tensor<2>,
        sampler_log_probs: Tensor<2>,
        mask: Tensor<2, Bool>,
    ) -> Result<Tensor<2>, Error> {
        let (mask, d) = log_ratio(old_log_probs, sampler_log_probs, mask)?;
        let log = match self.level {
            CorrectionLevel::Token => d,
            CorrectionLevel::Sequence => d.sum_dim(1),
        };
        let ratio = log.clamp(-BOUND, BOUND).exp();
        let bounded = match self.outside {
            Outside::Truncate => {
                let ratio = ratio.clamp_max(self.max);
                self.min.map_or(ratio.clone(), |min| ratio.clamp_min(min))
            }
            Outside::Mask => {
                let above = ratio.clone().greater_elem(self.max);
                let outside = match self.min {
                    Some(min) => above.bool_or(ratio.clone().lower_elem(min)),
                    None => above,
                };
                ratio.mask_fill(outside, 0.0)
            }
        };
        let bounded = if self.normalize { self.normalized(bounded, &mask) } else { bounded };
        Ok(match self.level {
            CorrectionLevel::Token => mask.select(bounded, 1.0),
            CorrectionLevel::Sequence => bounded,
        })
    }

    fn normalized(&self, ratio: Tensor<2>, mask: &Mask) -> Tensor<2> {
        let counted = match self.level {
            CorrectionLevel::Token => mask.indicator.clone(),
            CorrectionLevel::Sequence => mask.lengths().clamp_max(1.0),
        };
        let mean = (ratio.clone() * counted.clone()).sum() / counted.sum().clamp_min(1.0);
        ratio / mean.clamp_min(SMALLEST_MEAN).unsqueeze::<2>()
    }
}

/// How a rejection looks at an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionLevel {
    /// Each step on its own.
    Token,
    /// The sum over the steps; with k1, the log of the product of ratios.
    SequenceSum,
    /// The mean over the steps; with k1, the log of the geometric mean of ratios.
    SequenceMean,
    /// The largest of the steps.
    SequenceMax,
}

/// Drops steps or whole episodes on which sampler and old policy disagree, by an estimator of their
/// divergence (verl's rejection sampling).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// What is looked at.
    pub level: RejectionLevel,
    /// k1 is `−d` and has two bounds; k2 is `d²/2` and k3 `eᵈ − 1 − d`, both with an upper bound only.
    pub estimator: KlEstimator,
    /// For k1: the smallest ratio `e^(−d) = π_sampler/π_old` that is kept. The others ignore it.
    #[serde(default)]
    pub lower: f64,
    /// For k1: the largest such ratio that is kept; for the others: the largest value of the estimator, in
    /// nats.
    pub upper: f64,
}

impl Rejection {
    /// Which steps are kept, `[episodes, steps]` (false outside the mask); inputs as in
    /// [`ImportanceCorrection::ratios`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ.
    pub fn keep(
        &self,
        old_log_probs: Tensor<2>,
        sampler_log_probs: Tensor<2>,
        mask: Tensor<2, Bool>,
    ) -> Result<Tensor<2, Bool>, Error> {
        let (mask, d) = log_ratio(old_log_probs, sampler_log_probs, mask)?;
        let shape = d.dims();
        let step = self.estimator.of_log_ratio(d.clamp(-BOUND, BOUND), BOUND);
        let statistic = match self.level {
            RejectionLevel::Token => step,
            RejectionLevel::SequenceSum => step.sum_dim(1),
            RejectionLevel::SequenceMean => step.sum_dim(1) * mask.inverse_lengths(),
            RejectionLevel::SequenceMax => step.max_dim(1),
        };
        let rejected = match self.estimator {
            KlEstimator::K1 => {
                let above = statistic.clone().greater_elem(self.upper.ln());
                above.bool_or(statistic.lower_elem(self.lower.ln()))
            }
            KlEstimator::Abs | KlEstimator::K2 | KlEstimator::K3 => statistic.greater_elem(self.upper),
        };
        Ok(rejected.expand(shape).bool_or(mask.inactive).bool_not())
    }
}

/// Which episodes keep their policy term: those with `A ≥ 0`, and those whose
/// `mean_t (log π_behaviour − log π_θ)` is at most `threshold` nats (DeepSeek-V3.2's off-policy sequence
/// mask; TRL's `off_policy_mask_threshold`). A bad answer that the policy would hardly give any more teaches
/// noise.
///
/// `log_probs` (of the policy being trained), `behaviour_log_probs` (the old policy's, or the sampler's) and
/// `mask` `[episodes, steps]`, `advantages` `[episodes, 1]`; returns `[episodes, 1]`.
///
/// # Errors
///
/// [`Error::Shape`] when the shapes differ.
pub fn off_policy_keep(
    log_probs: Tensor<2>,
    behaviour_log_probs: Tensor<2>,
    advantages: Tensor<2>,
    mask: Tensor<2, Bool>,
    threshold: f64,
) -> Result<Tensor<2, Bool>, Error> {
    let rows = log_probs.dims()[0];
    if advantages.dims() != [rows, 1] {
        return Err(Error::Shape {
            argument: "advantages",
            expected: format!("[{rows}, 1]"),
            found: advantages.dims().to_vec(),
        });
    }
    let (mask, d) = log_ratio(behaviour_log_probs, log_probs, mask)?;
    let near = (d.sum_dim(1) * mask.inverse_lengths()).lower_equal_elem(threshold);
    Ok(near.bool_or(advantages.inner().greater_equal_elem(0.0)))
}

/// How far the policy that sampled (an inference engine) and the old policy (the trainer's) are apart, over the active steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SamplerGap {
    /// `exp(mean(log π_sampler − log π_old))`: the old policy's perplexity on the samples over the sampler's own. 1 when they agree,
    /// above 1 when the sampler is surer of what it said (verl's `ppl_ratio`, over steps).
    pub perplexity_ratio: f64,
    /// The k1 estimate of `KL(π_sampler ‖ π_old)`, mean over steps, in nats: the logarithm of the perplexity ratio.
    pub kl_k1: f64,
    /// Its k3 estimate, never negative.
    pub kl_k3: f64,
    /// `(Σ r)² / (n · Σ r²)` of the ratios `r = π_old / π_sampler` of the steps: the effective share of the samples.
    pub effective_sample_share: f64,
    /// The largest `|log π_old − log π_sampler|`, in nats.
    pub largest: f64,
    /// Active steps.
    pub steps: usize,
}

/// Measures the [`SamplerGap`]. `old_log_probs`, `sampler_log_probs` and `mask` are `[episodes, steps]`; log-ratios are bounded to ±20
/// before `exp`. One read from the device.
///
/// # Errors
///
/// [`Error::Shape`] when the shapes differ, [`Error::Device`] when the device can't be read.
pub fn sampler_gap(
    old_log_probs: Tensor<2>,
    sampler_log_probs: Tensor<2>,
    mask: Tensor<2, Bool>,
) -> Result<SamplerGap, Error> {
    let (mask, d) = log_ratio(old_log_probs, sampler_log_probs, mask)?;
    let bounded = d.clone().clamp(-BOUND, BOUND);
    let ratio = bounded.clone().exp() * mask.indicator.clone();
    let k3 = KlEstimator::K3.of_log_ratio(bounded, BOUND);
    let largest = d.clone().abs().max();
    let sums =
        vec![mask.indicator.sum(), d.sum(), k3.sum(), ratio.clone().sum(), ratio.square().sum(), largest];
    let sums = Tensor::cat(sums, 0).try_into_vec_as::<f64>().map_err(|e| Error::Device(e.to_string()))?;
    let [steps, sum, k3, ratios, squares, largest] = sums[..] else {
        return Err(Error::Device("fewer numbers than were asked for".into()));
    };
    let mean = |x: f64| if steps > 0.0 { x / steps } else { 0.0 };
    let share = if squares > 0.0 { ratios * ratios / (steps * squares) } else { 1.0 };
    let kl_k1 = -mean(sum);
    Ok(SamplerGap {
        perplexity_ratio: kl_k1.exp(),
        kl_k1,
        kl_k3: mean(k3),
        effective_sample_share: share,
        largest,
        steps: steps as usize,
    })
}

/// The bound of log-ratios before `exp`.
const BOUND: f64 = crate::kl::DEFAULT_BOUND;

/// Keeps normalised weights finite when everything was masked.
const SMALLEST_MEAN: f64 = 1e-8;

/// `a − b` on the mask and 0 elsewhere, without a graph.
fn log_ratio(a: Tensor<2>, b: Tensor<2>, mask: Tensor<2, Bool>) -> Result<(Mask, Tensor<2>), Error> {
    let shape = a.dims();
    mask::exact("sampler_log_probs", b.dims(), shape)?;
    mask::exact("mask", mask.dims(), shape)?;
    let dtype = mask::compute_dtype(a.dtype());
    let mask = Mask::new(mask, dtype);
    let select = |x: Tensor<2>| mask.select(x.inner().cast(dtype), 0.0);
    let d = select(a) - select(b);
    Ok((mask, d))
}
