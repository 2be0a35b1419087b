use super::{Decoding, check, policy_error};
use crate::LanguageModel;
use grpo_rollout::{Episode, Error, Sampling};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

impl LanguageModel {
    /// Decodes one completion of `prompt` and hands its text over while it grows, piece by piece: together the pieces are
    /// [`Tokenizer::decode_completion`](crate::Tokenizer::decode_completion) of the episode. A character that is spread over
    /// several tokens is held back until it is whole. `on_text` may break off; the episode then counts as truncated.
    ///
    /// # Errors
    /// As [`Sampler::sample`](grpo_rollout::Sampler::sample), and when the tokenizer fails.
    pub fn stream(
        &self,
        prompt: &[u32],
        sampling: &Sampling,
        rng: ChaCha8Rng,
        mut on_text: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Episode, Error> {
        let (model, prompts) = (self.frozen(), [prompt.to_vec()]);
        check(&model, &prompts, sampling)?;
        let mut decoding = Decoding::new(&model, &prompts, 1, sampling, |_, _| rng.clone());
        let mut shown = String::new();
        decoding.begin_waiting()?;
        loop {
            let row = &decoding.rows[0];
            // The whole is decoded every time: what a token looks like depends on those before it.
            let text =
                model.tokenizer().decode_completion(prompt, &row.episode.actions).map_err(policy_error)?;
            let whole = if row.done { &text[..] } else { text.trim_end_matches(char::REPLACEMENT_CHARACTER) };
            // A tokenizer that takes back what it has said goes on after as many characters.
            let anew = || whole.char_indices().nth(shown.chars().count()).map(|(at, _)| &whole[at..]);
            if let Some(piece) = whole.strip_prefix(shown.as_str()).or_else(anew).filter(|p| !p.is_empty()) {
                if on_text(piece).is_break() {
                    break;
                }
                shown = whole.to_string();
            }
            if !decoding.advance()? {
                break;
            }
        }
        Ok(decoding.rows.swap_remove(0).episode)
    }
}
