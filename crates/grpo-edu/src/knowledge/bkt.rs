//! Bayesian knowledge tracing: a skill is known or not, and every practice may turn one into the other.
//!
//! Corbett and Anderson 1995, "Knowledge tracing: Modeling the acquisition of procedural knowledge". With `L` the probability that
//! the skill is known before an answer:
//!
//! - answering: `P(right) = L (1 - slip) + (1 - L) guess`;
//! - what the answer tells: `L' = L (1 - slip) / P(right)` after a right one, `L' = L slip / P(wrong)` after a wrong one;
//! - practising: `L = L' (1 - forget) + (1 - L') learn`; before the first answer, `L = prior`.

#[cfg(feature = "tutors")]
mod environment;
mod fit;
mod sequences;

#[cfg(feature = "tutors")]
pub use environment::{BktEpisode, BktLearner};
pub use fit::{BktFit, BktReport, BktSkillReport};

use super::log::ResponseLog;
use super::quality::Quality;
use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The parameters of one skill, all of them probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BktSkill {
    /// Its name in the log.
    pub name: String,
    /// `P(L0)`, that it is known before the first practice.
    pub prior: f64,
    /// `P(T)`, that a practice makes it known.
    pub learn: f64,
    /// `P(F)`, that it is forgotten at a practice. 0 in the original model.
    #[serde(default)]
    pub forget: f64,
    /// `P(G)`, that an answer is right though it is not known.
    pub guess: f64,
    /// `P(S)`, that an answer is wrong though it is known.
    pub slip: f64,
}

impl BktSkill {
    /// `P(right)` where the skill is known with probability `known`.
    pub fn predict(&self, known: f64) -> f64 {
        known * (1.0 - self.slip) + (1.0 - known) * self.guess
    }

    /// `L'`: with which probability the skill was known, given the answer. An answer that the parameters rule out tells nothing:
    /// `known` stays.
    pub fn condition(&self, known: f64, correct: bool) -> f64 {
        let (if_known, if_not) =
            if correct { (1.0 - self.slip, self.guess) } else { (self.slip, 1.0 - self.guess) };
        let (yes, no) = (known * if_known, (1.0 - known) * if_not);
        if yes + no > 0.0 { yes / (yes + no) } else { known }
    }

    /// `L` before the next answer, after one answer and the practice that goes with it.
    pub fn update(&self, known: f64, correct: bool) -> f64 {
        let known = self.condition(known, correct);
        known * (1.0 - self.forget) + (1.0 - known) * self.learn
    }

    /// `L` after each of a learner's answers, `[answers]`: with what probability the skill is known by now, the practice that goes
    /// with the answer included. The last one predicts the next answer.
    ///
    /// ```
    /// use grpo_edu::knowledge::BktSkill;
    ///
    /// let skill = BktSkill {
    ///     name: "fractions".into(), prior: 0.3, learn: 0.2, forget: 0.0, guess: 0.2, slip: 0.1,
    /// };
    /// let known = skill.trace(&[true, true, false]);
    /// assert!(known[1] > known[0] && known[2] < known[1]);
    /// ```
    pub fn trace(&self, answers: &[bool]) -> Vec<f64> {
        let step = |known: &mut f64, &correct: &bool| {
            *known = self.update(*known, correct);
            Some(*known)
        };
        answers.iter().scan(self.prior, step).collect()
    }

    /// The logarithm of the probability of a learner's answers; minus infinity where the parameters rule them out.
    pub fn log_likelihood(&self, answers: &[bool]) -> f64 {
        let (mut known, mut sum) = (self.prior, 0.0);
        for &correct in answers {
            let right = self.predict(known);
            sum += if correct { right } else { 1.0 - right }.ln();
            known = self.update(known, correct);
        }
        sum
    }

    fn validate(&self) -> Result<(), EduError> {
        let parameters = [
            ("prior", self.prior),
            ("learn", self.learn),
            ("forget", self.forget),
            ("guess", self.guess),
            ("slip", self.slip),
        ];
        match parameters.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            Some(&(parameter, value)) => Err(EduError::Parameter {
                parameter,
                of: self.name.clone(),
                value,
                need: "a probability, between 0 and 1",
            }),
            None => Ok(()),
        }
    }
}

/// Bayesian knowledge tracing of any number of skills, which are independent of each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bkt {
    skills: Vec<BktSkill>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<BktReport>,
}

impl Bkt {
    /// A model with these parameters.
    ///
    /// # Errors
    ///
    /// As [`Bkt::validate`].
    pub fn new(skills: Vec<BktSkill>) -> Result<Self, EduError> {
        let model = Self { skills, report: None };
        model.validate()?;
        Ok(model)
    }

    /// Fits the parameters of every skill of a log by maximum likelihood; see [`BktFit`].
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] for settings outside their ranges.
    pub fn fit(log: &ResponseLog, config: &BktFit) -> Result<Self, EduError> {
        let (skills, report) = fit::fit(log, config)?;
        Ok(Self { skills, report: Some(report) })
    }

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`EduError::Parameter`] for one that is no probability; [`EduError::Config`] where there is no skill, or two have one name.
    pub fn validate(&self) -> Result<(), EduError> {
        super::check_names("skills", self.skills.iter().map(|skill| skill.name.as_str()))?;
        self.skills.iter().try_for_each(BktSkill::validate)
    }

    /// The skills with their parameters; at least one.
    pub fn skills(&self) -> &[BktSkill] {
        &self.skills
    }

    /// How the fit went, if the parameters come from one.
    pub fn report(&self) -> Option<&BktReport> {
        self.report.as_ref()
    }

    /// The logarithm of the probability of all answers of a log.
    ///
    /// # Errors
    ///
    /// [`EduError::UnknownName`] for a skill that the model doesn't have.
    pub fn log_likelihood(&self, log: &ResponseLog) -> Result<f64, EduError> {
        let own = self.match_skills(log)?;
        let all = log.all_sequences();
        let of = |(&skill, sequences): (&usize, &Vec<Vec<bool>>)| -> f64 {
            sequences.iter().map(|answers| self.skills[skill].log_likelihood(answers)).sum()
        };
        Ok(own.iter().zip(&all).map(of).sum())
    }

    /// The probability of a right answer that each response of a log had, given the learner's answers before it, with whether it
    /// was right: for each learner, in order.
    ///
    /// # Errors
    ///
    /// [`EduError::UnknownName`] for a skill that the model doesn't have.
    pub fn predictions(&self, log: &ResponseLog) -> Result<Vec<(f64, bool)>, EduError> {
        let own = self.match_skills(log)?;
        let mut predictions = Vec::with_capacity(log.len());
        for responses in log.responses() {
            let mut known: Vec<f64> = self.skills.iter().map(|skill| skill.prior).collect();
            for response in responses {
                let skill = own[response.skill];
                predictions.push((self.skills[skill].predict(known[skill]), response.correct));
                known[skill] = self.skills[skill].update(known[skill], response.correct);
            }
        }
        Ok(predictions)
    }

    /// How good the [predictions](Bkt::predictions) for a log are. On the log that the model was fitted to, this flatters it.
    ///
    /// # Errors
    ///
    /// [`EduError::UnknownName`] for a skill that the model doesn't have.
    pub fn quality(&self, log: &ResponseLog) -> Result<Quality, EduError> {
        let predictions = self.predictions(log)?;
        Quality::of(&predictions)
            .ok_or_else(|| EduError::EmptyLog { file: "the log".into(), reason: "nothing to predict".into() })
    }

    /// Which of the model's skills each skill of the log is.
    fn match_skills(&self, log: &ResponseLog) -> Result<Vec<usize>, EduError> {
        let numbers: HashMap<&str, usize> =
            self.skills.iter().enumerate().map(|(number, skill)| (skill.name.as_str(), number)).collect();
        let find = |name: &String| {
            numbers
                .get(name.as_str())
                .copied()
                .ok_or_else(|| EduError::UnknownName { what: "skill", name: name.clone() })
        };
        log.skills().iter().map(find).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::log::Columns;

    fn skill() -> BktSkill {
        BktSkill { name: "s".into(), prior: 0.3, learn: 0.2, forget: 0.05, guess: 0.25, slip: 0.1 }
    }

    /// The probability of the answers and that the skill is known after them, as sums over all courses of the hidden state.
    pub(super) fn by_enumeration(skill: &BktSkill, answers: &[bool]) -> (f64, f64) {
        let (mut total, mut known_after) = (0.0, 0.0);
        for states in 0_u32..1 << (answers.len() + 1) {
            let known = |time: usize| states >> time & 1 == 1;
            let mut p = if known(0) { skill.prior } else { 1.0 - skill.prior };
            for (time, &correct) in answers.iter().enumerate() {
                let right = if known(time) { 1.0 - skill.slip } else { skill.guess };
                let turn = if known(time) { skill.forget } else { skill.learn };
                p *= if correct { right } else { 1.0 - right };
                p *= if known(time) == known(time + 1) { 1.0 - turn } else { turn };
            }
            total += p;
            known_after += if known(answers.len()) { p } else { 0.0 };
        }
        (total, known_after / total)
    }

    #[test]
    fn tracing_agrees_with_enumeration() {
        for pattern in 0_u32..64 {
            let answers: Vec<bool> = (0..6).map(|time| pattern >> time & 1 == 1).collect();
            let (probability, known) = by_enumeration(&skill(), &answers);
            assert!((skill().log_likelihood(&answers) - probability.ln()).abs() < 1e-12);
            assert!((skill().trace(&answers)[5] - known).abs() < 1e-12);
            let (right, _) = by_enumeration(&skill(), &[&answers[..], &[true]].concat());
            assert!((skill().predict(known) - right / probability).abs() < 1e-12);
        }
    }

    #[test]
    fn an_answer_that_is_ruled_out_tells_nothing() {
        let skill = BktSkill { prior: 0.0, learn: 0.0, forget: 0.0, guess: 0.0, ..skill() };
        assert_eq!(skill.trace(&[true, false]), [0.0, 0.0]);
        assert_eq!(skill.log_likelihood(&[true]), f64::NEG_INFINITY);
    }

    #[test]
    fn parameters_are_checked() {
        let bad = BktSkill { slip: 1.5, ..skill() };
        let error = Bkt::new(vec![bad]).unwrap_err();
        assert_eq!(error.to_string(), "`slip` of `s` is 1.5, but it must be a probability, between 0 and 1");
        assert!(Bkt::new(vec![BktSkill { prior: f64::NAN, ..skill() }]).is_err());
        assert!(Bkt::new(vec![]).is_err());
        assert!(Bkt::new(vec![skill(), skill()]).unwrap_err().to_string().contains("`s`"));
    }

    #[test]
    fn predictions_use_what_came_before_and_names() {
        let other = BktSkill { name: "t".into(), prior: 0.8, ..skill() };
        let model = Bkt::new(vec![skill(), other.clone()]).unwrap();
        let table = "learner,skill,correct\na,t,1\nb,s,0\na,s,1\na,t,0\n";
        let log = ResponseLog::parse_csv(table, "t", &Columns::default()).unwrap();
        let expected = [
            (other.predict(0.8), true),
            (skill().predict(0.3), true),
            (other.predict(other.update(0.8, true)), false),
            (skill().predict(0.3), false),
        ];
        let predictions = model.predictions(&log).unwrap();
        assert_eq!(predictions, expected);
        let direct: f64 = expected.iter().map(|&(p, right)| if right { p } else { 1.0 - p }.ln()).sum();
        assert!((model.log_likelihood(&log).unwrap() - direct).abs() < 1e-12);
        assert_eq!(model.quality(&log).unwrap(), Quality::of(&expected).unwrap());
        let log = ResponseLog::parse_csv("learner,skill,correct\na,u,1\n", "t", &Columns::default()).unwrap();
        assert_eq!(
            model.log_likelihood(&log),
            Err(EduError::UnknownName { what: "skill", name: "u".into() })
        );
    }
}
