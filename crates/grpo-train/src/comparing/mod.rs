//! Algorithms compared: the same policy, the same learners, the same number of sessions, the same tuning.
//!
//! [`compare`] runs a [`CompareRecipe`] and gives a [`Comparison`]; [`report::write_comparison`](crate::report::write_comparison) makes a page
//! of it.

mod exercise;
mod language;
mod measure;
mod outcome;
mod recipe;
mod run;
mod statistics;

pub use measure::{MemoryRequest, measure_latency, measure_memory, memory_requests};
pub use outcome::{Arm, ArmRun, Comparison, Latency, Memory, Point, Task, Tried};
pub use recipe::{ArmConfig, CompareRecipe, LanguageTask, MeasureConfig, QuickConfig, TaskConfig, Updates};
pub use run::{Advance, compare};
pub use statistics::*;
