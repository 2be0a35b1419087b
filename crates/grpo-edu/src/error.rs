//! What can go wrong in this crate.

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
}
