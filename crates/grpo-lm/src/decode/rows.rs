use grpo_rollout::{Choice, Episode, FinishReason, Sampling, Support};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// One completion in the making.
pub(super) struct Row {
    pub(super) rng: ChaCha8Rng,
    pub(super) episode: Episode,
    pub(super) done: bool,
}

/// The uniform number in [0, 1) that a draw takes from a row's stream, in single precision.
pub(super) fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    // 24 bits: more would round up to 1.
    (rng.next_u64() >> 40) as f32 / (1u64 << 24) as f32
}

impl Default for Row {
    /// Stands in a row's place while it is drawn for.
    fn default() -> Self {
        Self::new(ChaCha8Rng::from_seed([0; 32]), 0)
    }
}

impl Row {
    pub(super) fn new(rng: ChaCha8Rng, most: usize) -> Self {
        let episode = Episode {
            actions: Vec::with_capacity(most),
            log_probs: Vec::with_capacity(most),
            entropies: Vec::with_capacity(most),
            supports: Vec::new(),
            finish: FinishReason::Truncated,
        };
        Self { rng, episode, done: false }
    }

    /// Takes a drawn token in. `is_end` says that it is an end-of-sequence token.
    pub(super) fn push(&mut self, choice: Choice, sampling: &Sampling, is_end: bool) {
        let Episode { actions, log_probs, entropies, supports, finish } = &mut self.episode;
        // Without rules there is nothing to keep.
        if choice.support != Support::All || !supports.is_empty() {
            supports.resize(actions.len(), Support::All);
            supports.push(choice.support);
        }
        actions.push(choice.action);
        log_probs.push(choice.log_prob);
        entropies.push(choice.entropy);
        if is_end && !sampling.ignore_eos {
            *finish = FinishReason::Terminated;
            self.done = true;
        } else if actions.len() == sampling.max_new_tokens {
            self.done = true;
        }
    }

    /// Ends the episode after what it has.
    pub(super) fn stop(&mut self) {
        self.episode.finish = FinishReason::Terminated;
        self.done = true;
    }
}
