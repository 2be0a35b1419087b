//! The report of a run, through its public surface: what the page shows of a run that finished, of one that
//! was killed, and of one whose files were written by somebody hostile.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use grpo_train::report::{self, Error};
use serde_json::{Value, json};
use tempfile::TempDir;
use well_formed::{assert_shows, check};

#[path = "report/well_formed.rs"]
mod well_formed;

/// A run folder as a finished run leaves it: every number follows from its step alone.
fn finished_run() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "metrics.jsonl", &metrics(20, 60));
    write(folder.path(), "samples.jsonl", &samples(60, 10));
    write(folder.path(), "config.toml", "[grpo]\nsteps = 60\ngroup_size = 4 # <small> & \"quick\"\n");
    let summary = json!({
        "recipe": "arithmetic", "device": "flex", "seed": 42, "parameters": 1_843_200, "seconds": 152.34, "num_tokens": 60_000,
        "peak_rss_bytes": 412_000_000, "steps": {"imitation": 20, "grpo": 60}, "something_new": [1, 2],
        "eval": {"initial": 0.012, "imitation": 0.452, "final": 0.936},
    });
    write(folder.path(), "summary.json", &summary.to_string());
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file in the temporary folder");
}

fn metrics(imitation: u64, grpo: u64) -> String {
    let mut out = String::new();
    for step in 1..=imitation {
        let mut row = json!({
            "stage": "imitation", "step": step, "loss": 3.0 / step as f64, "token_accuracy": 0.5,
            "grad_norm": 1.5, "learning_rate": 3e-3, "num_tokens": step * 100, "step_time": 0.2,
        });
        if step % 10 == 0 {
            row["validation/accuracy"] = json!(0.022 * step as f64);
        }
        writeln!(out, "{row}").expect("a string");
    }
    for step in 1..=grpo {
        let wave = (step as f64 / 3.0).sin();
        let mut row = json!({
            "stage": "grpo", "step": step, "loss": 0.01 * wave, "reward": 0.5 + 0.1 * wave, "reward_std": 0.25,
            "rewards/correct/mean": 0.4, "rewards/correct/std": 0.1, "rewards/<format>/mean": 0.9,
            "frac_reward_zero_std": 0.125, "kl": null, "entropy": if step == 30 { json!(null) } else { json!(0.75) },
            "clip_ratio/low_mean": 0.001, "clip_ratio/high_mean": 0.002, "clip_ratio/region_mean": 0.003,
            "completions/mean_length": 41.5, "completions/clipped_ratio": 0.0625, "grad_norm": 0.625,
            "learning_rate": 1e-3, "num_tokens": step * 1000, "step_time": 0.5, "time/rollout": 0.3,
            "time/reward": 0.01, "time/update": 0.15, "an/unknown_key": "is ignored",
        });
        if step % 20 == 0 {
            row["eval/accuracy"] = json!(0.4 + 0.008 * step as f64);
        }
        writeln!(out, "{row}").expect("a string");
    }
    out
}

fn sample(step: u64, group: u64, index: u64, completion: &str) -> Value {
    let right = (step + index) % 2;
    json!({
        "step": step, "group": group, "prompt": format!("What is {group} + {step}?"), "completion": completion,
        "reference": (group + step).to_string(), "finish": if index == 3 { "truncated" } else { "terminated" },
        "tokens": 12, "rewards": {"correct": right, "format": null}, "reasons": {"correct": "compared as numbers"},
        "reward": right, "advantage": right as f64 * 2.0 - 1.0,
    })
}

fn samples(steps: u64, every: u64) -> String {
    let mut out = String::new();
    for step in (1..=steps).step_by(every as usize) {
        for (group, index) in (0..2).flat_map(|group| (0..4).map(move |index| (group, index))) {
            writeln!(out, "{}", sample(step, group, index, &format!("step {step} says\n#### {index}")))
                .expect("a string");
        }
    }
    out
}

/// The page, checked: well-formed, and with nothing in it that a browser would fetch or run.
fn page(folder: &Path) -> String {
    let path = report::write(folder).expect("a report");
    assert_eq!(path, folder.join("report.html"));
    let page = fs::read_to_string(path).expect("a readable report");
    check(&page);
    page
}

fn error(folder: &Path) -> Error {
    let error = report::write(folder).expect_err("an error");
    assert!(!folder.join("report.html").exists(), "nothing is half-written");
    error
}

#[test]
fn a_finished_run_shows_its_numbers() {
    let run = finished_run();
    let page = page(run.path());
    assert_shows(
        &page,
        &[
            "<title>GRPO run: arithmetic</title>",
            "device flex",
            "seed 42",
            "1.2 %",
            "45.2 %",
            "93.6 %",
            "+44.0 points",
            "+48.4 points",
            "+92.4 points",
            "2 min 32 s",
            "412 MB",
            "1,843,200",
            "60,000",
            "20 imitation + 60 grpo",
        ],
    );
    assert_shows(
        &page,
        &[
            "Held-out accuracy",
            "held-out <b>88.0 %</b>",
            "validation <b>44.0 %</b>",
            "GRPO starts",
            "correct <b>0.400</b>",
            "&lt;format&gt; <b>0.900</b>",
            "mean over tokens <b>0.750</b>",
            "mean length <b>41.50</b>",
            "truncated share <b>6.2 %</b>",
            "region <b>0.300 %</b>",
            "rollout <b>0.300 s</b>",
            "Not recorded in this run: KL divergence.",
        ],
    );
    assert_shows(&page, &["group_size = 4 # &lt;small&gt; &amp; &quot;quick&quot;", "config.toml"]);
    assert!(!page.contains("class=\"notes\""), "a whole run needs no note");
}

#[test]
fn samples_of_the_first_a_middle_and_the_last_step_are_shown_and_counted() {
    let run = finished_run();
    let page = page(run.path());
    assert_shows(
        &page,
        &[
            "48 completions in samples.jsonl, 24 of them shown",
            "First sampled step: 1<",
            "Middle sampled step: 31<",
            "Last sampled step: 51<",
            "step 31 says\n#### 3",
            "compared as numbers",
            "\u{25b2} +1.00",
            "\u{25bc} \u{2212}1.00",
            "truncated",
            "12 tokens",
        ],
    );
    assert!(!page.contains("step 11 says"));

    let mut many = String::new();
    for (group, index) in (0..9).flat_map(|group| (0..40).map(move |index| (group, index))) {
        writeln!(many, "{}", sample(1, group, index, &"long ".repeat(2000))).expect("a string");
    }
    write(run.path(), "samples.jsonl", &many);
    let page = self::page(run.path());
    assert_shows(
        &page,
        &[
            "360 completions in samples.jsonl, 192 of them shown",
            "32 of 40 completions",
            "and 6,000 more characters, see line 1 of samples.jsonl",
        ],
    );
}

#[test]
fn hostile_completions_are_shown_and_do_nothing() {
    let run = finished_run();
    let attack = "</td></table><script>alert(1)</script>\0\u{1b}[31m\u{202e}drow\u{202c} <img src=http://x onerror=y> \
                  ]]> --> & \u{ffff} \u{feff} سلام";
    let mut row = sample(1, 0, 0, attack);
    row["prompt"] = json!(attack);
    row["reference"] = json!(attack);
    row["finish"] = json!(attack);
    row["rewards"] = json!({"a\"b<c>\0\u{202e}": 1.0});
    row["reasons"] = json!({"a\"b<c>\0\u{202e}": attack});
    write(run.path(), "samples.jsonl", &format!("{row}\n"));
    write(run.path(), "config.toml", attack);
    let summary = json!({"recipe": attack, "device": attack, "seed": attack, "steps": 3});
    write(run.path(), "summary.json", &summary.to_string());
    let page = page(run.path());
    assert_shows(
        &page,
        &[
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "U+0000",
            "U+001B",
            "U+202E",
            "U+FFFF",
            "U+FEFF",
            "&lt;img src=http://x onerror=y&gt;",
            "سلام",
        ],
    );
    assert!(!page.contains(['\u{202e}', '\u{202c}', '\u{feff}', '\u{ffff}']));
}

#[test]
fn a_killed_run_is_reported_as_far_as_it_got() {
    let run = finished_run();
    fs::remove_file(run.path().join("summary.json")).expect("a file to remove");
    fs::remove_file(run.path().join("config.toml")).expect("a file to remove");
    for (name, text) in [("metrics.jsonl", metrics(20, 30)), ("samples.jsonl", samples(20, 10))] {
        write(run.path(), name, &text[..text.len() - 40]);
    }
    let page = page(run.path());
    assert_shows(
        &page,
        &[
            "no summary.json",
            "no config.toml",
            "The last line of metrics.jsonl (line 50) is cut off",
            "The last line of samples.jsonl (line 16) is cut off",
            "During GRPO, at step 20",
            "56.0 %",
            "20 imitation + 29 grpo",
        ],
    );
}

#[test]
fn an_interrupted_run_is_not_called_finished() {
    let run = finished_run();
    write(run.path(), "metrics.jsonl", &metrics(20, 30));
    let summary = json!({"recipe": "arithmetic", "steps": 50, "finished": false,
                         "eval": {"initial": 0.01, "imitation": 0.4, "final": null}});
    write(run.path(), "summary.json", &summary.to_string());
    let page = page(run.path());
    let expected =
        ["stopped before its last step", "During GRPO, at step 20", "+16.0 points", "20 imitation + 30 grpo"];
    assert_shows(&page, &expected);
    assert!(!page.contains("After GRPO"));
}

#[test]
fn every_prefix_of_a_run_has_a_report() {
    let whole = metrics(3, 4);
    let run = tempfile::tempdir().expect("a temporary folder");
    for end in (0..=whole.len()).step_by(37) {
        write(run.path(), "metrics.jsonl", &whole[..end]);
        page(run.path());
    }
    fs::remove_file(run.path().join("metrics.jsonl")).expect("a file to remove");
    write(run.path(), "samples.jsonl", "");
    assert_shows(&page(run.path()), &["no metrics.jsonl", "holds no completion yet"]);
}

#[test]
fn a_garbage_line_is_named_with_its_file() {
    let run = finished_run();
    let good = metrics(2, 2);
    let lines: Vec<_> = good.lines().collect();
    for (bad, problem) in [
        ("{\"stage\": \"grpo\", oops", "key must be a string"),
        ("{\"stage\": \"grpo\"}", "\"step\" is missing"),
        ("{\"step\": 3}", "\"stage\" is missing"),
        (
            "{\"stage\": \"grpo\", \"step\": 3, \"reward\": \"high\"}",
            "\"reward\" is neither a number nor null",
        ),
    ] {
        write(run.path(), "metrics.jsonl", &[lines[0], lines[1], bad, lines[2], ""].join("\n"));
        let error = error(run.path());
        let message = error.to_string();
        assert!(
            matches!(&error, Error::Line { line: 3, path, .. } if path.ends_with("metrics.jsonl")),
            "{error:?}"
        );
        for part in ["metrics.jsonl:3: ", problem, "repair or delete this line"] {
            assert!(message.contains(part), "{message}");
        }
    }

    write(run.path(), "metrics.jsonl", &good);
    write(run.path(), "samples.jsonl", "{\"step\": 1, \"group\": 0, \"prompt\": 7}\n{}\n");
    assert!(matches!(error(run.path()), Error::Line { line: 2, .. }));
    write(run.path(), "samples.jsonl", "{\"step\": 1, \"group\": 0, \"prompt\": 7}\n");
    assert!(error(run.path()).to_string().contains("samples.jsonl:1: invalid type"));

    write(run.path(), "samples.jsonl", "");
    write(run.path(), "summary.json", "{\n\"recipe\": \"arithmetic\",\n}");
    let message = error(run.path()).to_string();
    assert!(message.contains("summary.json:3: ") && message.contains("delete it"), "{message}");
}

#[test]
fn a_folder_that_is_no_run_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(error(folder.path()).to_string().contains("not a run folder"));
    assert!(matches!(error(&folder.path().join("missing")), Error::NotARun { .. }));
    write(folder.path(), "file", "");
    assert!(matches!(error(&folder.path().join("file")), Error::NotARun { .. }));
}

#[test]
fn a_report_is_replaced_as_a_whole_and_always_the_same() {
    let run = finished_run();
    write(run.path(), "report.html", "an old report");
    let first = page(run.path());
    assert_eq!(first, page(run.path()));
    let files = fs::read_dir(run.path()).expect("a readable folder").count();
    assert_eq!(files, 5, "four inputs, the report, and nothing temporary");
}

#[test]
fn long_runs_are_thinned_and_the_page_says_so() {
    let run = finished_run();
    write(run.path(), "metrics.jsonl", &metrics(20, 2500));
    let page = page(run.path());
    assert_shows(
        &page,
        &["The GRPO stage has 2,500 steps: each point", "mean of up to 4 neighbouring steps"],
    );
    let longest =
        page.split("points=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or("").split(' ').count());
    // An area goes there and back.
    assert!(longest.max().is_some_and(|points| (500..=2001).contains(&points)));
}

#[test]
fn extreme_numbers_resumed_steps_and_new_stages_are_survived() {
    let run = finished_run();
    let row = |stage: &str, step: u64, reward: f64| {
        let row = json!({"stage": stage, "step": step, "reward": reward, "reward_std": 1e300, "entropy": 1e-300,
                         "grad_norm": -0.0, "learning_rate": 5e15 + reward, "eval/accuracy": 0.5});
        format!("{row}\n")
    };
    let rows = [row("grpo", 1, 1e308), row("grpo", 2, -1e308), row("ppo<2>", 1, 0.0), row("grpo", 2, 0.0)];
    write(run.path(), "metrics.jsonl", &rows.concat());
    let page = page(run.path());
    assert_shows(
        &page,
        &[
            "goes back to an earlier step 1 time",
            "Not drawn: 1 line of metrics.jsonl with the stage \u{201c}ppo&lt;2&gt;\u{201d}",
            "steps of both stages",
        ],
    );
}
