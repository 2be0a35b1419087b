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
