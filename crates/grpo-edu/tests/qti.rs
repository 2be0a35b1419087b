//! QTI items and packages through the public surface. The items lie in `tests/assessment/qti/items`, what completions of them
//! answer and score in `cases.json`; `tests/oracle/qti.py` compares these scores with pyslet's.

#[path = "assessment/qti/cases.rs"]
mod cases;
#[path = "assessment/qti/hostile.rs"]
mod hostile;
#[path = "assessment/qti/mutations.rs"]
mod mutations;
#[path = "assessment/qti/packages.rs"]
mod packages;
#[path = "assessment/qti/prompts.rs"]
mod prompts;

use std::path::PathBuf;

use grpo_edu::assessment::qti::{QtiItem, read_item};

/// Where the fixtures lie.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/assessment/qti")
}

/// The names and bytes of all items, in the order of their names.
fn items() -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("items");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}

/// One of the items.
#[track_caller]
fn item(name: &str) -> QtiItem {
    let path = folder().join("items").join(name);
    let xml = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read_item(&xml, name).unwrap_or_else(|error| panic!("{error}"))
}
