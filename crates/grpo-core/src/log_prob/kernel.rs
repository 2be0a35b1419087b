//! The arithmetic of one row of logits over plain slices, with the widest vectors that the CPU has.
//!
//! Element-wise loops are left to the compiler, which vectorises them in here ([`pulp`] compiles every kernel once for each
//! instruction set and picks one at run time); sums and maxima, which it may not reorder, are written out.

use crate::simd::{UNDERFLOW, add, exp, max};
use pulp::{Simd, WithSimd};

/// Logits that are exponentiated at a time: they stay in the fastest cache.
const BLOCK: usize = 512;

/// Maximum, sum of exponentials and sum of exponentials times exponents of a row of logits: m, s and t of
/// [`composed`](super::composed).
pub(super) struct Scan<'a> {
    pub(super) logits: &'a [f32],
    pub(super) inverse: f32,
    /// A lower bound for the maximum.
    pub(super) maximum: f32,
}

impl WithSimd for Scan<'_> {
    type Output = [f32; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 3] {
        let maximum = max(simd, self.logits).max(self.maximum);
        let (mut sum, mut weighted) = (0.0, 0.0);
        let (mut exponentials, mut terms) = ([0.0; BLOCK], [0.0; BLOCK]);
        for logits in self.logits.chunks(BLOCK) {
            let exponentials = &mut exponentials[..logits.len()];
            let terms = &mut terms[..logits.len()];
            for ((&x, e), term) in logits.iter().zip(exponentials.iter_mut()).zip(terms.iter_mut()) {
                let y = (x - maximum) * self.inverse;
                *e = exp(y);
                // 0 · −∞ is NaN; the limit of p · log p is 0.
                *term = if y < UNDERFLOW { 0.0 } else { *e * y };
            }
            sum += add(simd, exponentials);
            weighted += add(simd, terms);
        }
        [maximum, sum as f32, weighted as f32]
    }
}

/// The gradient for a row of logits, but for the target's own term: `−p·(u + w·(log p + H)) / temperature`.
#[derive(Clone, Copy)]
pub(super) struct Gradient {
    pub(super) inverse: f32,
    pub(super) maximum: f32,
    pub(super) log_sum: f32,
    pub(super) entropy: f32,
    /// Upstream gradient for the log-probability.
    pub(super) for_log_prob: f32,
    /// Upstream gradient for the entropy.
    pub(super) for_entropy: f32,
}

impl Gradient {
    /// Nothing depends on this row.
    pub(super) fn is_zero(self) -> bool {
        self.for_log_prob == 0.0 && self.for_entropy == 0.0
    }

    #[inline(always)]
    fn of(self, logit: f32) -> f32 {
        let log_p = (logit - self.maximum) * self.inverse - self.log_sum;
        let factor = self.for_log_prob + self.for_entropy * (log_p + self.entropy);
        let gradient = -self.inverse * exp(log_p) * factor;
        if log_p < UNDERFLOW { 0.0 } else { gradient }
    }
}

/// Puts a row's gradient into `out`.
pub(super) struct Write<'a> {
    pub(super) gradient: Gradient,
    pub(super) logits: &'a [f32],
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (&logit, out) in self.logits.iter().zip(self.out) {
            *out = self.gradient.of(logit);
        }
    }
}

/// Puts a row's gradient where its logits are.
pub(super) struct Replace<'a> {
    pub(super) gradient: Gradient,
    pub(super) row: &'a mut [f32],
}

impl WithSimd for Replace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.row {
            *x = self.gradient.of(*x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_any_length_is_scanned_as_by_the_definition() {
        let arch = pulp::Arch::new();
        for length in [1, 2, 15, 16, 17, 63, 64, 65, 511, 512, 513, 2000] {
            let mut logits: Vec<f32> = (0..length).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
            if length > 2 {
                logits[1] = f32::NEG_INFINITY;
            }
            let [m, s, t] = arch.dispatch(Scan { logits: &logits, inverse: 0.5, maximum: -1e30 });
            let most = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
            let terms = logits.iter().map(|&x| (f64::from(x) - most) * 0.5).filter(|y| y.is_finite());
            let (sum, weighted) = terms.fold((0.0, 0.0), |(s, t), y| (s + y.exp(), t + y.exp() * y));
            assert!((f64::from(m) - most).abs() < 1e-6, "{length}");
            assert!((f64::from(s) / sum - 1.0).abs() < 1e-6, "{length}: {s} {sum}");
            assert!(
                (f64::from(t) - weighted).abs() < 1e-6 * weighted.abs().max(1.0),
                "{length}: {t} {weighted}"
            );
        }
    }
}
