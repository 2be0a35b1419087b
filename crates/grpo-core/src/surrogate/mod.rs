//! The policy term: what is differentiated in place of the expected reward.
//!
//! With the importance ratio `r` ([`RatioLevel`]), the advantage `A` and `log π_θ` of the action, each
//! variant below is one formula for the loss of a step (to be minimised). `sg` stops the gradient.

mod clip;
mod soft;

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

pub use clip::{Cispo, Clip, Dppo};
pub use soft::{Gmpo, Sapo, Vespo};

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
