//! Runs the built program.

// Every test binary uses a part of it.
#![allow(dead_code)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The program, in a working directory of its own and without the environment that cargo gives its tests.
pub(crate) fn grpo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grpo"));
    command.current_dir(folder).env_remove("CARGO").env_remove("GRPO_DEVICE").env("NO_COLOR", "1");
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    grpo(folder).args(arguments).output().expect("the program starts")
}

/// A training run of a few seconds, with further arguments.
pub(crate) fn tiny(arguments: &[&str]) -> Vec<String> {
    let sets = [
        "model.hidden_size=32",
        "model.intermediate_size=64",
        "model.layers=1",
        "model.heads=2",
        "model.kv_heads=1",
        "imitation.steps=3",
        "imitation.batch_size=8",
        "imitation.validate_every=2",
        "imitation.validation_questions=4",
        "grpo.steps=2",
        "grpo.prompts_per_step=2",
        "grpo.group_size=4",
        "evaluation.questions=8",
        "evaluation.every=1",
        "evaluation.questions_on_the_way=4",
    ];
    let mut all = vec!["train".to_string(), "--device".into(), "flex".into()];
    for set in sets {
        all.extend(["--set".to_string(), set.to_string()]);
    }
    all.extend(arguments.iter().map(ToString::to_string));
    all
}

/// Runs a tiny training run.
pub(crate) fn train(folder: &Path, arguments: &[&str]) -> Output {
    grpo(folder).args(tiny(arguments)).output().expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8")
}

pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", stdout(output), stderr(output));
}

/// The lines of a JSON Lines file.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the file is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The same without what depends on the clock.
pub(crate) fn timeless(path: &Path) -> Vec<Value> {
    let mut lines = lines(path);
    for line in &mut lines {
        let fields = line.as_object_mut().expect("a line is an object");
        fields.retain(|key, _| key != "step_time" && !key.starts_with("time/"));
    }
    lines
}

/// Everything below a folder, to see that nothing was written.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry is readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
