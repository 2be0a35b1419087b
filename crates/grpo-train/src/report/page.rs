//! The page: everything that was read, in one self-contained document.

use super::curves::Curves;
use super::figure::Figure;
use super::figures::sections;
use super::samples::Samples;
use super::summary::Summary;
use super::suspects::{self, Suspects};
use super::text::{escape, escape_attribute};
use super::{groups, headline};

/// What the files of a run hold.
pub(super) struct Run {
    /// The name of the folder.
    pub(super) folder: String,
    pub(super) summary: Summary,
    pub(super) curves: Curves,
    pub(super) samples: Samples,
    pub(super) suspects: Suspects,
    pub(super) config: Option<String>,
}

/// The document. An error names the chart that could not be drawn, and why.
pub(super) fn html(run: &Run) -> Result<String, (String, String)> {
    let recipe = run.summary.text("recipe").unwrap_or_else(|| run.folder.clone());
    let mut out = open(&format!("GRPO run: {recipe}"), &[]);
    out += &format!("<header>\n<h1>GRPO run: <bdi>{}</bdi></h1>\n", escape(&recipe));
    out += &subtitle(&run.summary, &run.folder);
    out += "</header>\n";
    out += &headline::notes(run);
    out += "<section class=\"head\">\n";
    out += &headline::outcome(&run.summary, &run.curves);
    out += &headline::facts(&run.summary, &run.curves);
    out += "</section>\n";
    if run.curves.found {
        out += &charts(run)?;
    }
    out += &suspects::section(&run.suspects, &run.curves.grpo);
    out += &groups::section(&run.samples);
    out += &configuration(run.config.as_deref());
    Ok(out + CLOSE)
}

/// A document up to its content, with style sheets beside the one that all pages share.
///
/// It is valid as HTML and as XML at once, and a policy in its head forbids it to load or run anything, so
/// that a completion could not do so even if it slipped through the escaping.
pub(super) fn open(title: &str, styles: &[&str]) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n<main>\n",
        escape_attribute(title),
        include_str!("style.css"),
        styles.concat()
    )
}

/// What ends a document.
pub(super) const CLOSE: &str = "</main>\n</body>\n</html>\n";

/// The section of `config.toml`, where there is one.
pub(super) fn configuration(config: Option<&str>) -> String {
    let section = |config| {
        format!(
            "<section>\n<h2>Configuration</h2>\n<details>\n<summary>config.toml: every value in force</summary>\n\
             <pre>{}</pre>\n</details>\n</section>\n",
            escape(config)
        )
    };
    config.map(section).unwrap_or_default()
}

/// Notes at the head of a page, each a sentence or two that are escaped already; nothing where there are none.
pub(super) fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let items: String = notes.iter().map(|note| format!("<li>{note}</li>\n")).collect();
    format!("<ul class=\"notes\" aria-label=\"Notes\">\n{items}</ul>\n")
}

/// A list of facts; those without a value are left out.
pub(super) fn facts(entries: &[(&str, Option<String>)]) -> String {
    let mut out = String::from("<dl class=\"facts\">\n");
    for (name, value) in entries {
        if let Some(value) = value {
            out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(value));
        }
    }
    out + "</dl>\n"
}

/// Figures beside each other, and the names of those without a curve.
pub(super) fn grid(figures: Vec<Figure>) -> Result<String, (String, String)> {
    let mut out = String::new();
    let (drawn, empty): (Vec<_>, Vec<_>) = figures.into_iter().partition(Figure::has_curves);
    if !drawn.is_empty() {
        out += "<div class=\"figures\">\n";
        for figure in drawn {
            let title = figure.title().to_owned();
            out += &figure.html().map_err(|problem| (title, problem))?;
        }
        out += "</div>\n";
    }
    if !empty.is_empty() {
        let titles: Vec<_> = empty.iter().map(Figure::title).collect();
        out += &format!("<p class=\"note\">Not recorded in this run: {}.</p>\n", escape(&titles.join(", ")));
    }
    Ok(out)
}

/// The line below the title: device, seed and folder.
pub(super) fn subtitle(summary: &Summary, folder: &str) -> String {
    let device = summary.text("device").map(|device| format!("device {}", escape(&device)));
    let seed = summary.text("seed").map(|seed| format!("seed {}", escape(&seed)));
    let folder = format!("folder {}", escape(folder));
    let parts: Vec<_> = [device, seed, Some(folder)].into_iter().flatten().collect();
    format!("<p class=\"subtitle\">{}</p>\n", parts.join(" \u{b7} "))
}

fn charts(run: &Run) -> Result<String, (String, String)> {
    let mut out = String::new();
    for section in sections(&run.curves, &run.summary) {
        out += &format!("<section>\n<h2>{}</h2>\n", section.title);
        out += &grid(section.figures)?;
        out += "</section>\n";
    }
    Ok(out)
}
