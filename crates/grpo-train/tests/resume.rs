//! A run that was interrupted, or killed, and continued ends exactly where an uninterrupted one does.

mod support;

use grpo_train::{Ending, Error, Event, Observer, Recipe, Silent, Stage, resume, train};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use support::{KL, StopAfter, assert_same, machine, metrics, recipe, run, summary, without_imitation};
use tempfile::tempdir;

const NORMALIZED: &str =
    "rewards=[{ kind = \"normalized\", of = { kind = \"length\", target = 30, unit = \"characters\" } }]";

fn go_on(folder: &Path) -> Ending {
    resume(folder, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap()
}

fn interrupt(recipe: &Recipe, folder: &Path, stage: Stage, step: usize) {
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter { stage, step, stop: &stop };
    let ending = train(recipe, folder, &machine(), &mut observer, &stop).unwrap();
    let Ending::Interrupted(result) = ending else { panic!("it wasn't interrupted") };
    assert!(!result.finished && result.eval.r#final.is_none());
    let done = step + if stage == Stage::Grpo && recipe.imitation.is_some() { 3 } else { 0 };
    assert_eq!((result.steps, metrics(folder).len()), (done, done));
}

#[test]
fn interrupted_and_continued_equals_uninterrupted() {
    // The last with rewards that remember earlier steps.
    for changes in [&[][..], &KL[..], &[NORMALIZED][..]] {
        let folder = tempdir().unwrap();
        let (recipe, whole) = (recipe(changes), folder.path().join("whole"));
        run(&recipe, &whole).unwrap();
        let places = [
            (Stage::Imitation, 1),
            (Stage::Imitation, 2),
            (Stage::Imitation, 3),
            (Stage::Grpo, 1),
            (Stage::Grpo, 2),
        ];
        for (stage, step) in places {
            let path = folder.path().join(format!("{}-{step}", stage.name()));
            interrupt(&recipe, &path, stage, step);
            assert!(matches!(go_on(&path), Ending::Finished(_)));
            assert_same(&path, &whole);
        }
    }
}

#[test]
fn interrupted_after_every_step_equals_uninterrupted() {
    let folder = tempdir().unwrap();
    let (recipe, whole, path) =
        (without_imitation(&KL), folder.path().join("whole"), folder.path().join("cut"));
    run(&recipe, &whole).unwrap();
    interrupt(&recipe, &path, Stage::Grpo, 1);
    let stop = AtomicBool::new(true);
    let ending = resume(&path, &machine(), &mut Silent, &stop).unwrap();
    assert!(matches!(ending, Ending::Interrupted(ref s) if s.steps == 2), "{ending:?}");
    let ending = resume(&path, &machine(), &mut Silent, &stop).unwrap();
    assert!(matches!(ending, Ending::Finished(_)), "the last step is the end, whoever asks for a stop");
    assert_same(&path, &whole);
}

/// Copies the run's folder as it lies on the disk in the middle of a step, which is what a crash leaves behind.
struct Crash {
    after: (Stage, usize),
    from: PathBuf,
    to: PathBuf,
}

impl Observer for Crash {
    fn on(&mut self, event: Event<'_>) {
        if let Event::Stepped { stage, step, .. } = event
            && (stage, step) == self.after
        {
            copy(&self.from, &self.to);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() { copy(&from, &to) } else { fs::copy(&from, &to).map(drop).unwrap() }
    }
}

#[test]
fn killed_and_continued_equals_uninterrupted() {
    let folder = tempdir().unwrap();
    let recipe = recipe(&[&KL[..], &["checkpoint_every=2"]].concat());
    for after in [(Stage::Imitation, 3), (Stage::Grpo, 2), (Stage::Grpo, 3)] {
        let [whole, crashed] = ["whole", "crashed"]
            .map(|name| folder.path().join(format!("{name}-{}-{}", after.0.name(), after.1)));
        let mut crash = Crash { after, from: whole.clone(), to: crashed.clone() };
        train(&recipe, &whole, &machine(), &mut crash, &AtomicBool::new(false)).unwrap();
        // Lines beyond the checkpoint, the last of them half written, belong to steps that are done again.
        let half = fs::read_to_string(crashed.join("metrics.jsonl")).unwrap() + "{\"stage\":\"gr";
        fs::write(crashed.join("metrics.jsonl"), half).unwrap();
        assert!(matches!(go_on(&crashed), Ending::Finished(_)));
        assert_same(&crashed, &whole);
    }
}

#[test]
fn a_crash_between_the_two_renames_of_a_checkpoint_loses_nothing() {
    let folder = tempdir().unwrap();
    let (recipe, whole, path) = (recipe(&[]), folder.path().join("whole"), folder.path().join("cut"));
    run(&recipe, &whole).unwrap();
    interrupt(&recipe, &path, Stage::Grpo, 1);
    fs::rename(path.join("checkpoint"), path.join("checkpoint.old")).unwrap();
    fs::create_dir(path.join("checkpoint.partial")).unwrap();
    go_on(&path);
    assert_same(&path, &whole);
}

#[test]
fn what_cannot_be_continued_says_why() {
    let folder = tempdir().unwrap();
    let refused = |path: &Path| resume(path, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap_err();
    let nowhere = folder.path().join("nowhere");
    let error = refused(&nowhere);
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(!nowhere.exists());

    let done = folder.path().join("done");
    run(&recipe(&[]), &done).unwrap();
    let before = summary(&done);
    let error = refused(&done);
    assert!(matches!(error, Error::Resume { .. }) && error.to_string().contains("finished"), "{error}");
    assert_eq!(summary(&done), before);

    let path = folder.path().join("cut");
    interrupt(&recipe(&KL), &path, Stage::Grpo, 1);
    let checkpoint = path.join("checkpoint");
    for file in ["model.bpk", "reference.bpk", "optimizer.bpk", "state.json"] {
        let (file, good) = (checkpoint.join(file), fs::read(checkpoint.join(file)).unwrap());
        for bytes in [&good[..good.len() / 2], b"", b"nonsense"] {
            fs::write(&file, bytes).unwrap();
            let error = refused(&path).to_string();
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
        fs::write(&file, good).unwrap();
    }
    let metrics = path.join("metrics.jsonl");
    let good = fs::read(&metrics).unwrap();
    fs::write(&metrics, &good[..good.len() / 2]).unwrap();
    let error = refused(&path).to_string();
    assert!(error.contains("metrics.jsonl is shorter"), "{error}");
    fs::write(&metrics, good).unwrap();
    for file in ["model.bpk", "optimizer.bpk", "state.json"] {
        let (from, to) = (checkpoint.join(file), folder.path().join(file));
        fs::rename(&from, &to).unwrap();
        let error = refused(&path).to_string();
        assert!(error.contains(file), "{error}");
        fs::rename(&to, &from).unwrap();
    }
    go_on(&path);
}

#[test]
fn adaptive_groups_go_on_where_they_stood() {
    // A list of few questions, so that their solve rates, the thrown-away groups and the replayed ones matter in the second step.
    let folder = tempdir().unwrap();
    let data = folder.path().join("questions.jsonl");
    let problems = grpo_edu::Arithmetic::new(grpo_edu::ArithmeticConfig::default(), 1).unwrap();
    let mut lines = String::new();
    for index in 0..12 {
        let problem = problems.problem(index);
        let difficulty = index as f64 / 12.0;
        lines += &serde_json::json!({"question": problem.question, "final": problem.answer, "difficulty": difficulty})
            .to_string();
        lines.push('\n');
    }
    fs::write(&data, lines).unwrap();
    // A model that knows the words.
    let start = folder.path().join("start");
    run(&without_imitation(&["grpo.steps=1"]), &start).unwrap();
    let recipe = Recipe::with_changes(
        &format!(
            "name = \"adaptive\"\nseed = 5\n[data]\nsource = \"jsonl\"\npath = {data:?}\n[model]\nstart = \"folder\"\npath = {:?}\n\
             [grpo]\nsteps = 4\nprompts_per_step = 3\ngroup_size = 4\nlearning_rate = 1e-3\nmicro_batch_size = 4\nsample_every = 1\n\
             [adaptive]\nselection = \"thompson\"\n[adaptive.groups.neyman]\nmin_size = 2\nmax_size = 8\n\
             [adaptive.difficulty]\nreward_range = [-100.0, 100.0]\n[adaptive.curriculum.linear]\nstart = 0.5\nend = 1.0\nsteps = 4\n\
             [adaptive.dynamic]\nmax_oversampling = 2.0\n[adaptive.replay]\ncapacity = 8\nmax_staleness = 3\nshare = 0.5\n\
             [sampling]\nmax_new_tokens = 8\n[[rewards]]\nkind = \"length\"\ntarget = 30\nunit = \"characters\"\n",
            start.join("model")
        ),
        &[],
    )
    .unwrap();
    let whole = folder.path().join("whole");
    run(&recipe, &whole).unwrap();
    let seen = metrics(&whole);
    assert!(seen.iter().all(|line| line["groups/sampled"].as_u64() >= Some(3)), "{seen:?}");
    assert_eq!(seen[0]["groups/replayed"], 0);
    assert!(seen[1..].iter().any(|line| line["groups/replayed"].as_u64() > Some(0)), "{seen:?}");
    for step in 1..4 {
        let path = folder.path().join(format!("cut-{step}"));
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter { stage: Stage::Grpo, step, stop: &stop };
        let ending = train(&recipe, &path, &machine(), &mut observer, &stop).unwrap();
        assert!(matches!(ending, Ending::Interrupted(_)));
        assert!(matches!(go_on(&path), Ending::Finished(_)));
        assert_same(&path, &whole);
    }
    // Learners' clusters have no place here.
    let clusters = "adaptive.membership={ cluster = { clusters = 2, every = 1 } }".to_string();
    let error = Recipe::with_changes(&without_imitation(&[]).to_toml().unwrap(), &[clusters]).unwrap_err();
    assert!(error.to_string().contains("membership"), "{error}");
    // What could never work is told before anything is trained.
    for (change, key) in [
        ("adaptive.groups={ neyman = { min_size = 5, max_size = 9 } }", "adaptive.groups.neyman"),
        ("adaptive.dynamic={ max_oversampling = 1.1 }", "adaptive.dynamic.max_oversampling"),
    ] {
        let text = without_imitation(&[]).to_toml().unwrap();
        let error = Recipe::with_changes(&text, &[change.to_string()]).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}
