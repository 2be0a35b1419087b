//! Learning gain: what a session is worth after each of its steps.

use super::super::axis::Ticks;
use super::super::curves::Points;
use super::super::figure::Figure;
use super::super::page::grid;
use super::super::text::escape;
use super::standing::{better_first, digits, spread};
use crate::tutoring::{Examination, Examined, Interval, Role};

/// Curves beside the trained tutor's in one chart that can still be told apart.
const MOST_OTHERS: usize = 5;

/// The section of the learning-gain curves: the trained tutor's in every chart, the others best first.
pub(super) fn section(examination: &Examination) -> Result<String, (String, String)> {
    let own: Vec<&Examined> = examination.tutors.iter().filter(|tutor| tutor.role == Role::Trained).collect();
    let mut others: Vec<&Examined> =
        examination.tutors.iter().filter(|tutor| tutor.role != Role::Trained).collect();
    others.sort_by(|a, b| better_first(a.worth, b.worth));
    let room = (MOST_OTHERS + 1).saturating_sub(own.len()).max(1);
    let parts = others.len().div_ceil(room).max(1);
    let reach = reach(examination);
    let figures = (0..parts).map(|part| {
        let beside: Vec<&Examined> = others.iter().skip(part * room).take(room).copied().collect();
        let title = match parts {
            1 => "Worth after each step".to_owned(),
            _ => format!("Worth after each step (part {} of {parts})", part + 1),
        };
        let figure = Figure::new(
            &title,
            "steps of the session",
            "Mean over learners with its 95% interval as a band; a session that ended early keeps its worth. A good tutor's \
             curve rises from the first steps on; one that only catches up at the end has wasted steps.",
        )
        .panel("worth of the session so far", Ticks::Number, &reach);
        // The trained tutor's is drawn last, above the others, and always looks the same.
        let places = beside.iter().enumerate().map(|(place, tutor)| (place + own.len(), *tutor));
        let own = own.iter().enumerate().map(|(place, tutor)| (place, *tutor));
        places.chain(own).fold(figure, |figure, (style, tutor)| curve(figure, examination, tutor, style))
    });
    let mut out = format!(
        "<section>\n<h2>Learning gain</h2>\n<p>How much a session is worth as it goes on ({}). {}</p>\n",
        escape(&examination.measure),
        if parts > 1 {
            "The tutors are spread over several charts with the same axes, best first; the trained one is in each of them."
        } else {
            "The trained tutor has the strong line."
        }
    );
    out += &grid(figures.collect())?;
    Ok(out + "</section>\n")
}

/// The same y axis for all charts.
fn reach(examination: &Examination) -> Vec<f64> {
    let ends = examination.tutors.iter().flat_map(|tutor| &tutor.curve).flat_map(|at| edges(*at));
    let known = ends.flatten().filter(|end| end.is_finite());
    known
        .fold(None, |range: Option<(f64, f64)>, end| {
            Some(range.map_or((end, end), |(low, high)| (low.min(end), high.max(end))))
        })
        .map_or_else(Vec::new, |(low, high)| vec![low, high])
}

/// Both ends of an interval; those of one without end are not known.
fn edges(at: Interval) -> [Option<f64>; 2] {
    [-1.0, 1.0].map(|side| Some(at.mean + side * at.half_width).filter(|edge| edge.is_finite()))
}

fn curve(figure: Figure, examination: &Examination, tutor: &Examined, style: usize) -> Figure {
    if tutor.curve.is_empty() {
        return figure;
    }
    let along = |pick: &dyn Fn(Interval) -> Option<f64>| -> Points {
        tutor.curve.iter().enumerate().map(|(step, at)| (step as f64, pick(*at))).collect()
    };
    let band = (along(&|at| edges(at)[0]), along(&|at| edges(at)[1]));
    let mean = along(&|at| Some(at.mean).filter(|mean| mean.is_finite()));
    let last = tutor.curve.last().map(|at| spread(*at, digits(examination)));
    if tutor.role == Role::Trained {
        figure.shade(band, 0.28, style).strong_line(mean, &tutor.name, style, last)
    } else {
        figure.shade(band, 0.12, style).line(mean, &tutor.name, style, last)
    }
}
