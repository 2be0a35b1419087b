/// What can go wrong while episodes are made or gathered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value it can't have.
    #[error("`{key}` is {value}: {reason}")]
    Setting {
        /// The key as it stands in a configuration.
        key: &'static str,
        /// The value that was found.
        value: String,
        /// What would be right.
        reason: &'static str,
    },
    /// Two things that must have one entry per episode (or group) have different lengths.
    #[error("{what}: {got} given, but {want} expected")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there should be.
        want: usize,
    },
    /// An environment refused an action.
    #[error("the environment of prompt {prompt}, sample {sample} refused an action: {reason}")]
    Environment {
        /// Index of the start within the step.
        prompt: usize,
        /// Index of the session within the group.
        sample: usize,
        /// What the environment says.
        reason: String,
    },
    /// A group holds no episodes, or an episode holds no actions.
    #[error(
        "group {group} is empty or holds an episode without actions; every episode needs at least one action"
    )]
    Empty {
        /// Index of the group within the step.
        group: usize,
    },
    /// A distribution over actions contains NaN, or nothing that can be chosen.
    #[error(
        "the policy's scores for prompt {prompt}, sample {sample} contain {seen}; the weights are probably broken"
    )]
    Distribution {
        /// Index of the prompt within the step.
        prompt: usize,
        /// Index of the sample within the group.
        sample: usize,
        /// What was seen.
        seen: &'static str,
    },
    /// The prompt and the longest completion don't fit into the policy's context.
    #[error(
        "prompt {prompt} has {tokens} tokens; with up to {new} new ones that exceeds the context of {context}. Shorten the prompt or lower `sampling.max_new_tokens`"
    )]
    Context {
        /// Index of the prompt within the step.
        prompt: usize,
        /// Tokens of the prompt.
        tokens: usize,
        /// The largest number of new tokens.
        new: usize,
        /// Positions the policy has.
        context: usize,
    },
    /// A token id the policy doesn't know.
    #[error(
        "prompt {prompt} contains token id {id}, but the vocabulary ends at {last}: the tokenizer doesn't belong to this model"
    )]
    Token {
        /// Index of the prompt within the step.
        prompt: usize,
        /// The id.
        id: u32,
        /// The largest valid id.
        last: u32,
    },
    /// The policy itself failed.
    #[error("{0}")]
    Policy(String),
}
