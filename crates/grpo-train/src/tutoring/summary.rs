//! What a tutor's run writes down: where it stands, its steps, and what came of it.

use super::Interval;
use crate::SessionMetrics;
use grpo_rewards::shaping::Lagrange;
use serde::{Deserialize, Serialize};

/// `summary.json` of a tutor's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TutorSummary {
    /// `tutor`.
    pub kind: String,
    /// Name of the recipe.
    pub recipe: String,
    /// Name of the device.
    pub device: String,
    /// The seed.
    pub seed: u64,
    /// Number of parameters, those of a critic included.
    pub parameters: usize,
    /// Seconds of training and examinations on the way.
    pub seconds: f64,
    /// Largest resident memory in bytes; null where the platform doesn't tell.
    pub peak_rss_bytes: Option<u64>,
    /// Steps of training.
    pub steps: usize,
    /// Sessions that were learnt from.
    pub sessions: usize,
    /// Choices made in them.
    pub environment_steps: u64,
    /// What a session is worth, in words.
    pub measure: String,
    /// What the tutor was trained for instead, in words, where the recipe has `objectives` or `shaping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_for: Option<String>,
    /// Learners of the examination.
    pub learners: usize,
    /// What a session is worth in the examination.
    pub worth: Worth,
    /// Whether all steps were done.
    pub finished: bool,
}

/// Worths in the examination.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Before training.
    pub initial: Interval,
    /// After it; null until it is over.
    pub r#final: Option<Interval>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TutorState {
    pub(super) step: usize,
    pub(super) environment_steps: u64,
    pub(super) seconds: f64,
    pub(super) initial: Interval,
    pub(super) device: String,
    pub(super) finished: bool,
    pub(super) metrics_bytes: u64,
    /// Of the limits of `objectives.constrained`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) multipliers: Vec<Lagrange>,
}

/// One line of `metrics.jsonl`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) stage: &'a str,
    pub(super) step: usize,
    #[serde(flatten)]
    pub(super) metrics: &'a SessionMetrics,
    /// Worth in the examination on the way, where there was one.
    pub(super) gain: Option<f64>,
}
