//! The check beside the reward: what it sees of a reward that is gamed, and where a person finds it.

mod support;

use grpo_rewards::RewardSpec;
use grpo_train::{GuardConfig, Metric, report};
use serde_json::Value;
use std::fs;
use support::{lines, metrics, run, without_imitation};
use tempfile::tempdir;

/// Pays for length alone, while the answers should be right.
const GAMED: &str = "rewards=[{ kind = \"length\", target = 30, unit = \"characters\" }]";

#[test]
fn suspects_are_what_beats_its_group_and_fails_the_check() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    run(&without_imitation(&[GAMED]), &path).unwrap();
    // Random words are never right: whatever beats its group does so for the wrong reason.
    for step in metrics(&path) {
        assert_eq!((&step["guard/check"], &step["guard/suspects"]), (&Value::from(0.0), &Value::from(1.0)));
    }
    let (samples, suspects) = (lines(&path.join("samples.jsonl")), lines(&path.join("suspects.jsonl")));
    assert_eq!(suspects.len(), 6, "two in each of three steps");
    for suspect in &suspects {
        assert!(suspect["advantage"].as_f64().unwrap() > 0.0, "{suspect}");
        assert_eq!(suspect["check"], 0.0);
        assert!(samples.contains(suspect), "every group of these runs is sampled");
    }
    let rewards = |step: u64, lines: &[Value]| -> Vec<f64> {
        lines
            .iter()
            .filter(|line| line["step"] == step)
            .map(|line| line["reward"].as_f64().unwrap())
            .collect()
    };
    for step in 1..=3 {
        let (kept, all) = (rewards(step, &suspects), rewards(step, &samples));
        let higher = all.iter().filter(|reward| **reward > kept[0]).count();
        assert!(kept[0] >= kept[1] && higher < all.len() / 2, "{kept:?} of {all:?}");
    }
    let page = fs::read_to_string(path.join(report::FILE_NAME)).unwrap();
    for expected in [
        "Rewarded, but the check fails",
        "in suspects.jsonl, all shown",
        "of the completions that beat their group fail the check",
        "Check beside the reward",
    ] {
        assert!(page.contains(expected), "{expected}: {}", lines_with(&page, "suspects"));
    }
}

#[test]
fn a_check_that_agrees_has_no_suspects() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recipe = without_imitation(&[GAMED]);
    let spec: RewardSpec = toml::from_str("kind = \"regex\"\npattern = \"\"").unwrap();
    recipe.guard.metric = Some(Metric::Score(spec));
    assert!(recipe.validate().unwrap_err().to_string().contains("guard.metric.score.pattern"));
    let all: RewardSpec = toml::from_str("kind = \"regex\"\npattern = \"(?s).*\"").unwrap();
    recipe.guard.metric = Some(Metric::Score(all));
    run(&recipe, &path).unwrap();
    for step in metrics(&path) {
        assert_eq!((&step["guard/check"], &step["guard/suspects"]), (&Value::from(1.0), &Value::from(0.0)));
    }
    assert!(lines(&path.join("suspects.jsonl")).is_empty());
    let page = fs::read_to_string(path.join(report::FILE_NAME)).unwrap();
    assert!(page.contains("No completion beat its group while the check beside the reward failed"));
}

#[test]
fn a_run_without_a_guard_says_nothing_of_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recipe = without_imitation(&[GAMED]);
    recipe.guard = GuardConfig { enabled: false, ..GuardConfig::default() };
    run(&recipe, &path).unwrap();
    assert!(metrics(&path).iter().all(|step| step.get("guard/check").is_none()));
    assert!(lines(&path.join("samples.jsonl")).iter().all(|line| line["check"].is_null()));
    assert!(lines(&path.join("suspects.jsonl")).is_empty());
}

#[test]
fn impossible_guards_are_refused() {
    for (change, message) in
        [("guard.keep=0", "`guard.keep`"), ("guard.threshold=inf", "`guard.threshold`: is inf")]
    {
        let mut changes = vec![change.to_owned()];
        changes.push(GAMED.to_owned());
        let text = without_imitation(&[]).to_toml().unwrap();
        let error = grpo_train::Recipe::with_changes(&text, &changes).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// The lines of a page that hold a word.
fn lines_with(page: &str, word: &str) -> String {
    page.lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n")
}
