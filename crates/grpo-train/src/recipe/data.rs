use super::checks::share;
use crate::Error;
use grpo_edu::ArithmeticConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where questions come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum DataConfig {
    /// Word problems made by `grpo-edu`'s generator: no file, no end.
    Arithmetic(ArithmeticConfig),
    /// JSON lines.
    Jsonl(JsonlConfig),
}

/// A JSON Lines file of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonlConfig {
    /// The file to train on.
    pub path: PathBuf,
    /// The file to evaluate on. Without one, a share of `path`'s questions is held out. Questions that stand in both files are
    /// left out of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<PathBuf>,
    /// That share; which questions it takes depends on their text alone.
    #[serde(default = "held_out_share")]
    pub held_out_share: f64,
    /// Field with the question.
    #[serde(default = "question")]
    pub question: String,
    /// Field with the final answer, which rewards and evaluation compare with. Rows may lack it.
    #[serde(default = "final_")]
    pub r#final: String,
    /// Field with a worked solution, which imitation learns from. Rows may lack it unless there is such a stage.
    #[serde(default = "answer")]
    pub solution: String,
    /// Field with how hard a question is, from 0 to 1. Rows may lack it.
    #[serde(default = "difficulty")]
    pub difficulty: String,
    /// The prompt; `{question}` is replaced.
    #[serde(default = "template")]
    pub prompt: String,
}

fn held_out_share() -> f64 {
    0.1
}
fn question() -> String {
    "question".into()
}
fn final_() -> String {
    "final".into()
}
fn answer() -> String {
    "answer".into()
}
fn difficulty() -> String {
    "difficulty".into()
}
fn template() -> String {
    "{question}".into()
}

impl JsonlConfig {
    /// The defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            held_out: None,
            held_out_share: held_out_share(),
            question: question(),
            r#final: final_(),
            solution: answer(),
            difficulty: difficulty(),
            prompt: template(),
        }
    }
}

impl DataConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let config = match self {
            Self::Arithmetic(config) => return Ok(config.validate()?),
            Self::Jsonl(config) => config,
        };
        share("data.held_out_share", config.held_out_share)?;
        if config.prompt.contains("{question}") {
            return Ok(());
        }
        Err(Error::setting("data.prompt", format!("is {:?}", config.prompt), "it must contain {question}"))
    }
}
