//! Item response theory: a learner has an ability, an item a difficulty, and both decide how likely a right answer is.
//!
//! The logistic models of one, two and three parameters (Rasch 1960; Birnbaum 1968), with the ability `θ` distributed as `N(0, 1)`:
//!
//! - `P(right | θ) = c + (1 - c) / (1 + exp(-a (θ - b)))`, the discrimination `a`, the difficulty `b` and the guess `c`;
//! - one parameter: `a = 1`, `c = 0`; two: `c = 0`.

mod ability;
mod climb;
#[cfg(feature = "tutors")]
mod environment;
mod fit;
mod quadrature;

pub use ability::Ability;
#[cfg(feature = "tutors")]
pub use environment::IrtEpisode;
pub use fit::{IrtFit, IrtReport};

use super::log::ResponseLog;
use crate::error::EduError;
use quadrature::Quadrature;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How many of an item's parameters are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum IrtKind {
    /// The difficulty: the model of Rasch with abilities `N(0, 1)`.
    #[serde(rename = "1pl")]
    One,
    /// Difficulty and discrimination.
    #[default]
    #[serde(rename = "2pl")]
    Two,
    /// Difficulty, discrimination and guess.
    #[serde(rename = "3pl")]
    Three,
}

impl IrtKind {
    /// The number of free parameters of an item.
    pub fn parameters(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// The parameters of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IrtItem {
    /// Its name in the log.
    pub name: String,
    /// `a`: how sharply the item tells abilities apart. Negative where the able answer it wrongly more often, as with a wrong key.
    pub discrimination: f64,
    /// `b`, on the scale of abilities.
    pub difficulty: f64,
    /// `c`: the probability of a right answer at the lowest ability.
    #[serde(default)]
    pub guess: f64,
}

impl IrtItem {
    /// `P(right)` of a learner of this ability.
    ///
    /// ```
    /// use grpo_edu::knowledge::IrtItem;
    ///
    /// let item = IrtItem { name: "q1".into(), discrimination: 1.5, difficulty: 0.4, guess: 0.2 };
    /// assert!((item.probability(0.4) - 0.6).abs() < 1e-12);
    /// ```
    pub fn probability(&self, ability: f64) -> f64 {
        self.guess + (1.0 - self.guess) * logistic(self.logit(ability))
    }

    /// `ln P(right)` or `ln P(wrong)`, exact far into the tails.
    pub fn log_probability(&self, ability: f64, correct: bool) -> f64 {
        log_probability(self.logit(ability), self.guess, correct)
    }

    /// How much an answer tells of the ability, `P'^2 / (P (1 - P)) = a^2 (1 - P) / P ((P - c) / (1 - c))^2` (Lord 1980).
    pub fn information(&self, ability: f64) -> f64 {
        let slope = self.discrimination * weight(self.logit(ability), self.guess);
        // P (1 - P) (L / P)^2 with the logistic curve L.
        slope * slope * self.probability(ability) * (1.0 - self.guess) * logistic(-self.logit(ability))
    }

    /// The derivative of [`IrtItem::log_probability`] by the ability.
    pub fn score(&self, ability: f64, correct: bool) -> f64 {
        let logit = self.logit(ability);
        let rest = if correct { (1.0 - self.guess) * logistic(-logit) } else { -self.probability(ability) };
        self.discrimination * weight(logit, self.guess) * rest
    }

    fn logit(&self, ability: f64) -> f64 {
        self.discrimination * (ability - self.difficulty)
    }

    fn validate(&self) -> Result<(), EduError> {
        let refuse = |parameter, value, need| {
            Err(EduError::Parameter { parameter, of: self.name.clone(), value, need })
        };
        if !self.discrimination.is_finite() {
            return refuse("discrimination", self.discrimination, "a finite number");
        }
        if !self.difficulty.is_finite() {
            return refuse("difficulty", self.difficulty, "a finite number");
        }
        if !(0.0..1.0).contains(&self.guess) {
            return refuse("guess", self.guess, "at least 0 and below 1");
        }
        Ok(())
    }
}

/// `1 / (1 + exp(-x))`.
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(1 + exp(x))`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn log_probability(logit: f64, guess: f64, correct: bool) -> f64 {
    match correct {
        false => (-guess).ln_1p() - softplus(logit),
        true if guess == 0.0 => -softplus(-logit),
        true => (guess + (1.0 - guess) * logistic(logit)).ln(),
    }
}

/// `L / P` with the logistic curve `L`: 1 without guessing, also where both underflow.
fn weight(logit: f64, guess: f64) -> f64 {
    if guess == 0.0 { 1.0 } else { logistic(logit) / (guess + (1.0 - guess) * logistic(logit)) }
}

/// A bank of items with their parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Irt {
    items: Vec<IrtItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<IrtReport>,
}

impl Irt {
    /// A bank of these items.
    ///
    /// # Errors
    ///
    /// As [`Irt::validate`].
    pub fn new(items: Vec<IrtItem>) -> Result<Self, EduError> {
        let model = Self { items, report: None };
        model.validate()?;
        Ok(model)
    }

    /// Fits the parameters of the items of a log by marginal maximum likelihood; see [`IrtFit`].
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] for settings outside their ranges; [`EduError::Fit`] for a log that can't determine the parameters.
    pub fn fit(log: &ResponseLog, config: &IrtFit) -> Result<Self, EduError> {
        let (items, report) = fit::fit(log, config)?;
        let model = Self { items, report: Some(report) };
        model.validate()?;
        Ok(model)
    }

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`EduError::Parameter`] for one outside its range; [`EduError::Config`] where there is no item, or two have one name.
    pub fn validate(&self) -> Result<(), EduError> {
        super::check_names("items", self.items.iter().map(|item| item.name.as_str()))?;
        self.items.iter().try_for_each(IrtItem::validate)
    }

    /// The items with their parameters; at least one.
    pub fn items(&self) -> &[IrtItem] {
        &self.items
    }

    /// How the fit went, if the parameters come from one.
    pub fn report(&self) -> Option<&IrtReport> {
        self.report.as_ref()
    }

    /// The marginal log-likelihood of a log: each learner's answers with the ability integrated out over `N(0, 1)` on `points`
    /// equally spaced abilities from -6 to 6. Of several answers of a learner to one item, the first counts, and items that the fit
    /// [left out](IrtReport::left_out) don't.
    ///
    /// # Errors
    ///
    /// [`EduError::UnknownName`] for an item that the model doesn't have; [`EduError::Config`] for fewer than 41 points.
    pub fn log_likelihood(&self, log: &ResponseLog, points: usize) -> Result<f64, EduError> {
        let quadrature = Quadrature::checked(points)?;
        let numbers: HashMap<&str, usize> =
            self.items.iter().enumerate().map(|(number, item)| (item.name.as_str(), number)).collect();
        let left_out: &[String] = self.report.as_ref().map_or(&[], |report| &report.left_out);
        let mut own = Vec::with_capacity(log.items().len());
        for name in log.items() {
            let number = numbers.get(name.as_str()).copied();
            if number.is_none() && !left_out.contains(name) {
                return Err(EduError::UnknownName { what: "item", name: name.clone() });
            }
            own.push(number);
        }
        let answers = climb::Answers::new(log, &own);
        Ok(climb::log_likelihood(&self.items, &answers, &quadrature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<IrtItem> {
        let item = |discrimination, difficulty, guess| IrtItem {
            name: format!("{discrimination} {difficulty} {guess}"),
            discrimination,
            difficulty,
            guess,
        };
        vec![
            item(1.0, 0.0, 0.0),
            item(2.3, -0.7, 0.0),
            item(0.4, 3.0, 0.25),
            item(-0.8, 0.5, 0.1),
            item(1.7, 1.1, 0.2),
        ]
    }

    #[test]
    fn the_curve_is_that_of_the_formula() {
        for item in items() {
            for step in -40..=40 {
                let ability = f64::from(step) / 8.0;
                let (a, b, c) = (item.discrimination, item.difficulty, item.guess);
                let p = c + (1.0 - c) / (1.0 + (-a * (ability - b)).exp());
                assert!((item.probability(ability) - p).abs() < 1e-15);
                assert!((item.log_probability(ability, true) - p.ln()).abs() < 1e-12);
                // Not `1 - p`, which loses digits.
                let wrong = (1.0 - c) / (1.0 + (a * (ability - b)).exp());
                assert!((item.log_probability(ability, false) - wrong.ln()).abs() < 1e-12);
                let information = a * a * (1.0 - p) / p * ((p - c) / (1.0 - c)).powi(2);
                assert!((item.information(ability) - information).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn score_and_information_agree_with_finite_differences() {
        let h = 1e-5;
        for item in items() {
            for step in -12..=12 {
                let ability = f64::from(step) / 3.0;
                let slope = |f: &dyn Fn(f64) -> f64| (f(ability + h) - f(ability - h)) / (2.0 * h);
                for correct in [true, false] {
                    let found = slope(&|x| item.log_probability(x, correct));
                    assert!((item.score(ability, correct) - found).abs() < 1e-8);
                }
                // The information is minus the expected derivative of the score.
                let p = item.probability(ability);
                let (right, wrong) = (slope(&|x| item.score(x, true)), slope(&|x| item.score(x, false)));
                assert!((item.information(ability) + p * right + (1.0 - p) * wrong).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn the_tails_stay_exact() {
        let [item, _, guessed, ..] = &items()[..] else { unreachable!() };
        assert!((item.log_probability(-1e4, true) + 1e4).abs() < 1e-9);
        assert!((item.log_probability(1e4, false) + 1e4).abs() < 1e-9);
        assert_eq!(guessed.log_probability(-1e6, true), 0.25_f64.ln());
        assert_eq!((item.score(-1e4, true), item.score(-1e4, false)), (1.0, 0.0));
        assert_eq!((item.information(1e4), guessed.information(-1e6)), (0.0, 0.0));
    }

    #[test]
    fn parameters_are_checked() {
        let good = items()[0].clone();
        let refused = |item: IrtItem| Irt::new(vec![item]).unwrap_err().to_string();
        assert!(refused(IrtItem { guess: 1.0, ..good.clone() }).contains("`guess`"));
        assert!(refused(IrtItem { difficulty: f64::INFINITY, ..good.clone() }).contains("`difficulty`"));
        assert!(refused(IrtItem { discrimination: f64::NAN, ..good.clone() }).contains("`discrimination`"));
        assert!(Irt::new(vec![good.clone(), good]).is_err() && Irt::new(vec![]).is_err());
    }
}
