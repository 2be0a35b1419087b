use crate::{
    LanguageModel, SharedPrompts,
    attention::{OwnKeys, PromptKeys, Shape},
    decoder::heads,
};
use burn::tensor::{Int, Tensor, TensorData};
use grpo_rollout::{Episode, Error, FinishReason, Group, Sampling, Streams, choose};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// Rows that are decoded together. More rows cost memory for keys and values, fewer leave the cores idle.
const ROWS_AT_ONCE: usize = 1024;

/// Decodes `group_size` completions of each prompt. See [`grpo_rollout::Sampler::sample`].
pub(crate) fn sample(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    group_size: usize,
    sampling: &Sampling,
    streams: &Streams,
    step: u64,
) -> Result<Vec<Group>, Error> {
    if group_size == 0 {
        return Err(Error::Setting { key: "group_size", value: "0".into(), reason: "sample at least one" });
    }
    check(model, prompts, sampling)?;
    let prompts_at_once = (ROWS_AT_ONCE / group_size).max(1);
    let mut groups = Vec::with_capacity(prompts.len());
    for (chunk, ids) in prompts.chunks(prompts_at_once).enumerate() {
        let rng = |prompt: usize, sample: usize| streams.stream(step, prompt as u64, sample as u64);
        let mut batch = Decoding::start(model, ids, chunk * prompts_at_once, group_size, sampling, rng)?;
        while batch.advance()? {}
        groups.extend(batch.finish());
    }
    Ok(groups)
}

fn check(model: &LanguageModel, prompts: &[Vec<u32>], sampling: &Sampling) -> Result<(), Error> {
    sampling.validate()?;
    let context = model.config().max_position_embeddings;
    for (prompt, ids) in prompts.iter().enumerate() {
        if ids.is_empty() {
            return Err(Error::Empty { group: prompt });
        }
        if ids.len() + sampling.max_new_tokens > context {
            return Err(Error::Context { prompt, tokens: ids.len(), new: sampling.max_new_tokens, context });
        }
    }
    Ok(())
}

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
        let mut decoding = Decoding::start(&model, &prompts, 0, 1, sampling, |_, _| rng.clone())?;
        let mut shown = String::new();
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

/// One completion in the making.
struct Row {
    rng: ChaCha8Rng,
    episode: Episode,
    done: bool,
}

/// Groups being decoded together, one token of every unfinished group at a time.
struct Decoding<'a> {
    model: &'a LanguageModel,
    sampling: &'a Sampling,
    group_size: usize,
    prompt_len: usize,
    /// Index of each group's prompt in the caller's list.
    first_prompt: usize,
    rows: Vec<Row>,
    /// Groups that still have unfinished rows: indices into `rows / group_size`, in the order of the tensors' first dimension.
    active: Vec<usize>,
    prompt_lengths: Vec<usize>,
    prompts: Vec<PromptKeys>,
    own: Vec<OwnKeys>,
}

impl<'a> Decoding<'a> {
    /// Computes the prompts once and draws every row's first token.
    fn start(
        model: &'a LanguageModel,
        ids: &[Vec<u32>],
        first_prompt: usize,
        group_size: usize,
        sampling: &'a Sampling,
        rng: impl Fn(usize, usize) -> ChaCha8Rng,
    ) -> Result<Self, Error> {
        let none: [&[u32]; 0] = [];
        let batch = SharedPrompts::new(ids, &none)?;
        let prefill = model.decoder().prefill(&batch, model.config()).map_err(policy_error)?;
        let logits = Logits::read(model.decoder().head(prefill.last))?;

        let config = model.config();
        let device = model.decoder().device();
        let capacity = sampling.max_new_tokens.saturating_sub(1).max(1);
        let shape = [ids.len(), config.kv_heads(), group_size, capacity, config.head_width()];
        let own = prefill
            .keys
            .iter()
            .map(|_| OwnKeys {
                keys: Tensor::zeros(shape, &device),
                values: Tensor::zeros(shape, &device),
                filled: 0,
            })
            .collect();
        let rows = (0..ids.len() * group_size)
            .map(|row| Row {
                rng: rng(first_prompt + row / group_size, row % group_size),
                episode: Episode {
                    actions: Vec::with_capacity(sampling.max_new_tokens),
                    log_probs: Vec::with_capacity(sampling.max_new_tokens),
                    entropies: Vec::with_capacity(sampling.max_new_tokens),
                    finish: FinishReason::Truncated,
                },
                done: false,
            })
            .collect();
        let mut decoding = Self {
            model,
            sampling,
            group_size,
            prompt_len: batch.prompt_len,
            first_prompt,
            rows,
            active: (0..ids.len()).collect(),
            prompt_lengths: batch.prompt_lengths,
            prompts: prefill.keys,
            own,
        };
        for row in 0..decoding.rows.len() {
            decoding.draw(row, logits.row(row / group_size))?;
        }
        Ok(decoding)
    }

    /// Draws the next token of one row.
    fn draw(&mut self, index: usize, logits: &[f32]) -> Result<(), Error> {
        let row = &mut self.rows[index];
        let choice = choose(logits, self.sampling.temperature, &mut row.rng).ok_or(Error::Distribution {
            prompt: self.first_prompt + index / self.group_size,
            sample: index % self.group_size,
            seen: "NaN or infinity",
        })?;
        row.episode.actions.push(choice.action);
        row.episode.log_probs.push(choice.log_prob);
        row.episode.entropies.push(choice.entropy);
        if !self.sampling.ignore_eos && self.model.is_stop(choice.action) {
            row.episode.finish = FinishReason::Terminated;
            row.done = true;
        } else if row.episode.len() == self.sampling.max_new_tokens {
            row.done = true;
        }
        Ok(())
    }

    /// One token for every group that isn't finished; `false` when there is none left.
    fn advance(&mut self) -> Result<bool, Error> {
        self.drop_finished_groups();
        if self.active.is_empty() {
            return Ok(false);
        }
        let g = self.group_size;
        let indices: Vec<usize> = self.active.iter().flat_map(|&group| group * g..(group + 1) * g).collect();
        // A finished row of an unfinished group is carried along with its last token; what it would say is not read.
        let tokens: Vec<u32> =
            indices.iter().map(|&i| self.rows[i].episode.actions.last().copied().unwrap_or(0)).collect();
        let filled = self.own.first().map_or(0, |own| own.filled);
        let positions: Vec<usize> = indices.iter().map(|&i| self.prompt_lengths[i / g] + filled).collect();
        let lengths: Vec<usize> = self.active.iter().map(|&group| self.prompt_lengths[group]).collect();
        let (decoder, config) = (self.model.decoder(), self.model.config());
        let shape = Shape::decode(
            &lengths,
            self.prompt_len,
            g,
            &positions,
            heads(config),
            config.rope_theta,
            &decoder.device(),
        );
        let hidden = decoder.decode(&tokens, &shape, &self.prompts, &mut self.own, config);
        let logits = Logits::read(decoder.head(hidden))?;
        for (at, &index) in indices.iter().enumerate() {
            if !self.rows[index].done {
                self.draw(index, logits.row(at))?;
            }
        }
        Ok(true)
    }

    /// Takes groups without unfinished rows out of the tensors.
    fn drop_finished_groups(&mut self) {
        let unfinished = |group: usize| {
            self.rows[group * self.group_size..(group + 1) * self.group_size].iter().any(|r| !r.done)
        };
        let keep: Vec<i32> =
            (0..self.active.len()).filter(|&at| unfinished(self.active[at])).map(|at| at as i32).collect();
        if keep.len() == self.active.len() {
            return;
        }
        self.active = keep.iter().map(|&at| self.active[at as usize]).collect();
        if keep.is_empty() {
            return;
        }
        let count = keep.len();
        let keep =
            Tensor::<1, Int>::from_data(TensorData::new(keep, [count]), &self.model.decoder().device());
        for prompt in &mut self.prompts {
            prompt.keys.inplace(|x| x.select(0, keep.clone()));
            prompt.values.inplace(|x| x.select(0, keep.clone()));
        }
        for own in &mut self.own {
            own.keys.inplace(|x| x.select(0, keep.clone()));
            own.values.inplace(|x| x.select(0, keep.clone()));
        }
    }

    fn finish(self) -> Vec<Group> {
        let mut rows = self.rows.into_iter();
        (0..self.prompt_lengths.len())
            .map(|group| Group {
                prompt: self.first_prompt + group,
                episodes: rows.by_ref().take(self.group_size).map(|row| row.episode).collect(),
            })
            .collect()
    }
}

fn policy_error(error: crate::Error) -> Error {
    match error {
        crate::Error::Rollout(error) => error,
        other => Error::Policy(other.to_string()),
    }
}

/// Logits on the host, `[rows, vocab]`.
struct Logits {
    values: Vec<f32>,
    vocab: usize,
}

impl Logits {
    fn read(logits: Tensor<2>) -> Result<Self, Error> {
        let vocab = logits.dims()[1];
        let values = logits
            .try_into_vec_as::<f32>()
            .map_err(|e| Error::Policy(format!("the logits can't be read from the device: {e}")))?;
        Ok(Self { values, vocab })
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.vocab..(row + 1) * self.vocab]
    }
}
