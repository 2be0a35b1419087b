//! Fenced code blocks, read as CommonMark 0.31 does (section 4.5).

use std::borrow::Cow;

/// A fenced code block of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFence<'a> {
    /// What follows the opening fence on its line, white space at both ends left out.
    pub info: &'a str,
    /// Whether there is a closing fence. A block without one goes on to the end of the text.
    pub closed: bool,
    /// The lines between the fences, and how many spaces there were before the opening one.
    lines: &'a str,
    indent: usize,
}

impl<'a> CodeFence<'a> {
    /// The first word of [`Self::info`], by custom the language; empty where there is none.
    pub fn language(&self) -> &'a str {
        self.info.split_whitespace().next().unwrap_or("")
    }

    /// The lines between the fences, each with its line end, and without the indentation of the opening fence.
    pub fn code(&self) -> Cow<'a, str> {
        outdent(self.lines, self.indent)
    }
}

/// The fenced code blocks at the top level of a text, in order, in time linear in the text.
///
/// A fence is three or more backticks or tildes, indented by at most three spaces; it is closed by a line with
/// at least as many of the same and nothing else. Quotations and lists are not read, so that fences inside of
/// them are found only where they keep to that indentation.
///
/// ````
/// use grpo_rewards::text::code_fences;
/// let text = "Here:\n```python\nprint(42)\n```\nDone.";
/// let fences: Vec<_> = code_fences(text).collect();
/// assert_eq!((fences[0].language(), &*fences[0].code(), fences[0].closed), ("python", "print(42)\n", true));
/// ````
pub fn code_fences(text: &str) -> impl Iterator<Item = CodeFence<'_>> {
    let mut lines = Lines { text, at: 0 };
    std::iter::from_fn(move || {
        let opening = loop {
            if let Some(opening) = Opening::read(lines.next()?.text) {
                break opening;
            }
        };
        let start = lines.at;
        let mut end = start;
        let mut closed = false;
        for line in lines.by_ref() {
            closed = opening.is_closed_by(line.text);
            if closed {
                break;
            }
            end = line.end;
        }
        Some(CodeFence { info: opening.info, closed, lines: &text[start..end], indent: opening.indent })
    })
}

/// The lines of a text; `\n`, `\r\n` and a lone `\r` end one.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

struct Line<'a> {
    /// The line without its end.
    text: &'a str,
    /// Where the next line starts.
    end: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let bytes = rest.as_bytes();
        let length = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let ending = match bytes.get(length) {
            None => 0,
            Some(b'\r') if bytes.get(length + 1) == Some(&b'\n') => 2,
            Some(_) => 1,
        };
        self.at += length + ending;
        Some(Line { text: &rest[..length], end: self.at })
    }
}

/// The line that opens a block.
struct Opening<'a> {
    /// Spaces before the fence, which its lines lose as well.
    indent: usize,
    mark: u8,
    length: usize,
    info: &'a str,
}

impl<'a> Opening<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (indent, fence) = indented(line)?;
        let mark = *fence.as_bytes().first().filter(|byte| matches!(byte, b'`' | b'~'))?;
        let length = run(fence, mark);
        let info = fence[length..].trim();
        // Backticks with backticks after them are inline code.
        (length >= 3 && (mark == b'~' || !info.contains('`'))).then_some(Self { indent, mark, length, info })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        indented(line).is_some_and(|(_, fence)| {
            let length = run(fence, self.mark);
            length >= self.length && fence[length..].trim_matches([' ', '\t']).is_empty()
        })
    }
}

/// A line of at most three spaces of indentation, without them.
fn indented(line: &str) -> Option<(usize, &str)> {
    let indent = run(line, b' ');
    (indent < 4).then(|| (indent, &line[indent..]))
}

fn run(text: &str, mark: u8) -> usize {
    text.bytes().take_while(|byte| *byte == mark).count()
}

/// Takes up to `indent` spaces from the beginning of every line.
fn outdent(code: &str, indent: usize) -> Cow<'_, str> {
    if indent == 0 {
        return Cow::Borrowed(code);
    }
    let mut out = String::with_capacity(code.len());
    let mut start = 0;
    for line in (Lines { text: code, at: 0 }) {
        out.push_str(&code[start + run(line.text, b' ').min(indent)..line.end]);
        start = line.end;
    }
    Cow::Owned(out)
}
