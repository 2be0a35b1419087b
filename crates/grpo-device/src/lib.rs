//! grpo-device
