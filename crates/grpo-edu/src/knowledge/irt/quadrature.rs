//! Integrals over a standard normal ability.

use crate::error::EduError;

/// Beyond this, a standard normal number lies with a probability of 2e-9.
const REACH: f64 = 6.0;

/// The fewest points allowed.
const FEWEST: usize = 41;

/// Equally spaced abilities from -6 to 6 with the standard normal density as weights, which add up to 1.
///
/// For smooth integrands that vanish at both ends, the trapezoidal rule converges faster than any power of the spacing `h`; for a
/// posterior with standard deviation `s`, its relative error is about `2 exp(-2 (π s / h)^2)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quadrature {
    pub(super) abilities: Vec<f64>,
    pub(super) log_weights: Vec<f64>,
}

impl Quadrature {
    /// At least two points.
    pub(super) fn new(points: usize) -> Self {
        let points = points.max(2);
        let spacing = 2.0 * REACH / (points - 1) as f64;
        let abilities: Vec<f64> = (0..points).map(|point| spacing * point as f64 - REACH).collect();
        let density: Vec<f64> = abilities.iter().map(|x| (-0.5 * x * x).exp()).collect();
        let sum: f64 = density.iter().sum();
        let log_weights = density.iter().map(|density| (density / sum).ln()).collect();
        Self { abilities, log_weights }
    }

    pub(super) fn checked(points: usize) -> Result<Self, EduError> {
        if points < FEWEST {
            return Err(EduError::Config {
                key: "points",
                value: points.to_string(),
                need: format!("at least {FEWEST}"),
            });
        }
        Ok(Self::new(points))
    }

    /// Mean and standard deviation under weights that are given by their logarithms, up to a constant.
    pub(super) fn moments(&self, log_weights: &[f64]) -> (f64, f64) {
        let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = log_weights.iter().map(|log| (log - top).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mean = self.abilities.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / sum;
        let square = self.abilities.iter().zip(&weights).map(|(x, w)| (x - mean).powi(2) * w).sum::<f64>();
        (mean, (square / sum).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_normal_distributions_come_out() {
        let quadrature = Quadrature::new(61);
        let (mean, deviation) = quadrature.moments(&quadrature.log_weights);
        // The tails beyond 6 are missing.
        assert!(mean.abs() < 1e-12 && (deviation - 1.0).abs() < 1e-7, "{mean} {deviation}");
        let narrow: Vec<f64> =
            quadrature.abilities.iter().map(|x| -0.5 * ((x - 1.234) / 0.25).powi(2)).collect();
        let (mean, deviation) = quadrature.moments(&narrow);
        assert!((mean - 1.234).abs() < 1e-9 && (deviation - 0.25).abs() < 1e-9, "{mean} {deviation}");
        assert!(Quadrature::checked(40).is_err() && Quadrature::checked(41).is_ok());
    }
}
