use crate::Error;
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// How actions are drawn from the policy's distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Divides the logits before the softmax. 0 is greedy decoding, only meaningful for evaluation.
    pub temperature: f64,
    /// An episode is truncated after this many tokens.
    pub max_new_tokens: usize,
    /// Whether an episode goes on after an end-of-sequence token, to its full length.
    pub ignore_eos: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, max_new_tokens: 64, ignore_eos: false }
    }
}

impl Sampling {
    /// Always the most probable action.
    pub fn greedy(max_new_tokens: usize) -> Self {
        Self { temperature: 0.0, max_new_tokens, ..Self::default() }
    }

    /// Refuses values that can't work.
    ///
    /// # Errors
    /// [`Error::Setting`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        if !(self.temperature.is_finite() && (self.temperature == 0.0 || self.temperature >= 1e-6)) {
            return Err(Error::Setting {
                key: "sampling.temperature",
                value: self.temperature.to_string(),
                reason: "use 0 for greedy decoding, or a finite number of at least 1e-6, for instance 1.0",
            });
        }
        if self.max_new_tokens == 0 {
            return Err(Error::Setting {
                key: "sampling.max_new_tokens",
                value: "0".into(),
                reason: "an episode needs at least one token",
            });
        }
        Ok(())
    }
}

/// A drawn action and what its distribution says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The action.
    pub action: u32,
    /// Its natural log-probability *under the distribution that was sampled from* (temperature included).
    pub log_prob: f32,
    /// Entropy of that distribution in nats.
    pub entropy: f32,
}

/// Draws one action from unnormalised log-probabilities by inverting the cumulative distribution.
///
/// `logits` is one row, `[vocab]`. With temperature 0 the result is the first largest entry, its log-probability
/// and the entropy at temperature 1. The sums are in `f64`: the values are exact to `f32` rounding.
///
/// Returns `None` when the row holds NaN, `+inf`, or nothing but `-inf`.
pub fn choose(logits: &[f32], temperature: f64, rng: &mut impl RngCore) -> Option<Choice> {
    let mut best = 0;
    for (index, &value) in logits.iter().enumerate() {
        if value.is_nan() {
            return None;
        }
        if value > logits[best] {
            best = index;
        }
    }
    let max = f64::from(*logits.get(best)?);
    if !max.is_finite() {
        return None;
    }
    let scale = if temperature > 0.0 { 1.0 / temperature } else { 1.0 };
    let scaled = |value: f32| (f64::from(value) - max) * scale;
    let weights: Vec<f64> = logits.iter().map(|&v| scaled(v).exp()).collect();
    let total: f64 = weights.iter().sum();
    // H = log Σw − Σ w log w / Σw; an impossible action (w = 0) adds nothing.
    let weighted: f64 =
        weights.iter().zip(logits).filter(|(w, _)| **w > 0.0).map(|(w, &v)| w * scaled(v)).sum();
    let entropy = (total.ln() - weighted / total) as f32;
    let choice = |index: usize| Choice {
        action: index as u32,
        log_prob: (scaled(logits[index]) - total.ln()) as f32,
        entropy,
    };
    if temperature == 0.0 {
        return Some(choice(best));
    }
    // 53 random bits: the uniform double in [0, 1).
    let uniform = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut left = uniform * total;
    let mut chosen = best;
    for (index, &w) in weights.iter().enumerate() {
        if w > 0.0 {
            chosen = index; // rounding may leave a crumb at the end: the last possible action takes it
            if left < w {
                break;
            }
        }
        left -= w;
    }
    Some(choice(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    #[test]
    fn frequencies_follow_the_tempered_softmax() {
        let logits = [0.0f32, 1.0, f32::NEG_INFINITY, 2.0];
        for temperature in [0.5, 1.0, 2.0] {
            let weights: Vec<f64> = logits.iter().map(|&l| (f64::from(l) / temperature).exp()).collect();
            let total: f64 = weights.iter().sum();
            let entropy: f64 =
                weights.iter().map(|w| w / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
            let mut rng = Streams::new(1).stream(0, 0, 0);
            let (n, mut counts) = (40_000, [0usize; 4]);
            for _ in 0..n {
                let choice = choose(&logits, temperature, &mut rng).unwrap();
                counts[choice.action as usize] += 1;
                let exact = (weights[choice.action as usize] / total).ln();
                assert!((f64::from(choice.log_prob) - exact).abs() < 1e-6);
                assert!((f64::from(choice.entropy) - entropy).abs() < 1e-6);
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let p = weight / total;
                let sigma = (p * (1.0 - p) / n as f64).sqrt();
                assert!((*count as f64 / n as f64 - p).abs() <= 4.0 * sigma, "{counts:?} at {temperature}");
            }
        }
    }

    #[test]
    fn greedy_takes_the_first_largest_and_broken_rows_are_refused() {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        assert_eq!(choose(&[1.0, 3.0, 3.0], 0.0, &mut rng).unwrap().action, 1);
        assert!(choose(&[1.0, f32::NAN], 1.0, &mut rng).is_none());
        assert!(choose(&[f32::INFINITY, 0.0], 1.0, &mut rng).is_none());
        assert!(choose(&[f32::NEG_INFINITY; 3], 1.0, &mut rng).is_none());
        assert!(choose(&[], 1.0, &mut rng).is_none());
    }
}
