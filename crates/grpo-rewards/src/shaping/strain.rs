//! What makes a session hard to bear: failures in a row, sudden jumps, a wrong pace.

use serde::{Deserialize, Serialize};

use super::measure::{Better, Measure};
use super::session::{Session, Step};
use crate::spec::positive;
use crate::{RewardError, Score};

/// What a jump is seen in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Jump {
    /// The expected probability of success falls by more than this from one step to the next (0 to 1).
    SuccessFallsBy(f64),
    /// The difficulty rises by more than this from one step to the next, on its own scale.
    DifficultyRisesBy(f64),
}

/// The share of steps that frustrate: wrong answers at the end of a run of them, and steps after a jump in
/// difficulty. 0 to 1. A cost.
///
/// A wrong answer belongs to learning; what predicts giving up is failure that goes on (Beck and Gong 2013,
/// "Wheel-spinning: students who fail to master a skill"; Liu et al. 2013, "Sequences of frustration and
/// confusion, and learning"). So the first wrong answers of a run are free, and each further one counts
/// until a right answer ends it. Steps without an answer leave a run as it is. A step that is both counts
/// once.
///
/// Not applicable where nothing that is looked at is known: no answer, and no jump that could be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Frustration {
    /// From which wrong answer in a row on they count, at least 1. Default: 3 (ours).
    pub wrong_in_a_row: u32,
    /// What counts as a jump. Default: none, since scales of difficulty differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
}

impl Default for Frustration {
    fn default() -> Self {
        Self { wrong_in_a_row: 3, jump: None }
    }
}

impl Frustration {
    /// Whether the second step is a jump from the first; `None` where it cannot be seen.
    fn jumps(&self, from: &Step, to: &Step) -> Option<bool> {
        Some(match self.jump? {
            Jump::SuccessFallsBy(most) => from.success? - to.success? > most,
            Jump::DifficultyRisesBy(most) => to.difficulty? - from.difficulty? > most,
        })
    }
}

impl Measure for Frustration {
    fn kind(&self) -> &'static str {
        "frustration"
    }

    fn better(&self) -> Better {
        Better::Less
    }

    fn validate(&self) -> Result<(), RewardError> {
        positive("wrong_in_a_row", f64::from(self.wrong_in_a_row))?;
        match self.jump {
            None => Ok(()),
            Some(Jump::SuccessFallsBy(most)) if !(most > 0.0 && most < 1.0) => {
                let problem = format!("is {most}");
                Err(RewardError::invalid("jump.success_falls_by", problem, "use a number between 0 and 1"))
            }
            Some(Jump::SuccessFallsBy(_)) => Ok(()),
            Some(Jump::DifficultyRisesBy(most)) => positive("jump.difficulty_rises_by", most),
        }
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let steps = session.steps();
        let (mut run, mut failing, mut jumping, mut either) = (0_u32, 0_usize, 0_usize, 0_usize);
        let mut seen = false;
        let mut before: Option<&Step> = None;
        for step in steps {
            run = match step.correct {
                Some(true) => 0,
                Some(false) => run.saturating_add(1),
                None => run,
            };
            let jump = before.and_then(|before| self.jumps(before, step));
            seen |= step.correct.is_some() || jump.is_some();
            let fails = step.correct == Some(false) && run >= self.wrong_in_a_row;
            let jumps = jump == Some(true);
            failing += usize::from(fails);
            jumping += usize::from(jumps);
            either += usize::from(fails || jumps);
            before = Some(step);
        }
        let (all, free) = (steps.len(), self.wrong_in_a_row.saturating_sub(1));
        let fails = format!("of {all} steps, {failing} failed after {free} failures in a row");
        let reason = if self.jump.is_some() { format!("{fails}, {jumping} jumped") } else { fails };
        seen.then(|| Score::new(either as f64 / steps.len() as f64, reason))
    }
}

/// The share of timed steps that were too fast to have been thought about, or too slow to have been
/// attended to: 0 to 1. A cost.
///
/// The part that is too fast is 1 minus the response time effort of Wise and Kong 2005 ("Response time
/// effort"): rapid guesses. Long pauses are a sign of being off task (Baker 2007, "Modeling and
/// understanding students' off-task behavior"), but how long is long depends on the exercises. Not
/// applicable where no step's seconds are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pacing {
    /// Steps of fewer seconds are too fast; 0 for none. Default: 3, the common three-second threshold for
    /// multiple choice (Kong, Wise and Bhola 2007).
    pub too_fast: f64,
    /// Steps of more seconds are too slow. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_slow: Option<f64>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { too_fast: 3.0, too_slow: None }
    }
}

impl Measure for Pacing {
    fn kind(&self) -> &'static str {
        "pacing"
    }

    fn better(&self) -> Better {
        Better::Less
    }

    fn validate(&self) -> Result<(), RewardError> {
        if !(self.too_fast.is_finite() && self.too_fast >= 0.0) {
            let problem = format!("is {}", self.too_fast);
            return Err(RewardError::invalid("too_fast", problem, "use a number of seconds, at least 0"));
        }
        match self.too_slow {
            Some(slow) if !(slow.is_finite() && slow > self.too_fast) => {
                let fix = format!("use more than `too_fast` = {}", self.too_fast);
                Err(RewardError::invalid("too_slow", format!("is {slow}"), fix))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let seconds: Vec<f64> = session.steps().iter().filter_map(|step| step.seconds).collect();
        let fast = seconds.iter().filter(|&&own| own < self.too_fast).count();
        let slow = seconds.iter().filter(|&&own| self.too_slow.is_some_and(|most| own > most)).count();
        let reason = format!("of {} timed steps, {fast} were too fast, {slow} too slow", seconds.len());
        (!seconds.is_empty()).then(|| Score::new((fast + slow) as f64 / seconds.len() as f64, reason))
    }
}
