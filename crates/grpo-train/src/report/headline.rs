//! The head of the page: what the run reached, what it cost, and what the reader should know of the files.

use super::curves::{Curves, Stage, StageName};
use super::samples::Samples;
use super::summary::Summary;
use super::text::{bytes, count, counted, duration, escape, percent, signed};

/// The table before / after imitation / after GRPO.
pub(super) fn outcome(summary: &Summary, curves: &Curves) -> String {
    let evaluated = |stage| curves.last_evaluation(stage).map(|evaluation| evaluation.accuracy);
    let started = |stage: &Stage, key| stage.rows > 0 || summary.accuracy(key).is_some();
    let mut rows = vec![("Before training".to_owned(), summary.accuracy("initial"))];
    if started(&curves.imitation, "imitation") {
        let accuracy = summary.accuracy("imitation").or_else(|| evaluated(StageName::Imitation));
        rows.push(("After imitation".into(), accuracy));
    }
    match (summary.accuracy("final"), curves.last_evaluation(StageName::Grpo)) {
        (Some(accuracy), _) if curves.grpo.rows > 0 || !curves.found => {
            rows.push(("After GRPO".into(), Some(accuracy)));
        }
        (None, Some(last)) => {
            let name = format!("During GRPO, at step {}", count(last.step));
            rows.push((name, Some(last.accuracy)));
        }
        _ => {}
    }
    let mut out = String::from(
        "<table class=\"outcome\">\n<caption>Accuracy on held-out questions</caption>\n<thead><tr>\
         <th scope=\"col\">Policy</th><th scope=\"col\" class=\"num\">Accuracy</th>\
         <th scope=\"col\" class=\"num\">Change</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
    );
    let mut before: Option<f64> = None;
    for (name, accuracy) in &rows {
        let value = accuracy.map_or_else(|| "not measured".into(), percent);
        let change = before.zip(*accuracy).map_or_else(String::new, |(from, to)| points(to - from));
        let bar = accuracy.map_or_else(String::new, bar);
        out += &format!(
            "<tr><th scope=\"row\">{name}</th><td class=\"num\"><b>{value}</b></td><td class=\"num\">{change}</td>\
             <td class=\"bar-cell\">{bar}</td></tr>\n"
        );
        before = accuracy.or(before);
    }
    out += "</tbody>\n";
    if let (3.., Some(first), Some(last)) =
        (rows.len(), rows.first().and_then(|row| row.1), rows.last().and_then(|row| row.1))
    {
        out += &format!(
            "<tfoot><tr><th scope=\"row\">In all</th><td></td><td class=\"num\">{}</td><td></td></tr></tfoot>\n",
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
    let steps = summary.steps().or_else(|| {
        curves.found.then(|| format!("{} imitation + {} grpo", curves.imitation.rows, curves.grpo.rows))
    });
    let parameters = summary.whole("parameters").map(count);
    let memory = summary.number("peak_rss_bytes").map(bytes);
    let entries = [
        ("Time", seconds),
        ("Peak memory", memory),
        ("Parameters", parameters),
        ("Steps", steps),
        ("Recipe", summary.text("recipe")),
        ("Device", summary.text("device")),
        ("Seed", summary.text("seed")),
    ];
    let mut out = String::from("<dl class=\"facts\">\n");
    for (name, value) in entries {
        if let Some(value) = value {
            out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
        }
    }
    out + "</dl>\n"
}

/// Whatever keeps the page from showing the whole run, in sentences.
pub(super) fn notes(summary: &Summary, curves: &Curves, samples: &Samples, has_config: bool) -> String {
    let mut notes = Vec::new();
    if !summary.found {
        notes.push(
            "This run has no summary.json: it was stopped before its end, or is still going. What you see comes \
             from the steps it wrote down."
                .to_owned(),
        );
    }
    for (name, found) in
        [("metrics.jsonl", curves.found), ("samples.jsonl", samples.found), ("config.toml", has_config)]
    {
        if !found {
            notes.push(format!("This run has no {name}."));
        }
    }
    for (name, cut) in [("metrics.jsonl", curves.cut), ("samples.jsonl", samples.cut)] {
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
            "{} of metrics.jsonl belong to the stage \u{201c}{}\u{201d}, which this report does not draw.",
            counted(*lines, "line"),
            escape(stage)
        ));
    }
    if notes.is_empty() {
        return String::new();
    }
    let items: String = notes.iter().map(|note| format!("<li>{note}</li>\n")).collect();
    format!("<ul class=\"notes\" aria-label=\"Notes\">\n{items}</ul>\n")
}
