use super::{KnowledgeTask, KssTask};
use crate::recipe::{at_least_one, changes_applied, check_name, parse, rate, written};
use crate::{Credit, Decay, Error, OptimizerConfig, RecordsConfig, Schedule, SessionTrainer};
use grpo_core::{Aggregate, Objective};
use grpo_edu::TutorConfig;
use grpo_edu::students::{fsrs::DeckConfig, memory::MemoryConfig};
use grpo_rewards::shaping::{MeasureSpec, Objectives, PotentialShaping};
use grpo_rollout::Play;
use grpo_rollout::adaptive::{AdaptiveConfig, Membership};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Everything that decides the training of a tutor. `config.toml` in the run folder is this value written out in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TutorRecipe {
    /// Names the run folder.
    pub name: String,
    /// Decides initial weights, the learners that are taught, and every draw.
    #[serde(default)]
    pub seed: u64,
    /// Whom the tutor teaches what.
    pub environment: EnvironmentConfig,
    /// The tutor's network.
    #[serde(default)]
    pub tutor: TutorConfig,
    /// The training.
    pub training: TrainingConfig,
    /// How rewards become advantages: within groups (GRPO), or by a critic (PPO).
    #[serde(default = "credit")]
    pub credit: Credit,
    /// Which sessions are compared with each other: those with the same learner, or with learners of the same cluster by what the tutor sees
    /// at the start.
    #[serde(default)]
    pub membership: Membership,
    /// What is measured on each session of training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<MeasureSpec>,
    /// Seconds after a session at which its learner is tested again, for a measure of the kind `retention`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delayed_tests: Vec<f64>,
    /// What of the measures a session is worth in training; without it, what the environment pays. The examination is by the
    /// environment's own worth all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// What is paid on the way, without changing what is best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shaping: Option<PotentialShaping>,
    /// What is minimised. No KL term: there is no reference policy.
    #[serde(default = "objective")]
    pub objective: Objective,
    /// AdamW.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// How the tutor is examined.
    #[serde(default)]
    pub examination: ExaminationConfig,
    /// Records of the examination's sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsConfig>,
    /// Steps between two checkpoints; 0 saves only at the end and on an interrupt.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: usize,
}

fn credit() -> Credit {
    Credit::Group(crate::GroupCredit::default())
}
/// Sessions of one environment are about equally long, so every choice counts the same.
fn objective() -> Objective {
    Objective { aggregate: Aggregate::TokenMean, ..Objective::default() }
}
fn checkpoint_every() -> usize {
    50
}

/// Whom a tutor teaches what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EnvironmentConfig {
    /// Lessons in a graph of prerequisites (KSS).
    Kss(KssTask),
    /// Spaced repetition: exponential forgetting, half-life regression or DASH.
    Memory(MemoryConfig),
    /// Flash cards with the seconds that reviews take (FSRS-6).
    Fsrs(DeckConfig),
    /// Skills that are practised: learners of Bayesian knowledge tracing, fitted to a log.
    Bkt(KnowledgeTask),
    /// A test that adapts: learners of item response theory, fitted to a log.
    Irt(KnowledgeTask),
}

/// The training of a tutor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Steps: sessions are played and learnt from once in each.
    pub steps: usize,
    /// New learners in each step.
    pub learners_per_step: usize,
    /// G: sessions with each of them, from the same start.
    pub group_size: usize,
    /// Passes over each step's sessions.
    #[serde(default = "one")]
    pub iterations: usize,
    /// Parts of a pass, an optimizer step each.
    #[serde(default = "one")]
    pub minibatches: usize,
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
    /// Sessions that go through the network together in the update. Changes memory and speed; numbers by rounding only.
    #[serde(default = "micro_batch_size")]
    pub micro_batch_size: usize,
}

fn one() -> usize {
    1
}
fn micro_batch_size() -> usize {
    32
}

/// How a tutor is examined: by its most probable choices, with learners that nobody taught in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExaminationConfig {
    /// Learners of the examination at the end.
    pub learners: usize,
    /// Decides who they are, so that runs with different seeds are examined by the same.
    pub seed: u64,
    /// Steps between two examinations on the way; 0 for none.
    pub every: usize,
    /// The first so many of the learners are asked on the way.
    pub learners_on_the_way: usize,
}

impl Default for ExaminationConfig {
    fn default() -> Self {
        Self { learners: 500, seed: 7, every: 50, learners_on_the_way: 100 }
    }
}

impl TutorRecipe {
    /// Whether a text is the recipe of a tutor, not of a language model: it has an `environment`.
    pub fn is_one(text: &str) -> bool {
        toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("environment"))
    }

    /// Parses and checks a recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with line and key for what isn't a recipe, [`Error::Setting`] for impossible values.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let recipe: Self = parse(text)?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads, changes and checks a recipe, as [`Recipe::with_changes`](crate::Recipe::with_changes).
    ///
    /// # Errors
    /// As [`TutorRecipe::from_toml`]; a change names its key.
    pub fn with_changes(text: &str, changes: &[String]) -> Result<Self, Error> {
        Self::from_toml(&changes_applied(text, changes)?)
    }

    /// The recipe written out in full.
    ///
    /// # Errors
    /// When a value can't be written as TOML (a seed above 2^63).
    pub fn to_toml(&self) -> Result<String, Error> {
        written(self)
    }

    /// Takes relative paths as relative to `base`, the recipe's folder.
    pub fn resolve_paths(&mut self, base: &Path) {
        if let EnvironmentConfig::Bkt(task) | EnvironmentConfig::Irt(task) = &mut self.environment
            && task.path.is_relative()
        {
            task.path = base.join(&task.path);
        }
    }

    /// Checks every value and every combination.
    ///
    /// # Errors
    /// Names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        check_name(&self.name, self.seed)?;
        at_least_one("training.steps", self.training.steps)?;
        at_least_one("training.learners_per_step", self.training.learners_per_step)?;
        rate("training.learning_rate", self.training.learning_rate)?;
        let ExaminationConfig { learners, learners_on_the_way, .. } = self.examination;
        for (key, value) in
            [("examination.learners", learners), ("examination.learners_on_the_way", learners_on_the_way)]
        {
            if value < 2 {
                let fix = "use at least 2: one learner has no interval (500 is usual)";
                return Err(Error::setting(key, format!("is {value}"), fix));
            }
        }
        self.records.as_ref().map_or(Ok(()), RecordsConfig::validate)?;
        self.adaptive().validate()?;
        if let Membership::Difficulty { .. } = self.membership {
            let fix = "every learner is new: use \"question\" (the same learner) or a `cluster`";
            return Err(Error::setting("membership", "is a `difficulty`", fix));
        }
        let needs_critic = matches!(self.credit, Credit::Critic(_));
        if needs_critic != (self.tutor.critic != grpo_edu::Critic::None) {
            let (problem, fix) = match needs_critic {
                true => ("is \"none\", but `credit` is given by a critic", "use \"shared\" or \"separate\""),
                false => ("is set, but `credit` is given within groups", "leave it out: GRPO has no critic"),
            };
            return Err(Error::setting("tutor.critic", problem, fix));
        }
        self.appraiser()?;
        self.trainer(1).validate().map_err(|error| match error {
            // The trainer doesn't know under which table its settings stand.
            Error::Setting { key, problem, fix } if !key.contains('.') => {
                Error::Setting { key: format!("training.{key}"), problem, fix }
            }
            other => other,
        })
    }

    /// Group formation.
    pub(super) fn adaptive(&self) -> AdaptiveConfig {
        AdaptiveConfig { membership: self.membership, ..AdaptiveConfig::default() }
    }

    /// The trainer for sessions of at most so many steps.
    pub fn trainer(&self, max_steps: usize) -> SessionTrainer {
        let training = &self.training;
        SessionTrainer {
            play: Play { group_size: training.group_size, max_steps, temperature: 1.0 },
            iterations: training.iterations,
            minibatches: training.minibatches,
            micro_batch_size: training.micro_batch_size,
            schedule: Schedule {
                peak: training.learning_rate,
                warmup: training.warmup_steps,
                steps: training.steps,
                decay: training.decay,
                floor: training.floor,
            },
            credit: self.credit,
            objective: self.objective,
            optimizer: self.optimizer.clone(),
        }
    }
}
