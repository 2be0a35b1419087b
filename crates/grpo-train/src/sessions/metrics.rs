use serde::Serialize;
use std::collections::BTreeMap;

/// The numbers of a step on sessions, under TRL's names where it has one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionMetrics {
    /// The objective's value, of the last optimizer step.
    pub loss: f64,
    /// Mean reward of a session, without what shaping adds.
    pub reward: f64,
    /// What an [`Appraiser`](crate::Appraiser) says: `measures/<name>/mean` (null where it applied to no session) and `lagrange/<column>`,
    /// the multiplier of a limit after the step. Where rewards aren't the environment's, also `environment/reward`, the mean of what the
    /// environment would have paid, and `worth/missing`, the sessions without a worth.
    #[serde(flatten)]
    pub outcomes: BTreeMap<String, Option<f64>>,
    /// Mean over groups of the standard deviation within the group.
    pub reward_std: f64,
    /// Share of groups whose rewards are all equal; they teach nothing.
    pub frac_reward_zero_std: f64,
    /// Entropy of the choices as they were drawn, mean over steps, nats.
    pub entropy: f64,
    /// Share of choices whose ratio is outside of the clip's range in the direction of the advantage.
    #[serde(rename = "clip_ratio/region_mean")]
    pub clip_region: f64,
    /// Loss of the critic, of the last optimizer step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_loss: Option<f64>,
    /// Share of the returns' variance that the critic foresaw; none without a critic, or where returns don't vary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_variance: Option<f64>,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Choices made.
    pub steps: usize,
    /// Seconds for the whole step.
    pub step_time: f64,
    /// Seconds of playing.
    #[serde(rename = "time/rollout")]
    pub rollout_time: f64,
}
