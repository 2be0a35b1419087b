//! A question that judges its own answers: an item of an assessment with its own scoring.

use serde::{Deserialize, Serialize};

use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// What the question itself says of the completion ([`Assess`](crate::Assess)), from -1 (some answers cost points) to 1. Not applicable to
/// questions that do not judge their own answers, or whose answers are not scored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ItemScore {
    /// Whether only an answer of full score counts: 1 for it, 0 for less. Default: part of the score for part
    /// of the answer.
    pub all_or_nothing: bool,
}

impl Settings for ItemScore {
    fn kind(&self) -> &'static str {
        "item"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(self.clone()))
    }
}

impl Reward for ItemScore {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let mut score = sample.item?.assess(sample.completion)?;
        if self.all_or_nothing && score.value < 1.0 {
            score.value = 0.0;
        }
        Some(score)
    }
}
