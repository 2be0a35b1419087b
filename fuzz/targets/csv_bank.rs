//! See `grpo_fuzz::csv_bank`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| grpo_fuzz::csv_bank(data));
