//! The differentiable operations behind [`linear`](super::linear) and [`token_statistics`](super::token_statistics): forward passes that keep four numbers per token, and backward
//! passes that compute the logits again, tile by tile.
//!
//! burn's `backend_extension` writes the routing from a tensor to its backend. A tile's arithmetic has a
//! portable form ([`composed`]) and one fused over plain slices for flex ([`fused`](super::fused)).

// burn marks its ndarray backend as deprecated; the generated routing names it.
#![allow(deprecated)]

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, Slice, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use std::ops::Range;

use super::composed;
use super::rules::{RuleTile, Rules};
use super::tiles::Tiles;

/// What an operation does besides its tensors.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// One over the temperature.
    pub(crate) inverse: f64,
    pub(crate) tiles: Tiles,
    /// Whether the bias counts; where it doesn't, any tensor stands in its place.
    pub(crate) biased: bool,
    /// The same for the reference policy.
    pub(crate) ref_biased: bool,
    /// What a sampler did to the logits.
    pub(crate) rules: Option<Rules>,
}

impl Plan {
    /// The rules over one tile.
    fn rules(&self, rows: &Range<usize>, columns: &Range<usize>) -> Option<RuleTile> {
        self.rules.as_ref().map(|rules| rules.tile(rows, columns))
    }
}

/// Columns of the statistics: log-probability of the target, entropy, and what makes the distribution from the logits,
/// their maximum m and log s (see [`composed`]).
pub(crate) const STATISTICS: usize = 4;

/// Log-probabilities and entropies from logits, or from hidden states and an output head.
///
/// Everywhere: `targets` `[tokens, 1]`, `inverse` the inverse temperature, results `[tokens, 4]` as
/// [`STATISTICS`] says.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm")),
    Autodiff
)]
pub(crate) trait LogProbOps: Backend {
    /// From `logits` `[tokens, vocab]`.
    fn logit_statistics(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        inverse: f64,
    ) -> FloatTensor<Self> {
        let state = composed::start::<Self>(&logits);
        composed::finish::<Self>(Self::scan_tile(state, logits, targets, 0, inverse), inverse)
    }

    /// From `hidden` `[tokens, hidden]`, `weight` `[vocab, hidden]` and `bias` `[1, vocab]`.
    fn linear_statistics(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let head = Head::<Self> { weight, bias: plan.biased.then_some(bias) };
        let (tokens, vocab) = (hidden.shape()[0], head.vocab());
        let blocks = plan.tiles.of_tokens(tokens).map(|rows| {
            let hidden = narrow::<Self>(&hidden, 0, &rows);
            let targets = int_rows::<Self>(&targets, &rows);
            let state =
                plan.tiles.of_vocab(vocab).fold(composed::start::<Self>(&hidden), |state, columns| {
                    let logits = head.part(&columns).logits(hidden.clone());
                    let logits = ruled::<Self>(logits, plan.rules(&rows, &columns));
                    Self::scan_tile(state, logits, targets.clone(), columns.start, plan.inverse)
                });
            composed::finish::<Self>(state, plan.inverse)
        });
        Self::float_cat(blocks.collect(), 0)
    }

    /// The exact divergence from a reference policy with hidden states and head of its own, and what makes both
    /// distributions: `[tokens, 5]`, as [`composed::kl_finish`] says.
    fn linear_kl(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        ref_hidden: FloatTensor<Self>,
        ref_weight: FloatTensor<Self>,
        ref_bias: FloatTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let head = Head::<Self> { weight, bias: plan.biased.then_some(bias) };
        let ref_head = Head::<Self> { weight: ref_weight, bias: plan.ref_biased.then_some(ref_bias) };
        let (tokens, vocab) = (hidden.shape()[0], head.vocab());
        let blocks = plan.tiles.of_tokens(tokens).map(|rows| {
            let hidden = narrow::<Self>(&hidden, 0, &rows);
            let ref_hidden = narrow::<Self>(&ref_hidden, 0, &rows);
            let start = composed::kl_start::<Self>(&hidden);
            let state = plan.tiles.of_vocab(vocab).fold(start, |state, columns| {
                let logits = head.part(&columns).logits(hidden.clone());
                let ref_logits = ref_head.part(&columns).logits(ref_hidden.clone());
                composed::kl_scan::<Self>(state, logits, ref_logits, plan.inverse)
            });
            composed::kl_finish::<Self>(state, plan.inverse)
        });
        Self::float_cat(blocks.collect(), 0)
    }

    /// One tile of logits `[tokens, columns]`, whose first column is vocabulary entry `first`, added to the running
    /// `state` `[tokens, 4]` of [`composed::start`].
    fn scan_tile(
        state: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        first: usize,
        inverse: f64,
    ) -> FloatTensor<Self> {
        composed::scan_tile::<Self>(state, logits, targets, first, inverse)
    }

    /// One tile of logits `[tokens, columns]` as the `rules` leave them: penalised, and −∞ where excluded.
    fn rule_tile(logits: FloatTensor<Self>, rules: RuleTile) -> FloatTensor<Self> {
        composed::rule_tile::<Self>(logits, &rules)
    }

    /// The gradient for one tile of logits, from the gradient `upstream` `[tokens, 4]` for the `statistics`. (That
    /// for m and log s is not looked at: they stay inside.) With `rules`, `logits` are those of [`rule_tile`](Self::rule_tile), and
    /// the gradient is for the logits before them.
    fn tile_gradient(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        first: usize,
        inverse: f64,
        rules: Option<RuleTile>,
    ) -> FloatTensor<Self> {
        composed::tile_gradient::<Self>(logits, targets, statistics, upstream, first, inverse, rules.as_ref())
    }
}

/// [`LogProbOps::logit_statistics`] on tensors.
pub(super) fn logit_statistics(logits: Tensor<2>, targets: Tensor<2, Int>, inverse: f64) -> Tensor<2> {
    let statistics = Dispatch::logit_statistics(logits.into_dispatch(), targets.into_dispatch(), inverse);
    Tensor::from_dispatch(statistics)
}

/// [`LogProbOps::linear_statistics`] on tensors.
pub(super) fn linear_statistics(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<2>,
    targets: Tensor<2, Int>,
    plan: Plan,
) -> Tensor<2> {
    let [hidden, weight, bias] = [hidden, weight, bias].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::linear_statistics(hidden, weight, bias, targets.into_dispatch(), plan))
}

/// [`LogProbOps::linear_kl`] on tensors: hidden states, weight and bias of the policy and of the reference.
pub(super) fn linear_kl(policy: [Tensor<2>; 3], reference: [Tensor<2>; 3], plan: Plan) -> Tensor<2> {
    let [hidden, weight, bias] = policy.map(Tensor::into_dispatch);
    let [ref_hidden, ref_weight, ref_bias] = reference.map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::linear_kl(hidden, weight, bias, ref_hidden, ref_weight, ref_bias, plan))
}

#[cfg(feature = "ndarray")]
impl LogProbOps for burn::backend::NdArray {}

#[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))]
impl LogProbOps for burn::backend::Cube {}

/// Weight `[vocab, hidden]` and bias `[1, vocab]` of an output head.
#[derive(Clone, Debug)]
struct Head<B: Backend> {
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
}

impl<B: Backend> Head<B> {
    fn vocab(&self) -> usize {
        self.weight.shape()[0]
    }

    /// The head of a part of the vocabulary.
    fn part(&self, columns: &Range<usize>) -> Self {
        Self {
            weight: narrow::<B>(&self.weight, 0, columns),
            bias: self.bias.as_ref().map(|bias| narrow::<B>(bias, 1, columns)),
        }
    }

    /// `[tokens, vocab]`, in at least single precision.
    fn logits(&self, hidden: FloatTensor<B>) -> FloatTensor<B> {
        let logits = composed::widen::<B>(B::float_matmul(hidden, B::float_transpose(self.weight.clone())));
        match &self.bias {
            Some(bias) => B::float_add(logits, composed::widen::<B>(bias.clone())),
            None => logits,
        }
    }
}

/// The logits of a tile under its rules, if it has any.
fn ruled<B: LogProbOps>(logits: FloatTensor<B>, rules: Option<RuleTile>) -> FloatTensor<B> {
    match rules {
        Some(rules) => B::rule_tile(logits, rules),
        None => logits,
    }
}

/// Entries `range` of one of two dimensions.
fn narrow<B: Backend>(x: &FloatTensor<B>, dim: usize, range: &Range<usize>) -> FloatTensor<B> {
    if x.shape()[dim] == range.len() {
        return x.clone();
    }
    let mut slices = [Slice::full(), Slice::full()];
    slices[dim] = Slice::from(range.clone());
    B::float_slice(x.clone(), &slices)
}

fn int_rows<B: Backend>(x: &IntTensor<B>, rows: &Range<usize>) -> IntTensor<B> {
    B::int_slice(x.clone(), &[Slice::from(rows.clone()), Slice::full()])
}

// ---- backward passes -----------------------------------------------------------------------------------------------------

impl<B: LogProbOps, C: CheckpointStrategy> LogProbOps for Autodiff<B, C> {
    fn logit_statistics(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        inverse: f64,
    ) -> FloatTensor<Self> {
        match LogitBackward.prepare::<C>([logits.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = prepared.checkpoint(&logits);
                let statistics = B::logit_statistics(logits.into_primitive(), targets.clone(), inverse);
                prepared.finish((saved, targets, statistics.clone(), inverse), statistics)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::logit_statistics(logits.into_primitive(), targets, inverse))
            }
        }
    }

    fn linear_statistics(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), weight.node(), bias.node()];
        match LinearBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = [&hidden, &weight, &bias].map(|x| prepared.checkpoint(x));
                let [hidden, weight, bias] = [hidden, weight, bias].map(|x| x.into_primitive());
                let (tokens, vocab) = (hidden.shape()[0], weight.shape()[0]);
                let (logits, statistics) = if plan.tiles.is_one(tokens, vocab) {
                    // They fit into one tile: keeping them is cheaper than computing them again.
                    let head = Head::<B> { weight, bias: plan.biased.then_some(bias) };
                    let logits = ruled::<B>(head.logits(hidden), plan.rules(&(0..tokens), &(0..vocab)));
                    (Some(logits.clone()), B::logit_statistics(logits, targets.clone(), plan.inverse))
                } else {
                    (None, B::linear_statistics(hidden, weight, bias, targets.clone(), plan.clone()))
                };
                let state = Linear { saved, logits, targets, statistics: statistics.clone(), plan };
                prepared.finish(state, statistics)
            }
            OpsKind::UnTracked(prepared) => {
                let [hidden, weight, bias] = [hidden, weight, bias].map(|x| x.into_primitive());
                prepared.finish(B::linear_statistics(hidden, weight, bias, targets, plan))
            }
        }
    }

    fn linear_kl(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        ref_hidden: FloatTensor<Self>,
        ref_weight: FloatTensor<Self>,
        ref_bias: FloatTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let reference = [ref_hidden, ref_weight, ref_bias].map(|x| x.into_primitive());
        let run = |own: [FloatTensor<B>; 3], [ref_hidden, ref_weight, ref_bias]: [FloatTensor<B>; 3]| {
            let [hidden, weight, bias] = own;
            B::linear_kl(hidden, weight, bias, ref_hidden, ref_weight, ref_bias, plan.clone())
        };
        match LinearKlBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = [&hidden, &weight, &bias].map(|x| prepared.checkpoint(x));
                let own = [hidden, weight, bias].map(|x| x.into_primitive());
                let statistics = run(own, reference.clone());
                let state = LinearKl { saved, reference, statistics: statistics.clone(), plan };
                prepared.finish(state, statistics)
            }
            OpsKind::UnTracked(prepared) => {
                let own = [hidden, weight, bias].map(|x| x.into_primitive());
                prepared.finish(run(own, reference))
            }
        }
    }
}

#[derive(Debug)]
struct LogitBackward;

impl<B: LogProbOps> Backward<B, 1> for LogitBackward {
    /// Logits, targets, statistics, inverse temperature.
    type State = (NodeId, IntTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        let (logits, targets, statistics, inverse) = ops.state;
        let logits: FloatTensor<B> = saved.retrieve_node_output(logits);
        if let [Some(node)] = ops.parents {
            let gradient = B::tile_gradient(logits, targets, statistics, upstream, 0, inverse, None);
            gradients.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct LinearBackward;

/// What its backward pass needs.
#[derive(Clone, Debug)]
struct Linear<B: Backend> {
    /// Hidden states, weight, bias.
    saved: [NodeId; 3],
    /// The logits, where they are one tile.
    logits: Option<FloatTensor<B>>,
    targets: IntTensor<B>,
    statistics: FloatTensor<B>,
    plan: Plan,
}

impl<B: LogProbOps> Backward<B, 3> for LinearBackward {
    type State = Linear<B>;

    fn backward(self, ops: Ops<Linear<B>, 3>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let mut upstream = gradients.consume::<B>(&ops.node);
        let Linear { saved: nodes, logits, targets, statistics, plan } = ops.state;
        let [hidden, weight, bias]: [FloatTensor<B>; 3] = nodes.map(|x| saved.retrieve_node_output(x));
        if plan.rules.is_some() {
            upstream = composed::clear_impossible::<B>(upstream, &statistics);
        }
        let hidden = composed::clear_unused::<B>(hidden, &upstream, 2);
        let head = Head::<B> { weight, bias: plan.biased.then_some(bias) };
        let wanted = [0, 1, 2].map(|i| ops.parents[i].is_some() && (i < 2 || plan.biased));
        let parts = head.backward(&hidden, plan.tiles, wanted, |part, rows, columns| {
            let hidden = narrow::<B>(&hidden, 0, rows);
            let rules = plan.rules(rows, columns);
            let logits = logits.clone().unwrap_or_else(|| ruled::<B>(part.logits(hidden), rules.clone()));
            let [statistics, upstream] = [&statistics, &upstream].map(|x| narrow::<B>(x, 0, rows));
            let targets = int_rows::<B>(&targets, rows);
            B::tile_gradient(logits, targets, statistics, upstream, columns.start, plan.inverse, rules)
        });
        register::<B>(gradients, ops.parents.map(|node| node.map(|node| node.id)), parts);
    }
}

#[derive(Debug)]
struct LinearKlBackward;

/// What its backward pass needs.
#[derive(Clone, Debug)]
struct LinearKl<B: Backend> {
    /// Hidden states, weight, bias.
    saved: [NodeId; 3],
    /// The same of the reference policy, which is a constant.
    reference: [FloatTensor<B>; 3],
    statistics: FloatTensor<B>,
    plan: Plan,
}

impl<B: LogProbOps> Backward<B, 3> for LinearKlBackward {
    type State = LinearKl<B>;

    fn backward(self, ops: Ops<LinearKl<B>, 3>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        let LinearKl { saved: nodes, reference: [ref_hidden, ref_weight, ref_bias], statistics, plan } =
            ops.state;
        let [hidden, weight, bias]: [FloatTensor<B>; 3] = nodes.map(|x| saved.retrieve_node_output(x));
        let hidden = composed::clear_unused::<B>(hidden, &upstream, 1);
        let head = Head::<B> { weight, bias: plan.biased.then_some(bias) };
        let ref_head = Head::<B> { weight: ref_weight, bias: plan.ref_biased.then_some(ref_bias) };
        let wanted = [0, 1, 2].map(|i| ops.parents[i].is_some() && (i < 2 || plan.biased));
        let parts = head.backward(&hidden, plan.tiles, wanted, |part, rows, columns| {
            let logits = part.logits(narrow::<B>(&hidden, 0, rows));
            let ref_logits = ref_head.part(columns).logits(narrow::<B>(&ref_hidden, 0, rows));
            let [statistics, upstream] = [&statistics, &upstream].map(|x| narrow::<B>(x, 0, rows));
            composed::kl_gradient::<B>(logits, ref_logits, statistics, upstream, plan.inverse)
        });
        register::<B>(gradients, ops.parents.map(|node| node.map(|node| node.id)), parts);
    }
}

impl<B: Backend> Head<B> {
    /// The gradients for hidden states, weight and bias (each where `wanted`), tile by tile, from the logits' gradient that
    /// `tile` gives for a part of the head, a block of tokens and the part's place in the vocabulary.
    fn backward(
        &self,
        hidden: &FloatTensor<B>,
        tiles: Tiles,
        [for_hidden, for_weight, for_bias]: [bool; 3],
        tile: impl Fn(&Self, &Range<usize>, &Range<usize>) -> FloatTensor<B>,
    ) -> [Option<FloatTensor<B>>; 3] {
        let dtype = hidden.dtype();
        let blocks: Vec<Range<usize>> = tiles.of_tokens(hidden.shape()[0]).collect();
        let mut hidden_blocks: Vec<Option<FloatTensor<B>>> = vec![None; blocks.len()];
        let (mut weight_gradient, mut bias_gradient) = (None, None);
        // The vocabulary outside, the tokens inside: each row of the weight's gradient is finished in one go.
        for columns in tiles.of_vocab(self.vocab()) {
            let part = self.part(&columns);
            let (mut weight_part, mut bias_part) = (None, None);
            for (rows, hidden_block) in blocks.iter().zip(&mut hidden_blocks) {
                let gradient = tile(&part, rows, &columns);
                if for_bias {
                    add::<B>(&mut bias_part, B::float_sum_dim(gradient.clone(), 0));
                }
                let gradient = composed::like::<B>(gradient, dtype);
                if for_hidden {
                    let product = B::float_matmul(gradient.clone(), part.weight.clone());
                    add::<B>(hidden_block, composed::widen::<B>(product));
                }
                if for_weight {
                    let hidden = narrow::<B>(hidden, 0, rows);
                    let product = B::float_matmul(B::float_transpose(gradient), hidden);
                    add::<B>(&mut weight_part, composed::widen::<B>(product));
                }
            }
            // Sums are made in single precision at least, gradients handed over in their parameter's type.
            let [weight_part, bias_part] = [weight_part, bias_part]
                .map(|part| part.map(|gradient| composed::like::<B>(gradient, dtype)));
            assign::<B>(&mut weight_gradient, weight_part, 0, &columns, &self.weight.shape());
            if let Some(bias) = &self.bias {
                assign::<B>(&mut bias_gradient, bias_part, 1, &columns, &bias.shape());
            }
        }
        let mut hidden_gradient = None;
        for (rows, block) in blocks.iter().zip(hidden_blocks) {
            let block = block.map(|gradient| composed::like::<B>(gradient, dtype));
            assign::<B>(&mut hidden_gradient, block, 0, rows, &hidden.shape());
        }
        [hidden_gradient, weight_gradient, bias_gradient]
    }
}

/// Puts `part` into its place in `whole`, which is made when the first part comes.
fn assign<B: Backend>(
    whole: &mut Option<FloatTensor<B>>,
    part: Option<FloatTensor<B>>,
    dim: usize,
    range: &Range<usize>,
    shape: &Shape,
) {
    let Some(part) = part else { return };
    if shape[dim] == range.len() {
        *whole = Some(part);
        return;
    }
    let zeros = || B::float_zeros(shape.clone(), &part.device(), part.dtype().into());
    let target = whole.take().unwrap_or_else(zeros);
    let mut slices = [Slice::full(), Slice::full()];
    slices[dim] = Slice::from(range.clone());
    *whole = Some(B::float_slice_assign(target, &slices, part));
}

/// Hands each gradient over to its parent, where both are there.
fn register<B: Backend>(
    gradients: &mut Gradients,
    parents: [Option<NodeId>; 3],
    parts: [Option<FloatTensor<B>>; 3],
) {
    for (parent, part) in parents.into_iter().zip(parts) {
        if let (Some(parent), Some(part)) = (parent, part) {
            gradients.register::<B>(parent, part);
        }
    }
}

fn add<B: Backend>(sum: &mut Option<FloatTensor<B>>, term: FloatTensor<B>) {
    *sum = Some(match sum.take() {
        Some(sum) => B::float_add(sum, term),
        None => term,
    });
}
