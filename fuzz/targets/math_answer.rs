//! See `grpo_fuzz::math_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::math_answer(data));
