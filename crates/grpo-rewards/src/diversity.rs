//! A reward for completions that differ from the others of their group.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::compose::groups;
use crate::repetition::Items;
use crate::spec::Settings;
use crate::text::words;
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
            let shares = match self.items {
                // Tokens that are not known say nothing.
                Items::Tokens if group.iter().any(|&at| samples[at].token_count().is_none()) => continue,
                Items::Tokens => {
                    novelty(&group.iter().map(|&at| samples[at].tokens).collect::<Vec<_>>(), self.ngram)
                }
                Items::Words => {
                    let lower = |at: &usize| words(samples[*at].completion).map(str::to_lowercase).collect();
                    let texts: Vec<Vec<String>> = group.iter().map(lower).collect();
                    novelty(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), self.ngram)
                }
            };
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
/// Empty for fewer than two texts.
fn novelty<T: Eq + Hash>(texts: &[&[T]], n: usize) -> Vec<Option<f64>> {
    if texts.len() < 2 {
        return Vec::new();
    }
    let sets: Vec<HashSet<&[T]>> = texts.iter().map(|text| text.windows(n).collect()).collect();
    let mut holders: HashMap<&[T], usize> = HashMap::new();
    sets.iter().flatten().for_each(|&gram| *holders.entry(gram).or_default() += 1);
    let others = (texts.len() - 1) as f64;
    // Counted in whole numbers: the order of a hash set must not show in the last bit.
    let shared = |set: &HashSet<&[T]>| set.iter().map(|gram| holders[gram] - 1).sum::<usize>() as f64;
    sets.iter()
        .map(|set| (!set.is_empty()).then(|| 1.0 - shared(set) / (set.len() as f64 * others)))
        .collect()
}
