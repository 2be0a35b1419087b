//! Multipliers find the price at which a limit is kept, on problems whose solution is known.

use grpo_rewards::shaping::{Combiner, Constrained, Lagrange, Limit, Objectives, Term};

use crate::column;

/// Maximise `x` within `x² ≤ c`. For a price λ the best is `x = 1 / 2λ`; the limit is just kept at `λ = 1 /
/// 2√c`.
#[test]
fn the_price_of_a_quadratic_cost() {
    for limit in [0.25, 1.0, 4.0] {
        let mut price = Lagrange::new(0.1, 0.05, limit).unwrap();
        let mut x = 0.0;
        for _ in 0..5_000 {
            x = (0.5 / price.multiplier().max(1e-3)).min(3.0);
            price.update(x * x).unwrap();
        }
        assert!((price.multiplier() - 0.5 / limit.sqrt()).abs() < 1e-6, "{limit}: {}", price.multiplier());
        assert!((x * x - limit).abs() < 1e-5, "{limit}: {x}");
    }
}

/// Lessons with a gain and a time each, `[lessons]`.
const GAINS: [f64; 4] = [0.2, 0.5, 0.7, 0.8];
const TIMES: [f64; 4] = [0.1, 0.4, 1.0, 2.0];
const TEMPERATURE: f64 = 0.1;

/// The policy that maximises the expected reward plus `TEMPERATURE` times its entropy: a softmax of the
/// rewards.
fn policy(rewards: &[f64]) -> Vec<f64> {
    let weights: Vec<f64> = rewards.iter().map(|reward| (reward / TEMPERATURE).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn expected(policy: &[f64], of: &[f64]) -> f64 {
    policy.iter().zip(of).map(|(probability, value)| probability * value).sum()
}

/// The mean time at a price falls with it: the right price by bisection.
fn right_price(limit: f64) -> f64 {
    let time = |price: f64| {
        let rewards: Vec<f64> = GAINS.iter().zip(TIMES).map(|(gain, time)| gain - price * time).collect();
        expected(&policy(&rewards), &TIMES)
    };
    if time(0.0) <= limit {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if time(middle) > limit { low = middle } else { high = middle }
    }
    high
}

/// Columns in which each lesson stands as often as the policy takes it: of so many episodes, rounded.
fn batch(policy: &[f64], of: &[f64; 4]) -> Vec<Option<f64>> {
    let times = |probability: f64| (probability * 100_000.0).round() as usize;
    policy.iter().zip(of).flat_map(|(&p, &value)| std::iter::repeat_n(Some(value), times(p))).collect()
}

#[test]
fn gain_within_a_time_limit_through_the_combiner() {
    let table: Vec<_> = [("gain", GAINS), ("time", TIMES)]
        .iter()
        .map(|(name, values)| column(name, &values.map(Some)))
        .collect();
    for (limit, binds) in [(0.3, true), (0.8, true), (1.9, false)] {
        let wanted = right_price(limit);
        assert_eq!(wanted > 0.0, binds);
        let mut combiner = Combiner::new(Objectives::Constrained(Constrained {
            maximise: vec![Term::new("gain", 1.0)],
            limits: vec![Limit { step_size: 0.2, ..Limit::at_most("time", limit) }],
            normalise: false,
        }))
        .unwrap();
        let mut own = Vec::new();
        for _ in 0..600 {
            let rewards = combiner.combine(&table, &[0; 4]).unwrap();
            own = policy(&rewards.into_iter().flatten().collect::<Vec<_>>());
            combiner.update(&[column("time", &batch(&own, &TIMES))]).unwrap();
        }
        let (price, time) = (combiner.multipliers()[0].multiplier(), expected(&own, &TIMES));
        assert!((price - wanted).abs() < 1e-3, "limit {limit}: {price}, not {wanted}");
        assert!(time <= limit + 1e-3, "limit {limit}: takes {time}");
        if binds {
            assert!((time - limit).abs() < 1e-3, "limit {limit}: takes {time}");
        }
    }
}

#[test]
fn at_least_is_at_most_the_other_way_round() {
    // Gain matters not here; the zone must be at least 0.6, and only the price makes it so.
    let objectives = Objectives::Constrained(Constrained {
        maximise: vec![Term::new("speed", 1.0)],
        limits: vec![Limit::at_least("zone", 0.6)],
        normalise: true,
    });
    let mut combiner = Combiner::new(objectives).unwrap();
    let columns = [column("speed", &[Some(0.5), Some(0.4)]), column("zone", &[Some(0.2), Some(0.6)])];
    for _ in 0..20 {
        combiner.update(&columns).unwrap();
    }
    // 20 × 0.05 × (0.6 - 0.4).
    let price = combiner.multipliers()[0].multiplier();
    assert!((price - 0.2).abs() < 1e-12);
    let rewards = combiner.combine(&columns, &[0, 0]).unwrap();
    assert!((rewards[0].unwrap() - (0.5 - price * 0.4) / 1.2).abs() < 1e-12);
    assert!((rewards[1].unwrap() - 0.4 / 1.2).abs() < 1e-12);
}

#[test]
fn what_is_missing_moves_nothing() {
    let objectives = Objectives::Constrained(Constrained {
        maximise: vec![Term::new("gain", 1.0)],
        limits: vec![Limit { multiplier: 2.0, ..Limit::at_most("time", 1.0) }],
        normalise: false,
    });
    let mut combiner = Combiner::new(objectives).unwrap();
    let columns =
        [column("gain", &[Some(0.5), None, Some(0.5)]), column("time", &[None, Some(3.0), Some(3.0)])];
    let rewards = combiner.combine(&columns, &[0; 3]).unwrap();
    assert_eq!(rewards, [Some(0.5), None, Some(-3.5)]);
    let none = [column("gain", &[Some(0.5)]), column("time", &[None])];
    let steps = combiner.update(&none).unwrap();
    assert_eq!((steps[0].mean, steps[0].multiplier), (None, 2.0));
    // Mean of those that are there: 3, not 2.
    assert!((combiner.update(&columns).unwrap()[0].multiplier - 2.1).abs() < 1e-12);
}

#[test]
fn impossible_numbers_are_refused_and_change_nothing() {
    let mut price = Lagrange::new(1.0, 0.5, 2.0).unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(price.update(bad).unwrap_err().to_string().starts_with("`mean_cost`"));
    }
    let mut huge = Lagrange::new(1.0, 1e10, 0.0).unwrap();
    assert!(huge.update(1e300).is_err());
    assert_eq!((price.multiplier(), huge.multiplier()), (1.0, 1.0));
    let capped = price.at_most(1.5).unwrap();
    price = capped;
    assert_eq!(price.update(100.0).unwrap(), 1.5);
    assert!(Lagrange::new(-0.1, 0.5, 2.0).is_err() && Lagrange::new(0.0, 0.0, 2.0).is_err());
    assert!(Lagrange::new(0.0, 0.5, f64::NAN).is_err() && capped.at_most(0.5).is_err());
    let read = |text: &str| serde_json::from_str::<Lagrange>(text).map_err(|error| error.to_string());
    assert!(
        read(r#"{ "multiplier": -1, "step_size": 0.1, "limit": 1 }"#)
            .unwrap_err()
            .contains("`multiplier`: is -1")
    );
    assert_eq!(read(&serde_json::to_string(&price).unwrap()), Ok(price));
}
