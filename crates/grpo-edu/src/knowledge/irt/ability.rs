//! Estimating the ability of one learner.

use super::quadrature::Quadrature;
use super::{Irt, IrtItem};
use crate::error::EduError;
use serde::{Deserialize, Serialize};

/// Points of the integral over abilities: exact to 1e-6 for posteriors of a standard deviation above 0.05.
pub(super) const POINTS: usize = 241;

/// Points at which a likelihood is looked at before its maximum is refined.
const SCAN: usize = 801;

/// An estimated ability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ability {
    /// The estimate, on a scale where abilities are distributed as `N(0, 1)`.
    pub mean: f64,
    /// Its standard error; of a posterior, its standard deviation.
    pub error: f64,
}

impl Irt {
    /// The logarithm of the probability of answers (item, right or wrong) at an ability.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`].
    pub fn answer_log_likelihood(&self, answers: &[(usize, bool)], ability: f64) -> Result<f64, EduError> {
        let answers = self.look_up(answers)?;
        Ok(log_likelihood(&answers, ability))
    }

    /// The information of some items at an ability: the sum of theirs.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`].
    pub fn test_information(&self, items: &[usize], ability: f64) -> Result<f64, EduError> {
        items.iter().map(|&item| Ok(self.item(item)?.information(ability))).sum()
    }

    /// The ability under which the answers are most probable, with `1 / sqrt(information)` as its standard error.
    ///
    /// The likelihood of the three-parameter model may have several maxima; the highest is found by looking at 801 abilities over the
    /// whole range of difficulties and beyond, and refined by Newton's method.
    ///
    /// # Errors
    ///
    /// [`EduError::NoFiniteAbility`] where there is none, as for answers that are all right or all wrong;
    /// [`EduError::ItemOutOfRange`].
    pub fn ability_ml(&self, answers: &[(usize, bool)]) -> Result<Ability, EduError> {
        let found = self.look_up(answers)?;
        let (low, high) = range(&found);
        let at = |point: usize| low + (high - low) * point as f64 / (SCAN - 1) as f64;
        let values: Vec<f64> = (0..SCAN).map(|point| log_likelihood(&found, at(point))).collect();
        let first = values.first().copied().unwrap_or(0.0);
        let best = (0..SCAN).max_by(|&left, &right| values[left].total_cmp(&values[right])).unwrap_or(0);
        let endless = |direction| EduError::NoFiniteAbility { answers: answers.len(), direction };
        if best == SCAN - 1 {
            return Err(endless("upwards"));
        }
        if best == 0 || values[best] <= first {
            return Err(endless("downwards"));
        }
        let mean = refine(at(best), (at(best - 1), at(best + 1)), |ability| Slope::new(&found, ability));
        let information: f64 = found.iter().map(|(item, _)| item.information(mean)).sum();
        Ok(Ability { mean, error: information.sqrt().recip() })
    }

    /// The ability of the highest posterior density under `N(0, 1)`, with `1 / sqrt(information + 1)` as its standard error. It
    /// exists for any answers, none included.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`].
    pub fn ability_map(&self, answers: &[(usize, bool)]) -> Result<Ability, EduError> {
        let found = self.look_up(answers)?;
        // Where the slope of the answers can't make up for that of the prior, there is no maximum.
        let steepest: f64 = found.iter().map(|(item, _)| item.discrimination.abs()).sum();
        let reach = steepest + 1.0;
        let points = SCAN.max((16.0 * reach).ceil() as usize);
        let at = |point: usize| reach * (2.0 * point as f64 / (points - 1) as f64 - 1.0);
        let value = |ability: f64| log_likelihood(&found, ability) - 0.5 * ability * ability;
        let best = (0..points).map(|p| (p, value(at(p)))).max_by(|l, r| l.1.total_cmp(&r.1));
        let start = best.map_or(0.0, |(point, _)| at(point));
        let spacing = 2.0 * reach / (points - 1) as f64;
        let mean = refine(start, (start - spacing, start + spacing), |ability| {
            Slope::new(&found, ability).with_prior(ability)
        });
        let information: f64 = found.iter().map(|(item, _)| item.information(mean)).sum();
        Ok(Ability { mean, error: (information + 1.0).sqrt().recip() })
    }

    /// The mean of the posterior under `N(0, 1)` and its standard deviation (Bock and Mislevy 1982), by a sum over 241 abilities
    /// from -6 to 6. It exists for any answers, none included.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`].
    pub fn ability_eap(&self, answers: &[(usize, bool)]) -> Result<Ability, EduError> {
        let mut posterior = Posterior::new();
        for (item, correct) in self.look_up(answers)? {
            posterior.answer(item, correct);
        }
        Ok(posterior.ability())
    }

    fn item(&self, item: usize) -> Result<&IrtItem, EduError> {
        self.items.get(item).ok_or(EduError::ItemOutOfRange { item, items: self.items.len() })
    }

    fn look_up(&self, answers: &[(usize, bool)]) -> Result<Vec<(&IrtItem, bool)>, EduError> {
        answers.iter().map(|&(item, correct)| Ok((self.item(item)?, correct))).collect()
    }
}

/// What is known of an ability after some answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Posterior {
    quadrature: Quadrature,
    log_weights: Vec<f64>,
}

impl Posterior {
    /// Nothing but the prior.
    pub(super) fn new() -> Self {
        let quadrature = Quadrature::new(POINTS);
        Self { log_weights: quadrature.log_weights.clone(), quadrature }
    }

    /// Takes one answer in.
    pub(super) fn answer(&mut self, item: &IrtItem, correct: bool) {
        for (log_weight, &ability) in self.log_weights.iter_mut().zip(&self.quadrature.abilities) {
            *log_weight += item.log_probability(ability, correct);
        }
    }

    /// Mean and standard deviation.
    pub(super) fn ability(&self) -> Ability {
        let (mean, error) = self.quadrature.moments(&self.log_weights);
        Ability { mean, error }
    }
}

fn log_likelihood(answers: &[(&IrtItem, bool)], ability: f64) -> f64 {
    answers.iter().map(|(item, correct)| item.log_probability(ability, *correct)).sum()
}

/// Abilities beyond which an interior maximum can't lie: from the outermost difficulties so far that no answer is uncertain by more
/// than `exp(-10) / n`, at least 5.
fn range(answers: &[(&IrtItem, bool)]) -> (f64, f64) {
    let flattest = answers.iter().map(|(item, _)| item.discrimination.abs()).filter(|a| *a > 0.0);
    let flattest = flattest.fold(f64::INFINITY, f64::min);
    let beyond = 5.0 + (10.0 + (answers.len() as f64).ln_1p()) / flattest;
    let difficulties = || answers.iter().map(|(item, _)| item.difficulty);
    let low = difficulties().fold(f64::INFINITY, f64::min);
    let high = difficulties().fold(f64::NEG_INFINITY, f64::max);
    if low <= high { (low - beyond, high + beyond) } else { (-beyond, beyond) }
}

/// First derivative of an objective and the size of its (expected) second one.
struct Slope {
    first: f64,
    second: f64,
}

impl Slope {
    fn new(answers: &[(&IrtItem, bool)], ability: f64) -> Self {
        let first = answers.iter().map(|(item, correct)| item.score(ability, *correct)).sum();
        let second = answers.iter().map(|(item, _)| item.information(ability)).sum();
        Self { first, second }
    }

    fn with_prior(self, ability: f64) -> Self {
        Self { first: self.first - ability, second: self.second + 1.0 }
    }
}

/// A maximum between two places where the objective rises on the left and falls on the right: Newton's method with the expected
/// second derivative, and a bisection where a step would leave the bracket.
fn refine(start: f64, bracket: (f64, f64), slope: impl Fn(f64) -> Slope) -> f64 {
    let ((mut low, mut high), mut at) = (bracket, start);
    for _ in 0..200 {
        let Slope { first, second } = slope(at);
        if first == 0.0 {
            return at;
        }
        if first > 0.0 {
            low = at;
        } else {
            high = at;
        }
        let newton = at + first / second;
        let next = if newton > low && newton < high { newton } else { low + (high - low) / 2.0 };
        if (next - at).abs() <= 1e-13 * at.abs().max(1.0) {
            return next;
        }
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, SeededDraws};

    fn bank(guess: f64) -> Irt {
        let mut draws = SeededDraws::new("bank", 1, 0);
        let item = |number: usize| IrtItem {
            name: number.to_string(),
            discrimination: (0.3 * draws.normal()).exp(),
            difficulty: draws.normal(),
            guess,
        };
        Irt::new((0..30).map(item).collect()).unwrap()
    }

    fn answers(bank: &Irt, ability: f64, index: u64) -> Vec<(usize, bool)> {
        let mut draws = SeededDraws::new("answers", 1, index);
        let answer = |(number, item): (usize, &IrtItem)| (number, draws.unit() < item.probability(ability));
        bank.items().iter().enumerate().map(answer).collect()
    }

    #[test]
    fn maxima_have_slope_zero_and_nothing_around_is_better() {
        for guess in [0.0, 0.2] {
            let bank = bank(guess);
            for learner in 0..40 {
                let answers = answers(&bank, f64::from(learner) / 10.0 - 2.0, learner as u64);
                let map = bank.ability_map(&answers).unwrap();
                let found = bank.look_up(&answers).unwrap();
                let density = |x: f64| log_likelihood(&found, x) - 0.5 * x * x;
                assert!(Slope::new(&found, map.mean).with_prior(map.mean).first.abs() < 1e-9);
                let Ok(ml) = bank.ability_ml(&answers) else { continue };
                assert!(Slope::new(&found, ml.mean).first.abs() < 1e-9, "{ml:?}");
                for step in -3_000..=3_000 {
                    let x = f64::from(step) / 500.0;
                    assert!(log_likelihood(&found, x) <= log_likelihood(&found, ml.mean) + 1e-12);
                    assert!(density(x) <= density(map.mean) + 1e-12);
                }
                let information = bank.test_information(&(0..30).collect::<Vec<_>>(), ml.mean).unwrap();
                assert!((ml.error - information.powf(-0.5)).abs() < 1e-12);
                // A prior pulls to its mean.
                assert!(map.mean.abs() < ml.mean.abs() && map.error < 1.0);
            }
        }
    }

    #[test]
    fn one_item_of_each_answer_has_a_closed_form() {
        // Right on b = -1 and wrong on b = 1: by symmetry, 0; and the information there is 2 P (1 - P).
        let item = |difficulty: f64| IrtItem {
            name: difficulty.to_string(),
            discrimination: 1.0,
            difficulty,
            guess: 0.0,
        };
        let bank = Irt::new(vec![item(-1.0), item(1.0)]).unwrap();
        let ability = bank.ability_ml(&[(0, true), (1, false)]).unwrap();
        let p = 1.0 / (1.0 + (-1.0_f64).exp());
        assert!(ability.mean.abs() < 1e-10);
        assert!((ability.error - (2.0 * p * (1.0 - p)).powf(-0.5)).abs() < 1e-10);
    }

    #[test]
    fn answers_that_are_all_alike_have_no_maximum_but_a_posterior() {
        for guess in [0.0, 0.2] {
            let bank = bank(guess);
            for (right, direction) in [(true, "upwards"), (false, "downwards")] {
                let answers: Vec<(usize, bool)> = (0..30).map(|item| (item, right)).collect();
                let error = bank.ability_ml(&answers).unwrap_err();
                assert_eq!(error, EduError::NoFiniteAbility { answers: 30, direction });
                for ability in [bank.ability_map(&answers).unwrap(), bank.ability_eap(&answers).unwrap()] {
                    assert_eq!(ability.mean > 0.0, right);
                    assert!(ability.error > 0.0 && ability.error < 1.0);
                }
            }
        }
        let bank = bank(0.0);
        assert!(bank.ability_ml(&[]).is_err());
        let (map, eap) = (bank.ability_map(&[]).unwrap(), bank.ability_eap(&[]).unwrap());
        assert_eq!((map.mean, map.error), (0.0, 1.0));
        assert!(eap.mean.abs() < 1e-12 && (eap.error - 1.0).abs() < 1e-7);
        assert!(matches!(
            bank.ability_eap(&[(30, true)]),
            Err(EduError::ItemOutOfRange { item: 30, items: 30 })
        ));
    }

    #[test]
    fn the_posterior_agrees_with_direct_integration() {
        for guess in [0.0, 0.25] {
            let bank = bank(guess);
            for learner in 0..10 {
                let answers = answers(&bank, f64::from(learner) / 3.0 - 1.5, learner as u64);
                // Simpson's rule on 20,000 intervals from -9 to 9, with probabilities and not their logarithms.
                let (mut sums, n) = ([0.0; 3], 20_000);
                for point in 0..=n {
                    let x = 18.0 * f64::from(point) / f64::from(n) - 9.0;
                    let weight = if point == 0 || point == n { 1.0 } else { f64::from(2 + 2 * (point % 2)) };
                    let mut density = weight * (-0.5 * x * x).exp();
                    for &(item, correct) in &answers {
                        let p = bank.items()[item].probability(x);
                        density *= if correct { p } else { 1.0 - p };
                    }
                    (0..3).for_each(|power| sums[power] += density * x.powi(power as i32));
                }
                let mean = sums[1] / sums[0];
                let deviation = (sums[2] / sums[0] - mean * mean).sqrt();
                let found = bank.ability_eap(&answers).unwrap();
                // With guessing, wrong answers leave the posterior the lower tail of the prior, which ends at -6 in ours.
                assert!((found.mean - mean).abs() < 1e-7, "{found:?} {mean}");
                assert!((found.error - deviation).abs() < 3e-7, "{found:?} {deviation}");
            }
        }
    }
}
