//! See `grpo_fuzz::gift`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::gift(data));
