//! A task's curves: worth against what was spent.

use super::super::axis::Ticks;
use super::super::curves::Points;
use super::super::figure::Figure;
use super::super::text::fixed;
use super::numbers;
use crate::comparing::{Arm, Band, Cost, Task, band};

/// Curves of one chart that can still be told apart.
const MOST_ARMS: usize = 6;

/// Worth against environment steps and against seconds.
pub(super) fn figures(task: &Task) -> Vec<Figure> {
    [(Cost::Steps, "environment steps"), (Cost::Seconds, "seconds of training")]
        .into_iter()
        .flat_map(|(cost, label)| against(task, cost, label))
        .collect()
}

fn against(task: &Task, cost: Cost, label: &str) -> Vec<Figure> {
    let bands: Vec<(&Arm, Band)> = task.arms.iter().map(|arm| (arm, band(&arm.runs, cost))).collect();
    let parts = bands.len().div_ceil(MOST_ARMS).max(1);
    // The same y axis for all parts.
    let ends = bands.iter().flat_map(|(_, band)| band.low.iter().chain(&band.high).copied());
    let reach: Vec<f64> = match ends.clone().reduce(f64::min).zip(ends.reduce(f64::max)) {
        Some((low, high)) => vec![low, high],
        None => Vec::new(),
    };
    let part = |(part, arms): (usize, &[(&Arm, Band)])| {
        let title = match parts {
            1 => format!("Worth against {}", numbers::name(cost)),
            _ => format!("Worth against {} (part {} of {parts})", numbers::name(cost), part + 1),
        };
        let caption = format!(
            "Median over seeds, with the band from the 25th to the 75th percentile. A curve ends where the first of its runs \
             ends.{}",
            if cost == Cost::Seconds { " Examinations don't count as time." } else { "" }
        );
        let figure = Figure::new(&title, label, &caption).panel("worth of a session", Ticks::Number, &reach);
        arms.iter().enumerate().fold(figure, |figure, (style, (arm, band))| {
            curve(figure, &arm.name, band, style, numbers::digits(task))
        })
    };
    bands.chunks(MOST_ARMS).enumerate().map(part).collect()
}

fn curve(figure: Figure, name: &str, band: &Band, style: usize, digits: usize) -> Figure {
    let along = |values: &[f64]| -> Points {
        band.places.iter().zip(values).map(|(place, value)| (*place, Some(*value))).collect()
    };
    let Some(last) = band.middle.last() else { return figure };
    figure.shade((along(&band.low), along(&band.high)), 0.16, style).line(
        along(&band.middle),
        name,
        style,
        Some(fixed(*last, digits)),
    )
}
