use std::path::PathBuf;

/// What can go wrong with a model folder or a model's input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read or written.
    #[error("{action} {path}: {source}")]
    Io {
        /// `read` or `write`, as a verb for the message.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A JSON file of the model folder is malformed, or says what this crate doesn't compute.
    #[error("{path} is not what a model folder needs: {reason}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and reason, or the key, its value and what would be right.
        reason: String,
    },
    /// The configuration names an architecture or a value this crate doesn't have.
    #[error("{key} is {value}: {reason}")]
    Config {
        /// Key of `config.json` (or of `[model]` in a recipe).
        key: &'static str,
        /// The value found.
        value: String,
        /// What is known or right.
        reason: String,
    },
    /// The checkpoint doesn't fit the configuration.
    #[error("{path}: {reason}. The weights and config.json of one folder must come from the same model")]
    Weights {
        /// The file.
        path: PathBuf,
        /// Which tensor, and what is wrong with it.
        reason: String,
    },
    /// The tokenizer can't be built, loaded or applied.
    #[error("tokenizer{}: {reason}", path.as_ref().map(|p| format!(" {}", p.display())).unwrap_or_default())]
    Tokenizer {
        /// The file, when there is one.
        path: Option<PathBuf>,
        /// What is wrong.
        reason: String,
    },
    /// The model's chat template can't be used.
    #[error(transparent)]
    Chat(#[from] crate::ChatError),
    /// Prompts or completions a forward pass can't take.
    #[error(transparent)]
    Rollout(#[from] grpo_rollout::Error),
}

impl Error {
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action: "can't read", path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action: "can't write", path, source }
    }
}
