//! From logits to tokens.

use super::{policy_error, rows::Row};
use crate::LanguageModel;
use burn::tensor::Tensor;
use grpo_rollout::{Drawer, Error, Sampling};
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
    let values = logits.try_into_vec_as::<f32>().map_err(|e| {
        Failed::Other(Error::Policy(format!("the logits can't be read from the device: {e}")))
    })?;
    let ends = model.tokenizer().stop_tokens();
    let one = |drawer: &mut Drawer, (number, row): &mut (usize, Row), at: usize| {
        let logits = &values[at * vocab..(at + 1) * vocab];
        let rules = sampling.rules(prompt(*number), &row.episode.actions, ends);
        let choice = drawer.choose(logits, &rules, &mut row.rng).ok_or(Failed::Distribution(*number))?;
        let is_end = ends.contains(&choice.action);
        row.push(choice, sampling, is_end);
        if !row.done && !sampling.stop.is_empty() {
            let text = recent_text(model, sampling, &row.episode.actions).map_err(Failed::Other)?;
            if sampling.find_stop(&text).is_some() {
                row.stop();
            }
        }
        Ok(())
    };
    if rows.len() * vocab < PARALLEL {
        let mut drawer = Drawer::default();
        return rows.iter_mut().zip(of_row).try_for_each(|(row, &at)| one(&mut drawer, row, at));
    }
    let results: Vec<Result<(), Failed>> =
        rows.par_iter_mut().zip(of_row).map_init(Drawer::default, |d, (row, &at)| one(d, row, at)).collect();
    results.into_iter().collect()
}

/// The end of a completion's text, long enough for a stop string that its last token completes.
pub(super) fn recent_text(model: &LanguageModel, sampling: &Sampling, actions: &[u32]) -> Result<String, Error> {
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
