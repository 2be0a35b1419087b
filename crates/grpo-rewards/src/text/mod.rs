//! Rewards for properties of text that can be checked without knowing what it means.

mod character;
mod choice;
mod code_fence;
mod exact_match;
mod excerpt;
mod fence;
mod format;
mod json;
mod json_schema;
mod keywords;
mod language;
mod letters;
mod normal;
mod part;
mod pattern;
#[cfg(test)]
pub(crate) mod random;
mod references;
mod sentences;
mod sigma;
mod squad;
mod tags;
mod words;

pub use choice::{ChoiceMark, MultipleChoice, ReferenceAs};
pub use code_fence::CodeBlock;
pub use exact_match::ExactMatch;
pub use fence::{CodeFence, code_fences};
pub use format::Format;
pub use json_schema::{JsonSchema, SchemaSource};
pub use keywords::{Keywords, Need};
pub use language::Language;
pub use letters::{InitialShare, LetterShare};
pub use part::{Part, PartFinder};
pub use pattern::Pattern;
pub use sentences::WordsPerSentence;
pub use squad::{NormalizedMatch, TokenF1};
pub use tags::{Outside, Partial, Tags};

pub(crate) use excerpt::quote;
pub(crate) use words::{LowercaseWords, lowercase, most_words, packed, words};

use crate::RewardError;

/// 1 within `tolerance` of the target, then a straight line down to 0 at a further distance of `target`.
pub(crate) fn closeness(value: f64, target: f64, tolerance: f64) -> f64 {
    let beyond = ((value - target).abs() - tolerance).max(0.0);
    (1.0 - beyond / target).max(0.0)
}

pub(crate) fn check_tolerance(tolerance: f64) -> Result<(), RewardError> {
    if tolerance.is_finite() && tolerance >= 0.0 {
        return Ok(());
    }
    Err(RewardError::invalid("tolerance", format!("is {tolerance}"), "use a number from 0 up"))
}
