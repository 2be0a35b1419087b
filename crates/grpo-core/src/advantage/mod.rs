//! Advantages: how much better an answer is than its siblings.
//!
//! ```text
//! A_i = (r_i − baseline_i) / (std + ε)
//! ```
//!
//! Rewards are numbers of the host, a few per prompt, so advantages are computed on the host in f64 and moved
//! to the device as one column. Groups lie one after another: the rewards of `[groups, group_size]`, row by
//! row.

mod estimate;
mod rewards;
pub mod scaling;
mod whiten;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use rewards::{Reward, combine, normalize_then_sum, subtract_baselines};
pub(crate) use whiten::whitened;
pub use whiten::{discounted_returns, whiten_tokens};

use crate::{Error, column};

/// What is subtracted from a reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The mean of the group ([DeepSeekMath, section 4.1.2](https://arxiv.org/abs/2402.03300)).
    #[default]
    GroupMean,
    /// The mean of the *other* members of the group, which keeps the policy gradient unbiased
    /// ([RLOO](https://arxiv.org/abs/2402.14740)): `n/(n−1)` times the deviation from the group mean.
    LeaveOneOut,
    /// The group's mean weighted by the answers' lengths, the baseline of least variance when gradients grow
    /// with length ([OPO](https://arxiv.org/abs/2505.23585)). Needs lengths.
    LengthWeighted,
    /// The second best reward, and only the best answer gets an advantage: what raises the best of k
    /// ([Pass@k training](https://arxiv.org/abs/2503.19595), as in verl). A tie for the best gives zero to
    /// all.
    SecondBest,
}

/// What the deviation from the baseline is divided by (plus ε).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Nothing: prompts that are solved half of the time get the largest updates
    /// ([Dr. GRPO](https://arxiv.org/abs/2503.20783); TRL's `none`).
    None,
    /// The unbiased (n − 1) standard deviation of the group: TRL's and verl's GRPO.
    #[default]
    Group,
    /// The population (n) standard deviation of the group: the formula of most introductions.
    GroupPopulation,
    /// The unbiased standard deviation of all rewards of the batch, so that prompts keep their relative
    /// weight ([Lite PPO](https://arxiv.org/abs/2508.08221); TRL's `batch`).
    Batch,
    /// The share of rewards of the batch that aren't zero, so that a batch with few solved prompts still makes a step of full
    /// size ([GPG](https://arxiv.org/abs/2504.02546), as in verl). Without ε.
    NonZero,
}

/// How rewards become advantages. The default is GRPO's: group mean, unbiased group standard deviation, ε =
/// 1e-4 (TRL; verl uses 1e-6).
///
/// ```
/// use grpo_core::{AdvantageEstimator, Advantages};
///
/// // Two questions, four answers each; nobody solved the second one.
/// let rewards = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
/// let advantages = AdvantageEstimator::default().estimate(&rewards, 4)?;
/// assert!((advantages.values[0] - 0.5 / (1.0_f64 / 3.0).sqrt()).abs() < 1e-3);
/// assert_eq!(advantages.values[4..], [0.0; 4]);
/// assert_eq!(advantages.groups_without_spread, 1);
/// # Ok::<(), grpo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdvantageEstimator {
    /// What is subtracted.
    pub baseline: Baseline,
    /// What it is divided by.
    pub scale: Scale,
    /// Added to the standard deviation, in units of reward.
    pub epsilon: f64,
}

impl Default for AdvantageEstimator {
    fn default() -> Self {
        Self { baseline: Baseline::GroupMean, scale: Scale::Group, epsilon: 1e-4 }
    }
}

/// Advantages of a batch and what was seen of its rewards.
#[derive(Debug, Clone, PartialEq)]
pub struct Advantages {
    /// One advantage per episode, in the order of the rewards.
    pub values: Vec<f64>,
    /// Number of groups.
    pub groups: usize,
    /// Episodes per group.
    pub group_sizes: Vec<usize>,
    /// Groups of two or more scored episodes whose rewards don't differ: their advantages are exactly zero
    /// and they teach nothing. (As in TRL, a group with a single scored episode has no spread to speak of and
    /// isn't counted.)
    pub groups_without_spread: usize,
    /// Which episodes have a reward and a sibling with one; the others' advantage is zero.
    pub compared: Vec<bool>,
    /// Episodes without a reward; their advantage is zero.
    pub missing: usize,
    /// Mean of the rewards that are there (TRL's `reward`).
    pub reward_mean: f64,
    /// Mean over groups of the unbiased standard deviation within the group (TRL's `reward_std`).
    pub reward_std: f64,
}

/// Advantages of every step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepAdvantages {
    /// One advantage per step, episode by episode, in the order of the rewards.
    pub values: Vec<Vec<f64>>,
    /// Those of whole episodes, and what was seen of their rewards.
    pub episodes: Advantages,
}

impl Advantages {
    /// Share of groups without spread (TRL's `frac_reward_zero_std`).
    pub fn share_without_spread(&self) -> f64 {
        if self.groups == 0 { 0.0 } else { self.groups_without_spread as f64 / self.groups as f64 }
    }

    /// Multiplies the advantages of each group by its weight, from
    /// [`AdvantageScaling::weights`](scaling::AdvantageScaling::weights).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when there isn't one weight per group.
    pub fn scale_groups(&mut self, weights: &[f64]) -> Result<(), Error> {
        if weights.len() != self.group_sizes.len() {
            return Err(Error::Length {
                argument: "weights",
                expected: self.group_sizes.len(),
                found: weights.len(),
                reason: "every group has one",
            });
        }
        let per_episode =
            weights.iter().zip(&self.group_sizes).flat_map(|(&w, &n)| std::iter::repeat_n(w, n));
        self.values.iter_mut().zip(per_episode).for_each(|(value, weight)| *value *= weight);
        Ok(())
    }

    /// The advantages normalised once more over the batch: `(A − mean) / (std + ε)` with the unbiased
    /// standard deviation over the [`compared`](Self::compared) episodes (TRL's RLOO with
    /// `normalize_advantages`). The others stay zero.
    pub fn whitened(&self, epsilon: f64) -> Vec<f64> {
        whiten::whitened_among(&self.values, &self.compared, epsilon)
    }

    /// The advantages as a column `[episodes, 1]` on `device`, as [`LossInputs`](crate::LossInputs) takes
    /// them.
    pub fn to_tensor(&self, device: &Device) -> Tensor<2> {
        column(&self.values, device)
    }
}

impl AdvantageEstimator {
    /// Dr. GRPO's: group mean and no scaling.
    pub fn dr_grpo() -> Self {
        Self { scale: Scale::None, ..Self::default() }
    }

    /// RLOO's: the mean of the other members and no scaling.
    pub fn rloo() -> Self {
        Self { baseline: Baseline::LeaveOneOut, scale: Scale::None, ..Self::default() }
    }

    /// OPO's: the length-weighted mean and no scaling.
    pub fn opo() -> Self {
        Self { baseline: Baseline::LengthWeighted, scale: Scale::None, ..Self::default() }
    }

    /// GPG's: group mean, scaled up by the share of rewards that are zero.
    pub fn gpg() -> Self {
        Self { scale: Scale::NonZero, ..Self::default() }
    }

    /// Whether ε is usable.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when ε is negative or not finite.
    pub fn validate(&self) -> Result<(), Error> {
        if self.epsilon.is_finite() && self.epsilon >= 0.0 {
            return Ok(());
        }
        Err(Error::config(
            "advantages.epsilon",
            self.epsilon,
            "give a finite number, zero or above (TRL: 1e-4)",
        ))
    }

    /// Advantages of `[groups, group_size]` rewards, given row by row: numbers, or `Option`s where a verifier
    /// may not apply.
    ///
    /// As in TRL, an episode without a reward is left out of its group's statistics and gets zero, and so
    /// does a lone scored episode.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the rewards don't divide into groups, [`Error::Value`] for a reward that isn't
    /// finite, [`Error::Missing`] when the baseline needs lengths.
    pub fn estimate<R: Reward>(&self, rewards: &[R], group_size: usize) -> Result<Advantages, Error> {
        let groups = rewards.len() / group_size.max(1);
        if groups * group_size != rewards.len() {
            return Err(Error::Length {
                argument: "rewards",
                expected: (groups + 1) * group_size.max(1),
                found: rewards.len(),
                reason: "there must be whole groups of `group_size`",
            });
        }
        self.estimate_groups(rewards, &vec![group_size; groups], None)
    }

    /// The same for groups of different sizes, one after another, and with the answers' lengths (active
    /// steps) where the baseline needs them.
    ///
    /// # Errors
    ///
    /// As [`estimate`](Self::estimate).
    pub fn estimate_groups<R: Reward>(
        &self,
        rewards: &[R],
        group_sizes: &[usize],
        lengths: Option<&[usize]>,
    ) -> Result<Advantages, Error> {
        estimate::estimate(self, &rewards::checked(rewards)?, group_sizes, lengths)
    }

    /// Advantages of every step of episodes whose rewards come on the way: what the episode got from a step on, compared with what the
    /// others of its group got from the same time on.
    ///
    /// ```text
    /// G_it = r_it + γ G_i,t+1            A_it = (G_it − baseline_it) / (std of the G_i0 + ε)
    /// ```
    ///
    /// `rewards` has each episode's rewards, step by step, and `clocks` the time before each step, which never falls within an episode (the
    /// number of the step, or the day of a session whose days have different numbers of steps). An episode that is over gets nothing any
    /// more. An action has no part in what came before it, so this leaves out noise that the advantage of the whole episode has ([Sutton et al.
    /// 2000](https://proceedings.neurips.cc/paper/1999/hash/464d828b85b0bed98e80ade0a5c43b0f-Abstract.html)). It is DeepSeekMath's process
    /// supervision (section 4.1.3, the sum of the later steps' normalised rewards) with a baseline per step instead of one for all. With
    /// γ = 1 and the whole reward at an episode's last step it is what [`estimate_groups`](Self::estimate_groups) gives, at every step that
    /// all episodes reach.
    ///
    /// # Errors
    ///
    /// As [`estimate`](Self::estimate); [`Error::Config`] when `discount` isn't in [0, 1], [`Error::Length`] when an episode hasn't as many
    /// times as rewards.
    pub fn estimate_to_go(
        &self,
        rewards: &[Vec<f64>],
        clocks: &[Vec<u64>],
        group_sizes: &[usize],
        discount: f64,
    ) -> Result<StepAdvantages, Error> {
        if !(0.0..=1.0).contains(&discount) {
            return Err(Error::config("discount", discount, "give a number from 0 to 1"));
        }
        let differ = |expected: usize, found: usize| {
            let reason = "every reward has a time";
            Err(Error::Length { argument: "clocks", expected, found, reason })
        };
        if clocks.len() != rewards.len() {
            return differ(rewards.len(), clocks.len());
        }
        for (index, (steps, times)) in rewards.iter().zip(clocks).enumerate() {
            if steps.len() != times.len() {
                return differ(steps.len(), times.len());
            }
            let argument = "rewards";
            if let Some(&value) = steps.iter().find(|reward| !reward.is_finite()) {
                let fix = "every reward of an episode must be finite";
                return Err(Error::Value { argument, index, value, fix });
            }
            if !times.is_sorted() {
                let fix = "the times of an episode must not fall; here is its first one";
                return Err(Error::Value { argument: "clocks", index, value: times[0] as f64, fix });
            }
        }
        estimate::estimate_to_go(self, rewards, clocks, group_sizes, discount)
    }
}
