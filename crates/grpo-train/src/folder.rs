use crate::{Error, SampleLine};
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A run's folder and the files in it.
///
/// | file | what |
/// |---|---|
/// | `config.toml` | the recipe, every value in force |
/// | `metrics.jsonl` | one line a step |
/// | `samples.jsonl` | sampled groups: prompt, completion, rewards, advantage (of a language model) |
/// | `examination.json` | what a tutor and others did with the same learners (of a tutor) |
/// | `summary.json` | the result |
/// | `report.html` | all of it to look at |
/// | `model/` | the model in Hugging Face layout, or the tutor |
/// | `checkpoint/` | what `--resume` continues from |
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
    samples: Option<File>,
    suspects: Option<File>,
}

/// What the files held at a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) metrics: u64,
    pub(crate) samples: u64,
    pub(crate) suspects: u64,
}

impl RunFolder {
    /// Makes the folder (which must not exist) and writes `config.toml`. `with_samples` is for runs that have `samples.jsonl` and `suspects.jsonl`.
    ///
    /// # Errors
    /// [`Error::FolderExists`], or [`Error::Io`] when it can't be written.
    pub fn create(path: &Path, config: &str, with_samples: bool) -> Result<Self, Error> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        match fs::create_dir(path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Error::FolderExists(path.into()));
            }
            Err(e) => return Err(Error::io("create", path)(e)),
        }
        let written = write_atomically(&path.join("config.toml"), config.as_bytes());
        written.and_then(|()| Self::open_files(path, with_samples)).inspect_err(|_| {
            // Nothing half-written: the name is free for the next attempt.
            let _ = fs::remove_dir_all(path);
        })
    }

    /// Opens the folder of an interrupted run: its `config.toml`. [`RunFolder::back_to`] comes next.
    pub(crate) fn reopen(path: &Path, with_samples: bool) -> Result<(Self, String), Error> {
        let config = path.join("config.toml");
        let text = fs::read_to_string(&config).map_err(Error::io("read", &config))?;
        let new = path.join("checkpoint");
        restore(&new)?;
        if !new.exists() {
            let problem = "it has no checkpoint folder; it ended before its first checkpoint".into();
            return Err(Error::Resume { path: path.into(), problem });
        }
        Ok((Self::open_files(path, with_samples)?, text))
    }

    /// Drops lines that were written after the last checkpoint, since those steps are done again.
    pub(crate) fn back_to(&self, lengths: Lengths) -> Result<(), Error> {
        for (file, name, length) in [
            (Some(&self.metrics), "metrics.jsonl", lengths.metrics),
            (self.samples.as_ref(), "samples.jsonl", lengths.samples),
            (self.suspects.as_ref(), "suspects.jsonl", lengths.suspects),
        ] {
            let Some(file) = file else { continue };
            let path = self.path.join(name);
            let now = file.metadata().map_err(Error::io("read", &path))?.len();
            if now < length {
                let problem = format!("{name} is shorter than it was at the checkpoint");
                return Err(Error::Resume { path: self.path.clone(), problem });
            }
            file.set_len(length).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }

    fn open_files(path: &Path, with_samples: bool) -> Result<Self, Error> {
        let open = |name: &str| {
            let file = path.join(name);
            OpenOptions::new().append(true).create(true).open(&file).map_err(Error::io("write", &file))
        };
        let samples = with_samples.then(|| open("samples.jsonl")).transpose()?;
        let suspects = with_samples.then(|| open("suspects.jsonl")).transpose()?;
        Ok(Self { path: path.into(), metrics: open("metrics.jsonl")?, samples, suspects })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line to `metrics.jsonl`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn metrics(&mut self, line: &impl Serialize) -> Result<(), Error> {
        append(&mut self.metrics, line).map_err(Error::io("write", &self.path.join("metrics.jsonl")))
    }

    /// Appends lines to `samples.jsonl`.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn samples(&mut self, lines: &[SampleLine]) -> Result<(), Error> {
        append_all(self.samples.as_mut(), lines).map_err(Error::io("write", &self.path.join("samples.jsonl")))
    }

    /// Appends lines to `suspects.jsonl`.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn suspects(&mut self, lines: &[SampleLine]) -> Result<(), Error> {
        append_all(self.suspects.as_mut(), lines)
            .map_err(Error::io("write", &self.path.join("suspects.jsonl")))
    }

    /// Lengths of the files, for a checkpoint.
    ///
    /// # Errors
    /// When the file system doesn't answer.
    pub(crate) fn lengths(&self) -> Result<Lengths, Error> {
        let length = |file: Option<&File>, name| {
            let length = file.map(|file| file.metadata().map(|m| m.len())).transpose();
            length.map(Option::unwrap_or_default).map_err(Error::io("read", &self.path.join(name)))
        };
        Ok(Lengths {
            metrics: length(Some(&self.metrics), "metrics.jsonl")?,
            samples: length(self.samples.as_ref(), "samples.jsonl")?,
            suspects: length(self.suspects.as_ref(), "suspects.jsonl")?,
        })
    }

    /// Writes a value as a JSON file of the folder, all or nothing.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let path = self.path.join(name);
        let text = serde_json::to_string_pretty(value).map_err(|e| Error::io("write", &path)(e.into()))?;
        write_atomically(&path, format!("{text}\n").as_bytes())
    }
}

fn append_all(file: Option<&mut File>, lines: &[SampleLine]) -> std::io::Result<()> {
    let Some(file) = file else { return Ok(()) };
    lines.iter().try_for_each(|line| append(file, line))
}

/// One line with one write, so that a crash leaves at most one partial line at the end.
fn append(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let before = file.metadata()?.len();
    file.write_all(&text).inspect_err(|_| {
        // On a full disk half a line may have gone out: later lines must not stand behind it.
        let _ = file.set_len(before);
    })
}

/// All or nothing: a full disk, a crash or a power cut leaves the old file.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = path.with_extension("partial");
    let written =
        File::create(&partial).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(Error::io("write", &partial))?;
    fs::rename(&partial, path).map_err(Error::io("write", path))
}

/// All or nothing, for a whole folder: `write` fills a new one, which then takes the old one's place. At every moment there is a
/// complete folder, under its own name or that of [`old_of`].
pub(crate) fn replace_folder(
    folder: &Path,
    write: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    restore(folder)?;
    let (partial, old) = (folder.with_extension("partial"), old_of(folder));
    for left_over in [&partial, &old] {
        if left_over.exists() {
            fs::remove_dir_all(left_over).map_err(Error::io("remove", left_over))?;
        }
    }
    fs::create_dir(&partial).map_err(Error::io("create", &partial))?;
    write(&partial).and_then(|()| sync(&partial)).inspect_err(|_| {
        let _ = fs::remove_dir_all(&partial);
    })?;
    if folder.exists() {
        fs::rename(folder, &old).map_err(Error::io("rename", folder))?;
    }
    fs::rename(&partial, folder).map_err(Error::io("rename", &partial))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(Error::io("remove", &old))?;
    }
    Ok(())
}

/// Takes the old folder back where the run died between the two renames of [`replace_folder`].
pub(crate) fn restore(folder: &Path) -> Result<(), Error> {
    let old = old_of(folder);
    if !folder.exists() && old.exists() {
        fs::rename(&old, folder).map_err(Error::io("rename", &old))?;
    }
    Ok(())
}

fn old_of(folder: &Path) -> PathBuf {
    folder.with_extension("old")
}

/// Hands a folder's files over to the disk: a rename may reach it before what is renamed.
fn sync(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("write", &path))?;
    }
    Ok(())
}
