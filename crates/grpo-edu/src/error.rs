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
}
