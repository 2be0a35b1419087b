//! Fitting knowledge tracing by maximum likelihood, from several starts.

use super::BktSkill;
use super::sequences::Sequences;
use crate::draws::{Draws, SeededDraws};
use crate::error::EduError;
use crate::knowledge::criteria;
use crate::knowledge::log::ResponseLog;
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a fit is made; the defaults are pyBKT's model: no forgetting, and no bounds on guess and slip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BktFit {
    /// Decides the random starts; 0 by default.
    pub seed: u64,
    /// How many random starts are tried besides the standard one; 5 by default. The best likelihood wins.
    pub restarts: usize,
    /// Whether forgetting is fitted; otherwise it is 0, the default.
    pub forget: bool,
    /// No guess exceeds this; 1 by default, which is no bound. Corbett and Anderson use 0.3. A bound of at most 0.5 keeps *known*
    /// from meaning its opposite.
    pub max_guess: f64,
    /// No slip exceeds this; 1 by default. Corbett and Anderson use 0.1.
    pub max_slip: f64,
    /// A skill is done when an iteration raises its log-likelihood by no more than this; 1e-8 by default.
    pub tolerance: f64,
    /// Iterations from each start, at most; 2,000 by default. The report says where they did not suffice.
    pub max_iterations: usize,
}

impl Default for BktFit {
    fn default() -> Self {
        Self {
            seed: 0,
            restarts: 5,
            forget: false,
            max_guess: 1.0,
            max_slip: 1.0,
            tolerance: 1e-8,
            max_iterations: 2_000,
        }
    }
}

impl BktFit {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the first key outside its range.
    pub fn validate(&self) -> Result<(), EduError> {
        let refuse = |key, value: String, need: &str| Err(EduError::Config { key, value, need: need.into() });
        for (key, value) in [("max_guess", self.max_guess), ("max_slip", self.max_slip)] {
            if !(value > 0.0 && value <= 1.0) {
                return refuse(key, value.to_string(), "above 0 and at most 1");
            }
        }
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return refuse("tolerance", self.tolerance.to_string(), "a positive number");
        }
        if self.max_iterations == 0 {
            return refuse("max_iterations", "0".into(), "at least 1");
        }
        Ok(())
    }

    fn parameters(&self) -> usize {
        if self.forget { 5 } else { 4 }
    }
}

/// How the fit of one skill went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BktSkillReport {
    /// How many answers there were.
    pub responses: usize,
    /// How many learners gave them.
    pub learners: usize,
    /// The most answers that one learner gave. Below 3, different parameters explain the answers equally well, so the fitted ones
    /// are one choice among many.
    pub longest: usize,
    /// The logarithm of the answers' probability.
    pub log_likelihood: f64,
    /// Iterations from the start that won.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

/// How a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BktReport {
    /// The logarithm of the probability of all answers.
    pub log_likelihood: f64,
    /// How many numbers were fitted.
    pub parameters: usize,
    /// Akaike's criterion, `2 parameters - 2 log_likelihood`.
    pub aic: f64,
    /// The Bayesian criterion, `parameters ln(n) - 2 log_likelihood` with `n` the number of sequences (learners times the skills
    /// that they practised), which are what is independent.
    pub bic: f64,
    /// By skill.
    pub skills: Vec<BktSkillReport>,
}

/// Fits every skill, several at a time; the result doesn't depend on how many.
pub(super) fn fit(log: &ResponseLog, config: &BktFit) -> Result<(Vec<BktSkill>, BktReport), EduError> {
    config.validate()?;
    let all: Vec<Sequences> = log.all_sequences().into_iter().map(Sequences::new).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let skill = next.fetch_add(1, Ordering::Relaxed);
            let (Some(sequences), Some(name)) = (all.get(skill), log.skills().get(skill)) else {
                return done;
            };
            done.push((skill, fit_skill(name, sequences, config, skill as u64)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(all.len());
    let mut fitted = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut fitted = work();
        for other in others {
            match other.join() {
                Ok(part) => fitted.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        fitted
    });
    fitted.sort_by_key(|(skill, _)| *skill);
    let (skills, reports): (Vec<BktSkill>, Vec<BktSkillReport>) =
        fitted.into_iter().map(|(_, fitted)| fitted).unzip();

    let log_likelihood = reports.iter().map(|report| report.log_likelihood).sum();
    let parameters = config.parameters() * skills.len();
    let sequences = reports.iter().map(|report| report.learners).sum();
    let (aic, bic) = criteria(log_likelihood, parameters, sequences);
    Ok((skills, BktReport { log_likelihood, parameters, aic, bic, skills: reports }))
}

/// The best of several starts.
fn fit_skill(name: &str, sequences: &Sequences, config: &BktFit, index: u64) -> (BktSkill, BktSkillReport) {
    let mut draws = SeededDraws::new("bkt fit", config.seed, index);
    let mut best = climb(start(name, config, None), sequences, config);
    for _ in 0..config.restarts {
        let other = climb(start(name, config, Some(&mut draws)), sequences, config);
        if other.log_likelihood > best.log_likelihood {
            best = other;
        }
    }
    let report = BktSkillReport {
        responses: sequences.responses,
        learners: sequences.learners,
        longest: sequences.longest,
        log_likelihood: best.log_likelihood,
        iterations: best.iterations,
        converged: best.converged,
    };
    (best.skill, report)
}

/// Where a climb begins: textbook values, or random ones from the ranges that pyBKT draws from.
fn start(name: &str, config: &BktFit, draws: Option<&mut SeededDraws>) -> BktSkill {
    let [prior, learn, forget, guess, slip] = match draws {
        None => [0.4, 0.15, 0.05, 0.2, 0.1],
        Some(draws) => [1.0, 0.4, 0.4, 0.4, 0.3].map(|width| {
            // Not 0 or 1: what is impossible at the start stays impossible.
            width * (0.001 + 0.998 * draws.unit())
        }),
    };
    BktSkill {
        name: name.into(),
        prior,
        learn,
        forget: if config.forget { forget } else { 0.0 },
        guess: guess.min(0.9 * config.max_guess),
        slip: slip.min(0.9 * config.max_slip),
    }
}

/// Where a climb ended.
struct Climb {
    skill: BktSkill,
    log_likelihood: f64,
    iterations: usize,
    converged: bool,
}

fn climb(mut skill: BktSkill, sequences: &Sequences, config: &BktFit) -> Climb {
    let mut scratch = Vec::new();
    let mut counts = sequences.expect(&skill, &mut scratch);
    for iterations in 1..=config.max_iterations {
        let better = counts.maximise(&skill, config);
        let then = sequences.expect(&better, &mut scratch);
        let gain = then.log_likelihood - counts.log_likelihood;
        // At the top, rounding may take back a little.
        if gain > 0.0 {
            (skill, counts) = (better, then);
        }
        if gain <= config.tolerance {
            return Climb { skill, log_likelihood: counts.log_likelihood, iterations, converged: true };
        }
    }
    let iterations = config.max_iterations;
    Climb { skill, log_likelihood: counts.log_likelihood, iterations, converged: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill() -> BktSkill {
        BktSkill { name: "s".into(), prior: 0.3, learn: 0.2, forget: 0.05, guess: 0.25, slip: 0.1 }
    }

    fn sample(skill: &BktSkill, learners: u64, answers: usize) -> Sequences {
        let one = |learner| {
            let mut draws = SeededDraws::new("bkt sample", 3, learner);
            let mut known = draws.unit() < skill.prior;
            (0..answers)
                .map(|_| {
                    let right = if known { 1.0 - skill.slip } else { skill.guess };
                    let correct = draws.unit() < right;
                    let turn = draws.unit() < if known { skill.forget } else { skill.learn };
                    known ^= turn;
                    correct
                })
                .collect()
        };
        Sequences::new((0..learners).map(one).collect())
    }

    #[test]
    fn no_iteration_lowers_the_likelihood() {
        let sequences = sample(&skill(), 200, 9);
        for forget in [false, true] {
            for bound in [1.0, 0.3, 0.05] {
                let config = BktFit { forget, max_guess: bound, max_slip: bound, ..BktFit::default() };
                let mut draws = SeededDraws::new("starts", 1, 0);
                for _ in 0..5 {
                    let mut at = start("s", &config, Some(&mut draws));
                    let mut counts = sequences.expect(&at, &mut Vec::new());
                    for _ in 0..60 {
                        at = counts.maximise(&at, &config);
                        let then = sequences.expect(&at, &mut Vec::new());
                        let lost = counts.log_likelihood - then.log_likelihood;
                        assert!(lost < 1e-9, "{lost} lost at {at:?}");
                        assert!(at.guess <= bound && at.slip <= bound);
                        counts = then;
                    }
                }
            }
        }
    }

    #[test]
    fn what_the_data_say_nothing_of_keeps_its_start() {
        let config = BktFit::default();
        let sequences = Sequences::new(vec![vec![true]; 10]);
        let (fitted, report) = fit_skill("s", &sequences, &BktFit { restarts: 0, ..config.clone() }, 0);
        assert_eq!(fitted.learn, start("s", &config, None).learn);
        assert_eq!((report.longest, report.responses, report.learners), (1, 10, 10));
        assert!((report.log_likelihood).abs() < 1e-3, "ten right answers can be certain");
    }

    #[test]
    fn settings_are_checked() {
        let config = BktFit::default;
        for bad in [
            BktFit { max_guess: 0.0, ..config() },
            BktFit { max_slip: 1.1, ..config() },
            BktFit { tolerance: f64::NAN, ..config() },
            BktFit { max_iterations: 0, ..config() },
        ] {
            assert!(matches!(bad.validate(), Err(EduError::Config { .. })), "{bad:?}");
        }
        assert_eq!(config().validate(), Ok(()));
    }
}
