//! Root-mean-square norms of rows: `y = x / √(mean(x²) + ε) · (offset + γ)`.
//!
//! A row of a matrix may hold several rows to be normed on their own: the heads of a token's queries or keys.

use pulp::{Simd, WithSimd};

use super::{Rows, blocks, dot, map, rows_per_task, spread, sum};

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

    /// The inverse root mean square of some numbers.
    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, x: &[f32]) -> f32 {
        1.0 / (dot(simd, x, x) / x.len() as f32 + self.epsilon).sqrt()
    }
}

/// Puts the norms of `x` into `y`.
pub(crate) fn forward(norm: Norm, x: Rows, y: &mut [f32]) {
    let (arch, rows) = (pulp::Arch::new(), norm.rows());
    spread(blocks(y, rows, norm.width()), true, |block, y| {
        arch.dispatch(Forward { norm, x, first: block * rows, y });
    });
}

/// Puts the gradient for `x`, from the one for the norms, into `dx`. Returns the gradient for the weights, if wanted: a
/// sum over rows in an order that the threads don't change.
pub(crate) fn backward(norm: Norm, x: Rows, dy: Rows, dx: &mut [f32], want_gamma: bool) -> Option<Vec<f32>> {
    let (arch, rows) = (pulp::Arch::new(), norm.rows());
    let parts = spread(blocks(dx, rows, norm.width()), true, |block, dx| {
        let for_gamma = vec![0.0; if want_gamma { norm.gamma.len() } else { 0 }];
        arch.dispatch(Backward { norm, x, first: block * rows, dy, dx, for_gamma })
    });
    want_gamma.then(|| {
        let mut total = vec![0.0; norm.gamma.len()];
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
        total
    })
}

/// Some rows of [`forward`]; `x` has them from `first` on.
struct Forward<'a> {
    norm: Norm<'a>,
    x: Rows<'a>,
    first: usize,
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { norm, x, first, y } = self;
        let (width, gamma, offset) = (norm.gamma.len(), norm.gamma, simd.splat_f32s(norm.offset));
        for (row, y) in (first..).zip(y.chunks_exact_mut(norm.width())) {
            for (head, y) in y.chunks_exact_mut(width).enumerate() {
                let x = x.part(row, head * width, width);
                let inverse = simd.splat_f32s(norm.inverse(simd, x));
                map(
                    simd,
                    [x, gamma],
                    y,
                    #[inline(always)]
                    |[x, gamma]| simd.mul_f32s(simd.mul_f32s(x, inverse), simd.add_f32s(gamma, offset)),
                );
            }
        }
    }
}

/// Some rows of [`backward`]; `x` and `dy` have them from `first` on.
struct Backward<'a> {
    norm: Norm<'a>,
    x: Rows<'a>,
    first: usize,
    dy: Rows<'a>,
    dx: &'a mut [f32],
    /// Zeros, or empty if it isn't wanted.
    for_gamma: Vec<f32>,
}

impl WithSimd for Backward<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { norm, x, first, dy, dx, mut for_gamma } = self;
        let (width, gamma, offset) = (norm.gamma.len(), norm.gamma, simd.splat_f32s(norm.offset));
        for (row, dx) in (first..).zip(dx.chunks_exact_mut(norm.width())) {
            for (head, dx) in dx.chunks_exact_mut(width).enumerate() {
                let (x, dy) = (x.part(row, head * width, width), dy.part(row, head * width, width));
                let inverse = norm.inverse(simd, x);
                let along = sum(
                    simd,
                    [x, dy, gamma],
                    #[inline(always)]
                    |[x, dy, gamma], sum| {
                        simd.mul_add_e_f32s(simd.mul_f32s(x, dy), simd.add_f32s(gamma, offset), sum)
                    },
                );
                let shrink = simd.splat_f32s(-along * inverse * inverse / width as f32);
                let factor = simd.splat_f32s(inverse);
                map(
                    simd,
                    [x, dy, gamma],
                    dx,
                    #[inline(always)]
                    |[x, dy, gamma]| {
                        let scaled = simd.mul_f32s(dy, simd.add_f32s(gamma, offset));
                        simd.mul_f32s(factor, simd.mul_add_e_f32s(x, shrink, scaled))
                    },
                );
                for ((sum, x), dy) in for_gamma.iter_mut().zip(x).zip(dy) {
                    *sum += dy * (x * inverse);
                }
            }
        }
        for_gamma
    }
}
