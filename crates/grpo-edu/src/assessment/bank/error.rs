//! What can be wrong with a question bank.

use crate::brief::brief;

/// Why a question bank can't be used: what was wrong, where, and what would fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// A file that can't be read.
    #[error("{path} can't be read: {reason}")]
    ReadFile {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A file that isn't UTF-8.
    #[error("{path}, line {line}: this isn't UTF-8; save the file in that encoding")]
    Encoding {
        /// The file.
        path: String,
        /// The line of the first byte that isn't.
        line: usize,
    },
    /// A file larger than a question bank is read.
    #[error(
        "{file} has {found} bytes, but a question bank has at most {limit}: divide it into several files"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        found: u64,
        /// The largest size in bytes.
        limit: u64,
    },
    /// Something in it that can't be understood.
    #[error("{file}, {}: {}", brief(.place), brief(.problem))]
    Question {
        /// The file.
        file: String,
        /// The line, and the column of a table.
        place: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// No question at all.
    #[error("{file} has no questions: {reason}")]
    Empty {
        /// The file.
        file: String,
        /// What is needed.
        reason: &'static str,
    },
}
