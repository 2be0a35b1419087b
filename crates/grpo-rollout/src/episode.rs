use crate::Support;
use serde::{Deserialize, Serialize};

/// Why an episode ended. Said by whoever made the episode, never guessed from its last action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The policy ended it (a stop token) or the environment reached a terminal state.
    Terminated,
    /// A limit cut it off (`max_new_tokens`, the session's length).
    Truncated,
}

/// One sampled trajectory: a completion, or the actions of one tutoring session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The actions in order: token ids (a stop token included), or choices.
    pub actions: Vec<u32>,
    /// Natural log-probability of each action under the distribution it was drawn from, temperature included.
    pub log_probs: Vec<f32>,
    /// Entropy in nats of the distribution each action was drawn from.
    pub entropies: Vec<f32>,
    /// What each action was drawn from, where a rule of the sampler left something out; empty where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<Support>,
    /// Why it ended.
    pub finish: FinishReason,
}

impl Episode {
    /// Number of steps.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there are no steps at all.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}

/// The G episodes of one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Index of the prompt in the list that was given to the sampler.
    pub prompt: usize,
    /// G episodes, in the order of their sample numbers.
    pub episodes: Vec<Episode>,
}
