//! How many skills are mastered, and how soon.

use serde::{Deserialize, Serialize};

use super::measure::{Better, Measure};
use super::session::Session;
use crate::spec::positive;
use crate::{RewardError, Score};

/// From this probability of knowing a skill on, mastery learning goes on to the next (Corbett and Anderson
/// 1995, "Knowledge tracing").
pub(super) const MASTERY: f64 = 0.95;

pub(super) fn check_threshold(threshold: f64) -> Result<(), RewardError> {
    if threshold > 0.0 && threshold <= 1.0 {
        return Ok(());
    }
    let fix = "use a number above 0, at most 1; 0.95 is usual";
    Err(RewardError::invalid("threshold", format!("is {threshold}"), fix))
}

/// Which skills are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// All.
    #[default]
    All,
    /// Those that were not mastered before the session.
    Missing,
    /// Those that were practised in the session. For a report: a tutor that practises only what is mastered
    /// looks perfect.
    Practised,
}

/// The share of skills that are mastered at the end: 0 to 1. Not applicable where mastery is not known, or
/// no skill is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MasteryReached {
    /// From which mastery on a skill is mastered, above 0 up to 1. Default: 0.95 (Corbett and Anderson 1995).
    pub threshold: f64,
    /// Which skills are counted. Default: all.
    pub of: Counted,
}

impl Default for MasteryReached {
    fn default() -> Self {
        Self { threshold: MASTERY, of: Counted::default() }
    }
}

impl MasteryReached {
    /// Which skills are counted, `[skills]`.
    fn counted(&self, session: &Session, initial: &[f64]) -> Vec<bool> {
        match self.of {
            Counted::All => vec![true; initial.len()],
            Counted::Missing => initial.iter().map(|&mastery| mastery < self.threshold).collect(),
            Counted::Practised => {
                let mut practised = vec![false; initial.len()];
                session
                    .steps()
                    .iter()
                    .filter_map(|step| step.skill)
                    .for_each(|skill| practised[skill] = true);
                practised
            }
        }
    }
}

impl Measure for MasteryReached {
    fn kind(&self) -> &'static str {
        "mastery"
    }

    fn better(&self) -> Better {
        Better::More
    }

    fn validate(&self) -> Result<(), RewardError> {
        check_threshold(self.threshold)
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let counted = self.counted(session, session.initial_mastery()?);
        let last = session.final_mastery()?;
        let mastered = last
            .iter()
            .zip(&counted)
            .filter(|(mastery, counted)| **counted && **mastery >= self.threshold)
            .count();
        let all = counted.into_iter().filter(|&counted| counted).count();
        let what = match self.of {
            Counted::All => "skills",
            Counted::Missing => "missing skills",
            Counted::Practised => "practised skills",
        };
        let reason = format!("{mastered} of {all} {what} mastered at {}", self.threshold);
        (all > 0).then(|| Score::new(mastered as f64 / all as f64, reason))
    }
}

/// What time is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Steps of the session.
    #[default]
    Steps,
    /// The steps' seconds; not applicable where one's are not known.
    Seconds,
}

/// How long it took until enough skills were mastered for the first time, as a share of the horizon: 0 (at
/// the start) to 1 (at the horizon or later). A cost.
///
/// A session that ends before counts 1, as one that took the whole horizon. This is the restricted time of
/// survival analysis, `min(T, horizon)` (Royston and Parmar 2013, "Restricted mean survival time"): leaving
/// such sessions out would make a tutor look fast that masters nothing but the easiest. Not applicable
/// where mastery is not known or there is no skill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeToMastery {
    /// What counts as never: a time that no session should take longer than, in steps or seconds. There is
    /// no default.
    pub horizon: f64,
    /// What time is counted in. Default: steps.
    #[serde(default)]
    pub clock: Clock,
    /// From which mastery on a skill is mastered, above 0 up to 1. Default: 0.95.
    #[serde(default = "mastery")]
    pub threshold: f64,
    /// Which share of all skills is enough, above 0 up to 1. Default: 1, all of them.
    #[serde(default = "all")]
    pub share: f64,
}

fn mastery() -> f64 {
    MASTERY
}
fn all() -> f64 {
    1.0
}

impl TimeToMastery {
    /// The time at which enough skills were mastered; `None` for never.
    fn reached(&self, session: &Session, initial: &[f64]) -> Option<f64> {
        let mut mastered: Vec<bool> = initial.iter().map(|&mastery| mastery >= self.threshold).collect();
        let mut count = mastered.iter().filter(|&&mastered| mastered).count();
        // A share such as 0.7 of ten skills is 7, whatever rounding makes of the product.
        let enough = |count: usize| count as f64 >= self.share * initial.len() as f64 - 1e-9;
        let mut time = 0.0;
        if enough(count) {
            return Some(time);
        }
        for step in session.steps() {
            time += match self.clock {
                Clock::Steps => 1.0,
                Clock::Seconds => step.seconds?,
            };
            for &(skill, mastery) in &step.mastery {
                let now = mastery >= self.threshold;
                count = count + usize::from(now) - usize::from(mastered[skill]);
                mastered[skill] = now;
            }
            if enough(count) {
                return Some(time);
            }
        }
        None
    }
}

impl Measure for TimeToMastery {
    fn kind(&self) -> &'static str {
        "time_to_mastery"
    }

    fn better(&self) -> Better {
        Better::Less
    }

    fn validate(&self) -> Result<(), RewardError> {
        positive("horizon", self.horizon)?;
        check_threshold(self.threshold)?;
        if self.share > 0.0 && self.share <= 1.0 {
            return Ok(());
        }
        let problem = format!("is {}", self.share);
        Err(RewardError::invalid("share", problem, "use a number above 0, at most 1"))
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let initial = session.initial_mastery().filter(|initial| !initial.is_empty())?;
        let unit = match self.clock {
            Clock::Steps => "steps",
            Clock::Seconds => {
                session.seconds()?;
                "seconds"
            }
        };
        Some(match self.reached(session, initial) {
            Some(time) if time < self.horizon => {
                Score::new(time / self.horizon, format!("mastered after {time} of {} {unit}", self.horizon))
            }
            Some(_) | None => Score::new(1.0, format!("not mastered within {} {unit}", self.horizon)),
        })
    }
}
