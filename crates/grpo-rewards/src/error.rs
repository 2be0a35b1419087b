//! What can be wrong with a reward's configuration.

/// A reward configuration that cannot be used. Scoring itself has no errors: a reward that fails costs its
/// own episode only (see [`Outcome::Failed`](crate::Outcome::Failed)).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RewardError {
    /// A key has an impossible value.
    #[error("`{key}`: {problem}; {fix}")]
    Invalid {
        /// The key, with its path from the list of rewards: `rewards[1].pattern`.
        key: String,
        /// What is wrong with its value.
        problem: String,
        /// What to do about it.
        fix: String,
    },
    /// Two rewards of one set have the same name, so that their metrics could not be told apart.
    #[error("two rewards are called `{0}`; give one of them another `name`")]
    DuplicateName(String),
    /// A set without any reward.
    #[error("no reward is configured; add at least one, for example `kind = \"number\"`")]
    Empty,
}

impl RewardError {
    pub(crate) fn invalid(key: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), problem: problem.into(), fix: fix.into() }
    }

    /// The same error, its key seen from one level further out: `pattern` becomes `rewards[1].pattern`.
    pub fn within(self, path: &str) -> Self {
        match self {
            Self::Invalid { key, problem, fix } => {
                Self::Invalid { key: format!("{path}.{key}"), problem, fix }
            }
            other => other,
        }
    }
}
