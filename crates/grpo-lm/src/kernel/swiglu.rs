//! Gated units: `act(gate) · up`.
//!
//! Both activations are `x · σ(w)`, with σ the logistic function: SiLU with w = x, and GELU's approximation by tanh with
//! w = √(8/π) · (x + 0.044715 · x³), since (1 + tanh u) / 2 = σ(2u).

use pulp::{Simd, WithSimd};

use super::{Rows, blocks, exp, last_vectors, map, parts, rows_per_task, spread, vectors};

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
    /// From the two matrices.
    pub(crate) fn new(gate: &'a [f32], up: &'a [f32], inner: usize) -> Self {
        Self { gate: Rows::new(gate, inner), up: Rows::new(up, inner), inner }
    }

    /// A row of both.
    #[inline(always)]
    fn row(self, row: usize) -> [&'a [f32]; 2] {
        [self.gate.part(row, 0, self.inner), self.up.part(row, 0, self.inner)]
    }
}

/// Puts `act(gate) · up` into `out`, `[rows, inner]`.
pub(crate) fn forward(activation: Activation, gated: Gated, out: &mut [f32]) {
    let (arch, rows) = (pulp::Arch::new(), rows_per_task(gated.inner));
    spread(blocks(out, rows, gated.inner), true, |block, out| {
        arch.dispatch(Forward { activation, gated, first: block * rows, out });
    });
}

/// The gradients for gate and up, from the one for `out`.
pub(crate) fn backward(
    activation: Activation,
    gated: Gated,
    d_out: &[f32],
    d_gate: &mut [f32],
    d_up: &mut [f32],
) {
    let (arch, rows) = (pulp::Arch::new(), rows_per_task(2 * gated.inner));
    let outs = blocks(d_gate, rows, gated.inner).into_iter().zip(blocks(d_up, rows, gated.inner));
    spread(outs.collect(), true, |block, (d_gate, d_up)| {
        arch.dispatch(Backward { activation, gated, first: block * rows, d_out, d_gate, d_up });
    });
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
    fn gradients<S: Simd>(self, simd: S, [gate, up, d_out]: [S::f32s; 3]) -> [S::f32s; 2] {
        let [sigma, rest, slope] = self.parts(simd, gate);
        let value = simd.mul_f32s(gate, sigma);
        let slope = simd.mul_add_e_f32s(simd.mul_f32s(value, rest), slope, sigma);
        [simd.mul_f32s(simd.mul_f32s(slope, up), d_out), simd.mul_f32s(value, d_out)]
    }

    /// σ(w), 1 − σ(w) and the slope of w.
    #[inline(always)]
    fn parts<S: Simd>(self, simd: S, x: S::f32s) -> [S::f32s; 3] {
        let (w, slope) = match self {
            Self::Silu => (x, simd.splat_f32s(1.0)),
            Self::GeluTanh => {
                let square = simd.mul_f32s(x, x);
                let w = simd.mul_add_e_f32s(square, simd.splat_f32s(SLOPE * CUBIC), simd.splat_f32s(SLOPE));
                let slope =
                    simd.mul_add_e_f32s(square, simd.splat_f32s(3.0 * SLOPE * CUBIC), simd.splat_f32s(SLOPE));
                (simd.mul_f32s(x, w), slope)
            }
        };
        // exp(−|w|) doesn't overflow.
        let e = exp(simd, simd.neg_f32s(simd.abs_f32s(w)));
        let large = simd.div_f32s(simd.splat_f32s(1.0), simd.add_f32s(e, simd.splat_f32s(1.0)));
        let small = simd.mul_f32s(e, large);
        let negative = simd.less_than_f32s(w, simd.splat_f32s(0.0));
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
        let Self { activation, gated, first, out } = self;
        for (row, out) in (first..).zip(out.chunks_exact_mut(gated.inner)) {
            let [gate, up] = gated.row(row);
            map(
                simd,
                [gate, up],
                out,
                #[inline(always)]
                |[gate, up]| activation.value(simd, gate, up),
            );
        }
    }
}

/// Some rows of [`backward`], from `first` on.
struct Backward<'a> {
    activation: Activation,
    gated: Gated<'a>,
    first: usize,
    d_out: &'a [f32],
    d_gate: &'a mut [f32],
    d_up: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { activation, gated, first, d_out, d_gate, d_up } = self;
        let inner = gated.inner;
        let outs = d_gate.chunks_exact_mut(inner).zip(d_up.chunks_exact_mut(inner));
        for (row, (d_gate, d_up)) in (first..).zip(outs) {
            let [gate, up] = gated.row(row);
            let (bodies, tails) = parts::<S, 3>([gate, up, &d_out[row * inner..][..inner]], inner);
            let (d_gate, d_gate_tail) = S::as_mut_simd_f32s(d_gate);
            let (d_up, d_up_tail) = S::as_mut_simd_f32s(d_up);
            for (at, (d_gate, d_up)) in d_gate.iter_mut().zip(d_up).enumerate() {
                [*d_gate, *d_up] = activation.gradients(simd, vectors(simd, &bodies, at));
            }
            if !d_gate_tail.is_empty() {
                let [for_gate, for_up] = activation.gradients(simd, last_vectors(simd, &tails));
                simd.partial_store_f32s(d_gate_tail, for_gate);
                simd.partial_store_f32s(d_up_tail, for_up);
            }
        }
    }
}
