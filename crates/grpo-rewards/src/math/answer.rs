//! Two answers as texts: what is known without reading them, and the readings in order of their cost.

use super::error::MathError;
use super::exact::Verdict;
use super::shape::{self, Parsed, Shape};
use super::{MAX_ANSWER, compare as comparing, words};
use crate::number::Number;

/// An answer that was read as mathematics. What it is made of is not part of the interface; it exists to
/// be compared, and to check that a text can be read.
#[derive(Debug)]
pub struct Answer<'a> {
    parsed: Parsed<'a>,
}

impl Answer<'_> {
    /// Whether it is one value, rather than a list, an interval, an equation or a word.
    pub fn is_value(&self) -> bool {
        matches!(self.parsed.shape, Shape::Value(_))
    }
}

/// What is known of an answer beside a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// The same.
    Equal,
    /// Not the same.
    Different,
    /// Both can be read, but telling whether they are equal would take too long or need more digits than
    /// floating point has.
    Unknown,
    /// The answer cannot be read as mathematics and is not the reference letter for letter.
    Unreadable(MathError),
}

/// Reads an answer: plain text, LaTeX or Markdown, without any text around it.
///
/// Takes time linear in the text, and refuses texts longer than [`MAX_ANSWER`] bytes.
///
/// # Errors
/// [`MathError`] where the text is no formula.
///
/// ```
/// use grpo_rewards::math::{MathError, parse_answer};
/// assert!(parse_answer(r"\frac{1}{2} + \sqrt{3}")?.is_value());
/// assert_eq!(parse_answer(r"(1 + 2").unwrap_err(), MathError::Unclosed);
/// # Ok::<(), MathError>(())
/// ```
pub fn parse_answer(text: &str) -> Result<Answer<'_>, MathError> {
    let text = trim(text);
    if text.len() > MAX_ANSWER {
        return Err(MathError::TooLong);
    }
    if text.is_empty() {
        return Err(MathError::Empty);
    }
    Ok(Answer { parsed: shape::read(text)? })
}

/// Compares an answer with a reference, with the default tolerance for decimals (1e-6).
///
/// ```
/// use grpo_rewards::math::{Comparison, equal};
/// assert_eq!(equal(r"(x+1)^2", "x^2 + 2x + 1"), Comparison::Equal);
/// assert_eq!(equal(r"[0, 1)", "0 < x < 1"), Comparison::Different);
/// ```
pub fn equal(answer: &str, reference: &str) -> Comparison {
    let tolerance = crate::number::tolerance(1e-6);
    tolerance.map_or(Comparison::Unknown, |tolerance| compare(answer, reference, &tolerance))
}

pub(super) fn compare(answer: &str, reference: &str, tolerance: &Number) -> Comparison {
    let (answer, reference) = (trim(answer), trim(reference));
    if answer.is_empty() {
        return Comparison::Unreadable(MathError::Empty);
    }
    if answer.len() > MAX_ANSWER {
        return Comparison::Unreadable(MathError::TooLong);
    }
    if answer.bytes().any(|byte| byte == 0) {
        return Comparison::Unreadable(MathError::Control);
    }
    if reference.len() > MAX_ANSWER {
        return if answer == reference { Comparison::Equal } else { Comparison::Unknown };
    }
    if answer == reference {
        return Comparison::Equal;
    }
    if let Some(left) = plain(answer)
        && let Some(right) = plain(reference)
    {
        return verdict(left.matches(&right, tolerance));
    }
    let reading = shape::read(answer);
    match (reading, shape::read(reference)) {
        (Ok(left), Ok(right)) => {
            let verdict = comparing::same(&left, &right, tolerance);
            match verdict {
                Verdict::Equal => Comparison::Equal,
                // Words beside each other may have been read as a product of letters.
                _ if as_words(answer, reference) => Comparison::Equal,
                Verdict::Different => Comparison::Different,
                Verdict::Unknown => Comparison::Unknown,
            }
        }
        _ if as_words(answer, reference) => Comparison::Equal,
        (Err(error), Ok(_)) => Comparison::Unreadable(error),
        (_, Err(_)) => Comparison::Different,
    }
}

fn verdict(equal: bool) -> Comparison {
    if equal { Comparison::Equal } else { Comparison::Different }
}

fn as_words(answer: &str, reference: &str) -> bool {
    let chosen =
        |choice, text| words::choice(choice).is_some_and(|letter| words::chosen(text) == Some(letter));
    words::same(answer, reference) || chosen(reference, answer) || chosen(answer, reference)
}

/// The number that a text is by the rules of [`crate::number`], where these rules are all that matters:
/// factorials, absolute values, bases, several equations are beyond them.
fn plain(text: &str) -> Option<Number> {
    let beyond = |byte| matches!(byte, b'!' | b'_' | b'|' | b'=' | b';' | b':');
    if text.bytes().any(beyond) || text.contains("approx") || text.contains('≈') {
        return None;
    }
    text.parse().ok()
}

/// Without white space and what Markdown and sentences leave around an answer.
fn trim(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | '"'));
    text.trim_end_matches(['.', ','])
}
