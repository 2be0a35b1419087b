use super::checks::{at_least_one, unweighted};
use crate::Error;
use grpo_rewards::RewardSpec;
use serde::{Deserialize, Serialize};

/// The held-out evaluation: greedy decoding, judged by a metric of its own, which is not the training reward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// GRPO steps between two evaluations; 0 evaluates only before and after each stage.
    pub every: usize,
    /// Held-out questions, at most.
    pub questions: usize,
    /// Questions of the evaluations on the way, at most; before and after a stage all are asked.
    pub questions_on_the_way: usize,
    /// What counts.
    pub metric: Metric,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 20, questions: 512, questions_on_the_way: 256, metric: Metric::default() }
    }
}

/// What an answer must have to count in an evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The completion ended by itself, and the text after its last `####` is the reference, character for character.
    /// Shares no code with the rewards.
    #[default]
    FinalText,
    /// Mean of a verifier's score.
    Score(RewardSpec),
}

impl EvaluationConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if let Metric::Score(spec) = &self.metric {
            let metric = spec.build().map_err(|e| e.within("evaluation.metric.score"))?;
            if !metric.per_episode() {
                let fix = "questions are answered once each: use a reward that judges one answer by itself";
                let problem = format!("is {:?}, which compares answers with each other", spec.kind.kind());
                return Err(Error::setting("evaluation.metric.score", problem, fix));
            }
            unweighted("evaluation.metric.score", spec)?;
        }
        at_least_one("evaluation.questions", self.questions)?;
        at_least_one("evaluation.questions_on_the_way", self.questions_on_the_way)
    }
}
