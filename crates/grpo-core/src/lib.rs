//! grpo-core
