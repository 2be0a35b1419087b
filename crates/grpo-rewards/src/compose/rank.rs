//! The place of a completion within its group.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, groups};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// The place of a completion among those of its group by another reward: 0 for the lowest, 1 for the highest, equal values in the
/// middle of their places. Keeps the order of a reward whose scale means nothing (a judge's marks). Not applicable where the group has
/// fewer than two scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// The reward that orders.
    pub of: Box<RewardSpec>,
}

impl Settings for Rank {
    fn kind(&self) -> &'static str {
        "rank"
    }

    fn needs_reference(&self) -> bool {
        self.of.kind.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.kind.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        Ok(Box::new(Composite(Ranked([Part::build("of", &self.of)?]))))
    }
}

struct Ranked([Part; 1]);

impl Combine for Ranked {
    fn kind(&self) -> &'static str {
        "rank"
    }

    fn parts(&self) -> &[Part] {
        &self.0
    }

    fn per_episode(&self) -> bool {
        false
    }

    fn combine(&self, samples: &[Sample<'_>], mut columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        let mut outcomes = columns.pop().unwrap_or_default();
        for group in groups(samples) {
            let mut order: Vec<(f64, usize)> =
                group.into_iter().filter_map(|at| Some((outcomes[at].value()?, at))).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            let scored = order.len();
            let mut below = 0;
            for equal in order.chunk_by(|a, b| a.0 == b.0) {
                // The middle of the places `below .. below + equal.len()`, counted from 0.
                let place = below as f64 + (equal.len() - 1) as f64 / 2.0;
                below += equal.len();
                for &(_, at) in equal {
                    outcomes[at] = placed(&outcomes[at], place, scored);
                }
            }
        }
        outcomes
    }
}

fn placed(outcome: &Outcome, place: f64, scored: usize) -> Outcome {
    match outcome.score() {
        Some(score) if scored > 1 => {
            let reason = format!("{}; place {} of {scored} from below", score.reason, place + 1.0);
            let value = place / (scored - 1) as f64;
            Outcome::Scored(Score { value, reason: reason.into(), extracted: score.extracted.clone() })
        }
        _ => Outcome::NotApplicable,
    }
}
