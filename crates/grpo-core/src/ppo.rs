//! PPO for comparison: advantages from a value model (GAE) and the value model's loss.
//!
//! GRPO replaces the value model by the group's mean. To see what that costs or saves, the trainer can run
//! PPO with the same objective on these advantages.

use burn::tensor::{Bool, Tensor};

use crate::Error;
use crate::advantage::whitened;
use crate::mask::{self, Mask};

/// Advantages and returns per step, `[episodes, steps]` row by row; zero outside the mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Gae {
    /// Generalised advantages `A_t`, in units of reward.
    pub advantages: Vec<f64>,
    /// The value model's targets `A_t + V_t`.
    pub returns: Vec<f64>,
}

impl Gae {
    /// The advantages whitened over all active steps of the batch: zero mean, unit (unbiased) variance,
    /// `1e-8` under the root (verl). Zero outside `mask`, which is `[episodes, steps]` row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the mask has another length.
    pub fn whitened(&self, mask: &[bool]) -> Result<Vec<f64>, Error> {
        same_length("mask", mask.len(), self.advantages.len())?;
        let weighted: Vec<(f64, f64)> =
            self.advantages.iter().zip(mask).map(|(&a, &m)| (a, f64::from(u8::from(m)))).collect();
        let values = whitened(&weighted);
        Ok(values.into_iter().zip(mask).map(|(value, &active)| if active { value } else { 0.0 }).collect())
    }
}

/// Generalised advantage estimation ([Schulman et al., eq. 16](https://arxiv.org/abs/1506.02438)):
///
/// ```text
/// δ_t = r_t + γ·V_{t+1} − V_t        A_t = δ_t + γλ·A_{t+1}
/// ```
///
/// over the active steps of each episode; inactive steps are skipped (the next active step's value is used)
/// and the value after the last one is zero: the episode has terminated. `rewards`, `values` and `mask` are
/// `[episodes, steps]` row by row. For episodes that a limit cut off, see
/// [`generalized_advantages_from`].
///
/// # Errors
///
/// [`Error::Length`] when the slices differ in length or don't divide into rows of `steps`.
pub fn generalized_advantages(
    rewards: &[f64],
    values: &[f64],
    mask: &[bool],
    steps: usize,
    gamma: f64,
    lambda: f64,
) -> Result<Gae, Error> {
    let episodes = rewards.len() / steps.max(1);
    generalized_advantages_from(rewards, values, mask, &vec![0.0; episodes], steps, gamma, lambda)
}

/// [`generalized_advantages`] of episodes that may have been truncated: `last_values` has, for each, the value of the state after its
/// last active step, 0 where the episode terminated (time limits in reinforcement learning,
/// [Pardo et al. 2018](https://arxiv.org/abs/1712.00378)).
///
/// # Errors
///
/// As [`generalized_advantages`], and when there isn't one last value per episode.
pub fn generalized_advantages_from(
    rewards: &[f64],
    values: &[f64],
    mask: &[bool],
    last_values: &[f64],
    steps: usize,
    gamma: f64,
    lambda: f64,
) -> Result<Gae, Error> {
    same_length("values", values.len(), rewards.len())?;
    same_length("mask", mask.len(), rewards.len())?;
    if steps == 0 || !rewards.len().is_multiple_of(steps) {
        return Err(Error::Length {
            argument: "rewards",
            expected: rewards.len().div_ceil(steps.max(1)) * steps,
            found: rewards.len(),
            reason: "there must be whole rows of `steps`",
        });
    }
    if last_values.len() != rewards.len() / steps {
        return Err(Error::Length {
            argument: "last_values",
            expected: rewards.len() / steps,
            found: last_values.len(),
            reason: "every episode has one",
        });
    }
    let mut advantages = vec![0.0; rewards.len()];
    let mut returns = vec![0.0; rewards.len()];
    for start in (0..rewards.len()).step_by(steps) {
        let (mut next_value, mut next_advantage) = (last_values[start / steps], 0.0);
        for t in (start..start + steps).rev().filter(|&t| mask[t]) {
            let delta = rewards[t] + gamma * next_value - values[t];
            next_advantage = delta + gamma * lambda * next_advantage;
            next_value = values[t];
            advantages[t] = next_advantage;
            returns[t] = next_advantage + values[t];
        }
    }
    Ok(Gae { advantages, returns })
}

/// The share of the returns' variance that the values explain, over active steps: `1 − Var(G − V) / Var(G)`; 1 for a perfect value
/// model, 0 for one that says the same of every state, negative for a worse one, and `None` where returns don't vary. All slices are
/// `[episodes, steps]` row by row.
///
/// # Errors
///
/// [`Error::Length`] when the slices differ in length.
pub fn explained_variance(values: &[f64], returns: &[f64], mask: &[bool]) -> Result<Option<f64>, Error> {
    same_length("values", values.len(), returns.len())?;
    same_length("mask", mask.len(), returns.len())?;
    let active = || (0..mask.len()).filter(|&t| mask[t]);
    let count = active().count().max(1) as f64;
    let variance = |x: &dyn Fn(usize) -> f64| {
        let mean = active().map(x).sum::<f64>() / count;
        active().map(|t| (x(t) - mean).powi(2)).sum::<f64>() / count
    };
    let total = variance(&|t| returns[t]);
    Ok((total > 0.0).then(|| 1.0 - variance(&|t| returns[t] - values[t]) / total))
}

/// The value model's loss and the share of active steps whose prediction was clipped, both on the device.
#[derive(Debug, Clone)]
pub struct ValueLoss {
    /// `Σ w · ½ · max((V − G)², (clip(V, V_old ± c) − G)²)`, `[1]`.
    pub loss: Tensor<1>,
    /// Number of active steps for which the clipped error was the larger one, `[1]`; additive over
    /// micro-batches.
    pub clipped: Tensor<1>,
}

/// PPO's clipped value loss (as in OpenAI's baselines and verl): `values` (differentiated), `old_values`,
/// `returns` and `mask` `[episodes, steps]`, `weights` `[episodes, 1]` or `[episodes, steps]` of the whole
/// optimizer step from [`Aggregate`](crate::Aggregate). `clip` is in units of value.
///
/// # Errors
///
/// [`Error::Shape`] when the shapes differ, [`Error::Config`] when `clip` isn't above zero.
pub fn value_loss(
    values: Tensor<2>,
    old_values: Tensor<2>,
    returns: Tensor<2>,
    mask: Tensor<2, Bool>,
    weights: Tensor<2>,
    clip: f64,
) -> Result<ValueLoss, Error> {
    if clip.is_nan() || clip <= 0.0 {
        return Err(Error::config("value_clip", clip, "give a bound above zero (usually 0.2)"));
    }
    let shape = values.dims();
    let dtype = mask::compute_dtype(values.dtype());
    mask::exact("old_values", old_values.dims(), shape)?;
    mask::exact("returns", returns.dims(), shape)?;
    mask::exact("mask", mask.dims(), shape)?;
    let mask = Mask::new(mask, dtype);
    let constant = |x: Tensor<2>| mask.select(x.inner().cast(dtype), 0.0);
    let (old, returns) = (constant(old_values), constant(returns));
    let weights = mask.select(mask::broadcast("weights", weights.inner(), shape, dtype)?, 0.0);
    let values = mask.select(values.cast(dtype), 0.0);

    let clipped = (values.clone() - old.clone()).clamp(-clip, clip) + old;
    let error = (values - returns.clone()).square();
    let clipped_error = (clipped - returns).square();
    let larger = clipped_error.clone().inner().greater(error.clone().inner());
    let count = (mask.indicator.zeros_like().mask_fill(larger, 1.0) * mask.indicator.clone()).sum();
    let loss = (error.max_pair(clipped_error) * weights).sum() * 0.5;
    Ok(ValueLoss { loss, clipped: count })
}

fn same_length(argument: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Length { argument, expected, found, reason: "`rewards` has that many" })
}
