//! Surrogates with a hard bound: PPO's clip and what became of it.

use serde::{Deserialize, Serialize};

use super::{NOT_NEGATIVE, Policy, Terms, WITHIN_ONE, check, outside};
use crate::Error;

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

impl Clip {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
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

    pub(super) fn validate(&self) -> Result<(), Error> {
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

impl Cispo {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
        let ratio = terms.ratio.value.clone().inner();
        let (below, above) = outside(&ratio, terms.advantages, 1.0 - self.low, 1.0 + self.high);
        let weight = ratio.clamp(1.0 - self.low, 1.0 + self.high);
        let loss = -(weight * terms.advantages.clone() * terms.log_probs.clone());
        Policy { loss, below: Some(below), above: Some(above), second: None }
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

impl Dppo {
    pub(super) fn evaluate(&self, terms: &Terms<'_>) -> Policy {
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
