//! The policy term: what is differentiated in place of the expected reward.
//!
//! With the importance ratio `r` ([`RatioLevel`]), the advantage `A` and `log π_θ` of the action, each
//! variant below is one formula for the loss of a step (to be minimised). `sg` stops the gradient.

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::mask::Mask;
use crate::ratio::Ratio;
use crate::{Error, RatioLevel};

/// The policy term of a step. See each variant's configuration for the equation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// PPO's clipped surrogate, with separate bounds, two-sided or dual clipping.
    Clip(Clip),
    /// Clipped importance weight on a REINFORCE gradient (MiniMax-M1).
    Cispo(Cispo),
    /// A soft gate in place of the clip (Qwen).
    Sapo(Sapo),
    /// A smooth weight on the whole answer's ratio.
    Vespo(Vespo),
    /// The geometric mean of clipped token ratios.
    Gmpo(Gmpo),
    /// The ratio with a mask where the probability itself moved too far.
    Dppo(Dppo),
    /// `L = −A · log π_θ`: no ratio, so only right when the samples are from the current policy (RLOO,
    /// REINFORCE++, GPG).
    Reinforce,
    /// `L = −A · r`: importance weighted and not clipped.
    Unclipped,
}

impl Default for Surrogate {
    fn default() -> Self {
        Self::Clip(Clip::default())
    }
}

macro_rules! from_configuration {
    ($($name:ident),*) => {$(
        impl From<$name> for Surrogate {
            fn from(config: $name) -> Self {
                Self::$name(config)
            }
        }
    )*};
}

from_configuration!(Clip, Cispo, Sapo, Vespo, Gmpo, Dppo);

/// `L = −min(r·A, clip(r, 1−low, 1+high)·A)` ([PPO, eq. 7](https://arxiv.org/abs/1707.06347); separate
/// bounds: [DAPO, eq. 10](https://arxiv.org/abs/2503.14476)).
///
/// For `A < 0` that is `−r·A` without limit as `r` grows. Two published remedies, at most one of them:
/// * `delta`: `r` is first capped at `delta` ([INTELLECT-2](https://arxiv.org/abs/2505.07291), two-sided
///   clipping; TRL);
/// * `dual`: for `A < 0`, `L = min(L, −dual·A)` ([dual-clip PPO](https://arxiv.org/abs/1912.09729); verl,
///   3.0).
///
/// They agree when `delta = dual > 1 + high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// How far the ratio may fall below one, in `[0, 1]`.
    pub low: f64,
    /// How far the ratio may rise above one, `≥ 0`.
    pub high: f64,
    /// Upper cap of the ratio before everything else; `None` is off.
    pub delta: Option<f64>,
    /// Cap of the loss at `dual · |A|` for negative advantages; `None` is off.
    pub dual: Option<f64>,
}

impl Default for Clip {
    fn default() -> Self {
        Self { low: 0.2, high: 0.2, delta: None, dual: None }
    }
}

/// `L = −sg(clip(r, 1−low, 1+high)) · A · log π_θ` ([MiniMax-M1](https://arxiv.org/abs/2506.13585)): every
/// step keeps a gradient.
///
/// The paper and TRL bound the ratio only from above (`low = 1`; TRL's `epsilon_high` is `1 + high`), verl
/// from both sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cispo {
    /// How far the weight may fall below one, in `[0, 1]`; 1 is no lower bound.
    pub low: f64,
    /// How far the weight may rise above one, `≥ 0`.
    pub high: f64,
}

impl Default for Cispo {
    /// No lower bound and an upper bound of 5, the value of [ScaleRL](https://arxiv.org/abs/2510.13786) and
    /// TRL's advice.
    fn default() -> Self {
        Self { low: 1.0, high: 4.0 }
    }
}

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

/// `L = −M · r · A` with `M = 0` where the probability of the action moved by more than `delta` in the
/// direction the advantage pushes, and 1 elsewhere ([DPPO](https://arxiv.org/abs/2602.04879) with its binary
/// total-variation divergence).
///
/// A ratio of 2 means little on an action of probability 10⁻⁶ and much on one of 0.4; the difference of
/// probabilities tells them apart, the ratio doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dppo {
    /// The largest allowed `|π_θ(a) − π_old(a)|`, in `(0, 1]`.
    pub delta: f64,
}

impl Default for Dppo {
    fn default() -> Self {
        Self { delta: 0.15 }
    }
}

/// What a surrogate sees. Everything is `[episodes, steps]`; outside the mask inputs are zero and ratios
/// finite.
pub(crate) struct Terms<'a> {
    pub(crate) mask: &'a Mask,
    pub(crate) ratio: &'a Ratio,
    pub(crate) log_probs: &'a Tensor<2>,
    pub(crate) old_log_probs: &'a Tensor<2>,
    pub(crate) advantages: &'a Tensor<2>,
    /// The log of the sampler's correction as it was given: `[episodes, 1]`, or `[episodes, steps]`.
    pub(crate) log_sampler_ratio: Option<Tensor<2>>,
    pub(crate) bound: f64,
}

/// The policy term per step, and where a bound was active.
pub(crate) struct Policy {
    /// `[episodes, steps]`.
    pub(crate) loss: Tensor<2>,
    /// Ratio below the lower bound and `A < 0`, `[episodes, steps]`.
    pub(crate) below: Option<Tensor<2, Bool>>,
    /// Ratio above the upper bound and `A > 0`, `[episodes, steps]`.
    pub(crate) above: Option<Tensor<2, Bool>>,
    /// The second bound (delta, dual) was active, `[episodes, steps]`.
    pub(crate) second: Option<Tensor<2, Bool>>,
}

impl Policy {
    fn unbounded(loss: Tensor<2>) -> Self {
        Self { loss, below: None, above: None, second: None }
    }
}

impl Surrogate {
    pub(crate) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        match self {
            Self::Clip(config) => config.evaluate(terms),
            Self::Cispo(config) => config.evaluate(terms),
            Self::Sapo(config) => config.evaluate(terms),
            Self::Vespo(config) => config.evaluate(terms),
            Self::Gmpo(config) => config.evaluate(terms),
            Self::Dppo(config) => config.evaluate(terms),
            Self::Reinforce => Policy::unbounded(-(terms.advantages.clone() * terms.log_probs.clone())),
            Self::Unclipped => Policy::unbounded(-(terms.advantages.clone() * terms.ratio.value.clone())),
        }
    }

    /// Whether the whole answer gets one weight, so that advantages must be per episode.
    pub(crate) fn needs_episode_advantages(&self) -> bool {
        match self {
            Self::Vespo(_) | Self::Gmpo(_) => true,
            Self::Clip(_)
            | Self::Cispo(_)
            | Self::Sapo(_)
            | Self::Dppo(_)
            | Self::Reinforce
            | Self::Unclipped => false,
        }
    }

    pub(crate) fn validate(&self, ratio: RatioLevel) -> Result<(), Error> {
        match self {
            Self::Clip(config) => config.validate()?,
            Self::Cispo(config) => {
                check("surrogate.cispo.low", config.low, (0.0..=1.0).contains(&config.low), WITHIN_ONE)?;
                check("surrogate.cispo.high", config.high, config.high >= 0.0, NOT_NEGATIVE)?;
            }
            Self::Sapo(config) => {
                check("surrogate.sapo.positive", config.positive, config.positive > 0.0, POSITIVE)?;
                check("surrogate.sapo.negative", config.negative, config.negative > 0.0, POSITIVE)?;
            }
            Self::Vespo(config) => {
                check(
                    "surrogate.vespo.k_positive",
                    config.k_positive,
                    config.k_positive >= 0.0,
                    NOT_NEGATIVE,
                )?;
                check(
                    "surrogate.vespo.k_negative",
                    config.k_negative,
                    config.k_negative >= 0.0,
                    NOT_NEGATIVE,
                )?;
                let (positive, negative) = (config.lambda_positive, config.lambda_negative);
                check("surrogate.vespo.lambda_positive", positive, positive > 0.0, POSITIVE)?;
                check("surrogate.vespo.lambda_negative", negative, negative > 0.0, POSITIVE)?;
            }
            Self::Gmpo(config) => {
                check("surrogate.gmpo.low", config.low, config.low >= 0.0, NOT_NEGATIVE)?;
                check("surrogate.gmpo.high", config.high, config.high >= 0.0, NOT_NEGATIVE)?;
            }
            Self::Dppo(config) => {
                let valid = config.delta > 0.0 && config.delta <= 1.0;
                check(
                    "surrogate.dppo.delta",
                    config.delta,
                    valid,
                    "give a difference of probabilities in (0, 1]",
                )?;
            }
            Self::Reinforce | Self::Unclipped => {}
        }
        let token_only = match self {
            Self::Vespo(_) | Self::Gmpo(_) | Self::Dppo(_) | Self::Reinforce => true,
            Self::Clip(_) | Self::Cispo(_) | Self::Sapo(_) | Self::Unclipped => false,
        };
        if token_only && ratio != RatioLevel::Token {
            return Err(Error::config(
                "ratio",
                ratio,
                "this surrogate forms its own weight from token ratios; set `ratio = \"token\"`",
            ));
        }
        Ok(())
    }
}

impl Clip {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let advantages = terms.advantages;
        let (below, above) = outside(&terms.ratio.value, advantages, 1.0 - self.low, 1.0 + self.high);
        let mut second = None;
        let mut ratio = terms.ratio.value.clone();
        let clipped = ratio.clone().clamp(1.0 - self.low, 1.0 + self.high) * advantages.clone();
        if let Some(delta) = self.delta {
            second = Some(ratio.clone().inner().greater_elem(delta));
            ratio = ratio.clamp_max(delta);
        }
        let mut loss = -(ratio * advantages.clone()).min_pair(clipped);
        if let Some(dual) = self.dual {
            let cap = advantages.clone() * -dual;
            let negative = advantages.clone().inner().lower_elem(0.0);
            let binds = loss.clone().inner().greater(cap.clone().inner()).bool_and(negative);
            loss = loss.mask_where(binds.clone(), cap);
            second = Some(binds);
        }
        Policy { loss, below: Some(below), above: Some(above), second }
    }

    fn validate(&self) -> Result<(), Error> {
        check("surrogate.clip.low", self.low, (0.0..=1.0).contains(&self.low), WITHIN_ONE)?;
        check("surrogate.clip.high", self.high, self.high >= 0.0, NOT_NEGATIVE)?;
        if let Some(delta) = self.delta {
            check(
                "surrogate.clip.delta",
                delta,
                delta > 1.0,
                "give a cap of the ratio above 1, or leave it out",
            )?;
        }
        if let Some(dual) = self.dual {
            check(
                "surrogate.clip.dual",
                dual,
                dual > 1.0,
                "give a factor above 1 (verl: 3.0), or leave it out",
            )?;
        }
        match (self.delta, self.dual) {
            (Some(_), Some(dual)) => Err(Error::config(
                "surrogate.clip.dual",
                dual,
                "it and `surrogate.clip.delta` bound the same thing; keep one of them",
            )),
            _ => Ok(()),
        }
    }
}

impl Cispo {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let ratio = terms.ratio.value.clone().inner();
        let (below, above) = outside(&ratio, terms.advantages, 1.0 - self.low, 1.0 + self.high);
        let weight = ratio.clamp(1.0 - self.low, 1.0 + self.high);
        let loss = -(weight * terms.advantages.clone() * terms.log_probs.clone());
        Policy { loss, below: Some(below), above: Some(above), second: None }
    }
}

impl Sapo {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let advantages = terms.advantages.clone();
        let positive = advantages.clone().greater_elem(0.0);
        let temperature =
            advantages.zeros_like().add_scalar(self.negative).mask_fill(positive, self.positive);
        // σ(x) as a tanh: some backends compute their sigmoid in f32 whatever the type.
        let gate = ((terms.ratio.value.clone() - 1.0) * temperature.clone() * 0.5).tanh() * 0.5 + 0.5;
        Policy::unbounded(-(gate * advantages * temperature.recip() * 4.0))
    }
}

impl Vespo {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
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

impl Gmpo {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
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

impl Dppo {
    fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let new = terms.log_probs.clone().inner().exp();
        let old = terms.old_log_probs.clone().inner().exp();
        let moved = new - old;
        let (below, above) = outside(&moved, terms.advantages, -self.delta, self.delta);
        let dropped = below.clone().bool_or(above.clone());
        let loss = -(terms.ratio.value.clone() * terms.advantages.clone());
        let loss = loss.mask_fill(dropped, 0.0);
        Policy { loss, below: Some(below), above: Some(above), second: None }
    }
}

/// Where `x < lower` and `A < 0`, and where `x > upper` and `A > 0`: the only places where a clip stops a
/// gradient.
fn outside(
    x: &Tensor<2>,
    advantages: &Tensor<2>,
    lower: f64,
    upper: f64,
) -> (Tensor<2, Bool>, Tensor<2, Bool>) {
    let (x, advantages) = (x.clone().inner(), advantages.clone().inner());
    let below = x.clone().lower_elem(lower).bool_and(advantages.clone().lower_elem(0.0));
    let above = x.greater_elem(upper).bool_and(advantages.greater_elem(0.0));
    (below, above)
}

const WITHIN_ONE: &str = "give a number from 0 to 1";
const NOT_NEGATIVE: &str = "give a finite number, zero or above";
const POSITIVE: &str = "give a finite number above zero";

fn check(key: &'static str, value: f64, valid: bool, fix: &'static str) -> Result<(), Error> {
    if valid && value.is_finite() { Ok(()) } else { Err(Error::config(key, value, fix)) }
}
