//! Where in a completion the answer stands.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::parse::MAX_ANSWER;
use super::prose::last_number;
use super::value::{Number, NumberError};
use crate::math::joins;

/// What marks the final answer in a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Marker {
    /// The rest of the line after the last `####` (GSM8K).
    Hash,
    /// The last `\boxed{}` whose braces balance (MATH).
    Boxed,
    /// The last number of the text.
    LastNumber,
}

impl Marker {
    /// How a person would say it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Hash => "after `####`",
            Self::Boxed => "in `\\boxed{}`",
            Self::LastNumber => "the last number",
        }
    }
}

/// The final answer of a completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'a> {
    /// What marked it.
    pub marker: Marker,
    /// The text it was read from.
    pub text: &'a str,
    /// Its value, or why it has none.
    pub number: Result<Number, NumberError>,
}

/// Finds the final answer. The first marker of `order` that is present decides, even where what it marks is
/// not a number: a completion that writes `#### forty-two` has no number for an answer, whatever else it
/// holds. `None` where no marker is present.
///
/// Takes time linear in the text.
///
/// ```
/// use grpo_rewards::number::{Marker, find_answer};
/// let order = [Marker::Hash, Marker::Boxed, Marker::LastNumber];
/// let answer = find_answer("7 * 6 = 42\n#### 42 apples", &order).unwrap();
/// assert_eq!((answer.text, answer.marker), ("42 apples", Marker::Hash));
/// assert_eq!(answer.number.unwrap().to_f64(), 42.0);
/// ```
pub fn find_answer<'a>(text: &'a str, order: &[Marker]) -> Option<Answer<'a>> {
    order.iter().find_map(|&marker| {
        let (text, number) = match marker {
            Marker::Hash => after_hash(text).map(|text| (text, text.parse()))?,
            Marker::Boxed => last_boxed(text).map(|text| (text, text.parse()))?,
            Marker::LastNumber => last_in_prose(text)?,
        };
        Some(Answer { marker, text, number })
    })
}

pub(crate) fn after_hash(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("####")?;
    rest.lines().next().or(Some("")).map(str::trim)
}

/// The content of the last `\boxed{}` to be closed; of nested ones the outermost.
fn last_boxed(text: &str) -> Option<&str> {
    let mut last = None;
    each_box(text, |_, content| last = Some(content));
    last.map(|content| text[content].trim())
}

/// The last boxes of a text from the first to the last of them, where nothing but a comma, `and` or `or`
/// stands between: the whole range with the commands, or the content where it is one box.
pub(crate) fn boxes(text: &str) -> Option<&str> {
    let mut last: Option<(Range<usize>, Option<Range<usize>>)> = None;
    each_box(text, |whole, content| {
        last = match last.take() {
            // The one that was open around the last one.
            Some((before, _)) if whole.start <= before.start => Some((whole, Some(content))),
            Some((before, _)) if text.get(before.end..whole.start).is_some_and(joins) => {
                Some((before.start..whole.end, None))
            }
            _ => Some((whole, Some(content))),
        };
    });
    let (whole, content) = last?;
    Some(text[content.unwrap_or(whole)].trim())
}

/// Calls back with the range and the range of the content of every box, in the order in which they close.
fn each_box(text: &str, mut found: impl FnMut(Range<usize>, Range<usize>)) {
    if !text.contains("\\boxed") && !text.contains("\\fbox") {
        return;
    }
    let bytes = text.as_bytes();
    // Depth, start and start of content of each open box.
    let mut open: Vec<(usize, usize, usize)> = Vec::new();
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => {
                let name =
                    [&b"\\boxed"[..], b"\\fbox"].into_iter().find(|name| bytes[at..].starts_with(name));
                if let Some(name) = name {
                    let start = at;
                    let spaces = bytes[at + name.len()..].iter().take_while(|byte| **byte == b' ').count();
                    at += name.len() + spaces;
                    if bytes.get(at) == Some(&b'{') {
                        open.push((depth, start, at + 1));
                        depth += 1;
                        at += 1;
                    }
                } else {
                    // The next byte is escaped: `\{` is no brace. In UTF-8 no brace hides inside a character.
                    at += 2;
                }
                continue;
            }
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if let Some((_, start, content)) = open.pop_if(|(outer, ..)| *outer == depth) {
                    found(start..at + 1, content..at);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The last number of a text. Only its neighbourhood is read: up to [`MAX_ANSWER`] bytes on either side of
/// the last digit.
pub(crate) fn last_in_prose(text: &str) -> Option<(&str, Result<Number, NumberError>)> {
    let digit = last_digit(text)?;
    let from = text.floor_char_boundary(digit.saturating_sub(MAX_ANSWER));
    let to = text.ceil_char_boundary((digit + MAX_ANSWER).min(text.len()));
    let from = match text[from..digit].find(char::is_whitespace) {
        _ if from == 0 => 0,
        // Begins in the middle of something, which must not be taken for the whole of it.
        Some(blank) => from + blank,
        None => {
            let digit = &text[digit..text.ceil_char_boundary(digit + 1)];
            return Some((digit, Err(NumberError::TooLong)));
        }
    };
    let (range, number) = last_number(&text[from..to])?;
    Some((&text[from + range.start..from + range.end], number))
}

/// Where the last digit stands, or the last character that is a fraction (`½`).
fn last_digit(text: &str) -> Option<usize> {
    let digit = text.bytes().rposition(|byte| byte.is_ascii_digit());
    let after = digit.map_or(0, |digit| digit + 1);
    let fraction = |c: char| matches!(c, '\u{bc}'..='\u{be}' | '\u{2150}'..='\u{215e}');
    // Most texts are ASCII, and seeing that is much faster than decoding them.
    let fraction = if text[after..].is_ascii() { None } else { text[after..].rfind(fraction) };
    fraction.map(|at| after + at).or(digit)
}
