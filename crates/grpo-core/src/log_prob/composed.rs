//! The arithmetic of one tile of logits, composed of burn's backend operations: what every backend can do.
//!
//! With logits z and temperature T, four numbers run along over the tiles of a row (Milakov and Gimelshein 2018,
//! arXiv:1805.02867, with the entropy's sum beside it). Differences are taken before anything is scaled or added, so that logits of
//! any size keep their precision:
//!
//! ```text
//! m = max z        y = (z − m) / T        s = Σ exp y        t = Σ exp(y) · y        z_a, the target's
//!
//! a new tile with maximum m_tile:   m' = max(m, m_tile),   g = (m − m') / T,   c = exp g
//!     s' = c·s + Σ exp y'      t' = c·(t + s·g) + Σ exp(y')·y'
//!
//! at the end:   log p(a) = (z_a − m)/T − log s     H = log s − t/s
//! ```
//!
//! and backwards, with `u` the upstream gradient for log p(a) and `w` that for H:
//!
//! ```text
//! log p = (z − m)/T − log s     ∂/∂z = ( u·(1[a] − p) − w·p·(log p + H) ) / T
//! ```

use burn::backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn::backend::{
    Backend, Scalar, Slice, TensorMetadata, get_or_init_device_settings, tensor::IndexingUpdateOp,
};
use burn::tensor::{DType, FloatDType, Shape, TensorData};

use super::rules::{Bits, RuleTile};

/// Below this `exp` is zero in every type.
const IMPOSSIBLE: f64 = -1e30;

/// At least single precision: a sum over a vocabulary means nothing in half precision.
pub(super) fn widen<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    match x.dtype() {
        DType::F64 | DType::F32 => x,
        _ => B::float_cast(x, FloatDType::F32),
    }
}

/// In the type of the model.
pub(super) fn like<B: Backend>(x: FloatTensor<B>, dtype: DType) -> FloatTensor<B> {
    if x.dtype() == dtype { x } else { B::float_cast(x, dtype.into()) }
}

/// The state before the first tile, `[tokens, 4]`: m, s, t and the target's logit. `like` gives tokens, type and device.
pub(super) fn start<B: Backend>(like: &FloatTensor<B>) -> FloatTensor<B> {
    // A target that isn't in the vocabulary stays NaN.
    running::<B, 4>(like, [IMPOSSIBLE, 0.0, 0.0, f64::NAN])
}

fn running<B: Backend, const N: usize>(like: &FloatTensor<B>, row: [f64; N]) -> FloatTensor<B> {
    let tokens = like.shape()[0];
    let dtype = if like.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let data = TensorData::new(row.repeat(tokens), [tokens, N]);
    B::float_from_data(data.convert_dtype(dtype), &like.device())
}

pub(super) fn scan_tile<B: Backend>(
    state: FloatTensor<B>,
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    first: usize,
    inverse: f64,
) -> FloatTensor<B> {
    let [maximum, sum, weighted, target] = columns::<B, 4>(&state);
    let place = Place::<B>::of(targets, first, logits.shape()[1]);
    let chosen = B::float_gather(1, logits.clone(), place.index);
    let target = B::float_mask_where(chosen, place.outside, target);

    let own = Exponentials::<B>::of(logits, maximum, inverse);
    // 0 · −∞ is NaN; the limit of p · log p is 0.
    let terms = B::float_mul(own.values.clone(), B::float_clamp_min(own.scaled, scalar(IMPOSSIBLE)));
    let moved = B::float_add(weighted, B::float_mul(sum.clone(), own.drop));
    let parts = vec![
        own.maximum,
        grow::<B>(sum, own.keep.clone(), own.values),
        grow::<B>(moved, own.keep, terms),
        target,
    ];
    B::float_cat(parts, 1)
}

/// `sum · keep + Σ values` of each row.
fn grow<B: Backend>(sum: FloatTensor<B>, keep: FloatTensor<B>, values: FloatTensor<B>) -> FloatTensor<B> {
    B::float_add(B::float_mul(sum, keep), B::float_sum_dim(values, 1))
}

/// Log-probability, entropy, m and log s, `[tokens, 4]`, of a state that has seen all tiles.
pub(super) fn finish<B: Backend>(state: FloatTensor<B>, inverse: f64) -> FloatTensor<B> {
    let [maximum, sum, weighted, target] = columns::<B, 4>(&state);
    let log_sum = B::float_log(sum.clone());
    let entropy = B::float_sub(log_sum.clone(), B::float_div(weighted, sum));
    let log_prob = B::float_sub(relative::<B>(target, maximum.clone(), inverse), log_sum.clone());
    B::float_cat(vec![log_prob, entropy, maximum, log_sum], 1)
}

pub(super) fn tile_gradient<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    statistics: FloatTensor<B>,
    upstream: FloatTensor<B>,
    first: usize,
    inverse: f64,
    rules: Option<&RuleTile>,
) -> FloatTensor<B> {
    let penalty = rules.and_then(|rules| penalty_factor::<B>(&logits, rules));
    let [_, entropy, maximum, log_sum] = columns::<B, 4>(&statistics);
    let [for_log_prob, for_entropy, _, _] = columns::<B, 4>(&upstream);
    let for_log_prob = B::float_mul_scalar(for_log_prob, scalar(inverse));
    let for_entropy = B::float_mul_scalar(for_entropy, scalar(inverse));

    let width = logits.shape()[1];
    let log_p = B::float_sub(relative::<B>(logits, maximum, inverse), log_sum);
    let p = B::float_exp(log_p.clone());
    let log_p = B::float_clamp_min(log_p, scalar(IMPOSSIBLE));
    let factor = B::float_mul(B::float_add(log_p, entropy), for_entropy);
    let factor = B::float_add(factor, for_log_prob.clone());
    let gradient = B::float_neg(B::float_mul(p, factor));

    let place = Place::<B>::of(targets, first, width);
    let value = B::float_mask_fill(for_log_prob, place.outside, scalar(0.0));
    let gradient = B::float_scatter(1, gradient, place.index, value, IndexingUpdateOp::Add);
    let gradient = clear_unused::<B>(gradient, &upstream, 2);
    match penalty {
        Some(penalty) => B::float_mul(gradient, penalty),
        None => gradient,
    }
}

/// A tile's logits under a sampler's rules.
pub(super) fn rule_tile<B: Backend>(logits: FloatTensor<B>, rules: &RuleTile) -> FloatTensor<B> {
    let logits = match penalty_factor::<B>(&logits, rules) {
        Some(factor) => B::float_mul(logits, factor),
        None => logits,
    };
    match rules.excluded_bits() {
        Some(excluded) => {
            let excluded = unpack::<B>(excluded, &logits);
            B::float_mask_fill(logits, excluded, scalar(f64::NEG_INFINITY))
        }
        None => logits,
    }
}

/// What the penalty multiplies a tile's logits by, `[tokens, columns]`, or `None` where it multiplies none. It keeps their sign, so
/// that the logits before and after it have the same one.
fn penalty_factor<B: Backend>(logits: &FloatTensor<B>, rules: &RuleTile) -> Option<FloatTensor<B>> {
    let seen = unpack::<B>(rules.penalised_bits()?, logits);
    let bools = get_or_init_device_settings::<B>(&logits.device()).bool_dtype;
    let positive = B::float_greater_elem(logits.clone(), scalar(0.0), bools);
    let positive = B::bool_and(seen.clone(), positive);
    let ones = B::float_ones(logits.shape(), &logits.device(), logits.dtype().into());
    let factor = B::float_mask_fill(ones, seen, scalar(rules.penalty()));
    Some(B::float_mask_fill(factor, positive, scalar(1.0 / rules.penalty())))
}

/// Bits on the device of `beside`, one element each: a bit a logit is all that the host sends.
fn unpack<B: Backend>(bits: Bits, beside: &FloatTensor<B>) -> BoolTensor<B> {
    let device = beside.device();
    let settings = get_or_init_device_settings::<B>(&device);
    let ([rows, columns], words) = (bits.shape(), bits.words_of_row());
    let spread = Shape::from([rows, words, Bits::OF_WORD]);
    let integers = settings.int_dtype;
    let bit = B::int_arange(0..Bits::OF_WORD as i64, &device, integers);
    let bit = B::int_expand(B::int_reshape(bit, Shape::from([1, 1, Bits::OF_WORD])), spread.clone());
    let words_of_rows = B::int_from_data(bits.into_data().convert_dtype(integers.into()), &device);
    let shifted = B::bitwise_right_shift(B::int_expand(words_of_rows, spread), bit);
    let lowest = B::bitwise_and_scalar(shifted, Scalar::from(1i64));
    let lowest = B::int_reshape(lowest, Shape::from([rows, words * Bits::OF_WORD]));
    let lowest = B::int_slice(lowest, &[Slice::full(), Slice::from(0..columns)]);
    B::int_not_equal_elem(lowest, Scalar::from(0i64), settings.bool_dtype)
}

/// `upstream` `[tokens, 4]` without what depends on log-probabilities of −∞: those are constants, and what comes back from them may
/// be infinite or NaN.
pub(super) fn clear_impossible<B: Backend>(
    upstream: FloatTensor<B>,
    statistics: &FloatTensor<B>,
) -> FloatTensor<B> {
    let bools = get_or_init_device_settings::<B>(&upstream.device()).bool_dtype;
    let [log_prob, _, _, _] = columns::<B, 4>(statistics);
    let [for_log_prob, for_entropy, maximum, log_sum] = columns::<B, 4>(&upstream);
    let impossible = B::float_lower_elem(log_prob, scalar(IMPOSSIBLE), bools);
    let for_log_prob = B::float_mask_fill(for_log_prob, impossible, scalar(0.0));
    B::float_cat(vec![for_log_prob, for_entropy, maximum, log_sum], 1)
}

/// `x` `[tokens, columns]` with zeros for the tokens that nothing depends on: the first `wanted` columns of `upstream` are zero there.
/// They may be padding, with whatever numbers.
pub(super) fn clear_unused<B: Backend>(
    x: FloatTensor<B>,
    upstream: &FloatTensor<B>,
    wanted: usize,
) -> FloatTensor<B> {
    let bools = get_or_init_device_settings::<B>(&x.device()).bool_dtype;
    let upstream = B::float_slice(upstream.clone(), &[Slice::full(), Slice::from(0..wanted)]);
    let size = B::float_sum_dim(B::float_abs(upstream), 1);
    let unused = B::float_equal_elem(size, scalar(0.0), bools);
    let unused = B::bool_expand(unused, x.shape());
    B::float_mask_fill(x, unused, scalar(0.0))
}

// ---- the exact divergence ------------------------------------------------------------------------------------------------------
//
// With z_r, m_r, y_r and s_r those of the reference policy, one more number runs along:
//
//     d = Σ exp(y) · (z − z_r)/T        KL = d/s − lse + lse_r, with lse = m/T + log s        ∂KL/∂z = p · (log p − log q − KL) / T

/// The state before the first tile, `[tokens, 5]`: m, s, d, m_r, s_r.
pub(super) fn kl_start<B: Backend>(like: &FloatTensor<B>) -> FloatTensor<B> {
    running::<B, 5>(like, [IMPOSSIBLE, 0.0, 0.0, IMPOSSIBLE, 0.0])
}

pub(super) fn kl_scan<B: Backend>(
    state: FloatTensor<B>,
    logits: FloatTensor<B>,
    ref_logits: FloatTensor<B>,
    inverse: f64,
) -> FloatTensor<B> {
    let [maximum, sum, difference, ref_maximum, ref_sum] = columns::<B, 5>(&state);
    let gap =
        relative::<B>(B::float_clamp_min(logits.clone(), scalar(IMPOSSIBLE)), ref_logits.clone(), inverse);
    let own = Exponentials::<B>::of(logits, maximum, inverse);
    let reference = Exponentials::<B>::of(ref_logits, ref_maximum, inverse);
    // What the policy excludes adds nothing, whatever the reference says.
    let terms = where_possible::<B>(&own.values, B::float_mul(own.values.clone(), gap));
    let parts = vec![
        own.maximum,
        grow::<B>(sum, own.keep.clone(), own.values),
        grow::<B>(difference, own.keep, terms),
        reference.maximum,
        grow::<B>(ref_sum, reference.keep, reference.values),
    ];
    B::float_cat(parts, 1)
}

/// Divergence, m, log s, m_r and log s_r, `[tokens, 5]`.
pub(super) fn kl_finish<B: Backend>(state: FloatTensor<B>, inverse: f64) -> FloatTensor<B> {
    let [maximum, sum, difference, ref_maximum, ref_sum] = columns::<B, 5>(&state);
    let (log_sum, ref_log_sum) = (B::float_log(sum.clone()), B::float_log(ref_sum));
    let mean = B::float_div(difference, sum);
    let shift = relative::<B>(ref_maximum.clone(), maximum.clone(), inverse);
    let kl = B::float_add(B::float_add(mean, shift), B::float_sub(ref_log_sum.clone(), log_sum.clone()));
    B::float_cat(vec![kl, maximum, log_sum, ref_maximum, ref_log_sum], 1)
}

pub(super) fn kl_gradient<B: Backend>(
    logits: FloatTensor<B>,
    ref_logits: FloatTensor<B>,
    statistics: FloatTensor<B>,
    upstream: FloatTensor<B>,
    inverse: f64,
) -> FloatTensor<B> {
    let [kl, maximum, log_sum, ref_maximum, ref_log_sum] = columns::<B, 5>(&statistics);
    let [for_kl, _, _, _, _] = columns::<B, 5>(&upstream);
    let log_p = B::float_sub(relative::<B>(logits, maximum, inverse), log_sum);
    let log_q = B::float_sub(relative::<B>(ref_logits, ref_maximum, inverse), ref_log_sum);
    let p = B::float_exp(log_p.clone());
    let gap = B::float_sub(B::float_sub(log_p, log_q), kl);
    let factor = B::float_mul_scalar(for_kl, scalar(inverse));
    let gradient = where_possible::<B>(&p, B::float_mul(B::float_mul(p.clone(), gap), factor));
    clear_unused::<B>(gradient, &upstream, 1)
}

/// `x` where the probability isn't zero, else 0.
fn where_possible<B: Backend>(probability: &FloatTensor<B>, x: FloatTensor<B>) -> FloatTensor<B> {
    let bools = get_or_init_device_settings::<B>(&x.device()).bool_dtype;
    let excluded = B::float_lower_equal_elem(probability.clone(), scalar(0.0), bools);
    B::float_mask_fill(x, excluded, scalar(0.0))
}

/// A tile's exponentials relative to the maximum so far.
struct Exponentials<B: Backend> {
    /// The new maximum, `[tokens, 1]`.
    maximum: FloatTensor<B>,
    /// g: the old maximum relative to it, `[tokens, 1]`.
    drop: FloatTensor<B>,
    /// c = exp g: what earlier sums shrink by, `[tokens, 1]`.
    keep: FloatTensor<B>,
    /// y, `[tokens, columns]`.
    scaled: FloatTensor<B>,
    /// exp y, `[tokens, columns]`.
    values: FloatTensor<B>,
}

impl<B: Backend> Exponentials<B> {
    fn of(logits: FloatTensor<B>, maximum: FloatTensor<B>, inverse: f64) -> Self {
        // A row without a finite logit keeps the start's maximum, which keeps NaN away.
        let both = vec![maximum.clone(), B::float_max_dim(logits.clone(), 1)];
        let new = B::float_max_dim(B::float_cat(both, 1), 1);
        let drop = relative::<B>(maximum, new.clone(), inverse);
        let scaled = relative::<B>(logits, new.clone(), inverse);
        let (keep, values) = (B::float_exp(drop.clone()), B::float_exp(scaled.clone()));
        Self { maximum: new, drop, keep, scaled, values }
    }
}

/// `(x − to) · inverse`.
fn relative<B: Backend>(x: FloatTensor<B>, to: FloatTensor<B>, inverse: f64) -> FloatTensor<B> {
    let difference = B::float_sub(x, to);
    if inverse == 1.0 { difference } else { B::float_mul_scalar(difference, scalar(inverse)) }
}

/// Where targets lie within a tile.
struct Place<B: Backend> {
    /// Column in the tile, or the nearest one for a target elsewhere, `[tokens, 1]`.
    index: IntTensor<B>,
    /// Whether the target is elsewhere, `[tokens, 1]`.
    outside: BoolTensor<B>,
}

impl<B: Backend> Place<B> {
    fn of(targets: IntTensor<B>, first: usize, width: usize) -> Self {
        let bools = get_or_init_device_settings::<B>(&targets.device()).bool_dtype;
        let column = B::int_sub_scalar(targets, Scalar::from(first as i64));
        let index = B::int_clamp(column.clone(), Scalar::from(0i64), Scalar::from(width as i64 - 1));
        Self { outside: B::int_not_equal(column, index.clone(), bools), index }
    }
}

fn columns<B: Backend, const N: usize>(x: &FloatTensor<B>) -> [FloatTensor<B>; N] {
    std::array::from_fn(|i| B::float_slice(x.clone(), &[Slice::full(), Slice::from(i..i + 1)]))
}

fn scalar(x: f64) -> Scalar {
    Scalar::from(x)
}
