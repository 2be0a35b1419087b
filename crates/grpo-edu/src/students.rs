//! Simulated learners: what a tutor is trained on and measured against.
//!
//! KSS and the memory models are ports of published simulators, checked against traces recorded from the
//! originals (see `tests/traces`): the recorded draws go in, the recorded states come out.
//!
//! - [`kss`]: ten skills in a prerequisite graph; the tutor chooses the next exercise.
//! - [`memory`]: a student forgets between reviews; the tutor chooses what to review next (EFC, HLR, DASH).
//! - [`fsrs`]: FSRS-6, the memory model of today's flash-card programs, with the seconds that reviews take.
//! - [`prerequisites`]: the graph, and which exercises are candidates after the last one.
//!
//! [`Chronicled`] writes a session down for measures of learning outcomes.

mod chronicle;
pub mod fsrs;
pub mod kss;
pub mod memory;
pub mod prerequisites;

pub use chronicle::{Chronicled, Recorded};

use grpo_rollout::Environment;
use serde::{Deserialize, Serialize};

/// A session that can be told to a person: what a tutor doesn't see as well.
pub trait Narrated: Environment {
    /// What is special about this learner or task, in words; may be empty.
    fn about(&self) -> String;

    /// Whether the last answer was right; `None` before the first, and where the last action brought no answer.
    fn correct(&self) -> Option<bool>;

    /// What is inside of the learner, item by item, from 0 (nothing) to 1 (all): the recall of a word, the mastery of a skill.
    fn inside(&self) -> Vec<f64>;
}

/// One answered exercise, as a tutor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Response {
    /// The exercise.
    pub item: usize,
    /// Whether the answer was right.
    pub correct: bool,
}
