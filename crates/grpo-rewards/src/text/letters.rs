//! Shares of letters and of words that begin with a letter.

use serde::{Deserialize, Serialize};

use super::character::Character;
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

/// One letter, capital or small.
struct Letter {
    letter: char,
    character: Character,
}

impl Letter {
    fn new(letter: char) -> Result<Self, RewardError> {
        check(letter)?;
        Ok(Self { letter, character: Character::of(letter) })
    }

    #[inline]
    fn is(&self, c: char, character: Character) -> bool {
        let one = || character.lowercase().is_some();
        character.small() == self.character.small()
            && (one() || c == self.letter || c.to_lowercase().eq(self.letter.to_lowercase()))
    }
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
        Ok(Box::new(Letters { letter: Letter::new(self.letter)?, minimum: self.min_letters }))
    }
}

struct Letters {
    letter: Letter,
    minimum: usize,
}

impl Reward for Letters {
    fn name(&self) -> &str {
        "letter_share"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let (mut count, mut all) = (0, 0);
        for c in sample.completion.chars() {
            let character = Character::of(c);
            // Added without a branch: in a text of letters and digits at random it would be guessed wrong.
            all += usize::from(character.is_alphabetic());
            count += usize::from(character.is_alphabetic() & self.letter.is(c, character));
        }
        Some(share(count, all, self.minimum, "letters"))
    }
}

impl Settings for InitialShare {
    fn kind(&self) -> &'static str {
        "initial_share"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Initials { letter: Letter::new(self.letter)?, minimum: self.min_words }))
    }
}

struct Initials {
    letter: Letter,
    minimum: usize,
}

impl Reward for Initials {
    fn name(&self) -> &str {
        "initial_share"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let (mut count, mut all) = (0, 0);
        for word in words(sample.completion) {
            all += 1;
            count += usize::from(word.starts_with(|c| self.letter.is(c, Character::of(c))));
        }
        Some(share(count, all, self.minimum, "words"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RewardSpec;
    use crate::text::random::Texts;

    #[test]
    fn fast_and_plain_agree_on_random_texts() {
        let same = |a: char, b: char| a == b || a.to_lowercase().eq(b.to_lowercase());
        let share = |count: usize, all: usize| if all == 0 { 0.0 } else { count as f64 / all as f64 };
        let mut random = Texts::new(2);
        for letter in ['e', 'E', 'k', '\u{212a}', 's', 'ſ', 'İ', 'i', 'Σ', 'ς', 'ß', 'ẞ', 'ǅ', 'я', '漢', '𐐀']
        {
            let letters = RewardSpec::new(LetterShare { letter, min_letters: 1 }).build().unwrap();
            let initials = RewardSpec::new(InitialShare { letter, min_words: 1 }).build().unwrap();
            for _ in 0..5000 {
                let text = random.text(12);
                let value = |reward: &dyn Reward| reward.score(&Sample::new("", &text)).unwrap().value;
                let all: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
                let count = all.iter().filter(|c| same(**c, letter)).count();
                assert_eq!(value(&*letters), share(count, all.len()), "{letter:?} in {text:?}");
                let all: Vec<&str> = words(&text).collect();
                let count = all.iter().filter(|word| word.starts_with(|c| same(c, letter))).count();
                assert_eq!(value(&*initials), share(count, all.len()), "{letter:?} in {text:?}");
            }
        }
    }
}
