//! Zip files, read within limits and without unpacking them to disk.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use super::files::{MAX_FILES, check_path, missing, unreadable};
use crate::assessment::qti::error::QtiError;

/// The largest zip file that is read, in bytes.
const MAX_ARCHIVE: u64 = 256 << 20;
/// Items compress to a twentieth; what unpacks to far more than that is made to fill the memory.
const MAX_RATIO: usize = 200;
/// Small files may have any ratio.
const MAX_UNCHECKED: usize = 64 << 10;

/// A zip file in memory, and where its entries are.
#[derive(Debug)]
pub(super) struct Archive {
    zip: ZipSliceArchive<Vec<u8>>,
    entries: HashMap<String, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
}

impl Archive {
    /// Reads the list of entries. A single entry that could lead out of the package, or stand for a link, and the whole is refused.
    pub(super) fn open(path: &Path) -> Result<Self, QtiError> {
        let package = path.display().to_string();
        let size = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
        if size > MAX_ARCHIVE {
            let fix = "divide it into several, or unpack it and open the folder";
            return Err(QtiError::TooLarge {
                name: package,
                what: "bytes",
                found: size,
                limit: MAX_ARCHIVE,
                fix,
            });
        }
        let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
        let fault = |entry: &str, problem: String| QtiError::Package {
            package: package.clone(),
            entry: entry.to_owned(),
            problem,
        };
        let broken = |error: rawzip::Error| {
            fault("(the list of entries)", format!("not a zip file that can be read: {error}"))
        };
        let zip = ZipArchive::from_slice(bytes).map_err(broken)?;
        let mut entries = HashMap::new();
        let mut listed = zip.entries();
        let mut count = 0_usize;
        while let Some(header) = listed.next_entry().map_err(broken)? {
            count += 1;
            if count > MAX_FILES {
                let problem =
                    format!("there are more than {MAX_FILES} files in it: divide the package into several");
                return Err(fault("(the list of entries)", problem));
            }
            let path = header.file_path();
            let shown = String::from_utf8_lossy(path.as_bytes()).into_owned();
            let name = std::str::from_utf8(path.as_bytes())
                .map_err(|_| fault(&shown, "its name isn't UTF-8: rename it".into()))?;
            check_path(name).map_err(|problem| fault(name, problem))?;
            if header.mode().is_symlink() {
                return Err(fault(name, "it is a link: put the file itself into the package".into()));
            }
            if header.flags().is_encrypted() {
                return Err(fault(name, "it is encrypted: pack it without a password".into()));
            }
            let entry = Entry { at: header.wayfinder(), method: header.compression_method() };
            if !header.is_dir() && entries.insert(name.to_owned(), entry).is_some() {
                return Err(fault(name, "it is in the zip file twice: remove one of them".into()));
            }
        }
        if zip.entries_hint() != count as u64 {
            let problem =
                format!("it says that it has {} files, but lists {count}: pack it anew", zip.entries_hint());
            return Err(fault("(the list of entries)", problem));
        }
        Ok(Self { zip, entries })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Unpacks one entry of at most so many bytes; the error says what is wrong and what would fix it.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, String> {
        let entry = self.entries.get(name).ok_or_else(missing)?;
        let broken = |error: &dyn std::fmt::Display| format!("it can't be unpacked ({error}): pack it anew");
        let stored = self.zip.get_entry(entry.at).map_err(|error| broken(&error))?;
        let packed = stored.data();
        let limit = limit.min(packed.len().saturating_mul(MAX_RATIO).max(MAX_UNCHECKED));
        let mut bytes = Vec::new();
        // One byte more than allowed shows that there is more.
        let read = match entry.method {
            CompressionMethod::STORE => {
                stored.verifying_reader(packed).take(limit as u64 + 1).read_to_end(&mut bytes)
            }
            CompressionMethod::DEFLATE => {
                let unpacked = stored.verifying_reader(DeflateDecoder::new(packed));
                unpacked.take(limit as u64 + 1).read_to_end(&mut bytes)
            }
            other => {
                return Err(format!("it is packed by a method that isn't read ({other:?}): use deflate"));
            }
        };
        read.map_err(|error| broken(&error))?;
        if bytes.len() > limit {
            return Err(format!("it unpacks to more than {limit} bytes, which no item needs"));
        }
        Ok(bytes)
    }
}
