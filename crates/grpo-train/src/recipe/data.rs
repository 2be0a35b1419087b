use super::checks::share;
use crate::Error;
use grpo_edu::ArithmeticConfig;
use grpo_edu::assessment::Style;
use grpo_edu::assessment::table::TableColumns;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Where questions come from: the key `format` says which (`source` is another name for it).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
// With `remote`, the derived functions are the type's own, and the traits below add what derive can't.
#[serde(tag = "format", rename_all = "snake_case", remote = "Self")]
pub enum DataConfig {
    /// Word problems made by `grpo-edu`'s generator: no file, no end.
    Arithmetic(ArithmeticConfig),
    /// JSON lines.
    Jsonl(JsonlConfig),
    /// A question bank as a table.
    Csv(CsvConfig),
    /// A question bank in Moodle's GIFT.
    Gift(BankConfig),
    /// QTI 2.1, 2.2 or 3.0: a content package, an item, or a folder of items.
    Qti(BankConfig),
}

impl Serialize for DataConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for DataConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = <Map<String, Value> as Deserialize>::deserialize(deserializer)?;
        if let Some(source) = keys.remove("source")
            && keys.insert("format".into(), source).is_some()
        {
            return Err(D::Error::custom("`source` and `format` are two names of one key: give one of them"));
        }
        Self::deserialize(Value::Object(keys)).map_err(D::Error::custom)
    }
}

/// Where the questions of a file are, and which are held out.
#[derive(Debug, Clone, Copy)]
pub struct DataFile<'a> {
    /// To train on.
    pub path: &'a Path,
    /// To evaluate on.
    pub held_out: Option<&'a Path>,
    /// The share of `path` that is held out without it.
    pub held_out_share: f64,
}

/// A question bank: items that come with their own scoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankConfig {
    /// The bank to train on.
    pub path: PathBuf,
    /// The bank to evaluate on. Without one, a share of `path`'s items is held out. Items that stand in both are left out of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<PathBuf>,
    /// That share; which items it takes depends on their text alone.
    #[serde(default = "held_out_share")]
    pub held_out_share: f64,
    /// How items are written.
    #[serde(default)]
    pub style: Style,
    /// The prompt; `{question}` is replaced by the item with its options and a line that says how to answer.
    #[serde(default = "template")]
    pub prompt: String,
}

/// A question bank as a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// The table to train on.
    pub path: PathBuf,
    /// The table to evaluate on; as for other banks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<PathBuf>,
    /// The share of `path` that is held out without it.
    #[serde(default = "held_out_share")]
    pub held_out_share: f64,
    /// How items are written.
    #[serde(default)]
    pub style: Style,
    /// The prompt; `{question}` is replaced.
    #[serde(default = "template")]
    pub prompt: String,
    /// What the columns are called.
    #[serde(default)]
    pub columns: TableColumns,
}

/// The keys that all files have.
macro_rules! data_file {
    ($($config:ty),*) => {$(
        impl $config {
            /// Where the questions are.
            pub fn file(&self) -> DataFile<'_> {
                DataFile { path: &self.path, held_out: self.held_out.as_deref(), held_out_share: self.held_out_share }
            }

            fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
                std::iter::once(&mut self.path).chain(&mut self.held_out).collect()
            }

            fn validate(&self) -> Result<(), Error> {
                share("data.held_out_share", self.held_out_share)?;
                if self.prompt.contains("{question}") {
                    return Ok(());
                }
                Err(Error::setting("data.prompt", format!("is {:?}", self.prompt), "it must contain {question}"))
            }
        }
    )*};
}

data_file!(JsonlConfig, CsvConfig, BankConfig);

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

impl BankConfig {
    /// The defaults for a bank.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            held_out: None,
            held_out_share: held_out_share(),
            style: Style::default(),
            prompt: template(),
        }
    }
}

impl CsvConfig {
    /// The defaults for a table.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let BankConfig { path, held_out, held_out_share, style, prompt } = BankConfig::new(path);
        Self { path, held_out, held_out_share, style, prompt, columns: TableColumns::default() }
    }
}

impl DataConfig {
    /// Its files; `None` for the generator.
    pub fn file(&self) -> Option<DataFile<'_>> {
        match self {
            Self::Arithmetic(_) => None,
            Self::Jsonl(config) => Some(config.file()),
            Self::Csv(config) => Some(config.file()),
            Self::Gift(config) | Self::Qti(config) => Some(config.file()),
        }
    }

    /// What its file is called, without its ending; `None` for the generator.
    pub fn name(&self) -> Option<String> {
        let path = self.file()?.path;
        Some(path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned())
    }

    /// The paths of its files, to be changed.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Arithmetic(_) => Vec::new(),
            Self::Jsonl(config) => config.paths_mut(),
            Self::Csv(config) => config.paths_mut(),
            Self::Gift(config) | Self::Qti(config) => config.paths_mut(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Arithmetic(config) => Ok(config.validate()?),
            Self::Jsonl(config) => config.validate(),
            Self::Csv(config) => config.validate(),
            Self::Gift(config) | Self::Qti(config) => config.validate(),
        }
    }
}
