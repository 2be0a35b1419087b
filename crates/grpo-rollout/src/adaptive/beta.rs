//! Draws from Beta distributions.

use rand_chacha::rand_core::RngCore;

/// A draw from Beta(α, β), α, β > 0: X / (X + Y) with X ~ Gamma(α) and Y ~ Gamma(β).
///
/// The two are drawn as logarithms, `p = 1 / (1 + exp(ln Y − ln X))`: draws of small shapes underflow otherwise, and 0/0 is no
/// probability.
pub(super) fn beta(alpha: f64, beta: f64, rng: &mut impl RngCore) -> f64 {
    let (x, y) = (ln_gamma(alpha, rng), ln_gamma(beta, rng));
    1.0 / (1.0 + (y - x).exp())
}

/// The logarithm of a draw from Gamma(shape, 1) by [Marsaglia and Tsang (2000)](https://doi.org/10.1145/358407.358414):
/// `d·v` with d = shape − ⅓, v = (1 + x/√(9d))³, x standard normal, accepted with probability `exp(x²/2 + d − dv + d ln v)`. A shape
/// below 1 is drawn as Gamma(shape + 1)·U^(1/shape) (their section 6).
fn ln_gamma(shape: f64, rng: &mut impl RngCore) -> f64 {
    if shape < 1.0 {
        return ln_gamma(shape + 1.0, rng) + uniform(rng).ln() / shape;
    }
    let d = shape - 1.0 / 3.0;
    loop {
        let x = normal(rng);
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        let u = uniform(rng);
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d.ln() + v.ln();
        }
    }
}

/// A standard normal draw by Box and Muller (1958).
fn normal(rng: &mut impl RngCore) -> f64 {
    let (radius, angle) = ((-2.0 * uniform(rng).ln()).sqrt(), std::f64::consts::TAU * uniform(rng));
    radius * angle.cos()
}

/// 53 random bits: a double in (0, 1], so that its logarithm is finite.
fn uniform(rng: &mut impl RngCore) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    /// Mean and variance of `n` draws, with the fourth central moment for the variance's own error.
    fn moments(n: usize, mut draw: impl FnMut() -> f64) -> (f64, f64, f64) {
        let draws: Vec<f64> = (0..n).map(|_| draw()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let central = |power: i32| draws.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n as f64;
        (mean, central(2), central(4))
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let n = 40_000;
        let mut rng = Streams::new(11).stream(0, 0, 0);
        let check = |name: String, seen: (f64, f64, f64), mean: f64, variance: f64| {
            let (m, v, fourth) = seen;
            assert!((m - mean).abs() < 4.0 * (variance / n as f64).sqrt(), "{name}: mean {m}, not {mean}");
            let error = ((fourth - v * v) / n as f64).sqrt();
            assert!((v - variance).abs() < 4.0 * error, "{name}: variance {v}, not {variance}");
        };
        check("normal".into(), moments(n, || normal(&mut rng)), 0.0, 1.0);
        for shape in [0.3, 1.0, 2.5, 40.0] {
            let seen = moments(n, || ln_gamma(shape, &mut rng).exp());
            check(format!("gamma {shape}"), seen, shape, shape);
        }
        for (a, b) in [(1.0, 1.0), (0.5, 0.5), (2.0, 5.0), (0.2, 3.0), (80.0_f64, 20.0)] {
            let variance = a * b / ((a + b).powi(2) * (a + b + 1.0));
            check(format!("beta {a} {b}"), moments(n, || beta(a, b, &mut rng)), a / (a + b), variance);
        }
    }

    /// Beta(1, 1) is uniform, and P(p < x) = x² for Beta(2, 1).
    #[test]
    fn cumulative_distributions_agree_where_they_are_polynomials() {
        let n = 40_000;
        let mut rng = Streams::new(12).stream(0, 0, 0);
        for (a, cdf) in [(1.0, (|x| x) as fn(f64) -> f64), (2.0, |x| x * x)] {
            let mut draws: Vec<f64> = (0..n).map(|_| beta(a, 1.0, &mut rng)).collect();
            draws.sort_by(f64::total_cmp);
            // Kolmogorov and Smirnov's distance; it exceeds 1.95/√n once in a thousand.
            let distance = draws
                .iter()
                .enumerate()
                .map(|(i, &x)| (cdf(x) - (i as f64 + 0.5) / n as f64).abs())
                .fold(0.0, f64::max);
            assert!(distance < 1.95 / (n as f64).sqrt(), "Beta({a}, 1): {distance}");
        }
    }

    #[test]
    fn extreme_shapes_still_give_probabilities() {
        let mut rng = Streams::new(13).stream(0, 0, 0);
        for (a, b) in [(1e-3, 1e-3), (1e-3, 1e6), (1e6, 1e6), (1e6, 1e-3)] {
            for _ in 0..2000 {
                let p = beta(a, b, &mut rng);
                assert!((0.0..=1.0).contains(&p), "Beta({a}, {b}) drew {p}");
            }
        }
    }
}
