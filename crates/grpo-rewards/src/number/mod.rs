//! The right number: finds the final answer of a completion and compares it exactly.

mod extract;
mod lex;
mod parse;
mod prose;
mod value;

use serde::{Deserialize, Serialize};

pub use extract::{Answer, Marker, find_answer};
pub use value::{Number, NumberError};

pub(crate) use extract::{after_hash, boxes, last_in_prose};
pub(crate) use lex::is_invisible;
pub(crate) use lex::vulgar;
pub(crate) use value::is_minus;

use crate::spec::Settings;
use crate::text::{Part, PartFinder, quote};
use crate::{Reward, RewardError, Sample, Score};

/// Rewards a completion whose final answer is the number of the reference.
///
/// The answer is found by [`find_answer`] and compared by [`Number::matches`]. Not applicable where there is
/// no reference or the reference is not a number. A completion without a readable answer is wrong.
///
/// ```
/// use grpo_rewards::{Reward, RewardKind, RewardSpec, Sample};
/// use grpo_rewards::number::RightNumber;
///
/// let reward = RewardSpec::new(RightNumber::default()).build()?;
/// let score = reward.score(&Sample::new("", "Half of 85 is 42.5.\n#### 42.5").with_reference("85/2"));
/// let score = score.expect("the reference is a number");
/// assert_eq!(score.value, 1.0);
/// assert_eq!(score.reason, "`42.5` (after `####`) equals 85/2");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RightNumber {
    /// Where to look for the answer: the first marker that is present decides.
    /// Default: `["hash", "boxed", "last_number"]`.
    pub order: Vec<Marker>,
    /// How far decimals may be from the reference (absolute; see [`Number::matches`]). Default: 1e-6, the
    /// six decimals of Python's `math-verify`.
    pub tolerance: f64,
    /// The reward of a right answer. Default: 1.
    pub right: f64,
    /// The reward of a wrong answer. Default: 0.
    pub wrong: f64,
    /// Which part of the completion the answer is in. Default: the whole. A completion without the part is
    /// wrong.
    pub part: Part,
}

impl Default for RightNumber {
    fn default() -> Self {
        let order = vec![Marker::Hash, Marker::Boxed, Marker::LastNumber];
        Self { order, tolerance: 1e-6, right: 1.0, wrong: 0.0, part: Part::Whole }
    }
}

impl Settings for RightNumber {
    fn kind(&self) -> &'static str {
        "number"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.order.is_empty() {
            let fix = "name at least one of \"hash\", \"boxed\", \"last_number\"";
            return Err(RewardError::invalid("order", "is empty, so no answer would be found", fix));
        }
        let tolerance = tolerance(self.tolerance)?;
        crate::spec::finite("right", self.right)?;
        crate::spec::finite("wrong", self.wrong)?;
        Ok(Box::new(Verifier { settings: self.clone(), tolerance, part: self.part.finder()? }))
    }
}

/// A tolerance as an exact number, through its shortest decimal form, so that 1e-6 is one millionth and not the
/// nearest `f64`.
pub(crate) fn tolerance(value: f64) -> Result<Number, RewardError> {
    match format!("{value:e}").parse::<Number>() {
        Ok(tolerance) if value >= 0.0 => Ok(tolerance),
        _ => {
            let problem = format!("{value} is not a distance");
            Err(RewardError::invalid("tolerance", problem, "use a number from 0 up, such as 1e-6"))
        }
    }
}

struct Verifier {
    settings: RightNumber,
    tolerance: Number,
    part: PartFinder,
}

impl Reward for Verifier {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let written = sample.reference?.trim();
        // A reference may be a whole worked solution, as in GSM8K.
        let (written, reference) = match find_answer(written, &[Marker::Hash, Marker::Boxed]) {
            Some(marked) => (marked.text, marked.number),
            None => (written, written.parse()),
        };
        let reference = reference.ok()?;
        let written = quote(written);
        let RightNumber { right, wrong, .. } = self.settings;
        let completion = match self.part.find(sample.completion) {
            Ok(completion) => completion,
            Err(why) => return Some(Score::new(wrong, why)),
        };
        let Some(answer) = find_answer(&completion, &self.settings.order) else {
            return Some(Score::new(wrong, "no answer found"));
        };
        let text = quote(answer.text);
        let place = answer.marker.describe();
        let (value, reason) = match &answer.number {
            Ok(number) if number.matches(&reference, &self.tolerance) => {
                (right, format!("`{text}` ({place}) equals {written}"))
            }
            Ok(_) => (wrong, format!("`{text}` ({place}) is not {written}")),
            Err(error) => (wrong, format!("`{text}` ({place}) {error}")),
        };
        Some(Score::new(value, reason).with_extracted(text))
    }
}

/// [`lex::number_end`] of an answer.
pub(crate) fn number_end(text: &str, start: usize) -> Result<usize, usize> {
    lex::number_end(text, start, true)
}
