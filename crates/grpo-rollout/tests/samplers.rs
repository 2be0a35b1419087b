//! Draws against the logits processors of Python's transformers (`tests/golden/samplers.json`, made by `tests/oracle/samplers.py`)
//! and against the definitions, spelt out in double precision.

use grpo_rollout::{Choice, DrawRules, Drawer, Sampling, Streams, Support, choose};
use rand_chacha::rand_core::RngCore;
use serde::Deserialize;
use std::collections::HashMap;

/// A distribution as the definitions have it.
struct Truth {
    /// Ids that can be drawn, ascending, and their probabilities.
    kept: Vec<(u32, f64)>,
    /// Whether a probability lies so near to a threshold that single precision may decide otherwise.
    doubtful: bool,
}

impl Truth {
    fn of(logits: &[f32], rules: &DrawRules<'_>) -> Self {
        // Adding 0 makes −0 and 0 one.
        let mut z: Vec<f64> = logits.iter().map(|&z| f64::from(z) + 0.0).collect();
        for (id, z) in z.iter_mut().enumerate() {
            if rules.seen.iter().any(|ids| ids.contains(&(id as u32))) {
                *z = if *z > 0.0 { *z / rules.repetition_penalty } else { *z * rules.repetition_penalty };
            }
            if rules.excluded.contains(&(id as u32)) {
                *z = f64::NEG_INFINITY;
            }
        }
        let mut order: Vec<usize> = (0..z.len()).filter(|&id| z[id].is_finite()).collect();
        order.sort_by(|&a, &b| z[b].total_cmp(&z[a]).then(a.cmp(&b)));
        if (1..order.len()).contains(&rules.top_k) {
            let kth = z[order[rules.top_k - 1]];
            order.retain(|&id| z[id] >= kth);
        }
        let most = z[order[0]];
        let weight = |id: usize| ((z[id] - most) / rules.temperature).exp();
        let mut doubtful = false;
        let total: f64 = order.iter().map(|&id| weight(id)).sum();
        if rules.top_p < 1.0 {
            let (mut before, mut count) = (0.0, 0);
            for &id in &order {
                doubtful |= (before / total - rules.top_p).abs() < 1e-6;
                count += usize::from(before / total < rules.top_p);
                before += weight(id);
            }
            order.truncate(count.max(1));
        }
        if rules.min_p > 0.0 {
            doubtful |= order.iter().any(|&id| (weight(id) / rules.min_p - 1.0).abs() < 1e-6);
            order.retain(|&id| weight(id) >= rules.min_p);
        }
        order.sort_unstable();
        let total: f64 = order.iter().map(|&id| weight(id)).sum();
        Self { kept: order.iter().map(|&id| (id as u32, weight(id) / total)).collect(), doubtful }
    }

    fn entropy(&self) -> f64 {
        self.kept.iter().map(|&(_, p)| p).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
    }
}

/// Within 1e-6, or two units of `f32`.
fn near(got: f32, want: f64) -> bool {
    (f64::from(got) - want).abs() <= (2.0 * f64::from(f32::EPSILON) * want.abs()).max(1e-6)
}

fn noise(length: usize, spread: f64, rng: &mut impl RngCore) -> Vec<f32> {
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut gauss = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    (0..length).map(|_| (gauss() * spread) as f32).collect()
}

fn combinations() -> Vec<DrawRules<'static>> {
    let plain = DrawRules::default();
    vec![
        plain,
        DrawRules { top_k: 4, ..plain },
        DrawRules { top_p: 0.7, ..plain },
        DrawRules { min_p: 0.2, ..plain },
        DrawRules { top_k: 6, top_p: 0.8, temperature: 0.7, ..plain },
        DrawRules { top_p: 0.9, min_p: 0.1, temperature: 1.4, ..plain },
        DrawRules { top_k: 9, min_p: 0.05, ..plain },
        DrawRules { top_k: 8, top_p: 0.9, min_p: 0.05, temperature: 1.2, ..plain },
        DrawRules { repetition_penalty: 1.3, seen: [&[1, 3, 3], &[5, 99]], excluded: &[2, 99], ..plain },
        DrawRules { repetition_penalty: 1.3, seen: [&[1, 3], &[5]], excluded: &[2], top_p: 0.8, ..plain },
    ]
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sampling: Sampling,
    logits: Vec<Option<f32>>,
    prompt: Vec<u32>,
    completion: Vec<u32>,
    ends: Vec<u32>,
    kept: Vec<u32>,
    log_probs: Vec<f64>,
    entropy: f64,
}

#[test]
fn what_is_left_and_how_probable_it_is_agrees_with_transformers() {
    let text = include_str!("golden/samplers.json");
    let golden: Golden = serde_json::from_str(text).unwrap();
    assert!(golden.cases.len() >= 40);
    let mut drawer = Drawer::default();
    for case in &golden.cases {
        let name = &case.name;
        case.sampling.validate().unwrap();
        let logits: Vec<f32> = case.logits.iter().map(|z| z.unwrap_or(f32::NEG_INFINITY)).collect();
        let rules = case.sampling.rules(&case.prompt, &case.completion, &case.ends);
        let log_probs: HashMap<u32, f64> = case.kept.iter().copied().zip(case.log_probs.clone()).collect();
        let mut rng = Streams::new(3).stream(0, 0, 0);
        for _ in 0..300 {
            let choice = drawer.choose(&logits, &rules, &mut rng).unwrap();
            let log_prob = log_probs.get(&choice.action);
            let log_prob = *log_prob.unwrap_or_else(|| panic!("{name}: {} is not left", choice.action));
            assert!(near(choice.log_prob, log_prob), "{name}: {} {log_prob}", choice.log_prob);
            assert!(near(choice.entropy, case.entropy), "{name}: {} {}", choice.entropy, case.entropy);
            if case.sampling.temperature > 0.0 {
                for (id, z) in (0..).zip(&logits).filter(|(_, z)| z.is_finite()) {
                    let kept = log_probs.contains_key(&id);
                    assert_eq!(choice.support.contains(id), kept, "{name}: {id} ({z})");
                }
            }
        }
    }
}

#[test]
fn frequencies_and_log_probabilities_are_those_of_what_is_left() {
    let mut rng = Streams::new(11).stream(0, 0, 0);
    let mut logits = noise(20, 1.5, &mut rng);
    logits[7] = f32::NEG_INFINITY;
    let mut drawer = Drawer::default();
    for rules in combinations() {
        let truth = Truth::of(&logits, &rules);
        assert!(!truth.doubtful, "{rules:?}");
        let (n, mut counts) = (40_000, HashMap::new());
        for _ in 0..n {
            let choice = drawer.choose(&logits, &rules, &mut rng).unwrap();
            *counts.entry(choice.action).or_insert(0usize) += 1;
            let (_, p) = *truth.kept.iter().find(|(id, _)| *id == choice.action).unwrap();
            assert!(near(choice.log_prob, p.ln()), "{rules:?}: {} {}", choice.log_prob, p.ln());
            assert!(near(choice.entropy, truth.entropy()), "{rules:?}");
        }
        for &(id, p) in &truth.kept {
            let sigma = (p * (1.0 - p) / n as f64).sqrt();
            let share = counts.get(&id).copied().unwrap_or(0) as f64 / n as f64;
            assert!((share - p).abs() <= 4.0 * sigma, "{rules:?}: {id} {share} {p}");
        }
    }
}

#[test]
fn rows_of_any_length_with_ties_and_holes_follow_the_definitions() {
    let mut rng = Streams::new(5).stream(0, 0, 0);
    let (mut drawer, mut compared) = (Drawer::default(), 0);
    for length in [8, 31, 64, 100, 511, 512, 513, 1500, 5000] {
        for round in 0..6u32 {
            let mut logits = noise(length, [0.1, 1.0, 4.0][round as usize % 3], &mut rng);
            if round % 2 == 1 {
                // Ties, zeros of both signs among them.
                logits.iter_mut().for_each(|z| *z = (*z * 4.0).round() / 4.0);
            }
            for hole in 0..round {
                logits[(hole * 5) as usize % length] = f32::NEG_INFINITY;
            }
            for mut rules in combinations() {
                rules.top_k *= length / 8;
                let truth = Truth::of(&logits, &rules);
                let choice = drawer.choose(&logits, &rules, &mut rng).unwrap();
                if truth.doubtful {
                    continue;
                }
                compared += 1;
                let mut left = truth.kept.iter().map(|&(id, _)| id).peekable();
                for (id, _) in (0..).zip(&logits).filter(|(_, z)| z.is_finite()) {
                    let kept = left.next_if_eq(&id).is_some();
                    assert_eq!(choice.support.contains(id), kept, "{length} {round} {rules:?}: {id}");
                }
                let (_, p) = *truth.kept.iter().find(|(id, _)| *id == choice.action).unwrap();
                assert!(near(choice.log_prob, p.ln()), "{length} {rules:?}: {} {}", choice.log_prob, p.ln());
                let entropy = truth.entropy();
                assert!(near(choice.entropy, entropy), "{length} {rules:?}: {} {entropy}", choice.entropy);
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

#[test]
fn of_equally_probable_actions_the_lower_ids_are_in_the_nucleus() {
    let mut rng = Streams::new(5).stream(0, 0, 0);
    let mut drawer = Drawer::default();
    let rules = DrawRules { top_p: 0.3, ..DrawRules::default() };
    let choice = drawer.choose(&[0.5; 1000], &rules, &mut rng).unwrap();
    assert_eq!(choice.support, Support::only(0..300));
    let rules = DrawRules { top_p: 1e-9, ..DrawRules::default() };
    let choice = drawer.choose(&[0.5, 1.0, 1.0, -3.0], &rules, &mut rng).unwrap();
    assert_eq!((choice.action, choice.log_prob, choice.entropy), (1, 0.0, 0.0));
    // Top-k keeps them all.
    let rules = DrawRules { top_k: 3, ..DrawRules::default() };
    let choice = drawer.choose(&[0.5, 1.0, 0.0, -0.0, 0.0, -3.0], &rules, &mut rng).unwrap();
    assert_eq!(choice.support, Support::without([5]));
}

#[test]
fn the_cumulative_distribution_is_inverted_in_the_order_of_ids() {
    let streams = Streams::new(9);
    let mut same = 0;
    for draw in 0..200 {
        let mut rng = streams.stream(0, draw, 0);
        let logits = noise([512, 3000, 20_000][draw as usize % 3], 2.0, &mut rng);
        let truth = Truth::of(&logits, &DrawRules::default());
        let uniform = (rng.clone().next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut left = uniform;
        let want = truth.kept.iter().find(|(_, p)| {
            let found = left < *p;
            left -= p;
            found
        });
        same += u32::from(choose(&logits, 1.0, &mut rng).unwrap().action == want.unwrap().0);
    }
    assert!(same >= 199, "{same} of 200 draws are the same");
}

#[test]
fn what_was_drawn_before_has_no_influence() {
    let mut rng = Streams::new(2).stream(0, 0, 0);
    let (mut used, mut drawn) = (Drawer::default(), 0);
    for length in [700, 90, 3000, 12] {
        let logits = noise(length, 2.0, &mut rng);
        for rules in combinations() {
            let mut other = rng.clone();
            let choice = used.choose(&logits, &rules, &mut rng);
            assert_eq!(choice, Drawer::default().choose(&logits, &rules, &mut other));
            assert_eq!(rng.get_word_pos(), other.get_word_pos());
            drawn += usize::from(choice.is_some());
        }
    }
    assert_eq!(drawn, 40);
}

#[test]
fn nothing_excluded_is_recorded_as_all() {
    let mut rng = Streams::new(2).stream(0, 0, 0);
    let mut drawer = Drawer::default();
    let logits = [0.3, 0.1, 0.2, f32::NEG_INFINITY];
    let plain = DrawRules::default();
    for rules in [
        plain,
        DrawRules { temperature: 0.0, top_k: 1, top_p: 0.1, ..plain },
        DrawRules { top_k: 3, ..plain },
        DrawRules { top_k: 50, top_p: 0.999_999, min_p: 0.01, ..plain },
        DrawRules { excluded: &[4, 5], ..plain },
        DrawRules { seen: [&[1], &[2]], repetition_penalty: 1.2, ..plain },
    ] {
        let Choice { support, .. } = drawer.choose(&logits, &rules, &mut rng).unwrap();
        assert_eq!(support, Support::All, "{rules:?}");
    }
    let rules = DrawRules { excluded: &[2, 0, 2, 9], temperature: 0.0, ..plain };
    let choice = drawer.choose(&logits, &rules, &mut rng).unwrap();
    assert_eq!((choice.action, choice.support), (1, Support::Without(vec![0, 2])));
    let rules = DrawRules { excluded: &[0, 1, 2], ..plain };
    assert!(drawer.choose(&logits, &rules, &mut rng).is_none());
}

#[test]
fn extreme_temperatures_and_logits_are_no_trouble() {
    let mut rng = Streams::new(2).stream(0, 0, 0);
    let mut drawer = Drawer::default();
    let logits = [1.0, -1e30, f32::MIN, 3.0, f32::NEG_INFINITY, 3.0 - 1e-6];
    for temperature in [1e-6, 0.1, 1e30, f64::MAX] {
        for rules in combinations() {
            let rules = DrawRules { temperature, ..rules };
            let choice = drawer.choose(&logits, &rules, &mut rng).unwrap();
            assert!(choice.log_prob <= 0.0 && choice.log_prob > -10.0, "{rules:?} {choice:?}");
            assert!((0.0..2.0).contains(&choice.entropy) && choice.action != 4, "{rules:?} {choice:?}");
        }
    }
}

#[test]
fn settings_and_supports_are_read_and_written() {
    let sampling: Sampling = toml::from_str("top_p = 0.9\nstop = [\"\\n\\n\"]\nignore_eos = true").unwrap();
    let wanted = Sampling { top_p: 0.9, stop: vec!["\n\n".into()], ignore_eos: true, ..Sampling::default() };
    assert_eq!(sampling, wanted);
    assert!(toml::from_str::<Sampling>("top_q = 0.9").is_err());
    for (support, text) in [
        (Support::All, "\"all\""),
        (Support::only([3, 1]), "{\"only\":[1,3]}"),
        (Support::without([2]), "{\"without\":[2]}"),
    ] {
        assert_eq!(serde_json::to_string(&support).unwrap(), text);
        assert_eq!(serde_json::from_str::<Support>(text).unwrap(), support);
    }
}
