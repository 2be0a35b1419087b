//! The answers that a row of data accepts.

use std::borrow::Cow;

use serde_json::Value;

use crate::Sample;

/// The field with further answers.
pub(crate) const REFERENCES: &str = "references";

/// The reference and every text of the row's field `references`, which any answer may equal; `None` where the
/// row has neither.
///
/// # Errors
/// What is wrong with the field, for [`Score::failed`](crate::Score::failed).
pub(crate) fn references<'a>(sample: &Sample<'a>) -> Result<Option<Vec<Cow<'a, str>>>, String> {
    let mut all: Vec<Cow<'a, str>> = sample.reference.map(Cow::Borrowed).into_iter().collect();
    match sample.field(REFERENCES) {
        None | Some(Value::Null) => {}
        Some(Value::Array(texts)) => {
            for (index, text) in texts.iter().enumerate() {
                all.push(plain(text).ok_or_else(|| {
                    format!("the row's `references[{index}]` is `{text}`; use texts or numbers")
                })?);
            }
        }
        Some(other) => return Err(format!("the row's `references` is `{other}`; use a list of texts")),
    }
    Ok((!all.is_empty()).then_some(all))
}

/// A text, or a number or truth value as it is written.
pub(crate) fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Why a text is not even compared with the references: it is beyond 16 KiB and more than four times as long as
/// the longest of them, and bringing it to a normal form would only take time.
pub(crate) fn too_long(text: &str, references: &[Cow<'_, str>]) -> Option<String> {
    let longest = references.iter().map(|reference| reference.len()).max().unwrap_or(0);
    let limit = (1 << 14).max(longest.saturating_mul(4));
    (text.len() > limit).then(|| format!("has {} bytes, far more than the reference", text.len()))
}
