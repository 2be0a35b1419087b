//! grpo-lm
