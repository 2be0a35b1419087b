//! The record of a number that was typed: its value and how it was written.

use super::value::{BaseType, Single};

/// A field of the record that a text entry gives (information model, "Numeric response").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    StringValue,
    FloatValue,
    IntegerValue,
    LeftDigits,
    RightDigits,
    Ndp,
    Nsf,
    Exponent,
}

impl Field {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "stringValue" => Self::StringValue,
            "floatValue" => Self::FloatValue,
            "integerValue" => Self::IntegerValue,
            "leftDigits" => Self::LeftDigits,
            "rightDigits" => Self::RightDigits,
            "ndp" => Self::Ndp,
            "nsf" => Self::Nsf,
            "exponent" => Self::Exponent,
            _ => return None,
        })
    }

    pub(super) fn base(self) -> BaseType {
        match self {
            Self::StringValue => BaseType::String,
            Self::FloatValue => BaseType::Float,
            Self::IntegerValue
            | Self::LeftDigits
            | Self::RightDigits
            | Self::Ndp
            | Self::Nsf
            | Self::Exponent => BaseType::Integer,
        }
    }
}

/// A number as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    text: String,
    number: Option<Written>,
}

/// How a decimal number is written: `-12.50e3` has the whole digits 12, the decimals 50 and the exponent 3.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    value: f64,
    whole: String,
    decimals: Option<String>,
    exponent: Option<i64>,
}

impl Record {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), number: written(text.trim()) }
    }

    /// A field; NULL where the text isn't a number that has it.
    pub(super) fn field(&self, field: Field) -> Option<Single> {
        if field == Field::StringValue {
            return Some(Single::String(self.text.clone()));
        }
        let number = self.number.as_ref()?;
        let decimals = number.decimals.as_deref().unwrap_or_default();
        let count = |digits: usize| i64::try_from(digits).ok().map(Single::Integer);
        match field {
            Field::StringValue => None,
            Field::FloatValue => Some(Single::Float(number.value)),
            Field::IntegerValue if number.decimals.is_none() && number.exponent.is_none() => {
                self.text.trim().parse().ok().map(Single::Integer)
            }
            Field::IntegerValue => None,
            Field::LeftDigits => count(number.whole.len()),
            Field::RightDigits | Field::Ndp => count(decimals.len()),
            // Trailing zeros of a whole number may or may not be significant; they count, as they were written.
            Field::Nsf => count(format!("{}{decimals}", number.whole).trim_start_matches('0').len()),
            Field::Exponent => number.exponent.map(Single::Integer),
        }
    }
}

fn written(text: &str) -> Option<Written> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent.parse().ok()?)),
        None => (unsigned, None),
    };
    let (whole, decimals) = match digits.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals.to_owned())),
        None => (digits, None),
    };
    Some(Written { value, whole: whole.to_owned(), decimals, exponent })
}
