//! What a session took: time and help.

use serde::{Deserialize, Serialize};

use super::measure::{Better, Measure};
use super::session::Session;
use crate::spec::positive;
use crate::{RewardError, Score};

/// The seconds of all steps, in a unit of one's choice. Not applicable where a step's seconds are not known.
///
/// As a cost it has a limit or a negative weight; where the question is whether learners stay at all, more
/// is better. How time away from the keyboard is treated changes results a great deal (Kovanović et al.
/// 2015, "Penetrating the black box of time-on-task estimation"): with `idle_after`, what exceeds it is
/// taken for idle time, and the reason says how much that is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeOnTask {
    /// How many seconds count 1: 60 for minutes, the limit itself for a share of the limit (which keeps the
    /// step size of a Lagrange multiplier free of units). Default: 1.
    pub seconds_per_unit: f64,
    /// What a step takes beyond this is idle time, in seconds. Default: none, all time counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_after: Option<f64>,
}

impl Default for TimeOnTask {
    fn default() -> Self {
        Self { seconds_per_unit: 1.0, idle_after: None }
    }
}

impl Measure for TimeOnTask {
    fn kind(&self) -> &'static str {
        "time_on_task"
    }

    fn better(&self) -> Better {
        Better::Either
    }

    fn validate(&self) -> Result<(), RewardError> {
        positive("seconds_per_unit", self.seconds_per_unit)?;
        self.idle_after.map_or(Ok(()), |seconds| positive("idle_after", seconds))
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let all = session.seconds()?;
        let Some(most) = self.idle_after else {
            return Some(Score::new(all / self.seconds_per_unit, format!("{all:.1} s")));
        };
        let active: f64 =
            session.steps().iter().filter_map(|step| step.seconds).map(|own| own.min(most)).sum();
        let reason = format!("{active:.1} s, and {:.1} s idle", all - active);
        Some(Score::new(active / self.seconds_per_unit, reason))
    }
}

/// The mean over steps of what hints cost: a share of the step for each, up to all of it. 0 (no hint) to 1.
/// A cost.
///
/// As in partial credit for tutoring systems (Wang and Heffernan 2013, "Extending knowledge tracing to
/// allow partial credit"), where an answer after all hints is worth nothing. Not applicable without steps,
/// and where a step's hints are not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HintCost {
    /// At how many hints a step costs 1, at least 1: the number of hints that an exercise has, the last of
    /// which tells the answer. Default: 3 (ours; set it to what your exercises have).
    pub full_at: u32,
}

impl Default for HintCost {
    fn default() -> Self {
        Self { full_at: 3 }
    }
}

impl Measure for HintCost {
    fn kind(&self) -> &'static str {
        "hint_cost"
    }

    fn better(&self) -> Better {
        Better::Less
    }

    fn validate(&self) -> Result<(), RewardError> {
        positive("full_at", f64::from(self.full_at))
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let hints: Vec<u32> = session.steps().iter().map(|step| step.hints).collect::<Option<_>>()?;
        let cost = |&hints: &u32| f64::from(hints.min(self.full_at)) / f64::from(self.full_at);
        let all: u64 = hints.iter().map(|&hints| u64::from(hints)).sum();
        let reason = format!("{all} hints in {} steps", hints.len());
        (!hints.is_empty())
            .then(|| Score::new(hints.iter().map(cost).sum::<f64>() / hints.len() as f64, reason))
    }
}
