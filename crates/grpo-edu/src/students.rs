//! Simulated learners: what a tutor is trained on and measured against.
//!
//! Every learner here is a port of a published simulator, checked against traces recorded from the
//! original (see `tests/traces`): the recorded draws go in, the recorded states come out.
//!
//! - [`kss`]: ten skills in a prerequisite graph; the tutor chooses the next exercise.
//! - [`memory`]: a student forgets between reviews; the tutor chooses what to review next (EFC, HLR, DASH).
//! - [`prerequisites`]: the graph, and which exercises are candidates after the last one.

pub mod kss;
pub mod memory;
pub mod prerequisites;

use serde::{Deserialize, Serialize};

/// One answered exercise, as a tutor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Response {
    /// The exercise.
    pub item: usize,
    /// Whether the answer was right.
    pub correct: bool,
}
