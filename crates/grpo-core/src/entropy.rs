//! Entropy beside the policy term: which steps are worth learning from, and how large the bonus should be.

use burn::tensor::{Bool, Tensor};

use crate::Error;

/// The entropy above which a step belongs to the `share` of highest-entropy steps, in nats; `None` when there
/// are no steps.
///
/// `entropies` are those of all active steps of the *optimizer step* (the threshold of a micro-batch would
/// depend on the split). It is their `1 − share` quantile with linear interpolation, as in TRL's
/// `top_entropy_quantile` ([Beyond the 80/20 rule](https://arxiv.org/abs/2506.01939): the share of 0.2
/// carries the learning signal).
///
/// # Errors
///
/// [`Error::Config`] when `share` isn't in `(0, 1]`, [`Error::Value`] for an entropy that is NaN.
pub fn top_share_threshold(entropies: &[f64], share: f64) -> Result<Option<f64>, Error> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::config("top_entropy_share", share, "give a share in (0, 1]; 1 keeps every step"));
    }
    if let Some(index) = entropies.iter().position(|entropy| entropy.is_nan()) {
        let fix = "give the entropies of active steps only";
        return Err(Error::Value { argument: "entropies", index, value: f64::NAN, fix });
    }
    let mut sorted = entropies.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let position = (1.0 - share) * (sorted.len().max(1) - 1) as f64;
    let (below, fraction) = (position.floor() as usize, position.fract());
    let Some(&low) = sorted.get(below) else { return Ok(None) };
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    Ok(Some(low + fraction * (high - low)))
}

/// The steps that keep their policy term under [`top_share_threshold`]: active and of at least that entropy.
///
/// `entropies` and `mask` `[episodes, steps]`; for [`LossInputs::keep`](crate::LossInputs::keep). Divisors
/// still count all active steps, as in TRL.
pub fn keep_above(entropies: Tensor<2>, mask: Tensor<2, Bool>, threshold: f64) -> Tensor<2, Bool> {
    entropies.inner().greater_equal_elem(threshold).bool_and(mask.inner())
}

/// How much each step's probability and advantage move together: `(A − mean A) · (log π − mean log π)` for the
/// active steps of the *optimizer step*, in their order.
///
/// Steps of high covariance (probable and good) are those that make the entropy fall
/// ([The Entropy Mechanism](https://arxiv.org/abs/2505.22617), eq. 9). Two remedies of that paper pick steps by it:
/// [`clip_covariance`] and [`top_covariance`].
///
/// # Errors
///
/// [`Error::Length`] when the slices differ in length.
pub fn covariances(log_probs: &[f64], advantages: &[f64]) -> Result<Vec<f64>, Error> {
    if advantages.len() != log_probs.len() {
        return Err(Error::Length {
            argument: "advantages",
            expected: log_probs.len(),
            found: advantages.len(),
            reason: "every active step has a log-probability and an advantage",
        });
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len().max(1) as f64;
    let (log_prob, advantage) = (mean(log_probs), mean(advantages));
    Ok(log_probs.iter().zip(advantages).map(|(l, a)| (a - advantage) * (l - log_prob)).collect())
}

/// KL-Cov: the `share` of steps of highest covariance (at least one), which get a penalty for leaving the old policy:
/// [`LossInputs::proximal_steps`](crate::LossInputs::proximal_steps), with a surrogate that isn't clipped and
/// [`ProximalPenalty`](crate::ProximalPenalty) in [`Objective::proximal`](crate::Objective::proximal). The paper takes shares
/// around 2·10⁻⁴ and β = 1.
///
/// # Errors
///
/// [`Error::Config`] when `share` isn't in `(0, 1]`, [`Error::Value`] for a covariance that is NaN.
pub fn top_covariance(covariances: &[f64], share: f64) -> Result<Vec<bool>, Error> {
    check_covariances(covariances, share)?;
    let count = ((covariances.len() as f64 * share) as usize).max(1);
    let mut order: Vec<usize> = (0..covariances.len()).collect();
    order.sort_by(|&a, &b| covariances[b].total_cmp(&covariances[a]));
    Ok(flags(covariances.len(), order.into_iter().take(count)))
}

/// Clip-Cov: the steps that lose their policy term, as a mask to be taken out of [`LossInputs::keep`](crate::LossInputs::keep):
/// a random choice, as large as `share` of all steps (at least one), among those with a covariance strictly between the two
/// `bounds` that the ratio's clip doesn't stop already (`clipped`). The paper takes shares around 2·10⁻⁴ and bounds 1 and 5.
///
/// The choice depends on `seed` and the steps' positions alone.
///
/// # Errors
///
/// As [`top_covariance`], and [`Error::Length`] when `clipped` has another length.
pub fn clip_covariance(
    covariances: &[f64],
    clipped: &[bool],
    bounds: (f64, f64),
    share: f64,
    seed: u64,
) -> Result<Vec<bool>, Error> {
    check_covariances(covariances, share)?;
    if clipped.len() != covariances.len() {
        return Err(Error::Length {
            argument: "clipped",
            expected: covariances.len(),
            found: clipped.len(),
            reason: "every covariance has one",
        });
    }
    let count = ((covariances.len() as f64 * share) as usize).max(1);
    let eligible = |&at: &usize| !clipped[at] && bounds.0 < covariances[at] && covariances[at] < bounds.1;
    let mut order: Vec<usize> = (0..covariances.len()).filter(eligible).collect();
    order.sort_by_key(|&at| scramble(seed ^ scramble(at as u64)));
    Ok(flags(covariances.len(), order.into_iter().take(count)))
}

fn check_covariances(covariances: &[f64], share: f64) -> Result<(), Error> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::config("share", share, "give a share of the steps in (0, 1]"));
    }
    match covariances.iter().position(|x| x.is_nan()) {
        Some(index) => {
            let fix = "give the covariances of active steps only";
            Err(Error::Value { argument: "covariances", index, value: f64::NAN, fix })
        }
        None => Ok(()),
    }
}

fn flags(length: usize, chosen: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut flags = vec![false; length];
    chosen.for_each(|at| flags[at] = true);
    flags
}

/// SplitMix64's output function: a fixed, well mixed permutation of the 64-bit numbers.
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A KL coefficient that moves towards a target divergence
/// ([Ziegler et al., section 2.2](https://arxiv.org/abs/1909.08593); verl's `AdaptiveKLController`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveKl {
    /// The coefficient β in force.
    pub value: f64,
    /// The divergence to aim at, in nats.
    pub target: f64,
    /// The number of episodes over which the coefficient may change by a factor of about 1.2.
    pub horizon: f64,
}

impl AdaptiveKl {
    /// Adapts the coefficient after `episodes` episodes with a mean divergence of `observed` nats:
    /// `β ← β · (1 + clip(observed/target − 1, ±0.2) · episodes/horizon)`.
    pub fn observe(&mut self, observed: f64, episodes: usize) {
        let error = (observed / self.target - 1.0).clamp(-0.2, 0.2);
        self.value *= 1.0 + error * episodes as f64 / self.horizon;
    }
}

/// An entropy coefficient that keeps the entropy above a target (Skywork-OR1,
/// [section 4](https://arxiv.org/abs/2505.22312)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveEntropy {
    /// The coefficient η in force when the entropy is below the target.
    pub value: f64,
    /// The entropy to stay above, in nats.
    pub target: f64,
    /// The change per observation.
    pub delta: f64,
    /// The smallest coefficient.
    pub min: f64,
    /// The largest coefficient.
    pub max: f64,
    /// The entropy observed last, in nats; 0 before the first.
    pub last: f64,
}

impl AdaptiveEntropy {
    /// The coefficient to use in the coming step: zero while the entropy observed last is above the target.
    pub fn applied(&self) -> f64 {
        if self.last > self.target { 0.0 } else { self.value }
    }

    /// Adapts the coefficient by `delta` towards the target, within `[min, max]`.
    pub fn observe(&mut self, observed: f64) {
        let step = if observed < self.target { self.delta } else { -self.delta };
        self.value = (self.value + step).clamp(self.min, self.max.max(self.min));
        self.last = observed;
    }
}
