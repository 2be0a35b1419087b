//! Randomness as a stream of draws: counter-based when seeded, replaceable by a recording.
//!
//! Every stream is keyed by a domain, a seed and an index (`ChaCha8` with those as its key), so the
//! draws of problem 7 do not depend on whether problem 6 was ever asked for, on the number of workers
//! or on a resumed run. Simulators take their draws through the trait [`Draws`], which lets a test
//! replay the draws recorded from somebody else's implementation.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A source of random draws.
pub trait Draws {
    /// A uniform number in `[0, 1)`.
    fn unit(&mut self) -> f64;

    /// A uniform integer in `low..=high`, both ends included. An empty range gives `low`.
    fn integer(&mut self, low: i64, high: i64) -> i64;

    /// `count` distinct items out of `0..population`, every subset equally likely, in no particular
    /// order; all of them when `count` exceeds `population`.
    fn sample(&mut self, population: usize, count: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..population).collect();
        let count = count.min(population);
        // A partial Fisher-Yates shuffle: the first `count` places are a uniform sample.
        for place in 0..count {
            let other = self.integer(place as i64, population as i64 - 1) as usize;
            items.swap(place, other);
        }
        items.truncate(count);
        items
    }

    /// A place in `weights`, each as likely as its weight; weights need not add up to 1, and those that
    /// are not positive are never drawn. 0 when none is positive.
    fn weighted(&mut self, weights: &[f64]) -> usize {
        let positive = || weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        let mut rest = self.unit() * positive().map(|(_, weight)| weight).sum::<f64>();
        let mut chosen = 0;
        for (place, weight) in positive() {
            chosen = place;
            if rest < *weight {
                break;
            }
            rest -= weight;
        }
        chosen
    }

    /// A standard normal number (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// The draws of one counter-based stream.
///
/// ```
/// use grpo_edu::{Draws, SeededDraws};
///
/// let mut one = SeededDraws::new("example", 17, 3);
/// let mut again = SeededDraws::new("example", 17, 3);
/// assert_eq!(one.integer(0, 9), again.integer(0, 9));
/// ```
#[derive(Debug, Clone)]
pub struct SeededDraws(ChaCha8Rng);

impl SeededDraws {
    /// The stream of `(domain, seed, index)`. `domain` keeps streams of different purposes apart that
    /// share seed and index; its first 16 bytes count.
    pub fn new(domain: &str, seed: u64, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&index.to_le_bytes());
        for (slot, byte) in key[16..].iter_mut().zip(domain.bytes()) {
            *slot = byte;
        }
        Self(ChaCha8Rng::from_seed(key))
    }
}

impl Draws for SeededDraws {
    fn unit(&mut self) -> f64 {
        self.0.unit()
    }

    fn integer(&mut self, low: i64, high: i64) -> i64 {
        self.0.integer(low, high)
    }
}

/// For worlds that are handed a generator, as in a rollout.
impl Draws for ChaCha8Rng {
    fn unit(&mut self) -> f64 {
        // The 53 high bits: every multiple of 2^-53 in [0, 1) is equally likely.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn integer(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        // Wrapping arithmetic is exact here: the span of two i64 fits a u64. Only the full range has a
        // span of 2^64, where every draw is already uniform.
        let span = (high.wrapping_sub(low) as u64).wrapping_add(1);
        let offset = if span == 0 { self.next_u64() } else { below(self, span) };
        low.wrapping_add(offset as i64)
    }
}

/// A uniform integer in `0..bound` without bias (Lemire 2019, "Fast random integer generation in an
/// interval"); 0 when `bound` is 0.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    let mut product = u128::from(rng.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u64) < threshold {
            product = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_domain_seed_and_index() {
        let first = |domain, seed, index| SeededDraws::new(domain, seed, index).0.next_u64();
        let base = first("a", 1, 2);
        assert_eq!(base, first("a", 1, 2));
        assert_ne!(base, first("b", 1, 2));
        assert_ne!(base, first("a", 2, 2));
        assert_ne!(base, first("a", 1, 3));
        assert_ne!(base, first("a", 2, 1));
    }

    #[test]
    fn integers_are_uniform_and_stay_in_range() {
        let mut draws = SeededDraws::new("test", 0, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[(draws.integer(-3, 3) + 3) as usize] += 1;
        }
        // Standard deviation of a count is about 93; five of them either side.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 465), "{counts:?}");
        assert_eq!(draws.integer(5, 5), 5);
        assert_eq!(draws.integer(5, 4), 5);
        draws.integer(i64::MIN, i64::MAX);
    }

    #[test]
    fn samples_are_distinct_and_every_item_is_equally_likely() {
        let mut draws = SeededDraws::new("test", 0, 1);
        let mut counts = [0_u32; 10];
        for _ in 0..20_000 {
            let mut chosen = draws.sample(10, 3);
            for &item in &chosen {
                counts[item] += 1;
            }
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), 3);
        }
        // 6,000 expected, standard deviation about 65.
        assert!(counts.iter().all(|&count| count.abs_diff(6_000) < 325), "{counts:?}");
        assert_eq!(draws.sample(3, 9).len(), 3);
        assert!(draws.sample(0, 1).is_empty());
    }

    #[test]
    fn weighted_draws_follow_the_weights() {
        let mut draws = SeededDraws::new("test", 0, 3);
        let mut counts = [0_u32; 5];
        for _ in 0..20_000 {
            counts[draws.weighted(&[0.0, 1.0, f64::NAN, 3.0, -1.0])] += 1;
        }
        assert_eq!((counts[0], counts[2], counts[4]), (0, 0, 0));
        // 5,000 expected, standard deviation about 61.
        assert!(counts[1].abs_diff(5_000) < 305, "{counts:?}");
        assert_eq!(draws.weighted(&[]), 0);
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut draws = SeededDraws::new("test", 0, 4);
        let sample: Vec<f64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = sample.iter().sum::<f64>() / 20_000.0;
        let variance = sample.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        let beyond_two = sample.iter().filter(|x| x.abs() > 2.0).count() as f64 / 20_000.0;
        assert!(mean.abs() < 0.035 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert!((beyond_two - 0.0455).abs() < 0.0075, "{beyond_two}");
    }

    #[test]
    fn unit_draws_lie_in_the_half_open_interval() {
        let mut draws = SeededDraws::new("test", 0, 2);
        let mean =
            (0..10_000).map(|_| draws.unit()).inspect(|&u| assert!((0.0..1.0).contains(&u))).sum::<f64>()
                / 10_000.0;
        assert!((mean - 0.5).abs() < 0.015, "{mean}");
    }
}
