//! Group decoding: every prompt is computed once, its completions grow together, a completion that has ended makes room for the next
//! prompt's (continuous batching; Orca, OSDI 2022).

mod draw;
mod on_device;
mod rows;
mod stream;
#[cfg(test)]
mod tests;

use crate::{
    LanguageModel, SharedPrompts,
    kernel::decode::DecodeRow,
    layer::Step,
    ops::{KeyValues, Places},
};
use burn::tensor::Tensor;
use draw::draw;
use grpo_rollout::{Error, Group, Sampling, Streams};
use rand_chacha::ChaCha8Rng;
use rows::Row;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Rows that are decoded together, at most.
const ROWS_AT_ONCE: usize = 1024;

/// Memory in bytes for the keys and values of completions that are decoded together, unless a single group wants more.
pub const CACHE_BYTES: usize = 1 << 30;

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
    let rng = |prompt: usize, sample: usize| streams.stream(step, prompt as u64, sample as u64);
    let mut decoding = Decoding::new(model, prompts, group_size, sampling, rng);
    while decoding.advance()? {}
    let mut rows = decoding.rows.into_iter();
    Ok((0..prompts.len())
        .map(|prompt| Group {
            prompt,
            episodes: rows.by_ref().take(group_size).map(|row| row.episode).collect(),
        })
        .collect())
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

/// Tokens that a completion feeds: the last one is drawn only.
fn capacity(sampling: &Sampling) -> usize {
    sampling.max_new_tokens.saturating_sub(1).max(1)
}

pub(crate) fn policy_error(error: crate::Error) -> Error {
    match error {
        crate::Error::Rollout(error) => error,
        other => Error::Policy(other.to_string()),
    }
}

/// Completions being decoded, one token of every unfinished one at a time.
struct Decoding<'a> {
    model: &'a LanguageModel,
    sampling: &'a Sampling,
    ids: &'a [Vec<u32>],
    group_size: usize,
    rows: Vec<Row>,
    /// Prompts that haven't begun.
    waiting: VecDeque<usize>,
    /// Rows that are being decoded: those of a prompt side by side.
    active: Vec<usize>,
    /// The row of keys and values that each active row begins at.
    slots: Vec<usize>,
    free_slots: Vec<usize>,
    slot_count: usize,
    /// Tokens of a slot.
    capacity: usize,
    /// Where the keys of begun prompts are.
    places: HashMap<usize, Range<usize>>,
    /// Per layer.
    prompts: Vec<KeyValues>,
    own: Vec<KeyValues>,
}

impl<'a> Decoding<'a> {
    fn new(
        model: &'a LanguageModel,
        ids: &'a [Vec<u32>],
        group_size: usize,
        sampling: &'a Sampling,
        rng: impl Fn(usize, usize) -> ChaCha8Rng,
    ) -> Self {
        let plan = &model.decoder().plan;
        let bytes = 2
            * model.decoder().dtype().size()
            * plan.layers.len()
            * capacity(sampling)
            * plan.kv_heads
            * plan.head_width;
        let slots = (CACHE_BYTES / bytes.max(1)).clamp(1, ROWS_AT_ONCE);
        Self::with_slots(model, ids, group_size, sampling, slots, rng)
    }

    /// With room for so many rows at once, and for those of one prompt at least.
    fn with_slots(
        model: &'a LanguageModel,
        ids: &'a [Vec<u32>],
        group_size: usize,
        sampling: &'a Sampling,
        slots: usize,
        rng: impl Fn(usize, usize) -> ChaCha8Rng,
    ) -> Self {
        let plan = &model.decoder().plan;
        let count = ids.len() * group_size;
        let slot_count = slots.max(group_size).min(count);
        let (capacity, width) = (capacity(sampling), plan.kv_heads * plan.head_width);
        let device = model.decoder().device();
        let dtype = model.decoder().dtype();
        let cache = || Tensor::zeros([slot_count * capacity, width], (&device, dtype));
        let own = plan.layers.iter().map(|_| KeyValues { keys: cache(), values: cache() }).collect();
        let most = sampling.max_new_tokens;
        Self {
            model,
            sampling,
            ids,
            group_size,
            rows: (0..count).map(|row| Row::new(rng(row / group_size, row % group_size), most)).collect(),
            waiting: (0..ids.len()).collect(),
            active: Vec::new(),
            slots: Vec::new(),
            free_slots: (0..slot_count).rev().map(|slot| slot * capacity).collect(),
            slot_count,
            capacity,
            places: HashMap::new(),
            prompts: Vec::new(),
            own,
        }
    }

    /// One token for every row that isn't finished; `false` when there is none left.
    fn advance(&mut self) -> Result<bool, Error> {
        self.begin_waiting()?;
        if self.active.is_empty() {
            return Ok(false);
        }
        let decoder = self.model.decoder();
        let (mut tokens, mut positions, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (&row, &slot_start) in self.active.iter().zip(&self.slots) {
            let drawn = &self.rows[row].episode.actions;
            let prompt = self.places[&(row / self.group_size)].clone();
            tokens.push(drawn.last().copied().unwrap_or_default());
            positions.push(prompt.len() + drawn.len() - 1);
            rows.push(DecodeRow { prompt, slot_start, own_len: drawn.len() });
        }
        let places = rows.iter().map(|row| row.slot_start + row.own_len - 1).collect();
        let step = Step {
            plan: decoder.plan.clone(),
            rotations: decoder.plan.ropes.iter().map(|rope| rope.rotation(&positions)).collect(),
            places: Places::new(places, &decoder.device()),
            rows: rows.into(),
        };
        let hidden = decoder.decode(&tokens, &step, &self.prompts, &mut self.own);
        let active = std::mem::take(&mut self.active);
        self.draw(&active, decoder.head(hidden))?;
        self.active = active;
        self.retire();
        Ok(true)
    }

    /// Computes as many waiting prompts as there is room for, and draws the first token of their rows. Some room is let gather, so that
    /// prompts are computed several at a time.
    fn begin_waiting(&mut self) -> Result<(), Error> {
        loop {
            let room = self.free_slots.len() / self.group_size;
            let enough = self.active.is_empty() || 4 * self.free_slots.len() >= self.slot_count;
            if self.waiting.is_empty() || room == 0 || !enough {
                return Ok(());
            }
            let begun: Vec<usize> = self.waiting.drain(..room.min(self.waiting.len())).collect();
            self.begin(&begun)?;
            // Rows that end with their first token make room again.
        }
    }

    fn begin(&mut self, begun: &[usize]) -> Result<(), Error> {
        self.forget_finished_prompts();
        let ids: Vec<&[u32]> = begun.iter().map(|&prompt| self.ids[prompt].as_slice()).collect();
        let none: [&[u32]; 0] = [];
        let batch = SharedPrompts::new(&ids, &none)?;
        let prefill = self.model.decoder().prefill(&batch).map_err(policy_error)?;
        let mut at = self.places.values().map(|place| place.end).max().unwrap_or(0);
        for (&prompt, ids) in begun.iter().zip(&ids) {
            self.places.insert(prompt, at..at + ids.len());
            at += ids.len();
        }
        let join = |old: Tensor<2>, new: Tensor<2>| Tensor::cat(vec![old, new], 0);
        self.prompts = match std::mem::take(&mut self.prompts) {
            old if old.is_empty() => prefill.keys,
            old => old
                .into_iter()
                .zip(prefill.keys)
                .map(|(old, new)| KeyValues {
                    keys: join(old.keys, new.keys),
                    values: join(old.values, new.values),
                })
                .collect(),
        };
        let rows: Vec<usize> =
            begun.iter().flat_map(|p| p * self.group_size..(p + 1) * self.group_size).collect();
        let logits = self.model.decoder().head(prefill.last);
        let of_row: Vec<usize> = (0..rows.len()).map(|row| row / self.group_size).collect();
        self.draw_shared(&rows, logits, &of_row)?;
        for row in rows {
            self.active.push(row);
            // There is room: `begin_waiting` has counted.
            self.slots.push(self.free_slots.pop().unwrap_or_default());
        }
        self.retire();
        Ok(())
    }

    /// Drops the keys of prompts without unfinished rows.
    fn forget_finished_prompts(&mut self) {
        let mut alive: Vec<usize> = self.active.iter().map(|row| row / self.group_size).collect();
        alive.dedup();
        if alive.len() == self.places.len() {
            return;
        }
        let (mut kept, mut places) = (Vec::new(), HashMap::new());
        for prompt in alive {
            let place = self.places[&prompt].clone();
            places.insert(prompt, kept.len()..kept.len() + place.len());
            kept.extend(place);
        }
        self.places = places;
        if kept.is_empty() {
            self.prompts.clear();
            return;
        }
        let kept = Places::new(kept, &self.model.decoder().device());
        for prompts in &mut self.prompts {
            prompts.keys.inplace(|x| x.select(0, kept.tensor()));
            prompts.values.inplace(|x| x.select(0, kept.tensor()));
        }
    }

    /// Draws the next token of rows from logits of their own.
    fn draw(&mut self, rows: &[usize], logits: Tensor<2>) -> Result<(), Error> {
        let own: Vec<usize> = (0..rows.len()).collect();
        self.draw_shared(rows, logits, &own)
    }

    /// Draws the next token of rows; `of_row` says which row of the logits each takes.
    fn draw_shared(&mut self, rows: &[usize], logits: Tensor<2>, of_row: &[usize]) -> Result<(), Error> {
        let (ids, group_size) = (self.ids, self.group_size);
        // Taken out, since they stand in no order that would let them be borrowed side by side.
        let mut taken: Vec<(usize, Row)> =
            rows.iter().map(|&row| (row, std::mem::take(&mut self.rows[row]))).collect();
        let result =
            draw(self.model, self.sampling, &mut taken, logits, of_row, |row| &ids[row / group_size]);
        for (row, state) in taken {
            self.rows[row] = state;
        }
        result.map_err(|failed| match failed {
            draw::Failed::Distribution(row) => Error::Distribution {
                prompt: row / group_size,
                sample: row % group_size,
                seen: "NaN or infinity",
            },
            draw::Failed::Other(error) => error,
        })
    }

    /// Takes finished rows out of the batch.
    fn retire(&mut self) {
        let mut slots = self.slots.iter().copied();
        let (rows, free) = (&self.rows, &mut self.free_slots);
        let mut kept = Vec::with_capacity(self.slots.len());
        self.active.retain(|&row| {
            let slot = slots.next().unwrap_or_default();
            let goes_on = !rows[row].done;
            if goes_on {
                kept.push(slot);
            } else {
                free.push(slot);
            }
            goes_on
        });
        self.slots = kept;
        debug_assert!(self.slots.iter().all(|slot| slot % self.capacity == 0));
    }
}
