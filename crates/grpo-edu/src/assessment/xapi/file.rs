//! Statements in a file of JSON lines.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::lines::Lines;
use super::{Statement, Uuid, XapiError};

/// A file of statements, one a line. Appending survives a crash: half a line that it left is cut off when the file is opened again, and
/// a statement that is in the file already isn't written twice, so that a resumed run may export its last steps once more.
///
/// ```no_run
/// # let statements = [];
/// let mut file = grpo_edu::assessment::xapi::StatementFile::open("answers.jsonl")?;
/// println!("{} new ones", file.append(&statements)?);
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
#[derive(Debug)]
pub struct StatementFile {
    lines: Lines,
    ids: HashSet<Uuid>,
}

/// What is read of a line: whose it is.
#[derive(Deserialize)]
struct Identified {
    id: Option<Uuid>,
}

impl StatementFile {
    /// Opens a file or creates it, for this process alone.
    ///
    /// # Errors
    ///
    /// [`XapiError::File`] where it can't be written, another process writes to it, or a line is no statement.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, XapiError> {
        let mut ids = HashSet::new();
        let lines = Lines::open(path.as_ref(), |line| {
            let found: Identified = serde_json::from_slice(line)
                .map_err(|error| format!("is no statement ({error}); choose another file"))?;
            ids.extend(found.id);
            Ok(())
        })?;
        Ok(Self { lines, ids })
    }

    /// Appends statements that aren't there yet, in one go, and waits until they are on disk; how many those were.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`], then nothing is written; [`XapiError::File`].
    pub fn append(&mut self, statements: &[Statement]) -> Result<usize, XapiError> {
        let mut fresh: Vec<&Statement> = Vec::new();
        let mut ids = HashSet::new();
        for statement in statements {
            if !self.ids.contains(&statement.id) && ids.insert(statement.id) {
                fresh.push(statement);
            }
        }
        self.lines.append(&lines_of(fresh.iter().copied())?)?;
        self.ids.extend(ids);
        Ok(fresh.len())
    }

    /// Bytes of half a line that were cut off when the file was opened.
    pub fn torn(&self) -> u64 {
        self.lines.torn()
    }
}

/// Statements as JSON lines, each checked.
pub(super) fn lines_of<'a>(statements: impl Iterator<Item = &'a Statement>) -> Result<Vec<u8>, XapiError> {
    let mut lines = Vec::new();
    for statement in statements {
        lines.extend_from_slice(statement.value()?.to_string().as_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}
