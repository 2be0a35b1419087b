//! Attention of one decoding step: a query per row, against the keys of a shared prompt and of the row itself.
//!
//! There is one query only to a key, so values are read as they lie: a vector holds columns of a head. So are keys, but
//! those of narrow heads, which would leave much of a vector empty: they are turned round, a key to a lane, a prompt's
//! only once for all of its rows.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::attention::Heads;
use super::{PARALLEL, Rows, exp, flat, spread, visit};

/// Keys whose rows are used at a time, for all query heads of a group: they stay in the fastest cache.
const KEYS: usize = 64;

/// Numbers in a cache line.
const LINE: usize = 16;

/// Whether a head would leave much of its last vector empty.
fn is_narrow<S: Simd>(width: usize) -> bool {
    width < 2 * S::F32_LANES && !width.is_multiple_of(S::F32_LANES)
}

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
    let work: usize = rows.iter().map(|row| (row.prompt.len() + row.own_len) * width * 2).sum();
    let families: Vec<&[DecodeRow]> = rows.chunk_by(|a, b| a.prompt == b.prompt).collect();
    let packed = spread(families.clone(), work > PARALLEL, |_, family| {
        let (prompt, stride) = (&family[0].prompt, heads.kv * heads.width);
        arch.dispatch(Pack { heads, keys: &prompts.keys[prompt.start * stride..prompt.end * stride] })
    });
    let of_row =
        families.iter().zip(&packed).flat_map(|(family, packed)| family.iter().map(move |row| (row, packed)));
    let tasks = of_row.zip(out.chunks_exact_mut(width)).collect();
    spread(tasks, work > PARALLEL, |at, ((row, packed), out): ((&DecodeRow, &Vec<f32>), &mut [f32])| {
        let DecodeRow { prompt, slot_start, own_len } = row;
        let unseen = heads.window.map_or(0, |window| (prompt.len() + own_len).saturating_sub(window));
        let skipped = unseen.min(prompt.len());
        let own_skipped = (unseen - skipped).min(*own_len);
        arch.dispatch(Step {
            heads,
            q: q.part(at, 0, width),
            prompt: Run::new(heads, prompts, prompt.start + skipped..prompt.end),
            own: Run::new(heads, own, slot_start + own_skipped..slot_start + own_len),
            packed,
            skipped,
            out,
        });
    });
}

/// Keys of narrow heads, a token to a lane: panel by panel, column by column. Nothing for other heads.
struct Pack<'a> {
    heads: &'a Heads,
    keys: &'a [f32],
}

impl WithSimd for Pack<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { heads: Heads { kv, width, .. }, keys } = self;
        if !is_narrow::<S>(*width) {
            return Vec::new();
        }
        let stride = kv * width;
        let mut packed = vec![0.0; (keys.len() / stride).next_multiple_of(S::F32_LANES) * stride];
        let panels = packed.chunks_exact_mut(S::F32_LANES * stride);
        for (panel, keys) in panels.zip(keys.chunks(S::F32_LANES * stride)) {
            turn::<S>(keys, stride, panel);
        }
        packed
    }
}

/// Puts keys into a panel, `[stride, lanes]`: at least one, and up to as many as there are lanes. What other lanes get
/// isn't to be used.
#[inline(always)]
fn turn<S: Simd>(keys: &[f32], stride: usize, panel: &mut [f32]) {
    let lanes = S::F32_LANES;
    if lanes < 4 {
        for (lane, key) in keys.chunks_exact(stride).enumerate() {
            for (to, &x) in panel.chunks_exact_mut(lanes).zip(key) {
                to[lane] = x;
            }
        }
        return;
    }
    // Squares of four, without a loop in them. Where there is no key, the first one of the four stands in.
    for (keys, lane) in keys.chunks(4 * stride).zip((0..lanes).step_by(4)) {
        let a = &keys[..stride];
        let b = keys.get(stride..2 * stride).unwrap_or(a);
        let c = keys.get(2 * stride..3 * stride).unwrap_or(a);
        let d = keys.get(3 * stride..4 * stride).unwrap_or(a);
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
        let ((c, c_rest), (d, d_rest)) = (c.as_chunks::<4>(), d.as_chunks::<4>());
        let mut squares = panel.chunks_exact_mut(4 * lanes);
        for ((((to, a), b), c), d) in squares.by_ref().zip(a).zip(b).zip(c).zip(d) {
            for i in 0..4 {
                to[i * lanes + lane..][..4].copy_from_slice(&[a[i], b[i], c[i], d[i]]);
            }
        }
        let rest = squares.into_remainder().chunks_exact_mut(lanes);
        for ((((to, &a), &b), &c), &d) in rest.zip(a_rest).zip(b_rest).zip(c_rest).zip(d_rest) {
            to[lane..][..4].copy_from_slice(&[a, b, c, d]);
        }
    }
}

/// Consecutive tokens that a row sees.
#[derive(Clone, Copy)]
struct Run<'a> {
    /// What lies there, and all behind it: a vector may be read past the end of a head.
    cache: Cache<'a>,
    count: usize,
}

impl<'a> Run<'a> {
    fn new(heads: &Heads, Cache { keys, values }: Cache<'a>, tokens: Range<usize>) -> Self {
        let start = tokens.start * heads.kv * heads.width;
        Self { cache: Cache { keys: &keys[start..], values: &values[start..] }, count: tokens.len() }
    }
}

/// One row.
struct Step<'a> {
    heads: &'a Heads,
    q: &'a [f32],
    prompt: Run<'a>,
    own: Run<'a>,
    /// The whole prompt's keys, if heads are narrow.
    packed: &'a [f32],
    /// Tokens of the prompt before its run.
    skipped: usize,
    out: &'a mut [f32],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { heads, q, prompt, own, packed, skipped, out } = self;
        if prompt.count + own.count == 0 {
            out.fill(0.0);
            return;
        }
        let (width, group, stride) = (heads.width, heads.group(), heads.kv * heads.width);
        let (narrow, lanes) = (is_narrow::<S>(width), S::F32_LANES);
        // Where the weights of either run begin, and the number of weights, with those that only fill panels up.
        let ([first, first_own], keys) = if narrow {
            let in_panels = (skipped % lanes + prompt.count).next_multiple_of(lanes);
            ([skipped % lanes, in_panels], in_panels + own.count.next_multiple_of(lanes))
        } else {
            ([0, prompt.count], prompt.count + own.count)
        };
        let query = Query { q, width, group, scale: heads.scale, keys };
        let padded = width.next_multiple_of(lanes);
        let parts = [heads.query * keys, group * padded, group];
        let in_panel = if narrow { lanes * stride } else { 0 };
        let mut scratch = vec![0.0; LINE + parts.iter().sum::<usize>() + in_panel];
        // Stores that straddle cache lines are slow.
        let aligned = scratch.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        let (weights, rest) = scratch[aligned..].split_at_mut(parts[0]);
        let (means, rest) = rest.split_at_mut(parts[1]);
        let (panel, rest) = rest.split_at_mut(in_panel);
        let factors = &mut rest[..group];
        if narrow {
            let panels = packed[skipped / lanes * lanes * stride..].chunks_exact(lanes * stride);
            for (at, panel) in (0..first_own).step_by(lanes).zip(panels) {
                let seen = first.max(at) - at..lanes.min(first + prompt.count - at);
                query.score_panel(simd, panel, seen, &mut weights[at..]);
            }
            let blocks = own.cache.keys[..own.count * stride].chunks(lanes * stride);
            for (at, block) in (first_own..).step_by(lanes).zip(blocks) {
                turn::<S>(block, stride, panel);
                query.score_panel(simd, panel, 0..block.len() / stride, &mut weights[at..]);
            }
        } else {
            for (run, first) in [(prompt, first), (own, first_own)] {
                let blocks = run.cache.keys[..run.count * stride].chunks(KEYS * stride);
                for (at, block) in (first..).step_by(KEYS).zip(blocks) {
                    query.score(simd, block, stride, &mut weights[at..]);
                }
            }
        }
        let of_groups = weights.chunks_exact_mut(group * keys).zip(out.chunks_exact_mut(group * width));
        for (kv, (weights, out)) in of_groups.enumerate() {
            for (weights, factor) in weights.chunks_exact_mut(keys).zip(&mut *factors) {
                *factor = exponentials(simd, weights);
            }
            means.fill(0.0);
            for (run, first) in [(prompt, first), (own, first_own)] {
                for at in (0..run.count).step_by(KEYS) {
                    let block = &run.cache.values[at * stride + kv * width..];
                    let values = Values { block, count: KEYS.min(run.count - at), stride, width, padded };
                    let mut rest = (&weights[first + at..], &mut *means);
                    // A value that is loaded once serves several heads.
                    while rest.1.len() >= 4 * padded {
                        rest = values.add::<S, 4, 1, 2>(simd, rest, keys);
                    }
                    while rest.1.len() >= 2 * padded {
                        rest = values.add::<S, 2, 2, 2>(simd, rest, keys);
                    }
                    if !rest.1.is_empty() {
                        values.add::<S, 1, 4, 4>(simd, rest, keys);
                    }
                }
            }
            let means = means.chunks_exact(padded).zip(&*factors);
            for (out, (means, &factor)) in out.chunks_exact_mut(width).zip(means) {
                for (out, mean) in out.iter_mut().zip(means) {
                    *out = factor * mean;
                }
            }
        }
    }
}

/// The queries of a row.
#[derive(Clone, Copy)]
struct Query<'a> {
    q: &'a [f32],
    width: usize,
    group: usize,
    scale: f32,
    /// Weights of a query.
    keys: usize,
}

impl Query<'_> {
    /// The scores of a block's keys, which stand `stride` apart.
    #[inline(always)]
    fn score<S: Simd>(self, simd: S, block: &[f32], stride: usize, out: &mut [f32]) {
        let (width, count) = (self.width, block.len() / stride);
        for (head, q) in self.q.chunks_exact(width).enumerate() {
            let block = &block[head / self.group * width..];
            let (fours, rest) = out[head * self.keys..][..count].as_chunks_mut::<4>();
            // Four keys at a time: one sum would wait for itself.
            let (head, tail) = block.split_at((fours.len() * 4 * stride).min(block.len()));
            for (out, keys) in fours.iter_mut().zip(head.chunks(4 * stride)) {
                let (a, b) = (&keys[..width], &keys[stride..][..width]);
                let (c, d) = (&keys[2 * stride..][..width], &keys[3 * stride..][..width]);
                let mut sums = [simd.splat_f32s(0.0); 4];
                visit(
                    simd,
                    [q, a, b, c, d],
                    #[inline(always)]
                    |[q, keys @ ..]| {
                        for (sum, key) in sums.iter_mut().zip(keys) {
                            *sum = simd.mul_add_e_f32s(q, key, *sum);
                        }
                    },
                );
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = self.scale * simd.reduce_sum_f32s(sum);
                }
            }
            for (out, key) in rest.iter_mut().zip(tail.chunks(stride)) {
                *out = self.scale * super::dot(simd, q, &key[..width]);
            }
        }
    }

    /// The scores of a panel's keys: of no weight, where a lane isn't seen.
    #[inline(always)]
    fn score_panel<S: Simd>(self, simd: S, panel: &[f32], seen: Range<usize>, out: &mut [f32]) {
        let mut bias = simd.splat_f32s(0.0);
        if seen.len() < S::F32_LANES {
            let mut lanes = [[simd.splat_f32s(f32::NEG_INFINITY)]];
            for lane in &mut flat::<S, 1>(&mut lanes)[seen] {
                *lane = 0.0;
            }
            [[bias]] = lanes;
        }
        let (panel, _) = S::as_simd_f32s(panel);
        let groups = self.q.chunks_exact(self.group * self.width).zip(panel.chunks_exact(self.width));
        for ((q, keys), out) in groups.zip(out.chunks_mut(self.group * self.keys)) {
            let mut rest = (q, out);
            while rest.0.len() >= 4 * self.width {
                rest = self.score_heads::<S, 4>(simd, keys, bias, rest);
            }
            while rest.0.len() >= 2 * self.width {
                rest = self.score_heads::<S, 2>(simd, keys, bias, rest);
            }
            if !rest.0.is_empty() {
                self.score_heads::<S, 1>(simd, keys, bias, rest);
            }
        }
    }

    /// The same for the first `H` heads of a group. Returns the others.
    #[inline(always)]
    fn score_heads<'a, S: Simd, const H: usize>(
        self,
        simd: S,
        keys: &[S::f32s],
        bias: S::f32s,
        (q, out): (&'a [f32], &'a mut [f32]),
    ) -> (&'a [f32], &'a mut [f32]) {
        let (of_heads, others) = q.split_at(H * self.width);
        let mut rows = [of_heads; H];
        for (h, row) in rows.iter_mut().enumerate() {
            *row = &of_heads[h * self.width..][..keys.len()];
        }
        let mut sums = [simd.splat_f32s(0.0); H];
        for (c, &keys) in keys.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = simd.mul_add_e_f32s(simd.splat_f32s(row[c]), keys, *sum);
            }
        }
        let scale = simd.splat_f32s(self.scale);
        for (h, sum) in sums.into_iter().enumerate() {
            let out = &mut out[h * self.keys..][..S::F32_LANES];
            S::as_mut_simd_f32s(out).0[0] = simd.mul_add_e_f32s(sum, scale, bias);
        }
        (others, out.get_mut(H * self.keys..).unwrap_or_default())
    }
}

/// Scores to weights. Returns the factor that brings their sum to 1.
#[inline(always)]
fn exponentials<S: Simd>(simd: S, scores: &mut [f32]) -> f32 {
    let (body, tail) = S::as_mut_simd_f32s(scores);
    let (fours, rest) = body.as_chunks::<4>();
    // Four at a time: one would wait for itself.
    let mut most = [simd.splat_f32s(f32::NEG_INFINITY); 4];
    for scores in fours {
        for (most, &x) in most.iter_mut().zip(scores) {
            *most = simd.max_f32s(*most, x);
        }
    }
    let [a, b, c, d] = most;
    let mut most = simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d));
    for &x in rest {
        most = simd.max_f32s(most, x);
    }
    let mut maximum = simd.reduce_max_f32s(most);
    for &x in &*tail {
        maximum = maximum.max(x);
    }
    let (maximum, mut total) = (simd.splat_f32s(maximum), simd.splat_f32s(0.0));
    for x in body {
        *x = exp(simd, simd.sub_f32s(*x, maximum));
        total = simd.add_f32s(total, *x);
    }
    let mut total = simd.reduce_sum_f32s(total);
    if !tail.is_empty() {
        let weights = exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), maximum));
        simd.partial_store_f32s(tail, weights);
        for &mut x in tail {
            total += x;
        }
    }
    1.0 / total
}

/// Some values of a key-value head.
#[derive(Clone, Copy)]
struct Values<'a> {
    /// From the head's columns of the first token on.
    block: &'a [f32],
    count: usize,
    stride: usize,
    width: usize,
    /// The width of what takes the means: whole vectors.
    padded: usize,
}

/// Weights, a row to a head, and the heads' sums so far.
type Heading<'a> = (&'a [f32], &'a mut [f32]);

impl Values<'_> {
    /// Adds the weighted values to the sums of the first `H` heads. Returns the others. Sums over every `K`-th key, for
    /// two vectors of columns or one of them, are apart: a lone one would wait for itself.
    #[inline(always)]
    fn add<'a, S: Simd, const H: usize, const K2: usize, const K1: usize>(
        self,
        simd: S,
        (weights, means): Heading<'a>,
        keys: usize,
    ) -> Heading<'a> {
        let (means, others) = means.split_at_mut(H * self.padded);
        let mut of_head = [weights; H];
        for (h, row) in of_head.iter_mut().enumerate() {
            *row = &weights[h * keys..][..self.count];
        }
        let mut column = 0;
        while self.width - column >= 2 * S::F32_LANES {
            let sums = self.columns::<S, H, 2, K2>(simd, of_head, column);
            self.put(simd, sums, means, column);
            column += 2 * S::F32_LANES;
        }
        while column < self.width {
            let sums = self.columns::<S, H, 1, K1>(simd, of_head, column);
            self.put(simd, sums, means, column);
            column += S::F32_LANES;
        }
        (weights.get(H * keys..).unwrap_or_default(), others)
    }

    /// The weighted sums of `N` vectors of columns, the last of which may reach past the head.
    #[inline(always)]
    fn columns<S: Simd, const H: usize, const N: usize, const K: usize>(
        self,
        simd: S,
        weights: [&[f32]; H],
        column: usize,
    ) -> [[S::f32s; N]; H] {
        let mut sums = [[[simd.splat_f32s(0.0); N]; H]; K];
        let values = &self.block[column..];
        // The last of all values may end with its vector cut short.
        let whole =
            if self.stride < N * S::F32_LANES { 0 } else { self.count.min(values.len() / self.stride) };
        let each = whole / K;
        let mut runs = [values; K];
        let mut of_run = [weights; K];
        for (k, (run, weights)) in runs.iter_mut().zip(&mut of_run).enumerate() {
            *run = &values[k * each * self.stride..][..each * self.stride];
            for weights in weights {
                *weights = &weights[k * each..][..each];
            }
        }
        for key in 0..each {
            for ((run, weights), sums) in runs.iter_mut().zip(&of_run).zip(&mut sums) {
                let (row, others) = run.split_at(self.stride);
                *run = others;
                let Some(values) = S::as_simd_f32s(row).0.first_chunk::<N>() else { break };
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    let weight = simd.splat_f32s(weights[key]);
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum = simd.mul_add_e_f32s(weight, value, *sum);
                    }
                }
            }
        }
        let mut total = sums[0];
        for sums in &sums[1..] {
            for (total, sums) in total.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                *total = simd.add_f32s(*total, *sums);
            }
        }
        for key in K * each..self.count {
            let values = &values[key * self.stride..];
            let values = match S::as_simd_f32s(values).0.first_chunk::<N>() {
                Some(&whole) => whole,
                // The end of the cache.
                None => [simd.partial_load_f32s(values); N],
            };
            for (sums, weights) in total.iter_mut().zip(weights) {
                let weight = simd.splat_f32s(weights[key]);
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = simd.mul_add_e_f32s(weight, value, *sum);
                }
            }
        }
        total
    }

    /// Adds such sums to those so far.
    #[inline(always)]
    fn put<S: Simd, const H: usize, const N: usize>(
        self,
        simd: S,
        sums: [[S::f32s; N]; H],
        means: &mut [f32],
        column: usize,
    ) {
        for (means, sums) in means.chunks_exact_mut(self.padded).zip(sums) {
            for (mean, sum) in S::as_mut_simd_f32s(&mut means[column..]).0.iter_mut().zip(sums) {
                *mean = simd.add_f32s(*mean, sum);
            }
        }
    }
}
