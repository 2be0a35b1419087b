//! The operations of a decoder layer that burn doesn't have, on tensors: fused over plain slices where that is built in
//! ([`fused`], flex), else composed of burn's ([`composed`]), where a GPU backend fuses them itself.

mod composed;
#[cfg(feature = "flex")]
mod fused;
mod layout;

pub(crate) use layout::{Layout, Places};

use crate::{
    family::Activation,
    kernel::{attention::Heads, decode::DecodeRow},
    rope::Rotation,
};
use burn::backend::DispatchTensorKind;
use burn::tensor::{DType, Tensor};
use std::sync::Arc;

/// What norms have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NormPlan {
    /// Added to the weights.
    pub(crate) offset: f64,
    /// Added to the mean of squares.
    pub(crate) epsilon: f64,
    /// Norms to a row, side by side.
    pub(crate) heads: usize,
}

/// RMS norm (arXiv:1910.07467) of each row, or of each head of a row: `x` is `[tokens, heads * width]`, `gamma` `[width]`.
pub(crate) fn rms_norm(x: Tensor<2>, gamma: Tensor<1>, norm: NormPlan) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&x) {
        return fused::rms_norm(x, gamma, norm);
    }
    composed::rms_norm(x, gamma, norm)
}

/// `activation(gate) * up`, all `[tokens, inner]` (GLU variants, arXiv:2002.05202).
pub(crate) fn gated(gate: Tensor<2>, up: Tensor<2>, activation: Activation) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&gate) {
        return fused::gated(gate, up, activation);
    }
    composed::gated(gate, up, activation)
}

/// Turns each head of `x` `[tokens, heads * width]` by the angles of its token.
pub(crate) fn rotate(x: Tensor<2>, rotation: &Rotation, width: usize) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&x) {
        return fused::rotate(x, rotation, width);
    }
    composed::rotate(x, rotation, width)
}

/// Causal attention (GQA, arXiv:2305.13245) among the tokens of each sequence, which may continue a prompt that others continue, too:
/// `q` is `[tokens, query * width]`, `k` and `v` are `[tokens, kv * width]`, the result is of `q`'s shape.
pub(crate) fn attend(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, layout: &Layout, heads: Heads) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&q) {
        return fused::attend(q, k, v, layout.segments.clone(), heads);
    }
    composed::attend(q, k, v, layout, heads)
}

/// Writes row `i` of `new` over row `places[i]` of `cache`, in place where nobody else holds it. Both have the same columns.
pub(crate) fn store(cache: Tensor<2>, new: Tensor<2>, places: &Places) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&cache) {
        return fused::store(cache, new, places.host.clone());
    }
    composed::store(cache, new, places)
}

/// Keys and values `[tokens, kv * width]` of one layer: those of prompts, or those of completions.
#[derive(Debug, Clone)]
pub(crate) struct KeyValues {
    pub(crate) keys: Tensor<2>,
    pub(crate) values: Tensor<2>,
}

/// Attention of one token of each row, `q` `[rows, query * width]`, to its prompt and to its own tokens so far.
pub(crate) fn attend_step(
    q: Tensor<2>,
    prompts: &KeyValues,
    own: &KeyValues,
    rows: &Arc<[DecodeRow]>,
    heads: Heads,
) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_fused(&q) {
        return fused::attend_step(q, prompts, own, rows.clone(), heads);
    }
    composed::attend_step(q, prompts, own, rows, heads)
}

/// Whether the fused operations serve this tensor.
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
fn is_fused(x: &Tensor<2>) -> bool {
    fn is_flex(kind: &DispatchTensorKind) -> bool {
        match kind {
            DispatchTensorKind::Autodiff(inner) => is_flex(inner),
            #[cfg(feature = "flex")]
            DispatchTensorKind::Flex(_) => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
    x.dtype() == DType::F32 && is_flex(&x.clone().into_dispatch().kind)
}
