//! Shares of letters and of words that begin with a letter.

use serde::{Deserialize, Serialize};

use super::words;
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// The share of one letter among all letters of the completion, from 0 to 1. Capital and small count the
/// same; a completion without letters gets 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterShare {
    /// The letter.
    pub letter: char,
    /// A completion with fewer letters than this gets 0, so that "eee" is not the best story. Default: 1.
    #[serde(default = "one")]
    pub min_letters: usize,
}

/// The share of the completion's words that begin with one letter, from 0 to 1. Capital and small count the
/// same; a completion without words gets 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialShare {
    /// The letter.
    pub letter: char,
    /// A completion with fewer words than this gets 0. Default: 1.
    #[serde(default = "one")]
    pub min_words: usize,
}

fn one() -> usize {
    1
}

fn check(letter: char) -> Result<(), RewardError> {
    if letter.is_alphabetic() {
        return Ok(());
    }
    Err(RewardError::invalid(
        "letter",
        format!("{letter:?} is not a letter"),
        "use one letter, such as \"s\"",
    ))
}

fn same(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

fn share(count: usize, all: usize, minimum: usize, what: &str) -> Score {
    if all == 0 || all < minimum {
        return Score::new(0.0, format!("only {all} of at least {} {what}", minimum.max(1)));
    }
    Score::new(count as f64 / all as f64, format!("{count} of {all} {what}"))
}

impl Settings for LetterShare {
    fn kind(&self) -> &'static str {
        "letter_share"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        check(self.letter)?;
        Ok(Box::new(self.clone()))
    }
}

impl Reward for LetterShare {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let letters = sample.completion.chars().filter(|c| c.is_alphabetic());
        let (count, all) =
            letters.fold((0, 0), |(count, all), c| (count + usize::from(same(c, self.letter)), all + 1));
        Some(share(count, all, self.min_letters, "letters"))
    }
}

impl Settings for InitialShare {
    fn kind(&self) -> &'static str {
        "initial_share"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        check(self.letter)?;
        Ok(Box::new(self.clone()))
    }
}

impl Reward for InitialShare {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let (count, all) = words(sample.completion).fold((0, 0), |(count, all), word| {
            (count + usize::from(word.starts_with(|c| same(c, self.letter))), all + 1)
        });
        Some(share(count, all, self.min_words, "words"))
    }
}
