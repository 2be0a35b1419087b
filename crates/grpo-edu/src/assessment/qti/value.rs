//! Values of QTI's variables and their types (information model, "Item variables").

use std::fmt;

use super::error::Reading;
use super::xml::Element;

/// What kind of value a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BaseType {
    Identifier,
    Boolean,
    Integer,
    Float,
    String,
    Point,
    Pair,
    DirectedPair,
    Uri,
}

impl BaseType {
    /// Reads an attribute that names one.
    pub(super) fn read(element: &Element, attribute: &str) -> Reading<Self> {
        let name = element.required(attribute)?.trim();
        Ok(match name {
            "identifier" => Self::Identifier,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "string" => Self::String,
            "point" => Self::Point,
            "pair" => Self::Pair,
            "directedPair" => Self::DirectedPair,
            "uri" => Self::Uri,
            "duration" | "file" | "intOrIdentifier" => {
                let problem = format!("`{attribute}` is `{name}`, which no text can be an answer of here");
                return Err(element.unsupported(problem));
            }
            other => {
                let known = "identifier, boolean, integer, float, string, point, pair, directedPair or uri";
                return Err(element.fault(format!("`{attribute}` is `{other}`, but it must be {known}")));
            }
        })
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float)
    }
}

impl fmt::Display for BaseType {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Identifier => "identifier",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
            Self::Point => "point",
            Self::Pair => "pair",
            Self::DirectedPair => "directedPair",
            Self::Uri => "uri",
        })
    }
}

/// How many values a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cardinality {
    Single,
    Multiple,
    Ordered,
    Record,
}

impl Cardinality {
    pub(super) fn read(element: &Element) -> Reading<Self> {
        Ok(match element.required("cardinality")?.trim() {
            "single" => Self::Single,
            "multiple" => Self::Multiple,
            "ordered" => Self::Ordered,
            "record" => Self::Record,
            other => {
                let known = "single, multiple, ordered or record";
                return Err(element.fault(format!("`cardinality` is `{other}`, but it must be {known}")));
            }
        })
    }
}

impl fmt::Display for Cardinality {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Multiple => "multiple",
            Self::Ordered => "ordered",
            Self::Record => "record",
        })
    }
}

/// The type of a variable or an expression. NULL has every type: `None` fits everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) cardinality: Option<Cardinality>,
    pub(super) base: Option<BaseType>,
}

impl Type {
    /// The type of NULL.
    pub(super) const ANY: Self = Self { cardinality: None, base: None };

    pub(super) const fn new(cardinality: Cardinality, base: BaseType) -> Self {
        Self { cardinality: Some(cardinality), base: Some(base) }
    }

    pub(super) const fn single(base: BaseType) -> Self {
        Self::new(Cardinality::Single, base)
    }

    pub(super) fn is(self, cardinality: Cardinality) -> bool {
        self.cardinality.is_none_or(|own| own == cardinality)
    }

    pub(super) fn is_container(self) -> bool {
        self.is(Cardinality::Multiple) || self.is(Cardinality::Ordered)
    }

    pub(super) fn holds(self, base: BaseType) -> bool {
        self.base.is_none_or(|own| own == base)
    }

    pub(super) fn holds_numbers(self) -> bool {
        self.base.is_none_or(BaseType::is_number)
    }

    /// Whether values of both can be compared with each other.
    pub(super) fn comparable(self, other: Self) -> bool {
        let cardinality = self.cardinality.zip(other.cardinality).is_none_or(|(a, b)| a == b);
        let base = self.base.zip(other.base).is_none_or(|(a, b)| a == b || (a.is_number() && b.is_number()));
        cardinality && base
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.cardinality, self.base) {
            (None, None) => f.write_str("NULL"),
            (Some(cardinality), None) => write!(f, "{cardinality}"),
            (None, Some(base)) => write!(f, "{base}"),
            (Some(cardinality), Some(base)) => write!(f, "{cardinality} {base}"),
        }
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Single {
    Identifier(String),
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Point(f64, f64),
    /// The order of the two doesn't matter.
    Pair(String, String),
    DirectedPair(String, String),
    Uri(String),
}

/// Equal values of comparable types have equal keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    Truth(bool),
    Number(u64),
    Text(String),
    Pair(String, String),
    Point(u64, u64),
}

/// Zero has two signs and equals itself.
fn bits(number: f64) -> u64 {
    if number == 0.0 { 0 } else { number.to_bits() }
}

impl Single {
    /// Reads a value as XML writes it; the error says what is wrong.
    pub(super) fn parse(text: &str, base: BaseType) -> Result<Self, String> {
        let trimmed = text.trim();
        let wrong = |need: &str| format!("`{}` isn't {need}", shortened(trimmed));
        Ok(match base {
            BaseType::Identifier if trimmed.is_empty() || trimmed.contains(char::is_whitespace) => {
                return Err(wrong("an identifier (a name without blanks)"));
            }
            BaseType::Identifier => Self::Identifier(trimmed.to_owned()),
            BaseType::Boolean => Self::Boolean(match trimmed {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(wrong("true or false")),
            }),
            BaseType::Integer => {
                Self::Integer(trimmed.parse().map_err(|_| wrong("a whole number of at most 64 bits"))?)
            }
            BaseType::Float => Self::Float(finite(trimmed).ok_or_else(|| wrong("a finite number"))?),
            BaseType::String => Self::String(text.to_owned()),
            BaseType::Uri => Self::Uri(trimmed.to_owned()),
            BaseType::Point => {
                let (x, y) = two(trimmed).ok_or_else(|| wrong("a point (`10 20`)"))?;
                let point = finite(x).zip(finite(y)).ok_or_else(|| wrong("a point (`10 20`)"))?;
                Self::Point(point.0, point.1)
            }
            BaseType::Pair | BaseType::DirectedPair => {
                let (a, b) = two(trimmed).ok_or_else(|| wrong("a pair of identifiers (`A B`)"))?;
                if base == BaseType::Pair {
                    Self::Pair(a.into(), b.into())
                } else {
                    Self::DirectedPair(a.into(), b.into())
                }
            }
        })
    }

    /// What it is compared by.
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Boolean(truth) => Key::Truth(*truth),
            Self::Integer(number) => Key::Number(bits(*number as f64)),
            Self::Float(number) => Key::Number(bits(*number)),
            Self::Identifier(text) | Self::String(text) | Self::Uri(text) => Key::Text(text.clone()),
            Self::Point(x, y) => Key::Point(bits(*x), bits(*y)),
            Self::Pair(a, b) if a > b => Key::Pair(b.clone(), a.clone()),
            Self::Pair(a, b) | Self::DirectedPair(a, b) => Key::Pair(a.clone(), b.clone()),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Identifier(text) | Self::String(text) | Self::Uri(text) => Some(text),
            _ => None,
        }
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn two(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(a), Some(b), None) => Some((a, b)),
        _ => None,
    }
}

/// The beginning of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    const LETTERS: usize = 60;
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a variable holds; NULL is `None` of an `Option`. A container is never empty: QTI says that an empty one is NULL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Single(Single),
    Multiple(Vec<Single>),
    Ordered(Vec<Single>),
    /// What a text entry gives where its response is a record.
    Record(super::record::Record),
}

impl Value {
    /// A container; NULL without values in it.
    pub(super) fn container(values: Vec<Single>, cardinality: Cardinality) -> Option<Self> {
        match cardinality {
            _ if values.is_empty() => None,
            Cardinality::Ordered => Some(Self::Ordered(values)),
            Cardinality::Multiple => Some(Self::Multiple(values)),
            Cardinality::Single | Cardinality::Record => values.into_iter().next().map(Self::Single),
        }
    }

    /// All values in it.
    pub(super) fn values(&self) -> &[Single] {
        match self {
            Self::Single(single) => std::slice::from_ref(single),
            Self::Multiple(values) | Self::Ordered(values) => values,
            Self::Record(_) => &[],
        }
    }

    pub(super) fn into_single(self) -> Option<Single> {
        match self {
            Self::Single(single) => Some(single),
            _ => None,
        }
    }

    /// Whether both hold the same, as `match` sees it: the order of a multiple doesn't matter.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let keys = |values: &[Single]| values.iter().map(Single::key).collect::<Vec<_>>();
        match (self, other) {
            (Self::Record(a), Self::Record(b)) => a == b,
            (Self::Multiple(a), Self::Multiple(b)) => {
                let (mut a, mut b) = (keys(a), keys(b));
                a.sort_unstable();
                b.sort_unstable();
                a == b
            }
            (Self::Single(a), Self::Single(b)) => a.key() == b.key(),
            (Self::Ordered(a), Self::Ordered(b)) => keys(a) == keys(b),
            _ => false,
        }
    }
}
