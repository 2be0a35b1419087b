//! Whole runs: what they write, that they can be repeated, and what stops them.

mod support;

use grpo_core::{KlPenalty, KlPlacement, ProximalPenalty};
use grpo_train::{Ending, Error, Event, Observer, Set, Silent, Stage, StepMetrics, resume, train};
use serde_json::Value;
use std::fs;
use std::sync::atomic::AtomicBool;
use support::{
    KL, assert_same, largest_difference, lines, machine, metrics, model, recipe, run, summary, weights,
    without_imitation,
};
use tempfile::tempdir;

#[test]
fn the_same_seed_gives_the_same_run() {
    let folder = tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    run(&recipe(&KL), &a).unwrap();
    run(&recipe(&KL), &b).unwrap();
    assert_same(&a, &b);
    let grpo: Vec<Value> = metrics(&a).into_iter().filter(|line| line["stage"] == "grpo").collect();
    assert!(grpo.iter().all(|line| line["grad_norm"].as_f64().unwrap() > 1e-3), "nothing was learnt from");
    assert!(grpo.last().unwrap()["kl"].as_f64().unwrap() > 0.0);

    let other = [&KL[..], &["seed=4"]].concat();
    run(&recipe(&other), &c).unwrap();
    assert!(largest_difference(&weights(&a), &weights(&c)) > 1e-2);
    assert_ne!(lines(&a.join("samples.jsonl")), lines(&c.join("samples.jsonl")));
}

#[test]
fn the_reference_is_compared_under_the_temperature_of_sampling() {
    let folder = tempdir().unwrap();
    for temperature in ["0.5", "1.0", "2.0"] {
        let path = folder.path().join(temperature);
        let temperature = format!("sampling.temperature={temperature}");
        run(&recipe(&["objective.kl.beta=0.05", "grpo.steps=1", &temperature]), &path).unwrap();
        let line = metrics(&path).pop().unwrap();
        // The policy still is the reference in its first step.
        assert!(line["kl"].as_f64().unwrap().abs() < 1e-6, "{temperature}: {line}");
    }
}

#[test]
fn every_kind_of_kl_penalty_trains_and_holds_back() {
    let folder = tempdir().unwrap();
    let trained = |name: &str, changes: &[&str]| {
        let path = folder.path().join(name);
        let all: Vec<&str> = [
            "imitation.steps=1",
            "grpo.steps=4",
            "grpo.iterations=2",
            "grpo.learning_rate=1e-2",
            "advantages.scale=batch",
        ]
        .into_iter()
        .chain(changes.iter().copied())
        .collect();
        run(&recipe(&all), &path).unwrap();
        let lines: Vec<Value> = metrics(&path).into_iter().filter(|line| line["stage"] == "grpo").collect();
        (path, lines)
    };
    let (free, lines) = trained("free", &[]);
    assert!(lines.iter().all(|line| line["kl"].is_null()));
    for (name, kl) in [
        ("estimate", "objective.kl={ beta = 5.0 }"),
        ("exact", "objective.kl={ beta = 5.0, exact = true }"),
        ("reward", "objective.kl={ beta = 5.0, estimator = \"k1\", placement = \"reward\" }"),
    ] {
        let (path, lines) = trained(name, &[kl]);
        let kls: Vec<f64> = lines.iter().map(|line| line["kl"].as_f64().unwrap()).collect();
        // The first step's policy is the reference; it moves from then on.
        assert!(kls[3] != 0.0 && kls.iter().all(|kl| kl.abs() < 1.0), "{name}: {kls:?}");
        if name == "reward" {
            assert!(kls[0].abs() < 1e-5, "{name}: {kls:?}");
        }
        assert!(largest_difference(&weights(&free), &weights(&path)) > 1e-4, "{name} changes nothing");
    }
    let (path, _) = trained("proximal", &["objective.proximal={ beta = 5.0 }"]);
    assert!(largest_difference(&weights(&free), &weights(&path)) > 1e-4);
    let refused = |change: fn(&mut grpo_core::Objective)| {
        let mut wrong = recipe(&[]);
        change(&mut wrong.objective);
        run(&wrong, &folder.path().join("never")).unwrap_err().to_string()
    };
    let error =
        refused(|o| o.kl = Some(KlPenalty { placement: KlPlacement::Reward, ..KlPenalty::default() }));
    assert!(error.contains("`objective.kl.placement`") && error.contains("`advantages.scale`"), "{error}");
    let error = refused(|o| o.proximal = Some(ProximalPenalty::default()));
    assert!(error.contains("`objective.proximal`") && error.contains("at least 2"), "{error}");
    let error =
        refused(|o| o.kl = Some(KlPenalty { exact: true, straight_through: true, ..KlPenalty::default() }));
    assert!(error.contains("kl.exact"), "{error}");
}

#[test]
fn the_exact_divergence_is_that_of_the_two_models() {
    use burn::tensor::{Int, Tensor};
    let folder = tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    run(&recipe(&[]), &first).unwrap();
    run(&recipe(&["seed=4"]), &second).unwrap();
    let device = machine().device;
    let load = |path: &std::path::Path| grpo_lm::LanguageModel::load(&path.join("model"), &device).unwrap();
    let (model, reference) = (load(&first), load(&second));
    let (prompt, completion) = (vec![2u32, 3, 4], vec![5u32, 6, 7, 8]);
    let states = grpo_lm::SharedPrompts::new(&[&prompt], &[&completion]).unwrap();
    let actions = Tensor::<2, Int>::from_data([[5, 6, 7, 8]], &device);
    let model = model.with_temperature(0.8);
    let (_, kl, _) = model.evaluate_against(&reference, &states, actions).unwrap();
    let kl = kl.into_data().try_to_vec::<f32>().unwrap();
    // By the definition, from both models' logits over the whole text.
    let logits = |model: &grpo_lm::LanguageModel| -> Vec<Vec<f64>> {
        let text = [&prompt[..], &completion[..3]].concat();
        let none: [&[u32]; 0] = [];
        let batch = grpo_lm::SharedPrompts::new(&[&text], &none).unwrap();
        let logits = model.decoder().prompt_logits(&batch).unwrap();
        let vocab = logits.dims()[1];
        let rows: Vec<f64> = logits.into_data().iter::<f64>().collect();
        rows.chunks(vocab).skip(2).map(|row| row.iter().map(|z| z / 0.8).collect()).collect()
    };
    for (t, (p, q)) in logits(&model).iter().zip(logits(&reference)).enumerate() {
        let lse = |row: &[f64]| row.iter().map(|z| z.exp()).sum::<f64>().ln();
        let (lse_p, lse_q) = (lse(p), lse(&q));
        let want: f64 = p.iter().zip(&q).map(|(p, q)| (p - lse_p).exp() * ((p - lse_p) - (q - lse_q))).sum();
        assert!((f64::from(kl[t]) - want).abs() < 1e-4 * want.max(0.1), "step {t}: {} {want}", kl[t]);
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let folder = tempdir().unwrap();
    let one = folder.path().join("one");
    run(&recipe(&KL), &one).unwrap();
    for workers in [2, 3] {
        let many = folder.path().join(workers.to_string());
        let machine = grpo_train::Machine { workers, ..machine() };
        train(&recipe(&KL), &many, &machine, &mut Silent, &AtomicBool::new(false)).unwrap();
        assert_same(&one, &many);
    }
}

#[test]
fn the_size_of_micro_batches_changes_nothing_but_rounding() {
    // One step of each stage. Adam divides by the gradient's size, which makes rounding visible where a gradient is next to
    // zero; a large epsilon keeps the step proportional to the gradient there.
    let one_step = ["imitation.steps=1", "grpo.steps=1", "optimizer.epsilon=0.01", "grpo.prompts_per_step=3"];
    let folder = tempdir().unwrap();
    let runs = [1, 2, 3, 8, 64].map(|size| {
        let path = folder.path().join(size.to_string());
        let sizes = [format!("imitation.micro_batch_size={size}"), format!("grpo.micro_batch_size={size}")];
        let changes: Vec<&str> = one_step.into_iter().chain(sizes.iter().map(String::as_str)).collect();
        run(&recipe(&changes), &path).unwrap();
        path
    });
    let (want, want_metrics) = (weights(&runs[4]), metrics(&runs[4]));
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
    for path in &runs[..4] {
        let off = largest_difference(&weights(path), &want);
        assert!(off <= 1e-5, "{}: the weights are off by {off}", path.display());
        for (line, want) in metrics(path).iter().zip(&want_metrics) {
            for key in ["loss", "grad_norm"] {
                let (got, want) = (number(line, key), number(want, key));
                assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{key}: {got} and {want}");
            }
        }
        assert_eq!(lines(&path.join("samples.jsonl")).len(), lines(&runs[4].join("samples.jsonl")).len());
    }
    assert!(number(&want_metrics[1], "grad_norm") > 1e-3);
}

#[test]
fn a_run_writes_all_its_files() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("deep/run");
    let recipe = recipe(&KL);
    let result = run(&recipe, &path).unwrap();

    let metrics = lines(&path.join("metrics.jsonl"));
    assert_eq!(metrics.len(), 6);
    let mut tokens = 0;
    for (index, line) in metrics.iter().enumerate() {
        let stage = if index < 3 { "imitation" } else { "grpo" };
        assert_eq!(
            (line["stage"].as_str(), line["step"].as_u64()),
            (Some(stage), Some(index as u64 % 3 + 1))
        );
        for key in ["loss", "grad_norm", "learning_rate", "step_time"] {
            assert!(line[key].is_number(), "{key} in {line}");
        }
        let now = line["num_tokens"].as_u64().unwrap();
        assert!(now > tokens);
        tokens = now;
    }
    // TRL's names.
    for key in [
        "reward",
        "reward_std",
        "rewards/length/mean",
        "rewards/length/std",
        "rewards/number/mean",
        "rewards/number/std",
        "frac_reward_zero_std",
        "kl",
        "entropy",
        "clip_ratio/low_mean",
        "clip_ratio/high_mean",
        "clip_ratio/region_mean",
        "completions/mean_length",
        "completions/clipped_ratio",
        "time/rollout",
        "time/reward",
        "time/update",
    ] {
        assert!(metrics[3..].iter().all(|line| line[key].is_number()), "{key}");
    }
    let measured = |key: &str| metrics.iter().map(|line| line[key].is_number()).collect::<Vec<_>>();
    assert_eq!(measured("validation/accuracy"), [false, true, false, false, false, false]);
    assert_eq!(measured("eval/accuracy"), [false, false, false, false, true, true]);
    let grpo = &metrics[3];
    let mean = 1.0 * grpo["rewards/length/mean"].as_f64().unwrap()
        + 0.5 * grpo["rewards/number/mean"].as_f64().unwrap();
    assert!((grpo["reward"].as_f64().unwrap() - mean).abs() < 1e-6);
    let parts: f64 =
        ["time/rollout", "time/reward", "time/update"].iter().map(|k| grpo[*k].as_f64().unwrap()).sum();
    assert!((parts - grpo["step_time"].as_f64().unwrap()).abs() < 1e-6);

    let samples = lines(&path.join("samples.jsonl"));
    assert_eq!(samples.len(), 3 * 2 * 4);
    for (row, line) in samples.iter().enumerate() {
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted = [
            "advantage",
            "check",
            "check_reason",
            "completion",
            "finish",
            "group",
            "prompt",
            "reasons",
            "reference",
            "reward",
            "rewards",
            "step",
            "tokens",
        ];
        assert_eq!(keys.len(), wanted.len());
        assert!(wanted.iter().all(|key| keys.contains(key)), "{keys:?}");
        assert_eq!(
            (line["step"].as_u64(), line["group"].as_u64()),
            (Some(row as u64 / 8 + 1), Some(row as u64 / 4 % 2))
        );
        assert!(["terminated", "truncated"].contains(&line["finish"].as_str().unwrap()));
    }
    for group in samples.chunks(4) {
        assert!(group.iter().all(|line| line["prompt"] == group[0]["prompt"]));
        let sum: f64 = group.iter().map(|line| line["advantage"].as_f64().unwrap()).sum();
        assert!(sum.abs() < 1e-6, "advantages of a group sum to {sum}");
    }

    let summary = summary(&path);
    for key in ["recipe", "device", "seed", "parameters", "seconds", "peak_rss_bytes", "eval", "steps"] {
        assert!(summary.as_object().unwrap().contains_key(key), "{key}");
    }
    for key in ["initial", "imitation", "final"] {
        assert!((0.0..=1.0).contains(&summary["eval"][key].as_f64().unwrap()), "{key}");
    }
    assert_eq!(summary["eval"]["final"], metrics[5]["eval/accuracy"]);
    assert_eq!((summary["recipe"].as_str(), summary["seed"].as_u64()), (Some("tiny"), Some(3)));
    assert_eq!((summary["steps"].as_u64(), summary["finished"].as_bool()), (Some(6), Some(true)));
    assert_eq!(summary["num_tokens"].as_u64(), Some(tokens));
    assert_eq!(serde_json::to_value(&result).unwrap(), summary);

    let model = model(&path);
    assert_eq!(model.parameters(), summary["parameters"].as_u64().unwrap() as usize);
    let config = fs::read_to_string(path.join("config.toml")).unwrap();
    assert_eq!(grpo_train::Recipe::from_toml(&config).unwrap(), recipe);
    assert!(config.contains("max_grad_norm"), "a default isn't written out");
    assert!(fs::read_to_string(path.join("report.html")).unwrap().contains("</html>"));
}

#[test]
fn events_tell_the_story() {
    #[derive(Default)]
    struct Story(Vec<String>);
    impl Observer for Story {
        fn on(&mut self, event: Event<'_>) {
            self.0.push(match event {
                Event::Examined { .. } => unreachable!("only tutors are examined"),
                Event::Started { parameters, resumed, .. } => {
                    assert!(parameters > 0 && !resumed);
                    "started".into()
                }
                Event::StageStarted { stage, steps, done } => format!("{} {done}/{steps}", stage.name()),
                Event::Stepped { stage, step, metrics } => {
                    assert!(metrics.tokens() > 0 && metrics.step_time() > 0.0);
                    assert_eq!(stage == Stage::Grpo, matches!(metrics, StepMetrics::Grpo(_)));
                    format!("{} step {step}", stage.name())
                }
                Event::Evaluated { set, questions, too_long, .. } => {
                    assert_eq!(too_long, 0);
                    let name = match set {
                        Set::Validation => "validation",
                        Set::HeldOutSample => "sample",
                        Set::HeldOut => "held-out",
                    };
                    format!("{name} of {questions}")
                }
                Event::StageFinished { stage, steps, .. } => format!("{} done after {steps}", stage.name()),
            });
        }
    }
    let folder = tempdir().unwrap();
    let mut story = Story::default();
    train(&recipe(&[]), &folder.path().join("run"), &machine(), &mut story, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        story.0,
        [
            "started",
            "held-out of 16",
            "imitation 0/3",
            "imitation step 1",
            "imitation step 2",
            "validation of 8",
            "imitation step 3",
            "imitation done after 3",
            "held-out of 16",
            "grpo 0/3",
            "grpo step 1",
            "grpo step 2",
            "sample of 8",
            "grpo step 3",
            "held-out of 16",
            "grpo done after 3",
        ]
    );
}

#[test]
fn imitation_ends_when_it_is_good_enough() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    run(&recipe(&["imitation.stop_at_accuracy=0.0"]), &path).unwrap();
    let stages: Vec<Value> = metrics(&path).iter().map(|line| line["stage"].clone()).collect();
    assert_eq!(stages, ["imitation", "imitation", "grpo", "grpo", "grpo"]);
}

#[test]
fn a_reward_that_fails_too_often_stops_the_run() {
    // The two ends are so far apart that their difference is infinite.
    let broken = |changes: &[&str]| {
        let mut recipe = without_imitation(changes);
        recipe.rewards = serde_json::from_str(
            r#"[{ "kind": "length", "target": 30, "unit": "characters" },
                { "kind": "cosine_length", "max_tokens": 9, "wrong_short": 1.7e308, "wrong_long": -1.7e308, "weight": 0.1 }]"#,
        )
        .unwrap();
        recipe
    };
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let error = run(&broken(&[]), &path).unwrap_err();
    let Error::Rewards { step: 1, failures: 8, total: 8, ref first, .. } = error else { panic!("{error}") };
    assert!(first.starts_with("cosine_length: "), "{first}");
    assert!(error.to_string().contains("a reward failed on 8 of 8 completions in step 1"), "{error}");
    assert!(lines(&path.join("metrics.jsonl")).is_empty());
    assert_eq!(summary(&path)["finished"], false);

    // Where failures are allowed, they are counted and the other reward teaches.
    let path = folder.path().join("allowed");
    run(&broken(&["grpo.max_reward_failures=1.0"]), &path).unwrap();
    for line in metrics(&path) {
        assert_eq!(line["reward_failures"], 8);
        assert!(line["rewards/cosine_length/mean"].is_null());
        assert!(line["rewards/length/mean"].is_number() && line["grad_norm"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_step_with_broken_numbers_is_refused_and_the_model_before_it_kept() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("imitation");
    let mut recipe = recipe(&["optimizer.weight_decay=1e33", "imitation.validate_every=100"]);
    let error = run(&recipe, &path).unwrap_err();
    assert!(matches!(error, Error::NotFinite { stage: "imitation", step: 2, .. }), "{error}");
    for words in ["step 2 of imitation was refused", "NaN", "`learning_rate`"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(metrics(&path).len(), 1);
    assert_eq!(
        (summary(&path)["steps"].as_u64(), summary(&path)["finished"].as_bool()),
        (Some(1), Some(false))
    );
    let kept = weights(&path);
    assert!(kept.iter().all(|w| w.is_finite()) && kept.iter().any(|w| w.abs() > 1e20));
    // The checkpoint stands before the refused step: going on meets it again.
    let error = resume(&path, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { stage: "imitation", step: 2, .. }), "{error}");
    assert_eq!(weights(&path), kept);

    // In the second stage, the first to notice is the sampler.
    let path = folder.path().join("grpo");
    recipe.imitation = None;
    let error = run(&recipe, &path).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFinite { stage: "grpo", .. } | Error::Rollout(grpo_rollout::Error::Distribution { .. })
        ),
        "{error}"
    );
    assert_eq!(metrics(&path).len(), 1);
    assert!(weights(&path).iter().all(|w| w.is_finite()));
}

#[test]
fn an_existing_folder_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine.txt"), "precious").unwrap();
    let error = run(&recipe(&[]), &path).unwrap_err();
    assert!(matches!(error, Error::FolderExists(ref p) if *p == path), "{error}");
    assert!(error.to_string().contains("--resume"), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(run(&recipe(&[]), &file).unwrap_err(), Error::FolderExists(_)));
    let error = run(&recipe(&[]), &file.join("run")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("file"), "{error}");
}

#[test]
fn nothing_is_written_for_a_recipe_that_cannot_run() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let refused = |recipe: &grpo_train::Recipe| {
        let error = run(recipe, &path).unwrap_err();
        assert!(!path.exists(), "{error}");
        error.to_string()
    };
    let mut wrong = recipe(&[]);
    wrong.grpo.group_size = 1;
    assert!(refused(&wrong).contains("`grpo.group_size`"));
    let mut wrong = recipe(&[]);
    let nowhere = folder.path().join("nowhere");
    wrong.model = grpo_train::ModelConfig::Folder(grpo_train::ModelFolder::new(nowhere.clone()));
    assert!(refused(&wrong).contains(&nowhere.join("config.json").display().to_string()));
    wrong.data =
        grpo_train::DataConfig::Jsonl(grpo_train::JsonlConfig::new(folder.path().join("none.jsonl")));
    assert!(refused(&wrong).contains("none.jsonl"));
}

#[test]
fn training_starts_from_a_model_folder() {
    let folder = tempdir().unwrap();
    let first = folder.path().join("first");
    run(&recipe(&["grpo.steps=1"]), &first).unwrap();
    let mut next = without_imitation(&["grpo.steps=1"]);
    next.model = grpo_train::ModelConfig::Folder(grpo_train::ModelFolder::new(first.join("model")));
    let second = folder.path().join("second");
    let result = run(&next, &second).unwrap();
    assert_eq!((result.eval.initial, result.eval.imitation), (run_final(&first), None));
    let moved = largest_difference(&weights(&first), &weights(&second));
    assert!(moved > 1e-5 && moved < 0.01, "{moved}");

    // The number that the recipe rewards is compared with a final answer: where no line has one, nothing could be learnt.
    let lines: String = (0..40).map(|i| format!("{{\"question\": \"Jon buys {i} balls .\"}}\n")).collect();
    let data = folder.path().join("questions.jsonl");
    std::fs::write(&data, lines).unwrap();
    next.data = grpo_train::DataConfig::Jsonl(grpo_train::JsonlConfig::new(&data));
    let third = folder.path().join("third");
    let error = run(&next, &third).unwrap_err().to_string();
    assert!(
        error.contains("`rewards[1]`") && error.contains("\"number\"") && error.contains("`data.final`"),
        "{error}"
    );
    assert!(!third.exists());
}

fn run_final(path: &std::path::Path) -> Option<f64> {
    summary(path)["eval"]["final"].as_f64()
}

#[test]
fn the_end_of_a_run_is_told_apart_from_an_interruption() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("run");
    let ending = train(&recipe(&[]), &path, &machine(), &mut Silent, &AtomicBool::new(true)).unwrap();
    let Ending::Interrupted(result) = ending else { panic!("it went on") };
    assert_eq!((result.steps, result.finished), (1, false));
}
