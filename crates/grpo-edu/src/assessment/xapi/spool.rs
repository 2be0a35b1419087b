//! Statements that wait on disk until a learning record store has them.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::lines_of;
use super::lines::{Lines, lock};
use super::{Statement, XapiError, validate};

/// A folder with statements on their way to a store:
///
/// | file | holds |
/// |---|---|
/// | `queue.jsonl` | statements, one a line; emptied when all were sent |
/// | `sent.json` | how far the queue was sent |
/// | `refused.jsonl` | statements that the store refused, with its reason |
///
/// A statement leaves the queue only after the store has it, or after it is in `refused.jsonl`. A crash between the two sends it a
/// second time, which does no harm: its id is the same.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    queue: Lines,
    refused: Lines,
    sent: u64,
    /// Kept open: the lock ends with it.
    _lock: File,
}

/// How far the queue was sent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    bytes: u64,
}

/// A statement of the queue, as the store will get it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) json: String,
    /// Where the next one begins.
    pub(super) end: u64,
}

impl Spool {
    /// Opens a folder or creates it, for this process alone.
    ///
    /// # Errors
    ///
    /// [`XapiError::File`] where it can't be written, another process uses it, or its files don't fit together.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, XapiError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|error| XapiError::file(folder, error))?;
        let path = folder.join("lock");
        let held = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let held = held.map_err(|error| XapiError::file(&path, error))?;
        lock(&held, folder)?;
        let open = |name: &str| Lines::open(&folder.join(name), |_| Ok(()));
        let (queue, refused) = (open("queue.jsonl")?, open("refused.jsonl")?);
        let sent = read_sent(&folder.join("sent.json"), &queue)?;
        Ok(Self { folder: folder.into(), queue, refused, sent, _lock: held })
    }

    /// Puts statements at the end of the queue and waits until they are on disk. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`], then none is queued; [`XapiError::File`].
    pub fn push(&mut self, statements: &[Statement]) -> Result<(), XapiError> {
        self.queue.append(&lines_of(statements.iter())?)
    }

    /// [`Spool::push`] for statements that somebody else made, as JSON: sent as they are. Those that are in the queue already, sent or
    /// not, are left out; how many are new.
    ///
    /// # Errors
    ///
    /// As [`Spool::push`].
    pub fn push_new<'a>(&mut self, statements: impl Iterator<Item = &'a Value>) -> Result<usize, XapiError> {
        let mut known = HashSet::new();
        self.queue.read_from(0, |line, _| {
            known.extend(serde_json::from_slice(line).ok().as_ref().map(identity));
            true
        })?;
        let (mut lines, mut new) = (Vec::new(), 0);
        for statement in statements {
            validate(statement)?;
            if known.insert(identity(statement)) {
                lines.extend_from_slice(statement.to_string().as_bytes());
                lines.push(b'\n');
                new += 1;
            }
        }
        self.queue.append(&lines)?;
        Ok(new)
    }

    /// How many statements wait.
    ///
    /// # Errors
    ///
    /// [`XapiError::File`].
    pub fn waiting(&self) -> Result<usize, XapiError> {
        let mut count = 0;
        self.queue.read_from(self.sent, |line, _| {
            count += usize::from(!line.is_empty());
            true
        })?;
        Ok(count)
    }

    /// The file with statements that the store refused.
    pub fn refused_file(&self) -> &Path {
        self.refused.path()
    }

    /// The next statements: at most `count`, and at most `bytes` together unless a single one is longer.
    pub(super) fn next(&self, count: usize, bytes: usize) -> Result<Vec<Waiting>, XapiError> {
        let (mut batch, mut size, mut broken) = (Vec::new(), 0, false);
        self.queue.read_from(self.sent, |line, end| {
            if line.is_empty() {
                return true;
            }
            size += line.len() + 1;
            if !batch.is_empty() && size > bytes {
                return false;
            }
            let Ok(json) = std::str::from_utf8(line) else {
                broken = true;
                return false;
            };
            batch.push(Waiting { json: json.into(), end });
            batch.len() < count
        })?;
        if broken && batch.is_empty() {
            return Err(XapiError::file(
                self.queue.path(),
                format_args!("what begins at byte {} isn't UTF-8; mend it", self.sent),
            ));
        }
        Ok(batch)
    }

    /// Writes down that everything before `end` was dealt with.
    pub(super) fn record(&mut self, end: u64) -> Result<(), XapiError> {
        self.write_sent(end)?;
        self.sent = end;
        Ok(())
    }

    /// Keeps a refused statement with the reason. The queue still holds it.
    pub(super) fn keep_refused(&mut self, json: &str, status: u16, reason: &str) -> Result<(), XapiError> {
        // A line that was edited into something else than JSON is kept as a text.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok();
        let statement = if is_json { json.to_string() } else { Value::from(json).to_string() };
        let reason = Value::from(reason);
        let line = format!("{{\"status\":{status},\"reason\":{reason},\"statement\":{statement}}}\n");
        self.refused.append(line.as_bytes())
    }

    /// Empties a queue in which nothing waits any more.
    pub(super) fn tidy(&mut self) -> Result<(), XapiError> {
        if self.queue.length() > 0 {
            // In this order: a crash in between sends everything once more instead of losing what comes next.
            self.record(0)?;
            self.queue.clear()?;
        }
        Ok(())
    }

    /// By a second file that takes the first one's place: there is always a whole one.
    fn write_sent(&self, bytes: u64) -> Result<(), XapiError> {
        let (path, fresh) = (self.folder.join("sent.json"), self.folder.join("sent.json.new"));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(serde_json::to_string(&Sent { bytes })?.as_bytes())?;
            file.sync_data()?;
            fs::rename(&fresh, &path)?;
            // So that the new name outlives a power failure as well; elsewhere a folder can't be opened.
            #[cfg(unix)]
            File::open(&self.folder)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error| XapiError::file(&path, error))
    }
}

fn read_sent(path: &Path, queue: &Lines) -> Result<u64, XapiError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(XapiError::file(path, error)),
    };
    let fix = "delete it, and everything in queue.jsonl is sent once more";
    if queue.length() == 0 {
        return Ok(0);
    }
    let Sent { bytes } =
        serde_json::from_str(&text).map_err(|error| XapiError::file(path, format_args!("{error}; {fix}")))?;
    if bytes > queue.length() {
        let problem = format!("{bytes} bytes were sent, but queue.jsonl has {}; {fix}", queue.length());
        return Err(XapiError::file(path, problem));
    }
    if !queue.is_boundary(bytes)? {
        return Err(XapiError::file(
            path,
            format_args!("byte {bytes} of queue.jsonl isn't the end of a line; {fix}"),
        ));
    }
    Ok(bytes)
}

/// What makes a statement this one: its id, or without one all of it.
fn identity(statement: &Value) -> String {
    match statement.get("id").and_then(Value::as_str) {
        Some(id) => id.to_lowercase(),
        None => statement.to_string(),
    }
}
