//! The page: everything that was read, in one self-contained document.

use super::curves::Curves;
use super::figures::sections;
use super::samples::Samples;
use super::summary::Summary;
use super::text::{escape, escape_attribute};
use super::{groups, headline};

/// What the files of a run hold.
pub(super) struct Run {
    /// The name of the folder.
    pub(super) folder: String,
    pub(super) summary: Summary,
    pub(super) curves: Curves,
    pub(super) samples: Samples,
    pub(super) config: Option<String>,
}

/// The document. An error names the chart that could not be drawn, and why.
///
/// It is valid as HTML and as XML at once, and a policy in its head forbids it to load or run anything, so
/// that a completion could not do so even if it slipped through the escaping.
pub(super) fn html(run: &Run) -> Result<String, (String, String)> {
    let recipe = run.summary.text("recipe").unwrap_or_else(|| run.folder.clone());
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>GRPO run: {}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
        escape_attribute(&recipe),
        include_str!("style.css")
    );
    out += &format!("<header>\n<h1>GRPO run: <bdi>{}</bdi></h1>\n", escape(&recipe));
    out += &subtitle(run);
    out += "</header>\n";
    out += &headline::notes(&run.summary, &run.curves, &run.samples, run.config.is_some());
    out += "<section class=\"head\">\n";
    out += &headline::outcome(&run.summary, &run.curves);
    out += &headline::facts(&run.summary, &run.curves);
    out += "</section>\n";
    if run.curves.found {
        out += &charts(run)?;
    }
    out += &groups::section(&run.samples);
    if let Some(config) = &run.config {
        out += &format!(
            "<section>\n<h2>Configuration</h2>\n<details>\n<summary>config.toml: every value in force</summary>\n\
             <pre>{}</pre>\n</details>\n</section>\n",
            escape(config)
        );
    }
    Ok(out + "</main>\n</body>\n</html>\n")
}

fn subtitle(run: &Run) -> String {
    let device = run.summary.text("device").map(|device| format!("device {}", escape(&device)));
    let seed = run.summary.text("seed").map(|seed| format!("seed {}", escape(&seed)));
    let folder = format!("folder {}", escape(&run.folder));
    let parts: Vec<_> = [device, seed, Some(folder)].into_iter().flatten().collect();
    format!("<p class=\"subtitle\">{}</p>\n", parts.join(" \u{b7} "))
}

fn charts(run: &Run) -> Result<String, (String, String)> {
    let mut out = String::new();
    for section in sections(&run.curves, &run.summary) {
        let (drawn, empty): (Vec<_>, Vec<_>) =
            section.figures.into_iter().partition(|figure| figure.has_curves());
        out += &format!("<section>\n<h2>{}</h2>\n", section.title);
        if !drawn.is_empty() {
            out += "<div class=\"figures\">\n";
            for figure in drawn {
                let title = figure.title().to_owned();
                out += &figure.html().map_err(|problem| (title, problem))?;
            }
            out += "</div>\n";
        }
        if !empty.is_empty() {
            let titles: Vec<_> = empty.iter().map(|figure| figure.title()).collect();
            out +=
                &format!("<p class=\"note\">Not recorded in this run: {}.</p>\n", escape(&titles.join(", ")));
        }
        out += "</section>\n";
    }
    Ok(out)
}
