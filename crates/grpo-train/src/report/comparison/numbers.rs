//! Estimates in words.

use super::super::text::{count, decimals, fixed, signed};
use crate::comparing::{Arm, Cost, Estimate, Reaching, Task};

/// The worth of a run's last examination, for every run that has one.
pub(super) fn final_worths(arm: &Arm) -> Vec<f64> {
    arm.runs.iter().filter_map(|run| run.points.last()).map(|point| point.worth).collect()
}

/// Digits after the point for every worth of a task.
pub(super) fn digits(task: &Task) -> usize {
    decimals(task.arms.iter().flat_map(final_worths))
}

/// `0.611 (0.590 to 0.632)`.
pub(super) fn worth(estimate: Estimate, digits: usize) -> String {
    with_interval(estimate, |value| fixed(value, digits))
}

/// `+0.030 (−0.010 to +0.070)`.
pub(super) fn difference(estimate: Estimate, digits: usize) -> String {
    with_interval(
        estimate,
        |value| if value.is_finite() { signed(value, digits) } else { fixed(value, digits) },
    )
}

fn with_interval(estimate: Estimate, write: impl Fn(f64) -> String) -> String {
    match estimate.interval {
        Some((low, high)) => format!("{} ({} to {})", write(estimate.value), write(low), write(high)),
        None => format!("{} (one seed: no interval)", write(estimate.value)),
    }
}

/// What was spent: whole numbers, seconds with a digit more where they are few.
pub(super) fn spent(value: f64, cost: Cost) -> String {
    if value == f64::INFINITY {
        "not reached".into()
    } else if cost == Cost::Seconds && value < 1000.0 {
        fixed(value, 1)
    } else {
        count(value.max(0.0).round() as u64)
    }
}

/// `1,200 (900 to 1,500)`, `not reached`.
pub(super) fn reaching(reaching: &Reaching, cost: Cost) -> String {
    let middle = spent(reaching.median.value, cost);
    match reaching.median.interval {
        // No run or hardly any reached it: there is nothing to tell an interval from.
        Some((low, _)) if low == f64::INFINITY => middle,
        Some((low, high)) => format!("{middle} ({} to {})", spent(low, cost), spent(high, cost)),
        None => middle,
    }
}

/// How much more or less than `from`, in percent.
pub(super) fn change(value: f64, from: f64) -> String {
    let change = (value / from - 1.0) * 100.0;
    if change.is_finite() { format!("{}\u{a0}%", signed(change, 0)) } else { "not known".into() }
}

/// A learning rate as people write it in a configuration.
pub(super) fn rate(rate: f64) -> String {
    if (1e-6..1e3).contains(&rate) { rate.to_string() } else { format!("{rate:e}") }
}

/// What a cost is called.
pub(super) fn name(cost: Cost) -> &'static str {
    match cost {
        Cost::Sessions => "sessions",
        Cost::Steps => "environment steps",
        Cost::Iterations => "iterations",
        Cost::Seconds => "seconds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_read_well() {
        let of = |value, interval| Estimate { value, interval };
        assert_eq!(worth(of(0.6111, Some((0.59, 0.632))), 3), "0.611 (0.590 to 0.632)");
        assert_eq!(difference(of(0.03, Some((-0.01, 0.07))), 2), "+0.03 (\u{2212}0.01 to +0.07)");
        let never = f64::INFINITY;
        let median = |value, interval| Reaching { runs: 4, reached: 2, median: of(value, interval) };
        assert_eq!(
            reaching(&median(never, Some((900.0, never))), Cost::Steps),
            "not reached (900 to not reached)"
        );
        assert_eq!(reaching(&median(never, Some((never, never))), Cost::Steps), "not reached");
        assert_eq!(reaching(&median(12.34, Some((1.0, 1234.5))), Cost::Seconds), "12.3 (1.0 to 1,235)");
        assert_eq!((change(50.0, 100.0), change(1.0, 0.0)), ("\u{2212}50\u{a0}%".into(), "not known".into()));
    }
}
