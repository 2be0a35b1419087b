//! JSON that fits a schema.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::excerpt::keep;
use super::json::{MAX_JSON, not_json};
use super::part::{Part, PartFinder};
use crate::schema::{Fault, Schema};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// The largest schema that is read from a file, in bytes.
const MAX_SCHEMA: u64 = 1 << 20;

/// 1 where the completion holds JSON that fits a schema, 0 where it does not; the reason names the place in the
/// JSON and what is wrong there. Which schemas there are, and how they are read, says [`crate::schema`].
///
/// JSON of more than 256 KiB, or nested more than 128 deep, is wrong. Of a key that is given twice the last one
/// counts.
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample};
/// let spec: RewardSpec = serde_json::from_str(
///     r#"{ "kind": "json_schema", "schema": { "type": "object", "required": ["answer"] } }"#,
/// )?;
/// let reward = spec.build()?;
/// let score = |completion| reward.score(&Sample::new("", completion)).unwrap();
/// assert_eq!(score("Here it is: {\"answer\": 42}").value, 1.0);
/// assert_eq!(score("{\"result\": 42}").reason, "`answer` is missing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JsonSchema {
    /// The schema itself, or the path of a file that holds it (seen from the working directory). Default: what
    /// the row's field `schema` holds; not applicable to rows that do not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaSource>,
    /// Where in the completion the JSON is. Default: [`Part::Json`], which finds it among other text. With
    /// [`Part::Whole`] the completion must be JSON and nothing else.
    pub part: Part,
}

/// Where a schema comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SchemaSource {
    /// A JSON file.
    File(PathBuf),
    /// The schema itself.
    Inline(Map<String, Value>),
}

impl JsonSchema {
    pub(crate) fn make_paths_absolute(&mut self) -> std::io::Result<()> {
        if let Some(SchemaSource::File(path)) = &mut self.schema {
            *path = std::path::absolute(&path)?;
        }
        Ok(())
    }
}

impl Default for JsonSchema {
    fn default() -> Self {
        Self { schema: None, part: Part::Json }
    }
}

impl Settings for JsonSchema {
    fn kind(&self) -> &'static str {
        "json_schema"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        let schema = self.schema.as_ref().map(|source| {
            let (value, origin) = match source {
                SchemaSource::File(path) => (read_file(path)?, format!(" of {}", path.display())),
                SchemaSource::Inline(map) => (Value::Object(map.clone()), String::new()),
            };
            Schema::new(&value).map_err(|error| {
                let problem = format!("at `{}`{origin}: {}", error.place, error.problem);
                RewardError::invalid("schema", problem, error.fix)
            })
        });
        Ok(Box::new(Checker { schema: schema.transpose()?, part: self.part.finder()? }))
    }
}

fn read_file(path: &Path) -> Result<Value, RewardError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        RewardError::invalid("schema", format!("{shown} cannot be read: {error}"), "correct the path")
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_SCHEMA {
        let problem = format!("{shown} has {size} bytes, more than {MAX_SCHEMA}");
        return Err(RewardError::invalid("schema", problem, "use a smaller schema"));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(|error| {
        RewardError::invalid("schema", format!("{shown} is not JSON: {error}"), "correct the file")
    })
}

struct Checker {
    schema: Option<Schema>,
    part: PartFinder,
}

impl Reward for Checker {
    fn name(&self) -> &str {
        "json_schema"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let schema = match (&self.schema, sample.field("schema")) {
            (Some(schema), _) => Cow::Borrowed(schema),
            (None, None | Some(Value::Null)) => return None,
            (None, Some(field)) => match row_schema(field) {
                Ok(schema) => Cow::Owned(schema),
                Err(why) => return Some(Score::failed(why)),
            },
        };
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        if text.len() > MAX_JSON {
            return Some(Score::new(0.0, format!("the JSON has {} bytes, more than {MAX_JSON}", text.len())));
        }
        let score = match serde_json::from_str(&text) {
            Err(error) => Score::new(0.0, not_json(&error)),
            Ok(value) => match schema.check(&value) {
                Ok(()) => Score::new(1.0, "fits the schema"),
                Err(fault @ Fault::Misfit { .. }) => Score::new(0.0, fault.to_string()),
                // The schema's fault, not the completion's.
                Err(fault @ Fault::TooManySteps) => Score::failed(fault.to_string()),
            },
        };
        Some(score.with_extracted(keep(&text)))
    }
}

/// The schema of a row: an object, or a text that holds one.
fn row_schema(field: &Value) -> Result<Schema, String> {
    let wrong = |problem: &dyn std::fmt::Display| format!("the row's `schema`: {problem}");
    match field {
        Value::String(text) => {
            let value: Value = serde_json::from_str(text).map_err(|error| wrong(&not_json(&error)))?;
            Schema::new(&value).map_err(|error| wrong(&error))
        }
        value => Schema::new(value).map_err(|error| wrong(&error)),
    }
}
