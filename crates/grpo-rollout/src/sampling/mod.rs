//! How actions are drawn, and what is kept of every draw.
//!
//! [`Sampling`] are the settings, a [`Drawer`] draws one action from a row of logits under [`DrawRules`], and the
//! [`Choice`] it returns carries what training needs: the log-probability and the entropy of the distribution that was
//! drawn from, and its [`Support`].

mod draw;
mod kernel;
mod recorded;
mod settings;

pub use draw::{Choice, DrawRules, Drawer, choose};
pub use grpo_core::Support;
pub use settings::Sampling;
