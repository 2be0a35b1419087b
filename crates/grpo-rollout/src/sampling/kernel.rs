//! The arithmetic of one row over plain slices, with the widest vectors that the CPU has.
//!
//! Element-wise loops are left to the compiler, which vectorises them in here ([`pulp`] compiles every kernel once for each
//! instruction set and picks one at run time); sums and maxima, which it may not reorder, are written out.

use grpo_core::simd::{UNDERFLOW, add, exp, max};
use pulp::{Simd, WithSimd};

/// Values that are summed in single precision; sums of blocks are added in double precision.
pub(super) const BLOCK: usize = 512;

/// What a distribution is known by: with y = (value − maximum) · inverse temperature,
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    /// the largest value,
    pub(super) maximum: f32,
    /// Σ exp y, NaN if a value is,
    pub(super) sum: f64,
    /// Σ y · exp y.
    pub(super) weighted: f64,
}

/// [`Totals`] of a row, and the sum of exponentials of each of its blocks.
pub(super) struct Scan<'a> {
    pub(super) values: &'a [f32],
    pub(super) inverse: f32,
    pub(super) sums: &'a mut Vec<f64>,
}

impl WithSimd for Scan<'_> {
    type Output = Totals;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Totals {
        let maximum = max(simd, self.values);
        let mut totals = Totals { maximum, sum: 0.0, weighted: 0.0 };
        let (mut exponentials, mut terms) = ([0.0; BLOCK], [0.0; BLOCK]);
        self.sums.clear();
        for values in self.values.chunks(BLOCK) {
            let exponentials = &mut exponentials[..values.len()];
            let terms = &mut terms[..values.len()];
            for ((&x, e), term) in values.iter().zip(exponentials.iter_mut()).zip(terms.iter_mut()) {
                let y = (x - maximum) * self.inverse;
                *e = exp(y);
                // 0 · −∞ is NaN; the limit of p · log p is 0.
                *term = if y < UNDERFLOW { 0.0 } else { *e * y };
            }
            let sum = add(simd, exponentials);
            totals.sum += sum;
            totals.weighted += add(simd, terms);
            self.sums.push(sum);
        }
        totals
    }
}

/// Puts the exponentials that [`Scan`] adds up into `out`.
pub(super) struct Exponentials<'a> {
    pub(super) values: &'a [f32],
    pub(super) maximum: f32,
    pub(super) inverse: f32,
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (&x, e) in self.values.iter().zip(self.out) {
            *e = exp((x - self.maximum) * self.inverse);
        }
    }
}

/// How many values are at least `least`, and the sum of their weights.
pub(super) struct Above<'a> {
    pub(super) values: &'a [f32],
    /// One for each value.
    pub(super) weights: &'a [f32],
    pub(super) least: f32,
}

impl WithSimd for Above<'_> {
    type Output = (usize, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (usize, f64) {
        let (one, zero, least) = (simd.splat_f32s(1.0), simd.splat_f32s(0.0), simd.splat_f32s(self.least));
        let (mut number, mut mass) = (0, 0.0);
        for (values, weights) in self.values.chunks(BLOCK).zip(self.weights.chunks(BLOCK)) {
            let (values, last_values) = S::as_simd_f32s(values);
            let (weights, last_weights) = S::as_simd_f32s(weights);
            // Two at a time: one would wait for itself.
            let (mut counts, mut sums) = ([zero; 2], [zero; 2]);
            for (at, (&x, &w)) in values.iter().zip(weights).enumerate() {
                let kept = simd.greater_than_or_equal_f32s(x, least);
                let part = at % 2;
                counts[part] = simd.add_f32s(counts[part], simd.select_f32s(kept, one, zero));
                sums[part] = simd.add_f32s(sums[part], simd.select_f32s(kept, w, zero));
            }
            number += simd.reduce_sum_f32s(simd.add_f32s(counts[0], counts[1])) as usize;
            let mut sum = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
            for (&x, &w) in last_values.iter().zip(last_weights) {
                if x >= self.least {
                    number += 1;
                    sum += w;
                }
            }
            mass += f64::from(sum);
        }
        (number, mass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_any_length_is_summed_as_by_the_definition() {
        let arch = pulp::Arch::new();
        let mut sums = Vec::new();
        for length in [1, 2, 15, 16, 17, 63, 64, 65, 511, 512, 513, 2000] {
            let mut values: Vec<f32> = (0..length).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
            if length > 2 {
                values[1] = f32::NEG_INFINITY;
            }
            let totals = arch.dispatch(Scan { values: &values, inverse: 0.5, sums: &mut sums });
            let most = values.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
            let terms = values.iter().map(|&x| (f64::from(x) - most) * 0.5).filter(|y| y.is_finite());
            let (sum, weighted) = terms.fold((0.0, 0.0), |(s, t), y| (s + y.exp(), t + y.exp() * y));
            assert_eq!(f64::from(totals.maximum), most);
            assert!((totals.sum / sum - 1.0).abs() < 1e-6, "{length}: {totals:?} {sum}");
            assert!((totals.weighted - weighted).abs() < 1e-6 * weighted.abs().max(1.0), "{length}");
            assert_eq!(sums.iter().sum::<f64>(), totals.sum);

            let mut weights = vec![0.0; length];
            let maximum = totals.maximum;
            arch.dispatch(Exponentials { values: &values, maximum, inverse: 0.5, out: &mut weights });
            for least in [f32::NEG_INFINITY, -3.0, 0.0, 5.0, 9.0] {
                let kept = || values.iter().zip(&weights).filter(|(x, _)| **x >= least);
                let (count, mass) = arch.dispatch(Above { values: &values, weights: &weights, least });
                assert_eq!(count, kept().count());
                let truth: f64 = kept().map(|(_, &w)| f64::from(w)).sum();
                assert!((mass - truth).abs() <= 1e-6 * truth, "{length}");
            }
        }
    }
}
