//! The JSON in a completion.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::fence::code_fences;

/// How deep brackets may nest; `serde_json` refuses what is deeper.
const MAX_DEPTH: usize = 128;
/// How many pairs of brackets are tried, from the last one backwards.
const MAX_TRIES: usize = 4;
/// The longest JSON that is looked for in other text, in bytes: far above what a policy writes.
pub(super) const MAX_JSON: usize = 1 << 18;

/// The JSON of a completion: all of it, where it is JSON; else the last code block that is marked as `json`,
/// valid or not; else the last object or array in brackets that is valid. In time linear in the text.
pub(crate) fn find_json(text: &str) -> Result<Cow<'_, str>, String> {
    let whole = text.trim();
    let fault = match serde_json::from_str::<IgnoredAny>(whole) {
        Ok(_) => return Ok(Cow::Borrowed(whole)),
        Err(fault) => fault,
    };
    let marked = |language: &str| language.eq_ignore_ascii_case("json");
    if let Some(fence) = code_fences(text).filter(|fence| marked(fence.language())).last() {
        return Ok(fence.code());
    }
    if let Some(found) = last_bracketed(whole) {
        return Ok(Cow::Borrowed(found));
    }
    // The text began as JSON does, so its fault is what helps.
    if whole.starts_with(['{', '[']) { Err(not_json(&fault)) } else { Err("no JSON found".into()) }
}

pub(crate) fn not_json(fault: &serde_json::Error) -> String {
    format!("is not valid JSON: {fault}")
}

/// The last object or array that is valid JSON.
fn last_bracketed(text: &str) -> Option<&str> {
    let mut before = text.len();
    for _ in 0..MAX_TRIES {
        let last = text[..before].rfind(['}', ']'])?;
        let Some(start) = opening(text.as_bytes(), last) else {
            before = last;
            continue;
        };
        let found = &text[start..=last];
        if serde_json::from_str::<IgnoredAny>(found).is_ok() {
            return Some(found);
        }
        before = start;
    }
    None
}

/// Where the bracket that ends at `last` begins, read backwards so that prose before it does not matter.
fn opening(text: &[u8], last: usize) -> Option<usize> {
    let mut open: Vec<u8> = Vec::new();
    let mut in_string = false;
    let mut at = last + 1;
    let furthest = at.saturating_sub(MAX_JSON);
    while at > furthest {
        at -= 1;
        let byte = text[at];
        if byte == b'"' {
            // A quotation mark is escaped by an odd number of backslashes before it.
            let escapes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            if !in_string || escapes % 2 == 0 {
                in_string = !in_string;
            }
            at -= escapes;
            continue;
        }
        match byte {
            _ if in_string => {}
            b'}' | b']' if open.len() == MAX_DEPTH => return None,
            b'}' => open.push(b'{'),
            b']' => open.push(b'['),
            b'{' | b'[' if open.pop() != Some(byte) => return None,
            b'{' | b'[' if open.is_empty() => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        for (text, want) in [
            ("{\"a\": 1}", "{\"a\": 1}"),
            (" 42\n", "42"),
            ("Sure: {\"a\": [1, \"}\\\"]\"]} Done.", "{\"a\": [1, \"}\\\"]\"]}"),
            ("{\"a\": 1} or rather {\"a\": 2}", "{\"a\": 2}"),
            ("{\"a\": 1}, as f maps x to {x}.", "{\"a\": 1}"),
            ("```json\n{\"a\": 1}\n```\nand [2]", "{\"a\": 1}\n"),
            ("```JSON\n{oops}\n```", "{oops}\n"),
            ("it's \"quoted\" [1, 2]", "[1, 2]"),
            ("[1] }", "[1]"),
            ("\\\\\"[\\\"]\" [3]", "[3]"),
        ] {
            assert_eq!(find_json(text).as_deref(), Ok(want), "{text:?}");
        }
        assert_eq!(find_json("nothing").unwrap_err(), "no JSON found");
        assert_eq!(find_json("").unwrap_err(), "no JSON found");
        let cut = find_json("{\"a\": 1").unwrap_err();
        assert!(cut.starts_with("is not valid JSON: EOF while parsing an object at line 1"), "{cut}");
    }
}
