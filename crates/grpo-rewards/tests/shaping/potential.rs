//! Potential-based shaping leaves the best policy as it is; simpler forms do not.

use grpo_rewards::shaping::{
    Ending, Potential, PotentialShaping, Session, SessionRecord, Step, potential::shaping_rewards,
};

use crate::mdp::Mdp;
use crate::{Draws, close};

/// What the library pays for one transition.
fn shaped(discount: f64) -> impl Fn(f64, f64, bool) -> f64 {
    move |before, after, over| {
        let ending = if over { Ending::Over } else { Ending::GoesOn };
        shaping_rewards(&[before, after], discount, ending)[0]
    }
}

const DISCOUNTS: [f64; 3] = [1.0, 0.95, 0.6];

#[test]
fn the_best_policies_of_random_processes_stay_as_they_are() {
    let mut draws = Draws(1);
    let (mut decisions, mut bonus_differs, mut endings_differ) = (0, 0, 0);
    for round in 0..300 {
        let mdp = Mdp::draw(&mut draws);
        let discount = DISCOUNTS[round % 3];
        let plain = mdp.best(discount, &|_, _, _| 0.0);
        decisions += plain.iter().flatten().filter(|actions| !actions.is_empty()).count();
        assert_eq!(mdp.best(discount, &shaped(discount)), plain, "round {round}");

        let naive = mdp.best(discount, &|_, after, _| after);
        let without_convention = mdp.best(discount, &|before, after, _| discount * after - before);
        bonus_differs += usize::from(naive != plain);
        endings_differ += usize::from(without_convention != plain);
    }
    println!("{decisions} decisions; changed by a bonus {bonus_differs}, by endings {endings_differ} of 300");
    assert!(decisions > 3_000);
    assert!(bonus_differs > 200 && endings_differ > 200, "{bonus_differs} {endings_differ}");
}

#[test]
fn every_action_is_worth_what_it_was_but_for_its_states_potential() {
    // Ng, Harada and Russell 1999, corollary 2: Q'(s, a) = Q(s, a) - Φ(s). So any order of actions stays,
    // not only the best.
    let mut draws = Draws(2);
    for round in 0..100 {
        let mdp = Mdp::draw(&mut draws);
        let discount = DISCOUNTS[round % 3];
        let plain = mdp.solve(discount, &|_, _, _| 0.0);
        let with = mdp.solve(discount, &shaped(discount));
        for (plain, with) in plain.iter().zip(&with) {
            for ((plain, with), potential) in plain.iter().zip(with).zip(&mdp.potentials) {
                for (plain, with) in plain.iter().zip(with) {
                    assert!((plain - potential - with).abs() < 1e-9);
                }
            }
        }
    }
}

/// Two lessons: state 0 can be taught (action 1) or left for more drill (action 0), which looks promising
/// every time.
fn drill_or_teach() -> Mdp {
    Mdp {
        horizon: 4,
        transitions: vec![
            vec![vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]],
            vec![vec![1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0]],
            vec![vec![0.0, 0.0, 1.0], vec![0.0, 0.0, 1.0]],
        ],
        rewards: vec![vec![0.0, 1.0], vec![0.0, 0.9], vec![0.0, 0.0]],
        ends: vec![false, false, true],
        potentials: vec![0.2, 0.8, 0.5],
    }
}

#[test]
fn a_bonus_is_collected_instead_of_teaching() {
    let mdp = drill_or_teach();
    // Teach at once: later it is worth less.
    assert_eq!(mdp.best(0.9, &|_, _, _| 0.0)[0][0], [1]);
    assert_eq!(mdp.best(0.9, &shaped(0.9))[0][0], [1]);
    // 1 + 0.5 for teaching at once; 0.8, then 0.2, then 0.8 again for going to and fro, and it can be
    // taught at the end.
    assert_eq!(mdp.best(0.9, &|_, after, _| after)[0][0], [0]);
}

#[test]
fn an_ending_that_keeps_its_potential_changes_what_is_best() {
    // The last step: state 1 looks better than the state in which all has been taught, and time is up anyway.
    let mdp =
        Mdp { horizon: 1, rewards: vec![vec![0.0, 0.2], vec![0.0; 2], vec![0.0; 2]], ..drill_or_teach() };
    assert_eq!(mdp.best(1.0, &|_, _, _| 0.0)[0][0], [1]);
    assert_eq!(mdp.best(1.0, &shaped(1.0))[0][0], [1]);
    assert_eq!(mdp.best(1.0, &|before, after, _| after - before)[0][0], [0]);
}

#[test]
fn an_episodes_shaped_return_differs_by_the_potential_of_its_start() {
    let mut draws = Draws(3);
    for round in 0..500 {
        let mdp = Mdp::draw(&mut draws);
        let discount = DISCOUNTS[round % 3];
        let (states, rewards) = mdp.wander(&mut draws);
        if rewards.is_empty() {
            continue;
        }
        let potentials: Vec<f64> = states.iter().map(|&state| mdp.potentials[state]).collect();
        let bonus = shaping_rewards(&potentials, discount, Ending::Over);
        assert_eq!(bonus.len(), rewards.len());
        let sum = |steps: &[f64]| steps.iter().rev().fold(0.0, |later, reward| reward + discount * later);
        // To go from any step on: the potential of the state before it, as a baseline.
        for step in 0..rewards.len() {
            assert!((sum(&bonus[step..]) + potentials[step]).abs() < 1e-12);
        }
        let open = shaping_rewards(&potentials, discount, Ending::GoesOn);
        let end = discount.powi(rewards.len() as i32) * potentials[rewards.len()];
        assert!((sum(&open) - (end - potentials[0])).abs() < 1e-12);
    }
}

/// GRPO's advantages: what a return is above its group's mean, in standard deviations.
fn advantages(returns: &[f64]) -> Vec<f64> {
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
    let deviation = (squares / (returns.len() - 1) as f64).sqrt();
    returns.iter().map(|r| (r - mean) / (deviation + 1e-4)).collect()
}

#[test]
fn advantages_within_a_group_stay_as_they_are() {
    let mut draws = Draws(4);
    let mut compared = 0;
    while compared < 100 {
        let mdp = Mdp::draw(&mut draws);
        // All from state 0, and not all equally long.
        let episodes: Vec<(Vec<usize>, Vec<f64>)> = (0..8).map(|_| mdp.wander(&mut draws)).collect();
        let returns: Vec<f64> = episodes.iter().map(|(_, rewards)| rewards.iter().sum()).collect();
        let bonus = |(states, _): &(Vec<usize>, Vec<f64>), ending| {
            let potentials: Vec<f64> = states.iter().map(|&state| mdp.potentials[state]).collect();
            shaping_rewards(&potentials, 1.0, ending).iter().sum::<f64>()
        };
        let with = |ending| -> Vec<f64> {
            episodes.iter().zip(&returns).map(|(episode, own)| own + bonus(episode, ending)).collect()
        };
        let plain = advantages(&returns);
        let same = |other: &[f64]| plain.iter().zip(other).all(|(one, other)| (one - other).abs() < 1e-9);
        assert!(same(&advantages(&with(Ending::Over))));
        if episodes.iter().any(|(states, _)| states.last() != episodes[0].0.last()) {
            // The test can tell: without the convention they are other advantages.
            assert!(!same(&advantages(&with(Ending::GoesOn))));
            compared += 1;
        }
    }
}

#[test]
fn a_sessions_rewards_follow_its_mastery() {
    let step = |mastery: &[(usize, f64)]| Step { mastery: mastery.to_vec(), ..Step::default() };
    let session = Session::new(SessionRecord {
        initial_mastery: vec![0.5, 0.9],
        steps: vec![step(&[(0, 0.7)]), step(&[]), step(&[(0, 0.6), (1, 1.0)])],
        ..SessionRecord::new(2)
    })
    .unwrap();
    let shaping = PotentialShaping {
        potential: Potential::MasteredAt(0.65),
        weight: 2.0,
        ..PotentialShaping::default()
    };
    assert_eq!(shaping.potentials(&session), Some(vec![1.0, 2.0, 2.0, 1.0]));
    assert_eq!(shaping.rewards(&session), Some(vec![1.0, 0.0, -2.0]));
    let unknown = Session::new(SessionRecord { steps: vec![step(&[])], ..SessionRecord::new(2) }).unwrap();
    assert_eq!(shaping.rewards(&unknown), None);
    assert!(shaping_rewards(&[], 1.0, Ending::Over).is_empty());
    assert!(shaping_rewards(&[3.0], 1.0, Ending::Over).is_empty());
    assert!(close(shaping_rewards(&[3.0, 1.0], 0.5, Ending::GoesOn)[0], -2.5));
}

#[test]
fn the_table_of_a_recipe() {
    let read = |text: &str| toml::from_str::<PotentialShaping>(text);
    assert_eq!(read("").unwrap(), PotentialShaping::default());
    let full = read("potential = { mastered_at = 0.9 }\nweight = 0.5\ndiscount = 0.99").unwrap();
    assert_eq!(full.potential, Potential::MasteredAt(0.9));
    assert_eq!(read(&toml::to_string(&full).unwrap()).unwrap(), full);
    assert!(read("gamma = 1").unwrap_err().to_string().contains("unknown field `gamma`"));
    for (text, key) in [
        ("discount = 0.0", "discount"),
        ("discount = 1.01", "discount"),
        ("weight = inf", "weight"),
        ("potential = { mastered_at = 0.0 }", "potential.mastered_at.threshold"),
        ("discount = nan", "discount"),
    ] {
        let error = read(text).unwrap().validate().unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}`")), "{error}");
    }
}
