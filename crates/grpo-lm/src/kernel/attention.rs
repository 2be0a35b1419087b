//! Causal grouped-query attention over one list of tokens without padding, in which sequences may share a prefix.
//!
//! A task handles a segment and a key-value head. It packs the keys and values once, and takes the queries a block at a
//! time, one query to a lane of a vector: scores stand as `[keys, queries]`. That suits every head width, and neither
//! the softmax nor its gradient crosses lanes. Sums over keys run over blocks of them, with the maximum so far (online
//! softmax). The backward pass recomputes the probabilities from `lse`, the logarithm of the sum of exponentials.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{PARALLEL, Rows, dot, exp, flat, spread};

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

    /// Whether attention of some segments is worth another thread.
    fn is_large(&self, segments: &[Segment]) -> bool {
        let pairs: usize =
            segments.iter().map(|segment| segment.len * (segment.prefix.len() + segment.len)).sum();
        pairs * self.query * self.width > PARALLEL
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
    /// From the three matrices.
    pub(crate) fn new(q: &'a [f32], k: &'a [f32], v: &'a [f32], heads: &Heads) -> Self {
        let kv = heads.kv * heads.width;
        Self { q: Rows::new(q, heads.query * heads.width), k: Rows::new(k, kv), v: Rows::new(v, kv) }
    }
}

/// Where gradients go: matrices of the same shapes. What they held before is lost, in the rows of the segments.
pub(crate) struct Gradients<'a> {
    /// For queries.
    pub(crate) q: &'a mut [f32],
    /// For keys.
    pub(crate) k: &'a mut [f32],
    /// For values.
    pub(crate) v: &'a mut [f32],
}

/// Attends: puts the means of values into `out`, `[tokens, query · width]`, and the logarithms of the sums of
/// exponentiated scores into `lse`, `[tokens, query]`. Segments don't overlap; tokens outside of them are left alone.
pub(crate) fn forward(heads: &Heads, qkv: Qkv, segments: &[Segment], out: &mut [f32], lse: &mut [f32]) {
    let (arch, width, group) = (pulp::Arch::new(), heads.width, heads.group());
    let large = heads.is_large(segments);
    let results = spread(tasks(heads, segments), large, |_, (segment, kv)| {
        arch.dispatch(Forward { heads, qkv, segment, kv })
    });
    let outs = by_segment(out, heads.query * width, segments).into_iter();
    let rows = outs.zip(by_segment(lse, heads.query, segments)).collect();
    spread(rows, large, |at, (out, lse)| {
        let len = segments[at].len;
        for (kv, (means, logs)) in results[at * heads.kv..][..heads.kv].iter().enumerate() {
            for (h, j) in (0..group).flat_map(|h| (0..len).map(move |j| (h, j))) {
                let place = j * heads.query + kv * group + h;
                out[place * width..][..width].copy_from_slice(&means[(h * len + j) * width..][..width]);
                lse[place] = logs[h * len + j];
            }
        }
    });
}

/// Every key-value head of every segment.
fn tasks<'a>(heads: &Heads, segments: &'a [Segment]) -> Vec<(&'a Segment, usize)> {
    segments.iter().flat_map(|segment| (0..heads.kv).map(move |kv| (segment, kv))).collect()
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
    let (large, columns) = (heads.is_large(segments), heads.kv * width);
    let results = spread(tasks(heads, segments), large, |_, (segment, kv)| {
        arch.dispatch(Backward { heads, qkv, segment, kv, upstream })
    });
    let Gradients { q, k, v } = gradients;
    let both = by_segment(k, columns, segments).into_iter().zip(by_segment(v, columns, segments));
    let rows = by_segment(q, heads.query * width, segments).into_iter().zip(both).collect();
    spread(rows, large, |at, (for_q, (for_k, for_v)): (&mut [f32], (&mut [f32], &mut [f32]))| {
        let Segment { first, len, ref prefix } = segments[at];
        for (kv, Parts { q, k, v }) in results[at * heads.kv..][..heads.kv].iter().enumerate() {
            for (h, j) in (0..group).flat_map(|h| (0..len).map(move |j| (h, j))) {
                let place = (j * heads.query + kv * group + h) * width;
                for_q[place..][..width].copy_from_slice(&q[(h * len + j) * width..][..width]);
            }
            for j in 0..len {
                let (place, own) = (j * columns + kv * width, (prefix.len() + j) * width);
                for_k[place..][..width].copy_from_slice(&k[own..][..width]);
                for_v[place..][..width].copy_from_slice(&v[own..][..width]);
            }
        }
        // The gradients from the segments that continue this one, in their order.
        for (other, Segment { prefix, .. }) in segments.iter().enumerate() {
            for token in prefix.start.max(first)..prefix.end.min(first + len) {
                for (kv, Parts { k, v, .. }) in results[other * heads.kv..][..heads.kv].iter().enumerate() {
                    let (place, theirs) =
                        ((token - first) * columns + kv * width, (token - prefix.start) * width);
                    add(&mut for_k[place..][..width], &k[theirs..][..width]);
                    add(&mut for_v[place..][..width], &v[theirs..][..width]);
                }
            }
        }
    });
}

fn add(sums: &mut [f32], terms: &[f32]) {
    sums.iter_mut().zip(terms).for_each(|(sum, x)| *sum += x);
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

/// A head of a matrix, or a key-value head.
#[derive(Clone, Copy)]
struct Head<'a> {
    rows: Rows<'a>,
    column: usize,
    width: usize,
}

impl<'a> Head<'a> {
    /// A token's.
    #[inline(always)]
    fn of(self, token: usize) -> &'a [f32] {
        self.rows.part(token, self.column, self.width)
    }
}

/// Packs keys in panels of `M`: number c of key j stands at `[j / M · width + c][j % M]`. Zeros fill the last panel.
#[inline(always)]
fn pack_rows<const M: usize>(head: Head, segment: &Segment, padded: usize) -> Vec<[f32; M]> {
    let mut panels = vec![[0.0; M]; padded / M * head.width];
    for (j, token) in segment.keys().enumerate() {
        for (to, &x) in panels[j / M * head.width..].iter_mut().zip(head.of(token)) {
            to[j % M] = x;
        }
    }
    panels
}

/// Packs columns in panels of `M`: number c of key j stands at `[c / M · padded + j][c % M]`. Zeros fill the last panel,
/// and the keys up to `padded`.
#[inline(always)]
fn pack_columns<const M: usize>(head: Head, segment: &Segment, padded: usize) -> Vec<[f32; M]> {
    let mut panels = vec![[0.0; M]; head.width.div_ceil(M) * padded];
    for (j, token) in segment.keys().enumerate() {
        let (whole, rest) = head.of(token).as_chunks::<M>();
        for (to, &columns) in panels[j..].iter_mut().step_by(padded).zip(whole) {
            *to = columns;
        }
        if !rest.is_empty() {
            panels[whole.len() * padded + j][..rest.len()].copy_from_slice(rest);
        }
    }
    panels
}

/// Adds to `sums[m]` the sum over k of `a[k][m] · b[k]`. `M · N` independent sums keep the multipliers busy.
#[inline(always)]
pub(super) fn multiply<S: Simd, const M: usize, const N: usize>(
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

/// The same for an `a` that stands the other way round, and for the numbers of two vectors: `a[m · 2 · lanes + k]`.
#[inline(always)]
fn multiply_rows<S: Simd, const M: usize, const N: usize>(
    simd: S,
    a: &[f32],
    b: &[[S::f32s; N]],
    mut sums: [[S::f32s; N]; M],
) -> [[S::f32s; N]; M] {
    // Constant lengths: nothing is left to check in the loop.
    let count = 2 * S::F32_LANES;
    let (a, b) = (&a[..M * count], &b[..count]);
    for (k, b) in b.iter().enumerate() {
        for (m, sums) in sums.iter_mut().enumerate() {
            let a = simd.splat_f32s(a[m * count + k]);
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

/// Puts the rows of some tokens into the lanes of vectors, column by column, times a factor. Idle lanes get zeros.
#[inline(always)]
fn transpose<S: Simd>(simd: S, head: Head, tokens: Range<usize>, factor: f32, out: &mut [[S::f32s; 2]]) {
    out.fill([simd.splat_f32s(0.0); 2]);
    let out = flat::<S, 2>(out);
    for (lane, token) in tokens.enumerate() {
        for (to, &x) in out.chunks_exact_mut(2 * S::F32_LANES).zip(head.of(token)) {
            to[lane] = x * factor;
        }
    }
}

/// The other way round: lanes to rows.
#[inline(always)]
fn transpose_back<S: Simd>(sums: &mut [[S::f32s; 2]], width: usize, out: &mut [f32]) {
    let sums = flat::<S, 2>(sums);
    for (lane, out) in out.chunks_exact_mut(width).enumerate() {
        for (out, sums) in out.iter_mut().zip(sums.chunks_exact(2 * S::F32_LANES)) {
            *out = sums[lane];
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
        let k = pack_rows::<M>(Head { rows: qkv.k, column: kv * width, width }, segment, padded);
        let v = pack_columns::<M>(Head { rows: qkv.v, column: kv * width, width }, segment, padded);
        let (mut out, mut lse) = (vec![0.0; group * len * width], vec![0.0; group * len]);

        let (zero, lanes) = ([simd.splat_f32s(0.0); 2], lanes(simd));
        let mut q = vec![zero; width];
        let mut means = vec![zero; width.next_multiple_of(M)];
        let mut weights = [zero; KEYS];
        for (h, start) in (0..group).flat_map(|h| (0..len).step_by(block_rows).map(move |at| (h, at))) {
            let rows = block_rows.min(len - start);
            let block = Block { position: segment.prefix.len() + start, rows, window: heads.window };
            let (head, token) = (kv * group + h, segment.first + start);
            let queries = Head { rows: qkv.q, column: head * width, width };
            transpose(simd, queries, token..token + rows, heads.scale, &mut q);
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
            for (mean, sum) in means.iter_mut().flat_map(|means| means.iter_mut().zip(&sum)) {
                *mean = simd.div_f32s(*mean, *sum);
            }
            transpose_back::<S>(&mut means, width, &mut out[(h * len + start) * width..][..rows * width]);
            let mut ends = [maximum, sum];
            let (maximum, sum) = flat::<S, 2>(&mut ends).split_at(block_rows);
            let lse = lse[h * len + start..].iter_mut().take(rows);
            for ((lse, maximum), sum) in lse.zip(maximum).zip(sum) {
                *lse = maximum + sum.ln();
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

    /// Puts the rows of some tokens in, times a factor, and zeros after them.
    #[inline(always)]
    fn fill(&mut self, simd: S, head: Head, tokens: Range<usize>, factor: f32) {
        let (pair, zero, rows) = (2 * S::F32_LANES, simd.splat_f32s(0.0), self.rows);
        self.pairs.fill([zero; 2]);
        self.last.fill([zero]);
        let (pairs, last) = (flat::<S, 2>(&mut self.pairs), flat::<S, 1>(&mut self.last));
        for (row, token) in tokens.enumerate() {
            let (in_pairs, rest) = head.of(token).split_at(head.width.min(pairs.len() / rows));
            for (p, from) in in_pairs.chunks(pair).enumerate() {
                for (to, &x) in pairs[(p * rows + row) * pair..].iter_mut().zip(from) {
                    *to = x * factor;
                }
            }
            for (to, &x) in last.iter_mut().skip(row * S::F32_LANES).zip(rest) {
                *to = x * factor;
            }
        }
    }

    /// Takes the first rows out.
    #[inline(always)]
    fn into_rows(mut self, rows: usize, width: usize) -> Vec<f32> {
        let (pair, padded) = (2 * S::F32_LANES, self.rows);
        let (pairs, last) = (flat::<S, 2>(&mut self.pairs), flat::<S, 1>(&mut self.last));
        let mut out = vec![0.0; rows * width];
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let (in_pairs, rest) = out.split_at_mut(width.min(pairs.len() / padded));
            for (p, to) in in_pairs.chunks_mut(pair).enumerate() {
                to.copy_from_slice(&pairs[(p * padded + row) * pair..][..to.len()]);
            }
            for (to, &x) in rest.iter_mut().zip(last.iter().skip(row * S::F32_LANES)) {
                *to = x;
            }
        }
        out
    }

    /// Adds `weights · rows` to the rows from `first` on; weights stand as `[keys, queries]`.
    #[inline(always)]
    fn add_product<const M: usize>(&mut self, simd: S, first: usize, weights: &[f32], rows: &Self) {
        let queries = rows.rows;
        for (weights, first) in weights.chunks_exact(M * queries).zip((first..).step_by(M)) {
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

impl Backward<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize>(self, simd: S) -> Parts {
        let Self { heads, qkv, segment, kv, upstream } = self;
        let (width, group, len) = (heads.width, heads.group(), segment.len);
        let block_rows = 2 * S::F32_LANES;
        let keys = segment.prefix.len() + len;
        let padded = keys.next_multiple_of(M);
        let [k, v] = [qkv.k, qkv.v].map(|rows| Head { rows, column: kv * width, width });
        let k_columns = pack_columns::<M>(k, segment, padded);
        let k = pack_rows::<M>(k, segment, padded);
        let v = pack_rows::<M>(v, segment, padded);
        let mut for_q = vec![0.0; group * len * width];
        let mut for_k = Panels::<S>::zeros(simd, padded, width);
        let mut for_v = Panels::<S>::zeros(simd, padded, width);

        let (zero, scale, lanes) = ([simd.splat_f32s(0.0); 2], simd.splat_f32s(heads.scale), lanes(simd));
        let (mut q, mut d_out) = (vec![zero; width], vec![zero; width]);
        let mut q_rows = Panels::<S>::zeros(simd, block_rows, width);
        let mut d_out_rows = Panels::<S>::zeros(simd, block_rows, width);
        let mut sums = vec![zero; width.next_multiple_of(M)];
        let (mut weights, mut for_scores) = ([zero; KEYS], [zero; KEYS]);
        let out_width = heads.query * width;
        let [out, gradient] = [upstream.out, upstream.d_out].map(|values| Rows::new(values, out_width));
        for (h, start) in (0..group).flat_map(|h| (0..len).step_by(block_rows).map(move |at| (h, at))) {
            let rows = block_rows.min(len - start);
            let block = Block { position: segment.prefix.len() + start, rows, window: heads.window };
            let (head, token) = (kv * group + h, segment.first + start);
            let [queries, out, gradient] =
                [qkv.q, out, gradient].map(|rows| Head { rows, column: head * width, width });
            let tokens = token..token + rows;
            transpose(simd, queries, tokens.clone(), heads.scale, &mut q);
            transpose(simd, gradient, tokens.clone(), 1.0, &mut d_out);
            q_rows.fill(simd, queries, tokens.clone(), heads.scale);
            d_out_rows.fill(simd, gradient, tokens.clone(), 1.0);
            // An idle lane gives no key any weight.
            let mut ends = [[simd.splat_f32s(-MASKED); 2], zero];
            let (lse, drift) = flat::<S, 2>(&mut ends).split_at_mut(block_rows);
            for ((lse, drift), token) in lse.iter_mut().zip(drift).zip(tokens) {
                *lse = upstream.lse[token * heads.query + head];
                *drift = dot(simd, out.of(token), gradient.of(token));
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
            let for_q = &mut for_q[(h * len + start) * width..][..rows * width];
            for sum in sums.as_flattened_mut() {
                *sum = simd.mul_f32s(*sum, scale);
            }
            transpose_back::<S>(&mut sums, width, for_q);
        }
        Parts { q: for_q, k: for_k.into_rows(keys, width), v: for_v.into_rows(keys, width) }
    }
}
