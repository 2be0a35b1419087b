//! Small runs of the whole program.

mod common;

use common::{assert_code, grpo, lines, run, stderr, stdout, timeless, tiny, train};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_run_writes_every_file_with_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["--out", "deep/run"]);
    assert_code(&output, 0);
    let run = folder.path().join("deep/run");

    let metrics = lines(&run.join("metrics.jsonl"));
    assert_eq!(metrics.len(), 5);
    let steps: Vec<_> =
        metrics.iter().map(|m| (m["stage"].as_str().unwrap(), m["step"].as_u64().unwrap())).collect();
    assert_eq!(steps, [("imitation", 1), ("imitation", 2), ("imitation", 3), ("grpo", 1), ("grpo", 2)]);
    for key in ["loss", "grad_norm", "learning_rate", "num_tokens", "step_time"] {
        assert!(metrics.iter().all(|line| line[key].is_number()), "{key}");
    }
    for key in [
        "reward",
        "reward_std",
        "rewards/number/mean",
        "rewards/number/std",
        "rewards/format/mean",
        "frac_reward_zero_std",
        "entropy",
        "clip_ratio/low_mean",
        "clip_ratio/high_mean",
        "clip_ratio/region_mean",
        "completions/mean_length",
        "completions/clipped_ratio",
        "time/rollout",
        "time/reward",
        "time/update",
        "eval/accuracy",
    ] {
        assert!(metrics[3..].iter().all(|line| line[key].is_number()), "{key} in {}", metrics[3]);
    }
    assert!(metrics[3].as_object().unwrap().contains_key("kl"));
    assert!(metrics[1]["validation/accuracy"].is_number());

    let samples = lines(&run.join("samples.jsonl"));
    assert_eq!(samples.len(), 2 * 2 * 4); // first and last step, two groups of four
    for key in ["prompt", "completion", "rewards", "advantage"] {
        assert!(samples.iter().all(|line| !line[key].is_null()), "{key}");
    }

    let summary: Value =
        serde_json::from_str(&fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["recipe"], "arithmetic");
    assert_eq!(summary["device"], "flex");
    assert_eq!(summary["seed"], 1);
    assert_eq!(summary["steps"], 5);
    assert_eq!(summary["finished"], true);
    for key in ["parameters", "seconds", "peak_rss_bytes"] {
        assert!(summary[key].as_f64().unwrap() > 0.0, "{key}");
    }
    for key in ["initial", "imitation", "final"] {
        assert!(summary["eval"][key].is_number(), "{key}");
    }

    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for line in ["hidden_size = 32", "group_size = 4", "seed = 1", "sample_every = 20", "iterations = 1"] {
        assert!(config.contains(line), "{line} in {config}");
    }
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        assert!(run.join("model").join(file).is_file(), "{file}");
    }
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("<svg"));

    // The result goes to stdout, the way to it to stderr, both without control characters.
    let (result, way) = (stdout(&output), stderr(&output));
    for part in
        ["before", "after imitation", "after GRPO", "accuracy", "change", "deep/run/report.html", "generate"]
    {
        assert!(result.contains(part), "{part} in {result}");
    }
    for part in
        ["imitation 3/3", "grpo 2/2", "reward", "tokens/s", "held-out accuracy", "validation accuracy"]
    {
        assert!(way.contains(part), "{part} in {way}");
    }
    for text in [&result, &way] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}

#[test]
fn quiet_prints_the_result_only_and_the_default_folder_is_named_after_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["--quiet"]);
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).lines().count() <= 10, "{}", stdout(&output));
    let runs = common::listing(&folder.path().join("runs"));
    assert_eq!(runs.len(), 1);
    let stamp = runs[0].strip_prefix("arithmetic-").unwrap();
    assert_eq!(stamp.len(), "20250131-235959".len());
    assert!(stdout(&output).contains(&format!("runs/{}/report.html", runs[0])));
}

fn same_run(one: &Path, other: &Path) {
    assert_eq!(timeless(&one.join("metrics.jsonl")), timeless(&other.join("metrics.jsonl")));
    for file in ["samples.jsonl", "model/model.safetensors", "model/tokenizer.json", "model/config.json"] {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(other.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (out, seed) in [("a", "5"), ("b", "5"), ("c", "6")] {
        assert_code(&train(at, &["--out", out, "--seed", seed, "--quiet"]), 0);
    }
    same_run(&at.join("a"), &at.join("b"));
    let weights = |run: &str| fs::read(at.join(run).join("model/model.safetensors")).unwrap();
    assert!(weights("a") != weights("c"));
    // Its config.toml is a recipe that repeats the run.
    assert_code(&run(at, &["train", "a/config.toml", "--out", "d", "--device", "flex", "-q"]), 0);
    same_run(&at.join("a"), &at.join("d"));
}

/// Starts a run, interrupts it once a stage has that many steps, and waits for its end.
#[cfg(unix)]
fn interrupted(
    folder: &Path,
    out: &str,
    (stage, steps): (&str, usize),
    signal: &str,
    sets: &[&str],
) -> std::process::Output {
    let mut arguments = vec!["--out", out];
    arguments.extend(sets);
    let child = grpo(folder)
        .args(tiny(&arguments))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let metrics = folder.join(out).join("metrics.jsonl");
    let wanted = format!("{{\"stage\":\"{stage}\"");
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(&metrics).unwrap_or_default();
        if text.lines().filter(|line| line.starts_with(&wanted)).count() >= steps {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "no step {steps} of {stage}: {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait_with_output().expect("the program ends")
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_goes_on_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // With a reference policy, which has to survive as well.
    let sets = [
        "--set",
        "imitation.steps=60",
        "--set",
        "imitation.validate_every=20",
        "--set",
        "grpo.steps=120",
        "--set",
        "evaluation.every=10",
        "--set",
        "objective.kl={beta=0.04}",
    ];
    let mut whole = vec!["--out", "whole", "--quiet"];
    whole.extend(sets);
    assert_code(&train(at, &whole), 0);
    for (out, at_step, signal) in [("one", ("imitation", 5), "-INT"), ("two", ("grpo", 3), "-TERM")] {
        let output = interrupted(at, out, at_step, signal, &sets);
        assert_code(&output, 130);
        let text = stderr(&output);
        assert!(
            text.contains("finishing this step") && text.contains("--resume") && text.contains(out),
            "{text}"
        );
        assert_eq!(stdout(&output), "");
        let summary: Value =
            serde_json::from_str(&fs::read_to_string(at.join(out).join("summary.json")).unwrap()).unwrap();
        assert_eq!(summary["finished"], false);
        for file in ["report.html", "model/model.safetensors", "checkpoint/state.json"] {
            assert!(at.join(out).join(file).is_file(), "{file}");
        }
        let resumed = run(at, &["train", "--resume", out, "--device", "flex"]);
        assert_code(&resumed, 0);
        assert!(stdout(&resumed).contains("after GRPO"), "{}", stdout(&resumed));
        same_run(&at.join("whole"), &at.join(out));
    }
    // There is nothing left to go on with, and a mistake in an edited config.toml is found.
    let again = run(at, &["train", "--resume", "two"]);
    assert_code(&again, 2);
    assert!(stderr(&again).contains("finished"), "{}", stderr(&again));
    let config = fs::read_to_string(at.join("two/config.toml")).unwrap();
    fs::write(at.join("two/config.toml"), config.replace("group_size = 4", "group_size = 0")).unwrap();
    let again = run(at, &["train", "--resume", "two"]);
    assert_code(&again, 2);
    let text = stderr(&again);
    assert!(text.contains("two/config.toml, line ") && text.contains("`grpo.group_size`"), "{text}");
}

#[test]
fn a_step_that_goes_wrong_ends_the_run_with_its_folder_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["--out", "run", "--set", "optimizer.weight_decay=1e30"]);
    assert_code(&output, 1);
    let text = stderr(&output);
    assert!(
        text.contains("error: step") && text.contains("learning_rate") && text.contains("--resume run"),
        "{text}"
    );
    assert!(folder.path().join("run/model/model.safetensors").is_file());
}

#[test]
fn the_trained_model_is_evaluated_asked_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_code(&train(at, &["--out", "run", "--quiet", "--set", "imitation.steps=40"]), 0);

    // The model's folder and the run's are both fine, and the questions are those of the run.
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(at.join("run/summary.json")).unwrap()).unwrap();
    let accuracy = format!("{:.1} %", 100.0 * summary["eval"]["final"].as_f64().unwrap());
    for path in ["run", "run/model"] {
        let output = run(at, &["eval", path, "--device", "flex"]);
        assert_code(&output, 0);
        let text = stdout(&output);
        for part in ["8 of the generator", "seed 1", "of 8)", "question", "expected", accuracy.as_str()] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let output = run(at, &["eval", "run", "--data", "arithmetic", "--questions", "5", "--seed", "9"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("of 5)") && stdout(&output).contains("seed 9"), "{}", stdout(&output));
    // Without its run, the model is recognised by its vocabulary.
    fs::rename(at.join("run/model"), at.join("alone")).unwrap();
    let output = run(at, &["eval", "alone", "--questions", "3", "--max-new-tokens", "8"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("at most 8 tokens"), "{}", stdout(&output));

    // Questions from a file: GSM8K's own form, numbers instead of texts, too long ones, other names of fields.
    let long = "apples ".repeat(100);
    let rows = format!(
        "{{\"question\": \"Sam has 3 apples .\", \"answer\": \"3\\n#### 3\"}}\n\n{{\"question\": \"{long}\", \"final\": 4}}\n"
    );
    fs::write(at.join("questions.jsonl"), &rows).unwrap();
    let output = run(at, &["eval", "alone", "--data", "questions.jsonl"]);
    assert_code(&output, 0);
    let text = stdout(&output);
    for part in ["2 of questions.jsonl", "number", "1 question too long", "expected   3"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    fs::write(at.join("other.jsonl"), rows.replace("question", "q").replace("final", "f")).unwrap();
    let fields = [
        "--question-field",
        "q",
        "--final-field",
        "f",
        "--prompt-template",
        "{question} ?",
        "--metric",
        "final-text",
    ];
    let output = run(at, &[&["eval", "alone", "--data", "other.jsonl"], &fields[..]].concat());
    assert_code(&output, 0);
    assert!(stdout(&output).contains("Sam has 3 apples . ?"), "{}", stdout(&output));

    // Completions: greedy is the same every time, samples differ by seed and are numbered.
    let ask = |more: &[&str]| {
        let output =
            run(at, &[&["generate", "alone", "Sam has 3 apples .", "--max-new-tokens", "8"], more].concat());
        assert_code(&output, 0);
        stdout(&output)
    };
    assert_eq!(ask(&[]), ask(&[]));
    let hot = ["--temperature", "5"];
    assert_eq!(ask(&[&hot[..], &["--seed", "1"]].concat()), ask(&[&hot[..], &["--seed", "1"]].concat()));
    assert_ne!(ask(&[&hot[..], &["--seed", "1"]].concat()), ask(&[&hot[..], &["--seed", "2"]].concat()));
    assert!(ask(&["--samples", "3"]).contains("--- 3 of 3"));
    let output = run(at, &["generate", "alone", "zebra apples"]);
    assert!(stderr(&output).contains("1 of the prompt's 2 tokens are unknown"), "{}", stderr(&output));

    fs::remove_file(at.join("run/report.html")).unwrap();
    let output = run(at, &["report", "run"]);
    assert_code(&output, 0);
    assert_eq!(stdout(&output).trim(), "run/report.html");
    assert!(at.join("run/report.html").is_file());
}

#[test]
fn devices_completions_and_help() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["devices"]);
    assert_code(&output, 0);
    for part in ["flex", "ndarray", "cuda", "ready"] {
        assert!(stdout(&output).contains(part), "{part} in {}", stdout(&output));
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(folder.path(), &["completions", shell]);
        assert_code(&output, 0);
        assert!(stdout(&output).contains("resume"), "{shell}");
    }
    for (command, wanted) in [
        ("train", "metrics.jsonl"),
        ("eval", "Examples:"),
        ("generate", "Examples:"),
        ("devices", "--features cuda"),
    ] {
        let output = run(folder.path(), &[command, "--help"]);
        assert_code(&output, 0);
        assert!(stdout(&output).contains(wanted), "{command}: {}", stdout(&output));
    }
    let output = run(folder.path(), &[]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("grpo train"), "{}", stderr(&output));
}
