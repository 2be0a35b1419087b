//! The kinds of places in a question where an answer is asked for, in whatever format it was written.

/// Something that can be chosen, ordered or matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its identifier in the source.
    pub id: String,
    /// What a person reads (plain text).
    pub text: String,
}

/// A place where an answer is asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Interaction {
    /// One or several of a list: the response is [`Response::Chosen`].
    Choice {
        /// What there is to choose from. Shown with the letters A, B, C... in this order.
        choices: Vec<Choice>,
        /// How many may be chosen; 0 for any number.
        max: usize,
    },
    /// A list to put in order: the response is [`Response::Ordered`].
    Order {
        /// The list. Shown with the letters A, B, C...
        choices: Vec<Choice>,
    },
    /// Pairs between two lists: the response is [`Response::Pairs`]. The first list is numbered, the second lettered.
    Match {
        /// What each needs a partner.
        sources: Vec<Choice>,
        /// The partners.
        targets: Vec<Choice>,
    },
    /// A gap in a text with a list of its own to choose from: the response is [`Response::Chosen`] with one identifier.
    InlineChoice {
        /// What there is to choose from.
        choices: Vec<Choice>,
    },
    /// Gaps in a text, filled from one list: the response is [`Response::Pairs`] of (filling, gap). Gaps are numbered, fillings lettered.
    GapMatch {
        /// What can be put into a gap.
        fillings: Vec<Choice>,
        /// The gaps.
        gaps: Vec<Choice>,
    },
    /// A short text: the response is [`Response::Text`].
    Text,
    /// A number: the response is [`Response::Number`] (and [`Response::Text`] where none can be read).
    Number,
    /// A point in a picture, as `x,y`: the response is [`Response::Point`].
    Point,
    /// A long text that isn't scored: the response is [`Response::Text`].
    Essay,
    /// True or false: the response is [`Response::Truth`].
    Truth,
}

/// What was answered in one place.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Response {
    /// Identifiers of what was chosen, in the order of the list.
    Chosen(Vec<String>),
    /// Identifiers in the order they were put in.
    Ordered(Vec<String>),
    /// Pairs of identifiers.
    Pairs(Vec<(String, String)>),
    /// A text.
    Text(String),
    /// A number, and how it was written.
    Number(f64, String),
    /// A point.
    Point(f64, f64),
    /// True or false.
    Truth(bool),
}
