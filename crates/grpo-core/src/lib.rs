//! The mathematics of Group Relative Policy Optimization.
#![forbid(unsafe_code)]

pub mod advantage;
pub mod aggregate;
pub mod correction;
pub mod diagnostics;
pub mod entropy;
mod error;
pub mod kl;
pub mod log_prob;
mod mask;
pub mod objective;
pub mod ppo;
pub mod presets;
pub mod ratio;
pub mod surrogate;

pub use advantage::{AdvantageEstimator, Advantages, Baseline, Reward, Scale};
pub use aggregate::{Aggregate, StepTotals};
pub use correction::{
    CorrectionLevel, ImportanceCorrection, Outside, Rejection, RejectionLevel, off_policy_keep,
};
pub use diagnostics::{Diagnostics, Metrics};
pub use error::Error;
pub use kl::{KlEstimator, KlPenalty};
pub use log_prob::{token_entropies, token_log_probs};
pub use mask::column;
pub use objective::{LossInputs, LossOutputs, Objective};
pub use ratio::RatioLevel;
pub use surrogate::{Cispo, Clip, Dppo, Gmpo, Sapo, Surrogate, Vespo};
