//! Questions of question banks, with the rules by which Moodle scores them. [`gift`](super::gift) and [`table`](super::table) read
//! them.
//!
//! | question | [`Grading`] | score |
//! |---|---|---|
//! | one of a list | [`One`](Grading::One) | the share of the option, from -100% |
//! | several of a list | [`Several`](Grading::Several) | the shares of what was chosen added up, from 0 to 100% |
//! | true or false | [`Truth`](Grading::Truth) | all or nothing |
//! | short answer | [`Short`](Grading::Short) | the share of the first pattern that matches |
//! | number | [`Numbers`](Grading::Numbers) | the share of the first range that holds it |
//! | matching | [`Match`](Grading::Match) | the share of right pairs |
//! | essay, description | [`Essay`](Grading::Essay), [`Description`](Grading::Description) | none |
//!
//! No answer, or one that can't be read, scores 0.

mod error;
mod grading;
mod mark;
mod markup;
mod pattern;
mod source;

pub use error::BankError;
pub(super) use grading::MAX_ANSWERS;
pub use grading::{Accepted, Credit, Grading, Range};
pub(super) use markup::{Format, Wording};
pub(super) use pattern::literal;
pub(super) use source::{check_size, read_file};

use super::{Choice, Definition, Interaction, Item, Marked, Response, Style, answer};
use crate::draws::{Draws, SeededDraws};

/// A question of a bank.
#[derive(Debug, Clone, PartialEq)]
pub struct BankItem {
    id: String,
    title: Option<String>,
    category: Option<String>,
    tags: Vec<String>,
    line: u64,
    wording: Wording,
    grading: Grading,
    points: f64,
    feedback: Option<String>,
    /// What is asked for, in the order shown: one interaction, or none for a description.
    interactions: Vec<Interaction>,
}

/// How many answers are tried for one that earns the full score: each may be taken by another one before it.
const MAX_CANDIDATES: usize = 8;

/// What a reader of some format has found out about a question.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) category: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) line: u64,
    pub(super) wording: Wording,
    pub(super) grading: Grading,
    pub(super) points: f64,
    pub(super) feedback: Option<String>,
}

impl Draft {
    /// The question, once its grading makes sense; else what is wrong and what would fix it.
    pub(super) fn finish(self) -> Result<BankItem, String> {
        self.grading.check()?;
        let Self { id, title, category, tags, line, wording, grading, points, feedback } = self;
        let interactions = grading.interaction().into_iter().collect();
        let item =
            BankItem { id, title, category, tags, line, wording, grading, points, feedback, interactions };
        if item.grading.is_scored() && item.solution().is_none() {
            return Err("no answer earns the full score: an answer before it takes what it would match, or it is too long; put the \
                        answer that earns 100% first"
                .into());
        }
        Ok(item)
    }
}

impl BankItem {
    /// The category it stands under in its bank, such as `$course$/Geography`.
    pub fn category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// Its tags.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The line of its file where it begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The rule by which it is scored, in the order in which it was written.
    pub fn grading(&self) -> &Grading {
        &self.grading
    }

    /// The score of a right answer.
    pub fn points(&self) -> f64 {
        self.points
    }

    /// What a learner is told whatever the answer was.
    pub fn feedback(&self) -> Option<&str> {
        self.feedback.as_deref()
    }

    /// The question without its options.
    pub fn question(&self, style: Style) -> &str {
        self.wording.get(style)
    }

    /// With options (and the right sides of pairs) in an order drawn from the seed and the question's text. People tend to write the
    /// right option first, and pairs side by side: whoever trains on that order learns it.
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> Self {
        self = self.in_order();
        let mut draws = SeededDraws::new("bank", seed, fingerprint(self.question(Style::Plain)));
        for interaction in &mut self.interactions {
            if let Interaction::Choice { choices: list, .. } | Interaction::Match { targets: list, .. } =
                interaction
            {
                let order = draws.sample(list.len(), list.len());
                *list = order.into_iter().filter_map(|place| list.get(place).cloned()).collect();
            }
        }
        self
    }

    /// With options in the order in which they were written.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.interactions = self.grading.interaction().into_iter().collect();
        self
    }

    /// A response that earns the full score, where there is one to be written down.
    fn right(&self) -> Option<Response> {
        let interaction = self.interactions.first()?;
        let mut candidates = self.grading.candidates(interaction).into_iter().take(MAX_CANDIDATES);
        candidates.find(|response| self.grading.judge(interaction, response).share >= 1.0)
    }
}

/// FNV-1a, which unlike the standard library's hash stays the same from version to version.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Item for BankItem {
    fn id(&self) -> &str {
        &self.id
    }

    fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    fn skill(&self) -> Option<&str> {
        self.category()
    }

    fn prompt(&self, style: Style) -> String {
        let mut parts = vec![self.question(style).to_owned()];
        parts.extend(self.interactions.iter().map(|interaction| answer::show(interaction, 0, style)));
        parts.push(answer::instructions(&self.interactions, style));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn solution(&self) -> Option<String> {
        answer::write(&self.interactions, &[Some(self.right()?)])
    }

    fn mark(&self, completion: &str) -> Marked {
        let (min, max) = (self.grading.lowest() * self.points, self.points);
        let Some(interaction) = self.interactions.first() else {
            let reason = "a description asks for nothing".into();
            return Marked { responses: Vec::new(), score: None, min: 0.0, max: 0.0, reason };
        };
        let read = answer::read(&self.interactions, completion).into_iter().next();
        let (response, share, reason) = match read.unwrap_or(Err(answer::Unreadable::Nothing)) {
            Ok(response) => {
                let verdict = self.grading.judge(interaction, &response);
                (Some(response), verdict.share, verdict.reason)
            }
            Err(unreadable) => (None, 0.0, unreadable.to_string()),
        };
        let responses = vec![response];
        if !self.grading.is_scored() {
            return Marked { responses, score: None, min: 0.0, max: 0.0, reason };
        }
        Marked { responses, score: Some(share * self.points), min, max, reason }
    }

    fn definition(&self) -> Definition {
        let question = self.question(Style::Plain);
        let name = self.title.clone().unwrap_or_else(|| beginning(question));
        let correct = self.interactions.iter().map(|_| self.right()).collect();
        Definition {
            id: self.id.clone(),
            name,
            description: question.into(),
            interactions: self.interactions.clone(),
            correct,
        }
    }
}

/// The first line of a question, or what of it a list of questions has room for.
fn beginning(question: &str) -> String {
    const SHOWN: usize = 80;
    let line = question.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into(),
    }
}

/// Lists of options as they are shown: identified by their place in the bank, from 1.
fn choices<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Choice> {
    texts.enumerate().map(|(place, text)| Choice { id: (place + 1).to_string(), text: text.into() }).collect()
}
