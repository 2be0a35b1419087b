use super::checks::{at_least_one, rate, share};
use crate::{Decay, Error, Schedule};
use serde::{Deserialize, Serialize};

/// Stage 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImitationConfig {
    /// Optimizer steps at most.
    pub steps: usize,
    /// Worked solutions per step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup_steps: usize,
    /// Shape of the way down.
    #[serde(default)]
    pub decay: Decay,
    /// Share of the peak rate that is left at the end.
    #[serde(default)]
    pub floor: f64,
    /// The stage ends as soon as validation accuracy (greedy) reaches this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at_accuracy: Option<f64>,
    /// Steps between two validations.
    #[serde(default = "validate_every")]
    pub validate_every: usize,
    /// Questions of a validation.
    #[serde(default = "validation_questions")]
    pub validation_questions: usize,
    /// Episodes that go through the model together.
    #[serde(default = "micro_batch_size")]
    pub micro_batch_size: usize,
}

fn validate_every() -> usize {
    20
}
fn validation_questions() -> usize {
    256
}
fn micro_batch_size() -> usize {
    128
}

/// Stage 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpoConfig {
    /// Optimizer steps.
    pub steps: usize,
    /// Questions per step.
    pub prompts_per_step: usize,
    /// G: completions per question.
    pub group_size: usize,
    /// Passes over each step's episodes (μ in DeepSeekMath, `num_iterations` in TRL).
    #[serde(default = "one")]
    pub iterations: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup_steps: usize,
    /// Shape of the way down.
    #[serde(default)]
    pub decay: Decay,
    /// Share of the peak rate that is left at the end.
    #[serde(default)]
    pub floor: f64,
    /// Episodes that go through the model together in the update, and for models of up to 20 million parameters in sampling (larger
    /// ones decode all together). Changes memory and speed; numbers only by rounding (which can tip a sampled token).
    #[serde(default = "micro_batch_size")]
    pub micro_batch_size: usize,
    /// Computes layers again on the way back instead of keeping what they computed: a third more work, and a small part of the memory.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// The run stops when a reward fails (panics, NaN, no answer in time) on a larger share of a step's completions.
    #[serde(default = "max_reward_failures")]
    pub max_reward_failures: f64,
    /// Groups per step that are written to `samples.jsonl`.
    #[serde(default = "sampled_groups")]
    pub sampled_groups: usize,
    /// Steps between two such samples; the first and the last step always count.
    #[serde(default = "sample_every")]
    pub sample_every: usize,
}

fn one() -> usize {
    1
}
fn max_reward_failures() -> f64 {
    0.1
}
fn sampled_groups() -> usize {
    2
}
fn sample_every() -> usize {
    10
}

impl ImitationConfig {
    /// The learning rate.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
            floor: self.floor,
        }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        at_least_one("imitation.steps", self.steps)?;
        at_least_one("imitation.batch_size", self.batch_size)?;
        at_least_one("imitation.validate_every", self.validate_every)?;
        at_least_one("imitation.validation_questions", self.validation_questions)?;
        at_least_one("imitation.micro_batch_size", self.micro_batch_size)?;
        rate("imitation.learning_rate", self.learning_rate)?;
        share("imitation.floor", self.floor)?;
        self.stop_at_accuracy.map_or(Ok(()), |s| share("imitation.stop_at_accuracy", s))
    }
}

impl GrpoConfig {
    /// The learning rate.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
            floor: self.floor,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        at_least_one("grpo.steps", self.steps)?;
        at_least_one("grpo.prompts_per_step", self.prompts_per_step)?;
        if self.group_size < 2 {
            return Err(Error::setting(
                "grpo.group_size",
                format!("is {}", self.group_size),
                "an answer is compared with the others of its group, so use at least 2 (16 is a good start)",
            ));
        }
        at_least_one("grpo.iterations", self.iterations)?;
        at_least_one("grpo.micro_batch_size", self.micro_batch_size)?;
        at_least_one("grpo.sample_every", self.sample_every)?;
        rate("grpo.learning_rate", self.learning_rate)?;
        share("grpo.floor", self.floor)?;
        share("grpo.max_reward_failures", self.max_reward_failures)
    }
}
