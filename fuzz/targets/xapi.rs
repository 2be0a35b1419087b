//! See `grpo_fuzz::xapi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::xapi(data));
