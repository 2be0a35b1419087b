//! The arithmetic of a decoder layer over plain slices on the CPU, with the widest vectors that it has.
//!
//! Everything is row-major. A kernel spreads large work over the rayon pool of its caller; what it computes doesn't
//! depend on the number of threads, bit for bit: every number is written by one task, in a fixed order.

pub(crate) mod attention;
pub(crate) mod decode;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod swiglu;
#[cfg(test)]
mod tests;

use pulp::Simd;
use pulp::bytemuck::cast_slice_mut;
use rayon::prelude::*;

/// Below this, `exp` leaves the normal numbers and is taken as zero.
const UNDERFLOW: f32 = -87.0;

/// Numbers that a task of an element-wise kernel writes: less isn't worth handing to another thread.
const CHUNK: usize = 1 << 14;

/// Multiply-adds of attention that are worth another thread.
const PARALLEL: usize = 200_000;

/// A matrix.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    values: &'a [f32],
    /// Numbers in a row.
    width: usize,
}

impl<'a> Rows<'a> {
    /// A matrix with so many columns.
    pub(crate) fn new(values: &'a [f32], width: usize) -> Self {
        Self { values, width }
    }

    /// `width` numbers of a row, from a column on.
    #[inline(always)]
    fn part(self, row: usize, column: usize, width: usize) -> &'a [f32] {
        &self.values[row * self.width + column..][..width]
    }
}

/// Calls `each` with every task and its number, on several threads if `parallel`.
fn spread<T: Send, R: Send>(
    tasks: Vec<T>,
    parallel: bool,
    each: impl Fn(usize, T) -> R + Send + Sync,
) -> Vec<R> {
    // A lone task stays here: from outside of the pool, even that would wake a thread and wait for it.
    if parallel && tasks.len() > 1 {
        tasks.into_par_iter().enumerate().map(|(at, task)| each(at, task)).collect()
    } else {
        tasks.into_iter().enumerate().map(|(at, task)| each(at, task)).collect()
    }
}

/// Blocks of so many rows of a matrix with `width` columns.
fn blocks(values: &mut [f32], rows: usize, width: usize) -> Vec<&mut [f32]> {
    values.chunks_mut((rows * width).max(1)).collect()
}

/// Rows that a task takes, of those with `width` numbers to write. It depends on nothing else, so that sums over the
/// rows of a task don't either.
fn rows_per_task(width: usize) -> usize {
    CHUNK.div_ceil(width.max(1))
}

/// `exp(y)` for y ≤ 0 or NaN, within 1.1e-7 of the truth (relative): 2^k · exp(r), with a polynomial for |r| ≤ ln 2 / 2
/// (Cephes' `expf`).
#[inline(always)]
fn exp<S: Simd>(simd: S, y: S::f32s) -> S::f32s {
    // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the lowest bits.
    let round = simd.splat_f32s(12_582_912.0);
    let rounded = simd.mul_add_e_f32s(y, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let k = simd.sub_f32s(rounded, round);
    // ln 2 in two parts, the first of them exact in few bits.
    let r = simd.mul_add_e_f32s(k, simd.splat_f32s(-0.693_359_4), y);
    let r = simd.mul_add_e_f32s(k, simd.splat_f32s(2.121_944_4e-4), r);
    let mut p = simd.splat_f32s(1.987_569_1e-4);
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(c));
    }
    let p = simd.add_f32s(simd.mul_add_e_f32s(p, simd.mul_f32s(r, r), r), simd.splat_f32s(1.0));
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23)));
    simd.select_f32s(
        simd.less_than_f32s(y, simd.splat_f32s(UNDERFLOW)),
        simd.splat_f32s(0.0),
        simd.mul_f32s(p, power),
    )
}

/// The sum of products.
#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    sum(
        simd,
        [a, b],
        #[inline(always)]
        |[a, b], sum| simd.mul_add_e_f32s(a, b, sum),
    )
}

/// A sum over slices of one length, whose terms `add` adds. Past the end are zeros.
#[inline(always)]
fn sum<S: Simd, const N: usize>(
    simd: S,
    slices: [&[f32]; N],
    add: impl Fn([S::f32s; N], S::f32s) -> S::f32s,
) -> f32 {
    let length = slices.first().map_or(0, |slice| slice.len());
    let (bodies, tails) = parts::<S, N>(slices, length);
    let whole = length / S::F32_LANES;
    // Four at a time: one would wait for itself.
    let mut parts = [simd.splat_f32s(0.0); 4];
    let mut at = 0;
    while at + 4 <= whole {
        for (lane, part) in parts.iter_mut().enumerate() {
            *part = add(vectors(simd, &bodies, at + lane), *part);
        }
        at += 4;
    }
    let [mut a, b, c, d] = parts;
    for at in at..whole {
        a = add(vectors(simd, &bodies, at), a);
    }
    if whole * S::F32_LANES < length {
        a = add(last_vectors(simd, &tails), a);
    }
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

/// Slices as vectors, and what is left of each.
type Parts<'a, V, const N: usize> = ([&'a [V]; N], [&'a [f32]; N]);

/// Slices of one length in parts.
#[inline(always)]
fn parts<S: Simd, const N: usize>(slices: [&[f32]; N], length: usize) -> Parts<'_, S::f32s, N> {
    // Loops, not `map`, and closures marked `inline(always)`: others may stay calls, without the instruction set.
    let (mut bodies, mut tails): Parts<S::f32s, N> = ([&[]; N], [&[]; N]);
    for at in 0..N {
        (bodies[at], tails[at]) = S::as_simd_f32s(&slices[at][..length]);
    }
    (bodies, tails)
}

/// One vector of each.
#[inline(always)]
fn vectors<S: Simd, const N: usize>(simd: S, bodies: &[&[S::f32s]; N], at: usize) -> [S::f32s; N] {
    let mut values = [simd.splat_f32s(0.0); N];
    for (value, body) in values.iter_mut().zip(bodies) {
        *value = body[at];
    }
    values
}

/// What is left, filled up with zeros.
#[inline(always)]
fn last_vectors<S: Simd, const N: usize>(simd: S, tails: &[&[f32]; N]) -> [S::f32s; N] {
    let mut values = [simd.splat_f32s(0.0); N];
    for (value, tail) in values.iter_mut().zip(tails) {
        *value = simd.partial_load_f32s(tail);
    }
    values
}

/// Goes through slices of one length, vector by vector. The last one is filled up with zeros.
#[inline(always)]
fn visit<S: Simd, const N: usize>(simd: S, slices: [&[f32]; N], mut each: impl FnMut([S::f32s; N])) {
    let length = slices.first().map_or(0, |slice| slice.len());
    let (bodies, tails) = parts::<S, N>(slices, length);
    let whole = length / S::F32_LANES;
    for at in 0..whole {
        each(vectors(simd, &bodies, at));
    }
    if whole * S::F32_LANES < length {
        each(last_vectors(simd, &tails));
    }
}

/// Puts a function of slices into `out`, all of one length, vector by vector.
#[inline(always)]
fn map<S: Simd, const N: usize>(
    simd: S,
    slices: [&[f32]; N],
    out: &mut [f32],
    of: impl Fn([S::f32s; N]) -> S::f32s,
) {
    let (bodies, tails) = parts::<S, N>(slices, out.len());
    let (body, tail) = S::as_mut_simd_f32s(out);
    for (at, out) in body.iter_mut().enumerate() {
        *out = of(vectors(simd, &bodies, at));
    }
    if !tail.is_empty() {
        let values = of(last_vectors(simd, &tails));
        simd.partial_store_f32s(tail, values);
    }
}

/// The numbers of some vectors.
#[inline(always)]
fn flat<S: Simd, const N: usize>(vectors: &mut [[S::f32s; N]]) -> &mut [f32] {
    cast_slice_mut(vectors.as_flattened_mut())
}
