//! `comparison.json`: what arms of a comparison (algorithms) reached on the same tasks with the same budget.

use serde::{Deserialize, Serialize};

/// A comparison: every arm on every task, with several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The name of its recipe.
    pub name: String,
    /// What it ran on.
    pub device: String,
    /// Seconds for all of it.
    pub seconds: f64,
    /// Whether it was the short form, whose numbers say little.
    pub quick: bool,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Memory of a training step and of a policy, arm by arm; empty where it wasn't measured.
    pub memory: Vec<Memory>,
    /// Time to answer; empty where it wasn't measured.
    pub latency: Vec<Latency>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name, such as `kss-20`.
    pub name: String,
    /// What a session is worth, in words.
    pub measure: String,
    /// Learners of each examination; none of them is taught in training.
    pub learners: usize,
    /// Levels whose first reaching is told.
    pub thresholds: Vec<f64>,
    /// The arms.
    pub arms: Vec<Arm>,
}

/// One algorithm on one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its name, such as `grpo`.
    pub name: String,
    /// Settings that were tried, with seeds of their own, and what they reached: the same number for every arm.
    pub tried: Vec<Tried>,
    /// The learning rate of the runs: that of the best of those.
    pub learning_rate: f64,
    /// Its passes over a step's sessions.
    pub iterations: usize,
    /// Its parts of a pass, an optimizer step each.
    pub minibatches: usize,
    /// Parameters that are trained, those of a critic included.
    pub parameters: usize,
    /// The runs, a seed each.
    pub runs: Vec<ArmRun>,
}

/// A setting that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The learning rate.
    pub learning_rate: f64,
    /// Passes over a step's sessions.
    pub iterations: usize,
    /// Parts of a pass, an optimizer step each.
    pub minibatches: usize,
    /// Mean worth at the end, over the seeds of the trial.
    pub worth: f64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmRun {
    /// Its seed.
    pub seed: u64,
    /// Examinations on the way; the first is before training.
    pub points: Vec<Point>,
}

/// One examination on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Iterations so far: sampling once and updating, however many optimizer steps the update has.
    pub iterations: usize,
    /// Sessions played so far.
    pub sessions: usize,
    /// Steps of the environment (or tokens) so far.
    pub steps: usize,
    /// Seconds of training so far, examinations excluded.
    pub seconds: f64,
    /// Mean worth of a session of the examination.
    pub worth: f64,
}

/// What one configuration keeps in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What was trained.
    pub model: String,
    /// The arm and its options in words, such as `ppo, separate critic, reference`.
    pub configuration: String,
    /// Bytes per parameter of the policy by counting: weights, gradients, optimizer state of policy and critic, reference.
    pub bytes_per_parameter: f64,
    /// Largest resident memory of a process of its own, in bytes; none where the platform doesn't tell.
    pub peak_bytes: Option<u64>,
    /// Seconds of one training step.
    pub seconds: f64,
}

/// Time to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// What was answered by what, such as `stories260K, 64 new tokens`.
    pub work: String,
    /// How it was decoded, such as `KV cache, shared prompt`.
    pub configuration: String,
    /// Answers at once.
    pub answers: usize,
    /// Median in milliseconds.
    pub p50: f64,
    /// 95th percentile in milliseconds.
    pub p95: f64,
}
