//! What a step moved inside of the learner.

use super::super::text::{counted, short};
use super::action_name;
use crate::tutoring::Examination;

/// A move smaller than this is not marked.
pub(super) const LEAST: f64 = 0.05;
/// Moves that are told in words.
const MOST_TOLD: usize = 3;

/// An item that moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Move {
    pub(super) item: usize,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Move {
    pub(super) fn is_up(&self) -> bool {
        self.to > self.from
    }
}

/// The items that moved by [`LEAST`] or more, the largest move first.
pub(super) fn moves(before: &[f64], after: &[f64]) -> Vec<Move> {
    let all =
        before.iter().zip(after).enumerate().map(|(item, (from, to))| Move { item, from: *from, to: *to });
    // Numbers of a file are rounded: 0.35 - 0.3 is a move of 0.05.
    let mut moved: Vec<_> = all.filter(|it| (it.to - it.from).abs() >= LEAST - 1e-9).collect();
    moved.sort_by(|a, b| (b.to - b.from).abs().total_cmp(&(a.to - a.from).abs()));
    moved
}

/// The name of an item: that of the action of the same number, where there is one for each.
pub(super) fn item_name(examination: &Examination, items: usize, item: usize) -> String {
    if items == examination.actions.len() {
        action_name(examination, item)
    } else {
        format!("item {}", item + 1)
    }
}

/// The moves in words, plain text.
pub(super) fn told(moved: &[Move], name: impl Fn(usize) -> String) -> Vec<String> {
    let mut lines: Vec<String> = moved
        .iter()
        .take(MOST_TOLD)
        .map(|it| {
            let arrow = if it.is_up() { '\u{25b2}' } else { '\u{25bc}' };
            format!("{arrow} {} {} \u{2192} {}", name(it.item), short(it.from), short(it.to))
        })
        .collect();
    if let Some(more) = moved.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let up = moved.iter().skip(MOST_TOLD).filter(|it| it.is_up()).count();
        lines.push(format!("and {}, {up} up and {} down", counted(more as u64, "smaller move"), more - up));
    }
    if lines.is_empty() {
        lines.push("nothing moved by 0.05 or more".into());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_sorted_by_size_and_small_ones_left_unmarked() {
        let found = moves(&[0.5, 0.5, 0.3, 0.0], &[0.52, 0.1, 0.35, 0.9]);
        assert_eq!(found.iter().map(|it| it.item).collect::<Vec<_>>(), [3, 1, 2]);
        assert!(found[0].is_up() && !found[1].is_up());
    }

    #[test]
    fn moves_beyond_the_third_are_counted() {
        let found = moves(&[0.0, 0.0, 0.0, 0.0, 1.0], &[0.9, 0.8, 0.7, 0.6, 0.5]);
        let told = told(&found, |item| format!("item {item}"));
        assert_eq!(told[0], "\u{25b2} item 0 0 \u{2192} 0.9");
        assert_eq!(told[3], "and 2\u{a0}smaller moves, 1 up and 1 down");
    }
}
