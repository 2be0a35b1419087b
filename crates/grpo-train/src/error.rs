use std::path::{Path, PathBuf};

/// What can stop a training run. Every message says what was found, where, and what would fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key of the recipe has an impossible value.
    #[error("`{key}`: {problem}; {fix}")]
    Setting {
        /// The key with its table, as in `grpo.group_size`.
        key: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        fix: String,
    },
    /// The recipe isn't what a recipe must be.
    #[error("{}{message}", path.as_ref().map(|p| format!("{}: ", p.display())).unwrap_or_default())]
    Recipe {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// Line, key and reason.
        message: String,
    },
    /// A line of a data file can't be used.
    #[error("{path}, line {line}: {problem}")]
    Data {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong and what would fix it.
        problem: String,
    },
    /// A data set without a single usable question.
    #[error("{what} holds no questions: {fix}")]
    NoQuestions {
        /// Which data.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A file or folder can't be read or written.
    #[error("can't {action} {path}: {source}")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The output folder is there already.
    #[error(
        "{0} exists already and runs never overwrite: choose another --out, or continue that run with --resume {0}"
    )]
    FolderExists(PathBuf),
    /// A run that can't be continued.
    #[error("{path} can't be resumed: {problem}")]
    Resume {
        /// The run folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Numbers went wrong in a step; it was refused and the model before it is kept.
    #[error(
        "step {step} of {stage} was refused: {seen}. The model before this step is kept. A lower `learning_rate` or a smaller \
         `max_grad_norm` usually helps"
    )]
    NotFinite {
        /// Name of the stage.
        stage: &'static str,
        /// The step.
        step: usize,
        /// What was seen.
        seen: String,
    },
    /// Too many rewards failed to judge.
    #[error(
        "a reward failed on {failures} of {total} completions in step {step} (allowed share: {allowed}); the first: {first}"
    )]
    Rewards {
        /// The step.
        step: usize,
        /// Completions on which the reward failed that failed most often.
        failures: usize,
        /// Completions.
        total: usize,
        /// `grpo.max_reward_failures`.
        allowed: f64,
        /// The first failure's reason.
        first: String,
    },
    /// The metric of an evaluation judged nothing.
    #[error("the metric failed on all {answers} answers; the first: {first}")]
    Metric {
        /// Answers there were.
        answers: usize,
        /// Why it failed on the first.
        first: String,
    },
    /// From the model.
    #[error(transparent)]
    Model(#[from] grpo_lm::Error),
    /// From sampling.
    #[error(transparent)]
    Rollout(#[from] grpo_rollout::Error),
    /// From the objective.
    #[error(transparent)]
    Objective(#[from] grpo_core::Error),
    /// From a reward's configuration.
    #[error(transparent)]
    Reward(#[from] grpo_rewards::RewardError),
    /// From a record of answers.
    #[error(transparent)]
    Records(#[from] grpo_edu::assessment::xapi::XapiError),
    /// From a question bank.
    #[error(transparent)]
    Bank(#[from] grpo_edu::assessment::bank::BankError),
    /// From a QTI package.
    #[error(transparent)]
    Qti(#[from] grpo_edu::assessment::qti::QtiError),
    /// From the exercise generator.
    #[error(transparent)]
    Exercises(#[from] grpo_edu::EduError),
    /// From the report.
    #[error(transparent)]
    Report(#[from] crate::report::Error),
}

impl Error {
    pub(crate) fn setting(
        key: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::Setting { key: key.into(), problem: problem.into(), fix: fix.into() }
    }

    /// The same error with the recipe's file, where it is one of a recipe.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Recipe { message, .. } => Self::Recipe { path: Some(path.into()), message },
            other => other,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
