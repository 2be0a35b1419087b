//! Fine-tuning a checkpoint: adapters, samplers' rules, conversations, gradient checkpointing, and the plan of a run.

mod support;

use grpo_lm::LanguageModel;
use grpo_train::{Ending, Recipe, Silent, Stage, plan, resume, train};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use support::{StopAfter, machine, reproducible, run};
use tempfile::TempDir;

const RECIPE: &str = r#"
name = "adapter"
seed = 3
checkpoint_every = 0

[data]
source = "jsonl"
path = "questions.jsonl"
held_out_share = 0.2

[model]
start = "folder"
path = "model"

[lora]
rank = 2
alpha = 4

[grpo]
steps = 4
prompts_per_step = 3
group_size = 4
learning_rate = 1e-2
micro_batch_size = 6
sample_every = 1

[sampling]
max_new_tokens = 8

[[rewards]]
kind = "length"
target = 20
unit = "characters"

[evaluation]
every = 0
questions = 4

[evaluation.metric.score]
kind = "length"
target = 20
unit = "characters"
"#;

/// A tiny Llama with random weights, which is committed beside the tests of `grpo-lm`.
fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../grpo-lm/tests/checkpoints/llama")
}

/// A folder with questions, in words that the checkpoint knows.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let line = |i: usize| format!("{{\"question\": \"t{} t{} t{}\"}}\n", 3 + i, 40 - i, 10 + (i * i) % 50);
    fs::write(folder.path().join("questions.jsonl"), (0..20).map(line).collect::<String>()).unwrap();
    folder
}

fn recipe(folder: &TempDir, changes: &[&str]) -> Recipe {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let mut recipe = Recipe::with_changes(RECIPE, &changes).unwrap();
    recipe.resolve_paths(folder.path());
    recipe.model = grpo_train::ModelConfig::Folder(grpo_train::ModelFolder::new(checkpoint()));
    recipe
}

fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or_else(|| panic!("{key} in {line}"))
}

#[test]
fn an_adapter_is_trained_and_the_weights_are_not() {
    let folder = folder();
    let out = folder.path().join("run");
    let summary = run(&recipe(&folder, &[]), &out).unwrap();
    // Two layers of four attention and three feed-forward maps.
    assert!(summary.trained_parameters > 0 && summary.trained_parameters < summary.parameters / 2);
    assert!(metrics(&out).iter().all(|line| number(line, "grad_norm") > 0.0));

    let device = machine().device;
    let base = LanguageModel::load(&checkpoint(), &device).unwrap();
    let adapted =
        LanguageModel::load(&checkpoint(), &device).unwrap().load_adapter(&out.join("adapter")).unwrap();
    let merged = LanguageModel::load(&out.join("model"), &device).unwrap();
    let logits = |model: &LanguageModel| -> Vec<f32> {
        let none: [&[u32]; 0] = [];
        let batch = grpo_lm::SharedPrompts::new(&[[5u32, 9, 14, 30]], &none).unwrap();
        model.decoder().prompt_logits(&batch).unwrap().into_data().try_into_vec().unwrap()
    };
    let (base, off) = (logits(&base), logits(&adapted.without_adapter()));
    let (adapted, merged) = (logits(&adapted), logits(&merged));
    assert_eq!(base, off);
    let difference = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference(&adapted, &merged) < 1e-4);
    assert!(difference(&adapted, &base) > 1e-2, "nothing was learnt");
    // The checkpoint holds the adapter alone.
    let bytes = |file: &str| fs::metadata(out.join(file)).unwrap().len();
    assert!(bytes("checkpoint/model.bpk") < bytes("model/model.safetensors") / 2);
}

#[test]
fn a_resumed_adapter_is_the_uninterrupted_one() {
    let folder = folder();
    let recipe = recipe(&folder, &["objective.kl.beta=0.05", "grpo.iterations=2", "lora.dropout=0.1"]);
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    run(&recipe, &whole).unwrap();
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter { stage: Stage::Grpo, step: 2, stop: &stop };
    assert!(matches!(
        train(&recipe, &cut, &machine(), &mut observer, &stop).unwrap(),
        Ending::Interrupted(_)
    ));
    let ending = resume(&cut, &machine(), &mut Silent, &AtomicBool::new(false)).unwrap();
    assert!(matches!(ending, Ending::Finished(_)));
    if !reproducible() {
        return;
    }
    for file in ["samples.jsonl", "model/model.safetensors", "adapter/adapter_model.safetensors"] {
        assert!(fs::read(whole.join(file)).unwrap() == fs::read(cut.join(file)).unwrap(), "{file} differs");
    }
}

#[test]
fn the_ratio_of_the_first_step_is_one_under_every_rule_of_the_sampler() {
    let folder = folder();
    for (index, rules) in [
        &[][..],
        &["sampling.temperature=0.7"],
        &["sampling.top_k=5"],
        &["sampling.top_p=0.8"],
        &["sampling.min_p=0.1"],
        &["sampling.repetition_penalty=1.4"],
        &["sampling.min_new_tokens=6"],
        &["sampling.ignore_eos=true"],
        &[
            "sampling.temperature=1.3",
            "sampling.top_k=20",
            "sampling.top_p=0.9",
            "sampling.repetition_penalty=0.9",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        // A step as small as can be leaves the policy where it was, and the reference policy is the policy.
        let changes =
            [rules, &["grpo.steps=1", "objective.kl.beta=0.1", "grpo.learning_rate=1e-9"][..]].concat();
        let out = folder.path().join(index.to_string());
        run(&recipe(&folder, &changes), &out).unwrap();
        let line = &metrics(&out)[0];
        assert!((number(line, "ratio_mean") - 1.0).abs() < 1e-4, "{rules:?}: {line}");
        assert!(number(line, "kl").abs() < 1e-6, "{rules:?}: {line}");
    }
}

#[test]
fn gradient_checkpointing_and_the_split_change_nothing_but_rounding() {
    let folder = folder();
    let norms = |name: &str, changes: &[&str]| -> Vec<f64> {
        let out = folder.path().join(name);
        run(&recipe(&folder, &[&["grpo.steps=2", "lora.dropout=0.2"], changes].concat()), &out).unwrap();
        metrics(&out).iter().map(|line| number(line, "grad_norm")).collect()
    };
    let plain = norms("plain", &[]);
    for (name, changes) in
        [("replayed", &["grpo.gradient_checkpointing=true"][..]), ("split", &["grpo.micro_batch_size=3"])]
    {
        for (got, want) in norms(name, changes).iter().zip(&plain) {
            assert!((got - want).abs() < 1e-4 * want, "{name}: {got}, not {want}");
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_written() {
    let folder = folder();
    for (changes, words) in [
        (&["lora.rank=0"][..], &["lora.rank", "at least 1"][..]),
        (&["lora.target_modules=[\"query\"]"], &["query", "q_proj", "all-linear"]),
        (&["chat={}"], &["chat template"]),
        (
            &["objective.kl={ beta = 0.1, exact = true }", "sampling.top_p=0.9"],
            &["objective.kl.exact", "sampling"],
        ),
        (&["sampling.max_new_tokens=500"], &["sampling.max_new_tokens", "context"]),
    ] {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let out = folder.path().join("refused");
        let result = Recipe::with_changes(RECIPE, &changes).and_then(|mut recipe| {
            recipe.resolve_paths(folder.path());
            recipe.model = grpo_train::ModelConfig::Folder(grpo_train::ModelFolder::new(checkpoint()));
            run(&recipe, &out).map(|_| ())
        });
        let error = result.expect_err("refused").to_string();
        for word in words {
            assert!(error.contains(word), "{changes:?}: {word:?} is missing in: {error}");
        }
        assert!(!out.exists());
    }
}

#[test]
fn a_plan_says_what_a_run_would_take_and_leaves_nothing_behind() {
    let folder = folder();
    let plan = plan(&recipe(&folder, &[]), &machine()).unwrap();
    assert_eq!((plan.step, plan.step_tokens, plan.micro_batches), ((3, 12), 96, 2));
    assert_eq!(plan.prompt_tokens, (3, 3));
    assert!(plan.seconds.iter().all(|s| *s > 0.0) && plan.memory.iter().any(|(_, bytes)| *bytes > 0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the questions");
}
