//! See `grpo_fuzz::qti_package`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::qti_package(data));
