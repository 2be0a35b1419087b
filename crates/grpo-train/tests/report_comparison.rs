//! The page and the tables of a comparison, through the public surface.

use std::fs;
use std::path::Path;

use grpo_train::report::{self, Error};
use serde_json::{Value, json};
use well_formed::{assert_shows, check};

#[path = "report/well_formed.rs"]
mod well_formed;

/// Runs that rise to `top`, a little apart; those of the `slow` last seeds never pass 0.3.
fn runs(top: f64, seeds: u64, slow: u64, pace: f64) -> Vec<Value> {
    let point = |seed: u64, at: usize| {
        let rise = 1.0 - (-(at as f64) * pace).exp();
        let top =
            if seed >= seeds - slow { 0.3 } else { top + 0.01 * (seed as f64 - (seeds - 1) as f64 / 2.0) };
        json!({
            "iterations": at * 10, "sessions": at * 640, "steps": at * 12_800, "seconds": at as f64 * (1.5 + 0.01 * seed as f64),
            "worth": 0.2 + (top - 0.2) * rise,
        })
    };
    let run =
        |seed: u64| json!({"seed": seed, "points": (0..=30).map(|at| point(seed, at)).collect::<Vec<_>>()});
    (0..seeds).map(run).collect()
}

fn arm(name: &str, parameters: usize, rate: f64, runs: Vec<Value>) -> Value {
    let tried = [(3e-4, 4, 0.412), (1e-3, 4, 0.523), (3e-3, 8, 0.498)].map(|(rate, minibatches, worth)| {
        json!({"learning_rate": rate, "iterations": 2, "minibatches": minibatches, "worth": worth})
    });
    let minibatches = if rate == 3e-3 { 8 } else { 4 };
    json!({"name": name, "tried": tried, "learning_rate": rate, "iterations": 2, "minibatches": minibatches, "parameters": parameters, "runs": runs})
}

fn comparison() -> Value {
    json!({
        "name": "tutors", "device": "flex", "seconds": 7384.2, "quick": false,
        "tasks": [
            {
                "name": "kss-20", "measure": "mean mastery at the end, 0 to 1", "learners": 500, "thresholds": [0.4, 0.55, 0.9],
                "arms": [
                    arm("grpo", 25_613, 1e-3, runs(0.62, 10, 0, 0.2)),
                    arm("ppo", 51_014, 1e-3, runs(0.58, 10, 3, 0.3)),
                    arm("reinforce", 25_613, 3e-3, runs(0.56, 10, 6, 0.1)),
                ],
            },
            {
                "name": "memory-30", "measure": "mean recall a day later, 0 to 1", "learners": 200, "thresholds": [0.45],
                "arms": [arm("grpo", 31_000, 1e-3, runs(0.5, 5, 0, 0.2)), arm("ppo", 60_000, 1e-3, runs(0.497, 5, 0, 0.2))],
            },
        ],
        "memory": [
            {"model": "1M", "configuration": "ppo, separate critic, reference", "bytes_per_parameter": 36.0, "peak_bytes": 180_000_000, "seconds": 0.5},
            {"model": "1M", "configuration": "grpo, reference", "bytes_per_parameter": 20.0, "peak_bytes": 120_000_000, "seconds": 0.35},
            {"model": "1M", "configuration": "grpo", "bytes_per_parameter": 16.0, "peak_bytes": null, "seconds": 0.3},
            {"model": "9M", "configuration": "grpo", "bytes_per_parameter": 16.0, "peak_bytes": 400_000_000, "seconds": 2.0},
        ],
        "latency": [
            {"work": "stories260K, 64 new tokens", "configuration": "no cache", "answers": 8, "p50": 400.0, "p95": 450.0},
            {"work": "stories260K, 64 new tokens", "configuration": "KV cache, shared prompt", "answers": 8, "p50": 100.0, "p95": 135.0},
        ],
    })
}

fn page(comparison: &Value, name: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("comparison.json"), comparison.to_string()).expect("a file");
    let path = report::write_comparison(folder.path()).expect("a page");
    assert_eq!(path, folder.path().join("comparison.html"));
    let page = fs::read_to_string(&path).expect("a readable page");
    check(&page);
    if let Some(pages) = std::env::var_os("REPORT_PAGES") {
        fs::copy(path, Path::new(&pages).join(format!("comparison-{name}.html")))
            .expect("a copy of the page");
    }
    page
}

fn text(comparison: &Value) -> String {
    report::comparison_tables(&serde_json::from_value(comparison.clone()).expect("a comparison"))
}

fn markdown(comparison: &Value) -> String {
    report::comparison_markdown(&serde_json::from_value(comparison.clone()).expect("a comparison"))
}

#[test]
fn a_comparison_shows_its_numbers() {
    let comparison = comparison();
    let page = page(&comparison, "whole");
    let expected = [
        "<title>Comparison: tutors</title>",
        "2 h 03 min",
        "<dd>40</dd>",
        "grpo ends highest, at 0.619 (0.601 to 0.637)",
        "25,613",
        "384,000",
        "2 \u{d7} 4",
        "2 \u{d7} 8",
        "Settings that were tried on kss-20, best first",
        "<td class=\"num\">0.412</td><td></td>",
        "<td class=\"num\">0.523</td><td>chosen</td>",
        "On kss-20 the best learning rate of reinforce is the largest that was tried",
        "Some arms have 5 seeds alone",
        "all 10",
        "3 of 10 never",
        "10 of 10 never",
        "not reached",
        "no clear difference, the interval holds zero",
    ];
    assert_shows(&page, &expected);
    // Two charts for each task.
    assert_eq!(page.matches("<figure>").count(), 4);
}

#[test]
fn what_it_takes_is_that_of_the_first_examination_and_never_is_censored() {
    let text = text(&comparison());
    let row = |level: &str, arm: &str| -> String {
        let after = &text[text.find("What it takes to reach a level on kss-20").expect("the table")..];
        let line = after.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(level) && words.next() == Some(arm)
        });
        line.expect("a row").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // 0.2 + 0.375 (1 - exp(-at / 5)) reaches 0.4 at 3.8, 0.2 + 0.465 (1 - exp(-at / 5)) at 2.8: 4 and 3.
    assert!(row("0.4", "grpo").starts_with("0.4 grpo all 10 2,560 ("), "{}", row("0.4", "grpo"));
    assert!(row("0.4", "ppo").contains("3 of 10 never"), "{}", row("0.4", "ppo"));
    assert!(row("0.4", "ppo").contains("to not reached)"), "{}", row("0.4", "ppo"));
    assert!(row("0.4", "reinforce").contains("6 of 10 never not reached"), "{}", row("0.4", "reinforce"));
    assert_eq!(row("0.9", "grpo"), "0.9 grpo 10 of 10 never not reached not reached not reached not reached");
}

#[test]
fn memory_and_time_to_answer_are_compared_with_their_yardsticks() {
    let comparison = comparison();
    let page = page(&comparison, "machine");
    let expected = [
        "(compared with)",
        "36.00",
        "180 MB",
        "120 MB",
        "\u{2212}44 %",
        "\u{2212}33 %",
        "\u{2212}56 %",
        "\u{2212}30 %",
        "not told by the platform",
        "no PPO row",
        "\u{2212}75 %",
        "\u{2212}70 %",
        "1M needs the least with grpo, 16.00 bytes per parameter by counting (\u{2212}56 % against ppo, separate critic, reference)",
        "stories260K, 64 new tokens is fastest with KV cache, shared prompt, 100.0 ms in the median (\u{2212}75 % against no cache)",
    ];
    assert_shows(&page, &expected);
}

#[test]
fn text_and_markdown_hold_the_numbers_of_the_page() {
    let comparison = comparison();
    let (text, markdown) = (text(&comparison), markdown(&comparison));
    for number in
        ["0.619 (0.601 to 0.637)", "25,613", "3 of 10 never", "180 MB", "384,000", "0.0003", "not reached"]
    {
        assert!(text.contains(number) && markdown.contains(number), "{number}");
    }
    assert!(text.lines().all(|line| line == line.trim_end()));
    // Every row of a Markdown table has as many cells as its head.
    for table in markdown.split("\n\n").filter(|part| part.starts_with('|')) {
        let cells: Vec<_> = table.lines().map(|line| line.replace("\\|", "").matches('|').count()).collect();
        assert!(cells.iter().all(|count| *count == cells[0]), "{table}");
    }
    assert!(markdown.contains("\n## Task kss-20\n") && markdown.contains("\n## Memory\n"));
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let attack =
        "</td><script>alert(1)</script>\0\u{1b}[31m\u{202e}drow | `x` [a](http://x) *b* \" & \n\n# h";
    let mut hostile = comparison();
    for place in ["name", "device"] {
        hostile[place] = json!(attack);
    }
    for place in ["name", "measure"] {
        hostile["tasks"][0][place] = json!(attack);
    }
    hostile["tasks"][0]["arms"][0]["name"] = json!(attack);
    hostile["memory"][0]["model"] = json!(attack);
    hostile["latency"][0]["work"] = json!(attack);
    let page = page(&hostile, "hostile");
    assert_shows(&page, &["&lt;script&gt;alert(1)&lt;/script&gt;", "U+0000", "U+001B", "U+202E"]);
    assert!(!page.contains('\u{202e}'));
    let (text, markdown) = (text(&hostile), markdown(&hostile));
    assert!(!text.contains(['\u{1b}', '\0', '\u{202e}']) && !markdown.contains(['\u{1b}', '\0', '\u{202e}']));
    assert!(
        markdown.contains("&lt;script&gt;")
            && !markdown.contains("<script>")
            && !markdown.contains("[a](http")
    );
    assert!(!markdown.lines().any(|line| line.starts_with("# h")));
}

#[test]
fn a_comparison_with_holes_is_survived() {
    let empty = json!({"name": "e", "device": "d", "seconds": 0.0, "quick": true, "tasks": [], "memory": [], "latency": []});
    assert_shows(&page(&empty, "empty"), &["the short form", "Not measured in this comparison"]);
    let mut holes = comparison();
    holes["tasks"][0]["arms"][0]["runs"] = json!([]);
    holes["tasks"][0]["arms"][1]["runs"] = json!([{"seed": 1, "points": []}]);
    holes["tasks"][0]["arms"][2]["runs"] = json!([runs(0.5, 1, 0, 0.2)[0]]);
    holes["tasks"][1]["arms"] = json!([]);
    for arm in holes["tasks"][0]["arms"].as_array_mut().into_iter().flatten() {
        arm["tried"] = json!([]);
    }
    let page = page(&holes, "holes");
    assert_shows(&page, &["stand in the recipe, no others were tried"]);
    assert!(!page.contains("Settings that were tried"));
    assert_shows(
        &page,
        &["An arm has no run", "no run", "one seed: no interval", "no run has an examination yet"],
    );
    assert_shows(&page, &["On kss-20 the arms differ in the environment steps of a run: from 0 to 384,000"]);
}

#[test]
fn a_folder_without_a_comparison_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = report::write_comparison(folder.path()).expect_err("an error");
    assert!(matches!(error, Error::NotAComparison { .. }) && error.to_string().contains("comparison.json"));
    fs::write(folder.path().join("comparison.json"), "{\"name\": 3}").expect("a file");
    let error = report::write_comparison(folder.path()).expect_err("an error");
    assert!(error.to_string().contains("comparison.json:1: invalid type"), "{error}");
    assert!(!folder.path().join("comparison.html").exists());
}
