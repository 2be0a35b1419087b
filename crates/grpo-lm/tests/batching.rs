//! Continuous batching: what is decoded beside a completion has no influence on it.

mod support;

use grpo_lm::LanguageModel;
use grpo_rollout::{Episode, Sampler, Sampling, Streams};
use std::ops::ControlFlow;
use support::{FORMS, change, copy, device, ids, model};

/// Seven prompts of different lengths.
fn prompts() -> Vec<Vec<u32>> {
    [5, 1, 12, 3, 8, 2, 6].into_iter().enumerate().map(|(i, len)| ids(i as u32, len)).collect()
}

/// The models, with several ends of text where they come from a folder: completions have very different lengths.
fn models() -> Vec<(String, LanguageModel)> {
    let mut models: Vec<_> = FORMS.iter().map(|&form| (format!("{form:?}"), model(form).frozen())).collect();
    for name in ["qwen2", "qwen3", "gemma3", "gemma3-hub"] {
        let folder = copy(name);
        change(folder.path(), "generation_config.json", |g| g["eos_token_id"] = [2, 20, 40, 60, 80].into());
        models.push((name.into(), LanguageModel::load(folder.path(), &device()).unwrap()));
    }
    let adapted = support::load("llama").load_adapter(&support::checkpoint("llama-lora")).unwrap();
    models.push(("llama-lora".into(), adapted));
    models
}

fn settings() -> [Sampling; 2] {
    let plain = Sampling { max_new_tokens: 14, ..Sampling::default() };
    let ruled = Sampling { top_p: 0.9, repetition_penalty: 1.2, min_new_tokens: 3, ..plain.clone() };
    [plain, ruled]
}

fn assert_same(found: &Episode, want: &Episode, at: &str) {
    assert_eq!((&found.actions, found.finish), (&want.actions, want.finish), "{at}");
    assert_eq!(found.supports, want.supports, "{at}");
    let pairs =
        found.log_probs.iter().zip(&want.log_probs).chain(found.entropies.iter().zip(&want.entropies));
    for (x, y) in pairs {
        assert!((x - y).abs() < 1e-5, "{at}: {x} and {y}");
    }
}

#[test]
fn all_prompts_together_give_what_each_completion_alone_gives() {
    let (prompts, streams) = (prompts(), Streams::new(5));
    for (name, model) in models() {
        for sampling in settings() {
            let groups = model.sample(&prompts, 3, &sampling, &streams, 3).unwrap();
            let lengths: Vec<usize> = groups.iter().flat_map(|g| &g.episodes).map(Episode::len).collect();
            assert!(lengths.iter().any(|&len| len != lengths[0]), "{name}: all are of one length");
            for (group, prompt) in groups.iter().zip(&prompts) {
                for (sample, episode) in group.episodes.iter().enumerate() {
                    // One row and nothing beside it, with the same draws.
                    let rng = streams.stream(3, group.prompt as u64, sample as u64);
                    let alone = model.stream(prompt, &sampling, rng, |_| ControlFlow::Continue(())).unwrap();
                    assert_same(
                        episode,
                        &alone,
                        &format!("{name}, prompt {}, sample {sample}", group.prompt),
                    );
                }
            }
        }
    }
}

#[test]
fn the_number_of_completions_beside_one_changes_nothing() {
    let (prompts, streams) = (prompts(), Streams::new(6));
    for (name, model) in models() {
        let [sampling, _] = settings();
        let many = model.sample(&prompts, 8, &sampling, &streams, 0).unwrap();
        for count in [1, 3] {
            let few = model.sample(&prompts[..count], 2, &sampling, &streams, 0).unwrap();
            for (few, many) in few.iter().zip(&many) {
                for (sample, (few, many)) in few.episodes.iter().zip(&many.episodes).enumerate() {
                    assert_same(few, many, &format!("{name}, {count} prompts, sample {sample}"));
                }
            }
        }
    }
}

#[test]
fn more_rows_than_are_decoded_at_once_wait_for_their_turn() {
    // 1024 rows are decoded together; 1120 are wanted.
    let (prompts, streams) = (prompts(), Streams::new(7));
    let model = model(FORMS[0]);
    let sampling = Sampling { max_new_tokens: 5, ..Sampling::default() };
    let groups = model.sample(&prompts, 160, &sampling, &streams, 0).unwrap();
    assert_eq!(groups.iter().map(|g| g.episodes.len()).sum::<usize>(), 1120);
    for (group, prompt) in groups.iter().zip(&prompts) {
        for sample in [0, 159] {
            let rng = streams.stream(0, group.prompt as u64, sample as u64);
            let alone = model.stream(prompt, &sampling, rng, |_| ControlFlow::Continue(())).unwrap();
            assert_same(
                &group.episodes[sample],
                &alone,
                &format!("prompt {}, sample {sample}", group.prompt),
            );
        }
    }
}
