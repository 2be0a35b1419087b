//! What can be wrong with QTI content.

use super::xml::Place;
use crate::brief::brief;

/// QTI content that can't be used; every variant says what was wrong, where, and what would fix it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QtiError {
    /// A file or folder that the system doesn't let us read.
    #[error("{path} can't be read: {reason}")]
    Read {
        /// The file or folder.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// More than is read, as a guard against content that is made to exhaust memory.
    #[error("{name} has {found} {what}, but at most {limit} are read: {fix}")]
    TooLarge {
        /// The file.
        name: String,
        /// What is counted: `bytes`, `elements`.
        what: &'static str,
        /// How many there are, as far as they were counted.
        found: u64,
        /// The limit.
        limit: u64,
        /// What to do about it.
        fix: &'static str,
    },
    /// Bytes that aren't text in a known encoding.
    #[error("{name} isn't readable text: {}", brief(.problem))]
    Encoding {
        /// The file.
        name: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// Text that isn't well-formed XML, or has a document type declaration.
    #[error("{name}:{line}:{column}: not XML that can be read: {}", brief(.problem))]
    Xml {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// XML that isn't a valid item.
    #[error("{name}:{line}:{column}: <{}>: {}", brief(.element), brief(.problem))]
    Invalid {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
        /// The element at fault, as it is written in QTI 2.
        element: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
    /// QTI that isn't read here.
    #[error("{name}:{line}:{column}: <{}> isn't supported: {}", brief(.element), brief(.problem))]
    Unsupported {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
        /// The element, as it is written in QTI 2.
        element: String,
        /// Why not, and what to do instead.
        problem: String,
    },
    /// A content package with something wrong in it.
    #[error("{package}: {}: {}", brief(.entry), brief(.problem))]
    Package {
        /// The package's file or folder.
        package: String,
        /// What in it is at fault.
        entry: String,
        /// What is wrong, and what would fix it.
        problem: String,
    },
}

/// Something wrong at an element, before the name of the file is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) element: String,
    pub(super) problem: String,
    pub(super) unsupported: bool,
}

/// What reading a part of an item gives.
pub(super) type Reading<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(super) fn in_file(self, name: &str) -> QtiError {
        let Self { place: Place { line, column }, element, problem, unsupported } = self;
        let name = name.to_owned();
        if unsupported {
            QtiError::Unsupported { name, line, column, element, problem }
        } else {
            QtiError::Invalid { name, line, column, element, problem }
        }
    }
}
