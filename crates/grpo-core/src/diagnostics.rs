//! What was observed while the loss was computed.
//!
//! A loss never logs. It returns sums and counts in one small tensor on the device, so that nothing inside
//! the mathematics waits for the device; the sums of micro-batches add up, and the trainer reads them once
//! per optimizer step.

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::mask::Mask;
use crate::ratio::Ratio;
use crate::surrogate::Policy;

/// Sums over one or more micro-batches, on the device.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    /// `SUMS` sums, then `MAXIMA` maxima.
    values: Tensor<1>,
}

/// The numbers of an optimizer step, with TRL's names and meanings where TRL has them (given in brackets).
///
/// "Unit" means a step with a token-level ratio and an episode with a sequence-level one; episodes without an
/// active step are not counted. Means over nothing are zero, and what was not given to the loss is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of active steps.
    pub tokens: f64,
    /// Number of episodes with at least one active step.
    pub episodes: f64,
    /// The loss that was differentiated: the sum of the three terms below.
    pub loss: f64,
    /// The policy term, aggregated.
    pub policy_loss: f64,
    /// `β · KL` of reference and old policy, aggregated; zero without a penalty in the loss.
    pub kl_loss: f64,
    /// `−η · entropy`, aggregated; zero without a bonus.
    pub entropy_loss: f64,
    /// The k3 estimate of `KL(π_θ ‖ π_ref)`, mean over active steps, in nats (`kl`); weighted by the
    /// importance ratio when the penalty is, as in TRL. The exact divergence where the objective has it.
    pub kl: Option<f64>,
    /// Entropy of the policy, mean over active steps, in nats (`entropy`).
    pub entropy: Option<f64>,
    /// Share of units with a ratio below the lower bound and a negative advantage (`clip_ratio/low_mean`).
    pub clip_low: f64,
    /// Share of units with a ratio above the upper bound and a positive advantage (`clip_ratio/high_mean`).
    pub clip_high: f64,
    /// Share of units where either holds: their policy term has no gradient (`clip_ratio/region_mean`).
    pub clip_region: f64,
    /// Smallest [`clip_low`](Self::clip_low) of an episode (`clip_ratio/low_min`).
    pub clip_low_min: f64,
    /// Largest [`clip_high`](Self::clip_high) of an episode (`clip_ratio/high_max`).
    pub clip_high_max: f64,
    /// Share of units where the second bound (`delta`, `dual`) was active.
    pub clip_second: f64,
    /// Mean importance ratio over units.
    pub ratio_mean: f64,
    /// Smallest importance ratio; 1 when nothing was active.
    pub ratio_min: f64,
    /// Largest importance ratio; 1 when nothing was active.
    pub ratio_max: f64,
    /// `(Σ r)² / (n · Σ r²)` over units: the effective share of the samples, 1 when all ratios are equal.
    pub effective_sample_share: f64,
    /// k1 estimate of `KL(π_old ‖ π_θ)`: mean of `log π_old − log π_θ` over active steps (verl's `ppo_kl`,
    /// SB3's first estimate).
    pub approx_kl_k1: f64,
    /// k3 estimate of the same: mean of `r − 1 − log r` over active steps, never negative.
    pub approx_kl_k3: f64,
    /// Number of units whose log-ratio reached the bound, plus the active steps whose log-ratio to the
    /// reference did. Above zero, something is wrong with the old policy's log-probabilities or the learning
    /// rate.
    pub bound_hits: f64,
    /// Share of active steps whose policy term was dropped by [`LossInputs::keep`](crate::LossInputs::keep).
    pub dropped: f64,
    /// Mean correction between sampler and old policy over active steps
    /// (`sampling/importance_sampling_ratio/mean`).
    pub sampler_ratio: Option<f64>,
    /// [`effective_sample_share`](Self::effective_sample_share) of that correction.
    pub sampler_effective_share: Option<f64>,
}

/// What [`Diagnostics::measure`] looks at. Tensors are `[episodes, steps]`.
pub(crate) struct Measured<'a> {
    pub(crate) mask: &'a Mask,
    pub(crate) per_episode: bool,
    pub(crate) ratio: &'a Ratio,
    pub(crate) policy: &'a Policy,
    pub(crate) dropped: Option<&'a Tensor<2, Bool>>,
    pub(crate) divergence: Option<Tensor<2>>,
    pub(crate) reference_hits: Option<Tensor<2>>,
    pub(crate) entropies: Option<&'a Tensor<2>>,
    pub(crate) sampler_ratio: Option<&'a Tensor<2>>,
    pub(crate) policy_loss: Tensor<1>,
    pub(crate) kl_loss: Option<Tensor<1>>,
    pub(crate) entropy_loss: Option<Tensor<1>>,
}

// Places in the tensor. The first SUMS add up; the rest are maxima.
const TOKENS: usize = 0;
const EPISODES: usize = 1;
const POLICY_LOSS: usize = 2;
const KL_LOSS: usize = 3;
const ENTROPY_LOSS: usize = 4;
const KL: usize = 5;
const KL_COUNT: usize = 6;
const ENTROPY: usize = 7;
const ENTROPY_COUNT: usize = 8;
const CLIP_LOW: usize = 9;
const CLIP_HIGH: usize = 10;
const CLIP_SECOND: usize = 11;
const RATIO: usize = 12;
const RATIO_SQUARES: usize = 13;
const UNITS: usize = 14;
const APPROX_K1: usize = 15;
const APPROX_K3: usize = 16;
const BOUND_HITS: usize = 17;
const DROPPED: usize = 18;
const SAMPLER: usize = 19;
const SAMPLER_SQUARES: usize = 20;
const SAMPLER_COUNT: usize = 21;
const SUMS: usize = 22;
const RATIO_MAX: usize = SUMS;
const RATIO_MIN_NEGATED: usize = SUMS + 1;
const CLIP_HIGH_MAX: usize = SUMS + 2;
const CLIP_LOW_MIN_NEGATED: usize = SUMS + 3;
const MAXIMA: usize = 4;

/// Stands for "no active step" among the maxima: finite, because not every GPU compares infinities alike.
const NOTHING: f64 = -1e30;

impl Diagnostics {
    pub(crate) fn measure(measured: Measured<'_>) -> Self {
        let Measured { mask, ratio, policy, .. } = &measured;
        let tokens = mask.indicator.clone();
        let per_episode = mask.per_episode();
        let unit = if measured.per_episode { per_episode.clone() } else { tokens.clone() };
        let zero = tokens.clone().sum() * 0.0;
        let flags = |flag: &Option<Tensor<2, Bool>>| {
            flag.as_ref().map(|flag| tokens.zeros_like().mask_fill(flag.clone(), 1.0) * unit.clone())
        };
        let total = |x: Option<Tensor<2>>| x.map_or_else(|| zero.clone(), Tensor::sum);
        let scalar = |x: Option<Tensor<1>>| x.map_or_else(|| zero.clone(), Tensor::inner);
        let counted = |given: bool| if given { tokens.clone().sum() } else { zero.clone() };

        let (below, above) = (flags(&policy.below), flags(&policy.above));
        let value = ratio.value.clone().inner();
        let ratios = value.clone() * unit.clone();
        let bounded = ratio.token_log.clone().inner().clamp(-TOKEN_BOUND, TOKEN_BOUND);
        let old_k3 = mask.select(bounded.clone().exp() - bounded.clone() - 1.0, 0.0);
        let hits = (ratio.bound_hits.clone() * unit.clone()).sum() + total(measured.reference_hits.clone());
        let dropped = measured
            .dropped
            .map(|dropped| tokens.zeros_like().mask_fill(dropped.clone(), 1.0) * tokens.clone());
        let sampler = measured.sampler_ratio.map(|x| x.clone() * tokens.clone());
        let sampler_squares = measured.sampler_ratio.map(|x| x.clone().square() * tokens.clone());

        let inactive = mask.inactive.clone();
        let ratio_max = value.clone().mask_fill(inactive.clone(), NOTHING).max();
        let ratio_min_negated = (-value).mask_fill(inactive, NOTHING).max();
        // Shares of an episode: `unit` may weigh each of its steps with one, so weigh by episode here.
        let share = |flag: &Option<Tensor<2, Bool>>| match flag {
            Some(flag) => (tokens.zeros_like().mask_fill(flag.clone(), 1.0) * per_episode.clone()).sum_dim(1),
            None => per_episode.zeros_like().sum_dim(1),
        };
        let empty = mask.lengths().lower_elem(0.5);
        let clip_high_max = share(&policy.above).mask_fill(empty.clone(), NOTHING).max();
        let clip_low_min_negated = (-share(&policy.below)).mask_fill(empty, NOTHING).max();

        // The order is that of the constants above.
        let values = Tensor::cat(
            vec![
                tokens.clone().sum(),
                per_episode.clone().sum(),
                measured.policy_loss.clone().inner(),
                scalar(measured.kl_loss.clone()),
                scalar(measured.entropy_loss.clone()),
                total(measured.divergence.clone()),
                counted(measured.divergence.is_some()),
                total(measured.entropies.map(|x| x.clone().inner())),
                counted(measured.entropies.is_some()),
                total(below),
                total(above),
                total(flags(&policy.second)),
                ratios.clone().sum(),
                (ratios * ratio.value.clone().inner()).sum(),
                unit.clone().sum(),
                -bounded.sum(),
                old_k3.sum(),
                hits,
                total(dropped),
                total(sampler),
                total(sampler_squares),
                counted(measured.sampler_ratio.is_some()),
                ratio_max,
                ratio_min_negated,
                clip_high_max,
                clip_low_min_negated,
            ],
            0,
        );
        Self { values }
    }

    /// The diagnostics of both parts of an optimizer step: sums add up, extremes are kept.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let sums = self.values.clone().narrow(0, 0, SUMS) + other.values.clone().narrow(0, 0, SUMS);
        let maxima = self.values.narrow(0, SUMS, MAXIMA).max_pair(other.values.narrow(0, SUMS, MAXIMA));
        Self { values: Tensor::cat(vec![sums, maxima], 0) }
    }

    /// Reads the sums (one transfer from the device, which waits for the computation) and divides them.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the device fails.
    pub fn read(self) -> Result<Metrics, Error> {
        let data = self.values.try_into_data().map_err(|error| Error::Device(error.to_string()))?;
        let sums: Vec<f64> = data.iter::<f64>().collect();
        if sums.len() != SUMS + MAXIMA {
            return Err(Error::Device(format!(
                "{} numbers came back instead of {}",
                sums.len(),
                SUMS + MAXIMA
            )));
        }
        Ok(Metrics::from_sums(&sums))
    }
}

/// Token log-ratios are bounded here too before `exp`, whatever the level of the objective's ratio.
const TOKEN_BOUND: f64 = crate::kl::DEFAULT_BOUND;

impl Metrics {
    /// The metrics under their names in a log: TRL's where TRL has them. What was not measured is left out.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let always = [
            ("loss", self.loss),
            ("loss/policy", self.policy_loss),
            ("loss/kl", self.kl_loss),
            ("loss/entropy", self.entropy_loss),
            ("clip_ratio/low_mean", self.clip_low),
            ("clip_ratio/low_min", self.clip_low_min),
            ("clip_ratio/high_mean", self.clip_high),
            ("clip_ratio/high_max", self.clip_high_max),
            ("clip_ratio/region_mean", self.clip_region),
            ("clip_ratio/second_mean", self.clip_second),
            ("ratio/mean", self.ratio_mean),
            ("ratio/min", self.ratio_min),
            ("ratio/max", self.ratio_max),
            ("ratio/effective_sample_share", self.effective_sample_share),
            ("approx_kl/k1", self.approx_kl_k1),
            ("approx_kl/k3", self.approx_kl_k3),
            ("bound_hits", self.bound_hits),
            ("dropped", self.dropped),
        ];
        let measured = [
            ("kl", self.kl),
            ("entropy", self.entropy),
            ("sampling/importance_sampling_ratio/mean", self.sampler_ratio),
            ("sampling/effective_sample_share", self.sampler_effective_share),
        ];
        let measured = measured.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(measured).collect()
    }

    fn from_sums(sums: &[f64]) -> Self {
        let mean = |sum: usize, count: usize| if sums[count] > 0.0 { sums[sum] / sums[count] } else { 0.0 };
        let given = |sum: usize, count: usize| (sums[count] > 0.0).then(|| mean(sum, count));
        let or =
            |place: usize, default: f64| if sums[place] <= NOTHING / 2.0 { default } else { sums[place] };
        let share = |sum: usize, squares: usize, count: usize| {
            let divisor = sums[count] * sums[squares];
            if divisor > 0.0 { sums[sum] * sums[sum] / divisor } else { 1.0 }
        };
        Self {
            tokens: sums[TOKENS],
            // A sum of reciprocals times counts: a whole number up to rounding.
            episodes: sums[EPISODES].round(),
            loss: sums[POLICY_LOSS] + sums[KL_LOSS] + sums[ENTROPY_LOSS],
            policy_loss: sums[POLICY_LOSS],
            kl_loss: sums[KL_LOSS],
            entropy_loss: sums[ENTROPY_LOSS],
            kl: given(KL, KL_COUNT),
            entropy: given(ENTROPY, ENTROPY_COUNT),
            clip_low: mean(CLIP_LOW, UNITS),
            clip_high: mean(CLIP_HIGH, UNITS),
            clip_region: mean(CLIP_LOW, UNITS) + mean(CLIP_HIGH, UNITS),
            clip_low_min: -or(CLIP_LOW_MIN_NEGATED, 0.0),
            clip_high_max: or(CLIP_HIGH_MAX, 0.0),
            clip_second: mean(CLIP_SECOND, UNITS),
            ratio_mean: if sums[UNITS] > 0.0 { mean(RATIO, UNITS) } else { 1.0 },
            ratio_min: -or(RATIO_MIN_NEGATED, -1.0),
            ratio_max: or(RATIO_MAX, 1.0),
            effective_sample_share: share(RATIO, RATIO_SQUARES, UNITS),
            approx_kl_k1: mean(APPROX_K1, TOKENS),
            approx_kl_k3: mean(APPROX_K3, TOKENS),
            bound_hits: sums[BOUND_HITS],
            dropped: mean(DROPPED, TOKENS),
            sampler_ratio: given(SAMPLER, SAMPLER_COUNT),
            sampler_effective_share: (sums[SAMPLER_COUNT] > 0.0)
                .then(|| share(SAMPLER, SAMPLER_SQUARES, SAMPLER_COUNT)),
        }
    }
}
