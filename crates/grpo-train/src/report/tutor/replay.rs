//! Sessions of the trained tutor, step by step.

use super::super::text::{count, counted, decimals, escape, fixed, percent, short, signed};
use super::moves::{item_name, moves, told};
use super::{action_name, strip};
use crate::tutoring::{Examination, Replay, ReplayStep};

/// The most sessions that the page shows.
const MOST_SESSIONS: usize = 12;
/// The most steps of a session that the page shows.
const MOST_STEPS: usize = 40;

/// The section of the sessions.
pub(super) fn section(examination: &Examination) -> String {
    let sessions = &examination.sessions;
    let mut out = String::from("<section>\n<h2>Sessions step by step</h2>\n");
    if sessions.is_empty() {
        return out + "<p class=\"note\">The examination kept no session.</p>\n</section>\n";
    }
    let shown = sessions.len().min(MOST_SESSIONS);
    let kept = if shown < sessions.len() {
        format!(
            "{} are in examination.json, the first {} are shown",
            counted(sessions.len() as u64, "session"),
            count(shown as u64)
        )
    } else {
        format!("{} in examination.json, all shown", counted(sessions.len() as u64, "session"))
    };
    out += &format!("<p>What the trained tutor did with single learners. {kept}.</p>\n");
    let items = sessions.iter().map(|session| session.inside.len()).max().unwrap_or(0);
    if items > 0 {
        out += &legend(examination, items);
    }
    for (index, session) in sessions.iter().take(MOST_SESSIONS).enumerate() {
        out += &replay(examination, session, index);
    }
    out + "</section>\n"
}

fn legend(examination: &Examination, items: usize) -> String {
    let names = if items == examination.actions.len() {
        "one cell for each action's item, in the order of the map above"
    } else {
        "one cell for each item"
    };
    let shared = match strip::items_each(items) {
        1 => names.to_owned(),
        each => {
            format!("up to {} neighbouring items share a cell, which shows their mean", count(each as u64))
        }
    };
    format!(
        "<p class=\"note\">The strip shows what is inside of the learner and what the tutor does not see: {shared}. The stronger \
         the colour, the more of it is there (from 0 to 1); above is before the step, below after it. \
         <span class=\"up-mark\">\u{25b2}</span> marks a cell in which an item rose by 0.05 or more, \
         <span class=\"down-mark\">\u{25bc}</span> one in which it fell by as much.</p>\n"
    )
}

fn replay(examination: &Examination, session: &Replay, index: usize) -> String {
    let answered: Vec<bool> = session.steps.iter().filter_map(|step| step.correct).collect();
    let right = answered.iter().filter(|right| **right).count();
    let answers = if answered.is_empty() {
        String::new()
    } else {
        format!(", {} of {} right", count(right as u64), counted(answered.len() as u64, "answer"))
    };
    let digits = decimals(session.steps.iter().map(|step| step.worth).chain([session.worth]));
    let mut out = format!(
        "<details class=\"group\"{}>\n<summary><span class=\"group-name\">Learner {}</span> <bdi class=\"teaser\">{}</bdi> \
         <span class=\"spread\">worth {} after {}{answers}</span></summary>\n",
        if index == 0 { " open=\"open\"" } else { "" },
        count(session.learner as u64),
        escape(&session.about),
        fixed(session.worth, digits),
        counted(session.steps.len() as u64, "step"),
    );
    let columns = Columns { answers: !answered.is_empty(), inside: !session.inside.is_empty(), digits };
    out += "<div class=\"scroll\" role=\"region\" aria-label=\"Steps of the session\" tabindex=\"0\">\n<table class=\"replay\">\n<thead><tr>\
            <th scope=\"col\" class=\"num\">Step</th><th scope=\"col\">Chosen (probability)</th><th scope=\"col\">Also considered</th>";
    if columns.answers {
        out += "<th scope=\"col\">Answer</th>";
    }
    out += "<th scope=\"col\" class=\"num\">Worth so far</th>";
    if columns.inside {
        out += "<th scope=\"col\">Inside of the learner</th>";
    }
    out += "</tr></thead>\n<tbody>\n";
    let (mut before, mut worth) = (&session.inside, None);
    for (number, step) in session.steps.iter().take(MOST_STEPS).enumerate() {
        out += &row(examination, step, number + 1, before, worth, &columns);
        (before, worth) = (&step.inside, Some(step.worth));
    }
    out += "</tbody>\n</table>\n</div>\n";
    if session.steps.len() > MOST_STEPS {
        out += &format!(
            "<p class=\"note rest\">The first {} of {} are shown; steps {} to {} are in examination.json, sessions[{index}].steps.</p>\n",
            count(MOST_STEPS as u64),
            counted(session.steps.len() as u64, "step"),
            count(MOST_STEPS as u64 + 1),
            count(session.steps.len() as u64)
        );
    }
    out + "</details>\n"
}

struct Columns {
    answers: bool,
    inside: bool,
    digits: usize,
}

fn row(
    examination: &Examination,
    step: &ReplayStep,
    number: usize,
    before: &[f64],
    worth: Option<f64>,
    columns: &Columns,
) -> String {
    let name = |action: usize| format!("<bdi>{}</bdi>", escape(&action_name(examination, action)));
    let others: Vec<String> = step
        .considered
        .iter()
        .filter(|(action, _)| *action != step.action)
        .map(|(action, probability)| format!("{} {}", name(*action), percent(*probability)))
        .collect();
    let others = if others.is_empty() { "nothing else".to_owned() } else { others.join(", ") };
    let mut out = format!(
        "<tr><th scope=\"row\" class=\"num\">{number}</th><td><b>{}</b> ({})</td><td class=\"considered\">{others}</td>",
        name(step.action),
        percent(step.probability),
    );
    if columns.answers {
        out += match step.correct {
            Some(true) => "<td class=\"answer\"><span class=\"up-mark\">\u{2713}</span> right</td>",
            Some(false) => "<td class=\"answer\"><span class=\"down-mark\">\u{2717}</span> wrong</td>",
            None => "<td class=\"answer\">none</td>",
        };
    }
    let change = worth
        .map(|before| {
            format!("<span class=\"reason\">{}</span>", signed(step.worth - before, columns.digits))
        })
        .unwrap_or_default();
    out += &format!("<td class=\"num\">{}{change}</td>", fixed(step.worth, columns.digits));
    if columns.inside {
        out += &format!("<td>{}</td>", inside(examination, before, &step.inside));
    }
    out + "</tr>\n"
}

fn inside(examination: &Examination, before: &[f64], after: &[f64]) -> String {
    let moved = moves(before, after);
    let mean = |values: &[f64]| short(values.iter().sum::<f64>() / values.len().max(1) as f64);
    let about = format!("mean of all items {} before and {} after the step", mean(before), mean(after));
    let lines = told(&moved, |item| item_name(examination, after.len(), item));
    let lines: Vec<_> = lines.iter().map(|line| escape(line)).collect();
    format!("{}<span class=\"reason\">{}</span>", strip::svg(before, after, &about), lines.join("<br/>"))
}
