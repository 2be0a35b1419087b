//! A reward for completions that differ from the others of their group.

use serde::{Deserialize, Serialize};

use crate::compose::groups;
use crate::ngram::{NGrams, WordNumbers};
use crate::repetition::Items;
use crate::spec::Settings;
use crate::text::{LowercaseWords, most_words};
use crate::{Outcome, Reward, RewardError, Sample, Score};

/// How new a completion is within its group: of the other completions, the share that lacks an n-gram, on average over the
/// completion's distinct n-grams. 0 for a completion that all others repeat (and for one too short to have an n-gram), 1 for one that
/// shares none. Not applicable in a group of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diversity {
    /// How many items in a row make an n-gram, 1 to 64. Default: 2.
    pub ngram: usize,
    /// What is counted. Default: words.
    pub items: Items,
}

impl Default for Diversity {
    fn default() -> Self {
        Self { ngram: 2, items: Items::Words }
    }
}

impl Settings for Diversity {
    fn kind(&self) -> &'static str {
        "diversity"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if !(1..=64).contains(&self.ngram) {
            return Err(RewardError::invalid(
                "ngram",
                format!("is {}", self.ngram),
                "use 1 to 64, usually 2",
            ));
        }
        Ok(Box::new(self.clone()))
    }
}

impl Reward for Diversity {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, _: &Sample<'_>) -> Option<Score> {
        None
    }

    fn per_episode(&self) -> bool {
        false
    }

    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::NotApplicable; samples.len()];
        for group in groups(samples) {
            let mut items = Vec::new();
            let ends: Vec<usize> = match self.items {
                // Tokens that are not known say nothing.
                Items::Tokens if group.iter().any(|&at| samples[at].token_count().is_none()) => continue,
                Items::Tokens => {
                    let add = |&at: &usize| {
                        items.extend_from_slice(samples[at].tokens);
                        items.len()
                    };
                    group.iter().map(add).collect()
                }
                Items::Words => {
                    let texts = group.iter().map(|&at| LowercaseWords::of(samples[at].completion));
                    let texts: Vec<LowercaseWords> = texts.collect();
                    items.reserve(group.iter().map(|&at| most_words(samples[at].completion)).sum());
                    let mut numbers = WordNumbers::default();
                    let mut ends = Vec::with_capacity(texts.len());
                    for text in &texts {
                        text.each(|word| items.push(numbers.of(word)));
                        ends.push(items.len());
                    }
                    ends
                }
            };
            let shares = novelty(&items, &ends, self.ngram);
            for (&at, share) in group.iter().zip(shares) {
                let reason = match share {
                    Some(share) => format!("{:.0}% new among {} answers", share * 100.0, group.len()),
                    None => format!("shorter than {} items", self.ngram),
                };
                outcomes[at] = Outcome::Scored(Score::new(share.unwrap_or(0.0), reason));
            }
        }
        outcomes
    }
}

/// For each text its mean share, over its distinct n-grams, of other texts that lack the n-gram; `None` for a text without n-grams.
/// The texts stand one behind the other in `items`, each up to its entry of `ends`. Empty for fewer than two texts.
fn novelty(items: &[u32], ends: &[usize], n: usize) -> Vec<Option<f64>> {
    if ends.len() < 2 {
        return Vec::new();
    }
    let mut grams = NGrams::new(items, n);
    // At the first place of each n-gram: how many texts have it, and the last of them, counted from 1.
    let mut holders = vec![(0_u32, 0_u32); items.len()];
    // The n-grams of one text behind those of the other, each once.
    let (mut distinct, mut cuts) = (Vec::new(), Vec::with_capacity(ends.len()));
    let starts = std::iter::once(&0).chain(ends);
    for ((&start, &end), text) in starts.zip(ends).zip(1..) {
        grams.each(start..end, |_, first| {
            let (count, last) = &mut holders[first];
            if *last != text {
                (*count, *last) = (*count + 1, text);
                distinct.push(first);
            }
        });
        cuts.push(distinct.len());
    }
    let others = (ends.len() - 1) as f64;
    // Counted in whole numbers: the order of the n-grams must not show in the last bit.
    let shared =
        |grams: &[usize]| grams.iter().map(|&first| holders[first].0 as usize - 1).sum::<usize>() as f64;
    let starts = std::iter::once(&0).chain(&cuts);
    let sets = starts.zip(&cuts).map(|(&start, &end)| &distinct[start..end]);
    sets.map(|set| (!set.is_empty()).then(|| 1.0 - shared(set) / (set.len() as f64 * others))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::text::random::Texts;
    use crate::text::words;

    /// The definition, plainly.
    fn plain(texts: &[Vec<String>], n: usize) -> Vec<Option<f64>> {
        let sets: Vec<HashSet<&[String]>> = texts.iter().map(|text| text.windows(n).collect()).collect();
        let mut holders: HashMap<&[String], usize> = HashMap::new();
        sets.iter().flatten().for_each(|&gram| *holders.entry(gram).or_default() += 1);
        let others = (texts.len() - 1) as f64;
        let shared =
            |set: &HashSet<&[String]>| set.iter().map(|gram| holders[gram] - 1).sum::<usize>() as f64;
        sets.iter()
            .map(|set| (!set.is_empty()).then(|| 1.0 - shared(set) / (set.len() as f64 * others)))
            .collect()
    }

    #[test]
    fn fast_and_plain_agree_on_random_groups() {
        let mut random = Texts::new(7);
        for _ in 0..10_000 {
            let (size, ngram) = (2 + random.below(4), 1 + random.below(3));
            let texts: Vec<String> = (0..size).map(|_| random.text(30)).collect();
            let samples: Vec<Sample<'_>> = texts.iter().map(|text| Sample::new("", text)).collect();
            let small = |text: &String| words(text).map(str::to_lowercase).collect();
            let expected = plain(&texts.iter().map(small).collect::<Vec<_>>(), ngram);
            let outcomes = Diversity { ngram, items: Items::Words }.score_batch(&samples);
            for (outcome, expected) in outcomes.iter().zip(expected) {
                assert_eq!(outcome.value(), Some(expected.unwrap_or(0.0)), "{texts:?}");
            }
        }
    }
}
