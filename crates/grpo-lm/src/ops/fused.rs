//! The operations over plain slices for flex: one pass over memory each, their gradients by hand, nothing kept that can be had
//! again.

// burn marks its ndarray backend as deprecated; the generated routing names it.
#![allow(deprecated)]

use super::{KeyValues, NormPlan};
use crate::family;
use crate::kernel::attention::{self, Heads, Qkv, Segment, Upstream};
use crate::kernel::decode::{self, Cache, DecodeRow};
use crate::kernel::{Rows, norm, rope, swiglu};
use crate::rope::Rotation;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor};
use std::sync::Arc;

pub(super) fn rms_norm(x: Tensor<2>, gamma: Tensor<1>, norm: NormPlan) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::rms_norm(x.into_dispatch(), gamma.into_dispatch(), norm))
}

pub(super) fn gated(gate: Tensor<2>, up: Tensor<2>, activation: family::Activation) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::gated(gate.into_dispatch(), up.into_dispatch(), activation))
}

pub(super) fn rotate(x: Tensor<2>, rotation: &Rotation, width: usize) -> Tensor<2> {
    let turn = Turn { cos: rotation.cos.clone(), sin: rotation.sin.clone(), width, inverse: false };
    Tensor::from_dispatch(Dispatch::rotate(x.into_dispatch(), turn))
}

pub(super) fn attend(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    segments: Arc<[Segment]>,
    heads: Heads,
) -> Tensor<2> {
    let [q, k, v] = [q, k, v].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::attend(q, k, v, segments, heads))
}

pub(super) fn store(cache: Tensor<2>, new: Tensor<2>, places: Arc<[usize]>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::store(cache.into_dispatch(), new.into_dispatch(), places))
}

pub(super) fn attend_step(
    q: Tensor<2>,
    prompts: &KeyValues,
    own: &KeyValues,
    rows: Arc<[DecodeRow]>,
    heads: Heads,
) -> Tensor<2> {
    let [a, b, c, d] = [&prompts.keys, &prompts.values, &own.keys, &own.values];
    let [a, b, c, d] = [a, b, c, d].map(|x| x.clone().into_dispatch());
    Tensor::from_dispatch(Dispatch::attend_step(q.into_dispatch(), a, b, c, d, rows, heads))
}

/// The angles of a rotation.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    cos: Arc<[f32]>,
    sin: Arc<[f32]>,
    width: usize,
    inverse: bool,
}

/// What is differentiated.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait LayerOps: Backend {
    /// See [`super::rms_norm`].
    fn rms_norm(x: FloatTensor<Self>, gamma: FloatTensor<Self>, norm: NormPlan) -> FloatTensor<Self>;

    /// See [`super::gated`].
    fn gated(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: family::Activation,
    ) -> FloatTensor<Self>;

    /// See [`super::rotate`].
    fn rotate(x: FloatTensor<Self>, turn: Turn) -> FloatTensor<Self>;

    /// See [`super::attend`].
    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        segments: Arc<[Segment]>,
        heads: Heads,
    ) -> FloatTensor<Self>;
}

/// What is only computed forwards.
#[backend_extension(Flex)]
pub(crate) trait DecodeOps: Backend {
    /// See [`super::store`].
    fn store(cache: FloatTensor<Self>, new: FloatTensor<Self>, places: Arc<[usize]>) -> FloatTensor<Self>;

    /// See [`super::attend_step`]: the keys and values of prompts, then those of completions.
    fn attend_step(
        q: FloatTensor<Self>,
        prompt_keys: FloatTensor<Self>,
        prompt_values: FloatTensor<Self>,
        own_keys: FloatTensor<Self>,
        own_values: FloatTensor<Self>,
        rows: Arc<[DecodeRow]>,
        heads: Heads,
    ) -> FloatTensor<Self>;
}

/// Results of several tensors, and gradients: what the routing above has no form for.
pub(crate) trait Kernels: Backend {
    /// The attended values, and the logarithms of the sums of exponentiated scores.
    fn attend_with_sums(
        qkv: [FloatTensor<Self>; 3],
        segments: &[Segment],
        heads: Heads,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients for queries, keys and values.
    fn attend_backward(
        qkv: [FloatTensor<Self>; 3],
        out: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        segments: &[Segment],
        heads: Heads,
    ) -> [FloatTensor<Self>; 3];

    /// Gradients for `x` and, if wanted, `gamma`.
    fn rms_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        norm: NormPlan,
        want_gamma: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>);

    /// Gradients for gate and up.
    fn gated_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        activation: family::Activation,
    ) -> [FloatTensor<Self>; 2];
}

// ---- flex -------------------------------------------------------------------------------------------------------------------

/// A tensor whose values lie row by row.
struct Plain(FlexTensor);

impl Plain {
    fn new(x: FlexTensor) -> Self {
        if x.as_slice::<f32>().is_some() { Self(x) } else { Self(x.to_contiguous()) }
    }

    fn values(&self) -> &[f32] {
        self.0.as_slice::<f32>().unwrap_or_default()
    }

    fn columns(&self) -> usize {
        self.0.shape()[1]
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(self.values(), self.columns())
    }
}

/// A tensor to be written: the given one where nobody else holds it, else a copy.
fn owned(mut x: FlexTensor) -> FlexTensor {
    let whole = x.as_slice::<f32>().map(<[f32]>::len) == Some(x.storage::<f32>().len());
    if whole && x.try_storage_mut::<f32>().is_some() {
        return x;
    }
    let values = Plain::new(x);
    let mut copy = FlexTensor::empty(values.0.shape(), DType::F32);
    copy.storage_mut::<f32>().copy_from_slice(values.values());
    copy
}

fn empty<const D: usize>(shape: [usize; D]) -> FlexTensor {
    FlexTensor::empty(shape.into(), DType::F32)
}

fn norm_of<'a>(gamma: &'a Plain, norm: NormPlan) -> norm::Norm<'a> {
    let NormPlan { offset, epsilon, heads } = norm;
    norm::Norm { gamma: gamma.values(), offset: offset as f32, epsilon: epsilon as f32, heads }
}

fn activation_of(activation: family::Activation) -> swiglu::Activation {
    match activation {
        family::Activation::Silu => swiglu::Activation::Silu,
        family::Activation::GeluTanh => swiglu::Activation::GeluTanh,
    }
}

impl LayerOps for Flex {
    fn rms_norm(x: FlexTensor, gamma: FlexTensor, norm: NormPlan) -> FlexTensor {
        let (x, gamma) = (Plain::new(x), Plain::new(gamma));
        let mut y = empty([x.0.shape()[0], x.columns()]);
        norm::forward(norm_of(&gamma, norm), x.rows(), y.storage_mut());
        y
    }

    fn gated(gate: FlexTensor, up: FlexTensor, activation: family::Activation) -> FlexTensor {
        let (gate, up) = (Plain::new(gate), Plain::new(up));
        let (tokens, inner) = (gate.0.shape()[0], gate.columns());
        let mut out = empty([tokens, inner]);
        let both = swiglu::Gated::new(gate.values(), up.values(), inner);
        swiglu::forward(activation_of(activation), both, out.storage_mut());
        out
    }

    fn rotate(x: FlexTensor, turn: Turn) -> FlexTensor {
        let mut x = owned(x);
        let columns = x.shape()[1];
        let rotation = rope::Rotation {
            cos: &turn.cos,
            sin: &turn.sin,
            heads: columns / turn.width,
            width: turn.width,
            inverse: turn.inverse,
        };
        rope::rotate(rotation, x.storage_mut());
        x
    }

    fn attend(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        segments: Arc<[Segment]>,
        heads: Heads,
    ) -> FlexTensor {
        Self::attend_with_sums([q, k, v], &segments, heads).0
    }
}

impl Kernels for Flex {
    fn attend_with_sums(
        qkv: [FlexTensor; 3],
        segments: &[Segment],
        heads: Heads,
    ) -> (FlexTensor, FlexTensor) {
        let [q, k, v] = qkv.map(Plain::new);
        let tokens = q.0.shape()[0];
        let (mut out, mut sums) = (empty([tokens, q.columns()]), empty([tokens, heads.query]));
        let qkv = Qkv::new(q.values(), k.values(), v.values(), &heads);
        attention::forward(&heads, qkv, segments, out.storage_mut(), sums.storage_mut());
        (out, sums)
    }

    fn attend_backward(
        qkv: [FlexTensor; 3],
        out: FlexTensor,
        sums: FlexTensor,
        upstream: FlexTensor,
        segments: &[Segment],
        heads: Heads,
    ) -> [FlexTensor; 3] {
        let [q, k, v] = qkv.map(Plain::new);
        let (out, sums, upstream) = (Plain::new(out), Plain::new(sums), Plain::new(upstream));
        let tokens = q.0.shape()[0];
        let [mut dq, mut dk, mut dv] = [&q, &k, &v].map(|x| empty([tokens, x.columns()]));
        let gradients =
            attention::Gradients { q: dq.storage_mut(), k: dk.storage_mut(), v: dv.storage_mut() };
        let qkv = Qkv::new(q.values(), k.values(), v.values(), &heads);
        let upstream = Upstream { out: out.values(), lse: sums.values(), d_out: upstream.values() };
        attention::backward(&heads, qkv, segments, upstream, gradients);
        [dq, dk, dv]
    }

    fn rms_norm_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        upstream: FlexTensor,
        norm: NormPlan,
        want_gamma: bool,
    ) -> (FlexTensor, Option<FlexTensor>) {
        let (x, gamma, upstream) = (Plain::new(x), Plain::new(gamma), Plain::new(upstream));
        let mut dx = empty([x.0.shape()[0], x.columns()]);
        let norm = norm_of(&gamma, norm);
        let d_gamma = norm::backward(norm, x.rows(), upstream.rows(), dx.storage_mut(), want_gamma);
        let d_gamma = d_gamma.map(|values| {
            let mut tensor = empty([values.len()]);
            tensor.storage_mut::<f32>().copy_from_slice(&values);
            tensor
        });
        (dx, d_gamma)
    }

    fn gated_backward(
        gate: FlexTensor,
        up: FlexTensor,
        upstream: FlexTensor,
        activation: family::Activation,
    ) -> [FlexTensor; 2] {
        let (gate, up, upstream) = (Plain::new(gate), Plain::new(up), Plain::new(upstream));
        let (tokens, inner) = (gate.0.shape()[0], gate.columns());
        let (mut d_gate, mut d_up) = (empty([tokens, inner]), empty([tokens, inner]));
        let both = swiglu::Gated::new(gate.values(), up.values(), inner);
        let activation = activation_of(activation);
        swiglu::backward(activation, both, upstream.values(), d_gate.storage_mut(), d_up.storage_mut());
        [d_gate, d_up]
    }
}

impl DecodeOps for Flex {
    fn store(cache: FlexTensor, new: FlexTensor, places: Arc<[usize]>) -> FlexTensor {
        let new = Plain::new(new);
        let columns = new.columns().max(1);
        let mut cache = owned(cache);
        let values = cache.storage_mut::<f32>();
        for (&place, row) in places.iter().zip(new.values().chunks_exact(columns)) {
            values[place * columns..][..columns].copy_from_slice(row);
        }
        cache
    }

    fn attend_step(
        q: FlexTensor,
        prompt_keys: FlexTensor,
        prompt_values: FlexTensor,
        own_keys: FlexTensor,
        own_values: FlexTensor,
        rows: Arc<[DecodeRow]>,
        heads: Heads,
    ) -> FlexTensor {
        let q = Plain::new(q);
        let [a, b, c, d] = [prompt_keys, prompt_values, own_keys, own_values].map(Plain::new);
        let prompts = Cache { keys: a.values(), values: b.values() };
        let own = Cache { keys: c.values(), values: d.values() };
        let mut out = empty([rows.len(), q.columns()]);
        decode::decode(&heads, q.rows(), &rows, prompts, own, out.storage_mut());
        out
    }
}

// ---- backward passes -----------------------------------------------------------------------------------------------------

impl<B: LayerOps + Kernels, C: CheckpointStrategy> LayerOps for Autodiff<B, C> {
    fn rms_norm(x: FloatTensor<Self>, gamma: FloatTensor<Self>, norm: NormPlan) -> FloatTensor<Self> {
        match NormBackward.prepare::<C>([x.node(), gamma.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = [&x, &gamma].map(|x| prepared.checkpoint(x));
                let y = B::rms_norm(x.into_primitive(), gamma.into_primitive(), norm);
                prepared.finish((saved, norm), y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::rms_norm(x.into_primitive(), gamma.into_primitive(), norm))
            }
        }
    }

    fn gated(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: family::Activation,
    ) -> FloatTensor<Self> {
        match GatedBackward.prepare::<C>([gate.node(), up.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = [&gate, &up].map(|x| prepared.checkpoint(x));
                let out = B::gated(gate.into_primitive(), up.into_primitive(), activation);
                prepared.finish((saved, activation), out)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::gated(gate.into_primitive(), up.into_primitive(), activation))
            }
        }
    }

    fn rotate(x: FloatTensor<Self>, turn: Turn) -> FloatTensor<Self> {
        match TurnBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(turn.clone(), B::rotate(x.into_primitive(), turn)),
            OpsKind::UnTracked(prepared) => prepared.finish(B::rotate(x.into_primitive(), turn)),
        }
    }

    fn attend(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        segments: Arc<[Segment]>,
        heads: Heads,
    ) -> FloatTensor<Self> {
        match AttendBackward.prepare::<C>([q.node(), k.node(), v.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let saved = [&q, &k, &v].map(|x| prepared.checkpoint(x));
                let qkv = [q, k, v].map(|x| x.into_primitive());
                let (out, sums) = B::attend_with_sums(qkv, &segments, heads);
                let state = Attended { saved, out: out.clone(), sums, segments, heads };
                prepared.finish(state, out)
            }
            OpsKind::UnTracked(prepared) => {
                let [q, k, v] = [q, k, v].map(|x| x.into_primitive());
                prepared.finish(B::attend(q, k, v, segments, heads))
            }
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: LayerOps + Kernels> Backward<B, 2> for NormBackward {
    type State = ([NodeId; 2], NormPlan);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        let (nodes, norm) = ops.state;
        let [x, gamma]: [FloatTensor<B>; 2] = nodes.map(|node| saved.retrieve_node_output(node));
        let parents = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let (dx, d_gamma) = B::rms_norm_backward(x, gamma, upstream, norm, parents[1].is_some());
        register::<B, 2>(gradients, parents, [Some(dx), d_gamma]);
    }
}

#[derive(Debug)]
struct GatedBackward;

impl<B: LayerOps + Kernels> Backward<B, 2> for GatedBackward {
    type State = ([NodeId; 2], family::Activation);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        let (nodes, activation) = ops.state;
        let [gate, up]: [FloatTensor<B>; 2] = nodes.map(|node| saved.retrieve_node_output(node));
        register::<B, 2>(
            gradients,
            ops.parents.map(|p| p.map(|p| p.id)),
            B::gated_backward(gate, up, upstream, activation).map(Some),
        );
    }
}

#[derive(Debug)]
struct TurnBackward;

impl<B: LayerOps + Kernels> Backward<B, 1> for TurnBackward {
    type State = Turn;

    fn backward(self, ops: Ops<Turn, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        // Turning back is the transpose.
        let back = Turn { inverse: !ops.state.inverse, ..ops.state };
        register::<B, 1>(gradients, ops.parents.map(|p| p.map(|p| p.id)), [Some(B::rotate(upstream, back))]);
    }
}

#[derive(Debug)]
struct AttendBackward;

/// What its backward pass needs.
#[derive(Debug, Clone)]
struct Attended<B: Backend> {
    /// Queries, keys, values.
    saved: [NodeId; 3],
    out: FloatTensor<B>,
    sums: FloatTensor<B>,
    segments: Arc<[Segment]>,
    heads: Heads,
}

impl<B: LayerOps + Kernels> Backward<B, 3> for AttendBackward {
    type State = Attended<B>;

    fn backward(self, ops: Ops<Attended<B>, 3>, gradients: &mut Gradients, saved: &mut Checkpointer) {
        let upstream = gradients.consume::<B>(&ops.node);
        let Attended { saved: nodes, out, sums, segments, heads } = ops.state;
        let qkv: [FloatTensor<B>; 3] = nodes.map(|node| saved.retrieve_node_output(node));
        let parts = B::attend_backward(qkv, out, sums, upstream, &segments, heads).map(Some);
        register::<B, 3>(gradients, ops.parents.map(|p| p.map(|p| p.id)), parts);
    }
}

/// Hands gradients to the parents that want them.
fn register<B: Backend, const N: usize>(
    gradients: &mut Gradients,
    parents: [Option<NodeId>; N],
    parts: [Option<FloatTensor<B>>; N],
) {
    for (node, gradient) in parents.into_iter().zip(parts) {
        if let (Some(node), Some(gradient)) = (node, gradient) {
            gradients.register::<B>(node, gradient);
        }
    }
}
