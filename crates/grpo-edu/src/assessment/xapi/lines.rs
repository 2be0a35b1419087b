//! Files of JSON lines that survive a crash: what was appended stays, and half a line doesn't.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::XapiError;

/// The longest line a file may have, in bytes.
pub(super) const LONGEST_LINE: u64 = 64 << 20;

/// A file of JSON lines, open for appending by this process alone.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    length: u64,
    torn: u64,
}

impl Lines {
    /// Opens or creates a file and shows every line to `look`, which says what is wrong with one. What a crash left of a last line is
    /// cut off.
    pub(super) fn open(
        path: &Path,
        mut look: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Self, XapiError> {
        let failed = |error: std::io::Error| XapiError::file(path, error);
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        lock(&file, path)?;
        let mut reader = BufReader::new(&file);
        let (mut line, mut length, mut number) = (Vec::new(), 0, 0);
        let mut torn = 0;
        loop {
            line.clear();
            let read = read_line(&mut reader, &mut line, path, number + 1)?;
            if read == 0 {
                break;
            }
            number += 1;
            let is_whole = line.last() == Some(&b'\n');
            let bytes = line.trim_ascii();
            if !is_whole && is_begun_object(bytes) {
                torn = read;
                break;
            }
            if !bytes.is_empty() {
                look(bytes)
                    .map_err(|problem| XapiError::file(path, format_args!("line {number} {problem}")))?;
            }
            length += read;
            if !is_whole {
                (&file).write_all(b"\n").map_err(failed)?;
                length += 1;
                break;
            }
        }
        if torn > 0 {
            file.set_len(length).and_then(|()| file.sync_data()).map_err(failed)?;
        }
        Ok(Self { path: path.into(), file, length, torn })
    }

    /// Appends whole lines, each with its line feed, and waits until they are on disk. All of them are there afterwards or, after an
    /// error, none.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), XapiError> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line would spoil the next one; if this fails too, the next opening repairs it.
            let mended = self.file.set_len(self.length);
            let also =
                mended.err().map_or(String::new(), |error| format!("; nor can it be cut back: {error}"));
            return Err(XapiError::file(&self.path, format_args!("{error}{also}")));
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Forgets all lines.
    pub(super) fn clear(&mut self) -> Result<(), XapiError> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.sync_data());
        cleared.map_err(|error| XapiError::file(&self.path, error))?;
        self.length = 0;
        Ok(())
    }

    /// Reads lines from a place on (a line's beginning) until `take` has enough, and gives it each one with its end.
    pub(super) fn read_from(
        &self,
        begin: u64,
        mut take: impl FnMut(&[u8], u64) -> bool,
    ) -> Result<(), XapiError> {
        let mut file = File::open(&self.path).map_err(|error| XapiError::file(&self.path, error))?;
        file.seek(SeekFrom::Start(begin)).map_err(|error| XapiError::file(&self.path, error))?;
        let (mut reader, mut line, mut end) = (BufReader::new(file), Vec::new(), begin);
        while end < self.length {
            line.clear();
            let read = read_line(&mut reader, &mut line, &self.path, 0)?;
            end += read;
            if read == 0 || !take(line.trim_ascii(), end) {
                break;
            }
        }
        Ok(())
    }

    /// Whether a line begins there.
    pub(super) fn is_boundary(&self, place: u64) -> Result<bool, XapiError> {
        let Some(before) = place.checked_sub(1) else { return Ok(true) };
        let mut byte = [0];
        let mut file = File::open(&self.path).map_err(|error| XapiError::file(&self.path, error))?;
        let read = file.seek(SeekFrom::Start(before)).and_then(|_| file.read_exact(&mut byte));
        read.map_err(|error| XapiError::file(&self.path, error))?;
        Ok(byte == *b"\n")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of whole lines.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of half a line that were cut off when the file was opened.
    pub(super) fn torn(&self) -> u64 {
        self.torn
    }
}

/// Whether some bytes begin an object and don't end it: what a crash leaves of a line. Other rubbish is none of ours and stays.
fn is_begun_object(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err()
}

/// Reads a line with its line feed; how many bytes it has.
fn read_line(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
    path: &Path,
    number: usize,
) -> Result<u64, XapiError> {
    let read = reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', line);
    let read = read.map_err(|error| XapiError::file(path, error))? as u64;
    if read > LONGEST_LINE {
        return Err(XapiError::file(path, format_args!("line {number} is longer than {LONGEST_LINE} bytes")));
    }
    Ok(read)
}

/// Keeps other processes from writing to the same file.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), XapiError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(XapiError::file(path, "in use by another process; wait for it or choose another file"))
        }
        Err(TryLockError::Error(error)) => Err(XapiError::file(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<(Vec<String>, Lines), XapiError> {
        let mut seen = Vec::new();
        let lines = Lines::open(path, |line| {
            serde_json::from_slice::<serde::de::IgnoredAny>(line).map_err(|error| error.to_string())?;
            seen.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        })?;
        Ok((seen, lines))
    }

    #[test]
    fn a_line_torn_anywhere_is_cut_off_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let (first, second) = ("{\"a\":1}\n", "{\"b\":\"ü\"}\n");
        let whole = format!("{first}{second}");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole.as_bytes()[..cut]).unwrap();
            let (seen, mut lines) = open(&path).unwrap();
            // Only the line feed may be missing: then the line is whole.
            let ends = [first, second];
            let expected = ends.iter().scan(0, |end, line| {
                *end += line.len();
                Some((*end - 1, line.trim_end()))
            });
            let expected: Vec<_> = expected.filter(|(end, _)| *end <= cut).map(|(_, line)| line).collect();
            assert_eq!(seen, expected, "cut at {cut}");
            lines.append(b"{\"c\":3}\n").unwrap();
            drop(lines);
            let (seen, lines) = open(&path).unwrap();
            assert_eq!(
                (seen.len(), seen.last().map(String::as_str)),
                (expected.len() + 1, Some("{\"c\":3}"))
            );
            assert_eq!((lines.torn(), lines.length()), (0, std::fs::metadata(&path).unwrap().len()));
        }
    }

    #[test]
    fn what_is_no_file_of_lines_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["dear diary", "{\"a\":1}\nnotes\n", "[\n{\"a\":1}\n]"] {
            std::fs::write(&path, text).unwrap();
            assert!(open(&path).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(open(folder.path()).is_err());
    }

    #[test]
    fn only_one_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let first = open(&path).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("in use by another process"));
        drop(first);
        open(&path).unwrap();
    }
}
