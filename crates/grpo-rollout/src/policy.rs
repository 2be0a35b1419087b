use crate::{Error, Group, Sampling, Streams};
use burn::tensor::{Int, Tensor};

/// What a differentiable policy says about given actions.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Natural log-probability of each action, `[episodes, steps]`; entries beyond an episode's end hold anything.
    pub log_probs: Tensor<2>,
    /// Entropy in nats of each step's distribution, `[episodes, steps]`. Carries a gradient if the policy's
    /// parameters are tracked.
    pub entropy: Tensor<2>,
}

/// The half of a policy that is trained: log-probabilities of given actions in given states.
///
/// `States` is whatever the policy conditions on. A bandit takes a `Tensor<2>` of features; a language model
/// takes its prompts. Actions are `[episodes, steps]`; a bandit has one step.
pub trait Policy {
    /// What the actions are conditioned on, for a batch of episodes.
    type States;

    /// Log-probabilities of `actions` `[episodes, steps]` and entropies under the current parameters.
    ///
    /// # Errors
    /// When states and actions don't belong together.
    fn evaluate(&self, states: &Self::States, actions: Tensor<2, Int>) -> Result<Evaluation, Error>;

    /// The log-probabilities alone, `[episodes, steps]`, where that is cheaper.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    fn log_prob(&self, states: &Self::States, actions: Tensor<2, Int>) -> Result<Tensor<2>, Error> {
        Ok(self.evaluate(states, actions)?.log_probs)
    }
}

/// The half of a policy that acts: a [`Group`] of episodes for each prompt.
pub trait Sampler {
    /// What is answered: token ids for a language model.
    type Prompt;

    /// Samples `group_size` episodes for each prompt. Draw `s` of prompt `p` (its index in `prompts`) uses
    /// `streams.stream(step, p, s)` and nothing else, and every recorded log-probability is that of the
    /// distribution sampled from.
    ///
    /// # Errors
    /// When a prompt doesn't fit, or the policy's distribution is broken.
    fn sample(
        &self,
        prompts: &[Self::Prompt],
        group_size: usize,
        sampling: &Sampling,
        streams: &Streams,
        step: u64,
    ) -> Result<Vec<Group>, Error>;
}
