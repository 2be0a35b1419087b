//! The first of several rewards that applies.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, by_row};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// The first part that applies: for data of several kinds, each with a reward of its own. A part that fails is not passed over: the
/// next one measures something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// The parts, in the order in which they are asked.
    pub of: Vec<RewardSpec>,
}

impl Settings for First {
    fn kind(&self) -> &'static str {
        "first"
    }

    fn needs_reference(&self) -> bool {
        self.of.iter().all(|spec| spec.kind.needs_reference())
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.iter().flat_map(|spec| spec.kind.reference_fields()).collect()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Composite(Applicable(Part::build_all("of", &self.of)?))))
    }
}

struct Applicable(Vec<Part>);

impl Combine for Applicable {
    fn kind(&self) -> &'static str {
        "first"
    }

    fn parts(&self) -> &[Part] {
        &self.0
    }

    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        by_row(columns, samples.len(), |row| {
            let mut asked = self.0.iter().zip(row);
            match asked.find(|(_, outcome)| *outcome != Outcome::NotApplicable) {
                None => Outcome::NotApplicable,
                Some((part, Outcome::Failed(why))) => part.failed(&why),
                Some((part, Outcome::Scored(score))) => {
                    Outcome::Scored(Score { reason: part.said(&score.reason).into(), ..score })
                }
                Some((_, Outcome::NotApplicable)) => Outcome::NotApplicable,
            }
        })
    }
}
