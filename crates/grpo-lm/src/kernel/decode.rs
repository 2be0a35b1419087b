//! Attention of one decoding step: a query per row, against the keys of a shared prompt and of the row itself.
//!
//! There is one query only to a key, so keys and values are read as they lie: a vector holds columns of a head.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::attention::Heads;
use super::{Rows, exp, sum, visit};

/// Keys whose rows are used at a time, for all query heads of a group: they stay in the fastest cache.
const KEYS: usize = 64;

/// Multiply-adds that are worth another thread.
const PARALLEL: usize = 200_000;

/// The keys that a row's query sees: those of its prompt, then its own. The query's position is the last one.
#[derive(Clone, Debug)]
pub(crate) struct DecodeRow {
    /// Its prompt's tokens, among the prompts' keys.
    pub(crate) prompt: Range<usize>,
    /// The first of its own tokens, among the rows' keys.
    pub(crate) slot_start: usize,
    /// Number of its own tokens, with the one that is decoded.
    pub(crate) own_len: usize,
}

/// Keys and values, each `[tokens, kv · width]`.
#[derive(Clone, Copy)]
pub(crate) struct Cache<'a> {
    /// Keys.
    pub(crate) keys: &'a [f32],
    /// Values.
    pub(crate) values: &'a [f32],
}

/// Attends: puts the means of values for the queries `q` `[rows, query · width]` into `out`, of the same shape;
/// zeros for a row that sees no key.
pub(crate) fn decode(
    heads: &Heads,
    q: Rows,
    rows: &[DecodeRow],
    prompts: Cache,
    own: Cache,
    out: &mut [f32],
) {
    let (arch, width) = (pulp::Arch::new(), heads.query * heads.width);
    let step = |(at, (row, out)): (usize, (&DecodeRow, &mut [f32]))| {
        arch.dispatch(Step { heads, q: q.part(at, 0, width), runs: runs(heads, row, prompts, own), out });
    };
    let work: usize = rows.iter().map(|row| (row.prompt.len() + row.own_len) * width * 2).sum();
    if work > PARALLEL {
        rows.par_iter().zip(out.par_chunks_exact_mut(width)).enumerate().for_each(step);
    } else {
        rows.iter().zip(out.chunks_exact_mut(width)).enumerate().for_each(step);
    }
}

/// The keys and values that a row sees, as two runs of tokens.
fn runs<'a>(heads: &Heads, row: &DecodeRow, prompts: Cache<'a>, own: Cache<'a>) -> [Cache<'a>; 2] {
    let DecodeRow { prompt, slot_start, own_len } = row;
    let unseen = heads.window.map_or(0, |window| (prompt.len() + own_len).saturating_sub(window));
    let from_prompt = prompt.start + unseen.min(prompt.len())..prompt.end;
    let from_own = slot_start + unseen.saturating_sub(prompt.len()).min(*own_len)..slot_start + own_len;
    let width = heads.kv * heads.width;
    [(prompts, from_prompt), (own, from_own)].map(|(cache, Range { start, end })| Cache {
        keys: &cache.keys[start * width..end * width],
        values: &cache.values[start * width..end * width],
    })
}

/// One row.
struct Step<'a> {
    heads: &'a Heads,
    q: &'a [f32],
    runs: [Cache<'a>; 2],
    out: &'a mut [f32],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { heads, q, runs, out } = self;
        let (width, group, stride) = (heads.width, heads.group(), heads.kv * heads.width);
        let keys: usize = runs.iter().map(|run| run.keys.len() / stride).sum();
        if keys == 0 {
            out.fill(0.0);
            return;
        }
        let mut weights = vec![0.0; group * keys];
        for (kv, out) in out.chunks_exact_mut(group * width).enumerate() {
            let q = &q[kv * group * width..][..group * width];
            let mut first = 0;
            for block in runs.iter().flat_map(|run| run.keys.chunks(KEYS * stride)) {
                for (q, weights) in q.chunks_exact(width).zip(weights.chunks_exact_mut(keys)) {
                    scores(simd, heads.scale, q, &block[kv * width..], stride, &mut weights[first..]);
                }
                first += block.len() / stride;
            }
            for weights in weights.chunks_exact_mut(keys) {
                softmax(simd, weights);
            }
            out.fill(0.0);
            let mut first = 0;
            for block in runs.iter().flat_map(|run| run.values.chunks(KEYS * stride)) {
                let count = block.len() / stride;
                let values = Values { block: &block[kv * width..], count, stride, width };
                let mut rest = (&weights[first..], &mut *out);
                // A value that is loaded once serves several heads.
                while rest.1.len() >= 4 * width {
                    rest = values.add::<S, 4>(simd, rest, keys);
                }
                while rest.1.len() >= 2 * width {
                    rest = values.add::<S, 2>(simd, rest, keys);
                }
                if !rest.1.is_empty() {
                    values.add::<S, 1>(simd, rest, keys);
                }
                first += count;
            }
        }
    }
}

/// The scores of a block's keys, which stand `stride` apart, for a query.
#[inline(always)]
fn scores<S: Simd>(simd: S, scale: f32, q: &[f32], block: &[f32], stride: usize, out: &mut [f32]) {
    let zero = simd.splat_f32s(0.0);
    let (fours, rest) = out[..block.len().div_ceil(stride)].as_chunks_mut::<4>();
    // Four keys at a time: one sum would wait for itself.
    let (head, tail) = block.split_at((fours.len() * 4 * stride).min(block.len()));
    for (out, keys) in fours.iter_mut().zip(head.chunks(4 * stride)) {
        let (a, b) = (&keys[..q.len()], &keys[stride..][..q.len()]);
        let (c, d) = (&keys[2 * stride..][..q.len()], &keys[3 * stride..][..q.len()]);
        let mut sums = [zero; 4];
        visit(simd, [q, a, b, c, d], |[q, keys @ ..], _| {
            for (sum, key) in sums.iter_mut().zip(keys) {
                *sum = simd.mul_add_e_f32s(q, key, *sum);
            }
        });
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = scale * simd.reduce_sum_f32s(sum);
        }
    }
    for (out, key) in rest.iter_mut().zip(tail.chunks(stride)) {
        *out = scale * super::dot(simd, q, &key[..q.len()]);
    }
}

/// Scores to weights of sum 1.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32]) {
    let (body, tail) = S::as_mut_simd_f32s(scores);
    // Two at a time: one would wait for itself.
    let mut most = [simd.splat_f32s(f32::NEG_INFINITY); 2];
    for (at, &x) in body.iter().enumerate() {
        most[at % 2] = simd.max_f32s(most[at % 2], x);
    }
    let most = simd.reduce_max_f32s(simd.max_f32s(most[0], most[1]));
    let maximum = simd.splat_f32s(tail.iter().fold(most, |most, &x| most.max(x)));
    for x in body {
        *x = exp(simd, simd.sub_f32s(*x, maximum));
    }
    if !tail.is_empty() {
        let exponentials = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), maximum));
        simd.partial_store_f32s(tail, exponentials);
    }
    let total = sum(simd, [scores], |[x], sum| simd.add_f32s(sum, x));
    let inverse = 1.0 / total;
    scores.iter_mut().for_each(|x| *x *= inverse);
}

/// Some values of a key-value head.
#[derive(Clone, Copy)]
struct Values<'a> {
    block: &'a [f32],
    count: usize,
    stride: usize,
    width: usize,
}

/// Weights, a row to a head, and the heads' means so far.
type Heading<'a> = (&'a [f32], &'a mut [f32]);

impl Values<'_> {
    /// Adds the weighted values to the means of the first `H` heads. Returns the others.
    #[inline(always)]
    fn add<'a, S: Simd, const H: usize>(self, simd: S, rest: Heading<'a>, keys: usize) -> Heading<'a> {
        let (weights, means) = rest;
        let (means, others) = means.split_at_mut(H * self.width);
        let of_head: [&[f32]; H] = std::array::from_fn(|h| &weights[h * keys..][..self.count]);
        let mut column = 0;
        while self.width - column >= 2 * S::F32_LANES {
            self.columns::<S, H, 2>(simd, of_head, means, column);
            column += 2 * S::F32_LANES;
        }
        while column < self.width {
            self.columns::<S, H, 1>(simd, of_head, means, column);
            column += S::F32_LANES;
        }
        (weights.get(H * keys..).unwrap_or_default(), others)
    }

    /// The same for `N` vectors of columns, the last of which may be cut short.
    #[inline(always)]
    fn columns<S: Simd, const H: usize, const N: usize>(
        self,
        simd: S,
        weights: [&[f32]; H],
        means: &mut [f32],
        column: usize,
    ) {
        let count = (self.width - column).min(N * S::F32_LANES);
        let load = |values: &[f32]| -> [S::f32s; N] {
            match S::as_simd_f32s(values).0.first_chunk::<N>() {
                Some(&whole) => whole,
                None => [simd.partial_load_f32s(values); N],
            }
        };
        let mut sums: [[S::f32s; N]; H] =
            std::array::from_fn(|h| load(&means[h * self.width + column..][..count]));
        for (key, values) in self.block.chunks(self.stride).enumerate().take(self.count) {
            let values = load(&values[column..][..count]);
            for (sums, weights) in sums.iter_mut().zip(&weights) {
                let weight = simd.splat_f32s(weights[key]);
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = simd.mul_add_e_f32s(weight, value, *sum);
                }
            }
        }
        for (h, sums) in sums.into_iter().enumerate() {
            let means = &mut means[h * self.width + column..][..count];
            for (means, sum) in means.chunks_mut(S::F32_LANES).zip(sums) {
                simd.partial_store_f32s(means, sum);
            }
        }
    }
}
