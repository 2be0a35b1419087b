//! Reading a file of one JSON object a line, as a run that may have been killed leaves it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::Error;

const FIX: &str = "every line holds one JSON object; repair or delete this line and make the report again";

/// How far a file was read.
pub(super) struct Read {
    /// The number of the last line, where it is cut off: it was left out.
    pub(super) cut: Option<usize>,
}

/// Calls `each` with every line of `path` and its number (from 1); `None` where there is no such file.
///
/// A writer that is killed leaves its last line without an end. Such a line is left out and told of in the
/// answer; any other line that doesn't parse, or that `each` refuses, is an error.
pub(super) fn for_each<T: DeserializeOwned>(
    path: &Path,
    mut each: impl FnMut(usize, T) -> Result<(), String>,
) -> Result<Option<Read>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if super::is_missing(&error) => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.into(), source }),
    };
    let mut reader = BufReader::new(file);
    let (mut bytes, mut line) = (Vec::new(), 0);
    loop {
        bytes.clear();
        let length = reader
            .read_until(b'\n', &mut bytes)
            .map_err(|source| Error::Read { path: path.into(), source })?;
        if length == 0 {
            return Ok(Some(Read { cut: None }));
        }
        line += 1;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let problem = match serde_json::from_slice(&bytes) {
            Ok(value) => match each(line, value) {
                Ok(()) => continue,
                Err(problem) => problem,
            },
            Err(_) if bytes.last() != Some(&b'\n') => return Ok(Some(Read { cut: Some(line) })),
            Err(error) => parse_problem(&error),
        };
        return Err(Error::Line { path: path.into(), line, problem, fix: FIX });
    }
}

/// serde's message, without its own line number: it counts from the start of our line, always 1.
fn parse_problem(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or(&message);
    format!("{what} (column {})", error.column())
}
