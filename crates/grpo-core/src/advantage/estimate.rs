//! The estimate itself, group by group, in f64.

use super::{AdvantageEstimator, Advantages, Baseline, Scale, StepAdvantages};
use crate::Error;

pub(super) fn estimate(
    config: &AdvantageEstimator,
    rewards: &[Option<f64>],
    group_sizes: &[usize],
    lengths: Option<&[usize]>,
) -> Result<Advantages, Error> {
    check_lengths(config.baseline, rewards, group_sizes, lengths)?;
    let scored: Vec<f64> = rewards.iter().copied().flatten().collect();
    let batch_std = std(&scored, 1);
    let non_zero = share_non_zero(&scored);

    let (mut values, mut compared) = (Vec::with_capacity(rewards.len()), Vec::with_capacity(rewards.len()));
    let (mut without_spread, mut group_stds) = (0, 0.0);
    let mut start = 0;
    for &size in group_sizes {
        let members = start..start + size;
        let group: Vec<f64> = rewards[members.clone()].iter().copied().flatten().collect();
        group_stds += std(&group, 1);
        let comparable = group.len() > 1;
        compared.extend(rewards[members.clone()].iter().map(|reward| comparable && reward.is_some()));
        if !has_spread(&group) {
            without_spread += usize::from(comparable);
            values.extend(std::iter::repeat_n(0.0, size));
        } else {
            let scale = scale_of(config, &group, batch_std, non_zero);
            let baseline =
                BaselineOf::new(config.baseline, &rewards[members.clone()], lengths.map(|l| &l[members]));
            let advantage =
                |reward: &Option<f64>| reward.map_or(0.0, |reward| baseline.deviation(reward) / scale);
            values.extend(rewards[start..start + size].iter().map(advantage));
        }
        start += size;
    }
    Ok(Advantages {
        values,
        groups: group_sizes.len(),
        group_sizes: group_sizes.to_vec(),
        groups_without_spread: without_spread,
        compared,
        missing: rewards.len() - scored.len(),
        reward_mean: mean(&scored),
        reward_std: group_stds / (group_sizes.len().max(1) as f64),
    })
}

/// Advantages of every step of episodes, from what each episode still got: see
/// [`AdvantageEstimator::estimate_to_go`].
pub(super) fn estimate_to_go(
    config: &AdvantageEstimator,
    rewards: &[Vec<f64>],
    clocks: &[Vec<u64>],
    group_sizes: &[usize],
    discount: f64,
) -> Result<StepAdvantages, Error> {
    let to_go: Vec<Vec<f64>> = rewards.iter().map(|steps| to_go(steps, discount)).collect();
    // What the episode is worth at its start; an episode without a step got nothing.
    let worth: Vec<Option<f64>> =
        to_go.iter().map(|steps| Some(steps.first().copied().unwrap_or(0.0))).collect();
    let lengths: Vec<usize> = rewards.iter().map(Vec::len).collect();
    let episodes = estimate(config, &worth, group_sizes, Some(&lengths))?;
    let all: Vec<f64> = worth.iter().copied().flatten().collect();
    let (batch_std, non_zero) = (std(&all, 1), share_non_zero(&all));
    // What an episode still got from a time on; who is done gets nothing any more.
    let after = |episode: usize, time: u64| {
        let step = clocks[episode].partition_point(|&clock| clock < time);
        to_go[episode].get(step).copied().unwrap_or(0.0)
    };
    let mut values = Vec::with_capacity(rewards.len());
    let mut start = 0;
    for &size in group_sizes {
        let members = start..start + size;
        start += size;
        if !has_spread(&all[members.clone()]) {
            values.extend(lengths[members].iter().map(|&length| vec![0.0; length]));
            continue;
        }
        let scale = scale_of(config, &all[members.clone()], batch_std, non_zero);
        for own in members.clone() {
            let advantage = |(step, &time): (usize, &u64)| {
                let reward = to_go[own][step];
                let others = |other| Some(if other == own { reward } else { after(other, time) });
                let group: Vec<Option<f64>> = members.clone().map(others).collect();
                let baseline = BaselineOf::new(config.baseline, &group, Some(&lengths[members.clone()]));
                baseline.deviation(reward) / scale
            };
            values.push(clocks[own].iter().enumerate().map(advantage).collect());
        }
    }
    Ok(StepAdvantages { values, episodes })
}

/// `G_t = r_t + γ G_{t+1}`.
fn to_go(rewards: &[f64], discount: f64) -> Vec<f64> {
    let mut returns = rewards.to_vec();
    for step in (1..returns.len()).rev() {
        returns[step - 1] += discount * returns[step];
    }
    returns
}

fn share_non_zero(rewards: &[f64]) -> f64 {
    rewards.iter().filter(|reward| **reward != 0.0).count().max(1) as f64 / rewards.len().max(1) as f64
}

/// What the deviations of one group are divided by.
fn scale_of(config: &AdvantageEstimator, group: &[f64], batch_std: f64, non_zero: f64) -> f64 {
    match config.scale {
        Scale::None => 1.0,
        Scale::Group => std(group, 1) + config.epsilon,
        Scale::GroupPopulation => std(group, 0) + config.epsilon,
        Scale::Batch => batch_std + config.epsilon,
        Scale::NonZero => non_zero,
    }
}

/// The baseline of one group, with what is needed to take a reward's deviation from it.
enum BaselineOf {
    Constant(f64),
    Others { sum: f64, count: f64 },
    SecondBest { best: f64, second: f64 },
}

impl BaselineOf {
    fn new(baseline: Baseline, group: &[Option<f64>], lengths: Option<&[usize]>) -> Self {
        let scored: Vec<f64> = group.iter().copied().flatten().collect();
        match baseline {
            Baseline::GroupMean => Self::Constant(mean(&scored)),
            Baseline::LeaveOneOut => Self::Others { sum: scored.iter().sum(), count: scored.len() as f64 },
            Baseline::LengthWeighted => {
                let weighted = group
                    .iter()
                    .zip(lengths.unwrap_or_default())
                    .filter_map(|(r, &l)| Some(((*r)?, l as f64)));
                let (sum, weight) =
                    weighted.fold((0.0, 0.0), |(sum, weight), (r, l)| (sum + r * l, weight + l));
                Self::Constant(if weight > 0.0 { sum / weight } else { mean(&scored) })
            }
            Baseline::SecondBest => {
                let (mut best, mut second) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
                for reward in scored {
                    if reward > best {
                        (best, second) = (reward, best);
                    } else {
                        second = second.max(reward);
                    }
                }
                Self::SecondBest { best, second }
            }
        }
    }

    fn deviation(&self, reward: f64) -> f64 {
        match *self {
            Self::Constant(baseline) => reward - baseline,
            Self::Others { sum, count } => reward - (sum - reward) / (count - 1.0),
            Self::SecondBest { best, second } if reward == best => best - second,
            Self::SecondBest { .. } => 0.0,
        }
    }
}

/// Whether rewards differ by more than rounding.
///
/// Verifiers add up parts like 0.1 + 0.2, so equal rewards may differ in the last bits of an f32; divided by
/// their own standard deviation those bits would become advantages of order one. The bound is relative, so
/// that scaling all rewards changes nothing.
fn has_spread(rewards: &[f64]) -> bool {
    let largest = rewards.iter().fold(0.0_f64, |m, r| m.max(r.abs()));
    let (low, high) =
        rewards.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &r| (l.min(r), h.max(r)));
    rewards.len() > 1 && high - low > ROUNDING * largest
}

/// Four units in the last place of an f32.
const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The standard deviation with `lost` degrees of freedom taken off; zero when nothing is left.
pub(super) fn std(values: &[f64], lost: usize) -> f64 {
    if values.len() <= lost {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - lost) as f64).sqrt()
}

fn check_lengths(
    baseline: Baseline,
    rewards: &[Option<f64>],
    group_sizes: &[usize],
    lengths: Option<&[usize]>,
) -> Result<(), Error> {
    let total = group_sizes.iter().sum();
    if rewards.len() != total {
        return Err(Error::Length {
            argument: "rewards",
            expected: total,
            found: rewards.len(),
            reason: "the group sizes add up to that",
        });
    }
    match lengths {
        Some(lengths) if lengths.len() != rewards.len() => Err(Error::Length {
            argument: "lengths",
            expected: rewards.len(),
            found: lengths.len(),
            reason: "every reward's episode has a length",
        }),
        None if baseline == Baseline::LengthWeighted => Err(Error::Missing {
            argument: "lengths",
            reason: "the `length_weighted` baseline weighs rewards by them; use `estimate_groups` with lengths",
        }),
        _ => Ok(()),
    }
}
