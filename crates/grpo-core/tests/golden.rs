//! Numbers produced by other implementations: `cargo test -p grpo-core golden`.
//!
//! The cases and what produced them are described in `tests/golden/README.md`. `GRPO_GOLDEN` names another
//! folder with files of the same schema, `GRPO_DEVICE` the device.

mod support;

#[path = "golden/losses.rs"]
mod losses;
#[path = "golden/rewards.rs"]
mod rewards;
#[path = "golden/rules.rs"]
mod rules;
#[path = "golden/terms.rs"]
mod terms;
