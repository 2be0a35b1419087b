//! Tutors that are trained for what their recipe says a session is worth.

mod support;

use grpo_train::tutoring::{Examination, TutorEnding, TutorRecipe, TutorSummary, train};
use grpo_train::{Error, Silent};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use support::{machine, metrics};
use tempfile::tempdir;

const KSS: &str = r#"
name = "tiny"
seed = 3
checkpoint_every = 0
[environment]
kind = "kss"
steps = 20
beam_width = 0
[tutor]
hidden = 32
[training]
steps = 3
learners_per_step = 4
group_size = 4
learning_rate = 3e-3
[examination]
learners = 20
every = 0
learners_on_the_way = 5
"#;

const LIMIT: &str = r#"
[[measures]]
kind = "learning_gain"
[[measures]]
kind = "zone"
[[measures]]
kind = "frustration"
[[measures]]
kind = "prerequisites"
[[measures]]
kind = "time_to_mastery"
horizon = 20
threshold = 0.8
share = 0.5
name = "soon"
[objectives.constrained]
maximise = [{ column = "learning_gain" }]
limits = [
    { column = "prerequisites", at_least = 0.75, step_size = 0.3 },
    { column = "frustration", at_most = 0.25 },
]
"#;

fn recipe(more: &str, changes: &[&str]) -> Result<TutorRecipe, Error> {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    TutorRecipe::with_changes(&format!("{KSS}{more}"), &changes)
}

fn run(recipe: &TutorRecipe, folder: &Path) -> (TutorSummary, Examination) {
    match train(recipe, folder, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap() {
        TutorEnding::Finished(summary, examination) => (summary, *examination),
        other => panic!("{other:?}"),
    }
}

fn trained(recipe: &TutorRecipe) -> (Vec<Value>, TutorSummary) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let summary = run(recipe, &path).0;
    (metrics(&path), summary)
}

fn column(lines: &[Value], key: &str) -> Vec<f64> {
    lines.iter().map(|line| line[key].as_f64().unwrap_or_else(|| panic!("{key}: {line}"))).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn paid_for_the_learning_gain_is_paid_what_the_environment_pays() {
    let gain =
        "[[measures]]\nkind = \"learning_gain\"\n[objectives]\nweighted = [{ column = \"learning_gain\" }]\n";
    let (own, _) = trained(&recipe("", &[]).unwrap());
    let (paid, summary) = trained(&recipe(gain, &[]).unwrap());
    assert_eq!(summary.trained_for.as_deref(), Some("learning_gain"));
    // The sums differ in their last bits, and what is trained by them a little more.
    for (key, most) in [("reward", 1e-6), ("reward_std", 1e-6), ("loss", 1e-5), ("grad_norm", 1e-3)] {
        for (one, other) in column(&own, key).iter().zip(column(&paid, key)) {
            assert!((one - other).abs() <= most, "{key}: {one} {other}");
        }
    }
    for key in ["environment/reward", "measures/learning_gain/mean"] {
        for (one, other) in column(&paid, "reward").iter().zip(column(&paid, key)) {
            assert!((one - other).abs() < 1e-12, "{key}");
        }
    }
    assert!(column(&paid, "worth/missing").iter().all(|missing| *missing == 0.0));
    assert!(own.iter().all(|line| line.get("environment/reward").is_none()));
}

#[test]
fn measures_without_objectives_are_reported_and_change_nothing() {
    let (own, none) = trained(&recipe("", &[]).unwrap());
    let (measured, summary) = trained(&recipe("[[measures]]\nkind = \"zone\"\n", &[]).unwrap());
    assert_eq!((&none.trained_for, &summary.trained_for), (&None, &None));
    assert!(column(&measured, "measures/zone/mean").iter().all(|zone| (0.0..=1.0).contains(zone)));
    let without = |line: &Value| {
        let mut line = line.as_object().unwrap().clone();
        line.remove("measures/zone/mean");
        line
    };
    assert_eq!(measured.iter().map(without).collect::<Vec<_>>(), own.iter().map(without).collect::<Vec<_>>());
}

#[test]
fn a_tutor_is_trained_within_limits_and_examined_without() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let longer = ["training.steps=100", "training.learners_per_step=16", "examination.learners=200"];
    let (summary, examination) = run(&recipe(LIMIT, &longer).unwrap(), &path);
    let lines = metrics(&path);
    let aim = "learning_gain, with prerequisites at least 0.75 and frustration at most 0.25";
    assert_eq!(summary.trained_for.as_deref(), Some(aim));
    assert_eq!(examination.measure, "share of the missing targets that are reached");
    assert!(fs::read_to_string(path.join("report.html")).unwrap().contains(aim));

    // Dual ascent, from the columns beside it.
    let (kept, price) =
        (column(&lines, "measures/prerequisites/mean"), column(&lines, "lagrange/prerequisites"));
    let mut expected = 0.0;
    for (step, (kept, price)) in kept.iter().zip(&price).enumerate() {
        expected = f64::max(0.0, expected + 0.3 * (0.75 - kept));
        assert!((price - expected).abs() < 1e-9, "step {step}");
    }
    // Paid by gain alone, the tutor keeps to no order: the limit binds, and the other one doesn't.
    let (free, _) = trained(&recipe(&LIMIT.replace("0.75", "0.0"), &longer).unwrap());
    assert!(column(&free, "lagrange/prerequisites").iter().all(|price| *price == 0.0));
    assert_eq!(column(&lines, "lagrange/frustration").last(), Some(&0.0));
    let (start, end) = (
        |key: &str| mean(&column(&lines, key)[..10]),
        |lines: &[Value], key: &str| mean(&column(lines, key)[90..]),
    );
    let key = "measures/prerequisites/mean";
    assert!(start(key) < 0.6 && end(&free, key) < 0.68 && end(&lines, key) > 0.72);
    let key = "measures/learning_gain/mean";
    assert!(end(&lines, key) > start(key) + 0.05);
    assert!(summary.worth.r#final.unwrap().mean > summary.worth.initial.mean + 0.1);
}

#[test]
fn every_world_tells_what_its_measures_need() {
    let deck = "environment={ kind = \"fsrs\", cards = 4, days = 8 }";
    let memory = "environment={ kind = \"memory\", model = \"hlr\", items = 5, steps = 10 }";
    let late = r#"
delayed_tests = [86400, 604800]
[[measures]]
kind = "retention"
of = "final"
[[measures]]
kind = "time_on_task"
seconds_per_unit = 60
[objectives]
weighted = [{ column = "retention" }, { column = "time_on_task", weight = -0.01 }]
"#;
    let forgotten = r#"
delayed_tests = [20]
[[measures]]
kind = "retention"
of = "final"
[[measures]]
kind = "mastery"
threshold = 0.5
[objectives.pareto]
more = ["retention", "mastery"]
"#;
    let top = |more: &str, change: &str| {
        let text = KSS.replacen("[environment]", "[ENVIRONMENT]", 1);
        let (head, rest) = text.split_once("[ENVIRONMENT]").unwrap();
        let (keys, tables) = more.split_once("\n[").unwrap();
        let text = format!("{head}{keys}\n[environment]{rest}\n[{tables}");
        TutorRecipe::with_changes(&text, &[change.to_string()]).unwrap()
    };
    for (more, change, keys) in [
        (late, deck, ["measures/retention/mean", "measures/time_on_task/mean"]),
        (forgotten, memory, ["measures/retention/mean", "measures/mastery/mean"]),
    ] {
        let (lines, _) = trained(&top(more, change));
        for key in keys {
            assert!(column(&lines, key).iter().all(|value| *value > 0.0), "{key}");
        }
        assert!(column(&lines, "grad_norm").iter().all(|norm| *norm > 0.0));
    }
}

#[test]
fn shaping_pays_on_the_way_and_nothing_where_sessions_are_worth_the_same() {
    let to_go = "credit={ group = { to_go = true } }";
    let shaped = "[shaping]\npotential = \"mean_mastery\"\n";
    let (own, _) = trained(&recipe("", &[to_go]).unwrap());
    let (paid, summary) = trained(&recipe(shaped, &[to_go]).unwrap());
    assert_eq!(summary.trained_for.as_deref(), Some("what the environment pays, shaped by mean mastery"));
    // The first sessions are the same, and what is reported of them as well; what is learnt from them isn't.
    for key in ["reward", "reward_std", "frac_reward_zero_std", "entropy"] {
        assert_eq!(own[0][key], paid[0][key], "{key}");
    }
    assert_ne!(own[0]["grad_norm"], paid[0]["grad_norm"]);
    let ppo = ["tutor.critic=separate", "credit={ critic = { lambda = 0.9 } }"];
    let (own, _) = trained(&recipe("", &ppo).unwrap());
    let (paid, _) = trained(&recipe(shaped, &ppo).unwrap());
    assert_eq!(own[0]["reward"], paid[0]["reward"]);
    assert_ne!(own[0]["value_loss"], paid[0]["value_loss"]);

    let nothing = "[[measures]]\nkind = \"learning_gain\"\n[objectives]\nweighted = [{ column = \"learning_gain\", weight = 0 }]\n";
    let (idle, _) = trained(&recipe(&format!("{nothing}{shaped}"), &[to_go]).unwrap());
    assert!(column(&idle, "grad_norm").iter().all(|norm| *norm == 0.0), "{idle:?}");
    assert!(column(&idle, "frac_reward_zero_std").iter().all(|share| *share == 1.0));
}

#[test]
fn impossible_worths_are_refused_with_their_key() {
    let gain = "[[measures]]\nkind = \"learning_gain\"\n";
    let paid = format!("{gain}[objectives]\nweighted = [{{ column = \"learning_gain\" }}]\n");
    let shaped = "[shaping]\n";
    let to_go = "credit={ group = { to_go = true } }";
    let cluster = "membership={ cluster = { clusters = 2, every = 2 } }";
    let table: [(&str, &[&str], &str); 16] = [
        ("[[measures]]\nkind = \"joy\"\n", &[], "joy"),
        ("[[measures]]\nkind = \"zone\"\ntarget = 2\n", &[], "measures[0].target"),
        (&format!("{gain}{gain}"), &[], "learning_gain"),
        ("[objectives]\nweighted = [{ column = \"zone\" }]\n", &[], "`measures`: is empty"),
        (
            &paid,
            &["objectives={ weighted = [{ column = \"zone\" }] }"],
            "`objectives.weighted[0]`: there is no column `zone`",
        ),
        (
            &paid,
            &["objectives={ weighted = [{ column = \"learning_gain\", weight = -1 }] }"],
            "asks for less",
        ),
        (
            &paid,
            &["objectives={ constrained = { maximise = [{ column = \"learning_gain\" }], limits = [] } }"],
            "limits",
        ),
        (&paid, &["objectives={ weighted = [], joy = 1 }"], "wanted exactly 1"),
        (shaped, &[], "`shaping`: is set, but a whole session's advantage stays the same"),
        (shaped, &["credit={ group = { to_go = true, discount = 0.9 } }"], "`shaping.discount`: is 1"),
        (
            shaped,
            &["tutor.critic=shared", "credit={ critic = { discount = 0.9 } }"],
            "credit.critic.discount",
        ),
        (shaped, &[to_go, "shaping.weight=nan"], "shaping.weight"),
        (shaped, &[to_go, cluster], "sessions of a cluster begin in different states"),
        (gain, &["delayed_tests=[60]"], "`delayed_tests`: is set, but no measure"),
        ("[[measures]]\nkind = \"retention\"\n", &[], "`delayed_tests`: is empty"),
        ("[[measures]]\nkind = \"retention\"\n", &["delayed_tests=[60, -1]"], "delayed_tests[1]"),
    ];
    for (more, changes, expected) in table {
        let error = recipe(more, changes).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // What only the world knows is told before a folder is made.
    let folder = tempdir().unwrap();
    for (more, changes, expected) in [
        (
            "[[measures]]\nkind = \"hint_cost\"\n",
            &[][..],
            "`measures[0]`: `hint_cost` applies to none of 16 sessions",
        ),
        (&format!("{gain}[[measures]]\nkind = \"time_on_task\"\n"), &[], "`measures[1]`: `time_on_task`"),
        ("[[measures]]\nkind = \"retention\"\n", &["delayed_tests=[60]"], "`retention` applies to none"),
    ] {
        let path = folder.path().join("run");
        let recipe = recipe(more, changes).unwrap();
        let error =
            train(&recipe, &path, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!path.exists());
    }
}

#[test]
fn the_written_recipe_says_the_same() {
    let to_go = "credit={ group = { to_go = true } }";
    let shaped = format!("{LIMIT}[shaping]\npotential = {{ mastered_at = 0.8 }}\nweight = 0.5\n");
    let recipe = recipe(&shaped, &[to_go]).unwrap();
    assert_eq!(TutorRecipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
}
