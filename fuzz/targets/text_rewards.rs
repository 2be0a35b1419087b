//! See `grpo_fuzz::text_rewards`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::text_rewards(data));
