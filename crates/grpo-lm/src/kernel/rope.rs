//! Rotary position embedding: the halves of a head are the coordinates of points, each turned by the token's angle.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{RowsMut, rows_per_task};

/// The angles' cosines and sines, `[tokens, width / 2]`, and what they are applied to.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// Cosines.
    pub(crate) cos: &'a [f32],
    /// Sines.
    pub(crate) sin: &'a [f32],
    /// Heads of a token, side by side.
    pub(crate) heads: usize,
    /// Width of a head, an even number.
    pub(crate) width: usize,
    /// Turns the other way round: the gradient's way.
    pub(crate) inverse: bool,
    /// Factor on the result.
    pub(crate) scale: f32,
}

/// Turns the heads of every token where they are.
pub(crate) fn rotate(rotation: Rotation, values: RowsMut) {
    let arch = pulp::Arch::new();
    let rows = rows_per_task(rotation.heads * rotation.width);
    values.blocks(rows).enumerate().for_each(|(block, values)| {
        arch.dispatch(Rotate { rotation, first: block * rows, values });
    });
}

/// Some tokens, from `first` on.
struct Rotate<'a> {
    rotation: Rotation<'a>,
    first: usize,
    values: RowsMut<'a>,
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rotation: Rotation { cos, sin, heads, width, inverse, scale }, first, values } = self;
        let half = width / 2;
        let [turn, scale] = [if inverse { -scale } else { scale }, scale].map(|x| simd.splat_f32s(x));
        // cos and sin times the scale, a, b → the point's new coordinates.
        let point = |cos, sin, a, b| {
            let (cos, sin) = (simd.mul_f32s(cos, scale), simd.mul_f32s(sin, turn));
            let x = simd.negate_mul_add_e_f32s(b, sin, simd.mul_f32s(a, cos));
            (x, simd.mul_add_e_f32s(b, cos, simd.mul_f32s(a, sin)))
        };
        for (token, row) in (first..).zip(values.values.chunks_exact_mut(values.stride)) {
            let [cos, sin] = [cos, sin].map(|table| S::as_simd_f32s(&table[token * half..][..half]));
            for head in row[values.offset..][..heads * width].chunks_exact_mut(width) {
                let (a, b) = head.split_at_mut(half);
                let ((a, a_tail), (b, b_tail)) = (S::as_mut_simd_f32s(a), S::as_mut_simd_f32s(b));
                for (((a, b), &cos), &sin) in a.iter_mut().zip(b).zip(cos.0).zip(sin.0) {
                    (*a, *b) = point(cos, sin, *a, *b);
                }
                if !a_tail.is_empty() {
                    let load = |slice: &[f32]| simd.partial_load_f32s(slice);
                    let (a, b) = point(load(cos.1), load(sin.1), load(a_tail), load(b_tail));
                    simd.partial_store_f32s(a_tail, a);
                    simd.partial_store_f32s(b_tail, b);
                }
            }
        }
    }
}
