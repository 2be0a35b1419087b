//! The page of a tutor's run: what the tutor reached, beside whom, how it teaches, and how it learned to.
//!
//! Like the page of a language model's run it works on any prefix of a run: without `examination.json` it shows
//! the training so far and says what is missing.

mod gain;
mod headline;
mod heat;
mod moves;
mod outcomes;
mod replay;
mod standing;
mod strip;
mod training;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use super::summary::Summary;
use super::text::escape;
use super::{Error, page};
use crate::tutoring::{Examination, Role};
use training::Training;

/// What the files of a tutor's run hold.
pub(super) struct Run {
    /// The name of the folder.
    pub(super) folder: String,
    pub(super) summary: Summary,
    pub(super) config: Option<String>,
    training: Training,
    examination: Option<Examination>,
}

/// Whether the folder is that of a tutor's run: its summary says so, or there is an examination, or (it was stopped
/// early) its configuration has an environment and its first step tells of no tokens.
pub(super) fn is_tutor(run_dir: &Path, summary: &Summary, config: Option<&str>) -> Result<bool, Error> {
    if summary.text("kind").as_deref() == Some("tutor") || run_dir.join("examination.json").exists() {
        return Ok(true);
    }
    let has_environment = config.is_some_and(|config| {
        config.lines().map(str::trim_start).any(|line| {
            line.strip_prefix("[environment").is_some_and(|rest| rest.starts_with([']', '.', ' ']))
        })
    });
    Ok(has_environment && !tells_of_tokens(&run_dir.join("metrics.jsonl"))?)
}

/// Whether the first line has what only the training of a language model has.
fn tells_of_tokens(path: &Path) -> Result<bool, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if super::is_missing(&error) => return Ok(false),
        Err(source) => return Err(Error::Read { path: path.into(), source }),
    };
    let mut line = Vec::new();
    BufReader::new(file)
        .read_until(b'\n', &mut line)
        .map_err(|source| Error::Read { path: path.into(), source })?;
    let row: Map<String, Value> = serde_json::from_slice(&line).unwrap_or_default();
    Ok(["num_tokens", "token_accuracy", "completions/mean_length"].iter().any(|key| row.contains_key(*key)))
}

impl Run {
    /// Reads what `summary.json` and `config.toml` don't hold.
    pub(super) fn read(run_dir: &Path, summary: Summary, config: Option<String>) -> Result<Self, Error> {
        Ok(Self {
            folder: super::folder_name(run_dir),
            summary,
            config,
            training: Training::read(&run_dir.join("metrics.jsonl"))?,
            examination: examination(&run_dir.join("examination.json"))?,
        })
    }

    /// The document. An error names the chart that could not be drawn, and why.
    pub(super) fn html(&self) -> Result<String, (String, String)> {
        let recipe = self.summary.text("recipe").unwrap_or_else(|| self.folder.clone());
        let mut out = page::open(
            &format!("Tutor run: {recipe}"),
            &[include_str!("tables.css"), include_str!("tutor.css")],
        );
        out += &format!("<header>\n<h1>Tutor run: <bdi>{}</bdi></h1>\n", escape(&recipe));
        out += &page::subtitle(&self.summary, &self.folder);
        out += "</header>\n";
        out += &headline::notes(self);
        if let Some(examination) = &self.examination {
            out += &headline::lead(examination, self.summary.text("trained_for").as_deref());
        }
        out += "<section class=\"head\">\n";
        out += &headline::outcome(self);
        out += &headline::facts(self);
        out += "</section>\n";
        if let Some(examination) = &self.examination {
            out += &standing::section(examination);
            out += &gain::section(examination)?;
            out += &heat::section(examination);
            out += &replay::section(examination);
        }
        if self.training.found {
            out += &self.training.sections()?;
        }
        out += &page::configuration(self.config.as_deref());
        Ok(out + page::CLOSE)
    }
}

fn examination(path: &Path) -> Result<Option<Examination>, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if super::is_missing(&error) => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.into(), source }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| Error::Line {
        path: path.into(),
        line: error.line(),
        problem: error.to_string(),
        fix: "it holds one examination; repair it, or delete it to report on the training alone",
    })
}

/// The name of an action; one that has none is told by its number.
fn action_name(examination: &Examination, action: usize) -> String {
    examination.actions.get(action).cloned().unwrap_or_else(|| format!("action {}", action + 1))
}

/// What a tutor is, in words.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Baseline => "baseline",
        Role::Reference => "looks inside the learner",
        Role::Untrained => "before training",
        Role::Trained => "after training",
    }
}
