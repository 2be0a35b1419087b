//! Words that the completion should contain.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::words;
use super::words::{packed, push_lowercase};
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
        let wanted: Vec<String> = self.words.iter().map(|word| word.to_lowercase()).collect();
        let places = wanted.iter().cloned().enumerate().map(|(place, word)| (word, place)).collect();
        let short =
            wanted.iter().enumerate().filter_map(|(place, word)| Some((packed(word.bytes())?, place)));
        let short = short.collect();
        let longest = wanted.iter().map(String::len).max().unwrap_or(0);
        Ok(Box::new(Finder { wanted, places, short, longest, need: self.need }))
    }
}

struct Finder {
    wanted: Vec<String>,
    /// Where each stands in `wanted`.
    places: HashMap<String, usize, RandomState>,
    /// The same by their bytes, for those of up to seven.
    short: HashMap<u64, usize, RandomState>,
    /// The length of the longest, in bytes.
    longest: usize,
    need: Need,
}

impl Finder {
    /// Where a word stands in `wanted`. The buffer is for its small letters.
    fn place(&self, word: &str, small: &mut String) -> Option<&usize> {
        if word.is_ascii()
            && let Some(key) = packed(word.bytes().map(|byte| byte.to_ascii_lowercase()))
        {
            return self.short.get(&key);
        }
        // Small letters are at least as many characters, and a character has at most four bytes.
        if word.len() > self.longest * 4 {
            return None;
        }
        small.clear();
        push_lowercase(small, word);
        self.places.get(small.as_str())
    }

    /// Which of the wanted words the text has.
    fn present(&self, text: &str) -> Vec<bool> {
        let mut present = vec![false; self.wanted.len()];
        let mut missing = self.wanted.len();
        let mut small = String::new();
        for word in words(text) {
            if let Some(place) = self.place(word, &mut small)
                && !std::mem::replace(&mut present[*place], true)
            {
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        present
    }
}

impl Reward for Finder {
    fn name(&self) -> &str {
        "keywords"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let present = self.present(sample.completion);
        let found = self.wanted.iter().zip(present).filter(|(_, present)| *present);
        let found: Vec<&str> = found.map(|(word, _)| word.as_str()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RewardSpec;
    use crate::text::random::Texts;

    #[test]
    fn fast_and_plain_agree_on_random_texts() {
        let wanted = ["a", "AB", "e", "k", "ß", "i\u{307}", "σς", "σ", "ς", "я", "a'b"];
        let wanted: Vec<String> =
            wanted.iter().filter(|word| words(word).eq([**word])).map(ToString::to_string).collect();
        let spec = RewardSpec::new(Keywords { words: wanted.clone(), need: Need::Share });
        let reward = spec.build().unwrap();
        let mut random = Texts::new(4);
        let mut found = 0;
        for _ in 0..50_000 {
            let text = random.text(16);
            let present: HashSet<String> = words(&text).map(str::to_lowercase).collect();
            let plain = wanted.iter().filter(|word| present.contains(&word.to_lowercase())).count();
            let score = reward.score(&Sample::new("", &text)).unwrap();
            assert_eq!(score.reason, format!("{plain} of {} words", wanted.len()), "{text:?}");
            found += plain;
        }
        assert!(found > 10_000, "{found}");
    }
}
