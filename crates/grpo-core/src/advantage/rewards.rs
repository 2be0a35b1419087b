//! Rewards as they come: numbers, missing ones, several columns.

use super::AdvantageEstimator;
use super::whiten::whitened_among;
use crate::Error;

/// A reward: a number, or `None` where a reward function does not apply to an episode.
pub trait Reward: Copy {
    /// The number, if there is one.
    fn value(self) -> Option<f64>;
}

impl Reward for f64 {
    fn value(self) -> Option<f64> {
        Some(self)
    }
}

impl Reward for f32 {
    fn value(self) -> Option<f64> {
        Some(self.into())
    }
}

impl<R: Reward> Reward for Option<R> {
    fn value(self) -> Option<f64> {
        self.and_then(R::value)
    }
}

pub(super) fn checked<R: Reward>(rewards: &[R]) -> Result<Vec<Option<f64>>, Error> {
    let check = |(index, reward): (usize, &R)| match reward.value() {
        Some(value) if !value.is_finite() => Err(Error::Value {
            argument: "rewards",
            index,
            value,
            fix: "a reward must be finite; give `None` where there is none",
        }),
        value => Ok(value),
    };
    rewards.iter().enumerate().map(check).collect()
}

/// One reward per episode from several reward functions: the weighted sum, in which a missing reward counts
/// as zero; `None` when every function's reward is missing (TRL's `sum_then_normalize`).
///
/// `rewards` is `[episodes, functions]` row by row, with `functions = weights.len()`.
///
/// # Errors
///
/// [`Error::Length`] when the rewards don't divide into rows, [`Error::Value`] for a reward that isn't
/// finite.
pub fn combine<R: Reward>(rewards: &[R], weights: &[f64]) -> Result<Vec<Option<f64>>, Error> {
    let rewards = checked(rewards)?;
    let rows = rows(&rewards, weights)?;
    let combined = rows.map(|row| {
        let terms = row.iter().zip(weights).filter_map(|(reward, weight)| Some((*reward)? * weight));
        row.iter().any(Option::is_some).then(|| terms.sum())
    });
    Ok(combined.collect())
}

/// GDPO: each reward function's column is normalised in its groups by `estimator`, the columns are summed
/// with weights, and the sum is normalised over the batch (mean and unbiased standard deviation, plus the
/// estimator's ε), so that a coarse reward doesn't drown in a fine one
/// ([GDPO](https://arxiv.org/abs/2601.05242); TRL's `normalize_then_sum`).
///
/// `rewards` is `[episodes, functions]` row by row, groups of `group_size` episodes. Returns one advantage
/// per episode; an episode all of whose rewards are missing gets zero.
///
/// # Errors
///
/// As [`combine`] and [`AdvantageEstimator::estimate`].
pub fn normalize_then_sum<R: Reward>(
    estimator: &AdvantageEstimator,
    rewards: &[R],
    weights: &[f64],
    group_size: usize,
) -> Result<Vec<f64>, Error> {
    let rewards = checked(rewards)?;
    let episodes = rows(&rewards, weights)?.count();
    let mut sums = vec![0.0; episodes];
    for (function, weight) in weights.iter().enumerate() {
        let column: Vec<Option<f64>> =
            rewards.iter().skip(function).step_by(weights.len()).copied().collect();
        let advantages = estimator.estimate(&column, group_size)?;
        for (sum, advantage) in sums.iter_mut().zip(advantages.values) {
            *sum += weight * advantage;
        }
    }
    let scored: Vec<bool> = rows(&rewards, weights)?.map(|row| row.iter().any(Option::is_some)).collect();
    Ok(whitened_among(&sums, &scored, estimator.epsilon))
}

/// ReMax: each reward minus the reward of a baseline answer to the same question, the greedy one
/// ([ReMax](https://arxiv.org/abs/2310.10505)). No group is needed; an episode or a baseline without a reward gives zero.
///
/// `rewards` and `baselines` have one entry per episode.
///
/// # Errors
///
/// [`Error::Length`] when there isn't one baseline per reward, [`Error::Value`] for a number that isn't finite.
pub fn subtract_baselines<R: Reward>(rewards: &[R], baselines: &[R]) -> Result<Vec<f64>, Error> {
    if baselines.len() != rewards.len() {
        return Err(Error::Length {
            argument: "baselines",
            expected: rewards.len(),
            found: baselines.len(),
            reason: "every reward has one",
        });
    }
    let pairs = checked(rewards)?.into_iter().zip(checked(baselines)?);
    Ok(pairs.map(|(reward, baseline)| reward.zip(baseline).map_or(0.0, |(r, b)| r - b)).collect())
}

fn rows<'a>(
    rewards: &'a [Option<f64>],
    weights: &[f64],
) -> Result<std::slice::ChunksExact<'a, Option<f64>>, Error> {
    let functions = weights.len().max(1);
    if !rewards.len().is_multiple_of(functions) || (weights.is_empty() && !rewards.is_empty()) {
        return Err(Error::Length {
            argument: "rewards",
            expected: rewards.len().div_ceil(functions) * weights.len(),
            found: rewards.len(),
            reason: "every episode has one reward per weight",
        });
    }
    Ok(rewards.chunks_exact(functions))
}
