//! Group decoding: what is recorded is what was sampled, and no sample depends on its neighbours.

mod support;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::Tensor,
};
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::{Episode, Error, FinishReason, Group, Policy, Sampler, Sampling, Streams};
use std::ops::ControlFlow;
use support::{CONTEXT, FORMS, actions, floats, ids, log_probs, model};

fn sample(model: &LanguageModel, prompts: &[Vec<u32>], group_size: usize, sampling: &Sampling) -> Vec<Group> {
    model.sample(prompts, group_size, sampling, &Streams::new(5), 3).unwrap()
}

fn sampling(temperature: f64, max_new_tokens: usize) -> Sampling {
    Sampling { temperature, max_new_tokens, ..Sampling::default() }
}

#[test]
fn recorded_log_probabilities_are_those_of_the_policy_at_the_sampling_temperature() {
    for form in FORMS {
        for temperature in [0.4, 1.0, 1.7] {
            let model = model(form);
            let prompts = [ids(1, 6), ids(2, 1), ids(3, 9)];
            let groups = sample(&model, &prompts, 5, &sampling(temperature, 10));
            let episodes: Vec<&Episode> = groups.iter().flat_map(|g| &g.episodes).collect();
            assert!(episodes.iter().any(|e| e.len() < 10), "no completion is padded");

            let completions: Vec<Vec<u32>> = episodes.iter().map(|e| e.actions.clone()).collect();
            let states = SharedPrompts::new(&prompts, &completions).unwrap();
            let policy = model.with_temperature(temperature);
            let actions = actions(&completions, &policy.decoder().device());
            let steps = actions.dims()[1];
            let evaluation = policy.evaluate(&states, actions).unwrap();
            let (log_probs, entropies) = (floats(evaluation.log_probs), floats(evaluation.entropy));
            for (row, episode) in episodes.iter().enumerate() {
                for step in 0..episode.len() {
                    let at = format!("{form:?}, temperature {temperature}, row {row}, step {step}");
                    let ratio = (log_probs[row * steps + step] - episode.log_probs[step]).exp();
                    assert!((ratio - 1.0).abs() < 1e-4, "{at}: ratio {ratio}");
                    let entropy = entropies[row * steps + step];
                    assert!((entropy - episode.entropies[step]).abs() < 1e-4, "{at}: entropy {entropy}");
                }
            }
        }
    }
}

#[test]
fn the_temperature_is_that_of_the_distribution() {
    // Canary for the test above: the same episodes at another temperature have other ratios.
    let model = model(FORMS[0]);
    let prompts = [ids(1, 6)];
    let groups = sample(&model, &prompts, 4, &sampling(0.5, 8));
    let completions: Vec<Vec<u32>> = groups[0].episodes.iter().map(|e| e.actions.clone()).collect();
    let at_one = log_probs(&model, &prompts, &completions);
    let pairs = groups[0].episodes.iter().zip(&at_one);
    let off =
        pairs.flat_map(|(e, row)| e.log_probs.iter().zip(row)).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(off > 0.1, "{off}");
}

#[test]
fn samples_do_not_depend_on_the_other_prompts() {
    let model = model(FORMS[0]);
    let own = ids(1, 6);
    let alone = sample(&model, &[ids(4, 2), own.clone()], 4, &sampling(1.0, 10));
    // Other neighbours, shorter, longer, more of them; the prompt keeps its place, which keys its draws.
    let crowded = sample(&model, &[ids(9, 13), own.clone(), ids(2, 1), own], 4, &sampling(1.0, 10));
    assert_same(&alone[1], &crowded[1]);
    assert_ne!(
        crowded[1].episodes[0].actions, crowded[3].episodes[0].actions,
        "another place, the same draws"
    );
}

#[test]
fn a_smaller_group_is_the_beginning_of_a_larger_one() {
    let model = model(FORMS[0]);
    let prompts = [ids(1, 6), ids(2, 3)];
    let four = sample(&model, &prompts, 4, &sampling(1.0, 10));
    let eight = sample(&model, &prompts, 8, &sampling(1.0, 10));
    // Large enough that the two prompts are decoded one after the other.
    let many = sample(&model, &prompts, 600, &sampling(1.0, 10));
    for (prompt, four) in four.iter().enumerate() {
        for larger in [&eight, &many] {
            let beginning = larger[prompt].episodes[..4].to_vec();
            assert_same(four, &Group { prompt, episodes: beginning });
        }
        let first = &eight[prompt].episodes[0].actions;
        assert!(eight[prompt].episodes.iter().any(|e| e.actions != *first), "all samples are equal");
    }
}

fn assert_same(a: &Group, b: &Group) {
    assert_eq!((a.prompt, a.episodes.len()), (b.prompt, b.episodes.len()));
    for (a, b) in a.episodes.iter().zip(&b.episodes) {
        assert_eq!((&a.actions, a.finish), (&b.actions, b.finish));
        for (x, y) in a.log_probs.iter().zip(&b.log_probs).chain(a.entropies.iter().zip(&b.entropies)) {
            assert!((x - y).abs() <= 1e-5, "{x} and {y}");
        }
    }
}

#[test]
fn draws_are_decided_by_seed_step_and_sample() {
    let model = model(FORMS[0]);
    let draw = |seed: u64, step: u64| {
        model.sample(&[ids(1, 6)], 4, &sampling(1.0, 10), &Streams::new(seed), step).unwrap()
    };
    assert_eq!(draw(1, 0), draw(1, 0));
    assert_ne!(draw(1, 0), draw(2, 0));
    assert_ne!(draw(1, 0), draw(1, 1));
}

#[test]
fn the_finish_reason_says_why() {
    let model = model(FORMS[0]);
    let limit = 6;
    let groups = sample(&model, &[ids(1, 4), ids(2, 7)], 200, &sampling(1.0, limit));
    let mut seen = [0; 3];
    for episode in groups.iter().flat_map(|g| &g.episodes) {
        let (last, before) = episode.actions.split_last().unwrap();
        assert!(before.iter().all(|&a| !model.is_stop(a)), "it went on after a stop token");
        assert!(episode.len() == episode.log_probs.len() && episode.len() == episode.entropies.len());
        match (model.is_stop(*last), episode.len() == limit) {
            (true, at_the_limit) => {
                assert_eq!(episode.finish, FinishReason::Terminated);
                seen[usize::from(at_the_limit)] += 1;
            }
            (false, true) => {
                assert_eq!(episode.finish, FinishReason::Truncated);
                seen[2] += 1;
            }
            (false, false) => panic!("it ended for no reason: {episode:?}"),
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "an ending never occurred: {seen:?}");
}

#[test]
fn one_token_is_enough() {
    let model = model(FORMS[0]);
    let groups = sample(&model, &[ids(1, CONTEXT - 1)], 3, &sampling(1.0, 1));
    assert!(groups[0].episodes.iter().all(|e| e.len() == 1));
    assert_eq!(sample(&model, &[], 3, &sampling(1.0, 1)), []);
}

#[test]
fn a_streamed_completion_is_the_sampled_one() {
    let model = model(FORMS[0]);
    let (prompt, sampling, streams) = (ids(1, 6), sampling(1.0, 10), Streams::new(5));
    let groups = sample(&model, std::slice::from_ref(&prompt), 4, &sampling);
    for (number, episode) in groups[0].episodes.iter().enumerate() {
        let mut text = String::new();
        let rng = streams.stream(3, 0, number as u64);
        let streamed = model
            .stream(&prompt, &sampling, rng, |piece| {
                text.push_str(piece);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((&streamed.actions, streamed.finish), (&episode.actions, episode.finish));
        assert_eq!(text, model.tokenizer().decode_completion(&prompt, &episode.actions).unwrap());
    }
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let model = model(FORMS[0]);
    let refused = |prompts: &[Vec<u32>], group_size: usize, sampling: Sampling| {
        model.sample(prompts, group_size, &sampling, &Streams::new(0), 0).unwrap_err()
    };
    let good = ids(1, 4);
    let error = refused(&[good.clone(), ids(1, CONTEXT - 9)], 2, sampling(1.0, 10));
    assert!(matches!(error, Error::Context { prompt: 1, tokens: 23, new: 10, context: CONTEXT }), "{error}");
    let last = model.config().vocab_size as u32 - 1;
    let error = refused(&[good.clone(), good.clone(), vec![2, last + 1]], 2, sampling(1.0, 4));
    assert!(
        matches!(error, Error::Token { prompt: 2, id, last: l } if id == last + 1 && l == last),
        "{error}"
    );
    let error = refused(&[good.clone(), vec![]], 2, sampling(1.0, 4));
    assert!(matches!(error, Error::Empty { group: 1 }), "{error}");
    for (group_size, sampling, wanted) in [
        (0, sampling(1.0, 4), "group_size"),
        (2, sampling(f64::NAN, 4), "sampling.temperature"),
        (2, sampling(1.0, 0), "sampling.max_new_tokens"),
    ] {
        let error = refused(std::slice::from_ref(&good), group_size, sampling);
        assert!(matches!(error, Error::Setting { key, .. } if key == wanted), "{error}");
    }
}

#[test]
fn broken_weights_are_noticed() {
    struct Broken;
    impl ModuleMapper for Broken {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|x| x.mul_scalar(f32::NAN))
        }
    }
    let model = model(FORMS[0]).frozen();
    let broken = model.with_decoder(model.decoder().clone().map(&mut Broken));
    let error = broken.sample(&[ids(1, 4)], 2, &sampling(1.0, 4), &Streams::new(0), 0).unwrap_err();
    assert!(matches!(error, Error::Distribution { prompt: 0, sample: 0, .. }), "{error}");
}
