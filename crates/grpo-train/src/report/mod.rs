//! The report of a run: one page that needs no network, made from the files of a run folder.
//!
//! [`write()`] reads the folder of a run and writes `report.html` beside its files. Of a language model's run it reads
//! `config.toml`, `metrics.jsonl`, `samples.jsonl`, `suspects.jsonl` and `summary.json`, of a tutor's run `examination.json` in the place of
//! samples; it finds out by itself which of the two it is. It works on any prefix of a run: files that aren't there yet are
//! left out and named on the page, and so is a last line that a killed writer cut off. Long runs are thinned while they are
//! read, so that memory stays bounded; what was thinned or left out is said on the page.
//!
//! [`write_comparison`] does the same for the folder of a comparison: `comparison.json` becomes `comparison.html`.
//! [`comparison_tables`] and [`comparison_markdown`] give its tables to a terminal and to a document.
//!
//! A page depends on the files alone: no clock, no font, no other file of the machine.

mod axis;
mod chart;
mod comparison;
mod curves;
mod error;
mod figure;
mod figures;
mod groups;
mod headline;
mod jsonl;
mod page;
mod samples;
mod summary;
mod suspects;
mod table;
mod text;
mod tutor;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use summary::Summary;

pub use comparison::{markdown as comparison_markdown, tables as comparison_tables};
pub use error::Error;

/// The name of the page in the run folder.
pub const FILE_NAME: &str = "report.html";

/// The name of the page in the folder of a comparison.
pub const COMPARISON_FILE_NAME: &str = "comparison.html";

/// Writes the report of the run in `run_dir` and returns its path. A report from before is replaced, at once
/// and as a whole.
///
/// # Errors
///
/// [`Error::NotARun`] where the folder holds no file of a run, [`Error::Line`] where a file holds something
/// other than it should (the last line of a JSONL file may be cut off), and [`Error::Read`] or
/// [`Error::Write`] where the disk refuses.
pub fn write(run_dir: &Path) -> Result<PathBuf, Error> {
    let summary = Summary::read(&run_dir.join("summary.json"))?;
    let config = config(run_dir)?;
    let html = if tutor::is_tutor(run_dir, &summary, config.as_deref())? {
        tutor::Run::read(run_dir, summary, config)?.html()
    } else {
        page::html(&read(run_dir, summary, config)?)
    };
    finish(html, run_dir, FILE_NAME)
}

/// Writes `comparison.html` beside the `comparison.json` in `folder` and returns its path. A page from before is
/// replaced, at once and as a whole.
///
/// # Errors
///
/// [`Error::NotAComparison`] where the folder holds no `comparison.json`, [`Error::Line`] where that file holds something
/// other than a comparison, and [`Error::Read`] or [`Error::Write`] where the disk refuses.
pub fn write_comparison(folder: &Path) -> Result<PathBuf, Error> {
    let comparison = comparison::read(folder)?;
    finish(comparison::html(&comparison), folder, COMPARISON_FILE_NAME)
}

fn finish(html: Result<String, (String, String)>, folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let html = html.map_err(|(chart, problem)| Error::Draw { path: folder.into(), chart, problem })?;
    let path = folder.join(name);
    replace(&path, html.as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(path)
}

fn config(run_dir: &Path) -> Result<Option<String>, Error> {
    let path = run_dir.join("config.toml");
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn read(run_dir: &Path, summary: Summary, config: Option<String>) -> Result<page::Run, Error> {
    let run = page::Run {
        folder: folder_name(run_dir),
        summary,
        curves: curves::Curves::read(&run_dir.join("metrics.jsonl"))?,
        samples: samples::Samples::read(&run_dir.join("samples.jsonl"))?,
        suspects: suspects::Suspects::read(&run_dir.join("suspects.jsonl"))?,
        config,
    };
    let found = run.summary.found || run.curves.found || run.samples.found || run.config.is_some();
    if found { Ok(run) } else { Err(Error::NotARun { path: run_dir.into() }) }
}

/// Whether there is no such file; where the "folder" is a file, there is none either.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The folder's own name, also where it was given as `.`.
fn folder_name(run_dir: &Path) -> String {
    let full = fs::canonicalize(run_dir).unwrap_or_else(|_| run_dir.to_owned());
    full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
}

/// Writes beside `path` and renames, so that a reader sees the old page or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("html.{}.tmp", std::process::id()));
    let done = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        // The error that matters is the one above; what is left of the attempt goes.
        fs::remove_file(&temporary).ok();
    }
    done
}
