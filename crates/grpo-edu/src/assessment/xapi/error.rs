//! What can go wrong with xAPI statements.

/// An error of writing, sending or reading statements; every variant says what was wrong, where, and what would fix it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum XapiError {
    /// A setting outside what it may be.
    #[error("`{key}` is {value}, but it must be {need}")]
    Setting {
        /// The key as it is written in a recipe.
        key: &'static str,
        /// The value found.
        value: String,
        /// What is allowed.
        need: &'static str,
    },
    /// A statement that breaks a rule of the specification.
    #[error("not an xAPI statement: `{path}` {problem}")]
    Invalid {
        /// Where in the statement, as `result.score.scaled`.
        path: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// A text that can't be read as statements.
    #[error("{name}, {place}: {problem}")]
    Read {
        /// The file, or what was read.
        name: String,
        /// The line, or the statement.
        place: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// A file that can't be read or written.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What the system says, or what is wrong with it, and what would fix it.
        problem: String,
    },
    /// A learning record store that could not be reached, or not until the last attempt. Nothing is lost: what wasn't sent waits.
    #[error(
        "the learning record store gave no answer that can be used ({reason}); what wasn't sent waits in the spool"
    )]
    Unavailable {
        /// What happened in the last attempt.
        reason: String,
    },
    /// A learning record store that refuses whoever asks, or has no statements at this address.
    #[error(
        "the learning record store refuses the request with status {status}: {reason}; check its address, the user and the password"
    )]
    Denied {
        /// The HTTP status.
        status: u16,
        /// What the store says.
        reason: String,
    },
    /// A learning record store that refused many statements in a row and accepted none.
    #[error(
        "the learning record store refused {refused} statements in a row and accepted none, the last one because: {reason}; \
         the refused ones are in {path}"
    )]
    AllRefused {
        /// How many.
        refused: usize,
        /// What the store says of the last one.
        reason: String,
        /// The file with the refused statements.
        path: String,
    },
    /// An answer of a learning record store that isn't what xAPI says it is.
    #[error("the answer of the learning record store can't be used: {problem}")]
    Answer {
        /// What is wrong with it.
        problem: String,
    },
}

impl XapiError {
    pub(super) fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.display().to_string(), problem: problem.to_string() }
    }
}
