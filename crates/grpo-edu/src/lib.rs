//! grpo-edu
