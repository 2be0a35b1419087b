//! Root-mean-square norms of rows: `y = x / √(mean(x²) + ε) · (offset + γ)`.
//!
//! A row of a matrix may hold several rows to be normed on their own: the heads of a token's queries or keys.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Rows, RowsMut, dot, map, rows_per_task, sum};

/// What norms have in common.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    /// The weights; their number is the width of what is normed.
    pub(crate) gamma: &'a [f32],
    /// Added to the weights: 1 for Gemma's, 0 otherwise.
    pub(crate) offset: f32,
    /// Added to the mean of squares.
    pub(crate) epsilon: f32,
    /// Norms to a row of the matrix, side by side.
    pub(crate) heads: usize,
}

impl Norm<'_> {
    /// Columns of a row that are normed.
    fn width(&self) -> usize {
        self.gamma.len() * self.heads
    }

    /// Rows to a task, for a matrix to be written.
    fn rows(&self) -> usize {
        rows_per_task(self.width())
    }
}

/// Puts the norms of `x` into `y`, and the inverse root mean squares into `inverse`, `[rows, heads]`.
pub(crate) fn forward(norm: Norm, x: Rows, y: RowsMut, inverse: &mut [f32]) {
    let (arch, rows) = (pulp::Arch::new(), norm.rows());
    let blocks = y.blocks(rows).zip(inverse.par_chunks_mut(rows * norm.heads)).enumerate();
    blocks.for_each(|(block, (y, inverse))| {
        arch.dispatch(Forward { norm, x, first: block * rows, y, inverse });
    });
}

/// Puts the inverse root mean squares of `x` into `inverse`, `[rows, heads]`: what [`backward`] wants, without the norms.
pub(crate) fn inverse(norm: Norm, x: Rows, inverse: &mut [f32]) {
    let (arch, rows) = (pulp::Arch::new(), norm.rows());
    inverse.par_chunks_mut(rows * norm.heads).enumerate().for_each(|(block, inverse)| {
        arch.dispatch(Inverse { norm, x, first: block * rows, inverse });
    });
}

/// Puts `x + residual` into `total` and its norm into `y`, all `[rows, width]` with one norm to a row.
pub(crate) fn forward_added(
    norm: Norm,
    x: &[f32],
    residual: &[f32],
    total: &mut [f32],
    y: &mut [f32],
    inverse: &mut [f32],
) {
    let (arch, rows, width) = (pulp::Arch::new(), norm.rows(), norm.width());
    let block = rows * width;
    let outs = total.par_chunks_mut(block).zip(y.par_chunks_mut(block));
    let outs = outs.zip(inverse.par_chunks_mut(rows * norm.heads));
    let blocks = outs.zip(x.par_chunks(block)).zip(residual.par_chunks(block));
    blocks.for_each(|((((total, y), inverse), x), residual)| {
        arch.dispatch(Add { x, residual, total });
        let (x, y) = (Rows::whole(total, width), RowsMut::whole(y, width));
        arch.dispatch(Forward { norm, x, first: 0, y, inverse });
    });
}

/// Puts the gradient for `x` into `dx`: the one through the norm, and `also` (of which `total` is the other use), if
/// given. Returns the gradient for the weights, if wanted: a sum over rows in an order that the threads don't change.
pub(crate) fn backward(
    norm: Norm,
    x: Rows,
    inverse: &[f32],
    dy: Rows,
    also: Option<Rows>,
    dx: RowsMut,
    want_gamma: bool,
) -> Option<Vec<f32>> {
    let (arch, rows) = (pulp::Arch::new(), norm.rows());
    let blocks = dx.blocks(rows).zip(inverse.par_chunks(rows * norm.heads)).enumerate();
    let parts: Vec<Vec<f32>> = blocks
        .map(|(block, (dx, inverse))| {
            let for_gamma = vec![0.0; if want_gamma { norm.gamma.len() } else { 0 }];
            let first = block * rows;
            arch.dispatch(Backward { norm, x, first, inverse, dy, also, dx, for_gamma })
        })
        .collect();
    want_gamma.then(|| {
        let mut total = vec![0.0; norm.gamma.len()];
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
        total
    })
}

/// A sum of slices.
struct Add<'a> {
    x: &'a [f32],
    residual: &'a [f32],
    total: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((total, x), residual) in self.total.iter_mut().zip(self.x).zip(self.residual) {
            *total = x + residual;
        }
    }
}

/// Some rows of [`inverse`]; `x` has them from `first` on.
struct Inverse<'a> {
    norm: Norm<'a>,
    x: Rows<'a>,
    first: usize,
    inverse: &'a mut [f32],
}

impl WithSimd for Inverse<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.norm.gamma.len();
        for (row, inverse) in self.inverse.chunks_exact_mut(self.norm.heads).enumerate() {
            for (head, inverse) in inverse.iter_mut().enumerate() {
                let x = self.x.part(self.first + row, head * width, width);
                *inverse = 1.0 / (dot(simd, x, x) / width as f32 + self.norm.epsilon).sqrt();
            }
        }
    }
}

/// Some rows of [`forward`]; `x` has them from `first` on.
struct Forward<'a> {
    norm: Norm<'a>,
    x: Rows<'a>,
    first: usize,
    y: RowsMut<'a>,
    inverse: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { norm: Norm { gamma, offset, epsilon, heads }, x, first, mut y, inverse } = self;
        let (width, offset) = (gamma.len(), simd.splat_f32s(offset));
        for (row, inverse) in inverse.chunks_exact_mut(heads).enumerate() {
            for (head, inverse) in inverse.iter_mut().enumerate() {
                let x = x.part(first + row, head * width, width);
                *inverse = 1.0 / (dot(simd, x, x) / width as f32 + epsilon).sqrt();
                let inverse = simd.splat_f32s(*inverse);
                map(simd, [x, gamma], y.part(row, head * width, width), |[x, gamma]| {
                    simd.mul_f32s(simd.mul_f32s(x, inverse), simd.add_f32s(gamma, offset))
                });
            }
        }
    }
}

/// Some rows of [`backward`]; `x`, `dy` and `also` have them from `first` on.
struct Backward<'a> {
    norm: Norm<'a>,
    x: Rows<'a>,
    first: usize,
    inverse: &'a [f32],
    dy: Rows<'a>,
    also: Option<Rows<'a>>,
    dx: RowsMut<'a>,
    /// Zeros, or empty if it isn't wanted.
    for_gamma: Vec<f32>,
}

impl WithSimd for Backward<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { norm: Norm { gamma, offset, heads, .. }, x, first, inverse, dy, also, .. } = self;
        let (mut dx, mut for_gamma) = (self.dx, self.for_gamma);
        let (width, offset) = (gamma.len(), simd.splat_f32s(offset));
        let places = (0..inverse.len()).map(|at| (at / heads, at % heads));
        for ((row, head), &inverse) in places.zip(inverse) {
            let column = head * width;
            let [x, dy] = [x, dy].map(|rows| rows.part(first + row, column, width));
            let along = sum(simd, [x, dy, gamma], |[x, dy, gamma], sum| {
                simd.mul_add_e_f32s(simd.mul_f32s(x, dy), simd.add_f32s(gamma, offset), sum)
            });
            let shrink = simd.splat_f32s(-along * inverse * inverse / width as f32);
            let factor = simd.splat_f32s(inverse);
            let through = |[x, dy, gamma]: [S::f32s; 3]| {
                let scaled = simd.mul_f32s(dy, simd.add_f32s(gamma, offset));
                simd.mul_f32s(factor, simd.mul_add_e_f32s(x, shrink, scaled))
            };
            let dx = dx.part(row, column, width);
            match also {
                None => map(simd, [x, dy, gamma], dx, through),
                Some(also) => {
                    let also = also.part(first + row, column, width);
                    map(simd, [x, dy, gamma, also], dx, |[x, dy, gamma, also]| {
                        simd.add_f32s(through([x, dy, gamma]), also)
                    });
                }
            }
            for ((sum, x), dy) in for_gamma.iter_mut().zip(x).zip(dy) {
                *sum += dy * (x * inverse);
            }
        }
        for_gamma
    }
}
