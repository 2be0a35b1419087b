//! A small random model, its log-probabilities and its gradients, for the tests of this crate.
#![allow(dead_code)] // every test file uses its own part

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Int, Tensor, TensorData},
};
use grpo_lm::{DecoderConfig, LanguageModel, SharedPrompts, Tokenizer};
use grpo_rollout::Policy;
use std::path::{Path, PathBuf};

/// Positions of the small model.
pub(crate) const CONTEXT: usize = 32;

/// The forms of attention and output head: query heads, key-value heads, tied embeddings.
pub(crate) const FORMS: [(usize, usize, bool); 3] = [(4, 2, false), (4, 4, true), (4, 1, false)];

/// The device the tests run on.
pub(crate) fn device() -> Device {
    grpo_device::from_env().expect("a device")
}

pub(crate) fn tokenizer() -> Tokenizer {
    let words: Vec<String> = ('a'..='t').map(String::from).collect();
    Tokenizer::from_words(&words).expect("words that differ")
}

/// Two layers of random weights, ready for training.
pub(crate) fn model((heads, kv_heads, tied): (usize, usize, bool)) -> LanguageModel {
    let tokenizer = tokenizer();
    let mut config = DecoderConfig::llama(tokenizer.len(), 32, 48, 2, heads, kv_heads, CONTEXT);
    config.tie_word_embeddings = Some(tied);
    LanguageModel::init(config, tokenizer, 11, &device().autodiff()).expect("a valid shape")
}

/// The folder of a tiny checkpoint (or adapter) that Python wrote.
pub(crate) fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints").join(name)
}

/// The tiny checkpoint of this name, ready for training.
pub(crate) fn load(name: &str) -> LanguageModel {
    LanguageModel::load(&checkpoint(name), &device().autodiff()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A copy of a tiny checkpoint (or adapter) that may be spoilt.
pub(crate) fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(checkpoint(name)).expect("a checkpoint") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
    }
    folder
}

/// Changes a JSON file of a folder.
pub(crate) fn change(folder: &Path, file: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).expect("a JSON file");
    let mut value = serde_json::from_str(&text).expect("JSON");
    change(&mut value);
    std::fs::write(&path, value.to_string()).expect("a file that can be written");
}

/// The error's text holds all of these.
pub(crate) fn says(error: &impl std::fmt::Display, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

/// Logits of every token of a prompt, one after another.
pub(crate) fn logits(model: &LanguageModel, prompt: &[u32]) -> Vec<f32> {
    let none: [&[u32]; 0] = [];
    let batch = SharedPrompts::new(&[prompt], &none).expect("a prompt");
    floats(model.frozen().decoder().prompt_logits(&batch).expect("a forward pass"))
}

/// The largest difference of two lists.
pub(crate) fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

/// The same model after `change` has had each parameter's path and values.
pub(crate) fn changed(model: &LanguageModel, change: impl FnMut(&str, &mut [f32])) -> LanguageModel {
    struct Change<F>(Vec<String>, F);
    impl<F: FnMut(&str, &mut [f32])> ModuleMapper for Change<F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.into());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let path = self.0.join(".");
            param.map(|x| {
                let (dims, trained, place) = (x.dims(), x.is_require_grad(), (&x.device(), x.dtype()));
                let mut values = floats(x);
                (self.1)(&path, &mut values);
                Tensor::from_data(TensorData::new(values, dims), place).set_require_grad(trained)
            })
        }
    }
    model.with_decoder(model.decoder().clone().map(&mut Change(Vec::new(), change)))
}

/// The same model, whose adapter does something: B starts as zero, under which A receives no gradient either.
pub(crate) fn with_nonzero_b(model: &LanguageModel) -> LanguageModel {
    let mut count = 0;
    changed(model, |path, values| {
        if path.ends_with("lora.b") {
            for value in values {
                count += 1;
                *value = 0.25 * (count as f32 * 1.7).sin();
            }
        }
    })
}

/// Token ids that differ from each other, none of which is special: `count` of them, from `first` on.
pub(crate) fn ids(first: u32, count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| 2 + (first + 7 * i) % 20).collect()
}

/// Completions as `[rows, longest]`, padded with id 0.
pub(crate) fn actions(completions: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    let steps = completions.iter().map(Vec::len).max().unwrap_or(0);
    let mut values = Vec::with_capacity(completions.len() * steps);
    for (row, completion) in completions.iter().enumerate() {
        values.extend(completion.iter().map(|&id| id as i32));
        values.resize((row + 1) * steps, 0);
    }
    Tensor::from_data(TensorData::new(values, [completions.len(), steps]), device)
}

/// Log-probability of every token of every completion, in one forward pass over shared prompts.
pub(crate) fn log_probs(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    completions: &[Vec<u32>],
) -> Vec<Vec<f32>> {
    let states = SharedPrompts::new(prompts, completions).expect("even groups");
    let actions = actions(completions, &model.decoder().device());
    let steps = actions.dims()[1];
    let all = floats(model.frozen().log_prob(&states, actions).expect("a forward pass"));
    completions.iter().zip(all.chunks(steps)).map(|(c, row)| row[..c.len()].to_vec()).collect()
}

/// The sum of all completion tokens' log-probabilities, each with its own weight.
pub(crate) fn weighted(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    completions: &[Vec<u32>],
    weights: &[Vec<f32>],
) -> Tensor<1> {
    let states = SharedPrompts::new(prompts, completions).expect("even groups");
    let device = model.decoder().device();
    let actions = actions(completions, &device);
    let [rows, steps] = actions.dims();
    let mut values = Vec::with_capacity(rows * steps);
    for (row, weights) in weights.iter().enumerate() {
        values.extend_from_slice(weights);
        values.resize((row + 1) * steps, 0.0);
    }
    let weights = Tensor::<2>::from_data(TensorData::new(values, [rows, steps]), &device);
    (model.log_prob(&states, actions).expect("a forward pass") * weights).sum()
}

/// One weight for each token, none of them equal to its neighbours'.
pub(crate) fn weights(completions: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let weight = |row: usize, step: usize| ((5 * row + 3 * step) % 11) as f32 / 5.0 - 1.1;
    completions.iter().enumerate().map(|(row, c)| (0..c.len()).map(|s| weight(row, s)).collect()).collect()
}

/// Each parameter's name and gradient; `None` for a parameter the loss doesn't reach.
pub(crate) type Gradients = Vec<(String, Option<Vec<f32>>)>;

pub(crate) fn gradients(model: &LanguageModel, loss: &Tensor<1>) -> Gradients {
    collected(model, &GradientsParams::from_grads(loss.backward(), model.decoder()))
}

pub(crate) fn collected(model: &LanguageModel, gradients: &GradientsParams) -> Gradients {
    let mut collect = Collect { gradients, path: Vec::new(), out: Vec::new() };
    model.decoder().visit(&mut collect);
    collect.out
}

/// Adds gradients up.
pub(crate) fn sum(parts: impl IntoIterator<Item = Gradients>) -> Gradients {
    let add = |mut a: Gradients, b: Gradients| {
        for ((name, a), (other, b)) in a.iter_mut().zip(b) {
            assert_eq!(*name, other);
            let (Some(a), Some(b)) = (a, b) else { panic!("{name} has no gradient") };
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        }
        a
    };
    parts.into_iter().reduce(add).expect("at least one part")
}

/// Every parameter's gradient is that of `want`, to `1e-5` of the parameter's largest entry (or of 1).
pub(crate) fn assert_same(got: &Gradients, want: &Gradients, what: &str) {
    assert_eq!(got.len(), want.len());
    for ((name, got), (other, want)) in got.iter().zip(want) {
        assert_eq!(name, other);
        let (Some(got), Some(want)) = (got, want) else { panic!("{what}: {name} has no gradient") };
        assert_eq!(got.len(), want.len());
        let scale = want.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        let off = got.iter().zip(want).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(
            off <= 1e-5 * scale,
            "{what}: the gradient of {name} is off by {off} (largest entry {scale})"
        );
    }
}

pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("numbers")
}

struct Collect<'a> {
    gradients: &'a GradientsParams,
    path: Vec<String>,
    out: Gradients,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.out.push((self.path.join("."), self.gradients.get::<D>(param.id).map(floats)));
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}
