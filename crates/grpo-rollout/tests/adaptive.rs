//! Adaptive group formation through its public surface: a policy whose skill is known learns from groups that are formed adaptively.

use grpo_rollout::adaptive::{
    Adaptive, AdaptiveConfig, AdaptiveState, Comparison, Curriculum, DifficultyConfig, DynamicSampling,
    Evict, GroupSizes, Membership, Prompt, Refill, Replay, ReplayConfig, Selection, Verdict,
};
use grpo_rollout::{Episode, Error, FinishReason, Streams};
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// Rewards of 0 and 1 of a policy that solves a question with probability `p`.
fn rewards(p: f64, step: u64, id: u64, count: usize) -> Vec<f64> {
    let reward = |sample| {
        let mut rng = Streams::new(99).stream(step, id, sample as u64);
        f64::from(((rng.next_u64() >> 11) as f64) < p * (1u64 << 53) as f64)
    };
    (0..count).map(reward).collect()
}

fn prompts(ids: impl IntoIterator<Item = u64>) -> Vec<Prompt> {
    ids.into_iter().map(Prompt::new).collect()
}

fn pick(candidates: &[Prompt], chosen: &[usize]) -> Vec<Prompt> {
    chosen.iter().map(|&i| candidates[i].clone()).collect()
}

fn ids(candidates: &[Prompt], chosen: &[usize]) -> Vec<u64> {
    chosen.iter().map(|&i| candidates[i].id).collect()
}

fn adaptive(config: AdaptiveConfig) -> Adaptive {
    Adaptive::new(config, 5).unwrap()
}

fn thompson() -> AdaptiveConfig {
    AdaptiveConfig { selection: Selection::Thompson, ..AdaptiveConfig::default() }
}

#[test]
fn with_everything_off_prompts_sizes_and_groups_are_the_usual_ones() {
    let mut adaptive = adaptive(AdaptiveConfig::default());
    let candidates = prompts([7, 7, 3, 9, 1]);
    for step in 0..3 {
        assert_eq!(adaptive.choose(step, &candidates, 4).unwrap(), [0, 1, 2, 3]);
        let asked = &candidates[..4];
        assert_eq!(adaptive.sizes(step, asked, 12).unwrap(), [3; 4]);
        assert_eq!(adaptive.sizes(step, asked, 14).unwrap(), [4, 4, 3, 3]);
        let members = adaptive.members(step, asked, &[3; 4]).unwrap();
        assert_eq!(members, Comparison::by_question(&[3; 4]));
        let rows: Vec<usize> = (0..12).collect();
        assert_eq!((members.sizes(), members.gather(&rows).unwrap()), (vec![3; 4], rows));
        // Any reward will do, as nothing is recorded.
        adaptive.observe(step, 7, &[1e9, -3.0, f64::NAN]).unwrap();
    }
    assert!(adaptive.refill(4).is_none() && adaptive.replay::<()>().is_none());
    assert_eq!(adaptive.state(), Adaptive::new(AdaptiveConfig::default(), 1).unwrap().state());
}

#[test]
fn the_order_of_candidates_changes_nothing() {
    let curricula = [
        Curriculum::None,
        Curriculum::Linear { start: 0.5, end: 1.0, steps: 10 },
        Curriculum::Adaptive { target: 0.6, share: 0.5 },
    ];
    for curriculum in curricula {
        for selection in [Selection::Thompson, Selection::Given] {
            if curriculum == Curriculum::None && selection == Selection::Given {
                continue; // as given
            }
            let mut adaptive =
                adaptive(AdaptiveConfig { curriculum, selection, ..AdaptiveConfig::default() });
            let candidates = prompts(0..30);
            for id in 0..20 {
                adaptive.observe(0, id, &rewards(id as f64 / 20.0, 0, id, 4)).unwrap();
            }
            let mut seen = Vec::new();
            for step in 1..6 {
                let chosen = ids(&candidates, &adaptive.choose(step, &candidates, 8).unwrap());
                let mut shuffled = candidates.clone();
                shuffled.rotate_left(11);
                shuffled.swap(2, 25);
                let again = ids(&shuffled, &adaptive.choose(step, &shuffled, 8).unwrap());
                assert_eq!(chosen, again, "{curriculum:?} {selection:?}");
                seen.push(chosen);
            }
            assert!(seen.iter().any(|chosen| *chosen != seen[0]), "every step draws anew");
        }
    }
}

#[test]
fn questions_nothing_is_known_of_are_asked_equally_often() {
    let adaptive = adaptive(thompson());
    let candidates = prompts(0..8);
    let (steps, mut asked) = (800, [0usize; 8]);
    for step in 0..steps {
        let chosen = adaptive.choose(step, &candidates, 2).unwrap();
        assert_ne!(chosen[0], chosen[1]);
        chosen.iter().for_each(|&i| asked[i] += 1);
    }
    let (mean, sigma) = (steps as f64 * 0.25, (steps as f64 * 0.25 * 0.75).sqrt());
    assert!(asked.iter().all(|&n| (n as f64 - mean).abs() < 4.0 * sigma), "{asked:?}");
}

/// When groups are replaced, the candidates that are left are drawn from as if they had been in one larger round.
#[test]
fn rounds_of_a_step_choose_as_one() {
    let adaptive = adaptive(thompson());
    let mut candidates = prompts(100..130);
    let whole = ids(&candidates, &adaptive.choose(4, &candidates, 9).unwrap());
    let mut rounds = Vec::new();
    for count in [4, 3, 2] {
        let chosen = ids(&candidates, &adaptive.choose(4, &candidates, count).unwrap());
        candidates.retain(|prompt| !chosen.contains(&prompt.id));
        rounds.extend(chosen);
    }
    assert_eq!(rounds, whole);
}

#[test]
fn thompson_sampling_finds_the_questions_that_carry_signal() {
    let skill = |id: u64| [0.02, 0.5, 0.98, 0.1, 0.9][(id % 5) as usize];
    let mut adaptive = adaptive(thompson());
    let candidates = prompts(0..50);
    let mut asked = [0usize; 5];
    for step in 0..60 {
        for index in adaptive.choose(step, &candidates, 8).unwrap() {
            let id = candidates[index].id;
            adaptive.observe(step, id, &rewards(skill(id), step, id, 8)).unwrap();
            asked[(id % 5) as usize] += usize::from(step >= 30);
        }
    }
    // One in five would be 48 of 240.
    assert!(asked[1] > 160, "{asked:?}");
    assert!(asked[1] < 240, "the others are still tried now and then: {asked:?}");
}

#[test]
fn solve_rates_follow_a_change_of_skill_and_forget_at_the_half_life() {
    let config = AdaptiveConfig {
        difficulty: DifficultyConfig { half_life: 5.0, ..DifficultyConfig::default() },
        ..thompson()
    };
    let mut adaptive = adaptive(config);
    let mut solve_rates = Vec::new();
    for step in 0..80 {
        let skill = if step < 40 { 0.2 } else { 0.8 };
        adaptive.observe(step, 1, &rewards(skill, step, 1, 8)).unwrap();
        solve_rates.push(adaptive.difficulty().posterior(step, 1).unwrap().solve_rate());
    }
    let mean =
        |range: std::ops::Range<usize>| solve_rates[range.clone()].iter().sum::<f64>() / range.len() as f64;
    // With half-life h, about 8h/ln 2 ≈ 58 rewards are remembered: σ ≈ 0.05, and the mean over 20 steps is closer still. The prior's
    // two pseudo-rewards pull by 0.3 · 2/60 = 0.01.
    assert!((mean(20..40) - 0.21).abs() < 0.06, "{}", mean(20..40));
    assert!((mean(60..80) - 0.79).abs() < 0.06, "{}", mean(60..80));
    // One half-life after the change, the old and the new skill count alike; without forgetting it would be 0.27.
    assert!((solve_rates[44] - 0.5).abs() < 0.12, "{}", solve_rates[44]);

    // Without news, half of what is known is gone after a half-life, and all of it in the end.
    let known = |step| {
        let belief = adaptive.difficulty().posterior(step, 1).unwrap();
        belief.alpha + belief.beta - 2.0
    };
    assert!((known(84) - known(79) / 2.0).abs() < 1e-9);
    assert!((adaptive.difficulty().posterior(5000, 1).unwrap().solve_rate() - 0.5).abs() < 1e-9);
}

#[test]
fn continuous_rewards_get_completions_by_their_spread() {
    let mut adaptive = adaptive(AdaptiveConfig {
        groups: GroupSizes::Neyman { min_size: 2, max_size: 20 },
        difficulty: DifficultyConfig {
            reward_range: [-2.0, 2.0],
            half_life: 1e9,
            ..DifficultyConfig::default()
        },
        ..AdaptiveConfig::default()
    });
    let asked = prompts([1, 2, 3]);
    assert_eq!(adaptive.sizes(0, &asked, 24).unwrap(), [8; 3]); // nothing is known
    for step in 0..4000 {
        let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
        adaptive.observe(step, 1, &[0.1 + 0.2 * sign]).unwrap();
        adaptive.observe(step, 2, &[0.1 + 0.4 * sign]).unwrap();
        adaptive.observe(step, 3, &[0.6 * sign]).unwrap();
    }
    assert_eq!(adaptive.sizes(4000, &asked, 24).unwrap(), [4, 8, 12]);
    assert_eq!(adaptive.sizes(4000, &asked, 60).unwrap(), [20; 3]);
    assert!(matches!(adaptive.sizes(4000, &asked, 61), Err(Error::Budget { .. })));
    assert!(matches!(adaptive.sizes(4000, &asked, 5), Err(Error::Budget { .. })));
    assert!(matches!(adaptive.observe(4000, 1, &[2.1]), Err(Error::Value { .. })));
}

#[test]
fn questions_of_one_difficulty_band_are_compared() {
    let mut adaptive = adaptive(AdaptiveConfig {
        membership: Membership::Difficulty { bands: 4 },
        ..AdaptiveConfig::default()
    });
    let asked = prompts([1, 2, 3, 4]);
    for (id, reward) in [(1, 1.0), (2, 0.0), (3, 1.0)] {
        adaptive.observe(0, id, &[reward; 10]).unwrap();
    }
    let members = adaptive.members(0, &asked, &[2; 4]).unwrap();
    assert_eq!(members.groups, [vec![2, 3], vec![6, 7], vec![0, 1, 4, 5]]); // hard, unknown, easy
    // An unknown question with one episode has none to be compared with in its band.
    let members = adaptive.members(0, &asked, &[2, 2, 2, 1]).unwrap();
    assert_eq!((members.groups.len(), members.merged), (2, 1));
}

#[test]
fn learners_are_clustered_anew_every_few_steps() {
    let membership = Membership::Cluster { clusters: 3, every: 4 };
    let mut adaptive = adaptive(AdaptiveConfig { membership, ..AdaptiveConfig::default() });
    let learners = |features: &[f64]| -> Vec<Prompt> {
        let prompt = |(id, &x): (usize, &f64)| Prompt { features: vec![x], ..Prompt::new(id as u64) };
        features.iter().enumerate().map(prompt).collect()
    };
    let two = learners(&[0.0, 1.0, 0.0, 1.0]);
    for step in 0..4 {
        let members = adaptive.members(step, &two, &[2; 4]).unwrap();
        let count = members.clusters.unwrap();
        assert_eq!((count.asked, count.fitted, count.fitted_at), (3, 2, 0)); // two learners differ
        assert_eq!(members.groups.iter().filter(|g| **g == [0, 1, 4, 5] || **g == [2, 3, 6, 7]).count(), 2);
    }
    // Others belong to the nearest centroid, until it is time.
    let three = learners(&[0.1, 0.9, 7.0, 0.2]);
    let old = adaptive.members(3, &three, &[2; 4]).unwrap();
    assert_eq!(old.groups.len(), 2);
    assert!(old.groups.contains(&vec![0, 1, 6, 7]) && old.groups.contains(&vec![2, 3, 4, 5]));
    let new = adaptive.members(4, &three, &[2; 4]).unwrap();
    assert_eq!(new.clusters.map(|c| (c.fitted, c.fitted_at)), Some((3, 4)));
    assert!(new.groups.contains(&vec![4, 5]) && new.groups.contains(&vec![0, 1, 6, 7]));

    assert!(matches!(adaptive.members(5, &prompts(0..4), &[2; 4]), Err(Error::Count { .. })));
    assert!(matches!(adaptive.members(3, &two, &[2; 4]), Err(Error::Step { got: 3, last: 4 })));
}

#[test]
fn a_curriculum_lets_harder_questions_in() {
    let linear = Curriculum::Linear { start: 0.25, end: 1.0, steps: 30 };
    let adaptive = adaptive(AdaptiveConfig { curriculum: linear, ..AdaptiveConfig::default() });
    let mut candidates = prompts(0..40);
    candidates.iter_mut().for_each(|prompt| prompt.difficulty = Some(prompt.id as f64 / 39.0));
    let hardest = |step| {
        let chosen = ids(&candidates, &adaptive.choose(step, &candidates, 5).unwrap());
        let mut different = chosen.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 5);
        chosen.into_iter().max().unwrap()
    };
    let mean = |steps: std::ops::Range<u64>| {
        steps.clone().map(hardest).sum::<u64>() as f64 / (steps.end - steps.start) as f64
    };
    assert!((0..2).all(|step| hardest(step) < 12));
    let late = mean(1000..1200);
    // The largest of 5 out of 0..40 is 34.2 on average.
    assert!((late - 34.2).abs() < 1.5, "{late}");

    candidates[3].difficulty = Some(1.2);
    assert!(matches!(adaptive.choose(0, &candidates, 5), Err(Error::Value { .. })));
    assert!(matches!(adaptive.choose(0, &candidates[..2], 5), Err(Error::Count { got: 2, want: 5, .. })));
}

#[test]
fn the_adaptive_curriculum_stays_at_its_target() {
    let curriculum = Curriculum::Adaptive { target: 0.7, share: 0.2 };
    let mut adaptive = adaptive(AdaptiveConfig { curriculum, ..AdaptiveConfig::default() });
    let candidates = prompts(0..20);
    for id in 0..20 {
        adaptive.observe(0, id, &vec![id as f64 / 19.0; 50]).unwrap();
    }
    for step in 1..10 {
        let mut chosen = ids(&candidates, &adaptive.choose(step, &candidates, 4).unwrap());
        chosen.sort_unstable();
        assert_eq!(chosen, [12, 13, 14, 15]);
    }
}

/// What a trainer would store: the episodes with the log-probabilities of the policy that sampled them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    id: u64,
    rewards: Vec<f64>,
    log_probs: Vec<f32>,
}

/// A run with every part on. Returns what each step did.
struct Run {
    adaptive: Adaptive,
    replay: Replay<Group>,
    log: Vec<String>,
}

impl Run {
    fn new() -> Self {
        let config = AdaptiveConfig {
            selection: Selection::Thompson,
            groups: GroupSizes::Neyman { min_size: 2, max_size: 12 },
            curriculum: Curriculum::Linear { start: 0.5, end: 1.0, steps: 12 },
            difficulty: DifficultyConfig { half_life: 3.0, ..DifficultyConfig::default() },
            dynamic: Some(DynamicSampling { max_oversampling: 2.0 }),
            replay: Some(ReplayConfig {
                capacity: 8,
                max_staleness: 3,
                share: 0.3,
                evict: Evict::LeastInformative,
            }),
            ..AdaptiveConfig::default()
        };
        let adaptive = adaptive(config);
        let replay = adaptive.replay().unwrap();
        Self { adaptive, replay, log: Vec::new() }
    }

    fn steps(&mut self, steps: std::ops::Range<u64>) {
        for step in steps {
            let mut candidates = prompts(0..40);
            let mut refill = self.adaptive.refill(4).unwrap();
            let mut kept = Vec::new();
            while refill.wanted() > 0 {
                let chosen = self.adaptive.choose(step, &candidates, refill.wanted()).unwrap();
                let asked = pick(&candidates, &chosen);
                let sizes = self.adaptive.sizes(step, &asked, 5 * asked.len()).unwrap();
                self.log.push(format!("{step} {:?} {sizes:?}", ids(&candidates, &chosen)));
                for (prompt, size) in asked.iter().zip(sizes) {
                    let rewards = rewards(prompt.id as f64 / 40.0, step, prompt.id, size);
                    self.adaptive.observe(step, prompt.id, &rewards).unwrap();
                    if refill.offer(&rewards, 3 * size) == Verdict::Kept {
                        let log_probs = rewards.iter().map(|r| -0.1 - *r as f32 / 3.0).collect();
                        kept.push(Group { id: prompt.id, rewards, log_probs });
                    }
                }
                candidates.retain(|prompt| asked.iter().all(|p| p.id != prompt.id));
            }
            self.adaptive.record(&refill);
            let replayed = self.replay.draw(step, kept.len()).unwrap();
            self.log.push(format!("{step} again {replayed:?}"));
            for group in kept {
                let solved = group.rewards.iter().sum::<f64>() / group.rewards.len() as f64;
                self.replay.store(step, (solved * (1.0 - solved)).sqrt(), group).unwrap();
            }
        }
    }
}

#[test]
fn a_resumed_run_goes_on_as_if_nothing_had_happened() {
    let mut whole = Run::new();
    whole.steps(0..20);
    let tally = whole.adaptive.state().dynamic;
    assert!(tally.without_spread.groups > 0 && tally.kept > 40, "{tally:?}");
    assert_eq!(tally.sampled, tally.kept + tally.without_spread.groups + tally.surplus.groups);
    assert_eq!(tally.kept + tally.shortfall, 80);
    let counts = whole.replay.state().counts;
    assert!(counts.replayed > 10 && counts.evicted > 0, "{counts:?}");

    for stop in [1, 7, 13] {
        let mut first = Run::new();
        first.steps(0..stop);
        let adaptive = serde_json::to_string(&first.adaptive.state()).unwrap();
        let replay = serde_json::to_string(first.replay.state()).unwrap();

        let mut second = Run::new();
        second.adaptive.restore(serde_json::from_str::<AdaptiveState>(&adaptive).unwrap()).unwrap();
        second.replay.restore(serde_json::from_str(&replay).unwrap()).unwrap();
        assert_eq!(second.adaptive.state(), first.adaptive.state());
        assert_eq!(second.replay.state(), first.replay.state());
        second.steps(stop..20);
        assert_eq!([first.log, second.log].concat(), whole.log);
        assert_eq!(second.adaptive.state(), whole.adaptive.state());
        assert_eq!(second.replay.state(), whole.replay.state());
    }
}

#[test]
fn clusters_are_resumed() {
    let config = AdaptiveConfig {
        membership: Membership::Cluster { clusters: 2, every: 10 },
        ..AdaptiveConfig::default()
    };
    let learners = |step: u64| -> Vec<Prompt> {
        let feature = |i: u64| ((i * 37 + step * 11) % 17) as f64 / 7.0;
        (0..8).map(|i| Prompt { features: vec![feature(i), feature(i + 20)], ..Prompt::new(i) }).collect()
    };
    let mut whole = adaptive(config.clone());
    let expected: Vec<Comparison> =
        (0..25).map(|step| whole.members(step, &learners(step), &[2; 8]).unwrap()).collect();
    let mut current = adaptive(config.clone());
    for step in 0..25 {
        let saved = serde_json::to_string(&current.state()).unwrap();
        current = adaptive(config.clone());
        current.restore(serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(current.members(step, &learners(step), &[2; 8]).unwrap(), expected[step as usize]);
    }
    let fitted: Vec<u64> = expected.iter().map(|m| m.clusters.unwrap().fitted_at).collect();
    assert_eq!((fitted[9], fitted[10], fitted[24]), (0, 10, 20));
}

#[test]
fn a_replayed_group_keeps_what_it_was_sampled_with() {
    let mut replay: Replay<Vec<Episode>> =
        Replay::new(ReplayConfig { share: 0.5, ..ReplayConfig::default() }, 1).unwrap();
    let episode = Episode {
        actions: vec![3, 1],
        log_probs: vec![-0.25, -1.5],
        entropies: vec![0.5, 0.7],
        supports: vec![],
        finish: FinishReason::Terminated,
    };
    replay.store(10, 0.5, vec![episode.clone(); 2]).unwrap();
    let drawn = replay.draw(13, 1).unwrap();
    assert_eq!((drawn[0].sampled_at, &drawn[0].group), (10, &vec![episode.clone(), episode]));
}

#[test]
fn a_search_that_never_ends_well_ends() {
    let mut refill = Refill::new(4, DynamicSampling::default()).unwrap();
    while refill.wanted() > 0 {
        refill.offer(&[1.0; 4], 10);
    }
    assert_eq!((refill.tally().sampled, refill.tally().shortfall), (12, 4));
}

#[test]
fn states_that_dont_fit_are_refused_and_change_nothing() {
    let mut source = adaptive(thompson());
    source.observe(3, 1, &[1.0, 0.0]).unwrap();
    let config = AdaptiveConfig {
        difficulty: DifficultyConfig { reward_range: [0.0, 2.0], ..DifficultyConfig::default() },
        ..thompson()
    };
    let mut other = adaptive(config);
    other.observe(0, 9, &[1.5]).unwrap();
    let before = other.clone();
    assert!(matches!(other.restore(source.state()), Err(Error::State(_))));
    assert_eq!(other, before);

    let text = serde_json::to_string(&source.state()).unwrap();
    assert!(serde_json::from_str::<AdaptiveState>(&text.replacen("weight", "wight", 1)).is_err());
    let negative = text.replacen("\"weight\":2.0", "\"weight\":-2.0", 1);
    assert_ne!(negative, text);
    assert!(matches!(source.restore(serde_json::from_str(&negative).unwrap()), Err(Error::State(_))));
}

#[test]
fn configurations_are_read_and_bad_ones_are_refused_by_their_key() {
    let read = |text: &str| toml::from_str::<AdaptiveConfig>(text);
    assert_eq!(read("").unwrap(), AdaptiveConfig::default());
    let full = r#"
        membership = "question"
        selection = "thompson"
        groups.neyman = { min_size = 2, max_size = 16 }
        curriculum.linear = { start = 0.2, end = 1.0, steps = 100 }
        difficulty = { prior = [1.0, 1.0], half_life = 10.0, reward_range = [0.0, 1.0] }
        dynamic.max_oversampling = 2.5
        replay = { capacity = 32, max_staleness = 2, share = 0.2, evict = "least_informative" }
    "#;
    let config = read(full).unwrap();
    config.validate().unwrap();
    assert_eq!(config.replay.map(|r| r.evict), Some(Evict::LeastInformative));
    assert_eq!(read(&toml::to_string(&config).unwrap()).unwrap(), config);
    for unknown in ["cluster = 3", "groups.neyman = { min = 2 }", "replay.size = 3", "selection = \"best\""] {
        assert!(read(unknown).is_err(), "{unknown}");
    }

    for (text, bad) in [
        ("membership.cluster = { clusters = 1, every = 5 }", "membership.cluster.clusters"),
        ("membership.cluster = { clusters = 3, every = 0 }", "membership.cluster.every"),
        ("membership.difficulty.bands = 1", "membership.difficulty.bands"),
        ("groups.neyman = { min_size = 0, max_size = 4 }", "groups.neyman.min_size"),
        ("groups.neyman = { min_size = 1, max_size = 4 }", "groups.neyman.min_size"),
        ("groups.neyman = { min_size = 5, max_size = 4 }", "groups.neyman.max_size"),
        ("difficulty.prior = [0.0, 1.0]", "difficulty.prior"),
        ("difficulty.prior = [1.0, nan]", "difficulty.prior"),
        ("difficulty.half_life = 0.0", "difficulty.half_life"),
        ("difficulty.half_life = inf", "difficulty.half_life"),
        ("difficulty.reward_range = [1.0, 1.0]", "difficulty.reward_range"),
        ("difficulty.reward_range = [0.0, inf]", "difficulty.reward_range"),
        ("curriculum.linear = { start = 0.0, end = 1.0, steps = 3 }", "curriculum.linear.start"),
        ("curriculum.linear = { start = 0.1, end = 1.1, steps = 3 }", "curriculum.linear.end"),
        ("curriculum.linear = { start = 0.1, end = 1.0, steps = 0 }", "curriculum.linear.steps"),
        ("curriculum.adaptive = { target = 1.5, share = 0.5 }", "curriculum.adaptive.target"),
        ("curriculum.adaptive = { target = 0.5, share = nan }", "curriculum.adaptive.share"),
        ("dynamic.max_oversampling = 1.0", "dynamic.max_oversampling"),
        ("dynamic = {}\nmembership.difficulty.bands = 3", "dynamic"),
        ("replay.capacity = 0", "replay.capacity"),
        ("replay.max_staleness = 0", "replay.max_staleness"),
        ("replay.share = 1.0", "replay.share"),
    ] {
        let config = read(text).unwrap();
        match (config.validate(), Adaptive::new(config, 0)) {
            (Err(Error::Setting { key, .. }), Err(_)) => assert_eq!(key, bad, "{text}"),
            other => panic!("{text} gives {other:?}"),
        }
    }
    let lone =
        "membership.cluster = { clusters = 2, every = 5 }\ngroups.neyman = { min_size = 1, max_size = 4 }";
    read(lone).unwrap().validate().unwrap();
}
