//! Numeric answers: `3:2`, `1..5`, several with shares.

use super::answers::{Marked, beginning, divide, share, split_feedback};
use super::question::{Misplaced, Part};
use super::scan::find;
use crate::assessment::bank::{Accepted, Format, Grading, Range};

/// Reads what follows the `#` that makes a question numeric.
pub(super) fn read(answers: Part<'_>, format: Format) -> Result<Grading, Misplaced> {
    let several = find(answers.text, "=").is_some() || find(answers.text, "~").is_some();
    let marked = if several { divide(answers)? } else { vec![Marked { right: true, part: answers.trim() }] };
    let mut accepted = Vec::with_capacity(marked.len());
    for Marked { right, part } in marked {
        let (share, part) = share(part)?;
        let (answer, feedback) = split_feedback(part, format);
        // `~#feedback` is for every other answer.
        let others = !right && matches!(answer.text, "" | "*");
        let range = if others || answer.text == "*" { Range::Any } else { range(answer)? };
        accepted.push(Accepted { range, share: share.unwrap_or(if right { 1.0 } else { 0.0 }), feedback });
    }
    Ok(Grading::Numbers { accepted })
}

fn range(answer: Part<'_>) -> Result<Range, Misplaced> {
    let text = answer.text;
    let refuse = |what: &str| {
        (answer.at, format!("{what} in `{}`; write `3`, `3:2` (from 1 to 5) or `1..5`", beginning(text)))
    };
    let number = |text: &str| number(text).ok_or_else(|| refuse("no number"));
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (number(low)?, number(high)?);
        return if low <= high {
            Ok(Range::Between { low, high })
        } else {
            Err(refuse("the ends are exchanged"))
        };
    }
    let (answer, tolerance) = match text.split_once(':') {
        Some((answer, tolerance)) => (number(answer)?, number(tolerance)?),
        None => (number(text)?, 0.0),
    };
    if tolerance < 0.0 {
        return Err(refuse("a negative tolerance"));
    }
    Ok(Range::Near { answer, tolerance })
}

/// A finite decimal; not `inf` and `nan`, which Rust would read.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let decimal =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|number| decimal && number.is_finite())
}
