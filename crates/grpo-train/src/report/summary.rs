//! `summary.json`, read leniently: a key that is missing is left out of the page, one too many is ignored.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::Error;
use crate::tutoring::Interval;

/// What a finished run says of itself; empty for a run that was stopped.
#[derive(Debug, Default)]
pub(super) struct Summary {
    values: Map<String, Value>,
    /// Whether there was a file at all.
    pub(super) found: bool,
}

impl Summary {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if super::is_missing(&error) => return Ok(Self::default()),
            Err(source) => return Err(Error::Read { path: path.into(), source }),
        };
        let values = serde_json::from_slice(&text).map_err(|error| Error::Line {
            path: path.into(),
            line: error.line(),
            problem: error.to_string(),
            fix: "it holds one JSON object; repair it, or delete it to report on the other files alone",
        })?;
        Ok(Self { values, found: true })
    }

    /// A value as plain text, numbers and booleans included.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.values.get(key)?.as_f64()
    }

    pub(super) fn whole(&self, key: &str) -> Option<u64> {
        self.values.get(key)?.as_u64()
    }

    /// Whether the run did all its steps; a summary that doesn't say so is that of a whole run.
    pub(super) fn is_finished(&self) -> bool {
        self.found && self.values.get("finished").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Held-out accuracy: `which` is `initial`, `imitation` or `final`.
    pub(super) fn accuracy(&self, which: &str) -> Option<f64> {
        let value = self.values.get("eval")?.get(which)?;
        value.as_f64().or_else(|| value.get("accuracy")?.as_f64())
    }

    /// What a tutor's session was worth: `which` is `initial` or `final`.
    pub(super) fn worth(&self, which: &str) -> Option<Interval> {
        let value = self.values.get("worth")?.get(which)?;
        let number = |key| value.get(key).and_then(Value::as_f64);
        Some(Interval { mean: number("mean")?, half_width: number("half_width").unwrap_or(f64::INFINITY) })
    }

    /// The steps taken, whether they are given as one number or one for each stage.
    pub(super) fn steps(&self) -> Option<String> {
        match self.values.get("steps")? {
            Value::Object(stages) => {
                // In the order in which they ran; serde_json sorts by name.
                let ran =
                    ["imitation", "grpo"].map(|stage| (stage, stages.get(stage).and_then(Value::as_u64)));
                let parts: Vec<_> = ran
                    .into_iter()
                    .filter_map(|(stage, steps)| Some(format!("{} {stage}", super::text::count(steps?))))
                    .collect();
                (!parts.is_empty()).then(|| parts.join(" + "))
            }
            steps => steps.as_u64().map(super::text::count),
        }
    }
}
