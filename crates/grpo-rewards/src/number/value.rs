//! Exact numbers of bounded size, and when two of them are the same answer.

use std::fmt;

use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Numerators and denominators may have this many bits (about 308 decimal digits). No answer a person would
/// write comes near; it bounds what `9^300 / 7^299 + ...` can cost.
const MAX_BITS: u64 = 1024;
/// No power of ten beyond this is formed: `10^MAX_TENS` is already larger than [`MAX_BITS`] allows.
const MAX_TENS: u32 = 320;

/// A number as it was written: an exact fraction, whether it was meant as a percentage, and whether it
/// contains a decimal (so that rounding is to be expected).
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub(crate) value: BigRational,
    pub(crate) percent: bool,
    pub(crate) decimal: bool,
}

/// Why a text is not one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Nothing in it is a number.
    #[error("holds no number")]
    NoNumber,
    /// A list, an interval, a date: more than one number that do not form one expression.
    #[error("is more than one number")]
    SeveralNumbers,
    /// A variable, a root, a constant such as π, an inequality, a control character.
    #[error("is not a plain number")]
    NotPlain,
    /// A bracket that is never closed, an operator without a right side.
    #[error("is not a complete expression")]
    Incomplete,
    /// A fraction over zero.
    #[error("divides by zero")]
    DivisionByZero,
    /// Longer than any answer a person would write.
    #[error("is too long for an answer")]
    TooLong,
    /// More digits, a larger exponent, more operations or deeper nesting than the verifier will compute.
    #[error("is too large for an answer")]
    TooLarge,
}

impl Number {
    pub(super) fn exact(value: BigRational) -> Self {
        Self { value, percent: false, decimal: false }
    }

    /// Whether the number was written with a percent sign; `42%` is kept as 42.
    pub fn is_percent(&self) -> bool {
        self.percent
    }

    /// The nearest `f64`, of the number as written (42 for `42%`).
    pub fn to_f64(&self) -> f64 {
        self.value.to_f64().unwrap_or(f64::NAN)
    }

    /// Whether this is the same answer as `reference`.
    ///
    /// Fractions and integers must be equal exactly. Where either side has a decimal they may differ by
    /// `tolerance`, but never by more than a thousandth of the reference, so that an absolute tolerance
    /// does not make all tiny numbers equal. Where exactly one side is a percentage, `42%` is the same as
    /// both 42 and 0.42.
    pub fn matches(&self, reference: &Self, tolerance: &Self) -> bool {
        let decimal = self.decimal || reference.decimal;
        let same = |a: &BigRational, b: &BigRational| {
            a == b
                || decimal && {
                    let difference = (a - b).abs();
                    difference <= tolerance.value && difference * BigInt::from(1000) <= b.abs()
                }
        };
        if same(&self.value, &reference.value) {
            return true;
        }
        let hundred = BigInt::from(100);
        match (self.percent, reference.percent) {
            (true, false) => same(&(&self.value / hundred), &reference.value),
            (false, true) => same(&self.value, &(&reference.value / hundred)),
            _ => false,
        }
    }

    fn checked(value: BigRational, decimal: bool) -> Result<Self, NumberError> {
        if value.numer().bits() > MAX_BITS || value.denom().bits() > MAX_BITS {
            return Err(NumberError::TooLarge);
        }
        Ok(Self { value, percent: false, decimal })
    }

    /// Reads digits with an optional point and exponent; everything else in `text` is a separator.
    pub(crate) fn literal(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].replace(is_minus, "-")),
            None => (text, String::new()),
        };
        let mut digits = Vec::with_capacity(mantissa.len());
        let mut decimals: Option<i64> = None;
        for byte in mantissa.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0');
                    decimals = decimals.map(|count| count + 1);
                }
                b'.' => decimals = Some(0),
                _ => {}
            }
        }
        if digits.len() > MAX_TENS as usize {
            return Err(NumberError::TooLarge);
        }
        let shift = if exponent.is_empty() {
            0
        } else {
            // Anything that does not fit i32 is too large as well.
            exponent.parse::<i32>().map_err(|_| NumberError::TooLarge)?.into()
        };
        let decimal = decimals.is_some() || !exponent.is_empty();
        let tens: i64 = shift - decimals.unwrap_or(0);
        let power = u32::try_from(tens.unsigned_abs()).ok().filter(|power| *power <= MAX_TENS);
        let power = BigInt::from(10).pow(power.ok_or(NumberError::TooLarge)?);
        let whole = BigInt::from_radix_be(Sign::Plus, &digits, 10).unwrap_or_default();
        let value = if tens == 0 {
            BigRational::from_integer(whole)
        } else if tens > 0 {
            BigRational::from_integer(whole * power)
        } else {
            BigRational::new(whole, power)
        };
        Self::checked(value, decimal)
    }

    pub(super) fn negated(self) -> Self {
        Self { value: -self.value, ..self }
    }

    pub(super) fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        Self::checked(&self.value + &other.value, self.decimal || other.decimal)
    }

    pub(super) fn times(&self, other: &Self) -> Result<Self, NumberError> {
        Self::checked(&self.value * &other.value, self.decimal || other.decimal)
    }

    pub(super) fn over(&self, other: &Self) -> Result<Self, NumberError> {
        if other.value.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        Self::checked(&self.value / &other.value, self.decimal || other.decimal)
    }

    pub(super) fn to_the(&self, exponent: &Self) -> Result<Self, NumberError> {
        if !exponent.value.is_integer() {
            return Err(NumberError::NotPlain);
        }
        let exponent = exponent.value.to_i32().ok_or(NumberError::TooLarge)?;
        if exponent < 0 && self.value.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        // Known before the power is formed: it has about bits × exponent bits.
        let bits = self.value.numer().bits().max(self.value.denom().bits());
        let trivial = self.value.is_zero() || self.value.abs().is_one();
        if !trivial && (bits - 1) * u64::from(exponent.unsigned_abs()) > MAX_BITS {
            return Err(NumberError::TooLarge);
        }
        // 0, 1 and -1 only ask whether the exponent is zero, odd or even.
        let exponent = if trivial && exponent != 0 { 2 - exponent.rem_euclid(2) } else { exponent };
        Self::checked(self.value.pow(exponent), self.decimal)
    }

    /// Whether this is a whole number written without a point or an exponent.
    pub(super) fn is_plain_integer(&self) -> bool {
        !self.decimal && self.value.is_integer()
    }

    /// Whether this could be the second half of a mixed number: from 0 to below 1, without a decimal.
    pub(super) fn is_proper_fraction(&self) -> bool {
        !self.decimal && !self.value.is_negative() && self.value < BigRational::one()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, if self.percent { "%" } else { "" })
    }
}

/// The characters that people and models write for a minus sign.
pub(crate) fn is_minus(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{fe63}' | '\u{ff0d}'
    )
}
