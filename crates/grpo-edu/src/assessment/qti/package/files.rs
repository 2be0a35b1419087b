//! The files of a package, wherever they lie, without leaving it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use crate::assessment::qti::error::QtiError;
use crate::assessment::qti::xml::MAX_BYTES;

/// The most files of a package.
pub(super) const MAX_FILES: usize = 20_000;
/// The most bytes of items and manifest that are read from a package.
pub(super) const MAX_TOTAL: u64 = 256 << 20;

/// Where the files of a package lie.
#[derive(Debug)]
pub(super) struct Files {
    /// What was opened.
    path: PathBuf,
    place: Place,
    /// How many bytes have been read.
    total: u64,
}

#[derive(Debug)]
enum Place {
    /// One file by itself.
    Single,
    Folder,
    Archive(Archive),
}

const MANIFEST: &str = "imsmanifest.xml";

impl Files {
    pub(super) fn open(path: &Path) -> Result<Self, QtiError> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let place = if metadata.is_dir() {
            Place::Folder
        } else if is_zip(path)? {
            Place::Archive(Archive::open(path)?)
        } else {
            Place::Single
        };
        Ok(Self { path: path.to_owned(), place, total: 0 })
    }

    /// What was opened, for messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// A file of the package, for messages.
    pub(super) fn shown(&self, name: &str) -> String {
        match self.place {
            Place::Single => self.name(),
            Place::Folder => self.path.join(name).display().to_string(),
            Place::Archive(_) => format!("{}/{name}", self.name()),
        }
    }

    pub(super) fn is_single(&self) -> bool {
        matches!(self.place, Place::Single)
    }

    /// The manifest and how messages call it; `None` where the package needs none.
    pub(super) fn manifest(&mut self) -> Result<Option<(String, Vec<u8>)>, QtiError> {
        let present = match &self.place {
            Place::Single => false,
            Place::Folder => self.path.join(MANIFEST).is_file(),
            Place::Archive(archive) => {
                if !archive.contains(MANIFEST) {
                    let problem = "a zip file needs it at its root, not within a folder".to_owned();
                    return Err(self.fault(MANIFEST, problem));
                }
                true
            }
        };
        if present { Ok(Some((self.shown(MANIFEST), self.read(MANIFEST)?))) } else { Ok(None) }
    }

    /// The XML files of a folder without a manifest, or the one file.
    pub(super) fn all(&self) -> Result<Vec<String>, QtiError> {
        if !matches!(self.place, Place::Folder) {
            return Ok(vec![String::new()]);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|error| unreadable(&self.path, &error))? {
            let entry = entry.map_err(|error| unreadable(&self.path, &error))?;
            let path = Path::new(&entry.file_name()).to_owned();
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) {
                let name = entry.file_name().into_string().map_err(|name| {
                    self.fault(&name.to_string_lossy(), "its name isn't UTF-8: rename it".into())
                })?;
                names.push(name);
            }
            if names.len() > MAX_FILES {
                let problem =
                    format!("there are more than {MAX_FILES} files in it: divide it into several folders");
                return Err(self.fault("*.xml", problem));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Reads a file of the package.
    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>, QtiError> {
        let bytes = match &self.place {
            Place::Single => read_limited(&self.path)?,
            Place::Folder => self.read_in_folder(name)?,
            Place::Archive(archive) => {
                archive.read(name, MAX_BYTES).map_err(|problem| self.fault(name, problem))?
            }
        };
        self.total += bytes.len() as u64;
        if self.total > MAX_TOTAL {
            let fix = "divide the package into several";
            let (what, found, limit) = ("bytes of items", self.total, MAX_TOTAL);
            return Err(QtiError::TooLarge { name: self.name(), what, found, limit, fix });
        }
        Ok(bytes)
    }

    fn read_in_folder(&self, name: &str) -> Result<Vec<u8>, QtiError> {
        let path = self.path.join(name);
        let canonical = |path: &Path| fs::canonicalize(path);
        let real = canonical(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.fault(name, missing()),
            _ => unreadable(&path, &error),
        })?;
        let root = canonical(&self.path).map_err(|error| unreadable(&self.path, &error))?;
        if !real.starts_with(root) {
            let problem = "it is a link to a file outside of the package: copy the file into it";
            return Err(self.fault(name, problem.into()));
        }
        read_limited(&path)
    }

    fn fault(&self, entry: &str, problem: String) -> QtiError {
        QtiError::Package { package: self.name(), entry: entry.to_owned(), problem }
    }
}

/// What is said about a file that isn't there.
pub(super) fn missing() -> String {
    "the manifest names it, but it isn't in the package: add it, or correct the `href`".into()
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> QtiError {
    QtiError::Read { path: path.display().to_string(), reason: error.to_string() }
}

fn is_zip(path: &Path) -> Result<bool, QtiError> {
    let mut start = [0; 4];
    let mut file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let read = file.read(&mut start).map_err(|error| unreadable(path, &error))?;
    Ok(start[..read].starts_with(b"PK"))
}

/// Reads no more than an item may have; the parser refuses one byte more.
fn read_limited(path: &Path) -> Result<Vec<u8>, QtiError> {
    let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

/// The path of a file within a package, from the reference to it in a manifest. Paths that could lead out of it are refused.
pub(super) fn inner_path(reference: &str) -> Result<String, String> {
    let decoded = percent_decoded(reference.trim())
        .ok_or("its percent signs aren't an encoding of UTF-8: correct them")?;
    check_path(&decoded)?;
    Ok(decoded.split('/').filter(|part| !matches!(*part, "." | "")).collect::<Vec<_>>().join("/"))
}

/// Refuses paths that lead out of a package, on whatever system.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let leads_out = path.starts_with('/') || path.split('/').any(|part| part == "..");
    let odd = path.contains(['\\', ':']) || path.chars().any(char::is_control);
    if leads_out || odd || path.is_empty() {
        return Err(
            "a path must stay within the package: no `..`, no `/` at its beginning, no `\\`, no `:`".into()
        );
    }
    Ok(())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
