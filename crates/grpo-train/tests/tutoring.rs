//! Runs of tutors: they learn, they can be interrupted, and their examination is honest.

mod support;

use grpo_train::tutoring::{Examination, Interval, Role, TutorEnding, TutorRecipe, resume, train};
use grpo_train::{Error, Silent, Stage};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use support::{StopAfter, machine, metrics};
use tempfile::tempdir;

const TINY: &str = r#"
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
steps = 4
learners_per_step = 4
group_size = 4
learning_rate = 3e-3
micro_batch_size = 8
[examination]
learners = 20
every = 2
learners_on_the_way = 5
"#;

fn recipe(changes: &[&str]) -> Result<TutorRecipe, Error> {
    TutorRecipe::with_changes(TINY, &changes.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn run(recipe: &TutorRecipe, folder: &Path) -> Examination {
    match train(recipe, folder, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap() {
        TutorEnding::Finished(summary, examination) => {
            assert!(summary.finished && summary.worth.r#final.is_some());
            *examination
        }
        other => panic!("{other:?}"),
    }
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn interrupted_and_continued_equals_uninterrupted() {
    let ppo = ["tutor.critic=separate", "credit={ critic = { lambda = 0.9 } }", "training.minibatches=2"];
    let clusters = "membership={ cluster = { clusters = 2, every = 2 } }";
    let limited = [
        "measures=[{ kind = \"learning_gain\" }, { kind = \"frustration\" }]",
        "objectives={ constrained = { maximise = [{ column = \"learning_gain\" }], limits = [{ column = \"frustration\", at_most = 0.0, step_size = 0.7 }] } }",
        "shaping={ potential = \"mean_mastery\" }",
        "credit.group.to_go=true",
    ];
    for changes in [
        &[][..],
        &[clusters],
        &["credit.group.to_go=true", "training.iterations=2"],
        &ppo,
        &["tutor.memory=8"],
        &limited,
    ] {
        let folder = tempdir().unwrap();
        let (recipe, whole) = (recipe(changes).unwrap(), folder.path().join("whole"));
        run(&recipe, &whole);
        for step in 1..4 {
            let path = folder.path().join(format!("cut-{step}"));
            let stop = AtomicBool::new(false);
            let mut observer = StopAfter { stage: Stage::Sessions, step, stop: &stop };
            let ending = train(&recipe, &path, &machine(), &mut observer, &stop).unwrap();
            let TutorEnding::Interrupted(summary) = ending else { panic!("it wasn't interrupted") };
            assert!(!summary.finished && summary.worth.r#final.is_none() && summary.steps == step);
            assert!(path.join("report.html").exists() && !path.join("examination.json").exists());
            let ending = resume(&path, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap();
            assert!(matches!(ending, TutorEnding::Finished(..)));
            assert_eq!(metrics(&path), metrics(&whole), "after step {step}");
            for name in ["examination.json", "config.toml"] {
                assert!(file(&path, name) == file(&whole, name), "{name} after step {step}");
            }
        }
        let again = resume(&whole, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap_err();
        assert!(again.to_string().contains("finished"), "{again}");
    }
}

#[test]
fn everybody_teaches_the_same_learners_and_the_numbers_fit_together() {
    let memory =
        "environment={ kind = \"memory\", model = \"efc\", items = 5, steps = 10, reward = \"probability\" }";
    let shown = "environment={ kind = \"memory\", items = 5, steps = 10, student_visible = true }";
    let deck = "environment={ kind = \"fsrs\", cards = 4, days = 8 }";
    for (changes, rivals) in [(&[][..], 3), (&[memory], 4), (&[shown], 4), (&[deck], 3)] {
        let folder = tempdir().unwrap();
        let examination = run(&recipe(changes).unwrap(), &folder.path().join("run"));
        assert_eq!((examination.learners, examination.tutors.len()), (20, rivals + 2), "{changes:?}");
        let trained = examination.tutors.last().unwrap();
        assert_eq!((trained.role, trained.ahead), (Role::Trained, None));
        for tutor in &examination.tutors {
            let (first, last) = (tutor.curve[0], *tutor.curve.last().unwrap());
            assert_eq!(first, Interval { mean: 0.0, half_width: 0.0 });
            assert!(
                (last.mean - tutor.worth.mean).abs() < 1e-9 && tutor.worth.half_width > 0.0,
                "{}",
                tutor.name
            );
            if let Some(ahead) = tutor.ahead {
                let difference = trained.worth.mean - tutor.worth.mean;
                assert!((ahead.mean - difference).abs() < 1e-9, "{}", tutor.name);
            }
        }
        for shares in &examination.chosen {
            assert_eq!(shares.len(), examination.actions.len());
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        for replay in &examination.sessions {
            assert!((replay.steps.last().unwrap().worth - replay.worth).abs() < 1e-9);
            let sum: f64 = replay.steps.iter().flat_map(|step| &step.inside).sum();
            assert!(sum.is_finite() && replay.steps.iter().all(|step| step.probability > 0.0));
            assert!(replay.inside.iter().all(|part| (0.0..=1.0).contains(part)));
        }
    }
}

#[test]
fn learners_of_a_fitted_model_can_be_taught_and_tested() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("log.csv");
    let mut text = String::from("learner,skill,correct\n");
    for learner in 0..60 {
        for skill in 0..4 {
            for practice in 0..5 {
                // Later answers are right more often, and skill 0 is the easiest.
                let right = (learner * 7 + skill * 3 + practice * 5) % 11 > 4 + skill - practice.min(3);
                text += &format!("l{learner},s{skill},{}\n", u8::from(right));
            }
        }
    }
    fs::write(&log, text).unwrap();
    use grpo_edu::knowledge::{Columns, KnowledgeModel, ModelKind, ResponseLog};
    let log = ResponseLog::from_file(&log, &Columns::default()).unwrap();
    for (kind, name, rivals, steps) in [("bkt", "bkt", 4, 6), ("irt1", "irt", 2, 3)] {
        let path = folder.path().join(format!("{kind}.json"));
        let kind: ModelKind = kind.parse().unwrap();
        KnowledgeModel::fit(&log, kind, 1).unwrap().save(&path).unwrap();
        let change = format!("environment={{ kind = \"{name}\", path = {path:?}, steps = {steps} }}");
        let examination = run(&recipe(&[&change]).unwrap(), &folder.path().join(name));
        assert_eq!((examination.tutors.len(), examination.actions.len()), (rivals + 2, 4));
        // The learners are part of the run: it goes on with them, whatever becomes of the file.
        let cut = folder.path().join(format!("{name}-cut"));
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter { stage: Stage::Sessions, step: 1, stop: &stop };
        train(&recipe(&[&change]).unwrap(), &cut, &machine(), &mut observer, &stop).unwrap();
        let model = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        resume(&cut, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap();
        assert!(file(&cut, "examination.json") == file(&folder.path().join(name), "examination.json"));
        fs::write(&path, model).unwrap();
        assert_eq!(examination.actions[0], "s0");
        let other = if name == "bkt" { "irt" } else { "bkt" };
        let change = format!("environment={{ kind = \"{other}\", path = {path:?}, steps = 3 }}");
        let wrong = recipe(&[&change]).unwrap();
        let error = train(&wrong, &folder.path().join("x"), &machine(), &mut Silent, &AtomicBool::new(false));
        assert!(error.unwrap_err().to_string().contains("environment.kind"));
        assert!(!folder.path().join("x").exists());
    }
}

#[test]
fn impossible_settings_are_refused_with_their_key() {
    for (change, key) in [
        ("training.steps=0", "training.steps"),
        ("training.group_size=1", "training.group_size"),
        ("training.learning_rate=2", "training.learning_rate"),
        ("training.learners_per_step=0", "training.learners_per_step"),
        ("training.minibatches=0", "training.minibatches"),
        ("examination.learners=1", "examination.learners"),
        ("tutor.critic=shared", "tutor.critic"),
        ("credit={ critic = {} }", "tutor.critic"),
        ("credit.group.discount=0.5", "credit.group.discount"),
        ("objective.kl={ beta = 0.1 }", "objective.kl"),
        ("membership={ difficulty = { bands = 3 } }", "membership"),
        ("membership={ cluster = { clusters = 0, every = 3 } }", "clusters"),
        ("environment.kind=chess", "chess"),
        ("environment.depth=3", "depth"),
        ("name=a/b", "name"),
    ] {
        let error = recipe(&[change]).expect_err(change).to_string();
        assert!(error.contains(key), "{change}: {error}");
    }
    // What only the world itself knows is told before a folder is made.
    let folder = tempdir().unwrap();
    for (changes, key) in [
        (&["environment.steps=0"][..], "environment.steps"),
        (&["environment={ kind = \"memory\", items = 0 }"], "items"),
        (&["environment={ kind = \"memory\", items = 3 }", "tutor.memory=4"], "memory"),
        (&["environment={ kind = \"fsrs\", desired_retention = 2.0 }"], "desired_retention"),
        (&["environment={ kind = \"bkt\", path = \"nowhere.json\", steps = 3 }"], "nowhere.json"),
    ] {
        let wrong = recipe(changes).unwrap();
        let path = folder.path().join("run");
        let error =
            train(&wrong, &path, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains(key), "{changes:?}: {error}");
        assert!(!path.exists());
    }
}

#[test]
fn learners_for_whom_there_is_no_time_at_all_are_taught_nothing() {
    // The rule never reviews at so low a retention within two days, so that the tutor has no time.
    let deck = "environment={ kind = \"fsrs\", cards = 2, days = 2, desired_retention = 0.5 }";
    let folder = tempdir().unwrap();
    let examination = run(&recipe(&[deck]).unwrap(), &folder.path().join("run"));
    let idle = examination.sessions.iter().find(|replay| replay.about.starts_with("0 seconds")).unwrap();
    assert_eq!((idle.steps.len(), idle.steps[0].action), (1, 2));
    assert!(idle.worth > 0.0 && idle.worth < 1.0);
}

#[test]
fn a_tutor_with_little_training_beats_chance() {
    let folder = tempdir().unwrap();
    let longer = ["training.steps=60", "training.learners_per_step=16", "examination.learners=200"];
    let examination = run(&recipe(&longer).unwrap(), &folder.path().join("run"));
    let worth = |name: &str| examination.tutors.iter().find(|tutor| tutor.name == name).unwrap().worth;
    let (tutor, random) = (worth("this tutor"), worth("random"));
    assert!(tutor.mean > random.mean + 0.2, "{tutor:?} {random:?}");
}
