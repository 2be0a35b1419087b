//! grpo-train
