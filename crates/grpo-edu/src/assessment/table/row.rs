//! One line of a table as a question.

use grpo_rewards::number::Number;

use super::Refusal;
use super::header::{Column, Header};
use crate::assessment::bank::{
    Accepted, Credit, Draft, Format, Grading, MAX_ANSWERS, Range, Wording, literal,
};
use crate::assessment::{Choice, Interaction, Response, answer};

/// The kinds of questions a table can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Choice,
    Multiple,
    Text,
    Number,
    Truth,
    Essay,
}

impl Kind {
    const NAMES: [(&str, Self); 6] = [
        ("choice", Self::Choice),
        ("multiple", Self::Multiple),
        ("text", Self::Text),
        ("number", Self::Number),
        ("truth", Self::Truth),
        ("essay", Self::Essay),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    fn has_options(self) -> bool {
        matches!(self, Self::Choice | Self::Multiple)
    }
}

/// A line of the table.
pub(super) struct Row<'a> {
    header: &'a Header,
    record: &'a csv::StringRecord,
    line: u64,
}

impl<'a> Row<'a> {
    pub(super) fn new(header: &'a Header, record: &'a csv::StringRecord, line: u64) -> Self {
        Self { header, record, line }
    }

    pub(super) fn draft(&self) -> Result<Draft, Refusal> {
        if let Some(control) =
            self.record.iter().flat_map(str::chars).find(|c| c.is_control() && !"\t\r\n".contains(*c))
        {
            let problem = format!("a control character (U+{:04X}); remove it", u32::from(control));
            return Err(Refusal { place: format!("line {}", self.line), problem });
        }
        let question = self.cell(&self.header.question);
        if question.is_empty() {
            return Err(self.refuse(&self.header.question, "empty; fill it in or leave the line out"));
        }
        let options = self.options()?;
        let kind = self.kind(&options)?;
        if !options.is_empty() && !kind.has_options() {
            let problem = format!(
                "a question of type `{}` has no options; leave them out or write another type",
                kind.name()
            );
            return Err(Refusal { place: format!("line {}", self.line), problem });
        }
        let grading = self.grading(kind, options)?;
        let model_answer = self.cell(&self.header.answer);
        let optional = |column: &Option<Column>| {
            column.as_ref().map(|column| self.cell(column)).filter(|cell| !cell.is_empty())
        };
        Ok(Draft {
            id: optional(&self.header.id).map_or_else(|| format!("question@{}", self.line), str::to_owned),
            title: None,
            category: optional(&self.header.category).map(str::to_owned),
            tags: Vec::new(),
            line: self.line,
            wording: Wording::new(Format::Plain, question),
            points: self.points()?,
            feedback: (kind == Kind::Essay && !model_answer.is_empty()).then(|| model_answer.to_owned()),
            grading,
        })
    }

    /// What stands in a column, without white space at both ends.
    fn cell(&self, column: &Column) -> &'a str {
        // The reader has made sure that every line is as long as the header.
        self.record.get(column.place).unwrap_or_default()
    }

    fn refuse(&self, column: &Column, problem: impl Into<String>) -> Refusal {
        Refusal { place: format!("line {}, column `{}`", self.line, column.name), problem: problem.into() }
    }

    fn kind(&self, options: &[Choice]) -> Result<Kind, Refusal> {
        if let Some(column) = &self.header.kind
            && !self.cell(column).is_empty()
        {
            let written = self.cell(column);
            let found = Kind::NAMES.into_iter().find(|(name, _)| written.eq_ignore_ascii_case(name));
            return found.map(|(_, kind)| kind).ok_or_else(|| {
                let names = Kind::NAMES.map(|(name, _)| format!("`{name}`")).join(", ");
                self.refuse(
                    column,
                    format!("{written:?} is no type of question; write one of {names}, or nothing"),
                )
            });
        }
        let answer = self.cell(&self.header.answer);
        if answer.is_empty() {
            return Err(self.refuse(
                &self.header.answer,
                "no answer; fill it in, or write `essay` in the column `type`",
            ));
        }
        if !options.is_empty() {
            return Ok(if self.chosen(options)?.len() > 1 { Kind::Multiple } else { Kind::Choice });
        }
        let truth = ["true", "false"].iter().any(|word| answer.eq_ignore_ascii_case(word));
        // Digits with separators between thousands, but not what only arithmetic makes a number: `2024-05-01`.
        let decimal = answer.bytes().any(|byte| byte.is_ascii_digit())
            && answer.replace(',', "").parse::<f64>().is_ok();
        let number = decimal && answer.parse::<Number>().is_ok();
        Ok(match (truth, number) {
            (true, _) => Kind::Truth,
            (_, true) => Kind::Number,
            _ => Kind::Text,
        })
    }

    /// The options, from columns of their own or from one.
    fn options(&self) -> Result<Vec<Choice>, Refusal> {
        let cells: Vec<&str> = self.header.options.iter().map(|column| self.cell(column)).collect();
        let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let mut texts: Vec<&str> = cells.into_iter().take(filled).collect();
        if let Some(gap) = texts.iter().position(|text| text.is_empty())
            && let Some(column) = self.header.options.get(gap)
        {
            return Err(self.refuse(column, "empty, but an option follows it; move the options to the left"));
        }
        if let Some(column) = &self.header.choices
            && !self.cell(column).is_empty()
        {
            if !texts.is_empty() {
                return Err(self.refuse(column, "options here and in columns of their own; keep one of them"));
            }
            texts = self.cell(column).split(&self.header.separator).map(str::trim).collect();
            if texts.iter().any(|text| text.is_empty()) {
                let problem =
                    format!("an empty option; write texts before and after each `{}`", self.header.separator);
                return Err(self.refuse(column, problem));
            }
        }
        if texts.len() > MAX_ANSWERS {
            let problem =
                format!("{} options, but at most {MAX_ANSWERS} are read; divide the question", texts.len());
            return Err(Refusal { place: format!("line {}", self.line), problem });
        }
        let choice = |(place, text): (usize, &str)| Choice { id: place.to_string(), text: text.into() };
        Ok(texts.into_iter().enumerate().map(choice).collect())
    }

    /// The places of the right options.
    fn chosen(&self, options: &[Choice]) -> Result<Vec<usize>, Refusal> {
        let answer = self.cell(&self.header.answer);
        if answer.is_empty() {
            return Err(self
                .refuse(&self.header.answer, "no answer; write the letter or the text of the right option"));
        }
        if answer.len() > answer::MAX_ANSWER {
            let problem = format!("{} bytes, but at most {} are read", answer.len(), answer::MAX_ANSWER);
            return Err(self.refuse(&self.header.answer, problem));
        }
        let column = self.header.options.iter().take(options.len()).position(|column| column.name == answer);
        if let Some(place) = column {
            return Ok(vec![place]);
        }
        let read = |text: &str, max: usize| {
            let interaction = Interaction::Choice { choices: options.to_vec(), max };
            match answer::read_part(&interaction, text) {
                Ok(Response::Chosen(ids)) => {
                    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect::<Vec<usize>>())
                }
                Ok(_) => Ok(Vec::new()),
                Err(unreadable) => Err(unreadable.to_string()),
            }
        };
        let mut places = match read(answer, 1) {
            Ok(one) => one,
            Err(_) if answer.contains(&self.header.separator) => {
                let parts = answer.split(&self.header.separator).map(|part| read(part, 1));
                parts.collect::<Result<Vec<_>, _>>().map_err(|problem| self.unreadable(&problem))?.concat()
            }
            Err(_) => read(answer, 0).map_err(|problem| self.unreadable(&problem))?,
        };
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Err(self.unreadable("no option is right"));
        }
        Ok(places)
    }

    fn unreadable(&self, problem: &str) -> Refusal {
        let fix = format!(
            "write letters or texts of options, several of them with `{}` between",
            self.header.separator
        );
        self.refuse(&self.header.answer, format!("{problem}; {fix}"))
    }

    fn grading(&self, kind: Kind, options: Vec<Choice>) -> Result<Grading, Refusal> {
        let answer = self.cell(&self.header.answer);
        let (tolerance, case) = (self.tolerance(kind)?, self.case(kind)?);
        if answer.is_empty() && kind != Kind::Essay {
            return Err(self.refuse(&self.header.answer, "no answer; fill it in"));
        }
        match kind {
            Kind::Choice | Kind::Multiple => self.choice(kind, options),
            Kind::Text => {
                let texts =
                    answer.split(&self.header.separator).map(str::trim).filter(|text| !text.is_empty());
                let answers: Vec<Credit> = texts.map(|text| credit(&literal(text), 1.0)).collect();
                Ok(Grading::Short { answers, case })
            }
            Kind::Number => {
                let number = answer.parse::<Number>().map(|number| number.to_f64());
                let answer = number.map_err(|error| {
                    self.refuse(&self.header.answer, format!("{answer:?} {error}; write one number"))
                })?;
                let range = Range::Near { answer, tolerance };
                Ok(Grading::Numbers { accepted: vec![Accepted { range, share: 1.0, feedback: None }] })
            }
            Kind::Truth => match answer::read_part(&Interaction::Truth, answer) {
                Ok(Response::Truth(right)) => Ok(Grading::Truth { right, if_wrong: None, if_right: None }),
                _ => Err(self.refuse(
                    &self.header.answer,
                    format!("{answer:?} is neither true nor false; write one of them"),
                )),
            },
            Kind::Essay => Ok(Grading::Essay),
        }
    }

    fn choice(&self, kind: Kind, options: Vec<Choice>) -> Result<Grading, Refusal> {
        let right = self.chosen(&options)?;
        if kind == Kind::Choice && right.len() > 1 {
            let problem = format!(
                "{} right answers to a question of type `choice`; keep one, or write `multiple`",
                right.len()
            );
            return Err(self.refuse(&self.header.answer, problem));
        }
        let share = 1.0 / right.len() as f64;
        let wrong = if kind == Kind::Multiple { -share } else { 0.0 };
        let mut credits: Vec<Credit> = options.iter().map(|option| credit(&option.text, wrong)).collect();
        for place in right {
            if let Some(credit) = credits.get_mut(place) {
                credit.share = share;
            }
        }
        Ok(match kind {
            Kind::Multiple => Grading::Several { options: credits },
            _ => Grading::One { options: credits },
        })
    }

    fn points(&self) -> Result<f64, Refusal> {
        let Some((column, cell)) = self.filled(&self.header.points) else { return Ok(1.0) };
        let points = cell.parse::<f64>().ok().filter(|points| points.is_finite() && *points > 0.0);
        points.ok_or_else(|| {
            self.refuse(column, format!("{cell:?} is no score; write a number above 0, or nothing for 1"))
        })
    }

    fn tolerance(&self, kind: Kind) -> Result<f64, Refusal> {
        let Some((column, cell)) = self.filled(&self.header.tolerance) else { return Ok(0.0) };
        if kind != Kind::Number {
            let problem = format!(
                "a tolerance, but the question is of type `{}`; leave it out or write `number`",
                kind.name()
            );
            return Err(self.refuse(column, problem));
        }
        let tolerance =
            cell.parse::<f64>().ok().filter(|tolerance| tolerance.is_finite() && *tolerance >= 0.0);
        tolerance.ok_or_else(|| {
            self.refuse(column, format!("{cell:?} is no distance; write a number from 0 up, or nothing"))
        })
    }

    fn case(&self, kind: Kind) -> Result<bool, Refusal> {
        let Some((column, cell)) = self.filled(&self.header.case) else { return Ok(false) };
        match cell {
            "1" => Ok(true),
            "0" => Ok(false),
            word if word.eq_ignore_ascii_case("true") => Ok(true),
            word if word.eq_ignore_ascii_case("false") => Ok(false),
            other => Err(self.refuse(column, format!("{other:?} says nothing about letters; write true or false"))),
        }
        .and_then(|case| match (case, kind) {
            (false, _) | (true, Kind::Text) => Ok(case),
            (true, kind) => {
                let problem = format!("capital letters count in texts alone, and this is a question of type `{}`; leave it empty", kind.name());
                Err(self.refuse(column, problem))
            }
        })
    }

    fn filled<'b>(&self, column: &'b Option<Column>) -> Option<(&'b Column, &'a str)> {
        let column = column.as_ref()?;
        let cell = self.cell(column);
        (!cell.is_empty()).then_some((column, cell))
    }
}

fn credit(text: &str, share: f64) -> Credit {
    Credit { text: text.into(), share, feedback: None }
}
