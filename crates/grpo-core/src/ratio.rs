//! Importance ratios `π_θ / π_old`, by token or by whole answer.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::mask::Mask;

/// What one importance ratio belongs to.
///
/// With `d_t = log π_θ(a_t|s_t) − log π_old(a_t|s_t)` over the active steps of an episode:
///
/// | variant | log-ratio at step `t` | source |
/// |---|---|---|
/// | [`Token`](Self::Token) | `d_t` | PPO; [DeepSeekMath, eq. 3](https://arxiv.org/abs/2402.03300) |
/// | [`Sequence`](Self::Sequence) | `mean_s d_s` | [GSPO, eq. 7](https://arxiv.org/abs/2507.18071) |
/// | [`SequenceToken`](Self::SequenceToken) | `sg(mean_s d_s) + d_t − sg(d_t)` | GSPO-token, eq. 14 |
/// | [`SequenceProduct`](Self::SequenceProduct) | `Σ_s d_s` | the introductory formula: `π_θ(o\|q) / π_old(o\|q)` |
///
/// (`sg` stops the gradient.) `Sequence` and `SequenceToken` have the same value and, when an episode's steps
/// share one advantage, the same gradient; with advantages per step, `SequenceToken` keeps each step's own
/// gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioLevel {
    /// One ratio per step.
    #[default]
    Token,
    /// One ratio per episode: the geometric mean of the token ratios, with the gradient of the whole episode.
    Sequence,
    /// The value of [`Sequence`](Self::Sequence) with each step's own gradient.
    SequenceToken,
    /// One ratio per episode: the product of the token ratios, as the textbook formula has it. It grows
    /// exponentially with the length; the log-ratio bound of the objective keeps it finite.
    SequenceProduct,
}

impl RatioLevel {
    /// Whether one ratio (and so one clip decision) belongs to a whole episode.
    pub fn is_per_episode(self) -> bool {
        match self {
            Self::Token => false,
            Self::Sequence | Self::SequenceToken | Self::SequenceProduct => true,
        }
    }
}

/// Ratios of a batch, ready for a surrogate. Outside the mask they are finite and have no weight.
#[derive(Debug, Clone)]
pub(crate) struct Ratio {
    /// `log(π_θ / π_old)` per step before any averaging, `[episodes, steps]`, not bounded.
    pub(crate) token_log: Tensor<2>,
    /// The bounded log-ratio at the chosen level, `[episodes, steps]`.
    pub(crate) log: Tensor<2>,
    /// Its exponential, `[episodes, steps]`.
    pub(crate) value: Tensor<2>,
    /// One where the bound was reached, `[episodes, steps]`, without a graph.
    pub(crate) bound_hits: Tensor<2>,
}

impl Ratio {
    /// `token_log` `[episodes, steps]` must be zero outside the mask.
    pub(crate) fn new(level: RatioLevel, token_log: Tensor<2>, mask: &Mask, bound: f64) -> Self {
        let shape = token_log.dims();
        let unbounded = match level {
            RatioLevel::Token => token_log.clone(),
            RatioLevel::Sequence => mean_over_episode(token_log.clone(), mask).expand(shape),
            RatioLevel::SequenceToken => {
                let mean = mean_over_episode(token_log.clone().detach(), mask).expand(shape);
                mean + (token_log.clone() - token_log.clone().detach())
            }
            RatioLevel::SequenceProduct => token_log.clone().sum_dim(1).expand(shape),
        };
        let bound_hits = bound_hits(unbounded.clone(), bound);
        let log = unbounded.clamp(-bound, bound);
        Self { value: log.clone().exp(), token_log, log, bound_hits }
    }
}

/// One where `|x| > bound`, zero elsewhere; without a graph.
pub(crate) fn bound_hits(x: Tensor<2>, bound: f64) -> Tensor<2> {
    let x = x.inner();
    let hits = x.clone().abs().greater_elem(bound);
    x.zeros_like().mask_fill(hits, 1.0)
}

fn mean_over_episode(x: Tensor<2>, mask: &Mask) -> Tensor<2> {
    x.sum_dim(1) * mask.inverse_lengths()
}
