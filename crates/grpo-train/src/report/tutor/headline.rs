//! The head of a tutor's page: what it reached, beside whom, what it cost, and what the reader should know of the files.

use super::super::page;
use super::super::text::{bytes, count, counted, decimals, duration, escape};
use super::Run;
use super::standing::{Scale, better_first, difference, digits, spread, verdict};
use crate::tutoring::{Examination, Examined, Interval, Role};

fn first(examination: &Examination, role: Role) -> Option<&Examined> {
    examination.tutors.iter().find(|tutor| tutor.role == role)
}

fn best(examination: &Examination, role: Role) -> Option<&Examined> {
    let of_role = examination.tutors.iter().filter(|tutor| tutor.role == role);
    of_role.min_by(|a, b| better_first(a.worth, b.worth))
}

/// The outcome in plain words.
pub(super) fn lead(examination: &Examination, trained_for: Option<&str>) -> String {
    let Some(trained) = first(examination, Role::Trained) else { return String::new() };
    let digits = digits(examination);
    let mut out = format!(
        "<p class=\"lead\">With {} that it has never taught, a session of the trained tutor is worth <b>{}</b> ({}).",
        counted(examination.learners as u64, "learner"),
        spread(trained.worth, digits),
        escape(&examination.measure),
    );
    let against = [
        (first(examination, Role::Untrained), "before training", false),
        (best(examination, Role::Baseline), "the best baseline", true),
        (best(examination, Role::Reference), "the best of those that look inside the learner", true),
    ];
    for (tutor, what, named) in against {
        let Some((tutor, ahead)) = tutor.and_then(|tutor| Some((tutor, tutor.ahead?))) else { continue };
        let name = if named { format!("{what} ({})", escape(&tutor.name)) } else { what.to_owned() };
        let size = Interval { mean: ahead.mean.abs(), ..ahead };
        out += &match (ahead.mean - ahead.half_width > 0.0, ahead.mean + ahead.half_width < 0.0) {
            (true, _) => format!(" That is {} more than {name}.", spread(size, digits)),
            (_, true) => format!(" That is {} less than {name}.", spread(size, digits)),
            _ => format!(" There is no clear difference to {name}: {}.", difference(ahead, digits)),
        };
    }
    if let Some(aim) = trained_for {
        out += &format!(" What it was trained for: {}.", escape(aim));
    }
    out + "</p>\n"
}

struct Row {
    name: String,
    worth: Option<Interval>,
    ahead: Option<Interval>,
    own: bool,
}

fn rows(run: &Run) -> Vec<Row> {
    let row = |name: &str, worth, own| Row { name: name.into(), worth, ahead: None, own };
    let Some(examination) = &run.examination else {
        let mut rows = vec![row("Before training", run.summary.worth("initial"), false)];
        match (run.summary.worth("final"), run.training.last_gain()) {
            (Some(worth), _) => rows.push(row("After training", Some(worth), true)),
            (None, Some((step, mean))) => {
                let name = format!("During training, at step {}", count(step));
                let worth = Interval { mean, half_width: f64::INFINITY };
                rows.push(row(&name, Some(worth), true));
            }
            (None, None) => {}
        }
        return rows;
    };
    let named = |tutor: &Examined, what: &str| Row {
        name: format!("{what}: {}", tutor.name),
        worth: Some(tutor.worth),
        ahead: tutor.ahead,
        own: false,
    };
    let before = first(examination, Role::Untrained)
        .map(|tutor| Row { ahead: tutor.ahead, ..row("Before training", Some(tutor.worth), false) });
    let after = first(examination, Role::Trained).map(|tutor| row("After training", Some(tutor.worth), true));
    let baseline = best(examination, Role::Baseline).map(|tutor| named(tutor, "Best baseline"));
    let reference = best(examination, Role::Reference).map(|tutor| named(tutor, "Looks inside the learner"));
    [before, after, baseline, reference].into_iter().flatten().collect()
}

/// The table before / after / best baseline / reference.
pub(super) fn outcome(run: &Run) -> String {
    let rows = rows(run);
    let digits = match &run.examination {
        Some(examination) => digits(examination),
        None => decimals(rows.iter().filter_map(|row| row.worth).map(|worth| worth.mean)),
    };
    let measure = run.examination.as_ref().map(|examination| examination.measure.clone());
    let measure = measure.or_else(|| run.summary.text("measure"));
    let scale = Scale::around(rows.iter().filter_map(|row| row.worth));
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"Table of the outcome\" tabindex=\"0\">\n<table class=\"outcome\">\n<caption>What a session is worth{}</caption>\n<thead><tr>\
         <th scope=\"col\">Tutor</th><th scope=\"col\" class=\"num\">Worth</th>\
         <th scope=\"col\" class=\"num\">Trained ahead by</th><th scope=\"col\" class=\"bar-cell\">As a bar</th></tr></thead>\n<tbody>\n",
        measure.map_or_else(String::new, |measure| format!(": {}", escape(&measure)))
    );
    for row in &rows {
        let worth = match row.worth {
            Some(worth) if run.examination.is_none() && worth.half_width.is_infinite() => {
                format!("<b>{}</b>", super::super::text::fixed(worth.mean, digits))
            }
            Some(worth) => format!("<b>{}</b>", spread(worth, digits)),
            None => "<span class=\"unknown\">not measured</span>".into(),
        };
        let ahead = row.ahead.map_or_else(String::new, |ahead| {
            format!("{}<br/>{}", difference(ahead, digits), verdict(ahead))
        });
        out += &format!(
            "<tr{}><th scope=\"row\">{}</th><td class=\"num\">{worth}</td><td class=\"num\">{ahead}</td>\
             <td class=\"bar-cell\">{}</td></tr>\n",
            if row.own { " class=\"own\"" } else { "" },
            escape(&row.name),
            row.worth.map_or_else(String::new, |worth| scale.bar(worth, row.own)),
        );
    }
    out + "</tbody>\n</table>\n</div>\n"
}

/// The run in figures: sessions, steps, time, memory, size, device, seed.
pub(super) fn facts(run: &Run) -> String {
    let (summary, training) = (&run.summary, &run.training);
    let so_far = (training.seconds > 0.0).then(|| format!("{} in steps so far", duration(training.seconds)));
    let steps = summary
        .steps()
        .or_else(|| (training.stage.rows > 0).then(|| format!("{} so far", count(training.stage.last_step))));
    let learners = run.examination.as_ref().map(|examination| examination.learners as u64);
    page::facts(&[
        ("Sessions taught", summary.whole("sessions").map(count)),
        ("Environment steps", summary.whole("environment_steps").map(count)),
        ("Training steps", steps),
        ("Time", summary.number("seconds").map(duration).or(so_far)),
        ("Peak memory", summary.number("peak_rss_bytes").map(bytes)),
        ("Parameters", summary.whole("parameters").map(count)),
        ("Learners examined", learners.or_else(|| summary.whole("learners")).map(count)),
        ("Algorithm", training.algorithm.map(|algorithm| algorithm.name().to_owned())),
        ("Recipe", summary.text("recipe")),
        ("Device", summary.text("device")),
        ("Seed", summary.text("seed")),
    ])
}

/// Whatever keeps the page from showing the whole run, in sentences.
pub(super) fn notes(run: &Run) -> String {
    let training = &run.training;
    let mut notes = Vec::new();
    if !run.summary.found {
        notes.push(
            "This run has no summary.json: it was stopped before its end, or is still going. What you see comes \
             from the steps it wrote down."
                .to_owned(),
        );
    } else if !run.summary.is_finished() {
        notes.push("This run was stopped before its last step; it can be resumed.".to_owned());
    }
    if run.examination.is_none() {
        notes.push(
            "This run has no examination.json: the comparison with other tutors, the map of what is taught when and the \
             sessions step by step come with the examination at the end."
                .to_owned(),
        );
    }
    for (name, found) in [("metrics.jsonl", training.found), ("config.toml", run.config.is_some())] {
        if !found {
            notes.push(format!("This run has no {name}."));
        }
    }
    if let Some(line) = training.cut {
        let line = count(line as u64);
        notes.push(format!("The last line of metrics.jsonl (line {line}) is cut off and was left out."));
    }
    if training.stage.width > 1 {
        notes.push(format!(
            "The training has {}: each point of its curves is the mean of up to {} neighbouring steps, so that short \
             spikes look smaller than they were. \u{201c}Last\u{201d} values are exact.",
            counted(training.stage.rows, "step"),
            count(training.stage.width)
        ));
    }
    if training.stage.repeats > 0 {
        notes.push(format!(
            "The training goes back to an earlier step {}: the run was resumed. Its curves show both passes.",
            counted(training.stage.repeats, "time")
        ));
    }
    for (stage, lines) in &training.other_stages {
        notes.push(format!(
            "Not drawn: {} of metrics.jsonl with the stage \u{201c}{}\u{201d}.",
            counted(*lines, "line"),
            escape(stage)
        ));
    }
    page::notes(&notes)
}
