use crate::SessionMetrics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The stages of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Supervised training on worked solutions.
    Imitation,
    /// Trial and error.
    Grpo,
    /// Trial and error of a tutor, with learners.
    Sessions,
}

impl Stage {
    /// As it stands in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imitation => "imitation",
            Self::Grpo => "grpo",
            Self::Sessions => "sessions",
        }
    }
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line<'a> {
    /// The stage.
    pub stage: Stage,
    /// Step within the stage, from 1.
    pub step: usize,
    /// The numbers.
    #[serde(flatten)]
    pub metrics: &'a StepMetrics,
    /// Completion tokens the run has learnt from so far, both stages.
    pub num_tokens: u64,
    /// Held-out accuracy after this step, where it was measured.
    #[serde(rename = "eval/accuracy", skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Validation accuracy after this step, where it was measured.
    #[serde(rename = "validation/accuracy", skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// Bytes in use on the device, where the backend tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_bytes: Option<u64>,
}

/// The numbers of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum StepMetrics {
    /// Of a supervised step.
    Imitation(ImitationMetrics),
    /// Of a GRPO step.
    Grpo(Box<GrpoMetrics>),
    /// Of a step on sessions.
    Sessions(SessionMetrics),
}

impl StepMetrics {
    /// Completion tokens of this step, or choices of a tutor.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Imitation(m) => m.tokens,
            Self::Grpo(m) => m.tokens,
            Self::Sessions(m) => m.steps,
        }
    }

    /// Seconds.
    pub fn step_time(&self) -> f64 {
        match self {
            Self::Imitation(m) => m.step_time,
            Self::Grpo(m) => m.step_time,
            Self::Sessions(m) => m.step_time,
        }
    }
}

/// A supervised step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImitationMetrics {
    /// Mean negative log-likelihood of a solution token, in nats.
    pub loss: f64,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Solution tokens of the step.
    #[serde(skip)]
    pub tokens: usize,
    /// Tokens that went through the network, prompts and padding included.
    pub computed_tokens: usize,
    /// Seconds.
    pub step_time: f64,
}

/// A GRPO step, under TRL's names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrpoMetrics {
    /// The objective's value.
    pub loss: f64,
    /// Mean combined reward, of all groups that were sampled (where dynamic sampling or replay selects among them, before any KL penalty).
    pub reward: f64,
    /// Mean over groups of the standard deviation within the group.
    pub reward_std: f64,
    /// `rewards/<name>/mean` and `rewards/<name>/std` of each reward; null where it never applied.
    #[serde(flatten)]
    pub rewards: BTreeMap<String, Option<f64>>,
    /// Rewards that failed: panicked, returned NaN, took too long, or asked somebody who did not answer.
    pub reward_failures: usize,
    /// Mean of the check beside the reward, over all completions it applies to.
    #[serde(rename = "guard/check", skip_serializing_if = "Option::is_none")]
    pub guard_check: Option<f64>,
    /// Of the completions that beat their group, the share whose check fails.
    #[serde(rename = "guard/suspects", skip_serializing_if = "Option::is_none")]
    pub guard_suspects: Option<f64>,
    /// Checks that failed to judge, where there are any.
    #[serde(rename = "guard/failures", skip_serializing_if = "Option::is_none")]
    pub guard_failures: Option<usize>,
    /// Share of groups whose rewards are all equal; they teach nothing.
    pub frac_reward_zero_std: f64,
    /// Groups that were sampled, those that were thrown away included; with dynamic sampling.
    #[serde(rename = "groups/sampled", skip_serializing_if = "Option::is_none")]
    pub sampled_groups: Option<u64>,
    /// Groups that were thrown away, for want of spread or because there were enough; with dynamic sampling.
    #[serde(rename = "groups/discarded", skip_serializing_if = "Option::is_none")]
    pub discarded_groups: Option<u64>,
    /// Groups that were wanted and not found within the bound; with dynamic sampling.
    #[serde(rename = "groups/missing", skip_serializing_if = "Option::is_none")]
    pub missing_groups: Option<u64>,
    /// Groups of earlier steps that were learnt from once more; with replay.
    #[serde(rename = "groups/replayed", skip_serializing_if = "Option::is_none")]
    pub replayed_groups: Option<usize>,
    /// Divergence from the reference policy, mean over tokens, nats: the k3 estimate, the exact one, or (where the reward pays for it)
    /// the chosen estimate of the old policy's; null without a reference.
    pub kl: Option<f64>,
    /// Entropy of the sampled distributions, mean over tokens, nats.
    pub entropy: f64,
    /// Share of tokens whose ratio is below the range while their advantage is negative.
    #[serde(rename = "clip_ratio/low_mean")]
    pub clip_low: f64,
    /// Share of tokens whose ratio is above the range while their advantage is positive.
    #[serde(rename = "clip_ratio/high_mean")]
    pub clip_high: f64,
    /// Both.
    #[serde(rename = "clip_ratio/region_mean")]
    pub clip_region: f64,
    /// Mean importance ratio of the tokens that were trained on.
    pub ratio_mean: f64,
    /// Mean length of a completion, stop token included.
    #[serde(rename = "completions/mean_length")]
    pub mean_length: f64,
    /// Longest completion.
    #[serde(rename = "completions/max_length")]
    pub max_length: usize,
    /// Share of completions cut off by the limit.
    #[serde(rename = "completions/clipped_ratio")]
    pub clipped_ratio: f64,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Completion tokens sampled, those of groups that were thrown away included.
    #[serde(skip)]
    pub tokens: usize,
    /// Seconds for the whole step.
    pub step_time: f64,
    /// Seconds of sampling.
    #[serde(rename = "time/rollout")]
    pub rollout_time: f64,
    /// Seconds of rewards.
    #[serde(rename = "time/reward")]
    pub reward_time: f64,
    /// Seconds of loss, gradient and optimizer.
    #[serde(rename = "time/update")]
    pub update_time: f64,
}

/// One line of `samples.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleLine {
    /// GRPO step, from 1.
    pub step: usize,
    /// Index of the group within the step.
    pub group: usize,
    /// The prompt.
    pub prompt: String,
    /// The completion.
    pub completion: String,
    /// The final answer, where there is one.
    pub reference: Option<String>,
    /// Why it ended.
    pub finish: grpo_rollout::FinishReason,
    /// Tokens of the completion, stop token included.
    pub tokens: usize,
    /// Each reward; null where it didn't apply.
    pub rewards: BTreeMap<String, Option<f64>>,
    /// Why each reward said so.
    pub reasons: BTreeMap<String, String>,
    /// The combined reward.
    pub reward: Option<f64>,
    /// The check beside the reward; null where it didn't apply.
    pub check: Option<f64>,
    /// Why the check said so; null without a check.
    pub check_reason: Option<String>,
    /// The advantage.
    pub advantage: f64,
}
