//! Few slots for many rows: results are those of plenty of room, and no row is computed after its end.

use super::{Decoding, draw::recent_text};
use crate::{DecoderConfig, LanguageModel, Tokenizer};
use grpo_rollout::{Episode, FinishReason, Sampling, Streams};

/// A random model with several ends of text, so that completions have very different lengths.
fn model() -> LanguageModel {
    let words: Vec<String> = ('a'..='t').map(String::from).collect();
    let tokenizer = Tokenizer::from_words(&words).unwrap();
    let config = DecoderConfig::llama(tokenizer.len(), 32, 48, 2, 4, 2, 64);
    let device = grpo_device::from_env().unwrap();
    let model = LanguageModel::init(config.clone(), tokenizer, 11, &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    let ends = r#"{ "eos_token_id": [1, 7, 19, 30] }"#;
    std::fs::write(folder.path().join("generation_config.json"), ends).unwrap();
    LanguageModel::load(folder.path(), &device).unwrap()
}

/// Seven prompts of different lengths.
fn prompts() -> Vec<Vec<u32>> {
    let prompt = |first: u32, len: u32| (0..len).map(|i| 2 + (first + 7 * i) % 20).collect();
    [5, 1, 12, 3, 8, 2, 6].into_iter().enumerate().map(|(i, len)| prompt(i as u32, len)).collect()
}

/// The episodes, the number of rows in each step, and that of prompts whose keys were kept in each.
fn decoded(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    group_size: usize,
    slots: usize,
) -> (Vec<Episode>, Vec<usize>, Vec<usize>) {
    let sampling = Sampling { max_new_tokens: 14, ..Sampling::default() };
    let streams = Streams::new(5);
    let rng = |prompt: usize, sample: usize| streams.stream(3, prompt as u64, sample as u64);
    let mut decoding = Decoding::with_slots(model, prompts, group_size, &sampling, slots, rng);
    let (mut steps, mut kept) = (Vec::new(), Vec::new());
    loop {
        // What `advance` begins with, so that the rows of its step can be counted.
        decoding.begin_waiting().unwrap();
        if decoding.active.is_empty() {
            break;
        }
        steps.push(decoding.active.len());
        kept.push(decoding.places.len());
        check_places(&decoding);
        assert!(decoding.advance().unwrap());
    }
    assert!(!decoding.advance().unwrap());
    assert!(decoding.waiting.is_empty() && decoding.slots.is_empty());
    assert_eq!(decoding.free_slots.len(), decoding.slot_count);
    (decoding.rows.into_iter().map(|row| row.episode).collect(), steps, kept)
}

/// No two rows write to one slot, no two prompts lie over each other, and only unfinished rows are computed.
fn check_places(decoding: &Decoding) {
    let mut slots = [&decoding.slots[..], &decoding.free_slots].concat();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), decoding.slot_count);
    assert_eq!(decoding.slots.len(), decoding.active.len());
    assert!(decoding.active.iter().all(|&row| !decoding.rows[row].done));
    let mut places: Vec<_> = decoding.places.values().cloned().collect();
    places.sort_by_key(|place| place.start);
    assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let tokens = decoding.prompts[0].keys.dims()[0];
    assert!(places.iter().all(|place| place.end <= tokens));
    for &row in &decoding.active {
        let prompt = row / decoding.group_size;
        assert_eq!(decoding.places[&prompt].len(), decoding.ids[prompt].len());
    }
}

#[test]
fn few_slots_give_what_plenty_of_room_gives() {
    let (model, prompts) = (model(), prompts());
    for group_size in [1, 2, 3] {
        let (want, roomy, _) = decoded(&model, &prompts, group_size, 100);
        let rows = prompts.len() * group_size;
        let lengths: Vec<usize> = want.iter().map(Episode::len).collect();
        assert!(lengths.contains(&14) && lengths.iter().any(|&len| len < 4), "no variety: {lengths:?}");
        assert_eq!(roomy[0], lengths.iter().filter(|&&len| len > 1).count());
        for slots in [1, 3, 4, 5] {
            let (found, steps, kept) = decoded(&model, &prompts, group_size, slots);
            assert_eq!(found.len(), rows);
            for (row, (found, want)) in found.iter().zip(&want).enumerate() {
                let at = format!("groups of {group_size}, {slots} slots, row {row}");
                assert_eq!((&found.actions, found.finish), (&want.actions, want.finish), "{at}");
                for (x, y) in found.log_probs.iter().zip(&want.log_probs) {
                    assert!((x - y).abs() < 1e-5, "{at}: {x} and {y}");
                }
                for (x, y) in found.entropies.iter().zip(&want.entropies) {
                    assert!((x - y).abs() < 1e-5, "{at}: {x} and {y}");
                }
            }
            let most = slots.max(group_size);
            assert!(steps.iter().all(|&count| count <= most), "{steps:?} rows in {most} slots");
            // A prompt that nobody reads any more is forgotten before the next one begins.
            assert!(kept.iter().all(|&prompts| prompts <= most), "{kept:?} prompts in {most} slots");
        }
    }
}

#[test]
fn rows_that_have_ended_are_not_computed() {
    let (model, prompts) = (model(), prompts());
    for slots in [3, 100] {
        let (episodes, steps, _) = decoded(&model, &prompts, 2, slots);
        // The first token of a row comes from its prompt, each further one takes one row of one step.
        let wanted: usize = episodes.iter().map(|e| e.len() - 1).sum();
        assert_eq!(steps.iter().sum::<usize>(), wanted, "{slots} slots");
    }
    let (_, steps, _) = decoded(&model, &prompts, 2, 100);
    assert!(steps.windows(2).all(|pair| pair[0] >= pair[1]), "{steps:?}");
    assert!(steps.len() == 13 && steps[12] < steps[0], "{steps:?}");
    // With four slots the next prompt doesn't wait for the last row of the one before.
    let (episodes, steps, _) = decoded(&model, &prompts, 2, 4);
    let one_by_one: usize =
        episodes.chunks(2).map(|pair| pair.iter().map(|e| e.len() - 1).max().unwrap()).sum();
    assert!(steps.len() < one_by_one, "{} steps, {one_by_one} one by one", steps.len());
}

#[test]
fn a_row_that_ends_with_its_first_token_never_enters_the_batch() {
    let (model, prompts) = (model(), prompts());
    let sampling = Sampling { max_new_tokens: 1, ..Sampling::default() };
    let streams = Streams::new(5);
    let mut decoding =
        Decoding::with_slots(&model, &prompts, 2, &sampling, 3, |p, s| streams.stream(0, p as u64, s as u64));
    assert!(!decoding.advance().unwrap());
    assert!(decoding.rows.iter().all(|row| row.done && row.episode.len() == 1));
}

#[test]
fn a_stop_string_is_found_over_ends_that_do_not_show() {
    // With `ignore_eos` any number of ends may stand between two words, and none of them shows.
    let model = model();
    let [a, b] = ["a", "b"].map(|word| model.tokenizer().id(word).unwrap());
    let sampling = Sampling { stop: vec!["a b".into()], ignore_eos: true, ..Sampling::default() };
    let actions = [&[b, b, a][..], &[1; 30], &[b]].concat();
    let text = recent_text(&model, &sampling, &actions).unwrap();
    assert!(sampling.find_stop(&text).is_some(), "{text:?}");
    // No more than is needed is decoded.
    let long = vec![b; 1000];
    assert!(recent_text(&model, &sampling, &long).unwrap().len() < 40);
    assert_eq!(recent_text(&model, &sampling, &[b]).unwrap(), "b");
}

#[test]
fn a_stop_string_ends_the_episode_at_its_last_token() {
    let (model, prompts) = (model(), prompts());
    let streams = Streams::new(5);
    let rng = |prompt: usize, sample: usize| streams.stream(3, prompt as u64, sample as u64);
    let (whole, ..) = decoded(&model, &prompts, 2, 3);
    let row = whole.iter().position(|e| e.len() > 8).unwrap();
    let stop = model.tokenizer().decode(&whole[row].actions[3..6]).unwrap();
    let sampling = Sampling { max_new_tokens: 14, stop: vec![stop], ..Sampling::default() };
    let mut decoding = Decoding::with_slots(&model, &prompts, 2, &sampling, 3, rng);
    while decoding.advance().unwrap() {}
    let episode = &decoding.rows[row].episode;
    assert_eq!(episode.actions, whole[row].actions[..6]);
    assert_eq!(episode.finish, FinishReason::Terminated);
}
