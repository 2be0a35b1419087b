//! From logits to tokens.

use super::{
    on_device, policy_error,
    rows::{Row, uniform},
};
use crate::{LanguageModel, ops::Places};
use burn::tensor::Tensor;
use grpo_rollout::{Drawer, Error, FinishReason, Sampling};
use rayon::prelude::*;

/// Logits that are worth another thread.
const PARALLEL: usize = 1 << 18;

/// Why nothing could be drawn.
pub(super) enum Failed {
    /// The logits of this row.
    Distribution(usize),
    Other(Error),
}

/// Draws the next token of every row, from row `of_row` of the logits `[rows, vocab]`.
pub(super) fn draw<'a>(
    model: &LanguageModel,
    sampling: &Sampling,
    rows: &mut [(usize, Row)],
    logits: Tensor<2>,
    of_row: &[usize],
    prompt: impl Fn(usize) -> &'a Vec<u32> + Sync,
) -> Result<(), Failed> {
    let vocab = logits.dims()[1];
    if sampling.is_plain() && on_device::is_better(&logits) {
        return draw_on_device(model, sampling, rows, logits, of_row);
    }
    let values = logits.try_into_vec_as::<f32>().map_err(|e| {
        Failed::Other(Error::Policy(format!("the logits can't be read from the device: {e}")))
    })?;
    let ends = model.tokenizer().stop_tokens();
    let finish = |row: &mut Row| end_by_text(model, sampling, row).map_err(Failed::Other);
    let one = |drawer: &mut Drawer, (number, row): &mut (usize, Row), at: usize| {
        let logits = &values[at * vocab..(at + 1) * vocab];
        let rules = sampling.rules(prompt(*number), &row.episode.actions, ends);
        let choice = drawer.choose(logits, &rules, &mut row.rng).ok_or(Failed::Distribution(*number))?;
        let is_end = ends.contains(&choice.action);
        row.push(choice, sampling, is_end);
        finish(row)
    };
    if rows.len() * vocab < PARALLEL {
        let mut drawer = Drawer::default();
        return rows.iter_mut().zip(of_row).try_for_each(|(row, &at)| one(&mut drawer, row, at));
    }
    let results: Vec<Result<(), Failed>> =
        rows.par_iter_mut().zip(of_row).map_init(Drawer::default, |d, (row, &at)| one(d, row, at)).collect();
    results.into_iter().collect()
}

/// The same without reading the logits.
fn draw_on_device(
    model: &LanguageModel,
    sampling: &Sampling,
    rows: &mut [(usize, Row)],
    logits: Tensor<2>,
    of_row: &[usize],
) -> Result<(), Failed> {
    // Rows that share a prompt's logits have draws of their own.
    let shared = of_row.iter().enumerate().any(|(at, &of)| at != of);
    let logits = match shared {
        true => logits.clone().select(0, Places::new(of_row.to_vec(), &logits.device()).tensor()),
        false => logits,
    };
    let uniforms: Vec<f32> = rows.iter_mut().map(|(_, row)| uniform(&mut row.rng)).collect();
    let choices = on_device::choose(logits, &uniforms, sampling.temperature).map_err(Failed::Other)?;
    for ((number, row), choice) in rows.iter_mut().zip(choices) {
        let choice = choice.ok_or(Failed::Distribution(*number))?;
        let is_end = model.is_stop(choice.action);
        row.push(choice, sampling, is_end);
        end_by_text(model, sampling, row).map_err(Failed::Other)?;
    }
    Ok(())
}

/// Ends a completion whose text contains a stop string.
fn end_by_text(model: &LanguageModel, sampling: &Sampling, row: &mut Row) -> Result<(), Error> {
    // Also where the last token that is allowed completes it: the answer is finished, not cut off.
    if row.episode.finish != FinishReason::Terminated && !sampling.stop.is_empty() {
        let text = recent_text(model, sampling, &row.episode.actions)?;
        if sampling.find_stop(&text).is_some() {
            row.stop();
        }
    }
    Ok(())
}

/// The end of a completion's text, long enough for a stop string that its last token completes.
pub(super) fn recent_text(
    model: &LanguageModel,
    sampling: &Sampling,
    actions: &[u32],
) -> Result<String, Error> {
    // A token adds at least one byte, but for parts of a character, and for ends of text, which aren't shown.
    let longest = sampling.stop.iter().map(String::len).max().unwrap_or(0);
    let mut shown = 0;
    let before = actions.iter().rposition(|&id| {
        shown += usize::from(!model.is_stop(id));
        shown > longest + 8
    });
    let from = before.map_or(0, |at| at + 1);
    model.tokenizer().decode(&actions[from..]).map_err(policy_error)
}
