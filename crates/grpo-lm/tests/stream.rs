//! Text that comes token by token is the text of the whole completion.

use burn::tensor::Device;
use grpo_lm::{DecoderConfig, LanguageModel, Tokenizer};
use grpo_rollout::{FinishReason, Sampler, Sampling, Streams};
use std::ops::ControlFlow;

fn model(device: &Device) -> LanguageModel {
    let words: Vec<String> = (b'a'..=b'z').map(|c| char::from(c).to_string()).collect();
    let tokenizer = Tokenizer::from_words(&words).unwrap();
    let config = DecoderConfig::llama(tokenizer.len(), 16, 32, 1, 2, 1, 40);
    LanguageModel::init(config, tokenizer, 3, device).unwrap()
}

#[test]
fn pieces_make_up_the_completion_that_sampling_gives() {
    let model = model(&grpo_device::from_env().unwrap());
    let prompt = model.tokenizer().encode_prompt("a b c").unwrap();
    let sampling = Sampling { temperature: 1.0, max_new_tokens: 20, ..Sampling::default() };
    let mut most = 0;
    for seed in 0..5 {
        let streams = Streams::new(seed);
        let mut pieces = Vec::new();
        let streamed = model
            .stream(&prompt, &sampling, streams.stream(0, 0, 0), |piece| {
                pieces.push(piece.to_string());
                ControlFlow::Continue(())
            })
            .unwrap();
        let groups = model.sample(std::slice::from_ref(&prompt), 1, &sampling, &streams, 0).unwrap();
        assert_eq!(streamed, groups[0].episodes[0]);
        let text = model.tokenizer().decode_completion(&prompt, &streamed.actions).unwrap();
        assert_eq!(pieces.concat(), text);
        assert!(pieces.len() <= streamed.len());
        most = most.max(pieces.len());
    }
    assert!(most > 5); // a completion may end with its first token, but not all of them do
}

#[test]
fn the_listener_may_break_off() {
    let model = model(&grpo_device::from_env().unwrap());
    let prompt = model.tokenizer().encode_prompt("a b c").unwrap();
    let mut calls = 0;
    let rng = Streams::new(1).stream(0, 0, 0);
    let sampling = Sampling { temperature: 1.0, max_new_tokens: 20, ..Sampling::default() };
    let episode = model
        .stream(&prompt, &sampling, rng, |_| {
            calls += 1;
            if calls == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((calls, episode.finish), (2, FinishReason::Truncated));
    assert!(episode.len() < 20);
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let model = model(&grpo_device::from_env().unwrap());
    let rng = || Streams::new(1).stream(0, 0, 0);
    let none = |_: &str| ControlFlow::Continue(());
    assert!(model.stream(&[], &Sampling::greedy(4), rng(), none).is_err());
    assert!(model.stream(&[2], &Sampling::greedy(40), rng(), none).is_err());
    assert!(model.stream(&[2], &Sampling::greedy(0), rng(), none).is_err());
}
