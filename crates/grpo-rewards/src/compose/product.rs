//! The product of several rewards.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, by_row, sum::fold};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample};

/// The product of the parts that apply, so that one of 0 costs everything; not applicable where none does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The parts.
    pub of: Vec<RewardSpec>,
}

impl Settings for Product {
    fn kind(&self) -> &'static str {
        "product"
    }

    fn needs_reference(&self) -> bool {
        self.of.iter().all(|spec| spec.kind.needs_reference())
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.iter().flat_map(|spec| spec.kind.reference_fields()).collect()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Composite(Multiplied(Part::build_all("of", &self.of)?))))
    }
}

struct Multiplied(Vec<Part>);

impl Combine for Multiplied {
    fn kind(&self) -> &'static str {
        "product"
    }

    fn parts(&self) -> &[Part] {
        &self.0
    }

    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        by_row(columns, samples.len(), |row| fold(&self.0, row, 1.0, |product, value| product * value))
    }
}
