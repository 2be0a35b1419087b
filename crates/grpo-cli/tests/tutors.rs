//! Tutors, learner models and comparisons, as a person asks for them.

mod common;

use common::{assert_code, lines, listing, run, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;

const FEW: [&str; 8] = [
    "--set",
    "training.learners_per_step=4",
    "--set",
    "examination.learners=10",
    "--set",
    "examination.learners_on_the_way=4",
    "--steps",
    "3",
];

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_embedded_tutor_can_be_trained() {
    let folder = tempfile::tempdir().unwrap();
    let small: [(&str, &[&str], &str); 3] = [
        ("tutor-kss", &["--set", "environment.beam_width=5"], "planner"),
        ("tutor-memory", &["--set", "environment.items=4", "--set", "environment.steps=10"], "Leitner"),
        ("tutor-fsrs", &["--set", "environment.cards=3", "--set", "environment.days=6"], "desired retention"),
    ];
    for (name, changes, rival) in small {
        let arguments = [&["train", name, "--device", "flex", "--out", name], &FEW[..], changes].concat();
        let output = run(folder.path(), &arguments);
        assert_code(&output, 0);
        let text = stdout(&output);
        assert!(
            text.contains(rival) && text.contains("this tutor's lead") && text.contains("report"),
            "{text}"
        );
        let own = folder.path().join(name);
        for file in [
            "config.toml",
            "summary.json",
            "examination.json",
            "report.html",
            "model/tutor.bpk",
            "model/tutor.json",
        ] {
            assert!(own.join(file).metadata().unwrap().len() > 0, "{name}: {file}");
        }
        assert!(!own.join("samples.jsonl").exists());
        assert_eq!(lines(&own.join("metrics.jsonl")).len(), 3);
        assert_eq!(json(&own.join("summary.json"))["kind"], "tutor");
        // The page can be written again, and a finished run can't go on.
        assert_code(&run(folder.path(), &["report", name]), 0);
        let again = run(folder.path(), &["train", "--resume", name]);
        assert_code(&again, 2);
        assert!(stderr(&again).contains("finished"), "{}", stderr(&again));
    }
}

#[test]
fn a_tutor_for_learners_of_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::from("pupil,skill,correct\n");
    for learner in 0..40 {
        for practice in 0..6 {
            for skill in ["sums", "products"] {
                let right = (learner * 5 + practice * 4) % 13 < 3 + practice + skill.len() % 3;
                log += &format!("p{learner},{skill},{}\n", u8::from(right));
            }
        }
    }
    fs::write(folder.path().join("log.csv"), log).unwrap();
    let wrong = run(folder.path(), &["edu", "fit", "log.csv", "--model", "bkt"]);
    assert_code(&wrong, 2);
    assert!(stderr(&wrong).contains("learner") && stderr(&wrong).contains("pupil"), "{}", stderr(&wrong));
    let fit = ["edu", "fit", "log.csv", "--model", "bkt", "--learner-column", "pupil", "--out", "model.json"];
    let output = run(folder.path(), &fit);
    assert_code(&output, 0);
    assert!(
        stdout(&output).contains("products") && stdout(&output).contains("tutor-bkt"),
        "{}",
        stdout(&output)
    );
    assert_code(&run(folder.path(), &fit), 2); // never overwrites

    let changes = ["--set", "environment.path=model.json", "--set", "environment.steps=5", "--out", "tutor"];
    let arguments = [&["train", "tutor-bkt", "--device", "flex"], &FEW[..], &changes].concat();
    let output = run(folder.path(), &arguments);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("mastery learning"), "{}", stdout(&output));
    // The file is named where it is missing.
    fs::remove_file(folder.path().join("model.json")).unwrap();
    let output = run(folder.path(), &["train", "tutor-bkt", "--out", "other"]);
    assert_code(&output, 2);
    assert!(
        stderr(&output).contains("model.json") && !folder.path().join("other").exists(),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_mistake_in_a_tutors_recipe_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "name = \"mine\"\n[environment]\nkind = \"kss\"\nsteps = 0\n[training]\nsteps = 2\nlearners_per_step = 2\n\
        group_size = 1\nlearning_rate = 1e-3\n";
    fs::write(folder.path().join("mine.toml"), recipe).unwrap();
    let told = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["train", "mine.toml"], arguments].concat());
        assert_code(&output, 2);
        stderr(&output)
    };
    assert!(told(&[]).contains("mine.toml, line 8: `training.group_size`"), "{}", told(&[]));
    let change = ["--set", "training.group_size=1.5"];
    assert!(told(&change).contains("--set training.group_size=1.5"), "{}", told(&change));
    assert!(told(&["--model", "there"]).contains("--model"), "{}", told(&["--model", "there"]));
    assert_eq!(listing(folder.path()), ["mine.toml"]);
}

#[test]
fn a_comparison_is_made_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let few =
        ["--set", "quick.steps=2", "--set", "quick.learners=4", "--set", "quick.seeds=1", "--device", "flex"];
    let arguments = [&["compare", "--quick", "--out", "compared"], &few[..]].concat();
    let output = run(folder.path(), &arguments);
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("kss-20") && text.contains("hlr") && text.contains("ppo, shared trunk"), "{text}");
    let own = folder.path().join("compared");
    let comparison = json(&own.join("comparison.json"));
    assert_eq!(comparison["quick"], true);
    for task in comparison["tasks"].as_array().unwrap() {
        let arms = task["arms"].as_array().unwrap();
        assert_eq!(arms.len(), 6);
        let steps =
            |arm: &Value| arm["runs"][0]["points"].as_array().unwrap().last().unwrap()["sessions"].clone();
        assert!(arms.iter().all(|arm| steps(arm) == steps(&arms[0])), "the same number of sessions");
    }
    for file in ["comparison.html", "comparison.md", "config.toml", "runs.jsonl"] {
        assert!(own.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    // Interrupted after some runs, and in the middle of a line: the others are done again, and nothing else.
    let runs = fs::read_to_string(own.join("runs.jsonl")).unwrap();
    let (kept, all) =
        (runs.lines().take(5).map(|line| format!("{line}\n")).collect::<String>(), runs.lines().count());
    fs::write(own.join("runs.jsonl"), format!("{kept}{{\"task\": \"ks")).unwrap();
    let output = run(folder.path(), &["compare", "--resume", "compared", "--device", "flex"]);
    assert_code(&output, 0);
    let again = fs::read_to_string(own.join("runs.jsonl")).unwrap();
    assert!(again.starts_with(&kept) && again.lines().count() == all);
    let worths = |comparison: &Value| -> Vec<Value> {
        let tasks = comparison["tasks"].as_array().unwrap().iter();
        let arms = tasks.flat_map(|task| task["arms"].as_array().unwrap());
        arms.map(|arm| arm["runs"][0]["points"].as_array().unwrap().last().unwrap()["worth"].clone())
            .collect()
    };
    assert_eq!(worths(&json(&own.join("comparison.json"))), worths(&comparison));
    let twice = run(folder.path(), &arguments);
    assert_code(&twice, 2);
    assert!(stderr(&twice).contains("exists"), "{}", stderr(&twice));
}
