//! Surrogates that fade instead of clipping, and those that weigh whole answers.

use serde::{Deserialize, Serialize};

use super::{Policy, Terms, outside};

/// `L = −(4/τ) · σ(τ·(r − 1)) · A`, with `τ = positive` for `A > 0` and `negative` otherwise
/// ([SAPO](https://arxiv.org/abs/2511.20347)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sapo {
    /// The temperature for positive advantages, `> 0`.
    pub positive: f64,
    /// The temperature for the others, `> 0`; larger, so that their gradient fades sooner.
    pub negative: f64,
}

impl Default for Sapo {
    fn default() -> Self {
        Self { positive: 1.0, negative: 1.05 }
    }
}

impl Sapo {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let advantages = terms.advantages.clone();
        let positive = advantages.clone().greater_elem(0.0);
        let temperature =
            advantages.zeros_like().add_scalar(self.negative).mask_fill(positive, self.positive);
        // σ(x) as a tanh: some backends compute their sigmoid in f32 whatever the type.
        let gate = ((terms.ratio.value.clone() - 1.0) * temperature.clone() * 0.5).tanh() * 0.5 + 0.5;
        Policy::unbounded(-(gate * advantages * temperature.recip() * 4.0))
    }
}

/// `L = −sg(φ(w)) · A · log π_θ` with the weight of the whole answer `w = Π_t r_t` (times the sampler's
/// correction) and `φ(w) = w^k · e^{λ(1−w)}`, where `k, λ` depend on the advantage's sign (VESPO, as in TRL
/// 1.16).
///
/// Step log-ratios and `log w` are bounded to ±20 and `log w` from below by `log 1e-8`, as in TRL.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vespo {
    /// The exponent `k` for `A ≥ 0`.
    pub k_positive: f64,
    /// The decay `λ` for `A ≥ 0`.
    pub lambda_positive: f64,
    /// The exponent `k` for `A < 0`.
    pub k_negative: f64,
    /// The decay `λ` for `A < 0`.
    pub lambda_negative: f64,
}

impl Default for Vespo {
    fn default() -> Self {
        Self { k_positive: 2.0, lambda_positive: 3.0, k_negative: 3.0, lambda_negative: 2.0 }
    }
}

impl Vespo {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let shape = terms.log_probs.dims();
        let step = terms.ratio.token_log.clone().inner().clamp(-terms.bound, terms.bound);
        let mut log_weight = step.sum_dim(1);
        if let Some(log_sampler) = &terms.log_sampler_ratio {
            log_weight =
                log_weight + log_sampler.clone().inner().clamp(LOG_SMALLEST_WEIGHT, terms.bound).sum_dim(1);
        }
        let log_weight = log_weight.clamp(LOG_SMALLEST_WEIGHT, terms.bound).expand(shape);
        let advantages = terms.advantages.clone();
        let negative = advantages.clone().lower_elem(0.0);
        let zeros = advantages.zeros_like();
        let k = zeros.clone().add_scalar(self.k_positive).mask_fill(negative.clone(), self.k_negative);
        let lambda = zeros.add_scalar(self.lambda_positive).mask_fill(negative, self.lambda_negative);
        // Only a large k on a small λ comes near the bound (TRL makes such a weight zero once it overflows).
        let log_phi = k * log_weight.clone() + lambda * (-log_weight.exp() + 1.0);
        let phi = log_phi.clamp_max(terms.bound).exp();
        Policy::unbounded(-(phi * advantages * terms.log_probs.clone()))
    }
}

/// log(1e-8): TRL takes the weight of an answer as at least 1e-8 before its logarithm.
const LOG_SMALLEST_WEIGHT: f64 = -18.420680743952367;

/// `L = −A · exp(mean_t d̃_t)`, where `d̃_t = min(d_t, high)` for `A > 0` and `max(d_t, −low)` otherwise
/// ([GMPO](https://arxiv.org/abs/2507.20673)): the geometric mean of token ratios, clipped one by one in log
/// space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gmpo {
    /// How far a log-ratio may fall below zero, in nats.
    pub low: f64,
    /// How far a log-ratio may rise above zero, in nats.
    pub high: f64,
}

impl Default for Gmpo {
    fn default() -> Self {
        Self { low: 0.4, high: 0.4 }
    }
}

impl Gmpo {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let shape = terms.log_probs.dims();
        let advantages = terms.advantages;
        let log_ratio = terms.ratio.log.clone();
        let (below, above) = outside(&log_ratio, advantages, -self.low, self.high);
        let positive = advantages.clone().greater_elem(0.0);
        let clipped = log_ratio
            .clone()
            .clamp_min(-self.low)
            .mask_where(positive.clone(), log_ratio.clamp_max(self.high));
        let mean = clipped.sum_dim(1) * terms.mask.inverse_lengths();
        let loss = -(mean.exp().expand(shape) * advantages.clone());
        Policy { loss: terms.mask.select(loss, 0.0), below: Some(below), above: Some(above), second: None }
    }
}
