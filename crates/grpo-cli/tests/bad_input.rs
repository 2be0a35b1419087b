//! Bad input ends with exit code 2 and one paragraph that names the place and the way out, and writes nothing.

mod common;

use common::{assert_code, listing, run, stderr, train};
use std::fs;
use std::path::Path;

const RECIPE: &str = r#"name = "mine"

[data]
source = "arithmetic"

[model]
start = "random"
hidden_size = 32
intermediate_size = 64
layers = 1
heads = 2
kv_heads = 1
context = 64

[grpo]
steps = 2
prompts_per_step = 2
group_size = 4
learning_rate = 1e-3

[objective]
surrogate = { clip = { low = 0.2, high = 0.2 } }

[[rewards]]
kind = "number"
"#;

const JSONL: &str = r#"name = "mine"

[data]
source = "jsonl"
path = "questions.jsonl"

[model]
start = "folder"
path = "model"

[grpo]
steps = 2
prompts_per_step = 2
group_size = 4
learning_rate = 1e-3

[[rewards]]
kind = "number"
"#;

/// A model folder that is good enough for errors that come before its weights are needed.
fn model_folder(folder: &Path) {
    let out = train(folder, &["--out", "made", "--quiet"]);
    assert_code(&out, 0);
    fs::rename(folder.join("made").join("model"), folder.join("model")).unwrap();
    fs::remove_dir_all(folder.join("made")).unwrap();
}

fn refused(folder: &Path, arguments: &[&str], wanted: &[&str]) {
    let before = listing(folder);
    let output = run(folder, arguments);
    assert_code(&output, 2);
    let text = stderr(&output);
    assert!(text.starts_with("error: "), "{text}");
    assert!(!text.trim_end().contains("\n\nerror"), "{text}");
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    for part in wanted {
        assert!(text.contains(part), "{arguments:?}: no {part:?} in:\n{text}");
    }
    assert_eq!(listing(folder), before, "{arguments:?} wrote something");
}

#[test]
fn mistakes_in_a_recipe_are_found_by_file_line_and_key() {
    // What is replaced in the recipe, by what, and what the message must contain.
    let cases: [(&str, &str, &[&str]); 16] = [
        ("group_size = 4", "group_sizes = 4", &["mine.toml", "line 18", "group_sizes", "group_size"]),
        ("hidden_size = 32", "hiden_size = 32", &["mine.toml", "line 8", "hiden_size", "hidden_size"]),
        ("kind = \"number\"", "kind = \"number\"\nlenght = 3", &["mine.toml", "line 26", "lenght"]),
        ("steps = 2", "steps = \"two\"", &["mine.toml", "line 16", "steps = \"two\"", "whole number"]),
        ("steps = 2", "steps = -2", &["mine.toml", "line 16", "steps = -2"]),
        ("heads = 2", "heads = \"two\"", &["mine.toml", "line 11", "\"two\""]),
        ("group_size = 4", "group_size = 1", &["mine.toml", "line 18", "`grpo.group_size`", "at least 2"]),
        ("low = 0.2", "low = -0.2", &["mine.toml", "line 22", "clip.low", "-0.2"]),
        ("learning_rate = 1e-3", "learning_rate = 0.0", &["line 19", "`grpo.learning_rate`", "above 0"]),
        ("learning_rate = 1e-3", "learning_rate = 1e30", &["line 19", "`grpo.learning_rate`", "at most 1"]),
        ("heads = 2", "heads = 3", &["mine.toml", "line 11", "`model.heads`", "3"]),
        ("kind = \"number\"", "kind = \"numbers\"", &["mine.toml", "line 25", "numbers", "exact_match"]),
        (
            "[[rewards]]",
            "[[rewards]]\nkind = \"format\"\n\n[[rewards]]\nweight = \"much\"",
            &["line 28", "`weight`", "much"],
        ),
        ("[[rewards]]\nkind = \"number\"", "rewards = []", &["mine.toml", "reward"]),
        ("[grpo]", "[grpo", &["mine.toml", "line 15", "[grpo"]),
        ("name = \"mine\"", "", &["mine.toml", "name"]),
    ];
    for (old, new, wanted) in cases {
        let folder = tempfile::tempdir().unwrap();
        assert!(RECIPE.contains(old));
        fs::write(folder.path().join("mine.toml"), RECIPE.replacen(old, new, 1)).unwrap();
        refused(folder.path(), &["train", "mine.toml", "--out", "out"], wanted);
        // A change that has nothing to do with it doesn't draw the blame.
        refused(folder.path(), &["train", "mine.toml", "--out", "out", "--set", "seed=3"], wanted);
    }
}

#[test]
fn mistakes_on_the_command_line_are_found_by_argument() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 14] = [
        (&["--set", "grpo.stepss=3"], &["--set grpo.stepss=3", "stepss", "`steps`"]),
        (&["--set", "seed=4", "--set", "grpo.group_size=1"], &["--set grpo.group_size=1", "at least 2"]),
        (&["--set", "grpo.steps=two"], &["--set grpo.steps=two", "two"]),
        (&["--set", "grpo.steps"], &["--set grpo.steps", "key=value"]),
        (&["--set", "name.x=1"], &["--set name.x=1"]),
        (&["--steps", "0"], &["--steps 0", "`grpo.steps`", "at least 1"]),
        (&["--seed", "-1"], &["--seed"]),
        (&["--seed", "9223372036854775808"], &["--seed", "9223372036854775807"]),
        (&["--device", "gpu"], &["gpu", "cuda:1"]),
        (&["--device", "cuda"], &["cuda", "--features cuda"]),
        (&["--model", "nowhere"], &["model.path", "nowhere", "no such folder"]),
        (&["--unknown"], &["--unknown"]),
        (&["missing.toml"], &["missing.toml", "arithmetic"]),
        (&["--resume", "nowhere"], &["nowhere", "config.toml"]),
    ];
    for (arguments, wanted) in cases {
        let mut all = vec!["train"];
        if !arguments.contains(&"--resume") {
            all.extend(["--out", "out"]);
        }
        all.extend(arguments);
        refused(folder.path(), &all, wanted);
    }
}

#[test]
fn a_run_never_overwrites_and_says_where_it_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("there")).unwrap();
    fs::write(folder.path().join("file"), "mine").unwrap();
    refused(folder.path(), &["train", "--out", "there"], &["there", "--out"]);
    refused(folder.path(), &["train", "--out", "file"], &["file", "--out"]);
    refused(folder.path(), &["train", "--out", "file/below"], &["file", "--out"]);
    assert!(listing(&folder.path().join("there")).is_empty());
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
}

#[test]
fn mistakes_in_data_and_model_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("mine.toml"), JSONL).unwrap();
    let train: &[&str] = &["train", "mine.toml", "--out", "out"];

    refused(at, train, &["mine.toml, line 5", "`data.path`", "questions.jsonl", "no such file"]);
    fs::write(at.join("questions.jsonl"), "").unwrap();
    refused(at, train, &["mine.toml, line 9", "`model.path`", "no such folder"]);
    model_folder(at);
    refused(at, train, &["questions.jsonl", "no questions"]);
    let good = "{\"question\": \"Sam has 1 apple .\", \"final\": \"1\"}\n";
    for (line, wanted) in [
        ("{\"question\": \"How", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("{\"quest\": \"How many ?\"}", "`data.question`"),
        ("{\"question\": [1]}", "`question`"),
    ] {
        fs::write(at.join("questions.jsonl"), format!("{good}\n{line}\n")).unwrap();
        refused(at, train, &["questions.jsonl, line 3", wanted]);
    }
    fs::write(at.join("questions.jsonl"), good).unwrap();
    refused(at, train, &["held-out", "questions.jsonl"]);

    // The model: a broken configuration, a missing file, weights of another shape.
    let many: String = (0..20).map(|i| good.replace("1 apple", &format!("{i} apple"))).collect();
    fs::write(at.join("questions.jsonl"), many).unwrap();
    let config = fs::read_to_string(at.join("model/config.json")).unwrap();
    fs::write(at.join("model/config.json"), "{").unwrap();
    refused(at, train, &["config.json"]);
    let wider = config.replace("\"intermediate_size\": 64", "\"intermediate_size\": 65");
    assert_ne!(wider, config);
    fs::write(at.join("model/config.json"), wider).unwrap();
    refused(at, train, &["model.safetensors", "64", "65"]);
    refused(at, &["generate", "model", "Sam"], &["model.safetensors", "65"]);
    fs::write(at.join("model/config.json"), config).unwrap();
    fs::remove_file(at.join("model/tokenizer.json")).unwrap();
    refused(at, train, &["tokenizer.json"]);
    fs::remove_file(at.join("model/model.safetensors")).unwrap();
    fs::remove_file(at.join("model/config.json")).unwrap();
    refused(at, &["eval", "model"], &["model", "config.json"]);
}

#[test]
fn the_other_commands_refuse_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    refused(at, &["eval", "nowhere"], &["nowhere", "no such folder"]);
    refused(at, &["generate", "nowhere", "Hello"], &["nowhere", "no such folder"]);
    refused(at, &["report", "nowhere"], &["nowhere"]);
    refused(at, &["completions", "no-shell"], &["no-shell", "bash"]);
    refused(at, &["tran"], &["tran", "train"]);

    model_folder(at);
    let no_data = ["eval", "model", "--data", "nowhere.jsonl"];
    refused(at, &no_data, &["nowhere.jsonl"]);
    fs::write(at.join("q.jsonl"), "{\"question\": \"Sam\"}\n").unwrap();
    refused(at, &["eval", "model", "--data", "q.jsonl"], &["q.jsonl", "--final-field"]);
    refused(at, &["eval", "model", "--data", "q.jsonl", "--prompt-template", "Q"], &["{question}"]);
    refused(at, &["eval", "model", "--questions", "0"], &["--questions"]);
    refused(at, &["generate", "model", "Sam", "--max-new-tokens", "64"], &["--max-new-tokens 64", "63"]);
    refused(at, &["generate", "model", "Sam", "--temperature", "-1"], &["temperature"]);
    refused(at, &["generate", "model", " "], &["prompt"]);
}
