//! Length and repetition rewards against TRL's numbers (`fixtures/length_rewards.json`).

use grpo_rewards::length::{CosineLength, SoftOverlong, cosine, soft_overlong};
use grpo_rewards::repetition::Repetition;
use grpo_rewards::{Reward, RewardSpec, Sample};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    config: Config,
    inputs: Inputs,
    expected: Expected,
}

#[derive(Deserialize)]
struct Config {
    kind: String,
    max_len: Option<usize>,
    cache: Option<usize>,
    min_wrong: Option<f64>,
    max_wrong: Option<f64>,
    min_correct: Option<f64>,
    max_correct: Option<f64>,
    ngram: Option<usize>,
    max_penalty: Option<f64>,
}

#[derive(Deserialize)]
struct Inputs {
    lengths: Option<Vec<usize>>,
    correct: Option<Vec<Option<bool>>>,
    token_ids: Option<Vec<Vec<u32>>>,
}

#[derive(Deserialize)]
struct Expected {
    rewards: Vec<Option<f64>>,
}

/// The value that a reward gives to a completion of so many tokens.
fn value(reward: &dyn Reward, completion: &str, reference: &str, tokens: &[u32]) -> Option<f64> {
    let sample = Sample::new("", completion).with_reference(reference).with_tokens(tokens);
    reward.score(&sample).map(|score| score.value)
}

#[test]
fn equals_trl() {
    let file: File = serde_json::from_str(include_str!("fixtures/length_rewards.json")).unwrap();
    let mut compared = 0;
    for Case { name, config, inputs, expected } in file.cases {
        let lengths = inputs.lengths.unwrap_or_default();
        let got: Vec<(Option<f64>, Option<f64>)> = match config.kind.as_str() {
            "soft_overlong" => {
                let (max_tokens, cache_tokens) = (config.max_len.unwrap(), config.cache.unwrap());
                let reward = RewardSpec::new(SoftOverlong { max_tokens, cache_tokens }).build().unwrap();
                let both = |length: &usize| {
                    let formula = Some(soft_overlong(*length, max_tokens, cache_tokens));
                    // A completion without tokens is empty.
                    let text = if *length == 0 { "" } else { "text" };
                    (formula, value(&reward, text, "", &vec![0; *length]))
                };
                lengths.iter().map(both).collect()
            }
            "cosine" => {
                let settings = CosineLength {
                    max_tokens: config.max_len.unwrap(),
                    // TRL's names: the maximum of a wrong answer is reached when it is long.
                    right_short: config.max_correct.unwrap(),
                    right_long: config.min_correct.unwrap(),
                    wrong_short: config.min_wrong.unwrap(),
                    wrong_long: config.max_wrong.unwrap(),
                    verifier: Box::new(grpo_rewards::number::RightNumber::default().into()),
                };
                let reward = RewardSpec::new(settings.clone()).build().unwrap();
                let both = |(length, correct): (&usize, &Option<bool>)| {
                    let (short, long) = match correct {
                        Some(true) => (settings.right_short, settings.right_long),
                        _ => (settings.wrong_short, settings.wrong_long),
                    };
                    let formula = correct.map(|_| cosine(*length, settings.max_tokens, short, long));
                    let reference = if correct.is_some() { "42" } else { "not a number" };
                    let completion = if *correct == Some(true) { "#### 42" } else { "#### 43" };
                    let tokens = vec![0; *length];
                    // No completion of zero tokens holds an answer; the formula covers that row.
                    let scored =
                        if *length == 0 { formula } else { value(&reward, completion, reference, &tokens) };
                    (formula, scored)
                };
                lengths.iter().zip(&inputs.correct.unwrap()).map(both).collect()
            }
            "repetition" => {
                let settings = Repetition {
                    ngram: config.ngram.unwrap(),
                    max_penalty: config.max_penalty.unwrap(),
                    ..Repetition::default()
                };
                let reward = RewardSpec::new(settings).build().unwrap();
                let score = |tokens: &Vec<u32>| {
                    let scored = value(&reward, if tokens.is_empty() { "" } else { "text" }, "", tokens);
                    (scored, scored)
                };
                inputs.token_ids.unwrap().iter().map(score).collect()
            }
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(got.len(), expected.rewards.len(), "{name}");
        for (row, ((formula, scored), want)) in got.iter().zip(&expected.rewards).enumerate() {
            for got in [formula, scored] {
                match (got, want) {
                    (Some(got), Some(want)) => {
                        assert!((got - want).abs() < 1e-12, "{name}[{row}]: {got} is not {want}");
                    }
                    _ => assert_eq!(got, want, "{name}[{row}]"),
                }
            }
            compared += 1;
        }
    }
    println!("{compared} rewards compared");
    assert!(compared >= 100);
}
