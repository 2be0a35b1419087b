//! A reward in units of its own spread.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Combine, Composite, Part};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// A reward's distance from its mean in standard deviations, both over all values so far, those of the present batch included: brings
/// rewards of different scales together before they are added up.
///
/// Mean and variance are accumulated by Welford's method ("Note on a method for calculating corrected sums of squares and products",
/// Technometrics 1962), in the order of the episodes. They are part of a run's checkpoint. Where all values so far are equal, the
/// distance is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalized {
    /// The reward.
    pub of: Box<RewardSpec>,
    /// Whether the mean is subtracted; the baseline of a group subtracts one of its own. Default: true.
    #[serde(default = "yes")]
    pub center: bool,
}

fn yes() -> bool {
    true
}

impl Settings for Normalized {
    fn kind(&self) -> &'static str {
        "normalized"
    }

    fn needs_reference(&self) -> bool {
        self.of.kind.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.kind.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        let part = [Part::build("of", &self.of)?];
        Ok(Box::new(Composite(Standardised { part, center: self.center, seen: Mutex::default() })))
    }
}

/// Welford's accumulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Seen {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// Unbiased; 0 for fewer than two values.
    fn std(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / (self.count - 1) as f64).sqrt() }
    }
}

struct Standardised {
    part: [Part; 1],
    center: bool,
    seen: Mutex<Seen>,
}

impl Combine for Standardised {
    fn kind(&self) -> &'static str {
        "normalized"
    }

    fn parts(&self) -> &[Part] {
        &self.part
    }

    fn per_episode(&self) -> bool {
        false
    }

    fn combine(&self, _: &[Sample<'_>], mut columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        let outcomes = columns.pop().unwrap_or_default();
        let (mean, std) = {
            // Nothing can panic while it is held.
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.iter().filter_map(Outcome::value).for_each(|value| seen.add(value));
            (seen.mean, seen.std())
        };
        let standard = |outcome| match outcome {
            Outcome::Scored(score) => {
                let distance = if self.center { score.value - mean } else { score.value };
                // Of equal values, rounding leaves a deviation far below the values themselves.
                let spread = std > f64::EPSILON * mean.abs();
                let value = if spread { distance / std } else { 0.0 };
                let reason = format!("{}; {:.4} among {mean:.4} ± {std:.4}", score.reason, score.value);
                Outcome::Scored(Score { value, reason: reason.into(), ..score })
            }
            other => other,
        };
        outcomes.into_iter().map(standard).collect()
    }

    fn own_state(&self) -> Value {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!(seen)
    }

    fn restore_own(&self, state: &Value) -> Result<(), String> {
        let seen = match state.is_null() {
            true => Seen::default(),
            false => Seen::deserialize(state).map_err(|error| format!("`normalized`: {error}"))?,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }
}
