//! What stands between the braces.

use super::numbers;
use super::question::{Misplaced, Part, feedback, plain};
use super::scan::{find, unescape, unescaped};
use crate::assessment::bank::{Credit, Format, Grading};

/// Tells the kind of question from its answers (without white space at both ends) and reads them.
pub(super) fn read(answers: Part<'_>, format: Format) -> Result<Grading, Misplaced> {
    let has = |sign: &str| find(answers.text, sign).is_some();
    if answers.text.is_empty() {
        return Ok(Grading::Essay);
    }
    if let Some(numeric) = answers.text.strip_prefix('#') {
        return numbers::read(Part { text: numeric, at: answers.at + 1 }, format);
    }
    if has("~") {
        return options(answers, format);
    }
    if has("=") && has("->") {
        return pairs(answers, format);
    }
    truth(answers, format).unwrap_or_else(|| short(answers, format))
}

/// An answer that `=` or `~` begins.
pub(super) struct Marked<'a> {
    /// Whether `=` begins it.
    pub(super) right: bool,
    /// Its text with everything that follows up to the next one.
    pub(super) part: Part<'a>,
}

/// Divides answers at the signs that begin them.
pub(super) fn divide(answers: Part<'_>) -> Result<Vec<Marked<'_>>, Misplaced> {
    let signs: Vec<(usize, u8)> =
        unescaped(answers.text).filter(|(_, byte)| matches!(byte, b'=' | b'~')).collect();
    let first = signs.first().map_or(answers.text.len(), |(at, _)| *at);
    let before = Part { text: &answers.text[..first], ..answers }.trim();
    if !before.text.is_empty() {
        let problem = format!(
            "`{}` stands before the first `=` or `~`; begin each answer with one",
            beginning(before.text)
        );
        return Err((before.at, problem));
    }
    let ends = signs.iter().skip(1).map(|(at, _)| *at).chain([answers.text.len()]);
    let marked = signs.iter().zip(ends).map(|((at, sign), end)| {
        let part = Part { text: &answers.text[at + 1..end], at: answers.at + at + 1 };
        Marked { right: *sign == b'=', part: part.trim() }
    });
    Ok(marked.collect())
}

/// The answer and the feedback that `#` begins.
pub(super) fn split_feedback(part: Part<'_>, format: Format) -> (Part<'_>, Option<String>) {
    match find(part.text, "#") {
        Some(at) => {
            let (answer, told) = part.split_at_byte(at);
            (answer.trim(), feedback(told, format))
        }
        None => (part, None),
    }
}

/// A share in percent (`%50%`) and what follows it. What looks otherwise is part of the answer: `%d`.
pub(super) fn share(part: Part<'_>) -> Result<(Option<f64>, Part<'_>), Misplaced> {
    let percent = part.text.strip_prefix('%').and_then(|rest| {
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let length = digits.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let number = &rest[..rest.len() - digits.len() + length];
        rest[number.len()..]
            .starts_with('%')
            .then(|| number.parse::<f64>().ok())?
            .map(|share| (number, share))
    });
    match percent {
        Some((number, share)) if !(-100.0..=100.0).contains(&share) => {
            Err((part.at, format!("{number}% is no share of the score; write one from -100% to 100%")))
        }
        Some((number, share)) => Ok((Some(fraction(share)), part.from(number.len() + 2).trim())),
        None => Ok((None, part)),
    }
}

/// The fraction that a percentage with cut decimals stands for: Moodle writes a third as 33.33333%.
fn fraction(percent: f64) -> f64 {
    let endless = [(1.0, 3.0), (2.0, 3.0), (1.0, 6.0), (5.0, 6.0), (1.0, 7.0), (1.0, 9.0)];
    let exact = endless
        .iter()
        .map(|(over, under)| over / under)
        .find(|share| (share * 100.0 - percent.abs()).abs() < 0.05);
    exact.map_or(percent / 100.0, |share| share.copysign(percent))
}

/// `=right ~wrong`: one of a list; without any `=`: several of it.
fn options(answers: Part<'_>, format: Format) -> Result<Grading, Misplaced> {
    let marked = divide(answers)?;
    let one = marked.iter().any(|answer| answer.right);
    let mut options = Vec::with_capacity(marked.len());
    for Marked { right, part } in marked {
        let (share, part) = share(part)?;
        let (answer, feedback) = split_feedback(part, format);
        let text = plain(answer, format);
        if text.is_empty() {
            return Err((part.at, "an option without a text; write it after `=` or `~`".into()));
        }
        let share = share.unwrap_or(if right { 1.0 } else { 0.0 });
        options.push(Credit { text, share, feedback });
    }
    Ok(if one { Grading::One { options } } else { Grading::Several { options } })
}

/// `=left -> right`
fn pairs(answers: Part<'_>, format: Format) -> Result<Grading, Misplaced> {
    let (mut sources, mut targets, mut partners) = (Vec::new(), Vec::<String>::new(), Vec::new());
    let mut places = std::collections::HashMap::new();
    for Marked { part, .. } in divide(answers)? {
        if let (Some(_), _) = share(part)? {
            return Err((part.at, "pairs all count the same; remove the percentage".into()));
        }
        if find(part.text, "#").is_some() {
            return Err((part.at, "pairs have no feedback of their own; remove it, or write `\\#`".into()));
        }
        let Some(arrow) = find(part.text, "->") else {
            return Err((part.at, "no `->` in this pair; write `=left -> right`".into()));
        };
        let left = plain(Part { text: &part.text[..arrow], ..part }, format);
        let right = plain(part.from(arrow + 2), format);
        if right.is_empty() {
            return Err((part.at, "nothing after `->`; write `=left -> right`".into()));
        }
        // What two sources share is shown once, as in Moodle.
        let target = *places.entry(right.clone()).or_insert_with(|| {
            targets.push(right);
            targets.len() - 1
        });
        if !left.is_empty() {
            sources.push(left);
            partners.push(target);
        }
    }
    Ok(Grading::Match { sources, targets, partners })
}

/// `T#if wrong#if right`
fn truth(answers: Part<'_>, format: Format) -> Option<Result<Grading, Misplaced>> {
    let (word, mut rest) = match find(answers.text, "#") {
        Some(at) => {
            let (word, rest) = answers.split_at_byte(at);
            (word, Some(rest))
        }
        None => (answers, None),
    };
    let right = match word.text.trim() {
        "T" | "TRUE" => true,
        "F" | "FALSE" => false,
        _ => return None,
    };
    let mut told = Vec::new();
    while let Some(part) = rest {
        let (first, after) = match find(part.text, "#") {
            Some(at) => {
                let (first, after) = part.split_at_byte(at);
                (first, Some(after))
            }
            None => (part, None),
        };
        if told.len() == 2 {
            let problem = "a third feedback; true or false has one for wrong answers and one for right ones (write `\\#` for the sign)";
            return Some(Err((part.at, problem.into())));
        }
        told.push(feedback(first, format));
        rest = after;
    }
    let mut told = told.into_iter();
    let (if_wrong, if_right) = (told.next().flatten(), told.next().flatten());
    Some(Ok(Grading::Truth { right, if_wrong, if_right }))
}

/// `=right =%50%half right`, or a text alone.
fn short(answers: Part<'_>, format: Format) -> Result<Grading, Misplaced> {
    let marked = if find(answers.text, "=").is_some() {
        divide(answers)?
    } else {
        vec![Marked { right: true, part: answers }]
    };
    let mut credits = Vec::with_capacity(marked.len());
    for Marked { part, .. } in marked {
        let (share, part) = share(part)?;
        let (answer, feedback) = split_feedback(part, format);
        // An answer is compared with what is typed, so it has no markup.
        let (answer, _) = answer.format(format);
        let text = unescape(answer.text.trim());
        if text.is_empty() {
            return Err((part.at, "an answer without a text; write it after `=`".into()));
        }
        credits.push(Credit { text, share: share.unwrap_or(1.0), feedback });
    }
    Ok(Grading::Short { answers: credits, case: false })
}

/// The beginning of a text, for a message.
pub(super) fn beginning(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into(),
    }
}
