//! The head of the page: what the run reached, what it cost, and what the reader should know of the files.

use super::curves::{Curves, Evaluation, StageName};
use super::page::{self, Run};
use super::summary::Summary;
use super::suspects;
use super::text::{bytes, count, counted, duration, escape, percent, signed};

/// The table before / after imitation / after GRPO.
pub(super) fn outcome(summary: &Summary, curves: &Curves) -> String {
    let mut rows = vec![("Before training".to_owned(), summary.accuracy("initial"))];
    let during = |name: &str, last: Evaluation| {
        (format!("During {name}, at step {}", count(last.step)), Some(last.accuracy))
    };
    let (imitation, grpo) =
        (curves.last_evaluation(StageName::Imitation), curves.last_evaluation(StageName::Grpo));
    match (summary.accuracy("imitation"), imitation) {
        (Some(accuracy), _) => rows.push(("After imitation".into(), Some(accuracy))),
        // Once GRPO has begun, the last evaluation of imitation is its outcome.
        (None, Some(last)) if curves.grpo.rows > 0 || summary.is_finished() => {
            rows.push(("After imitation".into(), Some(last.accuracy)));
        }
        (None, Some(last)) => rows.push(during("imitation", last)),
        (None, None) if curves.imitation.rows > 0 && curves.grpo.rows > 0 => {
            rows.push(("After imitation".into(), None))
        }
        (None, None) => {}
    }
    match (summary.accuracy("final"), grpo) {
        (Some(accuracy), _) if curves.grpo.rows > 0 || !curves.found => {
            rows.push(("After GRPO".into(), Some(accuracy)));
        }
        (None, Some(last)) => rows.push(during("GRPO", last)),
        _ => {}
    }
    let mut out = String::from(
        "<table class=\"outcome\">\n<caption>Accuracy on held-out prompts</caption>\n<thead><tr>\
         <th scope=\"col\">Policy</th><th scope=\"col\" class=\"num\">Accuracy</th>\
         <th scope=\"col\" class=\"num\">Change</th><th scope=\"col\" class=\"bar-cell\"></th></tr></thead>\n<tbody>\n",
    );
    let mut before: Option<f64> = None;
    for (name, accuracy) in &rows {
        let value = accuracy.map_or_else(
            || "<span class=\"unknown\">not measured</span>".to_owned(),
            |accuracy| format!("<b>{}</b>", percent(accuracy)),
        );
        let change = before.zip(*accuracy).map_or_else(String::new, |(from, to)| points(to - from));
        let bar = accuracy.map_or_else(String::new, bar);
        out += &format!(
            "<tr><th scope=\"row\">{name}</th><td class=\"num\">{value}</td><td class=\"num\">{change}</td>\
             <td class=\"bar-cell\">{bar}</td></tr>\n"
        );
        before = accuracy.or(before);
    }
    out += "</tbody>\n";
    if let (3.., Some(first), Some(last)) =
        (rows.len(), rows.first().and_then(|row| row.1), rows.last().and_then(|row| row.1))
    {
        out += &format!(
            "<tfoot><tr><th scope=\"row\">In all</th><td></td><td class=\"num\">{}</td><td class=\"bar-cell\"></td></tr></tfoot>\n",
            points(last - first)
        );
    }
    out + "</table>\n"
}

fn points(difference: f64) -> String {
    format!("{}\u{a0}points", signed(difference * 100.0, 1))
}

fn bar(accuracy: f64) -> String {
    let width = (accuracy * 100.0).clamp(0.0, 100.0);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect width=\"100\" height=\"8\" fill=\"var(--grid)\"/>\
         <rect width=\"{width:.1}\" height=\"8\" fill=\"var(--series-0)\"/></svg>"
    )
}

/// The run in figures: time, memory, size, device, seed.
pub(super) fn facts(summary: &Summary, curves: &Curves) -> String {
    let seconds = summary
        .number("seconds")
        .map(duration)
        .or_else(|| (curves.seconds > 0.0).then(|| format!("{} in steps so far", duration(curves.seconds))));
    let rows = curves.imitation.rows + curves.grpo.rows;
    let steps = match summary.steps() {
        // The sum of both stages says less than the stages.
        Some(steps) if !curves.found || steps != count(rows) => Some(steps),
        _ if !curves.found => None,
        _ => Some(format!("{} imitation + {} grpo", count(curves.imitation.rows), count(curves.grpo.rows))),
    };
    let parameters = summary.whole("parameters").map(count);
    let memory = summary.number("peak_rss_bytes").map(bytes);
    let entries = [
        ("Time", seconds),
        ("Peak memory", memory),
        ("Parameters", parameters),
        ("Steps", steps),
        ("Tokens learnt from", summary.whole("num_tokens").map(count)),
        ("Recipe", summary.text("recipe")),
        ("Device", summary.text("device")),
        ("Seed", summary.text("seed")),
    ];
    page::facts(&entries)
}

/// Whatever keeps the page from showing the whole run, in sentences.
pub(super) fn notes(run: &Run) -> String {
    let Run { summary, curves, samples, suspects, config, .. } = run;
    let mut notes: Vec<String> = suspects::note(&curves.grpo).into_iter().collect();
    if !summary.found {
        notes.push(
            "This run has no summary.json: it was stopped before its end, or is still going. What you see comes \
             from the steps it wrote down."
                .to_owned(),
        );
    } else if !summary.is_finished() {
        notes.push("This run was stopped before its last step; it can be resumed.".to_owned());
    }
    for (name, found) in
        [("metrics.jsonl", curves.found), ("samples.jsonl", samples.found), ("config.toml", config.is_some())]
    {
        if !found {
            notes.push(format!("This run has no {name}."));
        }
    }
    for (name, cut) in
        [("metrics.jsonl", curves.cut), ("samples.jsonl", samples.cut), ("suspects.jsonl", suspects.cut)]
    {
        if let Some(line) = cut {
            let line = count(line as u64);
            notes.push(format!("The last line of {name} (line {line}) is cut off and was left out."));
        }
    }
    for (name, stage) in [("imitation", &curves.imitation), ("GRPO", &curves.grpo)] {
        if stage.width > 1 {
            notes.push(format!(
                "The {name} stage has {}: each point of its curves is the mean of up to {} neighbouring steps, so \
                 that short spikes look smaller than they were. \u{201c}Last\u{201d} values are exact.",
                counted(stage.rows, "step"),
                count(stage.width)
            ));
        }
        if stage.repeats > 0 {
            notes.push(format!(
                "The {name} stage goes back to an earlier step {}: the run was resumed. Its curves show both passes.",
                counted(stage.repeats, "time")
            ));
        }
    }
    for (stage, lines) in &curves.other_stages {
        notes.push(format!(
            "Not drawn: {} of metrics.jsonl with the stage \u{201c}{}\u{201d}, which this report does not know.",
            counted(*lines, "line"),
            escape(stage)
        ));
    }
    page::notes(&notes)
}
