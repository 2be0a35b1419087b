//! The axes of a chart: a range that shows every value, round ticks, and how they are written.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// How the ticks of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ticks {
    Number,
    Percent,
}

/// An axis: its range, where its ticks are, and how far they are apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    ticks: Vec<f64>,
    step: f64,
}

impl Axis {
    /// A range that shows all `values`, with about `wanted` round ticks. With `round`, it ends on
    /// ticks; without, and with whole numbers alone, so are its ticks.
    pub(super) fn around(values: impl Iterator<Item = f64>, wanted: f64, round: bool) -> Self {
        let mut is_whole = true;
        let (mut low, mut high) = values
            .inspect(|value| is_whole &= value.fract() == 0.0)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // A flat curve still needs a height, one that doesn't drown in rounding.
        let least = low.abs().max(high.abs()) * 1e-6;
        if high - low <= least {
            let padding = if low == 0.0 && high == 0.0 { 0.5 } else { low.abs().max(high.abs()) * 0.1 };
            low -= if low == 0.0 { 0.0 } else { padding };
            high += padding;
        }
        let raw = (high - low) / wanted;
        let magnitude = 10_f64.powf(raw.log10().floor());
        // 2.5 would need a digit more than the others, so it is for large steps alone.
        let multiples = [1.0, 2.0, if magnitude >= 10.0 { 2.5 } else { 5.0 }, 5.0, 10.0];
        let mut step =
            multiples.map(|m| m * magnitude).into_iter().find(|s| *s >= raw * 0.999).unwrap_or(raw);
        if !round && is_whole {
            step = step.max(1.0);
        }
        let (mut first, mut last) = ((low / step).floor(), (high / step).ceil());
        if round {
            (low, high) = (first * step, last * step);
        } else {
            (first, last) = ((low / step).ceil(), (high / step).floor());
        }
        let ticks = (0..=(last - first).clamp(0.0, 50.0) as u32).map(|i| (first + f64::from(i)) * step);
        Self { low, high, ticks: ticks.collect(), step }
    }

    pub(super) fn label(&self, value: f64, ticks: Ticks) -> String {
        let (value, step, unit) = match ticks {
            Ticks::Number => (value, self.step, ""),
            Ticks::Percent => (value * 100.0, self.step * 100.0, "%"),
        };
        let size = self.low.abs().max(self.high.abs());
        let text = if value.abs() < step * 1e-6 {
            "0".into()
        } else if ticks == Ticks::Number && !(1e-2..1e6).contains(&size) {
            format!("{:.1e}", value.abs()).replace(".0e", "e")
        } else if ticks == Ticks::Number && step >= 1000.0 {
            format!("{}k", value.abs() / 1000.0)
        } else {
            let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
            format!("{:.decimals$}", value.abs())
        };
        format!("{}{text}{unit}", if value < 0.0 { "\u{2212}" } else { "" })
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let (from, to) = (f64::from(limit.0), f64::from(limit.1));
        let share = (value - self.low) / (self.high - self.low);
        (from + (to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::around([0.0, 0.93].into_iter(), 5.0, true);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick, Ticks::Percent)).collect();
        assert_eq!((axis.low, axis.high), (0.0, 1.0));
        assert_eq!(labels, ["0%", "20%", "40%", "60%", "80%", "100%"]);
    }

    #[test]
    fn no_range_is_too_flat_too_wide_or_too_empty() {
        for values in [
            vec![],
            vec![0.0],
            vec![-3.0],
            vec![1e100, -1e100],
            vec![1e15, 1e15 + 0.1],
            vec![1e-300],
            vec![1e-9],
        ] {
            let axis = Axis::around(values.iter().copied(), 4.0, true);
            assert!(axis.low < axis.high && axis.ticks.len() >= 2, "{values:?}: {axis:?}");
            assert!(
                values.iter().all(|value| (axis.low..=axis.high).contains(value)),
                "{values:?}: {axis:?}"
            );
            assert!(axis.ticks.iter().all(|tick| axis.label(*tick, Ticks::Number).len() < 12), "{axis:?}");
        }
    }
}
