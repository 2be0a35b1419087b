//! Exponentials, sums and maxima of rows of `f32` with the widest vectors that the CPU has: what the log-probabilities here and the
//! sampler in `grpo-rollout` share. Called from within a [`pulp::WithSimd`], where the compiler may use those vectors.

use pulp::Simd;

/// Below this, `exp` leaves the normal numbers and is taken as zero.
pub const UNDERFLOW: f32 = -87.0;

/// `exp(y)` for y ≤ 0 or NaN, within 1.1e-7 of the truth (relative): 2^k · exp(r), with a polynomial for |r| ≤ ln 2 / 2
/// (Cephes' `expf`).
#[inline(always)]
pub fn exp(y: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let rounded = y * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    // ln 2 in two parts, the first of them exact in few bits.
    let r = (y - k * 0.693_359_4) - k * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_66;
    let p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if y < UNDERFLOW { 0.0 } else { p * power }
}

/// The largest of some values; NaN among them may be passed over.
#[inline(always)]
pub fn max<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (body, tail) = S::as_simd_f32s(values);
    // Four at a time: one would wait for itself.
    let mut parts = [simd.splat_f32s(f32::NEG_INFINITY); 4];
    let (fours, rest) = body.as_chunks::<4>();
    for four in fours {
        for (part, &x) in parts.iter_mut().zip(four) {
            *part = simd.max_f32s(*part, x);
        }
    }
    for &x in rest {
        parts[0] = simd.max_f32s(parts[0], x);
    }
    let [a, b, c, d] = parts;
    let all = simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d));
    tail.iter().fold(simd.reduce_max_f32s(all), |most, &x| most.max(x))
}

/// The sum, in double precision from block to block: a vocabulary has many entries.
#[inline(always)]
pub fn add<S: Simd>(simd: S, values: &[f32]) -> f64 {
    let (body, tail) = S::as_simd_f32s(values);
    let mut parts = [simd.splat_f32s(0.0); 4];
    let (fours, rest) = body.as_chunks::<4>();
    for four in fours {
        for (part, &x) in parts.iter_mut().zip(four) {
            *part = simd.add_f32s(*part, x);
        }
    }
    for &x in rest {
        parts[0] = simd.add_f32s(parts[0], x);
    }
    let [a, b, c, d] = parts;
    let all = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
    f64::from(tail.iter().fold(simd.reduce_sum_f32s(all), |sum, &x| sum + x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_one_unit_or_so_of_the_truth() {
        let mut worst = 0.0_f64;
        let mut y = -86.99_f32;
        while y <= 0.0 {
            let truth = f64::from(y).exp();
            worst = worst.max(((f64::from(exp(y)) - truth) / truth).abs());
            y += 0.000_7;
        }
        assert!(worst < 1.1e-7, "{worst:e}");
        assert_eq!((exp(0.0), exp(-88.0), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }
}
