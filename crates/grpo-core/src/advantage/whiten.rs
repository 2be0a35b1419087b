//! Normalisation over tokens, and returns: the advantages of REINFORCE++.

use super::estimate::{mean, std};
use crate::Error;

/// `(A − mean) / (std + ε)` over the chosen entries, and zero elsewhere or when they don't differ and ε is
/// zero.
pub(super) fn whitened_among(values: &[f64], chosen: &[bool], epsilon: f64) -> Vec<f64> {
    let kept: Vec<f64> = values.iter().zip(chosen).filter_map(|(&value, &c)| c.then_some(value)).collect();
    let (centre, scale) = (mean(&kept), std(&kept, 1) + epsilon);
    let whiten = |(value, &c): (&f64, &bool)| if c && scale > 0.0 { (value - centre) / scale } else { 0.0 };
    values.iter().zip(chosen).map(whiten).collect()
}

/// Advantages whitened over all active steps of the batch: `(A − mean) / √(var + 1e-8)` with the unbiased
/// variance, where an episode counts once per active step, so long answers weigh more (REINFORCE++ with a
/// group baseline, as in verl).
///
/// `advantages[i]` belongs to an episode of `lengths[i]` active steps. Returns one advantage per episode.
///
/// # Errors
///
/// [`Error::Length`] when the slices differ in length.
pub fn whiten_tokens(advantages: &[f64], lengths: &[usize]) -> Result<Vec<f64>, Error> {
    check(advantages.len(), lengths.len())?;
    let steps: Vec<(f64, f64)> = advantages.iter().zip(lengths).map(|(&a, &n)| (a, n as f64)).collect();
    Ok(whitened(&steps))
}

/// Discounted rewards-to-go `G_t = r_t + γ·G_{t+1}` per step, whitened over all active steps (REINFORCE++;
/// verl).
///
/// `rewards` and `mask` are `[episodes, steps]` row by row. Inactive steps are skipped and get zero. Returns
/// `(returns, advantages)` of the same length.
///
/// # Errors
///
/// [`Error::Length`] when the slices differ in length or don't divide into rows of `steps`.
pub fn discounted_returns(
    rewards: &[f64],
    mask: &[bool],
    steps: usize,
    gamma: f64,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    check(rewards.len(), mask.len())?;
    if steps == 0 || !rewards.len().is_multiple_of(steps) {
        return Err(Error::Length {
            argument: "rewards",
            expected: rewards.len().div_ceil(steps.max(1)) * steps,
            found: rewards.len(),
            reason: "there must be whole rows of `steps`",
        });
    }
    let mut returns = vec![0.0; rewards.len()];
    for start in (0..rewards.len()).step_by(steps) {
        let mut to_go = 0.0;
        for index in (start..start + steps).rev().filter(|&index| mask[index]) {
            to_go = rewards[index] + gamma * to_go;
            returns[index] = to_go;
        }
    }
    let weighted: Vec<(f64, f64)> =
        returns.iter().zip(mask).map(|(&g, &m)| (g, f64::from(u8::from(m)))).collect();
    let mut advantages = whitened(&weighted);
    for (advantage, _) in advantages.iter_mut().zip(mask).filter(|(_, active)| !**active) {
        *advantage = 0.0;
    }
    Ok((returns, advantages))
}

/// `(value, weight)` pairs to whitened values; weights are counts.
pub(crate) fn whitened(values: &[(f64, f64)]) -> Vec<f64> {
    let count: f64 = values.iter().map(|(_, weight)| weight).sum();
    if count < 2.0 {
        return vec![0.0; values.len()];
    }
    let mean = values.iter().map(|(value, weight)| value * weight).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|(value, weight)| (value - mean).powi(2) * weight).sum();
    // verl adds the constant under the root.
    let scale = (squares / (count - 1.0) + 1e-8).sqrt().recip();
    values.iter().map(|(value, _)| (value - mean) * scale).collect()
}

fn check(values: usize, companions: usize) -> Result<(), Error> {
    if values == companions {
        return Ok(());
    }
    Err(Error::Length {
        argument: "advantages",
        expected: companions,
        found: values,
        reason: "the argument beside it has that many",
    })
}
