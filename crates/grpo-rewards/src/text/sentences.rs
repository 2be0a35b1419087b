//! How long sentences are.

use std::ops::Range;

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
        let (sentences, all) = count(sample.completion);
        if sentences == 0 {
            return Some(Score::new(0.0, "no words"));
        }
        let mean = all as f64 / sentences as f64;
        Some(Score::new(
            closeness(mean, self.target, self.tolerance),
            format!("{mean:.1} words per sentence, target {}", self.target),
        ))
    }
}

/// How many sentences with words there are, and how many words.
fn count(text: &str) -> (usize, usize) {
    let ends_sentence = |byte: &u8| matches!(byte, b'.' | b'!' | b'?');
    let (mut sentences, mut all) = (0, 0);
    let mut words = words(text);
    let mut last_end = 0;
    while words.next().is_some() {
        let Range { start, end } = words.place();
        // No word holds what ends a sentence, so only the gap before it needs a look.
        let gap = text.as_bytes().get(last_end..start).unwrap_or_default();
        sentences += usize::from(all == 0 || gap.iter().any(ends_sentence));
        all += 1;
        last_end = end;
    }
    (sentences, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_and_plain_agree_on_random_texts() {
        let mut random = crate::text::random::Texts::new(3);
        for _ in 0..50_000 {
            let text = random.text(16);
            let lengths = text.split(['.', '!', '?']).map(|sentence| words(sentence).count());
            let plain =
                lengths.filter(|length| *length > 0).fold((0, 0), |(n, all), length| (n + 1, all + length));
            assert_eq!(count(&text), plain, "{text:?}");
        }
    }
}
