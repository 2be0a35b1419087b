use crate::recipe::{at_least_one, changes_applied, check_name, parse, rate, written};
use crate::tutoring::{EnvironmentConfig, ExaminationConfig, TrainingConfig, TutorRecipe};
use crate::{Credit, Decay, Error, OptimizerConfig};
use grpo_core::{Aggregate, Objective};
use grpo_edu::{Critic, TutorConfig};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that decides a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareRecipe {
    /// Names the folder.
    pub name: String,
    /// Decides everything that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// Runs of each arm on each task, with seeds of their own.
    #[serde(default = "seeds")]
    pub seeds: usize,
    /// Runs of each setting that is tried, with other seeds than those.
    #[serde(default = "tuning_seeds")]
    pub tuning_seeds: usize,
    /// Learning rates that every arm tries...
    pub learning_rates: Vec<f64>,
    /// ...with each of these ways to use a step's sessions.
    #[serde(default = "updates")]
    pub updates: Vec<Updates>,
    /// The algorithms.
    pub arms: Vec<ArmConfig>,
    /// Tasks with tutors.
    #[serde(default)]
    pub tasks: Vec<TaskConfig>,
    /// Tasks with language models.
    #[serde(default)]
    pub language: Vec<LanguageTask>,
    /// What a training step of a language model keeps in memory, and how long its answers take; left out by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<MeasureConfig>,
    /// The short form: what replaces the numbers above.
    #[serde(default)]
    pub quick: QuickConfig,
}

/// How far the seeds of trials are from those of runs.
pub(super) const TRIAL: u64 = 1_000_000;

fn seeds() -> usize {
    10
}
fn tuning_seeds() -> usize {
    2
}
fn updates() -> Vec<Updates> {
    vec![Updates { iterations: 1, minibatches: 1 }]
}

/// How often a step's sessions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Updates {
    /// Passes over them.
    pub iterations: usize,
    /// Parts of a pass, an optimizer step each.
    pub minibatches: usize,
}

/// An algorithm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmConfig {
    /// Its name.
    pub name: String,
    /// How rewards become advantages.
    pub credit: Credit,
    /// The critic that goes with it.
    #[serde(default)]
    pub critic: Critic,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Its name.
    pub name: String,
    /// Whom the tutor teaches what.
    pub environment: EnvironmentConfig,
    /// Width of the tutor's network.
    pub hidden: usize,
    /// Width of its recurrent memory.
    #[serde(default)]
    pub memory: usize,
    /// Steps of training.
    pub steps: usize,
    /// Sessions of each step, the same number for every arm.
    pub sessions_per_step: usize,
    /// G, where credit is given within groups. With a critic every session has a learner of its own.
    pub group_size: usize,
    /// Steps between two examinations.
    pub every: usize,
    /// Learners of an examination.
    pub learners: usize,
    /// Levels whose first reaching is told.
    pub thresholds: Vec<f64>,
}

/// A task with a language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageTask {
    /// Its name.
    pub name: String,
    /// A recipe of `grpo train`, for the model folder, the data, the rewards, the sampling and the held-out metric. Relative to this file.
    pub recipe: PathBuf,
    /// Steps of training.
    pub steps: usize,
    /// Completions of each step, the same number for every arm.
    pub completions_per_step: usize,
    /// G, where credit is given within groups. With a critic every completion has a prompt of its own.
    pub group_size: usize,
    /// Steps between two evaluations.
    pub every: usize,
    /// Held-out questions of an evaluation.
    pub questions: usize,
    /// Learning rates that every arm tries, instead of those of the comparison.
    pub learning_rates: Vec<f64>,
    /// Levels whose first reaching is told.
    pub thresholds: Vec<f64>,
}

/// What is measured on language models besides learning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureConfig {
    /// Model folders. Relative to this file.
    pub models: Vec<PathBuf>,
    /// Completions of the training step whose memory is measured.
    pub completions: usize,
    /// Tokens of a completion.
    pub new_tokens: usize,
    /// Answers that are timed, of each kind.
    pub answers: usize,
}

impl MeasureConfig {
    /// Completions of one prompt.
    pub(super) const GROUP: usize = 8;
}

/// The short form of a comparison, which shows that it works and no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuickConfig {
    /// Runs of each arm.
    pub seeds: usize,
    /// Steps of training, at most.
    pub steps: usize,
    /// Learners of an examination, at most.
    pub learners: usize,
}

impl Default for QuickConfig {
    fn default() -> Self {
        Self { seeds: 2, steps: 20, learners: 50 }
    }
}

/// A setting of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) learning_rate: f64,
    pub(super) updates: Updates,
}

impl CompareRecipe {
    /// Reads, changes and checks a recipe, as [`Recipe::with_changes`](crate::Recipe::with_changes).
    ///
    /// # Errors
    /// [`Error::Recipe`] with line and key for what isn't a recipe, [`Error::Setting`] for impossible values.
    pub fn with_changes(text: &str, changes: &[String]) -> Result<Self, Error> {
        let recipe: Self = parse(&changes_applied(text, changes)?)?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe written out in full.
    ///
    /// # Errors
    /// When a value can't be written as TOML (a seed above 2^63).
    pub fn to_toml(&self) -> Result<String, Error> {
        written(self)
    }

    /// The short form.
    pub fn quick(mut self) -> Self {
        let QuickConfig { seeds, steps, learners } = self.quick;
        self.seeds = seeds;
        self.tuning_seeds = 1;
        self.learning_rates.truncate(1);
        self.updates.truncate(1);
        for task in &mut self.tasks {
            task.steps = task.steps.min(steps);
            task.every = task.every.min(steps.div_ceil(2));
            task.learners = task.learners.min(learners);
        }
        for task in &mut self.language {
            task.steps = task.steps.min(steps.div_ceil(5));
            task.every = task.every.min(task.steps.div_ceil(2));
            task.questions = task.questions.min(learners.div_ceil(5));
            task.learning_rates.truncate(1);
        }
        self
    }

    /// Checks every value and every combination.
    ///
    /// # Errors
    /// Names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        check_name(&self.name, self.seed)?;
        at_least_one("seeds", self.seeds)?;
        at_least_one("tuning_seeds", self.tuning_seeds)?;
        for (key, empty) in [
            ("learning_rates", self.learning_rates.is_empty()),
            ("updates", self.updates.is_empty()),
            ("arms", self.arms.is_empty()),
            ("tasks", self.tasks.is_empty() && self.language.is_empty() && self.measure.is_none()),
        ] {
            if empty {
                return Err(Error::setting(key, "is empty", "name at least one"));
            }
        }
        self.learning_rates.iter().try_for_each(|&value| rate("learning_rates", value))?;
        for (key, mut names) in [
            ("arms", self.arms.iter().map(|arm| &arm.name).collect::<Vec<_>>()),
            (
                "tasks",
                self.tasks
                    .iter()
                    .map(|task| &task.name)
                    .chain(self.language.iter().map(|task| &task.name))
                    .collect(),
            ),
        ] {
            names.sort();
            if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                let problem = format!("has {:?} twice", twice[0]);
                return Err(Error::setting(key, problem, "give each a name of its own"));
            }
        }
        for (index, task) in self.tasks.iter().enumerate() {
            let key = |name: &str| format!("tasks[{index}].{name}");
            at_least_one(&key("every"), task.every)?;
            if task.group_size == 0 || !task.sessions_per_step.is_multiple_of(task.group_size) {
                let problem = format!("is {}, with groups of {}", task.sessions_per_step, task.group_size);
                return Err(Error::setting(key("sessions_per_step"), problem, "use whole groups"));
            }
            for arm in &self.arms {
                for setting in self.settings(&self.learning_rates) {
                    self.run(task, arm, setting, self.seed, false).validate()?;
                }
            }
        }
        self.validate_arms()?;
        if let Some(measure) = &self.measure {
            at_least_one("measure.completions", measure.completions)?;
            at_least_one("measure.new_tokens", measure.new_tokens)?;
            at_least_one("measure.answers", measure.answers)?;
            if !measure.completions.is_multiple_of(MeasureConfig::GROUP) {
                let (problem, fix) = (format!("is {}", measure.completions), "use whole groups of 8");
                return Err(Error::setting("measure.completions", problem, fix));
            }
        }
        for (index, task) in self.language.iter().enumerate() {
            let key = |name: &str| format!("language[{index}].{name}");
            at_least_one(&key("completions_per_step"), task.completions_per_step)?;
            at_least_one(&key("steps"), task.steps)?;
            at_least_one(&key("every"), task.every)?;
            at_least_one(&key("questions"), task.questions)?;
            task.learning_rates.iter().try_for_each(|&value| rate(&key("learning_rates"), value))?;
            if task.learning_rates.is_empty() {
                return Err(Error::setting(key("learning_rates"), "is empty", "name at least one"));
            }
            if task.group_size < 2 || !task.completions_per_step.is_multiple_of(task.group_size) {
                let problem = format!("is {}, with groups of {}", task.completions_per_step, task.group_size);
                return Err(Error::setting(
                    key("completions_per_step"),
                    problem,
                    "use whole groups of at least 2",
                ));
            }
        }
        Ok(())
    }

    /// Arms by themselves, and beside language models.
    fn validate_arms(&self) -> Result<(), Error> {
        for (index, arm) in self.arms.iter().enumerate() {
            let key = |name: &str| format!("arms[{index}].{name}");
            arm.credit.validate()?;
            if matches!(arm.credit, Credit::Critic(_)) != (arm.critic != Critic::None) {
                let fix =
                    "`credit.critic` goes with a \"shared\" or \"separate\" critic, `credit.group` with none";
                return Err(Error::setting(key("critic"), "doesn't go with its credit", fix));
            }
            if let Credit::Group(group) = arm.credit
                && !self.language.is_empty()
            {
                let fix =
                    "a completion has its reward at the end: leave it out where language models are compared";
                if group.to_go {
                    return Err(Error::setting(key("credit.group.to_go"), "is set", fix));
                }
                if group.advantages.baseline == grpo_core::Baseline::LengthWeighted {
                    let fix = "use another baseline where language models are compared";
                    let problem = "is \"length_weighted\"";
                    return Err(Error::setting(key("credit.group.advantages.baseline"), problem, fix));
                }
            }
        }
        Ok(())
    }

    /// Takes relative paths as relative to `base`, the recipe's folder.
    pub fn resolve_paths(&mut self, base: &Path) {
        let models = self.measure.iter_mut().flat_map(|measure| &mut measure.models);
        for path in self.language.iter_mut().map(|task| &mut task.recipe).chain(models) {
            if path.is_relative() {
                *path = base.join(&path);
            }
        }
    }

    /// All settings with these learning rates.
    pub(super) fn settings(&self, learning_rates: &[f64]) -> Vec<Setting> {
        let of = |&updates: &Updates| {
            learning_rates.iter().map(move |&learning_rate| Setting { learning_rate, updates })
        };
        self.updates.iter().flat_map(of).collect()
    }

    /// One run as a recipe of its own.
    pub(super) fn run(
        &self,
        task: &TaskConfig,
        arm: &ArmConfig,
        setting: Setting,
        seed: u64,
        trial: bool,
    ) -> TutorRecipe {
        let group_size = match arm.credit {
            Credit::Group(_) => task.group_size,
            Credit::Critic(_) => 1,
        };
        TutorRecipe {
            records: None,
            name: self.name.clone(),
            seed,
            environment: task.environment.clone(),
            tutor: TutorConfig { hidden: task.hidden, memory: task.memory, critic: arm.critic },
            training: TrainingConfig {
                steps: task.steps,
                learners_per_step: task.sessions_per_step / group_size.max(1),
                group_size,
                iterations: setting.updates.iterations,
                minibatches: setting.updates.minibatches,
                learning_rate: setting.learning_rate,
                warmup_steps: 0,
                decay: Decay::Linear,
                floor: 0.1,
                micro_batch_size: 64,
            },
            credit: arm.credit,
            membership: Default::default(),
            measures: Vec::new(),
            delayed_tests: Vec::new(),
            objectives: None,
            shaping: None,
            objective: Objective { aggregate: Aggregate::TokenMean, ..Objective::default() },
            optimizer: OptimizerConfig::default(),
            examination: ExaminationConfig {
                learners: task.learners,
                // Settings aren't chosen by those who judge the runs.
                seed: if trial { self.seed + TRIAL } else { self.seed },
                every: task.every,
                learners_on_the_way: task.learners,
            },
            checkpoint_every: 0,
        }
    }
}
