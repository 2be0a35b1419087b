//! A real checkpoint and public data sets, as a person would use them.
//!
//! They are looked for in `$GRPO_SHARED`, by default in the folder `shared` beside the workspace. Without them these tests say so and
//! pass; a `GRPO_SHARED` that doesn't hold them is an error.

mod common;

use common::{assert_code, run, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// `part` of the shared folder.
fn shared(part: &str) -> Option<PathBuf> {
    let named = std::env::var_os("GRPO_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = named.clone().unwrap_or(beside).join(part);
    if !path.exists() {
        assert!(named.is_none(), "GRPO_SHARED is set, but there is no {}", path.display());
        eprintln!("SKIPPED: no {}; set GRPO_SHARED to the folder that holds {part}", path.display());
        return None;
    }
    Some(path.canonicalize().unwrap())
}

#[test]
fn gsm8k_and_svamp_are_read_without_a_complaint() {
    let Some(model) = shared("models/stories260k") else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["gsm8k-test.jsonl", "svamp-test.jsonl"] {
        let Some(data) = shared(&format!("data/{name}")) else { return };
        let total = fs::read_to_string(&data).unwrap().lines().count();
        assert!(total >= 300);
        // Every line is read; a sample is asked.
        let (model, data) = (model.to_str().unwrap(), data.to_str().unwrap());
        let arguments = ["--questions", "40", "--max-new-tokens", "16", "--device", "flex"];
        let output = run(folder.path(), &[&["eval", model, "--data", data], &arguments[..]].concat());
        assert_code(&output, 0);
        assert_eq!(stderr(&output), "");
        assert!(stdout(&output).contains("of 40)") && stdout(&output).contains(name), "{}", stdout(&output));
    }
}

#[test]
fn questions_too_long_for_the_context_are_counted() {
    let Some(model) = shared("models/stories260k") else { return };
    let Some(data) = shared("data/gsm8k-test.jsonl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (model.to_str().unwrap(), data.to_str().unwrap());
    // 511 of 512 positions for the answer: no question fits.
    let arguments = ["eval", model, "--data", data, "--max-new-tokens", "511", "--device", "flex"];
    let output = run(folder.path(), &arguments);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("1,319 questions too long"), "{}", stdout(&output));
}

#[test]
fn a_checkpoint_is_fine_tuned_asked_and_evaluated_by_its_own_recipe() {
    let Some(model) = shared("models/stories260k") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let lines: String = (0..30).map(|i| format!("{{\"question\": \"Once upon a time {i}\"}}\n")).collect();
    fs::create_dir(at.join("recipes")).unwrap();
    fs::write(at.join("recipes/starts.jsonl"), lines).unwrap();
    let recipe = r#"
name = "starts"
data = { source = "jsonl", path = "starts.jsonl", held_out_share = 0.3 }
model = { start = "folder", path = "set on the command line" }
grpo = { steps = 2, prompts_per_step = 2, group_size = 4, learning_rate = 1e-4 }
sampling = { max_new_tokens = 8 }
rewards = [{ kind = "letter_share", letter = "e" }]
evaluation = { questions = 4, metric = { score = { kind = "letter_share", letter = "e" } } }
"#;
    fs::write(at.join("recipes/starts.toml"), recipe).unwrap();
    // The data lies beside the recipe, the model is named from the working directory.
    let model = model.to_str().unwrap();
    let arguments =
        ["train", "recipes/starts.toml", "--model", model, "--out", "run", "--device", "flex", "-q"];
    let output = run(at, &arguments);
    assert_code(&output, 0);
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(at.join("run/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["parameters"], 260_032);
    assert!(summary["eval"]["imitation"].is_null());
    assert!(
        stdout(&output).contains("before") && !stdout(&output).contains("imitation"),
        "{}",
        stdout(&output)
    );

    // From anywhere: the run's config.toml has whole paths.
    let elsewhere = tempfile::tempdir().unwrap();
    let run_folder = at.join("run");
    let output = run(elsewhere.path(), &["eval", run_folder.to_str().unwrap(), "--device", "flex"]);
    assert_code(&output, 0);
    let accuracy = format!("{:.1} %", 100.0 * summary["eval"]["final"].as_f64().unwrap());
    assert!(
        stdout(&output).contains(&accuracy) && stdout(&output).contains("letter share"),
        "{}",
        stdout(&output)
    );

    let output =
        run(at, &["generate", "run", "Once upon a time", "--max-new-tokens", "20", "--device", "flex"]);
    assert_code(&output, 0);
    assert!(stdout(&output).trim().len() > 10, "{}", stdout(&output));
}
