//! Runs of seconds, and what they leave behind.
#![allow(dead_code)] // every test file uses its own part

use grpo_lm::LanguageModel;
use grpo_train::{Ending, Error, Event, Machine, Observer, Recipe, Silent, Stage, Summary, train};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// One layer, three steps of each stage, four completions of eight tokens for each of two prompts. The reward is a length
/// in characters, so that even random words differ in it.
const TINY: &str = r#"
name = "tiny"
seed = 3
checkpoint_every = 0

[data]
source = "arithmetic"

[model]
start = "random"
hidden_size = 32
intermediate_size = 48
layers = 1
heads = 2
kv_heads = 1
context = 64

[imitation]
steps = 3
batch_size = 8
learning_rate = 3e-3
validate_every = 2
validation_questions = 8
micro_batch_size = 4

[grpo]
steps = 3
prompts_per_step = 2
group_size = 4
learning_rate = 1e-3
micro_batch_size = 4
sample_every = 1

[sampling]
max_new_tokens = 8

[[rewards]]
kind = "length"
target = 30
unit = "characters"

[[rewards]]
kind = "number"
weight = 0.5

[evaluation]
every = 2
questions = 16
questions_on_the_way = 8
"#;

/// The KL term, and a second pass over each step's episodes so that it has something to measure.
pub(crate) const KL: [&str; 2] = ["objective.kl.beta=0.05", "grpo.iterations=2"];

pub(crate) fn recipe(changes: &[&str]) -> Recipe {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Recipe::with_changes(TINY, &changes).expect("a recipe")
}

pub(crate) fn without_imitation(changes: &[&str]) -> Recipe {
    Recipe { imitation: None, ..recipe(changes) }
}

pub(crate) fn machine() -> Machine {
    let device = grpo_device::from_env().expect("a device");
    let name = grpo_device::name_of(&device).map_or("unnamed".into(), |name| name.to_string());
    Machine { device, name, workers: 1, is_gpu: false, peak_rss: grpo_device::peak_rss_bytes }
}

/// Whether a computation gives the same bits every time: on a GPU, sums run in any order.
pub(crate) fn reproducible() -> bool {
    let name = machine().name;
    let yes = ["flex", "ndarray"].contains(&name.as_str());
    if !yes {
        eprintln!("{name}: numbers are compared to 1e-4, not bit for bit");
    }
    yes
}

pub(crate) fn run(recipe: &Recipe, folder: &Path) -> Result<Summary, Error> {
    match train(recipe, folder, &machine(), &mut Silent, &AtomicBool::new(false))? {
        Ending::Finished(summary) => Ok(summary),
        Ending::Interrupted(_) => panic!("nobody asked it to stop"),
    }
}

/// Asks for a stop after a step.
pub(crate) struct StopAfter<'a> {
    pub(crate) stage: Stage,
    pub(crate) step: usize,
    pub(crate) stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn on(&mut self, event: Event<'_>) {
        if let Event::Stepped { stage, step, .. } = event
            && (stage, step) == (self.stage, self.step)
        {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Lines of a JSON Lines file.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The steps' numbers without what depends on the clock or the machine.
pub(crate) fn metrics(folder: &Path) -> Vec<Value> {
    let mut lines = lines(&folder.join("metrics.jsonl"));
    for line in &mut lines {
        let line = line.as_object_mut().expect("an object");
        line.retain(|key, _| !key.starts_with("time/") && key != "step_time" && key != "device_bytes");
    }
    lines
}

pub(crate) fn summary(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).expect("a summary")).expect("JSON")
}

/// Every number of the saved model.
pub(crate) fn weights(folder: &Path) -> Vec<f32> {
    let file = fs::read(folder.join("model/model.safetensors")).expect("weights");
    let header = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    file[8 + header..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four"))).collect()
}

pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

/// Two runs did the same: bit for bit where that can be had.
pub(crate) fn assert_same(a: &Path, b: &Path) {
    if !reproducible() {
        let off = largest_difference(&weights(a), &weights(b));
        assert!(off < 1e-4, "the weights are off by {off}");
        return;
    }
    for (a, b) in metrics(a).iter().zip(&metrics(b)) {
        assert_eq!(a, b);
    }
    assert_eq!(metrics(a).len(), metrics(b).len());
    for file in ["samples.jsonl", "suspects.jsonl"] {
        assert_eq!(lines(&a.join(file)), lines(&b.join(file)), "{file}");
    }
    let (a_weights, b_weights) = (weights(a), weights(b));
    assert!(!a_weights.is_empty() && a_weights.iter().all(|w| w.is_finite()));
    assert!(
        a_weights.iter().zip(&b_weights).all(|(a, b)| a.to_bits() == b.to_bits()),
        "the weights are off by {}",
        largest_difference(&a_weights, &b_weights)
    );
    for key in ["eval", "steps", "num_tokens", "parameters", "finished"] {
        assert_eq!(summary(a)[key], summary(b)[key], "{key}");
    }
}

/// The model that a run saved.
pub(crate) fn model(folder: &Path) -> LanguageModel {
    LanguageModel::load(&folder.join("model"), &machine().device).expect("a model folder")
}
