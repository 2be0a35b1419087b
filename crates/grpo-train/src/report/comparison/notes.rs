//! What a reader should know before believing a comparison.

use super::super::text::count;
use super::numbers;
use crate::comparing::{Arm, Comparison, Cost, Task, median};

/// Seeds below which the intervals are noticeably too narrow.
const ENOUGH_SEEDS: usize = 10;

/// In sentences, plain text.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if comparison.quick {
        notes.push("This is the short form of the comparison, made to see that everything runs: its numbers say little.".into());
    }
    let fewest =
        comparison.tasks.iter().flat_map(|task| &task.arms).map(|arm| numbers::final_worths(arm).len()).min();
    match fewest {
        Some(0) => notes.push("An arm has no run: it has no numbers.".into()),
        Some(1) => notes.push("An arm has one seed alone: nothing can be said about chance.".into()),
        Some(seeds) if seeds < ENOUGH_SEEDS => notes.push(format!(
            "Some arms have {} seeds alone: bootstrap intervals of so few are narrower than they should be.",
            count(seeds as u64)
        )),
        _ => {}
    }
    for task in &comparison.tasks {
        notes.extend(unequal(task));
        notes.extend(task.arms.iter().filter_map(|arm| at_the_edge(task, arm)));
    }
    notes
}

/// Whatever the arms of a task differ in and should not.
fn unequal(task: &Task) -> Vec<String> {
    let mut notes = Vec::new();
    let mut tell = |what: &str, of: &dyn Fn(&Arm) -> usize, least_share: f64| {
        let numbers: Vec<usize> = task.arms.iter().map(of).collect();
        let (least, most) = (numbers.iter().min().copied(), numbers.iter().max().copied());
        if let Some((least, most)) =
            least.zip(most).filter(|(least, most)| (*least as f64) < *most as f64 * least_share)
        {
            notes.push(format!(
                "On {} the arms differ in {what}: from {} to {}.",
                task.name,
                count(least as u64),
                count(most as u64)
            ));
        }
    };
    tell("seeds", &|arm| arm.runs.len(), 1.0);
    tell("the number of settings tried", &|arm| arm.tried.len(), 1.0);
    let steps = |arm: &Arm| {
        let last: Vec<f64> =
            arm.runs.iter().filter_map(|run| run.points.last()).map(|point| Cost::Steps.at(point)).collect();
        median(&last) as usize
    };
    tell("the environment steps of a run", &steps, 0.95);
    notes
}

/// Whether the learning rate is the smallest or the largest that was tried: a better one may lie beyond.
fn at_the_edge(task: &Task, arm: &Arm) -> Option<String> {
    let rates = || arm.tried.iter().map(|tried| tried.learning_rate);
    let (least, most) = (rates().reduce(f64::min)?, rates().reduce(f64::max)?);
    let edge = match arm.learning_rate {
        _ if least == most => return None,
        rate if rate == least => "smallest",
        rate if rate == most => "largest",
        _ => return None,
    };
    Some(format!(
        "On {} the best learning rate of {} is the {edge} that was tried: a better one may lie beyond it.",
        task.name, arm.name
    ))
}
