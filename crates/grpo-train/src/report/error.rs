use std::io;
use std::path::PathBuf;

/// Why a report could not be made. Every variant names the file, and what would fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder is missing, or holds none of the files of a run.
    #[error(
        "{}: not a run folder: it holds none of config.toml, metrics.jsonl, samples.jsonl, examination.json and \
         summary.json; give the folder that `--out` named, or one below runs/",
        .path.display()
    )]
    NotARun {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// The folder is missing, or holds no comparison.
    #[error("{}: no comparison: it holds no comparison.json; give the folder that the comparison was written to", .path.display())]
    NotAComparison {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// A file of the run exists and could not be read.
    #[error("{}: cannot read it ({source}); check its permissions and the disk", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of a file is not what it should be.
    #[error("{}:{line}: {problem}; {fix}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What was found.
        problem: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A chart could not be drawn.
    #[error("{}: the chart \"{chart}\" could not be drawn ({problem}); please report this", .path.display())]
    Draw {
        /// The run folder.
        path: PathBuf,
        /// The title of the chart.
        chart: String,
        /// What the drawing library said.
        problem: String,
    },
    /// The finished page could not be written.
    #[error(
        "{}: cannot write the report ({source}); check that the folder is writable and the disk has space",
        .path.display()
    )]
    Write {
        /// The file that was being written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
