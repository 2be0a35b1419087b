//! A question that comes with its own scoring.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::{Interaction, Response};

/// How a question is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Plain text.
    #[default]
    Plain,
    /// Markdown.
    Markdown,
}

/// A question that comes with its own scoring, whatever format it was written in.
pub trait Item: Debug + Send + Sync {
    /// Its identifier, unique in its bank.
    fn id(&self) -> &str;

    /// Its title, where it has one.
    fn title(&self) -> Option<&str>;

    /// The skill or category it belongs to, where it has one.
    fn skill(&self) -> Option<&str> {
        None
    }

    /// What is asked, with the options and a line that says how to answer.
    fn prompt(&self, style: Style) -> String;

    /// A completion that earns the full score, in the form that [`Item::prompt`] asks for; `None` where the item doesn't say what is
    /// right.
    fn solution(&self) -> Option<String>;

    /// Reads the answer out of a completion and scores it by the item's own rules. An answer that can't be read, or none at all, is
    /// marked like an empty one and says so in the reason.
    fn mark(&self, completion: &str) -> Marked;

    /// What a record says about the item.
    fn definition(&self) -> Definition;
}

/// How an answer was marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// The responses that were read, one for each interaction; `None` where nothing could be read.
    pub responses: Vec<Option<Response>>,
    /// The item's score; `None` for an item that isn't scored.
    pub score: Option<f64>,
    /// The lowest score the item can give.
    pub min: f64,
    /// The highest score the item can give.
    pub max: f64,
    /// Why, in words a person can read: "B is right", "no answer found", "2 of 3 pairs".
    pub reason: String,
}

impl Marked {
    /// The score as a share of the highest one, from -1 to 1 (xAPI's `score.scaled`); `None` where the item isn't scored or the
    /// highest score isn't above 0.
    pub fn scaled(&self) -> Option<f64> {
        let score = self.score.filter(|_| self.max > 0.0)?;
        Some((score / self.max).clamp(-1.0, 1.0))
    }

    /// Whether the answer earned the full score.
    pub fn success(&self) -> Option<bool> {
        self.score.map(|score| score >= self.max)
    }
}

/// What a record says about an item: the parts of an xAPI activity definition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definition {
    /// The identifier.
    pub id: String,
    /// The title, or the beginning of the question.
    pub name: String,
    /// The question without its options, as plain text.
    pub description: String,
    /// The places where an answer is asked for.
    pub interactions: Vec<Interaction>,
    /// Right responses, one for each interaction where they are known.
    pub correct: Vec<Option<Response>>,
}
