//! Before the first update the policy is the one that was sampled from: whatever a sampler's settings leave of the distribution,
//! the ratio of new to old probabilities is 1 for every token. And episodes end where their settings say.

mod support;

use grpo_core::LogitRules;
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::{Episode, FinishReason, Policy, Sampler, Sampling, Streams};
use support::{actions, change, copy, device, floats};

const FAMILIES: [&str; 3] = ["llama", "qwen3", "gemma3"];
const STEPS: usize = 16;

/// Several ends, so that completions are ragged: one token in ten ends a text.
fn ends() -> Vec<u32> {
    (2..96).step_by(10).collect()
}

fn model(family: &str) -> LanguageModel {
    let folder = copy(family);
    change(folder.path(), "generation_config.json", |g| g["eos_token_id"] = ends().into());
    LanguageModel::load(folder.path(), &device()).unwrap()
}

/// Of different lengths, and with tokens that occur twice.
fn prompts() -> Vec<Vec<u32>> {
    vec![vec![5, 9, 5, 60, 9, 33], vec![41], vec![7, 8, 11, 13, 17, 19, 23, 29, 31, 37, 7], vec![50, 51]]
}

fn base() -> Sampling {
    Sampling { max_new_tokens: STEPS, ..Sampling::default() }
}

/// What settings there are, by name; `true` where leaving the rules out must show.
fn settings() -> Vec<(&'static str, bool, Sampling)> {
    vec![
        ("plain", false, base()),
        ("cool", false, Sampling { temperature: 0.7, ..base() }),
        ("hot", false, Sampling { temperature: 1.5, ..base() }),
        ("top-k", true, Sampling { top_k: 5, ..base() }),
        ("top-p", true, Sampling { top_p: 0.8, ..base() }),
        ("top-p and temperature", true, Sampling { top_p: 0.95, temperature: 0.7, ..base() }),
        ("min-p", true, Sampling { min_p: 0.1, ..base() }),
        ("penalty", true, Sampling { repetition_penalty: 1.3, ..base() }),
        ("reward for repeats", true, Sampling { repetition_penalty: 0.8, ..base() }),
        ("least length", true, Sampling { min_new_tokens: 6, ..base() }),
        ("no end", false, Sampling { ignore_eos: true, ..base() }),
        (
            "all of them",
            true,
            Sampling {
                temperature: 1.2,
                top_k: 20,
                top_p: 0.9,
                min_p: 0.05,
                repetition_penalty: 1.3,
                min_new_tokens: 6,
                ignore_eos: true,
                ..base()
            },
        ),
        (
            "all, with an end",
            true,
            Sampling {
                temperature: 0.8,
                top_k: 30,
                top_p: 0.95,
                repetition_penalty: 1.1,
                min_new_tokens: 3,
                ..base()
            },
        ),
    ]
}

/// Four completions of each prompt, as they were drawn.
fn sample(model: &LanguageModel, sampling: &Sampling) -> Vec<Episode> {
    let groups = model.sample(&prompts(), 4, sampling, &Streams::new(11), 2).unwrap();
    groups.into_iter().flat_map(|group| group.episodes).collect()
}

/// The rules as training makes them of episodes.
fn rules(sampling: &Sampling, prompts: &[Vec<u32>], episodes: &[Episode]) -> LogitRules {
    let rows = episodes.iter().enumerate().map(|(row, episode)| (prompts[row / 4].as_slice(), episode));
    sampling.logit_rules(rows).unwrap_or_default()
}

/// The largest |ratio − 1| and the largest difference of entropies over all tokens.
fn off(model: &LanguageModel, episodes: &[Episode], rules: Option<LogitRules>) -> (f32, f32) {
    let completions: Vec<Vec<u32>> = episodes.iter().map(|e| e.actions.clone()).collect();
    let mut states = SharedPrompts::new(&prompts(), &completions).unwrap();
    if let Some(rules) = rules {
        states = states.with_rules(rules);
    }
    let actions = actions(&completions, &model.decoder().device());
    let steps = actions.dims()[1];
    let evaluation = model.evaluate(&states, actions).unwrap();
    let (log_probs, entropies) = (floats(evaluation.log_probs), floats(evaluation.entropy));
    let (mut ratio, mut entropy) = (0.0f32, 0.0f32);
    for (row, episode) in episodes.iter().enumerate() {
        for step in 0..episode.len() {
            let at = row * steps + step;
            // A NaN must not get lost in a maximum.
            assert!(log_probs[at].is_finite() && entropies[at].is_finite());
            ratio = ratio.max(((log_probs[at] - episode.log_probs[step]).exp() - 1.0).abs());
            entropy = entropy.max((entropies[at] - episode.entropies[step]).abs());
        }
    }
    (ratio, entropy)
}

#[test]
fn the_ratio_is_one_before_the_first_update_whatever_the_settings() {
    for family in FAMILIES {
        let model = model(family);
        for (name, shows, sampling) in settings() {
            let episodes = sample(&model, &sampling);
            let policy = model.clone().with_temperature(sampling.temperature);
            let under = rules(&sampling, &prompts(), &episodes);
            let (ratio, entropy) = off(&policy, &episodes, Some(under));
            assert!(ratio < 1e-4, "{family}, {name}: a ratio is off by {ratio:e}");
            assert!(entropy < 1e-4, "{family}, {name}: an entropy is off by {entropy:e}");
            // Canary: without the rules it would be the ratio to another policy.
            let (ratio, entropy) = off(&policy, &episodes, None);
            assert_eq!(
                ratio > 0.01,
                shows,
                "{family}, {name}: without the rules a ratio is off by {ratio:e}"
            );
            assert_eq!(
                entropy > 0.01,
                shows,
                "{family}, {name}: without the rules an entropy is off by {entropy:e}"
            );
            assert_eq!(sampling.is_plain(), !shows, "{name}");
            if sampling.temperature != 1.0 {
                let under = rules(&sampling, &prompts(), &episodes);
                let (ratio, _) = off(&model, &episodes, Some(under));
                assert!(ratio > 0.01, "{family}, {name}: at temperature 1 a ratio is off by {ratio:e} only");
            }
        }
    }
}

#[test]
fn no_rules_are_kept_where_there_are_none() {
    let model = model("llama");
    for (name, _, sampling) in settings() {
        let episodes = sample(&model, &sampling);
        let kept = episodes.iter().any(|e| !e.supports.is_empty());
        // The penalty is made again from the tokens.
        assert_eq!(kept, sampling.truncates() || sampling.min_new_tokens > 0, "{name}");
        for episode in episodes.iter().filter(|e| !e.supports.is_empty()) {
            assert!(episode.supports.len() <= episode.len());
            let pairs = episode.actions.iter().zip(&episode.supports);
            assert!(pairs.into_iter().all(|(&action, support)| support.contains(action)), "{name}");
        }
    }
}

#[test]
fn an_end_does_not_come_before_its_time() {
    let mut at_once = 0;
    for family in FAMILIES {
        let model = model(family);
        let early = sample(&model, &base());
        assert!(early.iter().any(|e| e.len() < 6), "{family}: no end would come early");
        let least = Sampling { min_new_tokens: 6, ..base() };
        for episode in sample(&model, &least) {
            // The first that may be an end is the seventh.
            assert!(
                episode.actions[..6].iter().all(|&a| !model.is_stop(a)),
                "{family}: {:?}",
                episode.actions
            );
            assert!(episode.len() > 6);
            at_once += usize::from(episode.len() == 7);
        }
        let never = Sampling { min_new_tokens: STEPS, ..base() };
        assert!(
            sample(&model, &never).iter().all(|e| e.len() == STEPS && e.finish == FinishReason::Truncated)
        );
    }
    assert!(at_once > 0, "no episode ends as soon as it may");
}

#[test]
fn each_of_several_ends_ends_an_episode_and_the_limit_cuts_it_off() {
    let model = model("llama");
    let groups = model.sample(&prompts(), 40, &base(), &Streams::new(3), 0).unwrap();
    let (mut used, mut truncated) = (Vec::new(), 0);
    for episode in groups.iter().flat_map(|g| &g.episodes) {
        let (last, before) = episode.actions.split_last().unwrap();
        assert!(before.iter().all(|&a| !model.is_stop(a)), "it went on after an end: {:?}", episode.actions);
        match episode.finish {
            FinishReason::Terminated => used.push(*last),
            FinishReason::Truncated => {
                assert!(episode.len() == STEPS && !model.is_stop(*last));
                truncated += 1;
            }
        }
    }
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, ends(), "not every end has come");
    assert!(truncated > 0);
}

#[test]
fn an_episode_that_ignores_ends_goes_on_to_the_limit() {
    let model = model("qwen3");
    let episodes = sample(&model, &Sampling { ignore_eos: true, ..base() });
    assert!(episodes.iter().all(|e| e.len() == STEPS && e.finish == FinishReason::Truncated));
    assert!(
        episodes.iter().any(|e| e.actions[..STEPS - 1].iter().any(|&a| model.is_stop(a))),
        "no end was drawn"
    );
}

#[test]
fn a_stop_string_ends_an_episode_as_soon_as_the_text_contains_it() {
    let model = model("llama");
    let text = |actions: &[u32]| model.tokenizer().decode(actions).unwrap();
    // Also in the middle of a token's text, and over the seam between two.
    let stops = [vec!["t7"], vec!["9 t"], vec!["55", "t4", "8 t1"], vec!["no such text"]];
    let mut ended = 0;
    for stop in stops {
        let sampling = Sampling { stop: stop.iter().map(ToString::to_string).collect(), ..base() };
        let contains = |actions: &[u32]| sampling.find_stop(&text(actions)).is_some();
        // What is drawn until then is what is drawn without stop strings.
        for (episode, whole) in sample(&model, &sampling).iter().zip(sample(&model, &base())) {
            let (last, before) = episode.actions.split_last().unwrap();
            assert!(!contains(before), "{stop:?}: it went on after {:?}", text(&episode.actions));
            assert_eq!(episode.actions, whole.actions[..episode.len()]);
            let stopped = contains(&episode.actions);
            let terminated = stopped || model.is_stop(*last);
            assert_eq!(episode.finish == FinishReason::Terminated, terminated, "{stop:?}");
            assert!(terminated || episode.len() == STEPS, "{stop:?}");
            assert_eq!(episode.log_probs.len(), episode.len());
            ended += usize::from(stopped && episode.len() < whole.len());
        }
    }
    assert!(ended > 5, "stop strings cut {ended} episodes short");
}

#[test]
fn a_stop_string_that_the_last_allowed_token_completes_ends_the_answer() {
    let model = support::load("llama");
    let sampling = Sampling { max_new_tokens: 4, ..Sampling::greedy(4) };
    let prompt = vec![5, 9, 14];
    let free = model.sample(std::slice::from_ref(&prompt), 1, &sampling, &Streams::new(0), 0).unwrap();
    let last = model.tokenizer().decode(&free[0].episodes[0].actions[3..]).unwrap();
    let text = model.tokenizer().decode(&free[0].episodes[0].actions).unwrap();
    assert_eq!(text.matches(last.trim()).count(), 1, "{text}: it would end before");
    let sampling = Sampling { stop: vec![last.trim().into()], ..sampling };
    let stopped = model.sample(&[prompt], 1, &sampling, &Streams::new(0), 0).unwrap();
    assert_eq!(stopped[0].episodes[0].len(), 4);
    assert_eq!(stopped[0].episodes[0].finish, FinishReason::Terminated);
}
