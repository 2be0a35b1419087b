//! Shaping for learning outcomes, through the public surface.

mod golden;
mod lagrange;
mod mdp;
mod objectives;
mod pareto;
mod potential;
mod sessions;

use grpo_rewards::{Column, Outcome, Score};

/// Random numbers without a dependency: splitmix64 (Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }
}

fn column(name: &str, values: &[Option<f64>]) -> Column {
    let outcome = |value: &Option<f64>| match value {
        Some(value) => Outcome::Scored(Score::new(*value, "given")),
        None => Outcome::NotApplicable,
    };
    Column { name: name.into(), weight: 1.0, outcomes: values.iter().map(outcome).collect() }
}

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-12 * want.abs().max(1.0)
}

#[track_caller]
fn assert_same(got: &[Option<f64>], want: &[Option<f64>], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (index, pair) in got.iter().zip(want).enumerate() {
        match pair {
            (Some(got), Some(want)) => assert!(close(*got, *want), "{what}[{index}]: {got} is not {want}"),
            (got, want) => assert_eq!(got, want, "{what}[{index}]"),
        }
    }
}
