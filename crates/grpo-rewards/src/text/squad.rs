//! The two measures of question answering (SQuAD): the same answer, and the words that two answers share.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::exact_match::Matcher;
use super::excerpt::keep;
use super::normal::Normal;
use super::part::{Part, PartFinder};
use super::references::{REFERENCES, references, too_long};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion is the reference, or any of the texts in the row's field `references`, but for case,
/// punctuation, the articles "a", "an" and "the", white space, and characters that stand for the same; 0 where
/// it is not. Not applicable to rows without either.
///
/// The exact match of SQuAD's evaluation (Rajpurkar et al. 2016). Beyond its ASCII punctuation, that of all
/// scripts is left out, and texts are compared in Unicode's form NFKC. A text of more than 16 KiB and four times the
/// longest reference is wrong without being looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizedMatch {
    /// Which part of the completion is compared. Default: the whole.
    pub part: Part,
}

/// The words that the completion shares with the reference, or with the nearest of the texts in the row's
/// field `references`: the harmonic mean of precision and recall, from 0 to 1, over words with their number.
/// Texts are first brought to the form of [`NormalizedMatch`]. Not applicable to rows without a reference.
///
/// The F1 of SQuAD's evaluation (version 2.0, where two empty texts are the same and get 1). Partial credit
/// for answers in words; for one word it is [`NormalizedMatch`]. A text of more than 16 KiB and four times the longest
/// reference gets 0 without being looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenF1 {
    /// Which part of the completion is compared. Default: the whole.
    pub part: Part,
}

impl Settings for NormalizedMatch {
    fn kind(&self) -> &'static str {
        "normalized_match"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        vec![REFERENCES]
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Matcher { name: self.kind(), part: self.part.finder()?, normal: Normal::SQUAD }))
    }
}

impl Settings for TokenF1 {
    fn kind(&self) -> &'static str {
        "f1"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        vec![REFERENCES]
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Overlap { part: self.part.finder()? }))
    }
}

struct Overlap {
    part: PartFinder,
}

impl Reward for Overlap {
    fn name(&self) -> &str {
        "f1"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let references = match references(sample) {
            Ok(references) => references?,
            Err(why) => return Some(Score::failed(why)),
        };
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        if let Some(why) = too_long(&text, &references) {
            return Some(Score::new(0.0, why).with_extracted(keep(&text)));
        }
        let form = Normal::SQUAD.form(&text);
        let given = count(&form);
        let best = references
            .iter()
            .map(|reference| Shared::of(&given, &count(&Normal::SQUAD.form(reference))))
            .max_by(|a, b| a.f1().total_cmp(&b.f1()))?;
        let Shared { shared, given, wanted } = best;
        let reason = format!("{shared} of the answer's {given} words are among the reference's {wanted}");
        let score = Score::new(best.f1(), reason);
        Some(if self.part.is_whole() { score } else { score.with_extracted(keep(&text)) })
    }
}

fn count(text: &str) -> HashMap<&str, usize> {
    let mut words = HashMap::new();
    for word in text.split_whitespace() {
        *words.entry(word).or_default() += 1;
    }
    words
}

/// How many words two texts share, and how many each has.
struct Shared {
    shared: usize,
    given: usize,
    wanted: usize,
}

impl Shared {
    fn of(given: &HashMap<&str, usize>, wanted: &HashMap<&str, usize>) -> Self {
        let shared = wanted.iter().map(|(word, times)| given.get(word).map_or(0, |other| *times.min(other)));
        Self { shared: shared.sum(), given: given.values().sum(), wanted: wanted.values().sum() }
    }

    fn f1(&self) -> f64 {
        match self.given + self.wanted {
            0 => 1.0,
            all => 2.0 * self.shared as f64 / all as f64,
        }
    }
}
