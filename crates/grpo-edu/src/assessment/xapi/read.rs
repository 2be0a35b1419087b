//! Statements out of a text: JSON lines, a list, or the pages that a learning record store gives.

use serde_json::{Map, Value};

use super::XapiError;
use super::validate::{short, shown};

/// The longest text that is read: 1 GiB. A longer file is a directory's worth; split it.
pub const LONGEST_TEXT: usize = 1 << 30;

/// A statement, whoever made it, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundStatement {
    /// Its properties. Nothing about them has been checked; [`validate`](super::validate()) does.
    pub value: Map<String, Value>,
    /// Its number and the line where its JSON value begins, for messages.
    pub place: String,
}

/// Every statement of a text that messages call `name`: one JSON value after the other (JSON lines), a list of statements, or the
/// `{"statements": [...]}` of a learning record store, and any mixture of these.
///
/// ```
/// use grpo_edu::assessment::xapi::statements;
///
/// let lines = "{\"id\": 1}\n{\"id\": 2}\n";
/// assert_eq!(statements(lines, "lines")?.len(), 2);
/// let page = r#"{"statements": [{"id": 1}, {"id": 2}], "more": ""}"#;
/// assert_eq!(statements(page, "page")?[1].place, "statement 2 (line 1)");
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
///
/// # Errors
///
/// [`XapiError::Read`] names the line or the statement: for what isn't JSON or nested more than 127 deep, for a value that is no
/// object, for a page with more behind it, and for more than [`LONGEST_TEXT`].
pub fn statements(text: &str, name: &str) -> Result<Vec<FoundStatement>, XapiError> {
    let mut found = Vec::new();
    each_statement(text, name, |statement| {
        found.push(statement);
        Ok(())
    })?;
    Ok(found)
}

/// Hands over every statement as [`statements`] finds it, so that not all of them must be kept.
pub(crate) fn each_statement(
    text: &str,
    name: &str,
    mut take: impl FnMut(FoundStatement) -> Result<(), XapiError>,
) -> Result<(), XapiError> {
    let refuse = |place: String, problem: String| XapiError::Read { name: name.into(), place, problem };
    if text.len() > LONGEST_TEXT {
        let problem = format!("{} bytes, and {LONGEST_TEXT} at most are read; split it", text.len());
        return Err(refuse("line 1".into(), problem));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted, mut number) = (1, 0, 0_usize);
    loop {
        let begin = values.byte_offset();
        let Some(value) = values.next() else { return Ok(()) };
        // The value begins after the blanks at the place where the last one ended.
        let rest = &text[begin..];
        let start = begin + rest.len() - rest.trim_start().len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        let value = value.map_err(|error| {
            let problem = format!("not JSON ({error}); write one statement a line");
            refuse(format!("line {}", error.line()), problem)
        })?;
        for value in parts(value).map_err(|problem| refuse(format!("line {line}"), problem))? {
            number += 1;
            let place = format!("statement {number} (line {line})");
            match value {
                Value::Object(value) => take(FoundStatement { value, place })?,
                other => {
                    return Err(refuse(place, format!("{} is no statement; write an object", shown(&other))));
                }
            }
        }
    }
}

/// The statements of one JSON value.
fn parts(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(parts) => Ok(parts),
        Value::Object(mut page) if page.contains_key("statements") => {
            if let Some(more) = more(&page) {
                return Err(format!(
                    "one page of a result that goes on at `{}`; put the statements of all pages into one file",
                    short(more)
                ));
            }
            match page.remove("statements") {
                Some(Value::Array(parts)) => Ok(parts),
                _ => Err("`statements` must be an array".into()),
            }
        }
        value => Ok(vec![value]),
    }
}

/// Where a page's result goes on.
fn more(page: &Map<String, Value>) -> Option<&str> {
    page.get("more").and_then(Value::as_str).filter(|more| !more.is_empty())
}

/// One answer to `GET /statements`.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its statements, unchecked.
    pub statements: Vec<Map<String, Value>>,
    /// Where the result goes on.
    pub more: Option<String>,
}

impl Page {
    /// Reads the answer to `GET /statements`.
    ///
    /// # Errors
    ///
    /// [`XapiError::Answer`].
    pub fn parse(body: &[u8]) -> Result<Self, XapiError> {
        let refuse = |problem: String| XapiError::Answer { problem };
        let value: Value =
            serde_json::from_slice(body).map_err(|error| refuse(format!("not JSON ({error})")))?;
        let Value::Object(mut page) = value else {
            return Err(refuse(format!("{} is no page of statements; expected an object", shown(&value))));
        };
        let more = more(&page).map(str::to_string);
        let Some(Value::Array(values)) = page.remove("statements") else {
            return Err(refuse("the page has no list `statements`".into()));
        };
        let statement = |(place, value)| match value {
            Value::Object(value) => Ok(value),
            other => Err(refuse(format!("`statements[{place}]` is {}, no object", shown(&other)))),
        };
        let statements = values.into_iter().enumerate().map(statement).collect::<Result<_, _>>()?;
        Ok(Self { statements, more })
    }
}

pub(super) fn at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, key| value.get(key))
}

pub(super) fn text_at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    at(object, path)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_in_any_mixture() {
        let text = "\u{feff}{\"a\":1}\n\n[{\"a\":2},\n{\"a\":3}]\n{\"statements\":[{\"a\":4}],\"more\":\"\"} {\"a\":5}\n";
        let found = statements(text, "t").unwrap();
        let read: Vec<_> =
            found.iter().map(|one| (one.value["a"].as_u64().unwrap(), one.place.as_str())).collect();
        assert_eq!(
            read,
            [
                (1, "statement 1 (line 1)"),
                (2, "statement 2 (line 3)"),
                (3, "statement 3 (line 3)"),
                (4, "statement 4 (line 5)"),
                (5, "statement 5 (line 5)"),
            ]
        );
    }

    #[test]
    fn depth_and_messages_are_bounded() {
        let deep = "[".repeat(1_000_000);
        let error = statements(&deep, "t").unwrap_err().to_string();
        assert!(error.starts_with("t, line 1: not JSON (recursion limit"), "{error}");
        let wide = format!("[[{}0]]", "0,".repeat(100_000));
        let error = statements(&wide, "t").unwrap_err().to_string();
        assert_eq!(error, "t, statement 1 (line 1): a list is no statement; write an object");
        let long = format!("\"{}\"", "x".repeat(100_000));
        assert!(statements(&long, "t").unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_page_is_read_or_refused() {
        let page = Page::parse(br#"{"statements":[{"a":1}],"more":"/next"}"#).unwrap();
        assert_eq!((page.statements.len(), page.more.as_deref()), (1, Some("/next")));
        assert_eq!(Page::parse(br#"{"statements":[],"more":""}"#).unwrap().more, None);
        for (bad, problem) in [
            (&b"<html>"[..], "not JSON"),
            (b"[]", "a list is no page"),
            (b"{}", "has no list `statements`"),
            (br#"{"statements":[1]}"#, "`statements[0]` is 1"),
        ] {
            let error = Page::parse(bad).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
