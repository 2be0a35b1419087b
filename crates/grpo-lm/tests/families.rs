//! Tiny checkpoints of every family against what Python's transformers computes from the same files
//! (`oracle/tiny_checkpoints.py`).

use burn::tensor::{Int, Tensor, TensorData};
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::{Policy, Sampler, Sampling, Streams};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
    greedy: Greedy,
}

#[derive(Deserialize)]
struct Case {
    ids: Vec<u32>,
    logits: Vec<Vec<f64>>,
    sum_logprob: f64,
}

#[derive(Deserialize)]
struct Greedy {
    prompt: Vec<u32>,
    tokens: Vec<u32>,
}

const TOLERANCE: f64 = 1e-4;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("config.json").is_file())
        .collect();
    folders.sort();
    assert!(folders.len() >= 13, "{folders:?}");
    folders
}

fn each(check: impl Fn(&str, &LanguageModel, &Expected)) {
    let device = grpo_device::from_env().unwrap();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let model = LanguageModel::load(&folder, &device).unwrap_or_else(|e| panic!("{name}: {e}"));
        let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        check(&name, &model, &serde_json::from_str(&text).unwrap());
    }
}

fn logits(model: &LanguageModel, prompts: &[Vec<u32>]) -> Vec<Vec<f64>> {
    let none: [&[u32]; 0] = [];
    let batch = SharedPrompts::new(prompts, &none).unwrap();
    let logits = model.decoder().prompt_logits(&batch).unwrap();
    let vocab = logits.dims()[1];
    let values: Vec<f32> = logits.into_data().convert::<f32>().try_into_vec().unwrap();
    values.chunks(vocab).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect()
}

fn largest_difference(got: &[Vec<f64>], want: &[Vec<f64>]) -> f64 {
    assert_eq!(got.len(), want.len());
    let pairs = got.iter().zip(want).flat_map(|(got, want)| {
        assert_eq!(got.len(), want.len());
        got.iter().zip(want)
    });
    pairs.map(|(got, want)| (got - want).abs()).fold(0.0, f64::max)
}

#[test]
fn logits_are_those_of_transformers_one_by_one_and_in_a_ragged_batch() {
    each(|name, model, expected| {
        let prompts: Vec<Vec<u32>> = expected.cases.iter().map(|case| case.ids.clone()).collect();
        for case in &expected.cases {
            let difference =
                largest_difference(&logits(model, std::slice::from_ref(&case.ids)), &case.logits);
            assert!(difference < TOLERANCE, "{name}, {} tokens: {difference:e}", case.ids.len());
        }
        let all: Vec<Vec<f64>> = expected.cases.iter().flat_map(|case| case.logits.clone()).collect();
        let difference = largest_difference(&logits(model, &prompts), &all);
        assert!(difference < TOLERANCE, "{name}, as a batch: {difference:e}");
    });
}

#[test]
fn log_probabilities_of_ragged_completions_add_up_to_those_of_transformers() {
    each(|name, model, expected| {
        // The first token is the prompt, the rest the completion.
        let prompts: Vec<&[u32]> = expected.cases.iter().map(|case| &case.ids[..1]).collect();
        let completions: Vec<&[u32]> = expected.cases.iter().map(|case| &case.ids[1..]).collect();
        let longest = completions.iter().map(|c| c.len()).max().unwrap();
        let states = SharedPrompts::new(&prompts, &completions).unwrap();
        let mut actions = Vec::new();
        for completion in &completions {
            actions.extend(completion.iter().map(|&id| id as i32));
            actions.resize(actions.len() + longest - completion.len(), 0);
        }
        let device = model.decoder().device();
        let actions =
            Tensor::<2, Int>::from_data(TensorData::new(actions, [completions.len(), longest]), &device);
        let log_probs = model.log_prob(&states, actions).unwrap();
        let values: Vec<f32> = log_probs.into_data().convert::<f32>().try_into_vec().unwrap();
        for ((row, completion), case) in values.chunks(longest).zip(&completions).zip(&expected.cases) {
            let sum: f64 = row[..completion.len()].iter().map(|&x| f64::from(x)).sum();
            let tolerance = TOLERANCE * completion.len() as f64 / 4.0 + TOLERANCE;
            assert!((sum - case.sum_logprob).abs() < tolerance, "{name}: {sum}, not {}", case.sum_logprob);
        }
    });
}

#[test]
fn greedy_decoding_with_the_cache_takes_the_tokens_of_transformers() {
    each(|name, model, expected| {
        let Greedy { prompt, tokens } = &expected.greedy;
        let sampling = Sampling { ignore_eos: true, ..Sampling::greedy(tokens.len()) };
        // Beside prompts of other lengths, which must not matter.
        let prompts = [prompt.clone(), expected.cases[1].ids.clone(), expected.cases[0].ids.clone()];
        let groups = model.sample(&prompts, 1, &sampling, &Streams::new(0), 0).unwrap();
        assert_eq!(&groups[0].episodes[0].actions, tokens, "{name}");
    });
}

#[test]
fn the_cache_gives_the_log_probabilities_of_the_whole_sequence() {
    each(|name, model, expected| {
        let prompts: Vec<Vec<u32>> = expected.cases.iter().map(|case| case.ids.clone()).collect();
        let sampling = Sampling { max_new_tokens: 12, ..Sampling::default() };
        let groups = model.sample(&prompts, 3, &sampling, &Streams::new(4), 0).unwrap();
        for (group, prompt) in groups.iter().zip(&prompts) {
            for episode in &group.episodes {
                let whole = logits(model, &[[&prompt[..], &episode.actions].concat()]);
                for (step, (&action, &recorded)) in episode.actions.iter().zip(&episode.log_probs).enumerate()
                {
                    let row = &whole[prompt.len() + step - 1];
                    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum = max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
                    let want = row[action as usize] - sum;
                    assert!((want - f64::from(recorded)).abs() < TOLERANCE, "{name}: {recorded}, not {want}");
                }
            }
        }
    });
}
