//! What was learnt, and what is left of it after a while.

use serde::{Deserialize, Serialize};

use super::measure::{Better, Measure};
use super::session::Session;
use crate::{RewardError, Score};

/// What a gain is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GainFormula {
    /// By what was missing, for losses too: `(final - initial) / (full - initial)`.
    #[default]
    Hake,
    /// Gains by what was missing, losses by what there was to lose.
    NormalizedChange,
}

/// The share of what was missing that was learnt: Hake's normalised gain `(final - initial) / (full -
/// initial)` (Hake 1998, "Interactive-engagement versus traditional methods", Am. J. Phys. 66, 64), at most
/// 1.
///
/// A loss is divided by what was missing too, so that a good beginning makes it large: from 0.9 to 0 it is
/// -9. As a reward, that is one episode that outweighs its group. `normalized_change` (Marx and Cummings
/// 2007, "Normalized change", Am. J. Phys. 75, 87) divides a loss by the initial score, so that it stays
/// between -1 and 1.
///
/// Not applicable where a score is missing, and where the initial score is the full one: there was nothing
/// to learn. Marx and Cummings also leave out learners who had 0 before and after; with
/// `normalized_change`, so does this.
///
/// ```
/// use grpo_rewards::shaping::{GainFormula, LearningGain};
/// let hake = LearningGain::default();
/// assert_eq!(hake.of(2.0, 6.0, 10.0), Some(0.5));
/// assert_eq!(hake.of(10.0, 10.0, 10.0), None);
/// let change = LearningGain { formula: GainFormula::NormalizedChange };
/// assert_eq!(change.of(8.0, 4.0, 10.0), Some(-0.5));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningGain {
    /// What the gain is divided by. Default: Hake's formula.
    pub formula: GainFormula,
}

impl LearningGain {
    /// The gain from these scores; `None` where there is none to speak of.
    pub fn of(&self, initial: f64, r#final: f64, full: f64) -> Option<f64> {
        let (gain, missing) = (r#final - initial, full - initial);
        match self.formula {
            GainFormula::Hake => (missing > 0.0).then(|| gain / missing),
            GainFormula::NormalizedChange if gain > 0.0 => Some(gain / missing),
            GainFormula::NormalizedChange if gain < 0.0 => Some(gain / initial),
            GainFormula::NormalizedChange => (initial > 0.0 && missing > 0.0).then_some(0.0),
        }
    }
}

impl Measure for LearningGain {
    fn kind(&self) -> &'static str {
        "learning_gain"
    }

    fn better(&self) -> Better {
        Better::More
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let (initial, r#final, full) = session.scores()?;
        let gain = self.of(initial, r#final, full)?;
        Some(Score::new(gain, format!("from {initial} to {} of {full}", r#final)))
    }
}

/// What a delayed score is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionOf {
    /// What could be learnt: `(delayed - initial) / (full - initial)`, the gain that lasted.
    #[default]
    Full,
    /// What was learnt: `(delayed - initial) / (final - initial)`, 1 where nothing of it was lost.
    Gain,
    /// The score after the session: `delayed / final`.
    Final,
}

/// What is left after a while, as the mean over the delayed tests.
///
/// `full` is Hake's gain with the delayed score instead of the final one, and the one to train with: it
/// grows with what is learnt and with what is kept of it. `gain` and `final` are shares of what was reached
/// (as curves of forgetting show it; Rubin and Wenzel 1996, "One hundred years of forgetting"): they are
/// good for a report, but a tutor that teaches little and keeps it looks perfect. They may exceed 1.
///
/// Not applicable without a delayed test, without the scores that the formula needs, and where it would
/// divide by 0 or (`gain`) nothing was gained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// What the delayed scores are compared with. Default: what could be learnt.
    pub of: RetentionOf,
    /// Tests sooner than this after the session don't count, in seconds. Default: 0.
    pub not_before: f64,
}

impl Retention {
    fn of(&self, initial: Option<f64>, r#final: Option<f64>, full: f64, delayed: f64) -> Option<f64> {
        let (kept, whole) = match self.of {
            RetentionOf::Full => (delayed - initial?, full - initial?),
            RetentionOf::Gain => (delayed - initial?, r#final? - initial?),
            RetentionOf::Final => (delayed, r#final?),
        };
        (whole > 0.0).then(|| kept / whole)
    }
}

impl Measure for Retention {
    fn kind(&self) -> &'static str {
        "retention"
    }

    fn better(&self) -> Better {
        Better::More
    }

    fn validate(&self) -> Result<(), RewardError> {
        if self.not_before.is_finite() && self.not_before >= 0.0 {
            return Ok(());
        }
        let problem = format!("is {}", self.not_before);
        Err(RewardError::invalid("not_before", problem, "use a number of seconds, at least 0"))
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let record = session.record();
        let late = record.delayed.iter().filter(|test| test.seconds >= self.not_before);
        let shares = late
            .map(|test| self.of(record.initial_score, record.final_score, record.full_score, test.score))
            .collect::<Option<Vec<f64>>>()?;
        let tests = shares.len();
        let what = match self.of {
            RetentionOf::Full => "of what could be learnt",
            RetentionOf::Gain => "of the gain",
            RetentionOf::Final => "of the final score",
        };
        (tests > 0).then(|| {
            let mean = shares.iter().sum::<f64>() / tests as f64;
            Score::new(mean, format!("{:.0}% {what} in {tests} delayed tests", 100.0 * mean))
        })
    }
}
