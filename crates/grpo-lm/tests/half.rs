//! Weights in memory as bfloat16 compute nearly the same, and an adapter on them is trained in single precision.

mod support;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{DType, Device, Tensor},
};
use grpo_lm::{LanguageModel, LoraConfig, SharedPrompts};
use grpo_rollout::{Policy, Sampler, Sampling, Streams};
use support::{
    actions, apart, checkpoint, collected, floats, gradients, ids, logits, weighted, weights, with_nonzero_b,
};

const FAMILIES: [&str; 4] = ["llama", "qwen2", "qwen3", "gemma3"];

/// burn's ndarray has no numbers of 16 bits.
fn device() -> Device {
    grpo_device::open(&grpo_device::DeviceName::Flex).unwrap()
}

fn load_as(name: &str, dtype: DType) -> LanguageModel {
    let device = device().autodiff();
    LanguageModel::load_as(&checkpoint(name), dtype, &device).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The root of the mean square of what is left after the mean.
fn deviation(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

/// Parameters' paths and types.
struct Types(Vec<String>, Vec<(String, DType)>);

impl ModuleVisitor for Types {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.1.push((self.0.join("."), param.val().dtype()));
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.0.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.0.pop();
    }
}

fn types(model: &LanguageModel) -> Vec<(String, DType)> {
    let mut types = Types(Vec::new(), Vec::new());
    model.decoder().visit(&mut types);
    types.1
}

fn lora() -> LoraConfig {
    LoraConfig { rank: 3, alpha: 6.0, ..LoraConfig::default() }
}

/// Two prompts of different lengths with two completions each.
fn batch() -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let completions = [4, 6, 1, 7].iter().enumerate().map(|(i, &n)| ids(5 + i as u32, n)).collect();
    (vec![ids(0, 5), ids(3, 2)], completions)
}

#[test]
fn logits_are_nearly_those_of_single_precision() {
    for name in FAMILIES {
        let (single, half) = (load_as(name, DType::F32), load_as(name, DType::BF16));
        assert!(types(&half).iter().all(|(_, dtype)| *dtype == DType::BF16));
        for len in [1, 9, 20] {
            let (want, found) = (logits(&single, &ids(1, len)), logits(&half, &ids(1, len)));
            let differences: Vec<f32> = found.iter().zip(&want).map(|(a, b)| a - b).collect();
            let (typical, largest) = (deviation(&differences), apart(&found, &want));
            let scale = deviation(&want);
            assert!(typical < 0.05 * scale, "{name}, {len} tokens: typically off by {typical} of {scale}");
            assert!(largest < 0.3 * scale, "{name}, {len} tokens: off by {largest} of {scale}");
            assert!(typical > 1e-4 * scale, "{name}: it is single precision after all");
        }
    }
}

#[test]
fn what_is_sampled_is_what_is_evaluated() {
    for name in FAMILIES {
        let half = load_as(name, DType::BF16);
        let prompts = [ids(0, 5), ids(3, 2)];
        let sampling = Sampling { max_new_tokens: 10, ..Sampling::default() };
        let groups = half.sample(&prompts, 3, &sampling, &Streams::new(1), 0).unwrap();
        let episodes: Vec<_> = groups.iter().flat_map(|g| &g.episodes).collect();
        let completions: Vec<Vec<u32>> = episodes.iter().map(|e| e.actions.clone()).collect();
        let found = support::log_probs(&half, &prompts, &completions);
        for (found, episode) in found.iter().zip(&episodes) {
            // Three significant digits are what there is.
            let off = apart(found, &episode.log_probs);
            assert!(off < 0.1, "{name}: {off}");
        }
    }
}

#[test]
fn an_adapter_on_half_weights_is_trained_in_single_precision() {
    let (prompts, completions) = batch();
    let weights = weights(&completions);
    for name in FAMILIES {
        let adapted = |dtype| with_nonzero_b(&load_as(name, dtype).with_adapter(&lora(), 5).unwrap());
        let (single, half) = (adapted(DType::F32), adapted(DType::BF16));
        for (path, dtype) in types(&half) {
            let wanted = if path.contains(".lora.") { DType::F32 } else { DType::BF16 };
            assert_eq!(dtype, wanted, "{name}: {path}");
        }
        let of = |model: &LanguageModel| gradients(model, &weighted(model, &prompts, &completions, &weights));
        let (want, found) = (of(&single), of(&half));
        for ((path, found), (_, want)) in found.iter().zip(&want) {
            assert_eq!(found.is_some(), path.contains(".lora."), "{name}: {path}");
            let (Some(found), Some(want)) = (found, want) else { continue };
            let scale = want.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            assert!(found.iter().all(|x| x.is_finite()) && found.iter().any(|&x| x != 0.0), "{name}: {path}");
            let off = apart(found, want);
            assert!(off < 0.2 * scale, "{name}: the gradient of {path} is off by {off} of {scale}");
        }
        let states = SharedPrompts::new(&prompts, &completions).unwrap();
        let actions = actions(&completions, &half.decoder().device());
        // The same when layers are computed again.
        let replaying = half.clone().with_replay(true);
        let (evaluation, replay) = replaying.evaluate_replayed(&states, actions.clone()).unwrap();
        assert_eq!(
            floats(evaluation.log_probs.clone()),
            floats(half.evaluate(&states, actions).unwrap().log_probs)
        );
        let replayed = collected(&half, &replay.unwrap().gradients(&evaluation.log_probs.sum()));
        for (path, gradient) in replayed {
            assert_eq!(gradient.is_some(), path.contains(".lora."), "{name}: {path}");
        }
    }
}

#[test]
fn a_half_model_is_saved_in_single_precision() {
    let half = load_as("llama", DType::BF16).with_adapter(&lora(), 5).unwrap();
    let folder = tempfile::tempdir().unwrap();
    half.save(folder.path()).unwrap();
    let loaded = LanguageModel::load(folder.path(), &device()).unwrap();
    assert!(types(&loaded).iter().all(|(_, dtype)| *dtype == DType::F32));
    let (want, found) = (logits(&half, &ids(1, 9)), logits(&loaded, &ids(1, 9)));
    assert!(apart(&found, &want) < 0.1 * deviation(&want));
}
