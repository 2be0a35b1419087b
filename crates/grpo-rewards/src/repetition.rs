//! A penalty for saying the same thing again and again.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::ngram::{NGrams, WordNumbers, numbered};
use crate::spec::Settings;
use crate::text::{lowercase, most_words, words};
use crate::{Reward, RewardError, Sample, Score};

/// The share of n-grams that appeared before, from 0 to below 1; 0 for fewer than `n` items (and for n = 0).
///
/// ```
/// use grpo_rewards::repetition::repeated_share;
/// assert_eq!(repeated_share(&[5, 5, 5, 5, 5], 2), 0.75);
/// ```
pub fn repeated_share<T: Eq + Hash>(items: &[T], n: usize) -> f64 {
    if n == 0 || items.len() < n {
        return 0.0;
    }
    repeated(&numbered(items), n)
}

/// [`repeated_share`] of numbers.
fn repeated(items: &[u32], n: usize) -> f64 {
    if n == 0 || items.len() < n {
        return 0.0;
    }
    let mut unique = 0_usize;
    NGrams::new(items, n).each(0..items.len(), |at, first| unique += usize::from(at == first));
    1.0 - unique as f64 / (items.len() - n + 1) as f64
}

/// What an n-gram is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// The policy's tokens, as TRL counts; not applicable where they are not known.
    #[default]
    Tokens,
    /// Words, capital or small.
    Words,
}

/// [`repeated_share`] times a penalty. Equal to TRL's `get_repetition_penalty_reward` (after Yeo et al. 2025,
/// "Demystifying Long Chain-of-Thought Reasoning").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repetition {
    /// How many items in a row make an n-gram, 1 to 64. Default: 3.
    pub ngram: usize,
    /// The reward of a completion that only repeats itself, 0 or less. Default: -1.
    pub max_penalty: f64,
    /// What is counted. Default: tokens.
    pub items: Items,
}

impl Default for Repetition {
    fn default() -> Self {
        Self { ngram: 3, max_penalty: -1.0, items: Items::default() }
    }
}

impl Settings for Repetition {
    fn kind(&self) -> &'static str {
        "repetition"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if !(1..=64).contains(&self.ngram) {
            return Err(RewardError::invalid(
                "ngram",
                format!("is {}", self.ngram),
                "use 1 to 64, usually 3",
            ));
        }
        if !self.max_penalty.is_finite() || self.max_penalty > 0.0 {
            let problem = format!("{} would reward repetition or is not finite", self.max_penalty);
            return Err(RewardError::invalid("max_penalty", problem, "use a negative number such as -1.0"));
        }
        Ok(Box::new(self.clone()))
    }
}

impl Reward for Repetition {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let share = match self.items {
            Items::Tokens => {
                sample.token_count()?;
                repeated(sample.tokens, self.ngram)
            }
            Items::Words => {
                let text = lowercase(sample.completion);
                let mut numbers = WordNumbers::default();
                let mut items = Vec::with_capacity(most_words(&text));
                items.extend(words(&text).map(|word| numbers.of(word)));
                repeated(&items, self.ngram)
            }
        };
        // Not `share * penalty` alone: that would be -0 for a text without repetition.
        let value = if share == 0.0 { 0.0 } else { share * self.max_penalty };
        Some(Score::new(value, format!("{:.0}% of {}-grams are repeated", share * 100.0, self.ngram)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::text::random::Texts;

    fn plain<T: Eq + Hash>(items: &[T], n: usize) -> f64 {
        if n == 0 || items.len() < n {
            return 0.0;
        }
        let unique: HashSet<&[T]> = items.windows(n).collect();
        1.0 - unique.len() as f64 / (items.len() - n + 1) as f64
    }

    #[test]
    fn fast_and_plain_agree_on_random_items() {
        let mut random = Texts::new(5);
        for _ in 0..20_000 {
            let (kinds, n) = (1 + random.below(6), random.below(9));
            let items: Vec<u32> =
                (0..random.below(60)).map(|_| u32::MAX - random.below(kinds) as u32).collect();
            assert_eq!(repeated(&items, n), plain(&items, n), "{items:?} {n}");
            assert_eq!(repeated_share(&items, n), plain(&items, n), "{items:?} {n}");
        }
    }

    #[test]
    fn fast_and_plain_agree_on_random_texts() {
        let mut random = Texts::new(6);
        for _ in 0..20_000 {
            let (text, ngram) = (random.text(60), 1 + random.below(3));
            let reward = Repetition { ngram, max_penalty: -1.0, items: Items::Words };
            let small = text.to_lowercase();
            let share = plain(&words(&small).collect::<Vec<_>>(), ngram);
            assert_eq!(reward.score(&Sample::new("", &text)).unwrap().value, 0.0 - share, "{text:?}");
        }
    }
}
