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
    /// A number that was measured or given lies outside of what it can be.
    #[error("{what} is {value}: {reason}")]
    Value {
        /// What it is, and of which question or row.
        what: String,
        /// The number.
        value: f64,
        /// What would be right.
        reason: &'static str,
    },
    /// Completions that can't be shared among the prompts within the bounds of a group's size.
    #[error(
        "{budget} completions can't be shared among {prompts} prompts with {min} to {max} each. Change the budget, the number of prompts or the bounds"
    )]
    Budget {
        /// Completions to share out.
        budget: usize,
        /// Prompts that share them.
        prompts: usize,
        /// The smallest group.
        min: usize,
        /// The largest group.
        max: usize,
    },
    /// Time ran backwards.
    #[error("step {got} was asked for after step {last} had been seen; steps must not go back")]
    Step {
        /// The step asked for.
        got: u64,
        /// The latest step seen.
        last: u64,
    },
    /// Learners couldn't be clustered.
    #[error("k-means over the learners' features failed: {0}")]
    Clustering(String),
    /// A saved state doesn't fit.
    #[error("the saved state can't be used: {0}")]
    State(String),
    /// The policy itself failed.
    #[error("{0}")]
    Policy(String),
}
