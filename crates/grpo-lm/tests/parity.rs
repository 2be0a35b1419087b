//! Numbers of another implementation: a float64 numpy forward pass over the weights of `stories260k`, which Python's
//! `transformers` agrees with, and llama2.c's tokenizer.
//!
//! The checkpoint is looked for in `$GRPO_SHARED/models/stories260k`, by default in the folder `shared` beside the
//! workspace. Without it these tests say so and pass; a `GRPO_SHARED` that doesn't hold it is an error.

use burn::tensor::{Int, Tensor, TensorData};
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::{Policy, Sampler, Sampling, Streams};
use serde::Deserialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[path = "support/parity.rs"]
mod numbers;

use numbers::{Case, Parity, TOLERANCE, close, compare, floats, logsumexp, prompt_logits, read};

#[derive(Deserialize)]
struct TokenizerCase {
    text: String,
    ids: Vec<u32>,
    decoded: String,
}

#[test]
fn logits_are_those_of_the_other_implementation() {
    let Some((folder, model)) = stories() else { return };
    for case in cases(&folder) {
        let logits = prompt_logits(&model, std::slice::from_ref(&case.ids));
        compare(&case, &logits);
    }
}

#[test]
fn logits_of_ragged_prompts_in_one_batch_are_too() {
    let Some((folder, model)) = stories() else { return };
    let cases = cases(&folder);
    let prompts: Vec<Vec<u32>> = cases.iter().map(|c| c.ids.clone()).collect();
    let longest = prompts.iter().map(Vec::len).max().unwrap();
    assert!(prompts.iter().any(|p| p.len() < longest), "nothing is ragged");
    let logits = prompt_logits(&model, &prompts);
    let mut rest = &logits[..];
    for case in &cases {
        compare(case, rest);
        rest = &rest[case.ids.len()..];
    }
}

#[test]
fn log_probabilities_and_entropies_are_too() {
    let Some((folder, model)) = stories() else { return };
    for case in cases(&folder) {
        // Everything after the first token is the completion; one more token asks for the last position's entropy.
        let completion = [&case.ids[1..], &[0]].concat();
        let states = SharedPrompts::new(&[&case.ids[..1]], &[&completion]).unwrap();
        let ids: Vec<i32> = completion.iter().map(|&id| id as i32).collect();
        let device = model.decoder().device();
        let actions = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, completion.len()]), &device);
        let evaluation = model.evaluate(&states, actions.clone()).unwrap();
        let log_probs = floats(evaluation.log_probs);
        let own = &log_probs[..case.next_logprobs.len()];
        for (position, (got, want)) in own.iter().zip(&case.next_logprobs).enumerate() {
            close(f64::from(*got), *want, &format!("{:?}, log-probability {position}", case.prompt));
        }
        let sum: f64 = own.iter().map(|&x| f64::from(x)).sum();
        assert!((sum - case.next_logprob_sum).abs() < TOLERANCE * own.len().max(1) as f64, "{sum}");
        let entropy = *floats(evaluation.entropy).last().unwrap();
        close(f64::from(entropy), case.entropy_last, &format!("{:?}, entropy", case.prompt));
        assert_eq!(floats(model.log_prob(&states, actions).unwrap()), log_probs);
    }
}

#[test]
fn greedy_decoding_gives_the_same_tokens_and_text() {
    let Some((folder, model)) = stories() else { return };
    let cases = cases(&folder);
    let prompts: Vec<Vec<u32>> = cases.iter().map(|c| c.ids.clone()).collect();
    let longest = cases.iter().map(|c| c.greedy_ids.len()).max().unwrap();
    let sampling = Sampling::greedy(longest);
    let together = model.sample(&prompts, 2, &sampling, &Streams::new(1), 0).unwrap();
    for (index, case) in cases.iter().enumerate() {
        let alone = model.sample(&prompts[index..=index], 1, &sampling, &Streams::new(2), 7).unwrap();
        for episode in together[index].episodes.iter().chain(&alone[0].episodes) {
            assert_eq!(episode.actions[..case.greedy_ids.len()], case.greedy_ids, "{:?}", case.prompt);
        }
        let tokenizer = model.tokenizer();
        let all = [&case.ids[..], &case.greedy_ids].concat();
        assert_eq!(tokenizer.decode(&all).unwrap(), case.greedy_text);
        let completion = tokenizer.decode_completion(&case.ids, &case.greedy_ids).unwrap();
        assert_eq!(format!("{}{completion}", case.prompt), case.greedy_text);
    }
}

#[test]
fn greedy_log_probabilities_are_those_of_the_recomputed_sequence() {
    let Some((folder, model)) = stories() else { return };
    for case in cases(&folder) {
        let sampling = Sampling::greedy(case.greedy_ids.len());
        let groups =
            model.sample(std::slice::from_ref(&case.ids), 1, &sampling, &Streams::new(0), 0).unwrap();
        let logits = prompt_logits(&model, &[[&case.ids[..], &case.greedy_ids].concat()]);
        for (step, recorded) in groups[0].episodes[0].log_probs.iter().enumerate() {
            let row = &logits[case.ids.len() - 1 + step];
            let want = row[case.greedy_ids[step] as usize] - logsumexp(row);
            close(f64::from(*recorded), want, &format!("{:?}, greedy step {step}", case.prompt));
        }
    }
}

#[test]
fn tokenizer_gives_the_same_ids_and_texts() {
    let Some((folder, model)) = stories() else { return };
    let cases: Vec<TokenizerCase> = read(&folder.join("tokenizer-cases.json"));
    assert!(!cases.is_empty());
    for case in cases {
        let ids = model.tokenizer().encode_prompt(&case.text).unwrap();
        assert_eq!(ids, case.ids, "{:?}", case.text);
        assert_eq!(model.tokenizer().decode(&ids).unwrap(), case.decoded);
    }
    for case in self::cases(&folder) {
        assert_eq!(model.tokenizer().encode_prompt(&case.prompt).unwrap(), case.ids, "{:?}", case.prompt);
    }
    // Both ids that may end a text, from generation_config.json; config.json knows only the first.
    assert_eq!(model.tokenizer().stop_tokens(), [2, 1]);
}

/// The checkpoint's folder and the model in it, where there is one.
fn stories() -> Option<(PathBuf, LanguageModel)> {
    let named = std::env::var_os("GRPO_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = named.clone().unwrap_or_else(beside).join("models/stories260k");
    if !folder.join("model.safetensors").is_file() {
        assert!(named.is_none(), "GRPO_SHARED is set, but there is no checkpoint in {}", folder.display());
        // Past the harness, which keeps what a passing test prints to itself.
        let skipped = format!(
            "SKIPPED: no checkpoint in {}; set GRPO_SHARED to the folder that holds models/stories260k\n",
            folder.display()
        );
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    }
    let model = LanguageModel::load(&folder, &grpo_device::from_env().unwrap()).unwrap();
    Some((folder, model))
}

fn cases(folder: &Path) -> Vec<Case> {
    let parity: Parity = read(&folder.join("parity.json"));
    assert!(parity.cases.len() >= 3);
    parity.cases
}
