//! Fitting items by marginal maximum likelihood.

use super::climb::{Answers, Climb, Curve};
use super::quadrature::Quadrature;
use super::{IrtItem, IrtKind};
use crate::error::EduError;
use crate::knowledge::criteria;
use crate::knowledge::log::ResponseLog;
use serde::{Deserialize, Serialize};

/// How a fit is made: by expectation maximisation (Bock and Aitkin 1981, "Marginal maximum likelihood estimation of item parameters"),
/// where the maximisation is Fisher scoring per item that never lowers what it maximises.
///
/// Discriminations and difficulties have no prior and no bounds. A guess is hardly determined by any number of answers, so it has a
/// prior; with one, what is maximised is the likelihood times the prior densities, and the log-likelihood reported is still that of
/// the answers alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IrtFit {
    /// Which parameters are free; two by default.
    pub kind: IrtKind,
    /// How many equally spaced abilities from -6 to 6 the integral is taken over, at least 41; 61 by default.
    pub points: usize,
    /// The prior of a guess, `Beta(alpha, beta)`, both above 1; `Beta(5, 17)` by default, whose mode is 0.2, as in BILOG for items
    /// with five options. None for maximum likelihood.
    pub guess_prior: Option<(f64, f64)>,
    /// The fit is done when an iteration raises what is maximised by no more than this; 1e-8 by default.
    pub tolerance: f64,
    /// Iterations at most; 5,000 by default. The report says if they did not suffice.
    pub max_iterations: usize,
}

impl Default for IrtFit {
    fn default() -> Self {
        Self {
            kind: IrtKind::default(),
            points: 61,
            guess_prior: Some((5.0, 17.0)),
            tolerance: 1e-8,
            max_iterations: 5_000,
        }
    }
}

impl IrtFit {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the first key outside its range.
    pub fn validate(&self) -> Result<(), EduError> {
        let refuse = |key, value: String, need: &str| Err(EduError::Config { key, value, need: need.into() });
        Quadrature::checked(self.points)?;
        if let Some((alpha, beta)) = self.guess_prior
            && !(alpha > 1.0 && beta > 1.0 && alpha.is_finite() && beta.is_finite())
        {
            return refuse("guess_prior", format!("Beta({alpha}, {beta})"), "of two finite numbers above 1");
        }
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return refuse("tolerance", self.tolerance.to_string(), "a positive number");
        }
        if self.max_iterations == 0 {
            return refuse("max_iterations", "0".into(), "at least 1");
        }
        Ok(())
    }

    /// The prior of a guess where there are guesses.
    fn prior(&self) -> Option<(f64, f64)> {
        self.guess_prior.filter(|_| self.kind == IrtKind::Three)
    }
}

/// How a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IrtReport {
    /// Which parameters were free.
    pub kind: IrtKind,
    /// The marginal log-likelihood of the answers.
    pub log_likelihood: f64,
    /// How many numbers were fitted.
    pub parameters: usize,
    /// Akaike's criterion, `2 parameters - 2 log_likelihood`.
    pub aic: f64,
    /// The Bayesian criterion, `parameters ln(learners) - 2 log_likelihood`.
    pub bic: f64,
    /// Iterations it took.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
    /// Learners with an answer that counts.
    pub learners: usize,
    /// Answers that count.
    pub responses: usize,
    /// Answers to an item that the learner had answered before; the first counts.
    pub repeated: usize,
    /// Items that nobody or everybody answered rightly. No finite difficulty fits them, so they are not in the model.
    pub left_out: Vec<String>,
    /// Answers that count, by item of the model.
    pub item_responses: Vec<usize>,
}

pub(super) fn fit(log: &ResponseLog, config: &IrtFit) -> Result<(Vec<IrtItem>, IrtReport), EduError> {
    config.validate()?;
    let all: Vec<Option<usize>> = (0..log.items().len()).map(Some).collect();
    let tally = Answers::new(log, &all).tally(log.items().len());
    let (mut own, mut names, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for (name, &(answers, right)) in log.items().iter().zip(&tally) {
        let differ = right > 0 && right < answers;
        own.push(differ.then_some(names.len()));
        if differ { &mut names } else { &mut left_out }.push(name.clone());
    }
    let fewest = if config.kind == IrtKind::One { 1 } else { 3 };
    if names.len() < fewest {
        let reason = format!(
            "{} of {} items were answered both rightly and wrongly, but this model needs at least {fewest}",
            names.len(),
            log.items().len()
        );
        return Err(EduError::Fit { reason });
    }

    let answers = Answers::new(log, &own);
    let tally = answers.tally(names.len());
    let quadrature = Quadrature::checked(config.points)?;
    let start = tally.iter().map(|&(answers, right)| {
        Curve::start(right as f64 / answers as f64, config.kind, config.guess_prior)
    });
    let mut climb = Climb::new(start.collect(), config.prior(), &answers, &quadrature);
    let mut iterations = 0;
    let converged = loop {
        if iterations == config.max_iterations {
            break false;
        }
        iterations += 1;
        let gain = climb.step(config.kind, &answers, &quadrature);
        if gain <= config.tolerance {
            break true;
        }
    };

    // Abilities and slopes of the opposite sign are as probable: of the two, the one where most slopes are positive.
    if climb.curves.iter().map(|curve| curve.slope.signum()).sum::<f64>() < 0.0 {
        climb.curves.iter_mut().for_each(|curve| curve.slope = -curve.slope);
    }
    let items: Vec<IrtItem> =
        names.into_iter().zip(&climb.curves).map(|(name, curve)| curve.item(name)).collect();
    let log_likelihood = climb.log_likelihood;
    let (parameters, learners) = (config.kind.parameters() * items.len(), answers.learners.len());
    let (aic, bic) = criteria(log_likelihood, parameters, learners);
    let item_responses: Vec<usize> = tally.iter().map(|(answers, _)| *answers).collect();
    let report = IrtReport {
        kind: config.kind,
        log_likelihood,
        parameters,
        aic,
        bic,
        iterations,
        converged,
        learners,
        responses: item_responses.iter().sum(),
        repeated: answers.repeated,
        left_out,
        item_responses,
    };
    Ok((items, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        for bad in [
            IrtFit { points: 40, ..IrtFit::default() },
            IrtFit { guess_prior: Some((1.0, 4.0)), ..IrtFit::default() },
            IrtFit { guess_prior: Some((2.0, f64::NAN)), ..IrtFit::default() },
            IrtFit { tolerance: 0.0, ..IrtFit::default() },
            IrtFit { max_iterations: 0, ..IrtFit::default() },
        ] {
            assert!(matches!(bad.validate(), Err(EduError::Config { .. })), "{bad:?}");
        }
        assert_eq!(IrtFit::default().validate(), Ok(()));
    }
}
