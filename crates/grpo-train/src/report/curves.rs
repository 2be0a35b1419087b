//! `metrics.jsonl` as curves: thinned while it is read, so that memory doesn't grow with the run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Error, jsonl};

/// The most points a curve keeps. Beyond it, neighbours are merged two by two into their mean.
pub(super) const MOST_POINTS: usize = 1000;

/// The largest number that is drawn; larger ones are drawn there, since their sums would overflow.
const LARGEST: f64 = 1e100;

/// A curve: x, and y where it is known.
pub(super) type Points = Vec<(f64, Option<f64>)>;

/// The two stages of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StageName {
    Imitation,
    Grpo,
}

/// One evaluation: greedy completions of prompts that are not trained on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluation {
    pub(super) stage: StageName,
    pub(super) step: u64,
    /// Steps of both stages up to here.
    pub(super) steps: f64,
    /// Seconds of both stages up to here, after `step_time`.
    pub(super) seconds: f64,
    pub(super) accuracy: f64,
}

/// Everything that the page draws of `metrics.jsonl`.
#[derive(Debug, Default)]
pub(super) struct Curves {
    pub(super) imitation: Stage,
    pub(super) grpo: Stage,
    /// On held-out prompts.
    pub(super) evaluations: Vec<Evaluation>,
    /// On the prompts that decide when a stage ends.
    pub(super) validations: Vec<Evaluation>,
    /// The sum of `step_time`.
    pub(super) seconds: f64,
    /// The part of it that belongs to imitation.
    pub(super) imitation_seconds: f64,
    /// Lines without a `step_time`.
    pub(super) untimed: u64,
    /// Lines of each stage that the report doesn't know.
    pub(super) other_stages: BTreeMap<String, u64>,
    /// Whether there was a file at all.
    pub(super) found: bool,
    /// The last line, where it was cut off.
    pub(super) cut: Option<usize>,
}

impl Curves {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut curves = Self::default();
        if let Some(read) = jsonl::for_each(path, |_, row: Map<String, Value>| curves.push(&row))? {
            curves.found = true;
            curves.cut = read.cut;
        }
        Ok(curves)
    }

    fn push(&mut self, row: &Map<String, Value>) -> Result<(), String> {
        let (stage, step) = place(row)?;
        let name = match stage {
            "imitation" => StageName::Imitation,
            "grpo" => StageName::Grpo,
            other => {
                *self.other_stages.entry(other.to_owned()).or_default() += 1;
                return Ok(());
            }
        };
        let numbers = numbers(row, is_drawn)?;
        let find = |key: &str| numbers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        match find("step_time").filter(|seconds| *seconds >= 0.0) {
            Some(seconds) => {
                self.seconds += seconds;
                self.imitation_seconds += if name == StageName::Imitation { seconds } else { 0.0 };
            }
            None => self.untimed += 1,
        }
        let before = if name == StageName::Grpo { self.imitation.last_step } else { 0 };
        let (steps, seconds) = (before as f64 + step as f64, self.seconds);
        let evaluation = |accuracy| Evaluation { stage: name, step, steps, seconds, accuracy };
        self.evaluations.extend(find("eval/accuracy").map(evaluation));
        self.validations.extend(find("validation/accuracy").map(evaluation));
        match name {
            StageName::Imitation => self.imitation.push(step, &numbers),
            StageName::Grpo => self.grpo.push(step, &numbers),
        }
        Ok(())
    }

    /// The last evaluation of a stage.
    pub(super) fn last_evaluation(&self, stage: StageName) -> Option<Evaluation> {
        self.evaluations.iter().rev().find(|evaluation| evaluation.stage == stage).copied()
    }
}

/// The stage and the step of a line.
pub(super) fn place(row: &Map<String, Value>) -> Result<(&str, u64), String> {
    let stage = row.get("stage").and_then(Value::as_str).ok_or("\"stage\" is missing or not a string")?;
    let step = row.get("step").and_then(Value::as_u64).ok_or("\"step\" is missing or not a whole number")?;
    Ok((stage, step))
}

/// The numbers of a line whose names are `wanted`; one that is null isn't there.
pub(super) fn numbers(
    row: &Map<String, Value>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(&str, f64)>, String> {
    let mut numbers = Vec::new();
    for (key, value) in row.iter().filter(|(key, _)| wanted(key)) {
        match value {
            Value::Null => {}
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN).clamp(-LARGEST, LARGEST);
                numbers.extend((!number.is_nan()).then_some((key.as_str(), number)));
            }
            _ => return Err(format!("\"{key}\" is neither a number nor null")),
        }
    }
    Ok(numbers)
}

fn is_drawn(key: &str) -> bool {
    const NAMES: [&str; 22] = [
        "loss",
        "token_accuracy",
        "reward",
        "reward_std",
        "frac_reward_zero_std",
        "kl",
        "entropy",
        "clip_ratio/low_mean",
        "clip_ratio/high_mean",
        "clip_ratio/region_mean",
        "completions/mean_length",
        "completions/clipped_ratio",
        "grad_norm",
        "learning_rate",
        "step_time",
        "time/rollout",
        "time/reward",
        "time/update",
        "eval/accuracy",
        "validation/accuracy",
        "guard/check",
        "guard/suspects",
    ];
    NAMES.contains(&key) || reward_name(key).is_some()
}

/// The reward's name in `rewards/<name>/mean`.
fn reward_name(key: &str) -> Option<&str> {
    key.strip_prefix("rewards/")?.strip_suffix("/mean")
}

/// The metrics of one stage: a bucket holds `width` lines.
#[derive(Debug)]
pub(super) struct Stage {
    columns: BTreeMap<String, Column>,
    steps: Column,
    pub(super) rows: u64,
    /// Lines that one point stands for.
    pub(super) width: u64,
    pub(super) last_step: u64,
    /// Lines whose step is not after the one before it: a run that was resumed.
    pub(super) repeats: u64,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            steps: Column::default(),
            rows: 0,
            width: 1,
            last_step: 0,
            repeats: 0,
        }
    }
}

impl Stage {
    pub(super) fn push(&mut self, step: u64, numbers: &[(&str, f64)]) {
        if self.rows == self.width * MOST_POINTS as u64 {
            self.width *= 2;
            self.columns.values_mut().chain([&mut self.steps]).for_each(Column::halve);
        }
        let bucket = (self.rows / self.width) as usize;
        for (key, value) in numbers {
            match self.columns.get_mut(*key) {
                Some(column) => column.add(bucket, step, *value),
                None => self.columns.entry((*key).to_owned()).or_default().add(bucket, step, *value),
            }
        }
        self.steps.add(bucket, step, step as f64);
        self.repeats += u64::from(self.rows > 0 && step <= self.last_step);
        self.last_step = step;
        self.rows += 1;
    }

    /// The curve of a metric over the steps, `offset` steps to the right; `None` where it has no value.
    pub(super) fn points(&self, key: &str, offset: f64) -> Option<Points> {
        let column = self.columns.get(key)?;
        let mut points = Points::with_capacity(self.steps.cells.len());
        for (index, step) in self.steps.cells.iter().enumerate() {
            let x = offset + step.mean()?;
            // A resumed run steps back: lift the pen.
            if points.last().is_some_and(|(last, _)| x < *last) {
                points.push((x, None));
            }
            points.push((x, column.cells.get(index).and_then(Cell::mean)));
        }
        Some(points)
    }

    /// The last value of a metric (as written, not a mean) and its step.
    pub(super) fn last(&self, key: &str) -> Option<(u64, f64)> {
        self.columns.get(key)?.last
    }

    /// The names of the metrics, sorted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The names of the rewards, sorted.
    pub(super) fn reward_names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().filter_map(|key| reward_name(key))
    }
}

#[derive(Debug, Default)]
struct Column {
    cells: Vec<Cell>,
    last: Option<(u64, f64)>,
}

impl Column {
    fn add(&mut self, bucket: usize, step: u64, value: f64) {
        if self.cells.len() <= bucket {
            self.cells.resize(bucket + 1, Cell::default());
        }
        self.cells[bucket].sum += value;
        self.cells[bucket].count += 1.0;
        self.last = Some((step, value));
    }

    fn halve(&mut self) {
        let merge = |pair: &[Cell]| Cell {
            sum: pair.iter().map(|cell| cell.sum).sum(),
            count: pair.iter().map(|cell| cell.count).sum(),
        };
        self.cells = self.cells.chunks(2).map(merge).collect();
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    sum: f64,
    count: f64,
}

impl Cell {
    fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_stages_are_thinned_by_means_and_short_ones_are_not() {
        let mut stage = Stage::default();
        (1..=1000).for_each(|step| stage.push(step, &[("loss", step as f64)]));
        assert_eq!((stage.width, stage.points("loss", 0.0).map(|p| p.len())), (1, Some(1000)));
        (1001..=100_000).for_each(|step| stage.push(step, &[("loss", step as f64)]));
        let points = stage.points("loss", 0.0).unwrap_or_default();
        assert_eq!(stage.width, 128);
        assert_eq!(points.len(), 100_000_usize.div_ceil(128));
        assert_eq!(points[0], (64.5, Some(64.5)));
        assert_eq!(stage.last("loss"), Some((100_000, 100_000.0)));
    }

    #[test]
    fn a_missing_value_is_a_gap_and_a_step_back_lifts_the_pen() {
        let mut stage = Stage::default();
        stage.push(1, &[("kl", 0.5)]);
        stage.push(2, &[]);
        stage.push(3, &[("kl", 0.7)]);
        stage.push(2, &[("kl", 0.6)]);
        let expected = vec![(1.0, Some(0.5)), (2.0, None), (3.0, Some(0.7)), (2.0, None), (2.0, Some(0.6))];
        assert_eq!(stage.points("kl", 0.0), Some(expected));
        assert_eq!(stage.repeats, 1);
        assert_eq!(stage.points("entropy", 0.0), None);
    }
}
