use super::checks::{at_least_one, unweighted};
use crate::{Error, Metric};
use serde::{Deserialize, Serialize};

/// The guard against a reward that is gamed: a check beside the reward looks at every training completion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// Whether completions are checked.
    pub enabled: bool,
    /// The check, which must not be part of the reward. Default: the metric of the held-out evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// Below which value a check fails.
    pub threshold: f64,
    /// Completions per step that are written to `suspects.jsonl`: those of the highest rewards among the ones that beat their group while
    /// their check fails.
    pub keep: usize,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self { enabled: true, metric: None, threshold: 0.5, keep: 2 }
    }
}

impl GuardConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !self.threshold.is_finite() {
            let problem = format!("is {}", self.threshold);
            return Err(Error::setting("guard.threshold", problem, "use a finite number such as 0.5"));
        }
        if let Some(Metric::Score(spec)) = &self.metric {
            let metric = spec.build().map_err(|e| e.within("guard.metric.score"))?;
            if !metric.state().is_null() {
                let problem = format!("is {:?}, which remembers earlier steps", spec.kind.kind());
                return Err(Error::setting("guard.metric.score", problem, "use a reward without a memory"));
            }
            unweighted("guard.metric.score", spec)?;
        }
        at_least_one("guard.keep", self.keep)
    }
}
