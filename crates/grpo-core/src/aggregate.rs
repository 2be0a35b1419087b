//! How per-token losses become one number.
//!
//! Every aggregation used by a published variant is a weighted sum of the per-token losses whose weight is
//! constant along an episode:
//!
//! ```text
//! loss = Σ_i Σ_t  w_i · 1[mask_it] · L_it
//! ```
//!
//! So the weights are built **once, for the whole optimizer step**, from the episodes' lengths, and a
//! micro-batch takes its rows of them. Sums of micro-batch losses and gradients are then those of the whole
//! step, however it is split, padded or reordered. Dividing each micro-batch by its own number of tokens (and
//! by the number of micro-batches), as many trainers do, weighs tokens in short micro-batches more.

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::mask::{self, Mask};

/// The rule that turns per-token losses `[episodes, steps]` into one number.
///
/// With `N` episodes of `n_i` active steps in the optimizer step and `T = Σ n_i`, the weight of an active
/// step is
///
/// | variant | weight `w_i` | used by |
/// |---|---|---|
/// | [`SequenceMean`](Self::SequenceMean) | `1 / (N · max(1, n_i))` | GRPO ([DeepSeekMath, eq. 3](https://arxiv.org/abs/2402.03300)), GSPO, SAPO |
/// | [`TokenMean`](Self::TokenMean) | `1 / max(1, T)` | [DAPO, eq. 8](https://arxiv.org/abs/2503.14476), CISPO, VESPO, BNPO |
/// | [`TokenSumOver`](Self::TokenSumOver) | `1 / (N · length)` | [Dr. GRPO](https://arxiv.org/abs/2503.20783) |
/// | [`SequenceSum`](Self::SequenceSum) | `1 / N` | LUSPO, RLOO, REINFORCE over whole answers |
///
/// An episode without an active step adds nothing and still counts in `N`, as in TRL; verl leaves it out
/// ([`StepTotals::of_non_empty`]).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregate {
    /// The mean over episodes of the mean over an episode's active steps: every answer weighs the same, so a
    /// token of a long answer weighs less (Dr. GRPO calls this the length bias).
    #[default]
    SequenceMean,
    /// The mean over all active steps of the optimizer step: every token weighs the same.
    ///
    /// TRL's `bnpo` is this with the micro-batch in place of the optimizer step; the two agree when there is
    /// one micro-batch, and only this one is independent of the split.
    TokenMean,
    /// The sum over active steps, divided by the number of episodes and by a constant length (Dr. GRPO;
    /// usually the largest completion length). verl's `seq-mean-token-sum-norm` does not divide by the
    /// episodes ([`StepTotals`] with `episodes: 1`).
    TokenSumOver {
        /// The constant, in steps.
        length: usize,
    },
    /// The mean over episodes of the sum over an episode's active steps. With a sequence-level ratio this is
    /// "sequence loss times its length" (LUSPO).
    SequenceSum,
}

/// What an optimizer step is divided by: its episodes and its active steps.
///
/// Under data parallelism these are the totals over all workers *divided by the number of workers* when
/// gradients are averaged between them, or the plain totals when gradients are summed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepTotals {
    /// Number of episodes.
    pub episodes: f64,
    /// Number of active steps.
    pub tokens: f64,
}

impl StepTotals {
    /// The totals of episodes with these numbers of active steps; empty episodes count (TRL).
    pub fn of(lengths: &[usize]) -> Self {
        Self { episodes: lengths.len() as f64, tokens: lengths.iter().sum::<usize>() as f64 }
    }

    /// The totals of episodes with these numbers of active steps; empty episodes are left out (verl).
    pub fn of_non_empty(lengths: &[usize]) -> Self {
        let episodes = lengths.iter().filter(|&&length| length > 0).count();
        Self { episodes: episodes as f64, ..Self::of(lengths) }
    }
}

impl Aggregate {
    /// The weight of an active step, per episode, for a whole optimizer step: `lengths[i]` is the number of
    /// active steps (mask entries that are true) of episode `i`.
    ///
    /// Hand rows of it to the loss as a `[rows, 1]` tensor ([`column`](crate::column)).
    ///
    /// ```
    /// use grpo_core::Aggregate;
    ///
    /// assert_eq!(Aggregate::SequenceMean.row_weights(&[4, 2]), [0.125, 0.25]);
    /// assert_eq!(Aggregate::TokenMean.row_weights(&[6, 2]), [0.125, 0.125]);
    /// ```
    pub fn row_weights(&self, lengths: &[usize]) -> Vec<f64> {
        self.row_weights_of(lengths, StepTotals::of(lengths))
    }

    /// [`row_weights`](Self::row_weights) with the divisors given, for an optimizer step of which these
    /// episodes are only a part (data parallelism), or for another convention about empty episodes.
    ///
    /// Totals below one count as one, so that an empty step has finite weights.
    pub fn row_weights_of(&self, lengths: &[usize], totals: StepTotals) -> Vec<f64> {
        let (episodes, tokens) = (at_least_one(totals.episodes), at_least_one(totals.tokens));
        let weight = |length: usize| match *self {
            Self::SequenceMean => 1.0 / (episodes * at_least_one(length as f64)),
            Self::TokenMean => 1.0 / tokens,
            Self::TokenSumOver { length } => 1.0 / (episodes * at_least_one(length as f64)),
            Self::SequenceSum => 1.0 / episodes,
        };
        lengths.iter().copied().map(weight).collect()
    }

    /// The same weights for a mask that is on the device already: `mask` `[episodes, steps]` of the *whole*
    /// optimizer step to weights `[episodes, steps]`, zero where the mask is false. Nothing is read by the
    /// host.
    pub fn weights(&self, mask: Tensor<2, Bool>) -> Tensor<2> {
        let dtype = mask::default_float(&mask.device());
        let mask = Mask::new(mask, dtype);
        let [episodes, _] = mask.indicator.dims();
        let episodes = at_least_one(episodes as f64);
        let ones = mask.indicator.clone();
        match *self {
            Self::SequenceMean => ones * mask.inverse_lengths() / episodes,
            Self::TokenMean => {
                let tokens = mask.lengths().sum_dim(0).clamp_min(1.0);
                ones / tokens
            }
            Self::TokenSumOver { length } => ones / (episodes * at_least_one(length as f64)),
            Self::SequenceSum => ones / episodes,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        match *self {
            Self::TokenSumOver { length: 0 } => Err(Error::config(
                "aggregate.token_sum_over.length",
                0,
                "give the largest number of steps of an episode, at least 1",
            )),
            Self::SequenceMean | Self::TokenMean | Self::TokenSumOver { .. } | Self::SequenceSum => Ok(()),
        }
    }
}

// Divisors smaller than one only arise from empty input, where the numerator is zero as well.
fn at_least_one(count: f64) -> f64 {
    count.max(1.0)
}
