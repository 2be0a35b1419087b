//! Every kernel against its definition in double precision, and against itself on another number of threads.

use super::attention::{self, Gradients, Heads, Qkv, Segment, Upstream};
use super::decode::{self, Cache, DecodeRow};
use super::swiglu::{self, Activation, Gated};
use super::{Rows, norm, rope};

/// Numbers in (−1, 1) that follow no pattern.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// Each number is within 1e-5 of the truth, relative to it or to the typical one.
fn assert_close(found: &[f32], truth: &[f64], what: &str) {
    assert_eq!(found.len(), truth.len(), "{what}");
    // Below a floor, differences of larger numbers are left.
    let typical = (truth.iter().map(|x| x * x).sum::<f64>() / truth.len().max(1) as f64).sqrt().max(0.2);
    for (at, (&x, &y)) in found.iter().zip(truth).enumerate() {
        let error = (f64::from(x) - y).abs();
        assert!(error <= 1e-5 * y.abs().max(typical), "{what}: {x} is not {y} at {at}");
    }
}

/// What `run` returns on one thread, which it must return on two and three as well.
fn on_any_threads<T: PartialEq + Send>(run: impl Fn() -> T + Sync) -> T {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(&run)
    };
    let one = on(1);
    assert!(one == on(2) && one == on(3), "it depends on the number of threads");
    one
}

struct Truth {
    out: Vec<f64>,
    lse: Vec<f64>,
    gradients: [Vec<f64>; 3],
}

/// Attention by its definition, and its gradients.
fn naive(heads: &Heads, qkv: [&[f64]; 3], segments: &[Segment], d_out: &[f64]) -> Truth {
    let [q, k, v] = qkv;
    let (width, scale) = (heads.width, f64::from(heads.scale));
    let (mut out, mut lse) = (vec![0.0; q.len()], vec![0.0; q.len() / width]);
    let mut gradients = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
    for segment in segments {
        let keys: Vec<usize> =
            segment.prefix.clone().chain(segment.first..segment.first + segment.len).collect();
        for (j, head) in (0..segment.len).flat_map(|j| (0..heads.query).map(move |head| (j, head))) {
            let position = segment.prefix.len() + j;
            let first = heads.window.map_or(0, |window| (position + 1).saturating_sub(window));
            let query = ((segment.first + j) * heads.query + head) * width;
            let place = |token: usize| (token * heads.kv + head / heads.group()) * width;
            let seen: Vec<usize> = keys[first..=position].iter().map(|&token| place(token)).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (q, d_out) = (&q[query..][..width], &d_out[query..][..width]);
            let scores: Vec<f64> = seen.iter().map(|&at| scale * dot(q, &k[at..][..width])).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log = most + scores.iter().map(|s| (s - most).exp()).sum::<f64>().ln();
            lse[query / width] = log;
            for (&at, s) in seen.iter().zip(&scores) {
                for c in 0..width {
                    out[query + c] += (s - log).exp() * v[at + c];
                }
            }
            let drift = dot(&out[query..][..width], d_out);
            for (&at, s) in seen.iter().zip(&scores) {
                let p = (s - log).exp();
                let for_score = p * (dot(d_out, &v[at..][..width]) - drift) * scale;
                for c in 0..width {
                    gradients[0][query + c] += for_score * k[at + c];
                    gradients[1][at + c] += for_score * q[c];
                    gradients[2][at + c] += p * d_out[c];
                }
            }
        }
    }
    Truth { out, lse, gradients }
}

/// Prompts and what continues them, of the given lengths, one behind the other.
fn families(lengths: &[(usize, &[usize])]) -> (Vec<Segment>, usize) {
    let (mut segments, mut first) = (Vec::new(), 0);
    for &(prompt, completions) in lengths {
        let prefix = first..first + prompt;
        segments.push(Segment { first, len: prompt, prefix: 0..0 });
        first += prompt;
        for &len in completions {
            segments.push(Segment { first, len, prefix: prefix.clone() });
            first += len;
        }
    }
    (segments, first)
}

fn assert_attention(heads: Heads, segments: &[Segment], tokens: usize) {
    let what = format!("{heads:?}, {tokens} tokens");
    let Heads { query, kv, width, .. } = heads;
    let [q, k, v] = [(1, query), (2, kv), (3, kv)].map(|(seed, heads)| {
        noise(tokens * heads * width, seed).into_iter().map(|x| 2.0 * x).collect::<Vec<f32>>()
    });
    let d_out = noise(q.len(), 4);
    let doubles = [&q, &k, &v].map(|part| double(part));
    let truth = naive(&heads, doubles.each_ref().map(Vec::as_slice), segments, &double(&d_out));

    let qkv = Qkv::new(&q, &k, &v, &heads);
    let (out, lse) = on_any_threads(|| {
        let (mut out, mut lse) = (vec![0.0; d_out.len()], vec![0.0; tokens * query]);
        attention::forward(&heads, qkv, segments, &mut out, &mut lse);
        (out, lse)
    });
    assert_close(&out, &truth.out, &what);
    assert_close(&lse, &truth.lse, &what);
    let upstream = Upstream { out: &out, lse: &lse, d_out: &d_out };
    let gradients = on_any_threads(|| {
        let [mut q, mut k, mut v] = [&q, &k, &v].map(|part| vec![f32::NAN; part.len()]);
        let into = Gradients { q: &mut q, k: &mut k, v: &mut v };
        attention::backward(&heads, qkv, segments, upstream, into);
        [q, k, v]
    });
    for ((found, truth), name) in gradients.iter().zip(&truth.gradients).zip(["q", "k", "v"]) {
        assert_close(found, truth, &format!("{what}, gradient for {name}"));
    }
}

#[test]
fn attention_is_as_by_its_definition() {
    let (segments, tokens) = families(&[(37, &[70, 1, 33, 5]), (1, &[2, 130]), (9, &[]), (0, &[17])]);
    for (query, kv, width) in [(8, 4, 8), (6, 2, 16), (3, 1, 64), (2, 2, 80), (2, 1, 20), (1, 1, 1)] {
        for window in [None, Some(1), Some(7), Some(40), Some(1000)] {
            let scale = (width as f32).powf(-0.5);
            assert_attention(Heads { query, kv, width, scale, window }, &segments, tokens);
        }
    }
}

#[test]
fn attention_takes_segments_in_any_order_and_long_ones() {
    let (mut segments, tokens) = families(&[(150, &[300, 64, 64]), (3, &[1, 1, 0, 1])]);
    segments.reverse();
    segments.swap(1, 3);
    for window in [None, Some(100)] {
        let heads = Heads { query: 4, kv: 2, width: 8, scale: 0.5, window };
        assert_attention(heads, &segments, tokens);
    }
    assert_attention(Heads { query: 2, kv: 1, width: 4, scale: 1.0, window: None }, &[], 0);
}

#[test]
fn large_scores_do_not_overflow() {
    let heads = Heads { query: 1, kv: 1, width: 8, scale: 300.0, window: None };
    let (q, k, v) = (noise(80 * 8, 1), noise(80 * 8, 2), noise(80 * 8, 3));
    let (segments, _) = families(&[(20, &[60])]);
    let (mut out, mut lse) = (vec![0.0; 80 * 8], vec![0.0; 80]);
    attention::forward(&heads, Qkv::new(&q, &k, &v, &heads), &segments, &mut out, &mut lse);
    let [q, k, v] = [&q, &k, &v].map(|part| double(part));
    let truth = naive(&heads, [&q, &k, &v], &segments, &vec![0.0; 80 * 8]);
    // The scores themselves are rounded, to some 1e-4 in this case.
    assert!(out.iter().zip(&truth.out).all(|(&x, y)| (f64::from(x) - y).abs() < 1e-3));
    assert_close(&lse, &truth.lse, "lse");
}

#[test]
fn decoding_is_attention_of_the_last_token() {
    for (query, kv, width) in [(8, 4, 8), (7, 1, 16), (14, 2, 64), (6, 2, 80), (3, 1, 20), (1, 1, 1)] {
        for window in [None, Some(1), Some(7), Some(60)] {
            let heads = Heads { query, kv, width, scale: (width as f32).powf(-0.5), window };
            let (capacity, columns) = (130, kv * width);
            let prompts = [noise(60 * columns, 1), noise(60 * columns, 2)];
            let own = [noise(6 * capacity * columns, 3), noise(6 * capacity * columns, 4)];
            let row =
                |prompt, slot: usize, own_len| DecodeRow { prompt, slot_start: slot * capacity, own_len };
            let rows = [
                row(0..37, 0, 1),
                row(0..37, 2, 65),
                row(0..0, 3, 3),
                row(37..60, 5, 130),
                row(37..60, 1, 0),
            ];
            let q = noise(rows.len() * query * width, 5);
            let q = Rows::new(&q, query * width);
            let out = on_any_threads(|| {
                let mut out = vec![f32::NAN; rows.len() * query * width];
                let [prompts, own] = [&prompts, &own].map(|[keys, values]| Cache { keys, values });
                decode::decode(&heads, q, &rows, prompts, own, &mut out);
                out
            });
            for (at, row) in rows.iter().enumerate() {
                let prompt = row.prompt.start * columns..row.prompt.end * columns;
                let slot = row.slot_start * columns..(row.slot_start + row.own_len) * columns;
                let [k, v] = [0, 1].map(|part: usize| {
                    double(&[&prompts[part][prompt.clone()], &own[part][slot.clone()]].concat())
                });
                let tokens = row.prompt.len() + row.own_len;
                let mut queries = vec![0.0; tokens * query * width];
                let last = queries.len() - query * width;
                queries[last..].copy_from_slice(&double(q.part(at, 0, query * width)));
                let segments = [Segment { first: 0, len: tokens, prefix: 0..0 }];
                let none = vec![0.0; queries.len()];
                let truth = naive(&heads, [&queries, &k, &v], &segments, &none);
                let found = &out[at * query * width..][..query * width];
                assert_close(found, &truth.out[last..], &format!("{heads:?}, row {at}"));
            }
        }
    }
}

#[test]
fn a_row_without_keys_gets_zeros() {
    let heads = Heads { query: 2, kv: 1, width: 8, scale: 1.0, window: None };
    let (q, mut out) = (noise(16, 1), vec![f32::NAN; 16]);
    let (rows, none) =
        ([DecodeRow { prompt: 0..0, slot_start: 0, own_len: 0 }], Cache { keys: &[], values: &[] });
    decode::decode(&heads, Rows::new(&q, 16), &rows, none, none, &mut out);
    assert_eq!(out, [0.0; 16]);
}

#[test]
fn norms_and_their_gradients_are_as_by_the_definition() {
    for (rows, heads, width) in [(1, 1, 1), (5, 1, 20), (700, 3, 8), (300, 2, 64), (40, 1, 896)] {
        for offset in [0.0, 1.0] {
            let inner = heads * width;
            let (x, dy, gamma) = (noise(rows * inner, 1), noise(rows * inner, 3), noise(width, 2));
            let norm = norm::Norm { gamma: &gamma, offset, epsilon: 1e-5, heads };
            let (found_y, found_dx, for_gamma) = on_any_threads(|| {
                let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                norm::forward(norm, Rows::new(&x, inner), &mut y);
                let for_gamma =
                    norm::backward(norm, Rows::new(&x, inner), Rows::new(&dy, inner), &mut dx, true);
                (y, dx, for_gamma)
            });
            let [x, dy] = [&x, &dy].map(|values| double(values));
            let gamma = double(&gamma);
            let (mut y, mut dx, mut dgamma) = (Vec::new(), Vec::new(), vec![0.0; width]);
            for (x, dy) in x.chunks(width).zip(dy.chunks(width)) {
                let mean = x.iter().map(|x| x * x).sum::<f64>() / width as f64;
                let inverse = (mean + f64::from(norm.epsilon)).sqrt().recip();
                let weight = |c: usize| gamma[c] + f64::from(offset);
                let along: f64 = (0..width).map(|c| x[c] * dy[c] * weight(c)).sum();
                for c in 0..width {
                    y.push(x[c] * inverse * weight(c));
                    let through = inverse * dy[c] * weight(c);
                    dx.push(through - x[c] * along * inverse.powi(3) / width as f64);
                    dgamma[c] += dy[c] * x[c] * inverse;
                }
            }
            assert_close(&found_y, &y, "y");
            assert_close(&found_dx, &dx, "dx");
            assert_close(&for_gamma.unwrap_or_default(), &dgamma, "dgamma");
        }
    }
}

#[test]
fn a_norm_without_a_gradient_for_its_weights_has_the_same_one_for_the_rest() {
    let (x, dy, gamma) = (noise(30 * 20, 1), noise(30 * 20, 2), noise(20, 3));
    let norm = norm::Norm { gamma: &gamma, offset: 0.0, epsilon: 1e-6, heads: 1 };
    let of = |want_gamma| {
        let mut dx = vec![0.0; x.len()];
        let found = norm::backward(norm, Rows::new(&x, 20), Rows::new(&dy, 20), &mut dx, want_gamma);
        assert_eq!(found.is_some(), want_gamma);
        dx
    };
    assert_eq!(of(true), of(false));
}

#[test]
fn gated_units_and_their_gradients_are_as_by_the_definition() {
    for (rows, inner) in [(1, 1), (7, 20), (300, 176), (3, 40_000)] {
        for activation in [Activation::Silu, Activation::GeluTanh] {
            let [gate, up, d_out] = [1, 2, 3].map(|seed| noise(rows * inner, seed));
            let gate: Vec<f32> = gate.iter().map(|x| 8.0 * x).collect();
            let gated = Gated::new(&gate, &up, inner);
            let (out, for_gate, for_up) = on_any_threads(|| {
                let [mut out, mut d_gate, mut d_up] = [(); 3].map(|()| vec![0.0; gate.len()]);
                swiglu::forward(activation, gated, &mut out);
                swiglu::backward(activation, gated, &d_out, &mut d_gate, &mut d_up);
                (out, d_gate, d_up)
            });
            let value = |x: f64| match activation {
                Activation::Silu => x / (1.0 + (-x).exp()),
                Activation::GeluTanh => {
                    let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                    0.5 * x * (1.0 + u.tanh())
                }
            };
            let slope = |x: f64| (value(x + 1e-5) - value(x - 1e-5)) / 2e-5;
            let triples: Vec<[f64; 3]> =
                gate.iter().zip(&up).zip(&d_out).map(|((&g, &u), &d)| [g, u, d].map(f64::from)).collect();
            let truth = |of: &dyn Fn([f64; 3]) -> f64| triples.iter().map(|&x| of(x)).collect::<Vec<_>>();
            assert_close(&out, &truth(&|[g, u, _]| value(g) * u), "out");
            assert_close(&for_gate, &truth(&|[g, u, d]| slope(g) * u * d), "gate");
            assert_close(&for_up, &truth(&|[g, _, d]| value(g) * d), "up");
        }
    }
}

#[test]
fn extreme_gates_stay_finite() {
    let gate = [-1e30, -100.0, 100.0, 1e30];
    for activation in [Activation::Silu, Activation::GeluTanh] {
        let mut out = [f32::NAN; 4];
        swiglu::forward(activation, Gated::new(&gate[1..3], &[1.0; 2], 2), &mut out[1..3]);
        assert_eq!(out[1..3], [0.0, 100.0]);
        swiglu::forward(Activation::Silu, Gated::new(&gate, &[1.0; 4], 4), &mut out);
        assert_eq!(out[3], 1e30);
        assert_eq!(out[0], 0.0);
    }
}

#[test]
fn rotations_turn_and_turn_back() {
    for (tokens, heads, width) in [(1, 1, 2), (700, 4, 8), (90, 3, 64), (50, 2, 80), (20, 3, 10)] {
        let values = noise(tokens * heads * width, 1);
        let angles: Vec<f32> = noise(tokens * width / 2, 2).iter().map(|x| 3.0 * x).collect();
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.iter().map(|x| (x.cos(), x.sin())).unzip();
        let rotation = rope::Rotation { cos: &cos, sin: &sin, heads, width, inverse: false };
        let turned = on_any_threads(|| {
            let mut turned = values.clone();
            rope::rotate(rotation, &mut turned);
            turned
        });
        let mut truth = double(&values);
        for (token, row) in truth.chunks_mut(heads * width).enumerate() {
            for head in row.chunks_mut(width) {
                let (a, b) = head.split_at_mut(width / 2);
                for (c, (a, b)) in a.iter_mut().zip(b).enumerate() {
                    let at = token * (width / 2) + c;
                    let (cos, sin) = (f64::from(cos[at]), f64::from(sin[at]));
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
        assert_close(&turned, &truth, "turned");
        let mut back = turned;
        let inverse = rope::Rotation { inverse: true, ..rotation };
        rope::rotate(inverse, &mut back);
        assert_close(&back, &double(&values), "back");
    }
}

/// `exp` of one number.
struct Exp(f32);

impl pulp::WithSimd for Exp {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> f32 {
        let mut out = [[super::exp(simd, simd.splat_f32s(self.0))]];
        super::flat::<S, 1>(&mut out)[0]
    }
}

#[test]
fn exp_is_within_one_unit_or_so_of_the_truth() {
    let arch = pulp::Arch::new();
    let (mut worst, mut y) = (0.0_f64, -86.99_f32);
    while y <= 0.0 {
        let truth = f64::from(y).exp();
        worst = worst.max(((f64::from(arch.dispatch(Exp(y))) - truth) / truth).abs());
        y += 0.000_7;
    }
    assert!(worst < 1.1e-7, "{worst:e}");
    let of = |y| arch.dispatch(Exp(y));
    assert_eq!((of(0.0), of(-88.0), of(-1e30), of(f32::NEG_INFINITY)), (1.0, 0.0, 0.0, 0.0));
    assert!(of(f32::NAN).is_nan());
}
