//! The simulated learners against traces recorded from the original simulators: the recorded draws go
//! in, the recorded states must come out, to 1e-9.
//!
//! The recordings and their specification lie in `tests/traces`; the variable `GRPO_STUDENTS` names
//! another folder with files of the same form.

#![cfg(feature = "tutors")]

#[path = "traces/kss.rs"]
mod kss;
#[path = "traces/memory.rs"]
mod memory;

use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// Reads one file of recordings.
fn recording<T: DeserializeOwned>(file: &str) -> T {
    let folder = std::env::var_os("GRPO_STUDENTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/traces"), PathBuf::from);
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Equal to 1e-9, relative where the value exceeds 1; not-a-number equals itself.
#[track_caller]
fn assert_close(found: f64, recorded: f64, what: &str) {
    let tolerance = 1e-9 * recorded.abs().max(1.0);
    let same = (found - recorded).abs() <= tolerance || (found.is_nan() && recorded.is_nan());
    assert!(same, "{what}: {found} found, {recorded} recorded");
}

#[track_caller]
fn assert_all_close(found: &[f64], recorded: &[f64], what: &str) {
    assert_eq!(found.len(), recorded.len(), "{what}");
    for (place, (&found, &recorded)) in found.iter().zip(recorded).enumerate() {
        assert_close(found, recorded, &format!("{what}, place {place}"));
    }
}
