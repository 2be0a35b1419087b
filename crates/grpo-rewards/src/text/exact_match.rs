//! The completion is the reference.

use serde::{Deserialize, Serialize};

use super::excerpt::{keep, quote};
use super::normal::{Normal, Punctuation};
use super::part::{Part, PartFinder};
use super::references::{REFERENCES, references, too_long};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion is the reference, or any of the texts in the row's field `references`; 0 where it is
/// not. Not applicable to rows without either.
///
/// White space at both ends never counts. By default the rest is compared character by character. For the
/// comparison of question answering (SQuAD) see [`NormalizedMatch`](super::NormalizedMatch). Where any difference
/// is ignored, a text of more than 16 KiB and four times the longest reference is wrong without being looked at.
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::{ExactMatch, Part}};
/// let reward = RewardSpec::new(ExactMatch { part: Part::LastLine, ignore_case: true, ..Default::default() });
/// let score = reward.build()?.score(&Sample::new("", "France.\nSo: \nparis").with_reference("Paris"));
/// assert_eq!(score.unwrap().reason, "`paris` is the reference");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExactMatch {
    /// Which part of the completion is compared. Default: the whole.
    pub part: Part,
    /// Capital letters equal small ones, by Unicode's full case folding.
    pub ignore_case: bool,
    /// Any run of white space equals one space.
    pub collapse_whitespace: bool,
    /// Characters that are neither letters (with their accents), digits nor white space are left out.
    pub ignore_punctuation: bool,
    /// The words "a", "an" and "the" are left out.
    pub ignore_articles: bool,
    /// Characters that stand for the same are equal: `ﬁ` and `fi`, `²` and `2`, `é` in one character or two
    /// (Unicode's form NFKC).
    pub ignore_compatibility: bool,
}

impl Settings for ExactMatch {
    fn kind(&self) -> &'static str {
        "exact_match"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        vec![REFERENCES]
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        let normal = Normal {
            compatibility: self.ignore_compatibility,
            case: self.ignore_case,
            punctuation: match self.ignore_punctuation {
                true => Punctuation::AllButLetters,
                false => Punctuation::Kept,
            },
            articles: self.ignore_articles,
            spaces: self.collapse_whitespace,
        };
        Ok(Box::new(Matcher { name: self.kind(), part: self.part.finder()?, normal }))
    }
}

/// Equality in a normal form.
pub(super) struct Matcher {
    pub(super) name: &'static str,
    pub(super) part: PartFinder,
    pub(super) normal: Normal,
}

impl Reward for Matcher {
    fn name(&self) -> &str {
        self.name
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
        if self.normal != Normal::default()
            && let Some(why) = too_long(&text, &references)
        {
            return Some(Score::new(0.0, why).with_extracted(keep(&text)));
        }
        let form = self.normal.form(&text);
        let right = references.iter().any(|reference| self.normal.form(reference) == form);
        let verdict = match (right, references.len()) {
            (true, 1) => "is the reference",
            (true, _) => "is one of the references",
            (false, 1) => "is not the reference",
            (false, _) => "is none of the references",
        };
        let value = f64::from(u8::from(right));
        // All of the completion stands beside the reason wherever it is shown.
        if self.part.is_whole() {
            return Some(Score::new(value, verdict));
        }
        let shown = if text.is_empty() { "nothing".into() } else { format!("`{}`", quote(&text)) };
        Some(Score::new(value, format!("{shown} {verdict}")).with_extracted(keep(&text)))
    }
}
