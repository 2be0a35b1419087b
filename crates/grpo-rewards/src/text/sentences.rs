//! How long sentences are.

use serde::{Deserialize, Serialize};

use super::{closeness, words};
use crate::spec::{Settings, positive};
use crate::{Reward, RewardError, Sample, Score};

/// How close the mean number of words per sentence is to a target: 1 within the tolerance, then falling in a
/// straight line to 0 at a further distance of `target` words. A completion without words gets 0.
///
/// A sentence ends with `.`, `!`, `?` or the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsPerSentence {
    /// The wanted mean, in words.
    pub target: f64,
    /// The distance that costs nothing, in words. Default: 0.
    #[serde(default)]
    pub tolerance: f64,
}

impl Settings for WordsPerSentence {
    fn kind(&self) -> &'static str {
        "words_per_sentence"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        positive("target", self.target)?;
        super::check_tolerance(self.tolerance)?;
        Ok(Box::new(self.clone()))
    }
}

impl Reward for WordsPerSentence {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let lengths = sample.completion.split(['.', '!', '?']).map(|sentence| words(sentence).count());
        let (sentences, all) = lengths
            .filter(|length| *length > 0)
            .fold((0, 0), |(count, sum), length| (count + 1, sum + length));
        if sentences == 0 {
            return Some(Score::new(0.0, "no words"));
        }
        let mean = all as f64 / f64::from(sentences);
        Some(Score::new(
            closeness(mean, self.target, self.tolerance),
            format!("{mean:.1} words per sentence, target {}", self.target),
        ))
    }
}
