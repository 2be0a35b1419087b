//! Questions as JSON lines.

use super::Question;
use crate::{Error, JsonlConfig};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// Reads a JSON Lines file. Empty lines are passed over.
///
/// # Errors
/// [`Error::Data`] with the line for malformed JSON or a missing question, [`Error::NoQuestions`] for an empty file.
pub(super) fn read_jsonl(path: &Path, config: &JsonlConfig) -> Result<Vec<Question>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let mut questions = Vec::new();
    // Some editors begin a file with a mark of its byte order.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let refuse = |problem: String| Error::Data { path: path.into(), line: index + 1, problem };
        let fields: Map<String, Value> = serde_json::from_str(line)
            .map_err(|e| refuse(format!("not a JSON object ({e}); every line must be one")))?;
        let text = |field: &str| match fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(refuse(format!("`{field}` must be a text or a number"))),
        };
        let question = text(&config.question)?.filter(|q| !q.trim().is_empty()).ok_or_else(|| {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            refuse(format!(
                "`{}` is missing or empty; the fields are {}. Name the right one in `data.question`",
                config.question,
                known.join(", ")
            ))
        })?;
        questions.push(Question {
            prompt: config.prompt.replace("{question}", &question),
            reference: text(&config.r#final)?,
            solution: text(&config.solution)?,
            difficulty: difficulty(fields.get(&config.difficulty)).map_err(|found| {
                refuse(format!(
                    "`{}` is {found}; a difficulty is a number from 0 (easy) to 1 (hard). Leave it out, or name another field in \
                     `data.difficulty`",
                    config.difficulty
                ))
            })?,
            item: None,
            fields: Some(Arc::new(fields)),
        });
    }
    if questions.is_empty() {
        return Err(Error::NoQuestions {
            what: path.display().to_string(),
            fix: "give a file with one JSON object a line".into(),
        });
    }
    Ok(questions)
}

/// A number from 0 to 1, where there is one; else what was found.
fn difficulty(value: Option<&Value>) -> Result<Option<f64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| (0.0..=1.0).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(value.to_string()),
        },
    }
}
