//! Formulas between LaTeX's delimiters in running text.

use std::ops::Range;

/// The range of the last formula of a text, delimiters included. Formulas that are joined by nothing but
/// commas, `and`, `or` are one, and so is a percent sign behind. A formula that is a single letter (`for all
/// $x$`) counts only where there is no other.
pub(super) fn last_formula(text: &str) -> Option<Range<usize>> {
    let mut formulas = Formulas { text, at: 0, no_display: false, no_bracket: [false; 2] };
    let (mut last, mut letter): (Option<Range<usize>>, Option<Range<usize>>) = (None, None);
    while let Some(range) = formulas.next() {
        match &mut last {
            Some(last) if joins(&text[last.end..range.start]) => last.end = range.end,
            _ if is_letter(&text[range.clone()]) => letter = Some(range),
            _ => last = Some(range),
        }
    }
    let range = last.or(letter)?;
    Some(range.start..range.end + percent(&text[range.end..]))
}

/// The formula or formulas that the text begins with.
pub(super) fn first_formulas(text: &str) -> Option<&str> {
    let mut formulas = Formulas { text, at: 0, no_display: false, no_bracket: [false; 2] };
    let first = formulas.next().filter(|range| range.start == 0)?;
    let mut end = first.end;
    while let Some(range) = formulas.next()
        && joins(&text[end..range.start])
    {
        end = range.end;
    }
    Some(&text[..end + percent(&text[end..])])
}

fn is_letter(formula: &str) -> bool {
    let inner = formula.trim_matches(|c: char| c.is_whitespace() || matches!(c, '$' | '\\' | '(' | ')'));
    inner.len() <= 1 && inner.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether what stands between two formulas makes them one answer.
pub(crate) fn joins(between: &str) -> bool {
    if between.len() > 16 {
        return false;
    }
    let words = between.trim_matches(|c: char| c.is_whitespace() || c == '$');
    matches!(
        words,
        "," | ", and" | ", or" | "and" | "or" | ";" | "\\text{ and }" | "\\text{and}" | "\\text{ or }"
    )
}

/// The length of a percent sign or the word for it.
fn percent(after: &str) -> usize {
    let blank = after.len() - after.trim_start_matches(' ').len();
    let sign = ["\\%", "%", "percent"].into_iter().find(|sign| after[blank..].starts_with(sign));
    sign.map_or(0, |sign| blank + sign.len())
}

/// Walks over the formulas of a text. Every byte is looked at a bounded number of times: a delimiter that was
/// searched for in vain is not searched for again.
struct Formulas<'a> {
    text: &'a str,
    at: usize,
    no_display: bool,
    no_bracket: [bool; 2],
}

impl Formulas<'_> {
    fn next(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let offset = bytes[self.at..].iter().position(|byte| matches!(byte, b'$' | b'\\'))?;
            let start = self.at + offset;
            let end = match bytes.get(start..start + 2) {
                Some(b"$$") => self.display(start),
                Some(b"\\(") => self.bracket(start, "\\)", 0),
                Some(b"\\[") => self.bracket(start, "\\]", 1),
                // An escaped character, or a command.
                Some([b'\\', _]) => Err(start + 2),
                _ if bytes[start] == b'$' => self.inline(start),
                _ => Err(start + 1),
            };
            match end {
                Ok(end) => {
                    self.at = end;
                    return Some(start..end);
                }
                Err(next) => self.at = next,
            }
        }
        None
    }

    /// `$$..$$`: the end, or where to go on.
    fn display(&mut self, start: usize) -> Result<usize, usize> {
        let signs = self.text[start..].bytes().take_while(|byte| *byte == b'$').count();
        if self.no_display || signs > 2 {
            return Err(start + signs);
        }
        match self.text[start + 2..].find("$$") {
            Some(length) => Ok(start + length + 4),
            None => {
                self.no_display = true;
                Err(start + 2)
            }
        }
    }

    fn bracket(&mut self, start: usize, close: &str, kind: usize) -> Result<usize, usize> {
        if self.no_bracket[kind] {
            return Err(start + 2);
        }
        match self.text[start + 2..].find(close) {
            Some(length) => Ok(start + length + 4),
            None => {
                self.no_bracket[kind] = true;
                Err(start + 2)
            }
        }
    }

    /// `$..$` in one paragraph. As in Pandoc, no digit follows the closing sign, so that `$5 and $7` are two prices.
    fn inline(&self, start: usize) -> Result<usize, usize> {
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 1,
                // A paragraph ends every formula.
                b'\n' if self.text[at + 1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n') => {
                    return Err(at);
                }
                b'$' => {
                    let before = bytes[at - 1].is_ascii_whitespace();
                    let spaced = bytes[start + 1].is_ascii_whitespace();
                    let digit =
                        bytes[at + 1..].iter().find(|byte| **byte != b' ').is_some_and(u8::is_ascii_digit);
                    let price = digit && (before || bytes.get(at + 1).is_some_and(u8::is_ascii_digit));
                    return if price || before && !spaced { Err(at) } else { Ok(at + 1) };
                }
                _ => {}
            }
            at += 1;
        }
        Err(bytes.len())
    }
}
