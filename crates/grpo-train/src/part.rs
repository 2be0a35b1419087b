//! One micro-batch's episodes as tensors.

use crate::{Error, rows::Rows};
use burn::tensor::{Device, Int, Tensor};
use grpo_lm::SharedPrompts;
use grpo_rollout::{Episode, Experience, MicroBatch, Sampling};

/// One micro-batch's episodes as tensors.
pub(crate) struct Part<'a> {
    pub(crate) states: SharedPrompts,
    pub(crate) rows: Rows<'a>,
    /// `[rows, steps]`.
    pub(crate) actions: Tensor<2, Int>,
    /// As sampled, `[rows, steps]`.
    pub(crate) old_log_probs: Tensor<2>,
}

/// What the adapter leaves out while it is trained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    /// Share of its inputs.
    pub(crate) share: f64,
    /// Stands for the run, the step and the pass.
    pub(crate) key: u64,
}

impl<'a> Part<'a> {
    /// `sampling` is what the episodes were drawn with: their log-probabilities are computed under the same rules.
    pub(crate) fn new(
        prompts: &[Vec<u32>],
        experience: &Experience,
        part: &MicroBatch,
        sampling: &Sampling,
        device: &'a Device,
    ) -> Result<Self, Error> {
        let groups = &experience.groups()[part.groups.clone()];
        let prompts: Vec<&[u32]> = groups.iter().map(|g| prompts[g.prompt].as_slice()).collect();
        let episodes: Vec<&Episode> =
            experience.episodes().skip(part.rows.start).take(part.rows.len()).collect();
        let completions: Vec<&[u32]> = episodes.iter().map(|e| e.actions.as_slice()).collect();
        let mut states = SharedPrompts::new(&prompts, &completions)?;
        let of_row = |(row, &episode)| (prompts[row / part.rows_per_prompt], episode);
        if let Some(rules) = sampling.logit_rules(episodes.iter().enumerate().map(of_row)) {
            states = states.with_rules(rules);
        }
        let rows = Rows::new(completions.iter().map(|c| c.len()).collect(), device);
        let actions = rows.actions(completions.iter().copied());
        let old_log_probs = rows.numbers(episodes.iter().map(|e| e.log_probs.as_slice()));
        Ok(Self { states, rows, actions, old_log_probs })
    }

    /// The same with something left out of what the adapter reads.
    pub(crate) fn with_noise(self, noise: Option<Noise>, part: &MicroBatch) -> Result<Self, Error> {
        let Some(Noise { share, key }) = noise else { return Ok(self) };
        // By their places in the step, so that it doesn't matter how the step is cut.
        let keys = |which: u64, places: std::ops::Range<usize>| -> Vec<u64> {
            places
                .map(|place| key ^ ((place as u64) << 1 | which).wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .collect()
        };
        let (prompts, rows) = (keys(0, part.groups.clone()), keys(1, part.rows.clone()));
        Ok(Self { states: self.states.with_dropout(share, &prompts, &rows)?, ..self })
    }
}
