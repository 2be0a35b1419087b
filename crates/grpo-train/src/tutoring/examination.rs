//! `examination.json`: what a trained tutor and those it is compared with did with learners that none of them has taught.

use serde::{Deserialize, Serialize};

/// The examination of a tutor at the end of a run: every tutor teaches the same learners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examination {
    /// What a session is worth, in words.
    pub measure: String,
    /// How many learners were taught.
    pub learners: usize,
    /// Names of the actions, in their order.
    pub actions: Vec<String>,
    /// Baselines, references, the tutor before training and after it, in that order.
    pub tutors: Vec<Examined>,
    /// Share of the trained tutor's sessions (those that were still going on) in which step `t` was action `a`, `[steps][actions]`.
    pub chosen: Vec<Vec<f64>>,
    /// Some sessions of the trained tutor, step by step.
    pub sessions: Vec<Replay>,
}

/// What a tutor is in an examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It learns nothing and knows no more than the trained one.
    Baseline,
    /// It looks inside of the learner.
    Reference,
    /// The tutor before its training.
    Untrained,
    /// The tutor after its training.
    Trained,
}

/// A tutor in an examination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What its sessions were worth.
    pub worth: Interval,
    /// The trained tutor's worth minus this one's, learner by learner; none for the trained one.
    pub ahead: Option<Interval>,
    /// The worth after 0, 1, 2... steps, mean over learners. A session that ended early keeps its worth.
    pub curve: Vec<Interval>,
}

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the mean's 95 % interval (1.96 standard errors).
    pub half_width: f64,
}

/// A session, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Which learner, from 0.
    pub learner: usize,
    /// What is known about the learner beforehand, in words (its targets, for instance); may be empty.
    pub about: String,
    /// What the session was worth.
    pub worth: f64,
    /// What is inside of the learner before the first step, as [`ReplayStep::inside`].
    pub inside: Vec<f64>,
    /// The steps.
    pub steps: Vec<ReplayStep>,
}

/// One step of a [`Replay`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayStep {
    /// What was done, an index into [`Examination::actions`].
    pub action: usize,
    /// The probability that the tutor gave it.
    pub probability: f64,
    /// The most probable actions, the first three at most, with their probabilities.
    pub considered: Vec<(usize, f64)>,
    /// Whether the learner's answer was right, where there was an answer.
    pub correct: Option<bool>,
    /// What the session is worth so far.
    pub worth: f64,
    /// What is inside of the learner after the step, item by item, from 0 (nothing) to 1 (all): the recall of a word, the mastery of a
    /// skill. What the tutor doesn't see.
    pub inside: Vec<f64>,
}

impl Interval {
    /// Of numbers that are independent of each other. One number has an interval without end, none has no mean.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = match values.len() {
            0 => f64::NAN,
            1 => f64::INFINITY,
            _ => (squares / (count - 1.0) / count).sqrt(),
        };
        Self { mean, half_width: 1.96 * error }
    }
}
