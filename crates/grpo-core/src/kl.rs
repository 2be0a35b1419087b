//! Estimators of the divergence `KL(π_θ ‖ π_ref)` from the log-probabilities of the sampled actions.
//!
//! Samples come from the policy, so with `d = log π_ref(a) − log π_θ(a)` each estimator's mean over samples
//! estimates the divergence
//! ([Schulman, "Approximating KL divergence"](http://joschu.net/blog/kl-approx.html)):
//!
//! | estimator | formula | bias of the value | gradient in the loss |
//! |---|---|---|---|
//! | k1 | `−d` | none; may be negative, high variance | zero in expectation: no penalty at all |
//! | \|k1\| | `\|d\|` | upwards | sign only |
//! | k2 | `d² / 2` | low | that of the divergence (when on-policy) |
//! | k3 | `eᵈ − d − 1` | none; never negative | that of the *reverse* divergence, `KL(π_ref ‖ π_θ)` |
//!
//! Differentiating an estimator is not estimating the derivative, which is why verl offers the value of any
//! estimator with the gradient of k2 ([`KlPenalty::straight_through`]) and DeepSeek-V3.2 weighs k3 by the
//! importance ratio ([`KlPenalty::importance_weighted`]).

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::mask::{self, Mask};

/// An estimator of the divergence from the reference policy; see the [module](self) for formulas and biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// `log π_θ − log π_ref`.
    K1,
    /// `|log π_θ − log π_ref|`.
    Abs,
    /// `(log π_θ − log π_ref)² / 2`.
    K2,
    /// `π_ref/π_θ − log(π_ref/π_θ) − 1` (DeepSeekMath, eq. 4).
    #[default]
    K3,
}

impl KlEstimator {
    /// The estimate per step: `log_probs` and `ref_log_probs` `[episodes, steps]` to nats
    /// `[episodes, steps]`.
    ///
    /// For k3 the log-ratio is bounded to ±20 before `exp` (verl's bound), with zero gradient beyond. Select
    /// by the mask *before* calling; [`Objective::loss`](crate::Objective::loss) does.
    pub fn estimate(self, log_probs: Tensor<2>, ref_log_probs: Tensor<2>) -> Tensor<2> {
        self.of_log_ratio(ref_log_probs - log_probs, DEFAULT_BOUND)
    }

    /// The estimate from `d = log π_ref − log π_θ`, of which only the exponential is bounded.
    pub(crate) fn of_log_ratio(self, d: Tensor<2>, bound: f64) -> Tensor<2> {
        match self {
            Self::K1 => -d,
            Self::Abs => d.abs(),
            Self::K2 => d.square() * 0.5,
            Self::K3 => {
                let d = d.clamp(-bound, bound);
                d.clone().exp() - d - 1.0
            }
        }
    }
}

/// The bound of log-ratios before `exp`: e²⁰ ≈ 5·10⁸ is far outside anything a clipped objective can use and
/// its square still fits an f32 (verl clamps at the same value).
pub(crate) const DEFAULT_BOUND: f64 = 20.0;

/// Where the penalty goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlPlacement {
    /// Into the loss, step by step (DeepSeekMath).
    #[default]
    Loss,
    /// Out of the reward, before advantages are computed: [`KlPenalty::reward_penalties`]. As in PPO for language models and
    /// [REINFORCE++](https://arxiv.org/abs/2501.03262); the penalty is then a constant that the policy gradient weighs, which makes
    /// the gradient of k1 right.
    Reward,
}

/// The penalty `β · KL(π_θ ‖ π_ref)`: added to each step's loss, or subtracted from the episode's reward.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KlPenalty {
    /// The coefficient β, in units of loss per nat. DeepSeekMath uses 0.04; TRL's default is no penalty.
    pub beta: f64,
    /// How the divergence is estimated.
    pub estimator: KlEstimator,
    /// Keep the estimator's value but take the gradient of k2 (verl's `k1+`, `k3+`), which is the gradient of
    /// the divergence itself when the samples are on-policy.
    pub straight_through: bool,
    /// Multiply the estimate by the (differentiable, unclipped) importance ratio, which makes the gradient of
    /// k3 unbiased when the samples come from the old policy (DeepSeek-V3.2; TRL's `use_bias_correction_kl`).
    pub importance_weighted: bool,
    /// The largest magnitude of a step's estimate, in nats, with zero gradient beyond (verl: 10 for k3);
    /// `None` is off.
    pub cap: Option<f64>,
    /// In the loss or out of the reward.
    pub placement: KlPlacement,
    /// Take the exact divergence from the full distributions in place of an estimate:
    /// [`LossInputs::exact_kl`](crate::LossInputs::exact_kl), from [`token_kl`](crate::token_kl) or
    /// [`linear_kl`](crate::linear_kl). `estimator` is then not looked at.
    pub exact: bool,
}

impl Default for KlPenalty {
    fn default() -> Self {
        Self {
            beta: 0.04,
            estimator: KlEstimator::K3,
            straight_through: false,
            importance_weighted: false,
            cap: None,
            placement: KlPlacement::Loss,
            exact: false,
        }
    }
}

impl KlPenalty {
    /// The estimate per step as this penalty forms it, without β and without the importance ratio:
    /// `log_probs` and `ref_log_probs` `[episodes, steps]` to nats `[episodes, steps]`. Select by the mask
    /// before calling.
    pub fn estimate(&self, log_probs: Tensor<2>, ref_log_probs: Tensor<2>) -> Tensor<2> {
        self.of_log_ratio(ref_log_probs - log_probs, DEFAULT_BOUND)
    }

    /// What to subtract from each episode's reward, `[episodes, 1]`: β times the sum over its active steps of the estimate,
    /// for [`KlPlacement::Reward`]. `old_log_probs` (of the policy that sampled) and `ref_log_probs` are `[episodes, steps]`, as is
    /// `mask`. A constant: no graph is kept.
    pub fn reward_penalties(
        &self,
        old_log_probs: Tensor<2>,
        ref_log_probs: Tensor<2>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<2> {
        let dtype = mask::compute_dtype(old_log_probs.dtype());
        let mask = Mask::new(mask, dtype);
        let select = |x: Tensor<2>| mask.select(x.inner().cast(dtype), 0.0);
        self.estimate(select(old_log_probs), select(ref_log_probs)).sum_dim(1) * self.beta
    }

    /// The largest magnitude applied to the exact divergence.
    pub(crate) fn capped(&self, divergence: Tensor<2>) -> Tensor<2> {
        match self.cap {
            Some(cap) => divergence.clamp(-cap, cap),
            None => divergence,
        }
    }

    pub(crate) fn of_log_ratio(&self, d: Tensor<2>, bound: f64) -> Tensor<2> {
        let value = |d| {
            let estimate = self.estimator.of_log_ratio(d, bound);
            self.cap.map_or(estimate.clone(), |cap| estimate.clamp(-cap, cap))
        };
        if !self.straight_through {
            return value(d);
        }
        let carrier = KlEstimator::K2.of_log_ratio(d.clone(), bound);
        let zero = carrier.clone() - carrier.detach();
        value(d.detach()) + zero
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if !(self.beta.is_finite() && self.beta >= 0.0) {
            return Err(Error::config("kl.beta", self.beta, "give a finite number, zero or above"));
        }
        if let Some(cap) = self.cap.filter(|cap| !(cap.is_finite() && *cap > 0.0)) {
            return Err(Error::config("kl.cap", cap, "give a number of nats above zero, or leave it out"));
        }
        if self.straight_through && self.importance_weighted {
            return Err(Error::config(
                "kl.importance_weighted",
                true,
                "it and `kl.straight_through` both correct the gradient; keep one of them",
            ));
        }
        let corrected = self.straight_through || self.importance_weighted;
        if corrected && self.placement == KlPlacement::Reward {
            let fix = "a penalty out of the reward has no gradient to correct; leave `straight_through` and `importance_weighted` off";
            return Err(Error::config("kl.placement", self.placement, fix));
        }
        if self.exact && (corrected || self.placement == KlPlacement::Reward) {
            let fix = "the exact divergence goes into the loss and has the right gradient; leave `straight_through` and `importance_weighted` off and `placement` at `loss`";
            return Err(Error::config("kl.exact", true, fix));
        }
        Ok(())
    }
}

/// A penalty for leaving the *old* policy, the one that sampled: `β · KL(π_old ‖ π_θ)` at each step
/// ([PPO, section 4](https://arxiv.org/abs/1707.06347), an alternative to its clip), or at chosen steps (KL-Cov, see
/// [`top_covariance`](crate::entropy::top_covariance)).
///
/// Samples come from the old policy, so here `d = log π_θ(a) − log π_old(a)` goes into the estimators' formulas.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProximalPenalty {
    /// The coefficient β, in units of loss per nat. KL-Cov: 1.
    pub beta: f64,
    /// How the divergence is estimated. KL-Cov: [`KlEstimator::Abs`].
    pub estimator: KlEstimator,
}

impl Default for ProximalPenalty {
    fn default() -> Self {
        Self { beta: 1.0, estimator: KlEstimator::K3 }
    }
}

impl ProximalPenalty {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.beta.is_finite() && self.beta >= 0.0 {
            return Ok(());
        }
        Err(Error::config("proximal.beta", self.beta, "give a finite number, zero or above"))
    }
}
