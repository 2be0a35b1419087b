//! The right answer: finds the final answer of a completion, reads it as mathematics and compares.

mod answer;
mod approx;
mod compare;
mod error;
mod exact;
mod expression;
mod factor;
mod formula;
mod lex;
mod names;
mod phrase;
mod place;
mod polynomial;
mod probe;
mod rational;
mod relation;
mod shape;
mod token;
mod tree;
mod words;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Comparison, equal, parse_answer};
pub use error::MathError;
pub use expression::MAX_DEPTH;
pub(crate) use formula::joins;
pub use place::{Place, find_answer};

use crate::number::{Number, shorten};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// An answer longer than this many bytes is refused unread. The longest answers of the MATH data set have
/// about 200; it bounds everything that comes after.
pub const MAX_ANSWER: usize = 1024;

/// Rewards a completion whose final answer is the reference, as mathematics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MathAnswer {
    /// Where to look for the answer: the first place that is present decides.
    /// Default: `["hash", "boxed", "phrase", "last"]`.
    pub order: Vec<Place>,
    /// How far decimals may be from the reference (absolute; see [`Number::matches`]). Default: 1e-6, the
    /// six decimals of Python's `math-verify`.
    pub tolerance: f64,
    /// The reward of a right answer. Default: 1.
    pub right: f64,
    /// The reward of a wrong answer. Default: 0.
    pub wrong: f64,
}

impl Default for MathAnswer {
    fn default() -> Self {
        let order = vec![Place::Hash, Place::Boxed, Place::Phrase, Place::Last];
        Self { order, tolerance: 1e-6, right: 1.0, wrong: 0.0 }
    }
}

impl Settings for MathAnswer {
    fn kind(&self) -> &'static str {
        "math"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.order.is_empty() {
            let fix = "name at least one of \"hash\", \"boxed\", \"phrase\", \"last_formula\", \"last_number\", \"last\"";
            return Err(RewardError::invalid("order", "is empty, so no answer would be found", fix));
        }
        let tolerance = crate::number::tolerance(self.tolerance)?;
        crate::spec::finite("right", self.right)?;
        crate::spec::finite("wrong", self.wrong)?;
        Ok(Box::new(Verifier { settings: self.clone(), tolerance }))
    }
}

struct Verifier {
    settings: MathAnswer,
    tolerance: Number,
}

impl Reward for Verifier {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        // A reference may be a whole worked solution, as in GSM8K and MATH.
        let written = sample.reference?.trim();
        let reference = find_answer(written, &[Place::Hash, Place::Boxed]).map_or(written, |(_, text)| text);
        if reference.is_empty() {
            return None;
        }
        let MathAnswer { right, wrong, .. } = self.settings;
        let Some((place, text)) = find_answer(sample.completion, &self.settings.order) else {
            return Some(Score::new(wrong, "no answer found"));
        };
        let comparison = answer::compare(text, reference, &self.tolerance);
        let value = if comparison == Comparison::Equal { right } else { wrong };
        let (text, reference) = (shorten(text), shorten(reference));
        let place = place.describe();
        let reason = match comparison {
            Comparison::Equal => format!("`{text}` ({place}) equals {reference}"),
            Comparison::Different => format!("`{text}` ({place}) is not {reference}"),
            Comparison::Unknown => format!("`{text}` ({place}) is too large to be compared with {reference}"),
            Comparison::Unreadable(error) => format!("`{text}` ({place}) {error}"),
        };
        Some(Score::new(value, reason).with_extracted(text))
    }
}
