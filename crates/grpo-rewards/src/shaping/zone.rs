//! Neither too easy nor too hard.

use serde::{Deserialize, Serialize};

use super::measure::{Better, Measure};
use super::session::Session;
use crate::{RewardError, Score};

/// How a step's score falls with the distance from the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// `1 - (d / D)²` for a distance `d`, where `D` is the largest that is possible on this target: a
    /// smooth hill from 1 down to 0.
    Squared,
    /// 1 up to a distance of `within`, then a straight line down to 0 at `gone`.
    Plateau {
        /// The distance that costs nothing, at least 0.
        within: f64,
        /// The distance from which on the score is 0, above `within`.
        gone: f64,
    },
}

/// How near the expected success is to the target, as the mean over steps: 0 to 1. The zone of proximal
/// development, put in numbers (Vygotsky 1978; Murray and Arroyo 2002, "Toward measuring and maintaining
/// the zone of proximal development").
///
/// The default target is the rule of Wilson et al. 2019 ("The eighty five percent rule for optimal
/// learning", Nature Communications 10, 4646): for learning of two-choice tasks by gradient descent, the
/// error rate at which learning is fastest is 15.87%. People who learn other things may need another one,
/// which is why it is a setting.
///
/// Not applicable where no step's success was expected with a known probability.
///
/// ```
/// use grpo_rewards::shaping::Zone;
/// let zone = Zone::default();
/// assert_eq!(zone.of(0.85), 1.0);
/// assert_eq!(zone.of(0.0), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Zone {
    /// The probability of success at which learning is best, 0 to 1. Default: 0.85.
    pub target: f64,
    /// How the score falls with the distance. Default: squared.
    pub shape: Shape,
}

impl Default for Zone {
    fn default() -> Self {
        Self { target: 0.85, shape: Shape::Squared }
    }
}

impl Zone {
    /// The score of one step with this probability of success.
    pub fn of(&self, success: f64) -> f64 {
        let distance = (success - self.target).abs();
        match self.shape {
            Shape::Squared => 1.0 - (distance / self.target.max(1.0 - self.target)).powi(2),
            Shape::Plateau { within, .. } if distance <= within => 1.0,
            Shape::Plateau { gone, .. } if distance >= gone => 0.0,
            Shape::Plateau { within, gone } => (gone - distance) / (gone - within),
        }
    }
}

impl Measure for Zone {
    fn kind(&self) -> &'static str {
        "zone"
    }

    fn better(&self) -> Better {
        Better::More
    }

    fn validate(&self) -> Result<(), RewardError> {
        if !(0.0..=1.0).contains(&self.target) {
            let problem = format!("is {}", self.target);
            return Err(RewardError::invalid("target", problem, "use a number from 0 to 1; 0.85 is usual"));
        }
        match self.shape {
            Shape::Squared => Ok(()),
            Shape::Plateau { within, gone } => {
                if within >= 0.0 && gone > within && gone.is_finite() {
                    return Ok(());
                }
                let problem = format!("has within = {within} and gone = {gone}");
                let fix = "use 0 or more, and more than that, such as 0.1 and 0.3";
                Err(RewardError::invalid("shape.plateau", problem, fix))
            }
        }
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let expected: Vec<f64> = session.steps().iter().filter_map(|step| step.success).collect();
        let steps = expected.len() as f64;
        let mean = expected.iter().sum::<f64>() / steps;
        let reason = format!("success expected with {mean:.2} on average, the target is {}", self.target);
        (!expected.is_empty()).then(|| {
            Score::new(expected.iter().map(|&success| self.of(success)).sum::<f64>() / steps, reason)
        })
    }
}
