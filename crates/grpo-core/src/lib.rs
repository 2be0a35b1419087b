//! The mathematics of Group Relative Policy Optimization.
#![forbid(unsafe_code)]

pub mod advantage;
pub mod aggregate;
pub mod diagnostics;
mod error;
pub mod kl;
mod mask;
pub mod objective;
pub mod presets;
pub mod ratio;
pub mod surrogate;

pub use advantage::{AdvantageEstimator, Advantages, Baseline, Reward, Scale};
pub use aggregate::{Aggregate, StepTotals};
pub use diagnostics::{Diagnostics, Metrics};
pub use error::Error;
pub use kl::{KlEstimator, KlPenalty};
pub use mask::column;
pub use objective::{LossInputs, LossOutputs, Objective};
pub use ratio::RatioLevel;
pub use surrogate::{Cispo, Clip, Dppo, Gmpo, Sapo, Surrogate, Vespo};
