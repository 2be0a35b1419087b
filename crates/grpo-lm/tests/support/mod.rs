//! A small random model, its log-probabilities and its gradients, for the tests of this crate.
#![allow(dead_code)] // every test file uses its own part

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Int, Tensor, TensorData},
};
use grpo_lm::{DecoderConfig, LanguageModel, SharedPrompts, Tokenizer};
use grpo_rollout::Policy;

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
    let gradients = GradientsParams::from_grads(loss.backward(), model.decoder());
    let mut collect = Collect { gradients: &gradients, path: Vec::new(), out: Vec::new() };
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
