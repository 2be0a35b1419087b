//! Words that the completion should contain.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::words;
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// How many of a list of words the completion contains, whole words only, capital or small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keywords {
    /// The words, each a single one (letters, digits and apostrophes).
    pub words: Vec<String>,
    /// What counts. Default: any.
    #[serde(default)]
    pub need: Need,
}

/// How many of the words are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// 1 where at least one of the words appears, 0 otherwise.
    #[default]
    Any,
    /// 1 where all of them appear, 0 otherwise.
    All,
    /// The share of the words that appear, from 0 to 1.
    Share,
    /// 1 where none of them appears, 0 otherwise.
    None,
}

impl Settings for Keywords {
    fn kind(&self) -> &'static str {
        "keywords"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.words.is_empty() {
            return Err(RewardError::invalid("words", "is empty", "list at least one word"));
        }
        let mut seen = HashSet::new();
        for (index, word) in self.words.iter().enumerate() {
            let key = format!("words[{index}]");
            if words(word).next() != Some(word.as_str()) {
                let fix = "list single words; use `kind = \"regex\"` for phrases";
                return Err(RewardError::invalid(&key, format!("{word:?} is not one word"), fix));
            }
            if !seen.insert(word.to_lowercase()) {
                return Err(RewardError::invalid(&key, format!("{word:?} is listed twice"), "remove one"));
            }
        }
        let wanted = self.words.iter().map(|word| word.to_lowercase()).collect();
        Ok(Box::new(Finder { wanted, need: self.need }))
    }
}

struct Finder {
    wanted: Vec<String>,
    need: Need,
}

impl Reward for Finder {
    fn name(&self) -> &str {
        "keywords"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let present: HashSet<String> = words(sample.completion).map(str::to_lowercase).collect();
        let found: Vec<&str> =
            self.wanted.iter().filter(|word| present.contains(*word)).map(String::as_str).collect();
        let (count, all) = (found.len(), self.wanted.len());
        let value = match self.need {
            Need::Any => f64::from(u8::from(count > 0)),
            Need::All => f64::from(u8::from(count == all)),
            Need::Share => count as f64 / all as f64,
            Need::None => f64::from(u8::from(count == 0)),
        };
        let score = Score::new(value, format!("{count} of {all} words"));
        Some(if found.is_empty() { score } else { score.with_extracted(found.join(", ")) })
    }
}
