//! A reward behind a condition.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, by_row};
use crate::spec::{Settings, finite};
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// The reward where a condition holds, and another value where it does not: "no format, no credit". A condition that does not apply
/// asks for nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The condition: holds where its value reaches `threshold`.
    pub condition: Box<RewardSpec>,
    /// What counts where it holds.
    pub reward: Box<RewardSpec>,
    /// From which value on the condition holds. Default: 0.5.
    #[serde(default = "half")]
    pub threshold: f64,
    /// The value where it does not hold. Default: 0.
    #[serde(default)]
    pub otherwise: f64,
}

fn half() -> f64 {
    0.5
}

impl Settings for Gate {
    fn kind(&self) -> &'static str {
        "gate"
    }

    fn needs_reference(&self) -> bool {
        self.reward.kind.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.reward.kind.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        finite("threshold", self.threshold)?;
        finite("otherwise", self.otherwise)?;
        let parts = [Part::build("condition", &self.condition)?, Part::build("reward", &self.reward)?];
        Ok(Box::new(Composite(Gated { parts, threshold: self.threshold, otherwise: self.otherwise })))
    }
}

struct Gated {
    parts: [Part; 2],
    threshold: f64,
    otherwise: f64,
}

impl Combine for Gated {
    fn kind(&self) -> &'static str {
        "gate"
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        let [condition, reward] = &self.parts;
        by_row(columns, samples.len(), |row| {
            let Ok([held, earned]) = <[Outcome; 2]>::try_from(row) else { return Outcome::NotApplicable };
            match held {
                Outcome::Failed(why) => condition.failed(&why),
                Outcome::Scored(score) if score.value < self.threshold => Outcome::Scored(Score::new(
                    self.otherwise,
                    format!("{} does not hold: {}", condition.name, score.reason),
                )),
                Outcome::Scored(_) | Outcome::NotApplicable => match earned {
                    Outcome::Failed(why) => reward.failed(&why),
                    other => other,
                },
            }
        })
    }
}
