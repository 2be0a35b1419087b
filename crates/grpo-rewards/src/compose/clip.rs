//! A reward between bounds.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, by_row};
use crate::spec::{Settings, finite};
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// A reward whose values below `min` count as `min` and above `max` as `max`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// The reward.
    pub of: Box<RewardSpec>,
    /// The lowest value; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The highest value; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Settings for Clip {
    fn kind(&self) -> &'static str {
        "clip"
    }

    fn needs_reference(&self) -> bool {
        self.of.kind.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.kind.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        for (key, bound) in [("min", self.min), ("max", self.max)] {
            bound.map_or(Ok(()), |bound| finite(key, bound))?;
        }
        let (min, max) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if self.min.is_none() && self.max.is_none() {
            return Err(RewardError::invalid("min", "and `max` are missing", "give at least one of them"));
        }
        if min > max {
            return Err(RewardError::invalid("min", format!("{min} is above `max` = {max}"), "swap them"));
        }
        Ok(Box::new(Composite(Clipped { part: [Part::build("of", &self.of)?], min, max })))
    }
}

struct Clipped {
    part: [Part; 1],
    min: f64,
    max: f64,
}

impl Combine for Clipped {
    fn kind(&self) -> &'static str {
        "clip"
    }

    fn parts(&self) -> &[Part] {
        &self.part
    }

    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        by_row(columns, samples.len(), |mut row| match row.pop() {
            Some(Outcome::Scored(score)) => {
                let value = score.value.clamp(self.min, self.max);
                let reason = match value == score.value {
                    true => score.reason,
                    false => format!("{}; {} counts as {value}", score.reason, score.value).into(),
                };
                Outcome::Scored(Score { value, reason, ..score })
            }
            Some(other) => other,
            None => Outcome::NotApplicable,
        })
    }
}
