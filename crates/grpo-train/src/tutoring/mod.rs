//! Tutors: policies that choose the next exercise, trained on simulated learners.
//!
//! [`TutorRecipe`] is everything that decides a run, [`train`] runs it and [`resume`] continues it. A run's folder has the files of any
//! run; in the place of answered questions it has `examination.json`, where the tutor and those it is compared with teach the same
//! learners, none of whom was taught in training.

mod examination;
mod examine;
mod recipe;
mod run;
mod summary;
mod world;
mod worlds;
mod worth;

pub use examination::{Examination, Examined, Interval, Replay, ReplayStep, Role};
pub(crate) use examine::examine;
pub use examine::examine_rival;
pub use recipe::{EnvironmentConfig, ExaminationConfig, TrainingConfig, TutorRecipe};
pub(crate) use run::{InWorld, in_world};
pub use run::{TutorEnding, device_of_run, resume, train};
pub use summary::{TutorSummary, Worth};
pub use world::{Purpose, Rival, Teach, World};
pub use worlds::{BktWorld, DeckWorld, IrtWorld, KnowledgeTask, KssTask, KssWorld, MemoryWorld};
