use crate::{Decay, Error, OptimizerConfig, Schedule};
use grpo_core::{AdvantageEstimator, Objective};
use grpo_edu::ArithmeticConfig;
use grpo_rewards::RewardSpec;
use grpo_rollout::Sampling;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that decides a run. `config.toml` in the run folder is this value written out in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run folder.
    pub name: String,
    /// Decides initial weights, questions, their order, and every draw of every rollout.
    #[serde(default)]
    pub seed: u64,
    /// Where questions come from.
    pub data: DataConfig,
    /// What is trained.
    pub model: ModelConfig,
    /// Stage 1: supervised training on worked solutions. Left out, training starts with GRPO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imitation: Option<ImitationConfig>,
    /// Stage 2: GRPO.
    pub grpo: GrpoConfig,
    /// How completions are drawn during GRPO.
    #[serde(default)]
    pub sampling: Sampling,
    /// How rewards become advantages.
    #[serde(default)]
    pub advantages: AdvantageEstimator,
    /// What is minimised.
    #[serde(default)]
    pub objective: Objective,
    /// AdamW, for both stages; each starts with a fresh state.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// What a completion is worth in training: a weighted sum.
    pub rewards: Vec<RewardSpec>,
    /// The held-out evaluation.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// Steps between two checkpoints of a run; 0 saves only at the end of a stage and on an interrupt.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: usize,
}

fn checkpoint_every() -> usize {
    50
}

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
            prompt: template(),
        }
    }
}

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "start", rename_all = "snake_case")]
pub enum ModelConfig {
    /// A Llama decoder with random weights and a word tokenizer made from the data's vocabulary.
    Random(RandomModel),
    /// A model folder in Hugging Face layout.
    Folder(ModelFolder),
}

/// Shape of a decoder that is trained from random weights. The output head is tied to the embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomModel {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the SwiGLU block.
    pub intermediate_size: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads.
    pub kv_heads: usize,
    /// Positions.
    pub context: usize,
}

/// A model folder in Hugging Face layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
}

/// Stage 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImitationConfig {
    /// Optimizer steps at most.
    pub steps: usize,
    /// Worked solutions per step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup_steps: usize,
    /// Shape of the way down.
    #[serde(default)]
    pub decay: Decay,
    /// Share of the peak rate that is left at the end.
    #[serde(default)]
    pub floor: f64,
    /// The stage ends as soon as validation accuracy (greedy) reaches this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at_accuracy: Option<f64>,
    /// Steps between two validations.
    #[serde(default = "validate_every")]
    pub validate_every: usize,
    /// Questions of a validation.
    #[serde(default = "validation_questions")]
    pub validation_questions: usize,
    /// Episodes that go through the model together.
    #[serde(default = "micro_batch_size")]
    pub micro_batch_size: usize,
}

fn validate_every() -> usize {
    20
}
fn validation_questions() -> usize {
    256
}
fn micro_batch_size() -> usize {
    128
}

/// Stage 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpoConfig {
    /// Optimizer steps.
    pub steps: usize,
    /// Questions per step.
    pub prompts_per_step: usize,
    /// G: completions per question.
    pub group_size: usize,
    /// Passes over each step's episodes (μ in DeepSeekMath, `num_iterations` in TRL).
    #[serde(default = "one")]
    pub iterations: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup_steps: usize,
    /// Shape of the way down.
    #[serde(default)]
    pub decay: Decay,
    /// Share of the peak rate that is left at the end.
    #[serde(default)]
    pub floor: f64,
    /// Episodes that go through the model together, in sampling and in the update. Changes memory and speed; numbers only by
    /// rounding (which can tip a sampled token).
    #[serde(default = "micro_batch_size")]
    pub micro_batch_size: usize,
    /// The run stops when a larger share of a step's rewards fails (panics, NaN).
    #[serde(default = "max_reward_failures")]
    pub max_reward_failures: f64,
    /// Groups per step that are written to `samples.jsonl`.
    #[serde(default = "sampled_groups")]
    pub sampled_groups: usize,
    /// Steps between two such samples; the first and the last step always count.
    #[serde(default = "sample_every")]
    pub sample_every: usize,
}

fn one() -> usize {
    1
}
fn max_reward_failures() -> f64 {
    0.1
}
fn sampled_groups() -> usize {
    2
}
fn sample_every() -> usize {
    10
}

/// The held-out evaluation: greedy decoding, judged by a metric of its own, which is not the training reward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// GRPO steps between two evaluations; 0 evaluates only before and after each stage.
    pub every: usize,
    /// Held-out questions, at most.
    pub questions: usize,
    /// Questions of the evaluations on the way, at most; before and after a stage all are asked.
    pub questions_on_the_way: usize,
    /// What counts.
    pub metric: Metric,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 20, questions: 512, questions_on_the_way: 256, metric: Metric::default() }
    }
}

/// What an answer must have to count in an evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The completion ended by itself, and the text after its last `####` is the reference, character for character.
    /// Shares no code with the rewards.
    #[default]
    FinalText,
    /// Mean of a verifier's score.
    Score(RewardSpec),
}

impl Recipe {
    /// Parses and checks a recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with line and key for what isn't a recipe, [`Error::Setting`] for impossible values.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let recipe: Self =
            toml::from_str(text).map_err(|e| Error::Recipe { path: None, message: e.to_string() })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads, changes and checks a recipe. `changes` are `key=value` pairs with dotted keys, as in
    /// `grpo.group_size=8`; values are TOML, and what isn't TOML is taken as text.
    ///
    /// # Errors
    /// As [`Recipe::from_toml`]; a change names its key.
    pub fn with_changes(text: &str, changes: &[String]) -> Result<Self, Error> {
        let refuse = |message: String| Error::Recipe { path: None, message };
        if changes.is_empty() {
            return Self::from_toml(text);
        }
        // A syntax error is better told about the text as it stands.
        let mut table: toml::Table = toml::from_str(text).map_err(|e| refuse(e.to_string()))?;
        for change in changes {
            let (key, value) = change.split_once('=').ok_or_else(|| {
                refuse(format!("--set {change}: write it as key=value, for instance grpo.steps=10"))
            })?;
            set(&mut table, key.trim(), value.trim())
                .map_err(|problem| refuse(format!("--set {change}: {problem}")))?;
        }
        let text = toml::to_string(&table).map_err(|e| refuse(e.to_string()))?;
        Self::from_toml(&text)
    }

    /// The recipe written out in full.
    ///
    /// # Errors
    /// When a value can't be written as TOML (a seed above 2^63).
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self).map_err(|e| Error::Recipe { path: None, message: e.to_string() })
    }

    /// Takes relative paths as relative to `base`, the recipe's folder.
    pub fn resolve_paths(&mut self, base: &Path) {
        let resolve = |path: &mut PathBuf| {
            if path.is_relative() {
                *path = base.join(&path);
            }
        };
        if let DataConfig::Jsonl(jsonl) = &mut self.data {
            resolve(&mut jsonl.path);
            jsonl.held_out.as_mut().map(resolve);
        }
        if let ModelConfig::Folder(folder) = &mut self.model {
            resolve(&mut folder.path);
        }
    }

    /// Checks every value and every combination.
    ///
    /// # Errors
    /// Names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) || self.name.starts_with('.') {
            return Err(Error::setting(
                "name",
                format!("is {:?}", self.name),
                "use letters, digits, - and _, since it names a folder",
            ));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", format!("is {}", self.seed), "use a number below 2^63"));
        }
        self.validate_data()?;
        if let Some(imitation) = &self.imitation {
            imitation.validate()?;
        }
        self.grpo.validate()?;
        self.sampling.validate()?;
        if self.sampling.temperature == 0.0 {
            return Err(Error::setting(
                "sampling.temperature",
                "is 0",
                "greedy completions of one prompt are all equal, so nothing could be learnt: use for instance 1.0",
            ));
        }
        self.advantages.validate()?;
        self.objective.validate()?;
        self.optimizer.validate()?;
        grpo_rewards::RewardSet::from_specs(&self.rewards)?;
        if let Metric::Score(spec) = &self.evaluation.metric {
            spec.validate().map_err(|e| e.within("evaluation.metric.score"))?;
        }
        at_least_one("evaluation.questions", self.evaluation.questions)?;
        at_least_one("evaluation.questions_on_the_way", self.evaluation.questions_on_the_way)
    }

    fn validate_data(&self) -> Result<(), Error> {
        match &self.data {
            DataConfig::Arithmetic(config) => config.validate()?,
            DataConfig::Jsonl(config) => {
                share("data.held_out_share", config.held_out_share)?;
                if !config.prompt.contains("{question}") {
                    return Err(Error::setting(
                        "data.prompt",
                        format!("is {:?}", config.prompt),
                        "it must contain {question}",
                    ));
                }
            }
        }
        match (&self.data, &self.model) {
            (DataConfig::Jsonl(_), ModelConfig::Random(_)) => Err(Error::setting(
                "model.start",
                "is \"random\", but the data comes from a file",
                "a word tokenizer is only made for generated exercises: use start = \"folder\" with a model's path",
            )),
            (_, ModelConfig::Random(model)) => model.config(1).validate().map_err(|e| match e {
                grpo_lm::Error::Config { key, value, reason } => {
                    Error::setting(format!("model ({key})"), format!("is {value}"), reason)
                }
                other => other.into(),
            }),
            _ => Ok(()),
        }
    }
}

impl RandomModel {
    /// As a decoder configuration.
    pub fn config(&self, vocab_size: usize) -> grpo_lm::DecoderConfig {
        grpo_lm::DecoderConfig::llama(
            vocab_size,
            self.hidden_size,
            self.intermediate_size,
            self.layers,
            self.heads,
            self.kv_heads,
            self.context,
        )
    }
}

impl ImitationConfig {
    /// The learning rate.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
            floor: self.floor,
        }
    }

    fn validate(&self) -> Result<(), Error> {
        at_least_one("imitation.steps", self.steps)?;
        at_least_one("imitation.batch_size", self.batch_size)?;
        at_least_one("imitation.validate_every", self.validate_every)?;
        at_least_one("imitation.validation_questions", self.validation_questions)?;
        at_least_one("imitation.micro_batch_size", self.micro_batch_size)?;
        positive("imitation.learning_rate", self.learning_rate)?;
        share("imitation.floor", self.floor)?;
        self.stop_at_accuracy.map_or(Ok(()), |s| share("imitation.stop_at_accuracy", s))
    }
}

impl GrpoConfig {
    /// The learning rate.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
            floor: self.floor,
        }
    }

    fn validate(&self) -> Result<(), Error> {
        at_least_one("grpo.steps", self.steps)?;
        at_least_one("grpo.prompts_per_step", self.prompts_per_step)?;
        if self.group_size < 2 {
            return Err(Error::setting(
                "grpo.group_size",
                format!("is {}", self.group_size),
                "an answer is compared with the others of its group, so use at least 2 (16 is a good start)",
            ));
        }
        at_least_one("grpo.iterations", self.iterations)?;
        at_least_one("grpo.micro_batch_size", self.micro_batch_size)?;
        at_least_one("grpo.sample_every", self.sample_every)?;
        positive("grpo.learning_rate", self.learning_rate)?;
        share("grpo.floor", self.floor)?;
        share("grpo.max_reward_failures", self.max_reward_failures)
    }
}

fn at_least_one(key: &str, value: usize) -> Result<(), Error> {
    if value == 0 { Err(Error::setting(key, "is 0", "use at least 1")) } else { Ok(()) }
}

fn positive(key: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::setting(key, format!("is {value}"), "use a positive number"))
}

fn share(key: &str, value: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::setting(key, format!("is {value}"), "use a number from 0 to 1"))
}

/// Sets a dotted key. Tables on the way are made; a value that isn't TOML is taken as text.
fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<(), String> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().filter(|k| !k.is_empty()).ok_or("the key is empty")?;
    let mut place = table;
    for part in parts {
        let entry = place.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        place = entry.as_table_mut().ok_or_else(|| format!("`{part}` is not a table"))?;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("x = {value}")).ok().and_then(|mut t| t.remove("x"));
    place.insert(last.to_string(), parsed.unwrap_or_else(|| toml::Value::String(value.into())));
    Ok(())
}
