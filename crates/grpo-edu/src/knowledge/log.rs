//! Response logs: who answered what, rightly or wrongly, in which order.

mod table;
mod xapi;

pub use table::Columns;

use crate::error::EduError;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// One answer of one learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The skill, an index into [`ResponseLog::skills`].
    pub skill: usize,
    /// The item, an index into [`ResponseLog::items`].
    pub item: usize,
    /// Whether the answer was right.
    pub correct: bool,
}

/// The answers of a number of learners, each learner's in the order in which they were given.
///
/// A log without a column of items has one item per skill, of the same name. Learners, skills and items are numbered as they first
/// turn up, so the same file always gives the same numbers.
///
/// ```
/// use grpo_edu::knowledge::{Columns, ResponseLog};
///
/// let table = "learner,skill,correct\nada,fractions,0\nada,fractions,1\nbob,powers,true\n";
/// let log = ResponseLog::parse_csv(table, "answers.csv", &Columns::default())?;
/// assert_eq!((log.learners().len(), log.skills().len(), log.len()), (2, 2, 3));
/// assert_eq!(log.sequences(0), [vec![false, true]]);
/// # Ok::<(), grpo_edu::EduError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseLog {
    learners: Vec<String>,
    skills: Vec<String>,
    items: Vec<String>,
    responses: Vec<Vec<Response>>,
    skipped: usize,
}

impl ResponseLog {
    /// Reads a file by its extension: `.csv` as [`ResponseLog::from_csv`], `.json` and `.jsonl` as
    /// [`ResponseLog::from_xapi`]. `columns` are for CSV.
    ///
    /// # Errors
    ///
    /// Those of the two readers, and [`EduError::ReadFile`] for another extension.
    pub fn from_file(path: impl AsRef<Path>, columns: &Columns) -> Result<Self, EduError> {
        let path = path.as_ref();
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Self::from_csv(path, columns),
            Some("json" | "jsonl") => Self::from_xapi(path),
            _ => Err(EduError::ReadFile {
                path: path.display().to_string(),
                reason: "its name must end in .csv (a table of responses), .json or .jsonl (xAPI statements)"
                    .into(),
            }),
        }
    }

    /// Reads a table with a header, one response a line, each learner's in the order of the file. The columns are those named in
    /// `columns`, in any order and among others; `correct` is 0, 1, true or false.
    ///
    /// # Errors
    ///
    /// [`EduError::ReadFile`]; [`EduError::Log`] names line and column; [`EduError::EmptyLog`].
    pub fn from_csv(path: impl AsRef<Path>, columns: &Columns) -> Result<Self, EduError> {
        let (text, name) = read(path.as_ref())?;
        Self::parse_csv(&text, &name, columns)
    }

    /// As [`ResponseLog::from_csv`], from a text that errors call `name`.
    ///
    /// # Errors
    ///
    /// [`EduError::Log`] names line and column; [`EduError::EmptyLog`].
    pub fn parse_csv(text: &str, name: &str, columns: &Columns) -> Result<Self, EduError> {
        table::parse(text, name, columns)
    }

    /// Reads xAPI statements (1.0.3 or 2.0): JSON lines, an array, or the statement result that a learning record store gives.
    ///
    /// A response is a statement with the verb `http://adlnet.gov/expapi/verbs/answered`, an activity as its object and
    /// `result.success`; others are [skipped](ResponseLog::skipped), and so are those that another statement voids. The learner is
    /// the actor (`mbox`, `mbox_sha1sum`, `openid` or `account`), the item is `object.id`, and the skill the first of
    /// `context.contextActivities.grouping`, else the first of `parent`, else the item. A learner's responses are sorted by
    /// `timestamp` (or `stored`), those of the same moment in the order of the file; a timestamp without a zone is UTC.
    ///
    /// # Errors
    ///
    /// [`EduError::ReadFile`]; [`EduError::Log`] names the statement; [`EduError::EmptyLog`].
    pub fn from_xapi(path: impl AsRef<Path>) -> Result<Self, EduError> {
        let (text, name) = read(path.as_ref())?;
        Self::parse_xapi(&text, &name)
    }

    /// As [`ResponseLog::from_xapi`], from a text that errors call `name`.
    ///
    /// # Errors
    ///
    /// [`EduError::Log`] names the statement; [`EduError::EmptyLog`].
    pub fn parse_xapi(text: &str, name: &str) -> Result<Self, EduError> {
        xapi::parse(text, name)
    }

    /// The names of the learners.
    pub fn learners(&self) -> &[String] {
        &self.learners
    }

    /// The names of the skills.
    pub fn skills(&self) -> &[String] {
        &self.skills
    }

    /// The names of the items.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// The responses of each learner, in order.
    pub fn responses(&self) -> &[Vec<Response>] {
        &self.responses
    }

    /// How many responses there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a log is never empty")]
    pub fn len(&self) -> usize {
        self.responses.iter().map(Vec::len).sum()
    }

    /// How many statements of an xAPI file are no responses. 0 for tables, where every line must be one.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The answers to one skill, right or wrong, of each learner who has any.
    pub fn sequences(&self, skill: usize) -> Vec<Vec<bool>> {
        let answers = |responses: &Vec<Response>| -> Vec<bool> {
            responses.iter().filter(|r| r.skill == skill).map(|r| r.correct).collect()
        };
        self.responses.iter().map(answers).filter(|sequence| !sequence.is_empty()).collect()
    }

    /// The answers to every skill at once, `[skills]`: what [`ResponseLog::sequences`] gives for each.
    pub fn all_sequences(&self) -> Vec<Vec<Vec<bool>>> {
        let mut all = vec![Vec::new(); self.skills.len()];
        let mut place = vec![usize::MAX; self.skills.len()];
        for responses in &self.responses {
            place.fill(usize::MAX);
            for response in responses {
                let sequences: &mut Vec<Vec<bool>> = &mut all[response.skill];
                if place[response.skill] == usize::MAX {
                    place[response.skill] = sequences.len();
                    sequences.push(Vec::new());
                }
                sequences[place[response.skill]].push(response.correct);
            }
        }
        all
    }
}

/// A file's text, and the name by which errors call it.
fn read(path: &Path) -> Result<(String, String), EduError> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| EduError::ReadFile { path: name.clone(), reason: error.to_string() })?;
    Ok((text, name))
}

/// Numbers for names, as they first turn up.
#[derive(Debug, Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len();
        self.names.push(name.to_string());
        self.numbers.insert(name.to_string(), number);
        number
    }
}

/// A log in the making.
#[derive(Debug, Default)]
struct Builder {
    learners: Names,
    skills: Names,
    items: Names,
    responses: Vec<Vec<Response>>,
}

impl Builder {
    fn push(&mut self, learner: &str, skill: &str, item: &str, correct: bool) {
        let learner = self.learners.number(learner);
        if learner == self.responses.len() {
            self.responses.push(Vec::new());
        }
        let response = Response { skill: self.skills.number(skill), item: self.items.number(item), correct };
        self.responses[learner].push(response);
    }

    /// `empty` says what is missing where there are no responses.
    fn finish(self, name: &str, skipped: usize, empty: &str) -> Result<ResponseLog, EduError> {
        if self.responses.is_empty() {
            return Err(EduError::EmptyLog { file: name.into(), reason: empty.into() });
        }
        Ok(ResponseLog {
            learners: self.learners.names,
            skills: self.skills.names,
            items: self.items.names,
            responses: self.responses,
            skipped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_keep_each_learners_order() {
        let table = "learner,skill,correct\nb,x,1\na,y,0\nb,y,1\na,x,0\nb,x,0\nc,y,1\n";
        let log = ResponseLog::parse_csv(table, "t", &Columns::default()).unwrap();
        assert_eq!(log.learners(), ["b", "a", "c"]);
        assert_eq!(log.skills(), ["x", "y"]);
        assert_eq!(log.sequences(0), [vec![true, false], vec![false]]);
        assert_eq!(log.sequences(1), [vec![true], vec![false], vec![true]]);
        assert_eq!(log.all_sequences(), [log.sequences(0), log.sequences(1)]);
        assert_eq!((log.len(), log.skipped()), (6, 0));
    }

    #[test]
    fn a_file_is_read_by_its_extension() {
        let error = |path: &str| ResponseLog::from_file(path, &Columns::default()).unwrap_err().to_string();
        assert!(error("answers.txt").contains("must end in .csv"));
        assert!(error("answers").contains("must end in .csv"));
        assert!(error("/no/such/answers.CSV").starts_with("/no/such/answers.CSV can't be read"));
        assert!(error("/no/such/answers.jsonl").starts_with("/no/such/answers.jsonl can't be read"));
    }
}
