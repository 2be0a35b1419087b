//! A price for breaking a limit, found while training.

use serde::{Deserialize, Serialize};

use crate::RewardError;
use crate::spec::{finite, positive};

/// The multiplier of one constraint `mean cost ≤ limit`, and how it is found: dual ascent.
///
/// ```text
/// policy      maximises   gain - λ (cost - limit)
/// multiplier  λ ← max(0, λ + step_size (mean cost - limit))
/// ```
///
/// The Lagrangian of a constrained decision process (Altman 1999), with the policy and the multiplier
/// learnt in turn (Tessler, Mankowitz and Mannor 2018, "Reward constrained policy optimization"; Ray,
/// Achiam and Amodei 2019, "Benchmarking safe exploration"). While the limit is broken the price rises, and
/// it falls to 0 again where the limit does not bind. It can overshoot and swing around the right price;
/// the mean over training is what converges, and a smaller step swings less.
///
/// A value of this type is the whole state: saved and read back, training goes on as if it had not stopped.
///
/// ```
/// use grpo_rewards::shaping::Lagrange;
/// let mut price = Lagrange::new(0.0, 0.5, 10.0)?;
/// price.update(14.0)?;
/// assert_eq!(price.multiplier(), 2.0);
/// assert_eq!(price.penalty(11.0), 2.0);
/// price.update(2.0)?;
/// assert_eq!(price.multiplier(), 0.0);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct Lagrange {
    multiplier: f64,
    step_size: f64,
    limit: f64,
    most: Option<f64>,
}

/// [`Lagrange`] as it is saved, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    multiplier: f64,
    step_size: f64,
    limit: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    most: Option<f64>,
}

impl Lagrange {
    /// Begins with a multiplier, at least 0.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] for a number that is not finite, a negative multiplier, or a step size of 0
    /// or less.
    pub fn new(multiplier: f64, step_size: f64, limit: f64) -> Result<Self, RewardError> {
        not_negative("multiplier", multiplier)?;
        positive("step_size", step_size)?;
        finite("limit", limit)?;
        Ok(Self { multiplier, step_size, limit, most: None })
    }

    /// Lets the multiplier rise no higher, so that a limit that no policy can keep does not drown the gain.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] for a number that is 0 or less, or less than the multiplier.
    pub fn at_most(self, most: f64) -> Result<Self, RewardError> {
        positive("max_multiplier", most)?;
        if most < self.multiplier {
            let problem = format!("is {most}, less than the multiplier, {}", self.multiplier);
            return Err(RewardError::invalid("max_multiplier", problem, "use a larger one"));
        }
        Ok(Self { most: Some(most), ..self })
    }

    /// λ, in units of gain per unit of cost.
    pub fn multiplier(&self) -> f64 {
        self.multiplier
    }

    /// What the mean cost should not exceed.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// `λ (cost - limit)`: what is subtracted from an episode's gain.
    pub fn penalty(&self, cost: f64) -> f64 {
        self.multiplier * (cost - self.limit)
    }

    /// A step of dual ascent with the mean cost of the current policy's episodes. Returns the new multiplier.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] where the mean cost is not finite, or so large that the multiplier would
    /// not be; it stays as it was.
    pub fn update(&mut self, mean_cost: f64) -> Result<f64, RewardError> {
        finite("mean_cost", mean_cost)?;
        let next = (self.multiplier + self.step_size * (mean_cost - self.limit)).max(0.0);
        finite("multiplier", next)?;
        self.multiplier = self.most.map_or(next, |most| next.min(most));
        Ok(self.multiplier)
    }
}

fn not_negative(key: &str, value: f64) -> Result<(), RewardError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(RewardError::invalid(key, format!("is {value}"), "use a finite number, at least 0"))
}

impl TryFrom<State> for Lagrange {
    type Error = RewardError;

    fn try_from(state: State) -> Result<Self, RewardError> {
        let State { multiplier, step_size, limit, most } = state;
        let own = Self::new(multiplier, step_size, limit)?;
        most.map_or(Ok(own), |most| own.at_most(most))
    }
}

impl From<Lagrange> for State {
    fn from(own: Lagrange) -> Self {
        let Lagrange { multiplier, step_size, limit, most } = own;
        Self { multiplier, step_size, limit, most }
    }
}
