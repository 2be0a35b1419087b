//! Rotary position embedding: the halves of a head are the coordinates of points, each turned by the token's angle.

use pulp::{Simd, WithSimd};

use super::{blocks, rows_per_task, spread};

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
}

/// Turns the heads of every token where they are.
pub(crate) fn rotate(rotation: Rotation, values: &mut [f32]) {
    let (arch, width) = (pulp::Arch::new(), rotation.heads * rotation.width);
    let rows = rows_per_task(width);
    spread(blocks(values, rows, width), true, |block, values| {
        arch.dispatch(Rotate { rotation, first: block * rows, values });
    });
}

/// Some tokens, from `first` on.
struct Rotate<'a> {
    rotation: Rotation<'a>,
    first: usize,
    values: &'a mut [f32],
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rotation: Rotation { cos, sin, heads, width, inverse }, first, values } = self;
        let half = width / 2;
        let sign = if inverse { -1.0 } else { 1.0 };
        let signs = simd.splat_f32s(sign);
        for (token, row) in (first..).zip(values.chunks_exact_mut(heads * width)) {
            let (cos, cos_tail) = S::as_simd_f32s(&cos[token * half..][..half]);
            let (sin, sin_tail) = S::as_simd_f32s(&sin[token * half..][..half]);
            let (cos_fours, cos_rest) = cos_tail.as_chunks::<4>();
            let (sin_fours, sin_rest) = sin_tail.as_chunks::<4>();
            for head in row.chunks_exact_mut(width) {
                let (a, b) = head.split_at_mut(half);
                let ((a, a_tail), (b, b_tail)) = (S::as_mut_simd_f32s(a), S::as_mut_simd_f32s(b));
                for (((a, b), &cos), &sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    let sin = simd.mul_f32s(sin, signs);
                    let x = simd.negate_mul_add_e_f32s(*b, sin, simd.mul_f32s(*a, cos));
                    *b = simd.mul_add_e_f32s(*b, cos, simd.mul_f32s(*a, sin));
                    *a = x;
                }
                // Halves of small heads have no whole vector: four at a time are quicker than a masked one.
                let (a_fours, a_rest) = a_tail.as_chunks_mut::<4>();
                let (b_fours, b_rest) = b_tail.as_chunks_mut::<4>();
                for (((a, b), cos), sin) in a_fours.iter_mut().zip(b_fours).zip(cos_fours).zip(sin_fours) {
                    turn(a, b, cos, sin, sign);
                }
                turn(a_rest, b_rest, cos_rest, sin_rest, sign);
            }
        }
    }
}

/// Turns some points.
#[inline(always)]
fn turn(a: &mut [f32], b: &mut [f32], cos: &[f32], sin: &[f32], sign: f32) {
    for (((a, b), &cos), &sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
        let sin = sign * sin;
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}
