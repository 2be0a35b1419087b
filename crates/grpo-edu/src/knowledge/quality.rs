//! How well predicted probabilities agree with what happened.

use serde::{Deserialize, Serialize};

/// How good predictions of right answers are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// How many answers were predicted.
    pub responses: usize,
    /// The area under the receiver operating characteristic: the probability that a right answer was predicted with more
    /// confidence than a wrong one, ties counting half (Mann and Whitney 1947). None where all answers are right or all are wrong.
    pub auc: Option<f64>,
    /// The root of the mean squared difference between the predicted probability and the answer (0 or 1).
    pub rmse: f64,
}

impl Quality {
    /// Of predicted probabilities of a right answer, each with whether it was right. None without any.
    ///
    /// ```
    /// use grpo_edu::knowledge::Quality;
    ///
    /// let quality = Quality::of(&[(0.9, true), (0.4, true), (0.4, false)]).unwrap();
    /// assert_eq!(quality.auc, Some(0.75));
    /// ```
    pub fn of(predictions: &[(f64, bool)]) -> Option<Self> {
        if predictions.is_empty() {
            return None;
        }
        let error = |&(p, right): &(f64, bool)| (p - f64::from(u8::from(right))).powi(2);
        let rmse = (predictions.iter().map(error).sum::<f64>() / predictions.len() as f64).sqrt();
        Some(Self { responses: predictions.len(), auc: auc(predictions), rmse })
    }
}

/// By the ranks of the right answers, each group of ties with its mean rank.
fn auc(predictions: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = predictions.to_vec();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    let right = sorted.iter().filter(|(_, right)| *right).count() as f64;
    let wrong = sorted.len() as f64 - right;
    let (mut before, mut ranks) = (0.0, 0.0);
    for ties in sorted.chunk_by(|left, right| left.0 == right.0) {
        let size = ties.len() as f64;
        ranks += ties.iter().filter(|(_, right)| *right).count() as f64 * (before + (size + 1.0) / 2.0);
        before += size;
    }
    (right > 0.0 && wrong > 0.0).then(|| (ranks - right * (right + 1.0) / 2.0) / (right * wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, SeededDraws};

    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order() {
        let mut draws = SeededDraws::new("quality", 1, 0);
        // Few values, so that there are ties.
        let sample: Vec<(f64, bool)> =
            (0..200).map(|_| (draws.integer(0, 9) as f64 / 9.0, draws.unit() < 0.4)).collect();
        let (mut pairs, mut ordered) = (0.0, 0.0);
        for right in sample.iter().filter(|s| s.1) {
            for wrong in sample.iter().filter(|s| !s.1) {
                pairs += 1.0;
                ordered +=
                    if right.0 > wrong.0 { 1.0 } else { 0.5 * f64::from(u8::from(right.0 == wrong.0)) };
            }
        }
        let quality = Quality::of(&sample).unwrap();
        assert!((quality.auc.unwrap() - ordered / pairs).abs() < 1e-12);
        assert_eq!(quality.responses, 200);
    }

    #[test]
    fn the_error_is_that_of_the_definition_and_nothing_is_made_up() {
        let quality = Quality::of(&[(0.5, true), (0.25, true)]).unwrap();
        assert!((quality.rmse - ((0.25 + 0.5625) / 2.0_f64).sqrt()).abs() < 1e-15);
        assert_eq!(quality.auc, None);
        assert_eq!(Quality::of(&[]), None);
    }
}
