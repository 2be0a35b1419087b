//! What a sampler drew from: `rules`.

use burn::tensor::{Int, Tensor, TensorData};
use grpo_core::{EpisodeRules, LinearHead, LogitRules, Support, Tiles, linear_log_probs_under};
use serde_json::Value;

use crate::support::golden::run;
use crate::support::{close, device, matrix, precisions, tensor};

#[test]
fn golden_rules() {
    let device = device();
    run("rules.json", |case| {
        let rules = LogitRules {
            repetition_penalty: case.number("repetition_penalty"),
            episodes: case.input_value("rules").as_array().expect("rules").iter().map(episode).collect(),
        };
        let targets = case.need("targets");
        let shape = [targets.len(), targets[0].len()];
        let targets: Vec<i32> = targets.concat().iter().map(|&target| target as i32).collect();
        let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, shape), &device);
        let (vocab, width) = (case.need("weight").len(), case.need("weight")[0].len());
        for (dtype, tolerance) in precisions(&device) {
            for tiles in [Tiles { tokens: 99, vocab }, Tiles { tokens: 3, vocab: 10 }] {
                let input =
                    |key: &str| tensor(&case.need(key), &device.clone().autodiff(), dtype).require_grad();
                let (hidden, weight, bias) = (input("hidden"), input("weight"), input("bias"));
                let head = LinearHead::new(weight.clone()).with_tiles(tiles);
                let head = match case.flag("biased") {
                    true => head.with_bias(bias.clone().reshape([vocab])),
                    false => head,
                };
                let got = linear_log_probs_under(
                    hidden.clone().reshape([shape[0], shape[1], width]),
                    &head,
                    targets.clone(),
                    case.number("temperature"),
                    rules.clone(),
                )
                .map_err(|e| e.to_string())?;
                let upstream = |key: &str| tensor(&case.need(key), &device, dtype);
                let loss = got.log_probs.clone() * upstream("for_log_prob")
                    + got.entropies.clone() * upstream("for_entropy");
                let grads = loss.sum().backward();
                let check = |key: &str, got: Tensor<2>| {
                    let want = case.expected(key).unwrap_or_else(|| panic!("{}: {key}", case.name));
                    close(key, &matrix(got).concat(), &want.concat(), tolerance)
                };
                check("log_probs", got.log_probs)?;
                check("entropies", got.entropies)?;
                check("grad_hidden", hidden.grad(&grads).expect("a gradient"))?;
                check("grad_weight", weight.grad(&grads).expect("a gradient"))?;
                if case.flag("biased") {
                    check("grad_bias", bias.grad(&grads).expect("a gradient"))?;
                }
            }
        }
        Ok(())
    });
}

fn episode(value: &Value) -> EpisodeRules {
    let ids = |value: &Value| serde_json::from_value(value.clone()).expect("ids");
    let allowed = |value: &Value| match value {
        Value::Null => Support::All,
        value if value["only"].is_array() => Support::Only(ids(&value["only"])),
        value => Support::Without(ids(&value["without"])),
    };
    EpisodeRules {
        seen: serde_json::from_value(value["seen"].clone()).expect("ids and steps"),
        allowed: value["allowed"].as_array().expect("a list").iter().map(allowed).collect(),
    }
}
