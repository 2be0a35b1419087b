//! One question: title, text, answers, general feedback.

use super::answers;
use super::blocks::Block;
use super::scan::{find, unescape, unescaped};
use crate::assessment::bank::{Draft, Format, Grading, Wording};

/// What is wrong, and in which line.
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) what: String,
}

/// A part of a question's text, with the place where it begins.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Part<'a> {
    /// Without white space at both ends.
    pub(super) fn trim(self) -> Self {
        let start = self.text.trim_start();
        // What is empty stands where it should have begun.
        let at = if start.is_empty() { self.at } else { self.at + self.text.len() - start.len() };
        Self { text: start.trim_end(), at }
    }

    /// What lies before and after one byte.
    pub(super) fn split_at_byte(self, at: usize) -> (Self, Self) {
        let after = Self { text: &self.text[at + 1..], at: self.at + at + 1 };
        (Self { text: &self.text[..at], at: self.at }, after)
    }

    /// From a place on.
    pub(super) fn from(self, at: usize) -> Self {
        Self { text: &self.text[at..], at: self.at + at }
    }

    /// What follows a format in brackets (`[html]`), and the format.
    pub(super) fn format(self, default: Format) -> (Self, Format) {
        let start = self.trim();
        let formats = [
            ("[html]", Format::Html),
            ("[markdown]", Format::Markdown),
            ("[plain]", Format::Plain),
            ("[moodle]", Format::Moodle),
        ];
        let found = formats.into_iter().find(|(name, _)| start.text.starts_with(name));
        found.map_or((start, default), |(name, format)| (start.from(name.len()), format))
    }
}

/// A problem at a place of the block.
pub(super) type Misplaced = (usize, String);

/// Reads a block. Identifier and category are for the reader of the whole file to fill in.
pub(super) fn read(block: &Block) -> Result<Draft, Problem> {
    draft(block).map_err(|(at, what)| Problem { line: block.line_of(at), what })
}

fn draft(block: &Block) -> Result<Draft, Misplaced> {
    let whole = Part { text: &block.text, at: 0 };
    let (title, rest) = title(whole)?;
    let (rest, format) = rest.format(Format::default());
    let (text, answers) = divide(rest)?;
    if text.trim().is_empty() {
        return Err((rest.at, "no question before the answers; write it in front of `{`".into()));
    }
    let (grading, feedback) = match answers {
        None => (Grading::Description, None),
        Some(answers) => {
            let (answers, feedback) = general_feedback(answers, format);
            (answers::read(answers.trim(), format)?, feedback)
        }
    };
    Ok(Draft {
        id: String::new(),
        title,
        category: None,
        tags: block.tags.clone(),
        line: block.line() as u64,
        wording: Wording::new(format, &unescape(&text)),
        grading,
        points: 1.0,
        feedback,
    })
}

/// `::title::`
fn title(whole: Part<'_>) -> Result<(Option<String>, Part<'_>), Misplaced> {
    let Some(inner) = whole.text.strip_prefix("::") else { return Ok((None, whole)) };
    let Some(end) = find(inner, "::") else {
        return Err((0, "the title that `::` begins isn't closed; end it with `::`".into()));
    };
    let title = unescape(inner[..end].trim());
    Ok(((!title.is_empty()).then_some(title), whole.from(end + 4)))
}

/// The question's text, with a gap where the answers stood inside it, and what stands between the braces.
fn divide(rest: Part<'_>) -> Result<(String, Option<Part<'_>>), Misplaced> {
    let mut braces = unescaped(rest.text).filter(|(_, byte)| matches!(byte, b'{' | b'}'));
    let place = |(at, _): (usize, u8)| rest.at + at;
    let (open, close) = match (braces.next(), braces.next()) {
        (None, _) => return Ok((rest.text.into(), None)),
        (Some((open, b'{')), Some((close, b'}'))) => (open, close),
        (Some(brace @ (_, b'{')), None) => {
            let problem = "`{` isn't closed; end the answers with `}` and leave no line empty inside a question (write `\\{` for a brace)";
            return Err((place(brace), problem.into()));
        }
        (Some((_, b'{')), Some(brace)) => {
            return Err((place(brace), "`{` inside the answers; write `\\{` for a brace".into()));
        }
        (Some(brace), _) => {
            return Err((place(brace), "`}` without a `{` before it; write `\\}` for a brace".into()));
        }
    };
    if let Some(brace) = braces.next() {
        let problem = "a brace after the answers: a question has one `{...}`; put an empty line between two questions, and write `\\{` \
                       and `\\}` for braces";
        return Err((place(brace), problem.into()));
    }
    let (before, inside) = rest.split_at_byte(open);
    let (inside, after) = inside.split_at_byte(close - open - 1);
    let after_text = after.text.trim_end();
    let text = if after_text.trim().is_empty() {
        before.text.to_owned()
    } else {
        format!("{}_____{after_text}", before.text)
    };
    Ok((text, Some(inside)))
}

/// The answers, and what `####` begins after them.
fn general_feedback(answers: Part<'_>, format: Format) -> (Part<'_>, Option<String>) {
    match find(answers.text, "####") {
        Some(at) => (Part { text: &answers.text[..at], ..answers }, feedback(answers.from(at + 4), format)),
        None => (answers, None),
    }
}

/// A text that a learner is told, as plain text; `None` where it is empty.
pub(super) fn feedback(part: Part<'_>, default: Format) -> Option<String> {
    let text = plain(part, default);
    (!text.is_empty()).then_some(text)
}

/// What is meant by a text, as plain text.
pub(super) fn plain(part: Part<'_>, default: Format) -> String {
    let (part, format) = part.format(default);
    Wording::new(format, &unescape(part.text)).get(crate::assessment::Style::Plain).to_owned()
}
