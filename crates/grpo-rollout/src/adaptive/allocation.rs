use super::config::setting;
use crate::Error;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// How a step's completions are shared among its prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GroupSizes {
    /// The same number for every prompt; what remains goes to the first ones.
    #[default]
    Uniform,
    /// By [`allocate`]: more where rewards vary more.
    Neyman {
        /// The smallest group.
        min_size: usize,
        /// The largest group.
        max_size: usize,
    },
}

impl GroupSizes {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let Self::Neyman { min_size, max_size } = *self else { return Ok(()) };
        if min_size == 0 {
            return Err(setting("groups.neyman.min_size", 0, "every prompt gets at least one completion"));
        }
        if max_size < min_size {
            return Err(setting("groups.neyman.max_size", max_size, "use at least `groups.neyman.min_size`"));
        }
        Ok(())
    }
}

/// Shares `budget` completions among prompts whose rewards have the standard deviations `signals`: between `min` and `max` for each,
/// the whole budget in all.
///
/// The mean over the nᵢ completions of prompt i has variance σᵢ²/nᵢ, and so has what they estimate together, a sum over the
/// prompts, the variance
///
/// ```text
/// V(n) = Σᵢ σᵢ²/nᵢ,   Σᵢ nᵢ = N.
/// ```
///
/// With a multiplier λ for the budget, `∂/∂nᵢ (V + λΣn) = −σᵢ²/nᵢ² + λ = 0` gives `nᵢ = N σᵢ/Σσ`: sizes proportional to the standard deviation
/// ([Neyman 1934](https://doi.org/10.2307/2342192)). Completions are whole, though, and rounding those numbers, whichever
/// way, can miss the best whole ones. V is a sum of convex functions, so they are found exactly one at a
/// time, within any bounds: the next completion goes where it takes most off V, where
/// `σᵢ²/nᵢ − σᵢ²/(nᵢ+1) = σᵢ²/(nᵢ(nᵢ+1))` is largest ([Wright 2012](https://doi.org/10.1080/00031305.2012.733679)).
/// Ties go to the smaller group, then to the first: equal signals, all zero included, share evenly.
///
/// # Errors
/// [`Error::Budget`] when the bounds leave no way, [`Error::Value`] for a signal that isn't a standard deviation.
pub fn allocate(budget: usize, signals: &[f64], min: usize, max: usize) -> Result<Vec<usize>, Error> {
    if let Some((index, &value)) = signals.iter().enumerate().find(|(_, s)| !(s.is_finite() && **s >= 0.0)) {
        return Err(Error::Value {
            what: format!("the signal of prompt {index}"),
            value,
            reason: "a standard deviation is finite and not negative",
        });
    }
    let prompts = signals.len();
    let (least, most) = (prompts.saturating_mul(min), prompts.saturating_mul(max));
    if min == 0 || min > max || !(least..=most).contains(&budget) {
        return Err(Error::Budget { budget, prompts, min, max });
    }
    let mut sizes = vec![min; prompts];
    let mut claims: BinaryHeap<Claim> = signals
        .iter()
        .enumerate()
        .filter(|_| min < max)
        .map(|(index, &signal)| Claim { signal, size: min, index: Reverse(index) })
        .collect();
    for _ in least..budget {
        let Some(mut claim) = claims.pop() else { return Err(Error::Budget { budget, prompts, min, max }) };
        claim.size += 1;
        sizes[claim.index.0] = claim.size;
        if claim.size < max {
            claims.push(claim);
        }
    }
    Ok(sizes)
}

/// A prompt's claim to the next completion.
struct Claim {
    signal: f64,
    size: usize,
    index: Reverse<usize>,
}

impl Claim {
    /// The square root of what V loses; the square could overflow.
    fn gain(&self) -> f64 {
        let n = self.size as f64;
        self.signal / (n * (n + 1.0)).sqrt()
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain()
            .total_cmp(&other.gain())
            .then_with(|| other.size.cmp(&self.size))
            .then_with(|| self.index.cmp(&other.index))
    }
}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Claim {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;
    use rand_chacha::rand_core::RngCore;

    fn variance(signals: &[f64], sizes: &[usize]) -> f64 {
        signals.iter().zip(sizes).map(|(s, &n)| s * s / n as f64).sum()
    }

    /// The least variance over every way to share the budget.
    fn best(budget: usize, signals: &[f64], min: usize, max: usize) -> Option<f64> {
        let Some((&first, rest)) = signals.split_first() else { return (budget == 0).then_some(0.0) };
        (min..=max.min(budget))
            .filter_map(|n| Some(first * first / n as f64 + best(budget - n, rest, min, max)?))
            .reduce(f64::min)
    }

    #[test]
    fn no_other_way_to_share_has_less_variance() {
        let mut rng = Streams::new(4).stream(0, 0, 0);
        let mut below = |n: u64| (rng.next_u64() % n) as usize;
        let (mut compared, mut rounding_loses) = (0, 0);
        for _ in 0..400 {
            let signals: Vec<f64> = (0..1 + below(4)).map(|_| below(20) as f64 / 19.0).collect();
            let (min, budget) = (1 + below(3), 1 + below(20));
            let max = min + below(8);
            match (allocate(budget, &signals, min, max), best(budget, &signals, min, max)) {
                (Ok(sizes), Some(best)) => {
                    assert_eq!(sizes.iter().sum::<usize>(), budget);
                    assert!(sizes.iter().all(|n| (min..=max).contains(n)));
                    let got = variance(&signals, &sizes);
                    assert!(got <= best * (1.0 + 1e-12), "{signals:?} {sizes:?}: {got} > {best}");
                    compared += 1;
                    rounding_loses +=
                        usize::from(variance(&signals, &rounded(budget, &signals)) > got + 1e-9);
                }
                (Err(Error::Budget { .. }), None) => {}
                other => panic!("{budget} over {signals:?} in {min}..={max}: {other:?}"),
            }
        }
        assert!(compared > 100, "{compared}");
        assert!(rounding_loses > 0, "largest remainders would do");
    }

    /// Neyman's real numbers by largest remainders, without bounds.
    fn rounded(budget: usize, signals: &[f64]) -> Vec<usize> {
        let total: f64 = signals.iter().sum();
        let exact: Vec<f64> = signals.iter().map(|s| budget as f64 * s / total.max(1e-300)).collect();
        let mut sizes: Vec<usize> = exact.iter().map(|x| x.floor() as usize).collect();
        let mut order: Vec<usize> = (0..signals.len()).collect();
        order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
        let left = budget.saturating_sub(sizes.iter().sum());
        order.iter().cycle().take(left).for_each(|&i| sizes[i] += 1);
        sizes
    }

    #[test]
    fn sizes_are_proportional_to_the_standard_deviation() {
        assert_eq!(allocate(100, &[0.1, 0.4, 0.0, 0.5], 1, 100).unwrap(), [10, 40, 1, 49]);
        assert_eq!(allocate(1000, &[1.0, 3.0, 6.0], 1, 1000).unwrap(), [100, 300, 600]);
        // What a bound cuts off goes to the others in proportion.
        assert_eq!(allocate(60, &[1.0, 2.0, 9.0], 2, 30).unwrap(), [10, 20, 30]);
    }

    #[test]
    fn equal_signals_share_evenly() {
        for signal in [0.0, 0.3, f64::MAX] {
            assert_eq!(allocate(11, &[signal; 4], 1, 11).unwrap(), [3, 3, 3, 2], "{signal}");
        }
        assert_eq!(allocate(0, &[], 1, 4).unwrap(), [0usize; 0]);
        assert_eq!(allocate(8, &[0.0, 0.0, 1.0], 1, 4).unwrap(), [2, 2, 4]);
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        for (budget, prompts, min, max) in
            [(7, 2, 1, 3), (3, 2, 2, 3), (2, 2, 0, 3), (4, 2, 3, 1), (1, 0, 1, 1)]
        {
            let result = allocate(budget, &vec![1.0; prompts], min, max);
            assert!(matches!(result, Err(Error::Budget { .. })), "{budget} {prompts} {min} {max}");
        }
        for signal in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(allocate(4, &[1.0, signal], 1, 4), Err(Error::Value { .. })));
        }
    }
}
