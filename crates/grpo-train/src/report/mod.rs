//! The report of a run: one page that needs no network, made from the files of a run folder.
//!
//! [`write()`] reads `config.toml`, `metrics.jsonl`, `samples.jsonl` and `summary.json`, and writes `report.html`
//! beside them. It works on any prefix of a run: files that aren't there yet are left out and named on the
//! page, and so is a last line that a killed writer cut off. Long runs are thinned while they are read, so that
//! memory stays bounded; what was thinned or left out is said on the page. The page depends on the files
//! alone: no clock, no font, no other file of the machine.

mod axis;
mod chart;
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
mod text;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use error::Error;

/// The name of the page in the run folder.
pub const FILE_NAME: &str = "report.html";

/// Writes the report of the run in `run_dir` and returns its path. A report from before is replaced, at once
/// and as a whole.
///
/// # Errors
///
/// [`Error::NotARun`] where the folder holds no file of a run, [`Error::Line`] where a file holds something
/// other than it should (the last line of a JSONL file may be cut off), and [`Error::Read`] or
/// [`Error::Write`] where the disk refuses.
pub fn write(run_dir: &Path) -> Result<PathBuf, Error> {
    let run = read(run_dir)?;
    let html =
        page::html(&run).map_err(|(chart, problem)| Error::Draw { path: run_dir.into(), chart, problem })?;
    let path = run_dir.join(FILE_NAME);
    replace(&path, html.as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(path)
}

fn read(run_dir: &Path) -> Result<page::Run, Error> {
    let config = run_dir.join("config.toml");
    let config = match fs::read(&config) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if is_missing(&error) => None,
        Err(source) => return Err(Error::Read { path: config, source }),
    };
    let run = page::Run {
        folder: folder_name(run_dir),
        summary: summary::Summary::read(&run_dir.join("summary.json"))?,
        curves: curves::Curves::read(&run_dir.join("metrics.jsonl"))?,
        samples: samples::Samples::read(&run_dir.join("samples.jsonl"))?,
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
