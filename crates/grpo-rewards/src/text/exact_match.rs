//! The completion is the reference.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion is the reference, 0 where it is not; not applicable without a reference.
///
/// White space at both ends never counts. By default the rest is compared character by character.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExactMatch {
    /// Capital letters equal small ones.
    pub ignore_case: bool,
    /// Any run of white space equals one space.
    pub collapse_whitespace: bool,
    /// Characters that are neither letters, digits nor white space are left out.
    pub ignore_punctuation: bool,
}

impl ExactMatch {
    fn normalise<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text.trim());
        if self.ignore_punctuation {
            let kept = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect::<String>();
            text = Cow::Owned(kept.trim().to_owned());
        }
        if self.collapse_whitespace {
            text = Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if self.ignore_case {
            text = Cow::Owned(text.to_lowercase());
        }
        text
    }
}

impl Settings for ExactMatch {
    fn kind(&self) -> &'static str {
        "exact_match"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(self.clone()))
    }
}

impl Reward for ExactMatch {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let reference = self.normalise(sample.reference?);
        Some(if self.normalise(sample.completion) == reference {
            Score::new(1.0, "is the reference")
        } else {
            Score::new(0.0, "is not the reference")
        })
    }
}
