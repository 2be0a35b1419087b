//! What can go wrong in this crate.

use crate::brief::brief;

/// An error of the educational domain; every variant says what was wrong, where, and what would fix it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EduError {
    /// A configuration value lies outside the range in which the configured thing exists.
    #[error("`{key}` is {value}, but it must be {need}")]
    Config {
        /// The key as it is written in a recipe.
        key: &'static str,
        /// The value found.
        value: String,
        /// What is allowed.
        need: String,
    },
    /// More distinct questions were asked for than the generator could find.
    #[error(
        "only {found} distinct questions turned up in {draws} draws, but {wanted} were asked for: \
         ask for fewer, or allow larger numbers (`max_number`, `max_addend`, `max_factor`)"
    )]
    TooFewQuestions {
        /// How many were asked for.
        wanted: usize,
        /// How many distinct ones were found.
        found: usize,
        /// How many problems were drawn before giving up.
        draws: u64,
    },
    /// A graph of prerequisites that cannot be one.
    #[error("not a graph of prerequisites: {reason}")]
    Graph {
        /// The edge or the skill at fault.
        reason: String,
    },
    /// Every simulated learner knew everything before the first lesson.
    #[error(
        "{attempts} learners in a row answered all their targets correctly before the first lesson: \
         make `difficulty` harder or `warmup_steps` fewer"
    )]
    NoLearner {
        /// How many learners were drawn.
        attempts: usize,
    },
    /// An exercise that does not exist.
    #[error("there is no item {item}: items are numbered 0..{items}")]
    ItemOutOfRange {
        /// The item asked for.
        item: usize,
        /// How many there are.
        items: usize,
    },
    /// A student that does not fit the environment it was put into.
    #[error("the student is {found}, but the environment is configured for {expected}")]
    StudentMismatch {
        /// Model and number of items of the student.
        found: String,
        /// Model and number of items of the configuration.
        expected: String,
    },
    /// A step after the last one.
    #[error("the episode ended after {steps} steps: reset it before the next one")]
    EpisodeOver {
        /// How many steps an episode has.
        steps: usize,
    },
    /// A file that can't be read.
    #[error("{path} can't be read: {reason}")]
    ReadFile {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A file that can't be written.
    #[error("{path} can't be written: {reason}")]
    WriteFile {
        /// The file.
        path: String,
        /// What the system says, or what to do.
        reason: String,
    },
    /// A response log with something in it that can't be understood.
    #[error("{file}, {}: {}", brief(.place), brief(.problem))]
    Log {
        /// The file.
        file: String,
        /// The line and column, or the statement.
        place: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// A response log without a single response.
    #[error("{file} has no responses: {reason}")]
    EmptyLog {
        /// The file.
        file: String,
        /// What was there instead, and what is needed.
        reason: String,
    },
    /// Responses that can't determine the parameters of a model.
    #[error("these responses can't be fitted: {reason}")]
    Fit {
        /// What is missing.
        reason: String,
    },
    /// A parameter of a knowledge model outside its range.
    #[error("`{parameter}` of `{of}` is {value}, but it must be {need}")]
    Parameter {
        /// Which one.
        parameter: &'static str,
        /// The skill or the item.
        of: String,
        /// The value found.
        value: f64,
        /// What is allowed.
        need: &'static str,
    },
    /// A file that isn't a knowledge model of this version.
    #[error("{path} is not a knowledge model: {reason}")]
    ModelFile {
        /// The file.
        path: String,
        /// What is wrong, and what would fix it.
        reason: String,
    },
    /// A response to a skill or an item that the model doesn't have.
    #[error("the model has no {what} `{name}`: fit it to a log that has, or leave these responses out")]
    UnknownName {
        /// `skill` or `item`.
        what: &'static str,
        /// Its name in the log.
        name: String,
    },
    /// Every learner drawn from a model knew every skill before the first lesson.
    #[error(
        "{attempts} learners in a row knew every skill before the first lesson: choose a model with \
         skills whose `prior` is below 1"
    )]
    NothingToLearn {
        /// How many learners were drawn.
        attempts: usize,
    },
    /// Answers whose likelihood has no maximum at a finite ability.
    #[error(
        "these {answers} answers have no ability of maximum likelihood: it grows without end \
         ({direction}), as it does when all are right or all are wrong; use EAP or MAP instead"
    )]
    NoFiniteAbility {
        /// How many answers there are.
        answers: usize,
        /// `upwards` or `downwards`.
        direction: &'static str,
    },
    /// An action that isn't possible now.
    #[error("{action} isn't possible now: {reason}")]
    NotAllowed {
        /// What was tried.
        action: String,
        /// Why not.
        reason: &'static str,
    },
    /// The FSRS model refused a card.
    #[error("the memory model refused a card: {0}")]
    Fsrs(String),
}

impl EduError {
    #[cfg(feature = "tutors")]
    pub(crate) fn fsrs(error: fsrs::FSRSError) -> Self {
        Self::Fsrs(error.to_string())
    }
}
