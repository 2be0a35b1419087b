//! Gated units: `act(gate) · up`.
//!
//! Both activations are `x · σ(w)`, with σ the logistic function: SiLU with w = x, and GELU's approximation by tanh with
//! w = √(8/π) · (x + 0.044715 · x³), since (1 + tanh u) / 2 = σ(2u).

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Rows, RowsMut, exp, rows_per_task};

/// √(8/π)
const SLOPE: f32 = 1.595_769;
/// GELU's coefficient of x³.
const CUBIC: f32 = 0.044_715;

/// What is applied to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x · σ(x)`
    Silu,
    /// GELU, by its approximation with tanh.
    GeluTanh,
}

/// The gate and what it scales, `[rows, inner]` each.
#[derive(Clone, Copy)]
pub(crate) struct Gated<'a> {
    /// The activation's argument.
    pub(crate) gate: Rows<'a>,
    /// What is scaled.
    pub(crate) up: Rows<'a>,
    /// Columns of both.
    pub(crate) inner: usize,
}

impl<'a> Gated<'a> {
    /// From one matrix, `[rows, 2 · inner]`: the gate first.
    pub(crate) fn fused(values: &'a [f32], inner: usize) -> Self {
        let [gate, up] = [0, inner].map(|offset| Rows { values, stride: 2 * inner, offset });
        Self { gate, up, inner }
    }

    /// From two matrices.
    pub(crate) fn separate(gate: &'a [f32], up: &'a [f32], inner: usize) -> Self {
        Self { gate: Rows::whole(gate, inner), up: Rows::whole(up, inner), inner }
    }
}

/// Where gradients go.
pub(crate) enum Gradients<'a> {
    /// Into one matrix, `[rows, 2 · inner]`: the gate's first.
    Fused(&'a mut [f32]),
    /// Into two.
    Separate {
        /// For the gate.
        gate: &'a mut [f32],
        /// For what it scales.
        up: &'a mut [f32],
    },
}

/// Puts `act(gate) · up` into `out`, `[rows, inner]`.
pub(crate) fn forward(activation: Activation, gated: Gated, out: &mut [f32]) {
    let (arch, inner) = (pulp::Arch::new(), gated.inner);
    let rows = rows_per_task(inner);
    RowsMut::whole(out, inner).blocks(rows).enumerate().for_each(|(block, out)| {
        arch.dispatch(Forward { activation, gated, first: block * rows, out: out.values });
    });
}

/// The gradients for gate and up, from the one for `out`.
pub(crate) fn backward(activation: Activation, gated: Gated, d_out: &[f32], gradients: Gradients) {
    let (arch, inner) = (pulp::Arch::new(), gated.inner);
    let rows = rows_per_task(2 * inner);
    let task = |block: usize, into: Into| {
        arch.dispatch(Backward { activation, gated, first: block * rows, d_out, into });
    };
    match gradients {
        Gradients::Fused(values) => {
            let blocks = values.par_chunks_mut((2 * inner * rows).max(1)).enumerate();
            blocks.for_each(|(block, values)| task(block, Into::Fused(values)));
        }
        Gradients::Separate { gate, up } => {
            let [gate, up] = [gate, up].map(|values| values.par_chunks_mut((inner * rows).max(1)));
            gate.zip(up).enumerate().for_each(|(block, (gate, up))| task(block, Into::Separate(gate, up)));
        }
    }
}

impl Activation {
    /// What a unit puts out.
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, gate: S::f32s, up: S::f32s) -> S::f32s {
        let [sigma, ..] = self.parts(simd, gate);
        simd.mul_f32s(simd.mul_f32s(gate, sigma), up)
    }

    /// The gradients for gate and up: the activation's slope is σ + x · σ · (1 − σ) · w'.
    #[inline(always)]
    fn gradients<S: Simd>(self, simd: S, gate: S::f32s, up: S::f32s, d_out: S::f32s) -> [S::f32s; 2] {
        let [sigma, rest, slope] = self.parts(simd, gate);
        let value = simd.mul_f32s(gate, sigma);
        let slope = simd.mul_add_e_f32s(simd.mul_f32s(value, rest), slope, sigma);
        [simd.mul_f32s(simd.mul_f32s(slope, up), d_out), simd.mul_f32s(value, d_out)]
    }

    /// σ(w), 1 − σ(w) and the slope of w.
    #[inline(always)]
    fn parts<S: Simd>(self, simd: S, x: S::f32s) -> [S::f32s; 3] {
        let splat = |x| simd.splat_f32s(x);
        let (w, slope) = match self {
            Self::Silu => (x, splat(1.0)),
            Self::GeluTanh => {
                let square = simd.mul_f32s(x, x);
                let w = simd.mul_add_e_f32s(square, splat(SLOPE * CUBIC), splat(SLOPE));
                let slope = simd.mul_add_e_f32s(square, splat(3.0 * SLOPE * CUBIC), splat(SLOPE));
                (simd.mul_f32s(x, w), slope)
            }
        };
        // exp(−|w|) doesn't overflow.
        let e = exp(simd, simd.neg_f32s(simd.abs_f32s(w)));
        let large = simd.div_f32s(splat(1.0), simd.add_f32s(e, splat(1.0)));
        let small = simd.mul_f32s(e, large);
        let negative = simd.less_than_f32s(w, splat(0.0));
        [simd.select_f32s(negative, small, large), simd.select_f32s(negative, large, small), slope]
    }
}

/// Some rows of [`forward`], from `first` on.
struct Forward<'a> {
    activation: Activation,
    gated: Gated<'a>,
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { activation, gated: Gated { gate, up, inner }, first, out } = self;
        for (row, out) in (first..).zip(out.chunks_exact_mut(inner)) {
            let [gate, up] = [gate, up].map(|rows| S::as_simd_f32s(rows.part(row, 0, inner)));
            let (body, tail) = S::as_mut_simd_f32s(out);
            for ((out, &gate), &up) in body.iter_mut().zip(gate.0).zip(up.0) {
                *out = activation.value(simd, gate, up);
            }
            if !tail.is_empty() {
                let [gate, up] = [gate.1, up.1].map(|tail| simd.partial_load_f32s(tail));
                simd.partial_store_f32s(tail, activation.value(simd, gate, up));
            }
        }
    }
}

/// Some rows of the gradients.
enum Into<'a> {
    Fused(&'a mut [f32]),
    Separate(&'a mut [f32], &'a mut [f32]),
}

/// Some rows of [`backward`], from `first` on.
struct Backward<'a> {
    activation: Activation,
    gated: Gated<'a>,
    first: usize,
    d_out: &'a [f32],
    into: Into<'a>,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inner = self.gated.inner;
        match self.into {
            Into::Fused(values) => {
                for (row, out) in (self.first..).zip(values.chunks_exact_mut(2 * inner)) {
                    let (d_gate, d_up) = out.split_at_mut(inner);
                    Row { activation: self.activation, gated: self.gated, d_out: self.d_out, row }
                        .write(simd, d_gate, d_up);
                }
            }
            Into::Separate(gate, up) => {
                let rows = gate.chunks_exact_mut(inner).zip(up.chunks_exact_mut(inner));
                for (row, (d_gate, d_up)) in (self.first..).zip(rows) {
                    Row { activation: self.activation, gated: self.gated, d_out: self.d_out, row }
                        .write(simd, d_gate, d_up);
                }
            }
        }
    }
}

/// A row of [`backward`].
struct Row<'a> {
    activation: Activation,
    gated: Gated<'a>,
    d_out: &'a [f32],
    row: usize,
}

impl Row<'_> {
    #[inline(always)]
    fn write<S: Simd>(self, simd: S, d_gate: &mut [f32], d_up: &mut [f32]) {
        let Self { activation, gated: Gated { gate, up, inner }, d_out, row } = self;
        let [gate, up] = [gate, up].map(|rows| rows.part(row, 0, inner));
        let d_out = &d_out[row * inner..][..inner];
        let [gate, up, d_out] = [gate, up, d_out].map(|slice| S::as_simd_f32s(slice));
        let ((d_gate, d_gate_tail), (d_up, d_up_tail)) =
            (S::as_mut_simd_f32s(d_gate), S::as_mut_simd_f32s(d_up));
        let inputs = gate.0.iter().zip(up.0).zip(d_out.0);
        for ((d_gate, d_up), ((&gate, &up), &d_out)) in d_gate.iter_mut().zip(d_up).zip(inputs) {
            [*d_gate, *d_up] = activation.gradients(simd, gate, up, d_out);
        }
        if !d_gate_tail.is_empty() {
            let [gate, up, d_out] = [gate.1, up.1, d_out.1].map(|tail| simd.partial_load_f32s(tail));
            let [for_gate, for_up] = activation.gradients(simd, gate, up, d_out);
            simd.partial_store_f32s(d_gate_tail, for_gate);
            simd.partial_store_f32s(d_up_tail, for_up);
        }
    }
}
