//! The weighted sum of several rewards.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, by_row};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// The weighted sum of the parts that apply; not applicable where none does. For sums within other rewards: a recipe's own list of
/// rewards is summed without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The parts.
    pub of: Vec<RewardSpec>,
}

impl Settings for Sum {
    fn kind(&self) -> &'static str {
        "sum"
    }

    fn needs_reference(&self) -> bool {
        self.of.iter().all(|spec| spec.kind.needs_reference())
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.iter().flat_map(|spec| spec.kind.reference_fields()).collect()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Composite(Summed(Part::build_all("of", &self.of)?))))
    }
}

struct Summed(Vec<Part>);

impl Combine for Summed {
    fn kind(&self) -> &'static str {
        "sum"
    }

    fn parts(&self) -> &[Part] {
        &self.0
    }

    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        by_row(columns, samples.len(), |row| fold(&self.0, row, 0.0, |sum, value| sum + value))
    }
}

/// All parts that apply as one number, with all their reasons.
pub(super) fn fold(parts: &[Part], row: Vec<Outcome>, start: f64, join: fn(f64, f64) -> f64) -> Outcome {
    let (mut value, mut reasons) = (start, Vec::new());
    for (part, outcome) in parts.iter().zip(row) {
        match outcome {
            Outcome::Scored(score) => {
                value = join(value, score.value);
                reasons.push(part.said(&score.reason));
            }
            Outcome::NotApplicable => {}
            Outcome::Failed(why) => return part.failed(&why),
        }
    }
    if reasons.is_empty() {
        return Outcome::NotApplicable;
    }
    Outcome::Scored(Score::new(value, reasons.join("; ")))
}
