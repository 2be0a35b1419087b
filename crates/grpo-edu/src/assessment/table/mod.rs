//! Question banks as tables (CSV): one question a line, with a header that names the columns.
//!
//! ```text
//! question,answer,A,B,C,tolerance
//! Which river runs through Paris?,B,Thames,Seine,Tiber,
//! Which of these are in Europe?,A|C,Rome,Lima,Oslo,
//! What is the root of 2?,1.414,,,,0.001
//! The capital of Norway?,Oslo|Kristiania,,,,
//! Zero is even.,true,,,,
//! ```
//!
//! [`TableColumns`] says how the columns are called. The kind of a question stands in the column `type`, or is told from what else
//! the line holds:
//!
//! | `type` | told from | answer | scored |
//! |---|---|---|---|
//! | `choice` | options, one answer | letter, text, or name of the column of the option | all or nothing |
//! | `multiple` | options, several answers | several of them: `A,C` or `A\|C` | each right one earns an equal share, each wrong one costs as much; from 0 |
//! | `truth` | no options, `true` or `false` | `true`, `false` | all or nothing |
//! | `number` | no options, a number | a number | within `tolerance`, by default exactly |
//! | `text` | no options, anything else | texts: `Oslo\|Kristiania` | the same text as one of them; capital and small letters differ where `case` is true |
//! | `essay` | never | nothing, or a model answer | not scored |
//!
//! Options are shown in the order of the table. Where the right one tends to stand in the same place,
//! [`BankItem::shuffled`] keeps whoever trains on it from learning the place.
//!
//! ```
//! use grpo_edu::assessment::{Item, table::{self, TableColumns}};
//!
//! let text = "question,answer,A,B,C\nWhich river runs through Paris?,B,Thames,Seine,Tiber\n";
//! let bank = table::read(text, "rivers.csv", &TableColumns::default())?;
//! assert_eq!(bank[0].mark("#### Seine").score, Some(1.0));
//! assert_eq!(bank[0].solution().as_deref(), Some("#### B"));
//! # Ok::<(), grpo_edu::assessment::bank::BankError>(())
//! ```

mod header;
mod row;

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Item;
use super::bank::{BankError, BankItem, check_size, read_file};
use header::Header;

/// How the columns of a table are called. A column that isn't named here is the one with the name in the description, if there is
/// one; a column that is named must be there. Other columns are left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableColumns {
    /// The question. Default: `question`.
    pub question: String,
    /// The right answer. By default `answer`, else `reference`.
    pub answer: Option<String>,
    /// The options, a column each. By default `A`, `B`, `C`, ... as far as there are such columns.
    pub options: Option<Vec<String>>,
    /// All options in one column, divided by `separator`. By default `choices`.
    pub choices: Option<String>,
    /// The kind of question. By default `type`.
    pub kind: Option<String>,
    /// How far a number may be from the answer. By default `tolerance`.
    pub tolerance: Option<String>,
    /// The score of a right answer, 1 where it is empty. By default `points`.
    pub points: Option<String>,
    /// Whether capital and small letters of a text differ; not, where it is empty. By default `case`.
    pub case: Option<String>,
    /// The identifier; `question@LINE` where it is empty. By default `id`.
    pub id: Option<String>,
    /// The category. By default `category`.
    pub category: Option<String>,
    /// What divides choices, and several right answers. Default: `|`.
    pub separator: String,
    /// What divides columns, a character of ASCII. Default: `,`.
    pub delimiter: char,
}

impl Default for TableColumns {
    fn default() -> Self {
        Self {
            question: "question".into(),
            answer: None,
            options: None,
            choices: None,
            kind: None,
            tolerance: None,
            points: None,
            case: None,
            id: None,
            category: None,
            separator: "|".into(),
            delimiter: ',',
        }
    }
}

/// Something wrong at a place of the table.
pub(super) struct Refusal {
    pub(super) place: String,
    pub(super) problem: String,
}

/// Reads a file.
///
/// # Errors
/// As [`read`], and where the file can't be read or isn't UTF-8.
pub fn open(path: impl AsRef<Path>, columns: &TableColumns) -> Result<Vec<BankItem>, BankError> {
    let (text, name) = read_file(path.as_ref())?;
    read(&text, &name, columns)
}

/// Reads a text; `name` stands in messages.
///
/// # Errors
/// [`BankError`] where a column is missing, at the first line that can't be understood, where an identifier occurs twice, where there
/// is no question at all, and where the text is larger than 64 MiB.
pub fn read(text: &str, name: &str, columns: &TableColumns) -> Result<Vec<BankItem>, BankError> {
    check_size(name, text.len() as u64)?;
    let items = rows(text, columns).map_err(|Refusal { place, problem }| BankError::Question {
        file: name.into(),
        place,
        problem,
    })?;
    if items.is_empty() {
        return Err(BankError::Empty {
            file: name.into(),
            reason: "it needs a line per question after the header",
        });
    }
    Ok(items)
}

fn rows(text: &str, columns: &TableColumns) -> Result<Vec<BankItem>, Refusal> {
    // A byte-order mark, as spreadsheets write it, is no part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter =
        u8::try_from(columns.delimiter).ok().filter(u8::is_ascii).filter(|byte| !b"\"\r\n\0".contains(byte));
    let delimiter = delimiter.ok_or_else(|| Refusal {
        place: "`delimiter`".into(),
        problem: format!(
            "{:?} can't divide columns; use one character of ASCII, such as ',' or '\\t'",
            columns.delimiter
        ),
    })?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names =
        reader.headers().map_err(|error| Refusal { place: "line 1".into(), problem: error.to_string() })?;
    let header = Header::new(names, columns)?;
    let mut items = Vec::new();
    let mut lines = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            Refusal { place: format!("line {line}"), problem: unequal(&error) }
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        let row = row::Row::new(&header, &record, line);
        let item =
            row.draft()?.finish().map_err(|problem| Refusal { place: format!("line {line}"), problem })?;
        if let Some(before) = lines.insert(item.id().to_owned(), line) {
            let problem =
                format!("the identifier `{}` is also that of line {before}; change one of them", item.id());
            return Err(Refusal { place: format!("line {line}"), problem });
        }
        items.push(item);
    }
    Ok(items)
}

fn unequal(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "{len} fields where the header has {expected_len}; put texts with the delimiter in them in quotes"
            )
        }
        _ => error.to_string(),
    }
}
