//! grpo-rewards
