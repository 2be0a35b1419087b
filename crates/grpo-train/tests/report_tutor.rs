//! The report of a tutor's run, through its public surface: a run that finished, one that was stopped, and one whose
//! files were written by somebody hostile. Every number of the fixtures follows from its place.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use grpo_train::report::{self, Error};
use serde_json::{Value, json};
use tempfile::TempDir;
use well_formed::{assert_shows, check};

#[path = "report/well_formed.rs"]
mod well_formed;

const CONFIG: &str =
    "name = \"kss-20\"\n\n[environment] # <simulated>\nskills = 12\n\n[training]\nalgorithm = \"grpo\"\n";

fn metrics(stage: &str, steps: u64) -> String {
    let mut out = String::new();
    for step in 1..=steps {
        let (at, wave) = (step as f64 / steps as f64, (step as f64 / 3.0).sin());
        let mut row = json!({
            "stage": stage, "step": step, "loss": 0.01 * wave, "reward": 0.3 + 0.3 * at + 0.02 * wave, "reward_std": 0.1,
            "frac_reward_zero_std": 0.0625, "entropy": 2.4 - 1.5 * at, "clip_ratio/region_mean": 0.0125, "grad_norm": 0.75,
            "learning_rate": 1e-3, "steps": 640, "step_time": 0.25, "time/rollout": 0.125,
            "gain": if step % 10 == 0 { json!(0.3 + 0.3 * at) } else { json!(null) }, "an/unknown<key>": 1,
        });
        if stage == "ppo" {
            row["value_loss"] = json!(0.0625);
            row["explained_variance"] = json!(0.875);
        }
        writeln!(out, "{row}").expect("a string");
    }
    out
}

fn summary() -> Value {
    json!({
        "kind": "tutor", "recipe": "kss-20", "device": "flex", "seed": 7, "parameters": 25_613, "seconds": 152.34,
        "peak_rss_bytes": 212_000_000, "steps": 60, "sessions": 7680, "environment_steps": 153_600,
        "measure": "mean mastery at the end, 0 to 1", "learners": 500, "finished": true,
        "worth": {"initial": {"mean": 0.301, "half_width": 0.0111}, "final": {"mean": 0.612, "half_width": 0.0122}},
    })
}

fn tutor(name: &str, role: &str, mean: f64, ahead: Option<(f64, f64)>, steps: usize) -> Value {
    let curve = (0..=steps).map(|step| {
        json!({"mean": 0.1 + (mean - 0.1) * (step as f64 / steps as f64).sqrt(), "half_width": 0.0121})
    });
    json!({
        "name": name, "role": role, "worth": {"mean": mean, "half_width": 0.0122}, "curve": curve.collect::<Vec<_>>(),
        "ahead": ahead.map(|(mean, half_width)| json!({"mean": mean, "half_width": half_width})),
    })
}

fn replay(learner: usize, actions: usize, steps: usize) -> Value {
    let mut inside: Vec<f64> = (0..actions).map(|item| if item < 2 { 0.9 } else { 0.1 }).collect();
    let before = inside.clone();
    let row = |step: usize| {
        let action = (2 + step / 2) % actions;
        inside[action] = (inside[action] + 0.4).min(1.0);
        inside[0] = (inside[0] - 0.01_f64).max(0.0);
        json!({
            "action": action, "probability": 0.71, "considered": [[action, 0.71], [(action + 1) % actions, 0.204], [0, 0.05]],
            "correct": if step == 1 { json!(null) } else { json!(!step.is_multiple_of(3)) }, "worth": 0.1 + 0.02 * step as f64,
            "inside": inside,
        })
    };
    let steps: Vec<Value> = (0..steps).map(row).collect();
    json!({"learner": learner, "about": "targets skills 3 & 5", "worth": 0.587, "inside": before, "steps": steps})
}

fn examination(actions: usize, steps: usize) -> Value {
    let chosen = |step: usize| -> Vec<f64> {
        let near = |action: usize| {
            let far = action as f64 - step as f64 * actions as f64 / steps as f64;
            (-far * far / 4.0).exp()
        };
        let sum: f64 = (0..actions).map(near).sum();
        (0..actions).map(|action| if near(action) < 1e-3 { 0.0 } else { near(action) / sum }).collect()
    };
    json!({
        "measure": "mean mastery at the end, 0 to 1", "learners": 500,
        "actions": (0..actions).map(|action| format!("skill {}", action + 1)).collect::<Vec<_>>(),
        "tutors": [
            tutor("random", "baseline", 0.297, Some((0.315, 0.0141)), steps),
            tutor("curriculum", "baseline", 0.551, Some((0.061, 0.0131)), steps),
            tutor("weakest first", "baseline", 0.604, Some((0.008, 0.0133)), steps),
            tutor("round robin", "baseline", 0.404, Some((0.208, 0.0133)), steps),
            tutor("repeat wrong", "baseline", 0.454, Some((0.158, 0.0133)), steps),
            tutor("greedy oracle", "reference", 0.655, Some((-0.043, 0.0112)), steps),
            tutor("before training", "untrained", 0.301, Some((0.311, 0.0125)), steps),
            tutor("after training", "trained", 0.612, None, steps),
        ],
        "chosen": (0..steps).map(chosen).collect::<Vec<_>>(),
        "sessions": [replay(12, actions, steps), replay(407, actions, steps)],
    })
}

fn finished_run() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "config.toml", CONFIG);
    write(folder.path(), "metrics.jsonl", &metrics("grpo", 60));
    write(folder.path(), "summary.json", &summary().to_string());
    write(folder.path(), "examination.json", &examination(12, 20).to_string());
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file in the temporary folder");
}

fn remove(folder: &Path, name: &str) {
    fs::remove_file(folder.join(name)).expect("a file to remove");
}

/// The page, checked; where `REPORT_PAGES` names a folder it is kept there to be looked at.
fn page(folder: &Path, name: &str) -> String {
    let path = report::write(folder).expect("a report");
    let page = fs::read_to_string(&path).expect("a readable report");
    check(&page);
    if let Some(pages) = std::env::var_os("REPORT_PAGES") {
        fs::copy(path, Path::new(&pages).join(format!("tutor-{name}.html"))).expect("a copy of the page");
    }
    page
}

#[test]
fn a_finished_run_shows_what_it_reached_and_what_it_cost() {
    let run = finished_run();
    let page = page(run.path(), "finished");
    let expected = [
        "<title>Tutor run: kss-20</title>",
        "With 500 learners that it has never taught, a session of the trained tutor is worth <b>0.612 ± 0.012</b>",
        "That is 0.311 ± 0.013 more than before training.",
        "There is no clear difference to the best baseline (weakest first): +0.008 ± 0.013.",
        "That is 0.043 ± 0.011 less than the best of those that look inside the learner (greedy oracle).",
        "7,680",
        "153,600",
        "2 min 32 s",
        "212 MB",
        "25,613",
        "mean mastery at the end, 0 to 1",
        "[environment] # &lt;simulated&gt;",
        "Also in metrics.jsonl and not drawn here: an/unknown&lt;key&gt;.",
    ];
    assert_shows(&page, &expected);
    assert!(!page.contains("class=\"notes\""), "a whole run needs no note");
    assert!(!page.contains("Critic</h2>"), "GRPO has no critic");
}

#[test]
fn a_run_that_is_trained_for_something_else_says_so() {
    let run = finished_run();
    let plain = page(run.path(), "plain");
    assert!(!plain.contains("What sessions were worth</h2>") && !plain.contains("What it was trained for"));
    let mut summary = summary();
    summary["trained_for"] = json!("gain, with <time> at most 1");
    write(run.path(), "summary.json", &summary.to_string());
    let with = |line: &str| {
        let mut row: Value = serde_json::from_str(line).expect("a line");
        let step = row["step"].as_f64().expect("a step");
        row["measures/gain/mean"] = json!(0.01 * step);
        row["measures/<time>/mean"] = if step == 3.0 { json!(null) } else { json!(90.0 - step) };
        row["lagrange/<time>"] = json!(0.05 * step);
        row["environment/reward"] = json!(0.3);
        row["worth/missing"] = json!(2.0);
        format!("{row}\n")
    };
    write(run.path(), "metrics.jsonl", &metrics("grpo", 60).lines().map(with).collect::<String>());
    let page = page(run.path(), "worth");
    let expected = [
        "What it was trained for: gain, with &lt;time&gt; at most 1.",
        "What sessions were worth</h2>",
        "Measure: gain",
        "Measure: &lt;time&gt;",
        "Prices of limits",
        "What the environment would have paid",
        "sessions without a worth",
        "Also in metrics.jsonl and not drawn here: an/unknown&lt;key&gt;.",
    ];
    assert_shows(&page, &expected);
}

#[test]
fn all_tutors_stand_in_the_table_best_first() {
    let run = finished_run();
    let page = page(run.path(), "table");
    let table = &page[page.find("All 8").expect("the table")..];
    let table = &table[..table.find("</table>").expect("its end")];
    let order = [
        "greedy oracle",
        "after training</bdi>",
        "weakest first",
        "curriculum",
        "repeat wrong",
        "round robin",
        "before training</bdi>",
        "random",
    ];
    let places: Vec<_> = order.map(|name| table.find(name).expect(name)).into();
    assert!(places.is_sorted(), "{places:?}");
    assert_shows(
        table,
        &["−0.043 ± 0.011", "▼ worse", "● no clear difference", "▲ better", "looks inside the learner"],
    );
    assert_eq!(table.matches("<svg").count(), 8);
}

#[test]
fn every_tutor_has_a_learning_gain_curve_and_the_trained_one_is_in_every_chart() {
    let run = finished_run();
    let page = page(run.path(), "gain");
    let section = &page[page.find("Learning gain").expect("the section")..];
    let section = &section[..section.find("</section>").expect("its end")];
    assert_shows(section, &["part 1 of 2", "part 2 of 2"]);
    assert_eq!(section.matches("after training <b>").count(), 2);
    for name in ["random", "curriculum", "weakest first", "round robin", "repeat wrong", "greedy oracle"] {
        assert_eq!(section.matches(&format!("{name} <b>")).count(), 1, "{name}");
    }
}

#[test]
fn the_map_shows_every_share_and_says_when_it_is_coarser_than_recorded() {
    let run = finished_run();
    let small = page(run.path(), "map");
    assert!(!small.contains("Drawn more coarsely"));
    let recorded = examination(12, 20);
    let shares = recorded["chosen"].as_array().into_iter().flatten().filter_map(Value::as_array).flatten();
    let cells = shares.filter(|share| share.as_f64() > Some(0.0)).count();
    assert_eq!(small.matches("</title></rect>").count(), cells);

    write(run.path(), "examination.json", &examination(101, 200).to_string());
    let large = page(run.path(), "large");
    let expected = [
        "3 neighbouring actions of 101 share a row: their shares are added up",
        "4 neighbouring steps of 200 share a column: it shows their mean",
        "skill 100 \u{2013} skill 101",
        "Names that are cut in the map, in full",
    ];
    // "skill 100 – skill 101" has 21 characters: no name is cut.
    assert_shows(&large, &expected[..3]);
    assert!(!large.contains(expected[3]));
}

#[test]
fn sessions_are_replayed_step_by_step_and_what_is_left_out_is_said() {
    let run = finished_run();
    let short = page(run.path(), "sessions");
    let expected = [
        "2 sessions in examination.json, all shown",
        "Learner 407",
        "targets skills 3 &amp; 5",
        "worth 0.587 after 20 steps, 12 of 19 answers right",
        "<b><bdi>skill 3</bdi></b> (71.0 %)",
        "<bdi>skill 4</bdi> 20.4 %, <bdi>skill 1</bdi> 5.0 %",
        "▲ skill 3 0.1 → 0.5",
        "</span> right",
        "</span> wrong",
        ">none</td>",
        "mean of all items 0.233 before and 0.266 after the step",
    ];
    assert_shows(&short, &expected);
    assert!(!short.contains("are in examination.json, sessions["));
    assert_eq!(short.matches("class=\"strip\"").count(), 40);

    let mut long = examination(101, 200);
    long["sessions"] = (0..15).map(|learner| replay(learner, 101, 200)).collect();
    write(run.path(), "examination.json", &long.to_string());
    let page = page(run.path(), "long");
    let expected = [
        "15 sessions are in examination.json, the first 12 are shown",
        "The first 40 of 200 steps are shown; steps 41 to 200 are in examination.json, sessions[11].steps.",
        "up to 2 neighbouring items share a cell, which shows their mean",
    ];
    assert_shows(&page, &expected);
    assert_eq!(page.matches("class=\"strip\"").count(), 12 * 40);
}

#[test]
fn training_is_drawn_and_ppo_has_its_critic() {
    let run = finished_run();
    write(run.path(), "metrics.jsonl", &metrics("ppo", 60));
    let page = page(run.path(), "ppo");
    let expected = [
        "examination <b>0.600 (step 60)</b>",
        "clipped <b>1.2 %</b>",
        "mean over steps <b>0.900</b>",
        "value loss <b>0.0625</b>",
        "explained variance <b>0.875</b>",
        "sessions <b>0.125 s</b>",
        "whole step <b>0.250 s</b>",
        "<dd>PPO</dd>",
    ];
    assert_shows(&page, &expected);
}

#[test]
fn a_run_that_was_stopped_early_is_known_by_its_environment() {
    let run = finished_run();
    remove(run.path(), "summary.json");
    remove(run.path(), "examination.json");
    let text = metrics("grpo", 25);
    write(run.path(), "metrics.jsonl", &text[..text.len() - 40]);
    let page = page(run.path(), "stopped");
    let expected = [
        "no summary.json",
        "no examination.json",
        "The last line of metrics.jsonl (line 25) is cut off",
        "During training, at step 20",
        "<b>0.540</b>",
        "not measured",
        "24 so far",
        "6.0 s in steps so far",
    ];
    assert_shows(&page, &expected);
}

#[test]
fn every_prefix_of_a_run_has_a_report() {
    let whole = metrics("ppo", 4);
    let run = tempfile::tempdir().expect("a temporary folder");
    write(run.path(), "config.toml", CONFIG);
    for end in (0..=whole.len()).step_by(41) {
        write(run.path(), "metrics.jsonl", &whole[..end]);
        assert_shows(&page(run.path(), "prefix"), &["Tutor run"]);
    }
    remove(run.path(), "metrics.jsonl");
    assert_shows(&page(run.path(), "prefix"), &["Tutor run", "no metrics.jsonl"]);
    write(run.path(), "examination.json", &examination(3, 2).to_string());
    remove(run.path(), "config.toml");
    assert_shows(&page(run.path(), "prefix"), &["The examination", "no config.toml"]);
}

#[test]
fn a_language_models_run_keeps_its_page() {
    let run = tempfile::tempdir().expect("a temporary folder");
    write(run.path(), "config.toml", CONFIG);
    write(
        run.path(),
        "metrics.jsonl",
        "{\"stage\": \"grpo\", \"step\": 1, \"num_tokens\": 100, \"reward\": 0.5}\n",
    );
    assert_shows(&page(run.path(), "language"), &["GRPO run"]);
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let attack = "</td></table><script>alert(1)</script>\0\u{1b}[31m\u{202e}drow\u{202c} \" ' onload=\"x ]]> --> & \u{ffff}";
    let run = finished_run();
    let mut hostile = examination(3, 2);
    hostile["measure"] = json!(attack);
    hostile["actions"] = json!([attack, attack, attack]);
    hostile["tutors"][0]["name"] = json!(attack);
    hostile["tutors"][2]["name"] = json!(attack);
    hostile["sessions"][0]["about"] = json!(attack);
    hostile["sessions"][0]["steps"][0]["action"] = json!(99);
    hostile["chosen"][0] = json!([0.5, 0.25, 0.125, 0.125]);
    write(run.path(), "examination.json", &hostile.to_string());
    write(
        run.path(),
        "summary.json",
        &json!({"kind": "tutor", "recipe": attack, "device": attack}).to_string(),
    );
    write(run.path(), "metrics.jsonl", "{\"stage\": \"<b>\", \"step\": 1}\n");
    let page = page(run.path(), "hostile");
    let expected = [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "U+0000",
        "U+202E",
        "action 100",
        "action 4",
        "Names that are cut in the map, in full",
        "1 line of metrics.jsonl with the stage \u{201c}&lt;b&gt;\u{201d}",
    ];
    assert_shows(&page, &expected);
    assert!(!page.contains(['\u{202e}', '\u{202c}', '\u{ffff}']));
}

#[test]
fn an_examination_that_holds_something_else_is_named() {
    let run = finished_run();
    write(run.path(), "examination.json", "{\n\"measure\": 7}");
    let error = report::write(run.path()).expect_err("an error");
    let message = error.to_string();
    assert!(matches!(error, Error::Line { line: 2, .. }), "{message}");
    assert!(
        message.contains("examination.json:2: invalid type") && message.contains("delete it"),
        "{message}"
    );
    assert!(!run.path().join("report.html").exists());
}

#[test]
fn an_examination_with_nothing_in_it_is_survived() {
    let run = finished_run();
    let empty =
        json!({"measure": "", "learners": 0, "actions": [], "tutors": [], "chosen": [], "sessions": []});
    write(run.path(), "examination.json", &empty.to_string());
    let expected =
        ["Not recorded in this examination", "The examination kept no session", "Not recorded in this run"];
    assert_shows(&page(run.path(), "empty"), &expected);
}
