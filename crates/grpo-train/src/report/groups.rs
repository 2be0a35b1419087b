//! The sampled groups as tables.

use std::collections::BTreeSet;

use super::samples::{Completion, Group, SampledStep, Samples, Text};
use super::text::{count, counted, escape, escape_attribute, short, signed};

/// The section of sampled groups.
pub(super) fn section(samples: &Samples) -> String {
    let mut out = String::from("<section>\n<h2>Sampled groups</h2>\n");
    if samples.total == 0 {
        out += if samples.found {
            "<p>samples.jsonl holds no completion yet.</p>\n"
        } else {
            "<p>This run has no samples.jsonl.</p>\n"
        };
        return out + "</section>\n";
    }
    let shown = if samples.shown() == samples.total {
        format!("{} in samples.jsonl, all shown", counted(samples.total, "completion"))
    } else {
        let (shown, total) = (count(samples.shown()), counted(samples.total, "completion"));
        format!("{total} in samples.jsonl, {shown} of them shown")
    };
    let steps = match samples.sampled_steps {
        steps @ 4.. => format!(
            "those of the first, a middle and the last of {} that were sampled",
            counted(steps, "step")
        ),
        steps => format!("those of {} that were sampled", counted(steps, "step")),
    };
    out += &format!(
        "<p>What the policy wrote. {shown}: {steps}. The advantage says how far a completion beat its own group: \
         with \u{25b2} it is made more probable, with \u{25bc} less, and with \u{25cf} it changes nothing.</p>\n",
    );
    samples.steps.iter().for_each(|sampled| out += &step(sampled));
    out + "</section>\n"
}

fn step(step: &SampledStep) -> String {
    let shown: u64 = step.groups.iter().map(|group| group.completions.len() as u64).sum();
    let mut out = format!("<h3>{} sampled step: {}</h3>\n", step.name, count(step.step));
    if shown < step.total {
        out += &format!(
            "<p class=\"note\">{} of {} shown; the rest is in samples.jsonl.</p>\n",
            count(shown),
            counted(step.total, "completion")
        );
    }
    for (index, group) in step.groups.iter().enumerate() {
        out += &table(group, index == 0);
    }
    out
}

fn table(group: &Group, open: bool) -> String {
    let names: BTreeSet<&str> = group
        .completions
        .iter()
        .flat_map(|completion| completion.rewards.keys().map(String::as_str))
        .collect();
    let mut out = format!(
        "<details class=\"group\"{}>\n<summary><span class=\"group-name\">Group {}</span> <bdi class=\"teaser\">{}</bdi> \
         <span class=\"spread\">{}</span></summary>\n",
        if open { " open=\"open\"" } else { "" },
        group.index,
        escape(&teaser(&group.prompt.shown)),
        spread(group)
    );
    out += &format!("<dl class=\"prompt\"><dt>Prompt</dt><dd>{}</dd>\n", text(&group.prompt));
    if let Some(reference) = &group.reference {
        out += &format!("<dt>Reference</dt><dd>{}</dd>\n", text(reference));
    }
    out += "</dl>\n<table class=\"completions\">\n<thead><tr><th scope=\"col\">Completion</th>";
    names.iter().for_each(|name| out += &format!("<th scope=\"col\" class=\"num\">{}</th>", escape(name)));
    out += "<th scope=\"col\" class=\"num\">Reward</th><th scope=\"col\" class=\"num\">Advantage</th>\
            <th scope=\"col\" class=\"finish\">Finish</th></tr></thead>\n<tbody>\n";
    for completion in &group.completions {
        out += &row(completion, &names);
    }
    out + "</tbody>\n</table>\n</details>\n"
}

fn row(completion: &Completion, names: &BTreeSet<&str>) -> String {
    let mut out = format!("<tr><td class=\"said\">{}</td>", text(&completion.text));
    for name in names {
        let value = completion.rewards.get(*name).copied().flatten();
        let reason = completion.reasons.get(*name).and_then(Option::as_deref).unwrap_or_default();
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!("<span class=\"reason\">{}</span>", escape(reason))
        };
        let label = escape_attribute(name);
        out += &format!("<td class=\"num\" data-label=\"{label}\">{}{reason}</td>", known(value));
    }
    out += &format!("<td class=\"num\" data-label=\"Reward\"><b>{}</b></td>", known(completion.reward));
    out += &format!("<td class=\"num\" data-label=\"Advantage\">{}</td>", advantage(completion.advantage));
    let finish = match completion.finish.as_deref() {
        Some("truncated") => "<span class=\"truncated\">\u{2702} truncated</span>".into(),
        Some(finish) => escape(finish),
        None => "not recorded".into(),
    };
    let tokens = completion
        .tokens
        .map(|tokens| format!("<span class=\"reason\">{}</span>", counted(tokens, "token")))
        .unwrap_or_default();
    out + &format!("<td class=\"finish\" data-label=\"Finish\">{finish}{tokens}</td></tr>\n")
}

fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "<span class=\"reason\">none</span>".into(), short)
}

/// The sign in words of shape, colour and number at once.
fn advantage(value: Option<f64>) -> String {
    let Some(value) = value else { return known(None) };
    let strength = match value.abs() {
        size if size < 0.005 => {
            return format!("<span class=\"advantage\">\u{25cf} {}</span>", signed(value, 2));
        }
        size if size < 0.5 => 1,
        size if size < 1.5 => 2,
        _ => 3,
    };
    let (side, arrow) = if value > 0.0 { ("up", '\u{25b2}') } else { ("down", '\u{25bc}') };
    format!("<span class=\"advantage {side} strength-{strength}\">{arrow} {}</span>", signed(value, 2))
}

fn text(text: &Text) -> String {
    text_of(text, "samples.jsonl")
}

/// A text, and where all of it is if this is only its beginning.
pub(super) fn text_of(text: &Text, file: &str) -> String {
    let rest = if text.left_out > 0 {
        format!(
            "<span class=\"reason\">\u{2026} and {}, see line {} of {file}</span>",
            counted(text.left_out as u64, "more character"),
            count(text.line as u64)
        )
    } else {
        String::new()
    };
    let shown = if text.shown.is_empty() {
        "<span class=\"reason\">(empty)</span>".into()
    } else {
        escape(&text.shown)
    };
    format!("<div class=\"text\" dir=\"auto\">{shown}</div>{rest}")
}

/// The first words of a prompt on one line.
pub(super) fn teaser(prompt: &str) -> String {
    let line = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    match super::text::cut(&line, 90) {
        (_, 0) => line,
        (start, _) => format!("{}\u{2026}", start.trim_end()),
    }
}

fn spread(group: &Group) -> String {
    let rewards: Vec<f64> = group.completions.iter().filter_map(|completion| completion.reward).collect();
    let completions = if (group.completions.len() as u64) < group.total {
        format!("{} of {}", count(group.completions.len() as u64), counted(group.total, "completion"))
    } else {
        counted(group.total, "completion")
    };
    let (Some(low), Some(high)) =
        (rewards.iter().copied().reduce(f64::min), rewards.iter().copied().reduce(f64::max))
    else {
        return completions;
    };
    if low == high {
        return format!("{completions}, all rewarded {}: no signal", short(low));
    }
    let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
    format!("{completions}, mean reward {} ({} to {})", short(mean), short(low), short(high))
}
