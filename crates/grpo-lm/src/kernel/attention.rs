//! Causal grouped-query attention over one list of tokens without padding, in which sequences may share a prefix.
//!
//! A task handles a segment and a key-value head. It packs the keys and values once, and takes the queries a block at a
//! time, one query to a lane of a vector: scores stand as `[keys, queries]`. That suits every head width, and neither
//! the softmax nor its gradient crosses lanes. Sums over keys run over blocks of them, with the maximum so far (online
//! softmax). The backward pass recomputes the probabilities from `lse`, the logarithm of the sum of exponentials.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Rows, RowsMut, dot, exp, flat};

/// Keys that are scored at a time: their scores stay in the fastest cache. A multiple of every `M` below.
const KEYS: usize = 64;

/// The score of a key that a query doesn't see. Finite, so that the difference of two of them is a number.
const MASKED: f32 = -1e30;

/// A run of consecutive tokens that attend causally to themselves and to all of a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its first token's place in the list.
    pub(crate) first: usize,
    /// Number of its tokens.
    pub(crate) len: usize,
    /// The tokens of the same list that it continues: a prompt. Empty for a prompt itself.
    pub(crate) prefix: Range<usize>,
}

impl Segment {
    /// The tokens whose keys it sees, in the order of their positions.
    fn keys(&self) -> impl Iterator<Item = usize> {
        self.prefix.clone().chain(self.first..self.first + self.len)
    }
}

/// The heads of attention.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// Query heads, a multiple of `kv`.
    pub(crate) query: usize,
    /// Key-value heads.
    pub(crate) kv: usize,
    /// Width of a head.
    pub(crate) width: usize,
    /// Factor on the scores.
    pub(crate) scale: f32,
    /// A token at position p sees keys at positions > p − `window` only. At least 1.
    pub(crate) window: Option<usize>,
}

impl Heads {
    /// Query heads to a key-value head.
    pub(crate) fn group(&self) -> usize {
        self.query / self.kv.max(1)
    }

    /// Columns of a fused matrix of queries, keys and values.
    pub(crate) fn fused_width(&self) -> usize {
        (self.query + 2 * self.kv) * self.width
    }

    /// Where queries, keys and values begin in a row of the fused matrix.
    fn offsets(&self) -> [usize; 3] {
        [0, self.query * self.width, (self.query + self.kv) * self.width]
    }
}

/// Queries `[tokens, query · width]`, keys and values `[tokens, kv · width]`.
#[derive(Clone, Copy)]
pub(crate) struct Qkv<'a> {
    /// Queries.
    pub(crate) q: Rows<'a>,
    /// Keys.
    pub(crate) k: Rows<'a>,
    /// Values.
    pub(crate) v: Rows<'a>,
}

impl<'a> Qkv<'a> {
    /// From one matrix, `[tokens, (query + 2 · kv) · width]`.
    pub(crate) fn fused(values: &'a [f32], heads: &Heads) -> Self {
        let [q, k, v] = heads.offsets().map(|offset| Rows { values, stride: heads.fused_width(), offset });
        Self { q, k, v }
    }

    /// From three matrices.
    pub(crate) fn separate(q: &'a [f32], k: &'a [f32], v: &'a [f32], heads: &Heads) -> Self {
        let kv = heads.kv * heads.width;
        Self { q: Rows::whole(q, heads.query * heads.width), k: Rows::whole(k, kv), v: Rows::whole(v, kv) }
    }
}

/// Where gradients go. What a matrix held before is lost, in the columns that are written.
pub(crate) enum Gradients<'a> {
    /// Into one matrix, `[tokens, (query + 2 · kv) · width]`.
    Fused(&'a mut [f32]),
    /// Into three.
    Separate {
        /// For queries.
        q: RowsMut<'a>,
        /// For keys.
        k: RowsMut<'a>,
        /// For values.
        v: RowsMut<'a>,
    },
}

/// Attends: puts the means of values into `out`, `[tokens, query · width]`, and the logarithms of the sums of
/// exponentiated scores into `lse`, `[tokens, query]`. Segments don't overlap; tokens outside of them are left alone.
pub(crate) fn forward(heads: &Heads, qkv: Qkv, segments: &[Segment], out: &mut [f32], lse: &mut [f32]) {
    let (arch, width, group) = (pulp::Arch::new(), heads.width, heads.group());
    let tasks = (0..segments.len() * heads.kv).into_par_iter();
    let results: Vec<(Vec<f32>, Vec<f32>)> = tasks
        .map(|task| {
            let (segment, kv) = (&segments[task / heads.kv], task % heads.kv);
            arch.dispatch(Forward { heads, qkv, segment, kv })
        })
        .collect();
    let outs = by_segment(out, heads.query * width, segments).into_par_iter();
    let lses = by_segment(lse, heads.query, segments).into_par_iter();
    outs.zip(lses).zip(results.par_chunks(heads.kv.max(1))).zip(segments).for_each(
        |(((out, lse), results), segment)| {
            let len = segment.len;
            for (kv, (means, logs)) in results.iter().enumerate() {
                for (h, j) in (0..group).flat_map(|h| (0..len).map(move |j| (h, j))) {
                    let place = j * heads.query + kv * group + h;
                    out[place * width..][..width].copy_from_slice(&means[(h * len + j) * width..][..width]);
                    lse[place] = logs[h * len + j];
                }
            }
        },
    );
}

/// What [`forward`] computed, and the gradient for its `out`.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'a> {
    /// The means of values.
    pub(crate) out: &'a [f32],
    /// The logarithms of the sums of exponentiated scores.
    pub(crate) lse: &'a [f32],
    /// The gradient for `out`.
    pub(crate) d_out: &'a [f32],
}

/// The gradients for queries, keys and values.
pub(crate) fn backward(
    heads: &Heads,
    qkv: Qkv,
    segments: &[Segment],
    upstream: Upstream,
    gradients: Gradients,
) {
    let (arch, width, group) = (pulp::Arch::new(), heads.width, heads.group());
    let tasks = (0..segments.len() * heads.kv).into_par_iter();
    let results: Vec<Parts> = tasks
        .map(|task| {
            let (segment, kv) = (&segments[task / heads.kv], task % heads.kv);
            arch.dispatch(Backward { heads, qkv, segment, kv, upstream })
        })
        .collect();
    let places = places(gradients, heads, segments);
    places.into_par_iter().zip(segments).enumerate().for_each(|(at, (mut place, segment))| {
        for kv in 0..heads.kv {
            let Parts { q, k, v } = &results[at * heads.kv + kv];
            for (h, j) in (0..group).flat_map(|h| (0..segment.len).map(move |j| (h, j))) {
                let column = (kv * group + h) * width;
                place.row(0, j, column, width).copy_from_slice(&q[(h * segment.len + j) * width..][..width]);
            }
            for (part, own) in [(1, k), (2, v)] {
                let own = own[segment.prefix.len() * width..].chunks_exact(width);
                for (j, own) in own.take(segment.len).enumerate() {
                    place.row(part, j, kv * width, width).copy_from_slice(own);
                }
            }
        }
        // The gradients from the segments that continue this one, in their order.
        for (other, continued) in segments.iter().enumerate() {
            let prefix = &continued.prefix;
            let shared = prefix.start.max(segment.first)..prefix.end.min(segment.first + segment.len);
            for (token, kv) in shared.flat_map(|token| (0..heads.kv).map(move |kv| (token, kv))) {
                let Parts { k, v, .. } = &results[other * heads.kv + kv];
                for (part, theirs) in [(1, k), (2, v)] {
                    let theirs = &theirs[(token - prefix.start) * width..][..width];
                    let row = place.row(part, token - segment.first, kv * width, width);
                    row.iter_mut().zip(theirs).for_each(|(sum, x)| *sum += x);
                }
            }
        }
    });
}

/// Every segment's rows of a matrix, in the order of the segments.
fn by_segment<'a>(values: &'a mut [f32], width: usize, segments: &[Segment]) -> Vec<&'a mut [f32]> {
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|&at| (segments[at].first, segments[at].len));
    let mut parts: Vec<&mut [f32]> = segments.iter().map(|_| Default::default()).collect();
    let (mut rest, mut token) = (values, 0);
    for at in order {
        let Segment { first, len, .. } = segments[at];
        let (_, from) = rest.split_at_mut((first - token) * width);
        (parts[at], rest) = from.split_at_mut(len * width);
        token = first + len;
    }
    parts
}

/// A segment's rows of the gradients: three matrices, or one and two empty ones.
struct Place<'a> {
    buffers: [&'a mut [f32]; 3],
    /// For queries, keys and values: which matrix, its columns, and the first of theirs.
    views: [(usize, usize, usize); 3],
}

impl Place<'_> {
    fn row(&mut self, part: usize, row: usize, column: usize, width: usize) -> &mut [f32] {
        let (buffer, stride, offset) = self.views[part];
        &mut self.buffers[buffer][row * stride + offset + column..][..width]
    }
}

/// The gradients' rows, segment by segment.
fn places<'a>(gradients: Gradients<'a>, heads: &Heads, segments: &[Segment]) -> Vec<Place<'a>> {
    match gradients {
        Gradients::Fused(values) => {
            let views = heads.offsets().map(|offset| (0, heads.fused_width(), offset));
            let rows = by_segment(values, heads.fused_width(), segments).into_iter();
            rows.map(|rows| Place { buffers: [rows, &mut [], &mut []], views }).collect()
        }
        Gradients::Separate { q, k, v } => {
            let views = [(0, q.stride, q.offset), (1, k.stride, k.offset), (2, v.stride, v.offset)];
            let [q, k, v] = [q, k, v].map(|rows| by_segment(rows.values, rows.stride, segments).into_iter());
            q.zip(k).zip(v).map(|((q, k), v)| Place { buffers: [q, k, v], views }).collect()
        }
    }
}

/// Packs rows in panels of `M`: element (row j, column c) stands at `[j / M · width + c][j % M]`. Zeros fill the last
/// panel.
fn pack_rows<'a, const M: usize>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Vec<[f32; M]> {
    let mut panels = Vec::new();
    for (j, row) in rows.enumerate() {
        if j % M == 0 {
            panels.resize(panels.len() + width, [0.0; M]);
        }
        let panel = panels.len() - width;
        for (to, &x) in panels[panel..].iter_mut().zip(row) {
            to[j % M] = x;
        }
    }
    panels
}

/// Packs columns in panels of `M`: element (row j, column c) stands at `[c / M · padded + j][c % M]`. Zeros fill the last
/// panel, and the rows up to `padded`.
fn pack_columns<'a, const M: usize>(
    rows: impl Iterator<Item = &'a [f32]>,
    width: usize,
    padded: usize,
) -> Vec<[f32; M]> {
    let mut panels = vec![[0.0; M]; width.div_ceil(M) * padded];
    for (j, row) in rows.enumerate() {
        for (panel, columns) in row.chunks(M).enumerate() {
            panels[panel * padded + j][..columns.len()].copy_from_slice(columns);
        }
    }
    panels
}

/// Adds to `sums[m]` the sum over k of `a[k][m] · b[k]`. `M · N` independent sums keep the multipliers busy.
#[inline(always)]
fn multiply<S: Simd, const M: usize, const N: usize>(
    simd: S,
    a: &[[f32; M]],
    b: &[[S::f32s; N]],
    mut sums: [[S::f32s; N]; M],
) -> [[S::f32s; N]; M] {
    for (a, b) in a.iter().zip(b) {
        for (sums, &a) in sums.iter_mut().zip(a) {
            let a = simd.splat_f32s(a);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    sums
}

/// The same for an `a` that stands the other way round, `a[m][k]`, with as many k as `b` has.
#[inline(always)]
fn multiply_rows<S: Simd, const M: usize, const N: usize>(
    simd: S,
    a: [&[f32]; M],
    b: &[[S::f32s; N]],
    mut sums: [[S::f32s; N]; M],
) -> [[S::f32s; N]; M] {
    let a = a.map(|row| &row[..b.len()]);
    for (k, b) in b.iter().enumerate() {
        for (sums, a) in sums.iter_mut().zip(a) {
            let a = simd.splat_f32s(a[k]);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    sums
}

/// `panels · b` for some panels of packed rows, as many as fit into `out`.
#[inline(always)]
fn scores<S: Simd, const M: usize>(
    simd: S,
    panels: &[[f32; M]],
    b: &[[S::f32s; 2]],
    out: &mut [[S::f32s; 2]],
) {
    let zero = [[simd.splat_f32s(0.0); 2]; M];
    for (panel, out) in panels.chunks_exact(b.len()).zip(out.as_chunks_mut::<M>().0) {
        *out = multiply(simd, panel, b, zero);
    }
}

/// A block of queries, one to a lane of two vectors, against the keys of its segment.
#[derive(Clone, Copy)]
struct Block {
    /// Position of the first query.
    position: usize,
    /// Queries; the lanes past them are idle.
    rows: usize,
    window: Option<usize>,
}

impl Block {
    /// The keys that some of its queries see, from a multiple of `M` on.
    fn keys<const M: usize>(self) -> Range<usize> {
        let first = self.window.map_or(0, |window| (self.position + 1).saturating_sub(window));
        first / M * M..self.position + self.rows
    }

    /// Masks the scores of the keys from `first` on, where a query doesn't see a key.
    #[inline(always)]
    fn mask<S: Simd>(self, simd: S, first: usize, scores: &mut [[S::f32s; 2]], lanes: &[S::f32s; 2]) {
        let last = self.position + 2 * S::F32_LANES - 1;
        let future = first + scores.len() > self.position + 1;
        let window = self.window.filter(|window| first + window <= last);
        if !future && window.is_none() {
            return;
        }
        let masked = simd.splat_f32s(MASKED);
        for (scores, key) in scores.iter_mut().zip(first..) {
            // The first lane that sees the key, and the first one after those.
            let from = key as f32 - self.position as f32;
            let until = window.map_or(f32::INFINITY, |window| from + window as f32);
            let [from, until] = [from, until].map(|x| simd.splat_f32s(x));
            for (score, &lane) in scores.iter_mut().zip(lanes) {
                let seen = simd.select_f32s(simd.less_than_f32s(lane, until), *score, masked);
                *score = simd.select_f32s(simd.less_than_f32s(lane, from), masked, seen);
            }
        }
    }
}

/// `exp(x − most)`, for x up to `most`.
#[inline(always)]
fn exp_below<S: Simd>(simd: S, mut x: [S::f32s; 2], most: &[S::f32s; 2]) -> [S::f32s; 2] {
    for (x, &most) in x.iter_mut().zip(most) {
        *x = exp(simd, simd.sub_f32s(*x, most));
    }
    x
}

/// The lanes' numbers.
#[inline(always)]
fn lanes<S: Simd>(simd: S) -> [S::f32s; 2] {
    let mut lanes = [[simd.splat_f32s(0.0); 2]];
    flat::<S, 2>(&mut lanes).iter_mut().enumerate().for_each(|(at, lane)| *lane = at as f32);
    lanes[0]
}

/// Puts rows into the lanes of vectors, column by column, times a factor. Idle lanes get zeros.
#[inline(always)]
fn transpose<'a, S: Simd>(
    simd: S,
    rows: impl Iterator<Item = &'a [f32]>,
    factor: f32,
    out: &mut [[S::f32s; 2]],
) {
    out.fill([simd.splat_f32s(0.0); 2]);
    let out = flat::<S, 2>(out);
    for (lane, row) in rows.enumerate() {
        for (to, &x) in out.chunks_exact_mut(2 * S::F32_LANES).zip(row) {
            to[lane] = x * factor;
        }
    }
}

/// One segment and one key-value head of [`forward`]: means and logarithms, `[group, len, width]` and `[group, len]`.
struct Forward<'a> {
    heads: &'a Heads,
    qkv: Qkv<'a>,
    segment: &'a Segment,
    kv: usize,
}

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // Sums that fit into the registers.
        if S::REGISTER_COUNT >= 32 { self.run::<S, 8>(simd) } else { self.run::<S, 4>(simd) }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize>(self, simd: S) -> (Vec<f32>, Vec<f32>) {
        let Self { heads, qkv, segment, kv } = self;
        let (width, group, len) = (heads.width, heads.group(), segment.len);
        let block_rows = 2 * S::F32_LANES;
        let keys = segment.prefix.len() + len;
        let padded = keys.next_multiple_of(M);
        let k = pack_rows::<M>(segment.keys().map(|token| qkv.k.part(token, kv * width, width)), width);
        let v = segment.keys().map(|token| qkv.v.part(token, kv * width, width));
        let v = pack_columns::<M>(v, width, padded);
        let (mut out, mut lse) = (vec![0.0; group * len * width], vec![0.0; group * len]);

        let (zero, lanes) = ([simd.splat_f32s(0.0); 2], lanes(simd));
        let mut q = vec![zero; width];
        let mut means = vec![zero; width.next_multiple_of(M)];
        let mut weights = [zero; KEYS];
        for (h, start) in (0..group).flat_map(|h| (0..len).step_by(block_rows).map(move |at| (h, at))) {
            let rows = block_rows.min(len - start);
            let block = Block { position: segment.prefix.len() + start, rows, window: heads.window };
            let column = (kv * group + h) * width;
            let queries = (0..rows).map(|row| qkv.q.part(segment.first + start + row, column, width));
            transpose(simd, queries, heads.scale, &mut q);
            means.fill(zero);
            let (mut maximum, mut sum) = ([simd.splat_f32s(MASKED); 2], zero);
            let range = block.keys::<M>();
            for first in range.clone().step_by(KEYS) {
                let count = KEYS.min((range.end - first).next_multiple_of(M));
                let weights = &mut weights[..count];
                scores(simd, &k[first / M * width..], &q, weights);
                block.mask(simd, first, weights, &lanes);
                let before = maximum;
                for score in &*weights {
                    for (most, &score) in maximum.iter_mut().zip(score) {
                        *most = simd.max_f32s(*most, score);
                    }
                }
                let keep = exp_below(simd, before, &maximum);
                for (sum, &keep) in sum.iter_mut().zip(&keep) {
                    *sum = simd.mul_f32s(*sum, keep);
                }
                for weight in &mut *weights {
                    *weight = exp_below(simd, *weight, &maximum);
                    for (sum, &weight) in sum.iter_mut().zip(&*weight) {
                        *sum = simd.add_f32s(*sum, weight);
                    }
                }
                for (means, v) in means.as_chunks_mut::<M>().0.iter_mut().zip(v.chunks_exact(padded)) {
                    for (mean, &keep) in means.iter_mut().flat_map(|means| means.iter_mut().zip(&keep)) {
                        *mean = simd.mul_f32s(*mean, keep);
                    }
                    *means = multiply(simd, &v[first..], weights, *means);
                }
            }
            let (means, mut ends) = (flat::<S, 2>(&mut means), [maximum, sum]);
            let (maximum, sum) = flat::<S, 2>(&mut ends).split_at(block_rows);
            let rows = out[(h * len + start) * width..].chunks_exact_mut(width).take(rows);
            for (lane, out) in rows.enumerate() {
                let inverse = 1.0 / sum[lane];
                for (out, means) in out.iter_mut().zip(means.chunks_exact(block_rows)) {
                    *out = means[lane] * inverse;
                }
                lse[h * len + start + lane] = maximum[lane] + sum[lane].ln();
            }
        }
        (out, lse)
    }
}

/// Rows, cut into columns of vectors: first all pairs of vectors, then a last single one.
struct Panels<S: Simd> {
    /// Row r of pair p stands at `p · rows + r`.
    pairs: Vec<[S::f32s; 2]>,
    last: Vec<[S::f32s; 1]>,
    rows: usize,
}

impl<S: Simd> Panels<S> {
    #[inline(always)]
    fn zeros(simd: S, rows: usize, width: usize) -> Self {
        let (vectors, zero) = (width.div_ceil(S::F32_LANES), simd.splat_f32s(0.0));
        let last = vec![[zero]; rows * (vectors % 2)];
        Self { pairs: vec![[zero; 2]; rows * (vectors / 2)], last, rows }
    }

    /// A row's numbers, piece by piece: those in pairs, then those in single vectors.
    #[inline(always)]
    fn row(&mut self, row: usize) -> impl Iterator<Item = &mut [f32]> {
        let (pair, single) = (2 * S::F32_LANES, S::F32_LANES);
        let pairs = flat::<S, 2>(&mut self.pairs).chunks_exact_mut(pair).skip(row).step_by(self.rows);
        pairs.chain(flat::<S, 1>(&mut self.last).chunks_exact_mut(single).skip(row).step_by(self.rows))
    }

    /// Puts rows in, times a factor, and zeros after them.
    #[inline(always)]
    fn fill<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]>, factor: f32) {
        let mut count = 0;
        for values in rows {
            let mut values = values.iter();
            for piece in self.row(count) {
                piece.iter_mut().zip(&mut values).for_each(|(to, &x)| *to = x * factor);
            }
            count += 1;
        }
        for row in count..self.rows {
            self.row(row).for_each(|piece| piece.fill(0.0));
        }
    }

    /// Takes the first rows out.
    fn into_rows(mut self, rows: usize, width: usize) -> Vec<f32> {
        let mut out = vec![0.0; rows * width];
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let mut out = out.iter_mut();
            for piece in self.row(row) {
                piece.iter().zip(&mut out).for_each(|(&x, to)| *to = x);
            }
        }
        out
    }

    /// Adds `weights · rows` to the rows from `first` on; weights stand as `[keys, queries]`.
    #[inline(always)]
    fn add_product<const M: usize>(&mut self, simd: S, first: usize, weights: &[f32], rows: &Self) {
        let queries = rows.rows;
        for (weights, first) in weights.chunks_exact(M * queries).zip((first..).step_by(M)) {
            let weights: [&[f32]; M] = from_fn(|m| &weights[m * queries..][..queries]);
            for (sums, rows) in self.pairs.chunks_exact_mut(self.rows).zip(rows.pairs.chunks_exact(queries)) {
                if let Some(sums) = sums[first..].first_chunk_mut::<M>() {
                    *sums = multiply_rows(simd, weights, rows, *sums);
                }
            }
            if let Some(sums) = self.last.get_mut(first..).and_then(|sums| sums.first_chunk_mut::<M>()) {
                *sums = multiply_rows(simd, weights, &rows.last, *sums);
            }
        }
    }
}

/// Gradients from one segment and one key-value head: for queries `[group, len, width]`, for keys and values
/// `[prefix and len, width]`.
struct Parts {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

/// One segment and one key-value head of [`backward`].
struct Backward<'a> {
    heads: &'a Heads,
    qkv: Qkv<'a>,
    segment: &'a Segment,
    kv: usize,
    upstream: Upstream<'a>,
}

impl WithSimd for Backward<'_> {
    type Output = Parts;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Parts {
        if S::REGISTER_COUNT >= 32 { self.run::<S, 8>(simd) } else { self.run::<S, 4>(simd) }
    }
}

impl<'a> Backward<'a> {
    #[inline(always)]
    fn run<S: Simd, const M: usize>(self, simd: S) -> Parts {
        let Self { heads, qkv, segment, kv, upstream } = self;
        let (width, group, len) = (heads.width, heads.group(), segment.len);
        let block_rows = 2 * S::F32_LANES;
        let keys = segment.prefix.len() + len;
        let padded = keys.next_multiple_of(M);
        let rows_of = |rows: Rows<'a>| segment.keys().map(move |token| rows.part(token, kv * width, width));
        let k = pack_rows::<M>(rows_of(qkv.k), width);
        let v = pack_rows::<M>(rows_of(qkv.v), width);
        let k_columns = pack_columns::<M>(rows_of(qkv.k), width, padded);
        let mut for_q = vec![0.0; group * len * width];
        let mut for_k = Panels::<S>::zeros(simd, padded, width);
        let mut for_v = Panels::<S>::zeros(simd, padded, width);

        let (zero, lanes) = ([simd.splat_f32s(0.0); 2], lanes(simd));
        let (mut q, mut d_out) = (vec![zero; width], vec![zero; width]);
        let mut q_rows = Panels::<S>::zeros(simd, block_rows, width);
        let mut d_out_rows = Panels::<S>::zeros(simd, block_rows, width);
        let mut sums = vec![zero; width.next_multiple_of(M)];
        let (mut weights, mut for_scores) = ([zero; KEYS], [zero; KEYS]);
        let out_width = heads.query * width;
        let [out, gradient] = [upstream.out, upstream.d_out].map(|values| Rows::whole(values, out_width));
        for (h, start) in (0..group).flat_map(|h| (0..len).step_by(block_rows).map(move |at| (h, at))) {
            let rows = block_rows.min(len - start);
            let block = Block { position: segment.prefix.len() + start, rows, window: heads.window };
            let (head, token) = (kv * group + h, segment.first + start);
            let rows_of =
                |from: Rows<'a>| (0..rows).map(move |row| from.part(token + row, head * width, width));
            transpose(simd, rows_of(qkv.q), heads.scale, &mut q);
            transpose(simd, rows_of(gradient), 1.0, &mut d_out);
            q_rows.fill(rows_of(qkv.q), heads.scale);
            d_out_rows.fill(rows_of(gradient), 1.0);
            // An idle lane gives no key any weight.
            let mut ends = [[simd.splat_f32s(-MASKED); 2], zero];
            let (lse, drift) = flat::<S, 2>(&mut ends).split_at_mut(block_rows);
            for (row, (out, gradient)) in rows_of(out).zip(rows_of(gradient)).enumerate() {
                lse[row] = upstream.lse[(token + row) * heads.query + head];
                drift[row] = dot(simd, out, gradient);
            }
            let [lse, drift] = ends;
            sums.fill(zero);
            let range = block.keys::<M>();
            for first in range.clone().step_by(KEYS) {
                let count = KEYS.min((range.end - first).next_multiple_of(M));
                let (weights, for_scores) = (&mut weights[..count], &mut for_scores[..count]);
                scores(simd, &k[first / M * width..], &q, weights);
                scores(simd, &v[first / M * width..], &d_out, for_scores);
                block.mask(simd, first, weights, &lanes);
                for (weight, gradient) in weights.iter_mut().zip(&mut *for_scores) {
                    *weight = exp_below(simd, *weight, &lse);
                    for ((gradient, &weight), &drift) in gradient.iter_mut().zip(&*weight).zip(&drift) {
                        *gradient = simd.mul_f32s(weight, simd.sub_f32s(*gradient, drift));
                    }
                }
                for (sums, k) in sums.as_chunks_mut::<M>().0.iter_mut().zip(k_columns.chunks_exact(padded)) {
                    *sums = multiply(simd, &k[first..], for_scores, *sums);
                }
                for_v.add_product::<M>(simd, first, flat::<S, 2>(weights), &d_out_rows);
                for_k.add_product::<M>(simd, first, flat::<S, 2>(for_scores), &q_rows);
            }
            let sums = flat::<S, 2>(&mut sums);
            let rows = for_q[(h * len + start) * width..].chunks_exact_mut(width).take(rows);
            for (lane, out) in rows.enumerate() {
                for (out, sums) in out.iter_mut().zip(sums.chunks_exact(block_rows)) {
                    *out = sums[lane] * heads.scale;
                }
            }
        }
        Parts { q: for_q, k: for_k.into_rows(keys, width), v: for_v.into_rows(keys, width) }
    }
}
