use crate::Evals;
use serde::{Deserialize, Serialize};

/// `summary.json`: the result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the recipe.
    pub recipe: String,
    /// Name of the device.
    pub device: String,
    /// The seed.
    pub seed: u64,
    /// Number of parameters.
    pub parameters: usize,
    /// Number of parameters that were trained: those of the adapter, where there is one.
    #[serde(default)]
    pub trained_parameters: usize,
    /// Seconds of training and evaluation, start-up excluded.
    pub seconds: f64,
    /// Largest resident memory in bytes; null where the platform doesn't tell.
    pub peak_rss_bytes: Option<u64>,
    /// Held-out accuracies, 0 to 1.
    pub eval: Evals,
    /// Held-out questions that were too long for the model's context; they count as wrong.
    #[serde(default)]
    pub too_long: usize,
    /// Optimizer steps of both stages.
    pub steps: usize,
    /// Completion tokens sampled, those of groups that were thrown away included.
    pub num_tokens: u64,
    /// Whether all steps were done.
    pub finished: bool,
}
