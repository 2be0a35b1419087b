//! grpo-rollout
