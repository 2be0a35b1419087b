//! Dynamic advantage scaling: how much each group counts.
//!
//! A batch holds prompts that teach much and prompts that teach little. A weight per group, multiplied onto
//! its advantages after normalisation, moves the effort: towards prompts of the right difficulty, towards
//! learners who are about to learn something, away from stale samples.
//!
//! ```text
//! A_i ← w_g · A_i,     w_g = clamp(c · u_g, min, max),     c such that  mean_g w_g = 1
//! ```
//!
//! where `u_g` comes from a [`ScalingRule`]. Weights are bounded, and their mean over the batch is one, so
//! that the learning rate keeps its meaning.
//!
//! # When the direction stays unbiased
//!
//! If `u_g` depends on nothing that the group's own samples decided (the prompt, the learner's state before
//! the episode, earlier visits to the prompt, the age of the sampling policy), the expected gradient of each
//! prompt keeps its direction, and the sum is the exact gradient of the reweighted objective `Σ_q w(q)·J(q)`.
//! If `u_g` is computed from the group's own rewards, weight and advantage are correlated: the expected
//! gradient is that of no objective in general, and small groups have the largest bias. The constant `c`
//! couples the groups of a batch, which is an effect of order one over the number of groups.

use serde::{Deserialize, Serialize};

use crate::Error;

/// How a signal of the group becomes a weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScalingRule {
    /// `u = (4·p·(1−p))^power` of the solve rate `p` in `[0, 1]`: positive powers favour prompts that are
    /// solved half of the time, negative powers those that are nearly always or nearly never solved.
    ///
    /// With rewards of 0 and 1 the group's standard deviation is `√(p(1−p))`, so a power of ½ takes back what
    /// GRPO's division by it does (the difficulty bias of [Dr. GRPO](https://arxiv.org/abs/2503.20783)).
    ///
    /// Unbiased for the reweighted objective if `p` was estimated on *earlier* visits; biased if it is the
    /// solve rate of the group itself.
    Difficulty {
        /// The exponent; 0 gives every group the same weight.
        power: f64,
    },
    /// `u = exp(−½·((m − target)/width)²)` of the learner's estimated mastery `m` in `[0, 1]`, the
    /// probability to succeed without help: most weight where a learner is `target` likely to succeed, the
    /// zone of proximal development.
    ///
    /// Unbiased for the reweighted objective, as mastery is estimated before the episode.
    Mastery {
        /// The mastery that gets the most weight, in `[0, 1]`.
        target: f64,
        /// The distance from it at which the weight has fallen to 0.61.
        width: f64,
    },
    /// `u = x^power` of any positive signal, such as a learner's learning rate: −1 gives slow learners as
    /// much of the gradient as fast ones.
    ///
    /// Unbiased for the reweighted objective if the signal was known before the episode.
    Power {
        /// The exponent.
        power: f64,
    },
    /// `u = 2^(−age/half_life)` of the number of optimizer steps since the group was sampled.
    ///
    /// Unbiased for the reweighted objective, as the age doesn't depend on what was sampled; it doesn't
    /// correct for the old policy (the importance ratio does).
    Staleness {
        /// The age, in optimizer steps, at which the weight has fallen to one half.
        half_life: f64,
    },
}

/// A rule and the bounds of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvantageScaling {
    /// How a signal becomes a weight.
    pub rule: ScalingRule,
    /// The smallest weight, in `[0, 1]`.
    #[serde(default = "default_min")]
    pub min: f64,
    /// The largest weight, at least 1.
    #[serde(default = "default_max")]
    pub max: f64,
}

fn default_min() -> f64 {
    0.25
}

fn default_max() -> f64 {
    4.0
}

impl AdvantageScaling {
    /// A rule with weights between ¼ and 4.
    pub fn new(rule: ScalingRule) -> Self {
        Self { rule, min: default_min(), max: default_max() }
    }

    /// Whether bounds and parameters make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the key.
    pub fn validate(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.min) {
            return Err(Error::config(
                "scaling.min",
                self.min,
                "give a number from 0 to 1: the mean weight is 1",
            ));
        }
        if !(self.max.is_finite() && self.max >= 1.0) {
            return Err(Error::config(
                "scaling.max",
                self.max,
                "give a number of at least 1: the mean weight is 1",
            ));
        }
        let (key, value, valid) = match self.rule {
            ScalingRule::Difficulty { power } => ("scaling.rule.difficulty.power", power, power.is_finite()),
            ScalingRule::Power { power } => ("scaling.rule.power.power", power, power.is_finite()),
            ScalingRule::Mastery { target, .. } if !(0.0..=1.0).contains(&target) => {
                ("scaling.rule.mastery.target", target, false)
            }
            ScalingRule::Mastery { width, .. } => {
                ("scaling.rule.mastery.width", width, width.is_finite() && width > 0.0)
            }
            ScalingRule::Staleness { half_life } => {
                ("scaling.rule.staleness.half_life", half_life, half_life.is_finite() && half_life > 0.0)
            }
        };
        if valid {
            Ok(())
        } else {
            Err(Error::config(key, value, "give a finite number in the documented range"))
        }
    }

    /// One weight per group from one signal per group: the solve rate, the mastery, the positive quantity or
    /// the age that the rule takes. The weights lie in `[min, max]` and their mean is 1.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] as [`validate`](Self::validate), [`Error::Value`] for a signal outside the rule's
    /// domain.
    pub fn weights(&self, signals: &[f64]) -> Result<Vec<f64>, Error> {
        self.validate()?;
        let raw: Vec<f64> =
            signals.iter().enumerate().map(|(index, &x)| self.raw(index, x)).collect::<Result<_, _>>()?;
        let clamped = |c: f64| raw.iter().map(move |u| (c * u).clamp(self.min, self.max));
        let count = raw.len().max(1) as f64;
        // The mean grows with c from `min` (at most 1) to `max` (at least 1). Bisection on log c finds where
        // it is 1; raw weights lie within [TINY, 1/TINY], so this range holds the answer.
        let (mut low, mut high) = ((TINY * TINY).ln(), -(TINY * TINY).ln());
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if clamped(middle.exp()).sum::<f64>() / count < 1.0 { low = middle } else { high = middle }
        }
        Ok(clamped(high.exp()).collect())
    }

    fn raw(&self, index: usize, x: f64) -> Result<f64, Error> {
        let (valid, fix) = match self.rule {
            ScalingRule::Difficulty { .. } => ((0.0..=1.0).contains(&x), "give a solve rate from 0 to 1"),
            ScalingRule::Mastery { .. } => ((0.0..=1.0).contains(&x), "give a mastery from 0 to 1"),
            ScalingRule::Power { .. } => (x.is_finite() && x > 0.0, "give a number above zero"),
            ScalingRule::Staleness { .. } => (x.is_finite() && x >= 0.0, "give an age of zero or more steps"),
        };
        if !valid {
            return Err(Error::Value { argument: "signals", index, value: x, fix });
        }
        let raw = match self.rule {
            ScalingRule::Difficulty { power } => (4.0 * x * (1.0 - x)).max(TINY).powf(power),
            ScalingRule::Mastery { target, width } => (-0.5 * ((x - target) / width).powi(2)).exp(),
            ScalingRule::Power { power } => x.powf(power),
            ScalingRule::Staleness { half_life } => (-x / half_life).exp2(),
        };
        Ok(raw.clamp(TINY, TINY.recip()))
    }
}

/// Raw weights are kept within a factor of 1e±9: far beyond any useful bound, and finite.
const TINY: f64 = 1e-9;

/// Halvings of an interval of about 83, down to less than the last bit.
const BISECTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AdvantageEstimator;

    const RULES: [ScalingRule; 6] = [
        ScalingRule::Difficulty { power: 1.0 },
        ScalingRule::Difficulty { power: -1.0 },
        ScalingRule::Difficulty { power: 0.0 },
        ScalingRule::Mastery { target: 0.6, width: 0.2 },
        ScalingRule::Power { power: -1.0 },
        ScalingRule::Staleness { half_life: 0.3 },
    ];

    #[test]
    fn weights_are_bounded_and_their_mean_is_one() {
        for rule in RULES {
            for (min, max) in [(0.25, 4.0), (0.0, 1.5), (0.9, 1.1), (1.0, 1.0), (0.0, 100.0)] {
                let scaling = AdvantageScaling { rule, min, max };
                for signals in [vec![0.5], vec![0.01, 0.5, 0.99, 0.7], vec![1.0, 1.0, 0.2], vec![1e-3; 7]] {
                    let weights = scaling.weights(&signals).unwrap();
                    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
                    assert!((mean - 1.0).abs() < 1e-9, "{scaling:?} {signals:?}: {weights:?}");
                    assert!(
                        weights.iter().all(|w| (min..=max).contains(w)),
                        "{scaling:?} {signals:?}: {weights:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn rules_favour_what_they_say() {
        let favoured = |rule, signals: &[f64]| {
            let weights = AdvantageScaling::new(rule).weights(signals).unwrap();
            let best = weights.iter().copied().fold(f64::MIN, f64::max);
            weights.iter().position(|&w| w == best).unwrap()
        };
        assert_eq!(favoured(ScalingRule::Difficulty { power: 1.0 }, &[0.1, 0.5, 0.9]), 1);
        assert_eq!(favoured(ScalingRule::Difficulty { power: -1.0 }, &[0.05, 0.5, 0.6]), 0);
        assert_eq!(favoured(ScalingRule::Mastery { target: 0.7, width: 0.1 }, &[0.2, 0.68, 0.9]), 1);
        assert_eq!(favoured(ScalingRule::Power { power: -1.0 }, &[0.3, 0.1, 0.2]), 1);
        assert_eq!(favoured(ScalingRule::Staleness { half_life: 2.0 }, &[4.0, 1.0, 2.0]), 1);
    }

    #[test]
    fn half_a_power_of_difficulty_is_dr_grpo() {
        // Solve rates 1/4 and 2/4, within the bounds, so that only a common factor remains.
        let rewards = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        let mut scaled =
            AdvantageEstimator { epsilon: 0.0, ..Default::default() }.estimate(&rewards, 4).unwrap();
        let rule = ScalingRule::Difficulty { power: 0.5 };
        scaled.scale_groups(&AdvantageScaling::new(rule).weights(&[0.25, 0.5]).unwrap()).unwrap();
        let plain = AdvantageEstimator::dr_grpo().estimate(&rewards, 4).unwrap();
        let factor = scaled.values[0] / plain.values[0];
        for (scaled, plain) in scaled.values.iter().zip(&plain.values) {
            assert!((scaled - factor * plain).abs() < 1e-9, "{scaled} and {plain}");
        }
    }

    #[test]
    fn wrong_signals_and_settings_are_named() {
        let difficulty = AdvantageScaling::new(ScalingRule::Difficulty { power: 1.0 });
        assert!(matches!(difficulty.weights(&[0.5, 1.5]), Err(Error::Value { index: 1, .. })));
        let staleness = AdvantageScaling::new(ScalingRule::Staleness { half_life: 0.0 });
        assert!(matches!(
            staleness.validate(),
            Err(Error::Config { key: "scaling.rule.staleness.half_life", .. })
        ));
        let bounds = AdvantageScaling { max: 0.5, ..difficulty };
        assert!(matches!(bounds.validate(), Err(Error::Config { key: "scaling.max", .. })));
        let mut advantages = AdvantageEstimator::default().estimate(&[1.0, 0.0], 2).unwrap();
        assert!(advantages.scale_groups(&[1.0, 1.0]).is_err());
    }
}
