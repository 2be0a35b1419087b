//! SmolLM2-135M-Instruct against a float64 forward pass over its weights, which Python's `transformers` agrees with
//! (`$GRPO_SHARED/models/smollm2-parity.json`).
//!
//! The folder that `get-smollm2.py` writes is named by `GRPO_SMOLLM2`; without it these tests say so and pass.

use grpo_lm::{ChatConfig, LanguageModel, Message};
use grpo_rollout::{Sampler, Sampling, Streams};
use serde::Deserialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[path = "support/parity.rs"]
mod numbers;

use numbers::{Parity, close, compare, logsumexp, prompt_logits, read};

#[derive(Deserialize)]
struct Expected {
    tokenizer: Vec<Text>,
    chat_template: Conversation,
    bf16: Parity,
    f32: Parity,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Conversation {
    messages: Vec<Message>,
    ids: Vec<u32>,
}

fn smollm2() -> Option<(LanguageModel, Expected, bool)> {
    let Some(folder) = std::env::var_os("GRPO_SMOLLM2").map(PathBuf::from) else {
        // Past the harness, which keeps what a passing test prints to itself.
        let skipped = "SKIPPED: GRPO_SMOLLM2 doesn't name a folder with SmolLM2-135M-Instruct\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    };
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("GRPO_SHARED").map_or_else(beside, PathBuf::from);
    let model = LanguageModel::load(&folder, &grpo_device::from_env().unwrap()).unwrap();
    let config: serde_json::Value = read(&folder.join("config.json"));
    let single = config["torch_dtype"] == "float32";
    Some((model, read(&shared.join("models/smollm2-parity.json")), single))
}

#[test]
fn logits_log_probabilities_and_greedy_tokens_are_those_of_the_other_implementation() {
    let Some((model, expected, single)) = smollm2() else { return };
    let cases = if single { expected.f32.cases } else { expected.bf16.cases };
    let prompts: Vec<Vec<u32>> = cases.iter().map(|case| case.ids.clone()).collect();
    let batch = prompt_logits(&model, &prompts);
    let mut rest = &batch[..];
    for case in &cases {
        let alone = prompt_logits(&model, std::slice::from_ref(&case.ids));
        compare(case, &alone);
        compare(case, rest);
        rest = &rest[case.ids.len()..];
        let sum: f64 =
            case.ids[1..].iter().zip(&alone).map(|(&id, row)| row[id as usize] - logsumexp(row)).sum();
        close(sum, case.next_logprob_sum, "sum of log-probabilities");
        let sampling = Sampling::greedy(case.greedy_ids.len());
        let groups =
            model.sample(std::slice::from_ref(&case.ids), 1, &sampling, &Streams::new(0), 0).unwrap();
        assert_eq!(groups[0].episodes[0].actions, case.greedy_ids, "{:?}", case.prompt);
    }
}

#[test]
fn the_tokenizer_and_the_chat_template_give_the_same_ids() {
    let Some((model, expected, _)) = smollm2() else { return };
    for Text { text, ids } in &expected.tokenizer {
        match ids.is_empty() {
            true => assert!(model.tokenizer().encode(text).is_err(), "{text:?} has no tokens"),
            false => assert_eq!(&model.tokenizer().encode(text).unwrap(), ids, "{text:?}"),
        }
    }
    let model = model.with_chat(&ChatConfig::default()).unwrap();
    let Conversation { messages, ids } = &expected.chat_template;
    assert_eq!(&model.encode_chat(messages).unwrap(), ids);
    for case in expected.f32.cases.iter().filter(|case| case.chat_user.is_some()) {
        let user = case.chat_user.as_deref().unwrap_or_default();
        assert_eq!(model.encode_prompt(user).unwrap(), case.ids, "{user:?}");
    }
}
