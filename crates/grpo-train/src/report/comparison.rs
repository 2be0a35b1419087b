//! The page and the tables of a comparison: what every arm reached with the same budget, what it took, and how sure that is.

mod arms;
mod curves;
mod machine;
mod notes;
mod numbers;
mod words;

use std::fs;
use std::path::Path;

use super::table::{Table, markdown as escape_markdown, plain};
use super::text::{count, duration, escape};
use super::{Error, page};
use crate::comparing::Comparison;

/// Reads `comparison.json` of `folder`.
pub(super) fn read(folder: &Path) -> Result<Comparison, Error> {
    let path = folder.join("comparison.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if super::is_missing(&error) => return Err(Error::NotAComparison { path: folder.into() }),
        Err(source) => return Err(Error::Read { path, source }),
    };
    serde_json::from_slice(&text).map_err(|error| Error::Line {
        path,
        line: error.line(),
        problem: error.to_string(),
        fix: "it holds one comparison; repair it, or run the comparison again",
    })
}

/// Tables of a task or of the machine, under a heading.
struct Part {
    title: String,
    about: String,
    tables: Vec<Table>,
}

fn parts(comparison: &Comparison) -> Vec<Part> {
    let task = |task| Part {
        title: task_title(task),
        about: arms::about(task),
        tables: [arms::outcome(task)]
            .into_iter()
            .chain(arms::reaching(task))
            .chain(arms::tried(task))
            .collect(),
    };
    let mut parts: Vec<Part> = comparison.tasks.iter().map(task).collect();
    parts.extend(machine::memory(&comparison.memory));
    parts.extend(machine::latency(&comparison.latency));
    parts
}

fn task_title(task: &crate::comparing::Task) -> String {
    format!("Task {}", task.name)
}

/// The document. An error names the chart that could not be drawn, and why.
pub(super) fn html(comparison: &Comparison) -> Result<String, (String, String)> {
    let mut out = page::open(&format!("Comparison: {}", comparison.name), &[include_str!("tables.css")]);
    out += &format!("<header>\n<h1>Comparison: <bdi>{}</bdi></h1>\n", escape(&comparison.name));
    out += &format!("<p class=\"subtitle\">device {}</p>\n</header>\n", escape(&comparison.device));
    out += &page::notes(&notes::notes(comparison).iter().map(|note| escape(note)).collect::<Vec<_>>());
    out += "<section class=\"head\">\n<div class=\"card words\">\n<h2>In short</h2>\n<ul>\n";
    for (name, sentence) in words::sentences(comparison) {
        out += &format!("<li><b><bdi>{}</bdi></b>: {}</li>\n", escape(&name), escape(&sentence));
    }
    out += "</ul>\n</div>\n";
    out += &facts(comparison);
    out += "</section>\n";
    let mut parts = parts(comparison).into_iter();
    for task in &comparison.tasks {
        let Some(part) = parts.next() else { break };
        out += &section(&part, &page::grid(curves::figures(task))?);
    }
    parts.for_each(|part| out += &section(&part, ""));
    for (what, is_empty) in
        [("Memory", comparison.memory.is_empty()), ("Time to answer", comparison.latency.is_empty())]
    {
        if is_empty {
            out += &format!(
                "<section>\n<h2>{what}</h2>\n<p class=\"note\">Not measured in this comparison.</p>\n</section>\n"
            );
        }
    }
    Ok(out + page::CLOSE)
}

/// The first table, then the figures, then the other tables.
fn section(part: &Part, figures: &str) -> String {
    let mut out =
        format!("<section>\n<h2><bdi>{}</bdi></h2>\n<p>{}</p>\n", escape(&part.title), escape(&part.about));
    for (index, table) in part.tables.iter().enumerate() {
        out += &table.html();
        if index == 0 {
            out += figures;
        }
    }
    out + "</section>\n"
}

fn facts(comparison: &Comparison) -> String {
    let arms: std::collections::BTreeSet<&str> =
        comparison.tasks.iter().flat_map(|task| &task.arms).map(|arm| arm.name.as_str()).collect();
    let runs: usize = comparison.tasks.iter().flat_map(|task| &task.arms).map(|arm| arm.runs.len()).sum();
    page::facts(&[
        ("Tasks", Some(count(comparison.tasks.len() as u64))),
        ("Arms", Some(count(arms.len() as u64))),
        ("Runs in all", Some(count(runs as u64))),
        ("Time for all of it", Some(duration(comparison.seconds))),
        ("Device", Some(comparison.device.clone())),
    ])
}

/// The tables of a comparison for a terminal, with aligned columns. What the notes of the page say stands above them.
pub fn tables(comparison: &Comparison) -> String {
    let mut out = format!(
        "Comparison {} on {}, {}\n",
        plain(&comparison.name),
        plain(&comparison.device),
        plain(&duration(comparison.seconds))
    );
    for note in notes::notes(comparison) {
        out += &format!("Note: {}\n", plain(&note));
    }
    out += "\n";
    for (name, sentence) in words::sentences(comparison) {
        out += &format!("{}: {}\n", plain(&name), plain(&sentence));
    }
    for part in parts(comparison) {
        let title = plain(&part.title);
        out += &format!("\n{title}\n{}\n{}\n", "=".repeat(title.chars().count()), plain(&part.about));
        part.tables.iter().for_each(|table| out += &format!("\n{}", table.text()));
    }
    out
}

/// The tables of a comparison for a Markdown document, below headings of the second level.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = String::new();
    for note in notes::notes(comparison) {
        out += &format!("> {}\n>\n", escape_markdown(&note));
    }
    if !out.is_empty() {
        out.truncate(out.len() - 2);
        out += "\n";
    }
    for (name, sentence) in words::sentences(comparison) {
        out += &format!("- **{}**: {}\n", escape_markdown(&name), escape_markdown(&sentence));
    }
    for part in parts(comparison) {
        out += &format!("\n## {}\n\n{}\n", escape_markdown(&part.title), escape_markdown(&part.about));
        part.tables.iter().for_each(|table| out += &format!("\n{}", table.markdown()));
    }
    out += &format!(
        "\nMeasured on {} in {}.\n",
        escape_markdown(&comparison.device),
        escape_markdown(&duration(comparison.seconds))
    );
    out
}
