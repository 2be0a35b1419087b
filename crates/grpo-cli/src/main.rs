//! grpo-cli
fn main(){}
