use super::{Prompt, beta::beta, config::setting};
use crate::{Error, Streams};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which of the candidate questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The first ones, in the order in which they are given; with a curriculum, a seeded uniform draw from the eligible ones.
    #[default]
    Given,
    /// Thompson sampling towards groups that carry signal ([`Difficulty::thompson`]).
    Thompson,
}

/// How the running estimates of the rewards of each question are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DifficultyConfig {
    /// α and β of the Beta prior: the successes and failures an unseen question is taken to have had. (1, 1) is uniform.
    pub prior: [f64; 2],
    /// Optimizer steps after which a reward counts half: the policy moves, and what it could do long ago says little.
    /// 1e9 never forgets.
    pub half_life: f64,
    /// The lowest and the highest reward there can be. They are mapped to 0 and 1.
    pub reward_range: [f64; 2],
}

impl Default for DifficultyConfig {
    fn default() -> Self {
        Self { prior: [1.0, 1.0], half_life: 20.0, reward_range: [0.0, 1.0] }
    }
}

impl DifficultyConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let shown = |pair: [f64; 2]| format!("{pair:?}");
        // The bounds make forgetting exact: see `FORGOTTEN`.
        if !self.prior.iter().all(|p| (1e-3..=1e6).contains(p)) {
            return Err(setting(
                "difficulty.prior",
                shown(self.prior),
                "give two numbers from 0.001 to 1000000, for instance [1.0, 1.0]",
            ));
        }
        if !(self.half_life.is_finite() && self.half_life > 0.0) {
            return Err(setting(
                "difficulty.half_life",
                self.half_life,
                "give a positive number of steps, for instance 20; 1e9 never forgets",
            ));
        }
        let [low, high] = self.reward_range;
        if !(low < high && (high - low).is_finite()) {
            return Err(setting(
                "difficulty.reward_range",
                shown(self.reward_range),
                "give the lowest and the highest reward there can be, for instance [0.0, 1.0]",
            ));
        }
        Ok(())
    }
}

/// The discounted rewards of one question, mapped to `[0, 1]`, as they stood at one step.
///
/// Weight, mean and squared deviations are the discounted sums of 1, r and r² in the form that doesn't cancel
/// ([Chan, Golub and LeVeque 1983](https://doi.org/10.1080/00031305.1983.10483115)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The step that the numbers belong to.
    pub step: u64,
    /// Σ w: how many rewards are remembered.
    pub weight: f64,
    /// Σ w r / Σ w.
    pub mean: f64,
    /// Σ w (r − mean)².
    pub squares: f64,
}

/// A weight below this is gone: next to a prior of at least 0.001 it changes no digit of a double.
const FORGOTTEN: f64 = 1e-24;

impl Estimate {
    /// Both sets of rewards together, under the step of `self`.
    fn merged(self, weight: f64, mean: f64, squares: f64) -> Self {
        let total = self.weight + weight;
        let (delta, share) = (mean - self.mean, weight / total);
        Self {
            step: self.step,
            weight: total,
            mean: self.mean + delta * share,
            squares: self.squares + squares + delta * delta * self.weight * share,
        }
    }

    /// The same rewards, seen from a later step.
    fn at(self, step: u64, half_life: f64) -> Result<Self, Error> {
        let age = step.checked_sub(self.step).ok_or(Error::Step { got: step, last: self.step })?;
        let keep = (-(age as f64) / half_life).exp2();
        Ok(Self { step, weight: self.weight * keep, squares: self.squares * keep, ..self })
    }

    fn is_sound(&self) -> bool {
        self.weight.is_finite()
            && self.weight > 0.0
            && (0.0..=1.0).contains(&self.mean)
            && self.squares.is_finite()
            && self.squares >= 0.0
    }
}

/// What is believed about a question at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// Successes, the prior's included; rewards between 0 and 1 count as parts.
    pub alpha: f64,
    /// Failures, the prior's included.
    pub beta: f64,
    /// Variance of a reward, in squared units of reward.
    pub variance: f64,
}

impl Posterior {
    /// The expected solve rate, α/(α+β), in `[0, 1]`.
    pub fn solve_rate(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// Running estimates of what questions are worth to the policy as it is now.
///
/// A reward of `k` steps ago weighs `2^(−k/half_life)`. With the weighted sums `W = Σw` and `S = Σwr` of the rewards (mapped to
/// `[0, 1]`) and the prior (α₀, β₀), the belief about the solve rate p is `Beta(α₀ + S, β₀ + W − S)`: exact for rewards of 0 and 1
/// with discounted counts, and the usual extension for rewards in between. The variance of a reward is that of the
/// remembered rewards and the prior's α₀ ones and β₀ zeros taken together, so an unseen question has the prior's, and a few equal
/// rewards don't make it zero.
///
/// Discounted Beta posteriors that choose a reasoning model's prompts: [MoPPS](https://arxiv.org/abs/2507.04632).
#[derive(Debug, Clone, PartialEq)]
pub struct Difficulty {
    config: DifficultyConfig,
    estimates: BTreeMap<u64, Estimate>,
}

/// The part of [`Difficulty`] that is saved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifficultyState {
    /// What rewards were mapped from.
    pub reward_range: [f64; 2],
    /// By question.
    pub estimates: BTreeMap<u64, Estimate>,
}

impl Difficulty {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that can't work.
    pub fn new(config: DifficultyConfig) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self { config, estimates: BTreeMap::new() })
    }

    /// Adds the rewards of one group of question `id`.
    ///
    /// # Errors
    /// [`Error::Value`] for a reward outside of `reward_range`, [`Error::Step`] when the question was seen at a later step. Nothing
    /// is recorded then.
    pub fn observe(&mut self, step: u64, id: u64, rewards: &[f64]) -> Result<(), Error> {
        let [low, high] = self.config.reward_range;
        if let Some(&value) = rewards.iter().find(|r| !(low..=high).contains(*r)) {
            return Err(Error::Value {
                what: format!("a reward of question {id}"),
                value,
                reason: "it lies outside of `difficulty.reward_range`; give the lowest and the highest reward there can be",
            });
        }
        if rewards.is_empty() {
            return Ok(());
        }
        let mut seen = Estimate { step, weight: 0.0, mean: 0.0, squares: 0.0 };
        for reward in rewards {
            seen = seen.merged(1.0, (reward - low) / (high - low), 0.0);
        }
        if let Some(old) = self.estimates.get(&id) {
            let old = old.at(step, self.config.half_life)?;
            if old.weight >= FORGOTTEN {
                seen = old.merged(seen.weight, seen.mean, seen.squares);
            }
        }
        self.estimates.insert(id, seen);
        Ok(())
    }

    /// What is believed about question `id` at `step`; the prior if it was never seen.
    ///
    /// # Errors
    /// [`Error::Step`] when the question was seen at a later step.
    pub fn posterior(&self, step: u64, id: u64) -> Result<Posterior, Error> {
        let [alpha, beta] = self.config.prior;
        let weight = alpha + beta;
        let prior = Estimate { step, weight, mean: alpha / weight, squares: alpha * beta / weight };
        let [low, high] = self.config.reward_range;
        let posterior = |alpha, beta, all: Estimate| Posterior {
            alpha,
            beta,
            variance: all.squares / all.weight * (high - low).powi(2),
        };
        let Some(estimate) = self.estimates.get(&id) else { return Ok(posterior(alpha, beta, prior)) };
        let seen = estimate.at(step, self.config.half_life)?;
        let all = prior.merged(seen.weight, seen.mean, seen.squares);
        Ok(posterior(alpha + seen.weight * seen.mean, beta + seen.weight * (1.0 - seen.mean), all))
    }

    /// Thompson sampling ([Thompson 1933](https://doi.org/10.1093/biomet/25.3-4.285)): for each question of `prompts`, a solve rate p is
    /// drawn from what is believed about it, and the `count` questions with the largest p(1−p) are returned, as indices, the
    /// largest first. Well-known hopeless and well-known easy questions hardly ever win; unknown ones sometimes do, and so become known.
    ///
    /// p(1−p) is the variance of a reward of 0 or 1 and the largest variance a reward in `[0, 1]` with mean p can have. Draws are
    /// keyed by step and question, so the order of `prompts` doesn't matter.
    ///
    /// # Errors
    /// [`Error::Step`] when a question was seen at a later step, [`Error::Count`] when there are fewer than `count`.
    pub fn thompson(
        &self,
        streams: &Streams,
        step: u64,
        prompts: &[&Prompt],
        count: usize,
    ) -> Result<Vec<usize>, Error> {
        if count > prompts.len() {
            return Err(Error::Count { what: "candidate questions", got: prompts.len(), want: count });
        }
        let signals = prompts
            .iter()
            .map(|prompt| {
                let belief = self.posterior(step, prompt.id)?;
                let p = beta(belief.alpha, belief.beta, &mut streams.stream(step, prompt.id, THOMPSON));
                Ok(p * (1.0 - p))
            })
            .collect::<Result<Vec<f64>, Error>>()?;
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by(|&a, &b| {
            signals[b].total_cmp(&signals[a]).then_with(|| prompts[a].id.cmp(&prompts[b].id))
        });
        order.truncate(count);
        Ok(order)
    }

    /// What has to be saved: estimates that are forgotten to the last digit are left out.
    pub fn state(&self) -> DifficultyState {
        let last = self.estimates.values().map(|e| e.step).max().unwrap_or(0);
        let remembered =
            |e: &Estimate| e.at(last, self.config.half_life).is_ok_and(|e| e.weight >= FORGOTTEN);
        let estimates =
            self.estimates.iter().filter(|(_, e)| remembered(e)).map(|(&id, &e)| (id, e)).collect();
        DifficultyState { reward_range: self.config.reward_range, estimates }
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// [`Error::State`] when its rewards had another range, or its numbers can't be.
    pub fn restore(&mut self, state: DifficultyState) -> Result<(), Error> {
        if !state.estimates.is_empty() && state.reward_range != self.config.reward_range {
            return Err(Error::State(format!(
                "its rewards are mapped from {:?}, but `difficulty.reward_range` is {:?}; they must be the same",
                state.reward_range, self.config.reward_range
            )));
        }
        if let Some((id, _)) = state.estimates.iter().find(|(_, e)| !e.is_sound()) {
            return Err(Error::State(format!(
                "the estimate of question {id} isn't one (a positive weight, a mean from 0 to 1)"
            )));
        }
        self.estimates = state.estimates;
        Ok(())
    }
}

/// The stream of a question's Thompson draw, out of the way of the samples' numbers.
const THOMPSON: u64 = u64::from_be_bytes(*b"thompson");

#[cfg(test)]
mod tests {
    use super::*;

    fn difficulty(config: DifficultyConfig) -> Difficulty {
        Difficulty::new(config).unwrap()
    }

    #[test]
    fn sums_are_discounted_by_age() {
        let mut tracker = difficulty(DifficultyConfig { half_life: 2.0, ..DifficultyConfig::default() });
        let observed: [(u64, &[f64]); 3] = [(0, &[1.0, 0.25]), (2, &[0.0, 0.5, 0.5]), (3, &[1.0])];
        for (step, rewards) in observed {
            tracker.observe(step, 9, rewards).unwrap();
        }
        let now = 7;
        let (mut w, mut s, mut q) = (0.0, 0.0, 0.0);
        for (step, rewards) in observed {
            let keep = 0.5_f64.powf((now - step) as f64 / 2.0);
            for r in rewards {
                (w, s, q) = (w + keep, s + keep * r, q + keep * r * r);
            }
        }
        let belief = tracker.posterior(now, 9).unwrap();
        let (mean, square) = ((s + 1.0) / (w + 2.0), (q + 1.0) / (w + 2.0));
        for (got, want) in [
            (belief.alpha, 1.0 + s),
            (belief.beta, 1.0 + w - s),
            (belief.solve_rate(), mean),
            (belief.variance, square - mean * mean),
        ] {
            assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
        }
    }

    #[test]
    fn other_ranges_are_mapped_and_what_lies_outside_is_refused() {
        let mut narrow = difficulty(DifficultyConfig::default());
        let mut wide =
            difficulty(DifficultyConfig { reward_range: [-1.0, 3.0], ..DifficultyConfig::default() });
        narrow.observe(0, 1, &[0.25, 1.0]).unwrap();
        wide.observe(0, 1, &[0.0, 3.0]).unwrap();
        let (a, b) = (narrow.posterior(0, 1).unwrap(), wide.posterior(0, 1).unwrap());
        assert_eq!((a.alpha, a.beta, 16.0 * a.variance), (b.alpha, b.beta, b.variance));
        let before = narrow.clone();
        for bad in [-0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert!(matches!(narrow.observe(1, 1, &[0.5, bad]), Err(Error::Value { .. })), "{bad}");
        }
        assert_eq!(narrow, before);
        assert!(matches!(narrow.restore(wide.state()), Err(Error::State(_))));
    }

    #[test]
    fn steps_dont_go_back() {
        let mut tracker = difficulty(DifficultyConfig::default());
        tracker.observe(5, 1, &[1.0]).unwrap();
        assert!(matches!(tracker.observe(4, 1, &[1.0]), Err(Error::Step { got: 4, last: 5 })));
        assert!(matches!(tracker.posterior(4, 1), Err(Error::Step { .. })));
        assert!(tracker.posterior(4, 2).is_ok());
    }

    #[test]
    fn what_is_not_saved_is_forgotten_to_the_last_digit() {
        for prior in [[1.0, 1.0], [1e-3, 1e6], [1e6, 1e-3]] {
            let config = DifficultyConfig { half_life: 1.0, prior, ..DifficultyConfig::default() };
            let mut tracker = difficulty(config);
            tracker.observe(0, 1, &[1.0, 0.0, 0.3]).unwrap();
            tracker.observe(60, 2, &[1.0]).unwrap();
            assert_eq!(tracker.state().estimates.len(), 2);
            tracker.observe(90, 3, &[1.0]).unwrap();
            assert_eq!(tracker.state().estimates.keys().copied().collect::<Vec<_>>(), [2, 3]);
            assert_eq!(tracker.posterior(90, 1).unwrap(), tracker.posterior(90, 4).unwrap());
        }
    }

    #[test]
    fn unsound_states_are_refused() {
        let sound = Estimate { step: 0, weight: 1.0, mean: 0.5, squares: 0.0 };
        for estimate in [
            Estimate { weight: 0.0, ..sound },
            Estimate { weight: f64::NAN, ..sound },
            Estimate { mean: 1.1, ..sound },
            Estimate { squares: -1.0, ..sound },
        ] {
            let mut tracker = difficulty(DifficultyConfig::default());
            let state = DifficultyState { reward_range: [0.0, 1.0], estimates: [(1, estimate)].into() };
            assert!(matches!(tracker.restore(state), Err(Error::State(_))), "{estimate:?}");
        }
    }
}
