use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Counter-based random streams: one independent ChaCha8 stream per (seed, step, prompt, sample).
///
/// Nothing is shared between streams, so neither the order of the draws nor the way a batch is split can
/// change what any episode sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
    first_prompt: u64,
}

impl Streams {
    /// Streams of one run.
    pub fn new(seed: u64) -> Self {
        Self { seed, first_prompt: 0 }
    }

    /// The streams of a part of a step's prompts that begins with prompt `first`: prompt `p` of the part draws as prompt
    /// `first + p` of the whole.
    pub fn starting_at(self, first: usize) -> Self {
        Self { first_prompt: self.first_prompt + first as u64, ..self }
    }

    /// The stream of one sample of one prompt at one step. The four numbers are the ChaCha key.
    pub fn stream(&self, step: u64, prompt: u64, sample: u64) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        for (bytes, word) in
            key.chunks_exact_mut(8).zip([self.seed, step, prompt.wrapping_add(self.first_prompt), sample])
        {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::RngCore;
    use std::collections::HashSet;

    #[test]
    fn parts_draw_as_the_whole() {
        let whole = Streams::new(5);
        let part = whole.starting_at(2).starting_at(3);
        assert_eq!(part.stream(1, 4, 2).next_u64(), whole.stream(1, 9, 2).next_u64());
    }

    #[test]
    fn every_key_has_its_own_numbers() {
        let mut seen = HashSet::new();
        for seed in 0..3 {
            for step in 0..4 {
                for prompt in 0..4 {
                    for sample in 0..4 {
                        assert!(seen.insert(Streams::new(seed).stream(step, prompt, sample).next_u64()));
                    }
                }
            }
        }
    }
}
