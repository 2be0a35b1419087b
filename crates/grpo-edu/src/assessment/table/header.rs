//! Which column of a table holds what.

use std::collections::HashMap;

use super::{Refusal, TableColumns};
use crate::assessment::answer::label;

/// A column: its name, and its place in a line.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) place: usize,
}

/// The columns of a table.
pub(super) struct Header {
    pub(super) question: Column,
    pub(super) answer: Column,
    pub(super) options: Vec<Column>,
    pub(super) choices: Option<Column>,
    pub(super) kind: Option<Column>,
    pub(super) tolerance: Option<Column>,
    pub(super) points: Option<Column>,
    pub(super) case: Option<Column>,
    pub(super) id: Option<Column>,
    pub(super) category: Option<Column>,
    pub(super) separator: String,
}

impl Header {
    pub(super) fn new(names: &csv::StringRecord, columns: &TableColumns) -> Result<Self, Refusal> {
        let names = Names::new(names);
        if columns.separator.trim().is_empty() {
            let problem = "is empty; use what divides several choices or answers, such as `|`".into();
            return Err(Refusal { place: "`separator`".into(), problem });
        }
        let answer = match &columns.answer {
            Some(name) => names.need(name)?,
            None => match names.find("answer")?.or(names.find("reference")?) {
                Some(column) => column,
                None => return Err(names.missing("answer")),
            },
        };
        let options = match &columns.options {
            Some(options) => options.iter().map(|name| names.need(name)).collect::<Result<_, _>>()?,
            None => names.lettered()?,
        };
        Ok(Self {
            question: names.need(&columns.question)?,
            answer,
            options,
            choices: names.optional(columns.choices.as_ref(), "choices")?,
            kind: names.optional(columns.kind.as_ref(), "type")?,
            tolerance: names.optional(columns.tolerance.as_ref(), "tolerance")?,
            points: names.optional(columns.points.as_ref(), "points")?,
            case: names.optional(columns.case.as_ref(), "case")?,
            id: names.optional(columns.id.as_ref(), "id")?,
            category: names.optional(columns.category.as_ref(), "category")?,
            separator: columns.separator.clone(),
        })
    }
}

/// The names in the first line.
struct Names<'a> {
    all: &'a csv::StringRecord,
    /// Where each name stands first, and where again.
    places: HashMap<&'a str, (usize, Option<usize>)>,
}

impl<'a> Names<'a> {
    fn new(all: &'a csv::StringRecord) -> Self {
        let mut places = HashMap::new();
        for (place, name) in all.iter().enumerate() {
            let again = |(_, again): &mut (usize, Option<usize>)| *again = again.or(Some(place));
            places.entry(name).and_modify(again).or_insert((place, None));
        }
        Self { all, places }
    }

    fn find(&self, wanted: &str) -> Result<Option<Column>, Refusal> {
        match self.places.get(wanted) {
            Some((_, Some(second))) => Err(Refusal {
                place: format!("line 1, column {}", second + 1),
                problem: format!("a second column `{wanted}`; rename one of them"),
            }),
            Some((place, None)) => Ok(Some(Column { name: wanted.into(), place: *place })),
            None => Ok(None),
        }
    }

    fn need(&self, wanted: &str) -> Result<Column, Refusal> {
        self.find(wanted)?.ok_or_else(|| self.missing(wanted))
    }

    fn optional(&self, wanted: Option<&String>, default: &str) -> Result<Option<Column>, Refusal> {
        match wanted {
            Some(wanted) => self.need(wanted).map(Some),
            None => self.find(default),
        }
    }

    fn lettered(&self) -> Result<Vec<Column>, Refusal> {
        let mut columns = Vec::new();
        while let Some(column) = self.find(&label(columns.len()))? {
            columns.push(column);
        }
        Ok(columns)
    }

    fn missing(&self, wanted: &str) -> Refusal {
        const SHOWN: usize = 20;
        let found: Vec<String> = self.all.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let problem = format!(
            "no column `{wanted}` among {}; name the columns as they are in the file",
            found.join(", ")
        );
        Refusal { place: "line 1".into(), problem }
    }
}
