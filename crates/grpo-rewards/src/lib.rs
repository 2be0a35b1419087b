//! What an answer is worth: verifiers for text, and several of them as one reward.

mod error;
mod guard;
pub mod length;
pub mod number;
pub mod repetition;
mod reward;
mod set;
mod spec;
pub mod text;

pub use error::RewardError;
pub use reward::{Reward, Sample, Score, reward_fn};
pub use set::{Column, Evaluation, Outcome, RewardSet};
pub use spec::{RewardKind, RewardSpec};
