//! Response logs as tables (CSV).

use super::{Builder, ResponseLog};
use crate::error::EduError;

/// Which columns of a table hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Who answered; `learner` by default.
    pub learner: String,
    /// The skill that was practised; `skill` by default.
    pub skill: String,
    /// Whether the answer was right; `correct` by default.
    pub correct: String,
    /// The item that was answered. By default the column `item` if there is one, else the skill; a name given here must be there.
    pub item: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { learner: "learner".into(), skill: "skill".into(), correct: "correct".into(), item: None }
    }
}

/// A column: its name, and its place in a line.
struct Column<'a> {
    name: &'a str,
    place: usize,
}

pub(super) fn parse(text: &str, name: &str, columns: &Columns) -> Result<ResponseLog, EduError> {
    let refuse = |place: String, problem: String| EduError::Log { file: name.into(), place, problem };
    // A byte-order mark, as spreadsheets write it, is no part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| refuse("line 1".into(), error.to_string()))?.clone();

    let find = |wanted: &str| -> Result<Option<usize>, EduError> {
        let mut places = header.iter().enumerate().filter(|(_, found)| *found == wanted);
        match (places.next(), places.next()) {
            (Some(_), Some((second, _))) => Err(refuse(
                format!("line 1, column {}", second + 1),
                format!("a second column `{wanted}`; rename one of them"),
            )),
            (found, _) => Ok(found.map(|(place, _)| place)),
        }
    };
    let need = |wanted| match find(wanted)? {
        Some(place) => Ok(Column { name: wanted, place }),
        None => {
            let found: Vec<String> = header.iter().map(|name| format!("`{name}`")).collect();
            Err(refuse(
                "line 1".into(),
                format!(
                    "no column `{wanted}` among {}; name the columns as they are in the file",
                    found.join(", ")
                ),
            ))
        }
    };
    let learner = need(columns.learner.as_str())?;
    let skill = need(columns.skill.as_str())?;
    let correct = need(columns.correct.as_str())?;
    let item = match &columns.item {
        Some(wanted) => Some(need(wanted.as_str())?),
        None => find("item")?.map(|place| Column { name: "item", place }),
    };

    let mut log = Builder::default();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            refuse(format!("line {line}"), fields(&error))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: &Column<'_>| -> Result<&str, EduError> {
            // The reader has made sure that every line is as long as the header.
            match record.get(column.place).unwrap_or_default() {
                "" => Err(refuse(
                    format!("line {line}, column `{}`", column.name),
                    "empty; fill it in or leave the line out".into(),
                )),
                cell => Ok(cell),
            }
        };
        let right = match cell(&correct)? {
            "1" => true,
            "0" => false,
            word if word.eq_ignore_ascii_case("true") => true,
            word if word.eq_ignore_ascii_case("false") => false,
            other => {
                return Err(refuse(
                    format!("line {line}, column `{}`", correct.name),
                    format!("{other:?} is neither right nor wrong; write 1 or true, 0 or false"),
                ));
            }
        };
        let skill = cell(&skill)?;
        let item = item.as_ref().map_or(Ok(skill), cell)?;
        log.push(cell(&learner)?, skill, item, right);
    }
    log.finish(name, 0, "the table has a header at most; it needs a line per response")
}

fn fields(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}; put names with commas in quotes")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ResponseLog, EduError> {
        super::parse(text, "t.csv", &Columns::default())
    }

    #[test]
    fn columns_come_in_any_order_and_under_any_name() {
        let text =
            "\u{feff}ok;x".replace(';', ",") + ",who,what,item\nTRUE,9, ada ,\"a, b\",q1\n0,9,bob,c,q2\n";
        let columns = Columns {
            learner: "who".into(),
            skill: "what".into(),
            correct: "ok".into(),
            ..Columns::default()
        };
        let log = super::parse(&text, "t.csv", &columns).unwrap();
        assert_eq!(log.learners(), ["ada", "bob"]);
        assert_eq!(log.skills(), ["a, b", "c"]);
        assert_eq!(log.items(), ["q1", "q2"]);
        assert!(log.responses()[0][0].correct && !log.responses()[1][0].correct);
        let without = Columns { item: Some("x".into()), ..columns };
        assert_eq!(super::parse(&text, "t.csv", &without).unwrap().items(), ["9"]);
    }

    #[test]
    fn without_items_an_item_is_a_skill() {
        let log = parse("learner,skill,correct\r\na,x,1\r\na,y,false\r\n").unwrap();
        assert_eq!(log.items(), log.skills());
        assert_eq!(log.responses()[0].iter().map(|r| r.item).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_bad_table_is_refused_with_its_place() {
        let table = [
            ("", "no column `learner`"),
            ("learner,skill,correct\n", "t.csv has no responses"),
            ("learner,skill,right\na,x,1\n", "line 1: no column `correct` among `learner`, `skill`, `right`"),
            ("learner,skill,skill,correct\na,x,x,1\n", "line 1, column 3: a second column `skill`"),
            ("learner,skill,correct\na,x,1\na,x,2\n", "line 3, column `correct`: \"2\" is neither"),
            ("learner,skill,correct\na,x,\n", "line 2, column `correct`: empty"),
            ("learner,skill,correct\n,x,1\n", "line 2, column `learner`: empty"),
            ("learner,skill,correct\na, ,1\n", "line 2, column `skill`: empty"),
            ("learner,skill,correct,item\na,x,1,\n", "line 2, column `item`: empty"),
            ("learner,skill,correct\na,x,1\na,x,y,1\n", "line 3: 4 fields where the header has 3"),
        ];
        for (text, expected) in table {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("t.csv") && error.contains(expected), "{text:?}: {error}");
        }
        let columns = Columns { item: Some("question".into()), ..Columns::default() };
        let error =
            super::parse("learner,skill,correct\na,x,1\n", "t.csv", &columns).unwrap_err().to_string();
        assert!(error.contains("no column `question`"), "{error}");
    }
}
