//! Layers that are computed again on the way back give the values and gradients of layers that were kept; and dropout before
//! adapters depends on its keys alone.

mod support;

use burn::tensor::{Int, Tensor, TensorData};
use grpo_lm::{LanguageModel, LoraConfig, SharedPrompts};
use grpo_rollout::{Evaluation, Policy};
use std::ops::Range;
use support::{
    FORMS, Gradients, actions, apart, assert_same, collected, floats, gradients, ids, load, model, sum,
    weights, with_nonzero_b,
};

const ROWS: usize = 3;

/// Three prompts of different lengths with three completions each, of different lengths too (one has a single token).
fn batch() -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let prompts = [5, 1, 8].iter().enumerate().map(|(i, &len)| ids(3 * i as u32, len)).collect();
    let lengths = [4, 1, 6, 2, 7, 3, 5, 5, 2];
    let completions = lengths.iter().enumerate().map(|(i, &len)| ids(5 + 2 * i as u32, len)).collect();
    (prompts, completions)
}

fn adapted(model: LanguageModel, dropout: f64) -> LanguageModel {
    let config = LoraConfig { rank: 3, alpha: 6.0, dropout, ..LoraConfig::default() };
    with_nonzero_b(&model.with_adapter(&config, 5).unwrap())
}

/// Every way to train: in full with tied and untied heads, of each family, and with adapters.
fn models() -> Vec<(String, LanguageModel)> {
    let mut models: Vec<_> = FORMS.iter().map(|&form| (format!("{form:?}"), model(form))).collect();
    for name in ["qwen2", "qwen3", "gemma3", "gemma3-hub"] {
        models.push((name.into(), load(name)));
    }
    for name in ["llama", "qwen2", "gemma3"] {
        models.push((format!("{name} with an adapter"), adapted(load(name), 0.0)));
    }
    // Layers without anything to train, below and above the one with the adapter.
    let config =
        LoraConfig { rank: 2, target_modules: vec!["layers.1.mlp.up_proj".into()], ..LoraConfig::default() };
    let one = load("gemma3").with_adapter(&config, 5).unwrap();
    models.push(("gemma3 with an adapter in the middle".into(), with_nonzero_b(&one)));
    models
}

/// Log-probabilities and entropies, each with a weight of its own; what is beyond a completion's end weighs nothing.
fn loss(evaluation: Evaluation, completions: &[Vec<u32>]) -> Tensor<1> {
    let [rows, steps] = evaluation.log_probs.dims();
    let mut values = Vec::with_capacity(rows * steps);
    for (row, weights) in weights(completions).into_iter().enumerate() {
        values.extend(weights);
        values.resize((row + 1) * steps, 0.0);
    }
    let weights =
        Tensor::<2>::from_data(TensorData::new(values, [rows, steps]), &evaluation.log_probs.device());
    (evaluation.log_probs * weights.clone()).sum() + (evaluation.entropy * weights).sum() * 0.3
}

fn values(evaluation: &Evaluation) -> Vec<f32> {
    [floats(evaluation.log_probs.clone()), floats(evaluation.entropy.clone())].concat()
}

/// The same to 1e-6 of a parameter's largest entry, and none where there was none.
fn assert_equal(found: &Gradients, want: &Gradients, what: &str) {
    assert_eq!(found.len(), want.len());
    let mut trained = 0;
    for ((name, found), (other, want)) in found.iter().zip(want) {
        assert_eq!(name, other);
        assert_eq!(found.is_some(), want.is_some(), "{what}: {name}");
        let (Some(found), Some(want)) = (found, want) else { continue };
        let scale = want.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        let off = apart(found, want);
        assert!(
            off <= 1e-6 * scale,
            "{what}: the gradient of {name} is off by {off} (largest entry {scale})"
        );
        // Canary: there is something to compare.
        assert!(scale > 1e-4, "{what}: {name} receives no gradient worth the name ({scale})");
        trained += 1;
    }
    assert!(trained > 0);
}

#[test]
fn replayed_layers_give_the_values_and_gradients_of_kept_ones() {
    let (prompts, completions) = batch();
    for (name, model) in models() {
        let states = SharedPrompts::new(&prompts, &completions).unwrap();
        let actions = actions(&completions, &model.decoder().device());
        let (kept, none) = model.evaluate_replayed(&states, actions.clone()).unwrap();
        assert!(none.is_none(), "nothing was asked to be replayed");
        let (replayed, replay) = model.clone().with_replay(true).evaluate_replayed(&states, actions).unwrap();
        assert_eq!(values(&replayed), values(&kept), "{name}");
        let want = gradients(&model, &loss(kept, &completions));
        let found = replay.unwrap().gradients(&loss(replayed, &completions));
        assert_equal(&collected(&model, &found), &want, &name);
    }
}

#[test]
fn replayed_layers_give_the_divergence_from_a_reference_too() {
    let (prompts, completions) = batch();
    for base in [model(FORMS[0]), model(FORMS[1]), load("gemma3")] {
        let model = adapted(base, 0.0);
        let reference = model.without_adapter().frozen();
        let states = SharedPrompts::new(&prompts, &completions).unwrap();
        let actions = actions(&completions, &model.decoder().device());
        let with_kl = |model: &LanguageModel| {
            let (evaluation, kl, replay) =
                model.evaluate_against(&reference, &states, actions.clone()).unwrap();
            let of_kl = Evaluation { log_probs: kl.clone(), entropy: kl.clone() };
            (floats(kl), loss(evaluation, &completions) + loss(of_kl, &completions), replay)
        };
        let (kl, kept, none) = with_kl(&model);
        assert!(none.is_none() && kl.iter().all(|&x| x > -1e-6) && kl.iter().any(|&x| x > 0.01));
        let (again, replayed, replay) = with_kl(&model.clone().with_replay(true));
        assert_eq!(again, kl);
        let want = gradients(&model, &kept);
        assert_equal(&collected(&model, &replay.unwrap().gradients(&replayed)), &want, "with a divergence");
    }
}

/// A number for each prompt and each completion, as training makes them for a step.
fn keys(step: u64) -> (Vec<u64>, Vec<u64>) {
    let key = |which: u64, count: u64| (0..count).map(|at| (step << 32) ^ (at << 1 | which)).collect();
    (key(0, 3), key(1, 9))
}

/// A part of the batch under dropout, and its actions.
fn part(
    share: f64,
    step: u64,
    groups: Range<usize>,
    model: &LanguageModel,
) -> (SharedPrompts, Tensor<2, Int>) {
    let ((prompts, completions), (prompt_keys, completion_keys)) = (batch(), keys(step));
    let rows = ROWS * groups.start..ROWS * groups.end;
    let states = SharedPrompts::new(&prompts[groups.clone()], &completions[rows.clone()]).unwrap();
    let states = states.with_dropout(share, &prompt_keys[groups], &completion_keys[rows.clone()]);
    (states.unwrap(), actions(&completions[rows], &model.decoder().device()))
}

/// Log-probabilities of the part's completions, without what pads them.
fn log_probs(model: &LanguageModel, share: f64, step: u64, groups: Range<usize>) -> Vec<f32> {
    let (states, actions) = part(share, step, groups.clone(), model);
    let steps = actions.dims()[1];
    let all = floats(model.evaluate(&states, actions).unwrap().log_probs);
    let (_, completions) = batch();
    let own = completions[ROWS * groups.start..ROWS * groups.end].iter().zip(all.chunks(steps));
    own.flat_map(|(completion, row)| row[..completion.len()].to_vec()).collect()
}

#[test]
fn dropout_depends_on_its_keys_alone() {
    for base in [model(FORMS[0]), load("gemma3")] {
        let model = adapted(base, 0.3);
        let none = log_probs(&model, 0.0, 1, 0..3);
        let one = log_probs(&model, 0.3, 1, 0..3);
        assert_eq!(one, log_probs(&model, 0.3, 1, 0..3), "the same keys, another result");
        assert!(apart(&one, &none) > 0.01, "nothing was left out");
        assert!(apart(&one, &log_probs(&model, 0.3, 2, 0..3)) > 0.01, "other keys, the same result");
        // Share 0 is no dropout at all.
        let (prompts, completions) = batch();
        let plain = support::log_probs(&model, &prompts, &completions).concat();
        assert_eq!(none, plain);
        // It is the adapter's inputs that are left out.
        let base = model.without_adapter();
        assert_eq!(log_probs(&base, 0.3, 1, 0..3), log_probs(&base, 0.0, 1, 0..3));
        // However the step is cut.
        for parts in [vec![0..1, 1..2, 2..3], vec![0..2, 2..3], vec![0..1, 1..3]] {
            let found: Vec<f32> =
                parts.into_iter().flat_map(|part| log_probs(&model, 0.3, 1, part)).collect();
            assert!(apart(&found, &one) < 1e-5, "a cut changes log-probabilities by {}", apart(&found, &one));
        }
    }
}

#[test]
fn gradients_under_dropout_add_up_and_are_replayed() {
    let (_, completions) = batch();
    let model = adapted(model(FORMS[0]), 0.3);
    // The same weights whatever the cut: a part's own would begin anew.
    let all = weights(&completions);
    let of_part = |model: &LanguageModel, groups: Range<usize>| -> Gradients {
        let (states, actions) = part(0.3, 1, groups.clone(), model);
        let [rows, steps] = actions.dims();
        let mut values = Vec::new();
        for (row, weights) in all[ROWS * groups.start..ROWS * groups.end].iter().enumerate() {
            values.extend(weights);
            values.resize((row + 1) * steps, 0.0);
        }
        let (evaluation, replay) = model.evaluate_replayed(&states, actions).unwrap();
        let device = evaluation.log_probs.device();
        let weights = Tensor::<2>::from_data(TensorData::new(values, [rows, steps]), &device);
        let loss = (evaluation.log_probs * weights).sum();
        let found = match replay {
            Some(replay) => collected(model, &replay.gradients(&loss)),
            None => gradients(model, &loss),
        };
        // Of what is trained.
        found.into_iter().filter(|(name, _)| name.contains(".lora.")).collect()
    };
    let whole = of_part(&model, 0..3);
    let parts = sum([0..1, 1..2, 2..3].map(|groups| of_part(&model, groups)));
    assert_same(&parts, &whole, "in three parts");
    let replaying = model.clone().with_replay(true);
    assert_equal(&of_part(&replaying, 0..3), &whole, "replayed");
    // Canary: without dropout the gradient is another one.
    let (prompts, completions) = batch();
    let without = gradients(&model, &support::weighted(&model, &prompts, &completions, &all));
    let without: Vec<_> = without.into_iter().filter(|(name, _)| name.contains(".lora.")).collect();
    for ((name, whole), (_, without)) in whole.iter().zip(&without) {
        let off = apart(whole.as_ref().unwrap(), without.as_ref().unwrap());
        assert!(off > 1e-3, "{name}: nothing was left out");
    }
}
