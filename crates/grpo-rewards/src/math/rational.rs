//! Exact fractions of bounded size, small ones without touching the heap.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Numerators and denominators may have this many bits (about 308 decimal digits), as in
/// [`number`](crate::number): it bounds what one operation can cost.
const MAX_BITS: u64 = 1024;

/// A fraction in lowest terms. `Big` only where a part does not fit an `i64`, so that equal values have equal
/// representations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exact {
    Small(i64, i64),
    Big(Box<BigRational>),
}

impl Exact {
    pub(super) const ZERO: Self = Self::Small(0, 1);
    pub(super) const ONE: Self = Self::Small(1, 1);

    pub(super) const fn integer(value: i64) -> Self {
        Self::Small(value, 1)
    }

    /// `None` for a zero denominator.
    pub(super) fn ratio(above: i128, below: i128) -> Option<Self> {
        if below == 0 {
            return None;
        }
        let common = gcd(above.unsigned_abs(), below.unsigned_abs());
        let common = i128::try_from(common).ok()?;
        let sign = if below < 0 { -1 } else { 1 };
        let (above, below) = (sign * (above / common), sign * (below / common));
        match (i64::try_from(above), i64::try_from(below)) {
            (Ok(above), Ok(below)) => Some(Self::Small(above, below)),
            _ => Some(Self::Big(Box::new(BigRational::new_raw(above.into(), below.into())))),
        }
    }

    /// `None` where it is too large.
    pub(super) fn from_big(value: BigRational) -> Option<Self> {
        if value.numer().bits() > MAX_BITS || value.denom().bits() > MAX_BITS {
            return None;
        }
        Some(match (value.numer().to_i64(), value.denom().to_i64()) {
            (Some(above), Some(below)) => Self::Small(above, below),
            _ => Self::Big(Box::new(value)),
        })
    }

    pub(super) fn to_big(&self) -> BigRational {
        match self {
            Self::Small(above, below) => BigRational::new_raw((*above).into(), (*below).into()),
            Self::Big(value) => (**value).clone(),
        }
    }

    pub(super) fn to_f64(&self) -> f64 {
        match self {
            Self::Small(above, below) => *above as f64 / *below as f64,
            Self::Big(value) => value.to_f64().unwrap_or(f64::NAN),
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    pub(super) fn is_negative(&self) -> bool {
        match self {
            Self::Small(above, _) => *above < 0,
            Self::Big(value) => value.is_negative(),
        }
    }

    /// The value as a whole number of at most 64 bits.
    pub(super) fn to_integer(&self) -> Option<i64> {
        match self {
            Self::Small(above, 1) => Some(*above),
            _ => None,
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Small(above, below) if above != i64::MIN => Self::Small(-above, below),
            // The sign changes neither the size by more than a bit nor the denominator.
            other => Self::from_big(-other.to_big()).unwrap_or(other),
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        if let (Self::Small(a, b), Self::Small(c, d)) = (self, other) {
            if *b == 1
                && *d == 1
                && let Some(sum) = a.checked_add(*c)
            {
                return Some(Self::Small(sum, 1));
            }
            let (a, b, c, d) = (i128::from(*a), i128::from(*b), i128::from(*c), i128::from(*d));
            if let Some(above) = (a * d).checked_add(c * b) {
                return Self::ratio(above, b * d);
            }
        }
        Self::from_big(self.to_big() + other.to_big())
    }

    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        if let (Self::Small(a, b), Self::Small(c, d)) = (self, other) {
            if *b == 1
                && *d == 1
                && let Some(product) = a.checked_mul(*c)
            {
                return Some(Self::Small(product, 1));
            }
            return Self::ratio(i128::from(*a) * i128::from(*c), i128::from(*b) * i128::from(*d));
        }
        Self::from_big(self.to_big() * other.to_big())
    }

    /// `None` for zero.
    pub(super) fn inverse(&self) -> Option<Self> {
        match self {
            Self::Small(above, below) => Self::ratio(i128::from(*below), i128::from(*above)),
            Self::Big(value) => Self::from_big(value.recip()),
        }
    }

    /// `None` for zero to a negative power and for what is too large.
    pub(super) fn to_the(&self, exponent: i64) -> Option<Self> {
        let trivial = matches!(self, Self::Small(-1..=1, 1));
        if trivial && exponent != 0 {
            let base = if exponent < 0 { self.inverse()? } else { self.clone() };
            return if exponent % 2 == 0 { base.times(&base) } else { Some(base) };
        }
        let value = self.to_big();
        let bits = value.numer().bits().max(value.denom().bits());
        // Known before the power is formed: it has about bits × exponent bits.
        if (bits - 1).checked_mul(exponent.unsigned_abs())? > MAX_BITS {
            return None;
        }
        Self::from_big(value.pow(i32::try_from(exponent).ok()?))
    }

    /// n! as far as it is small enough.
    pub(super) fn factorial(&self) -> Option<Self> {
        let n = u64::try_from(self.to_integer()?).ok().filter(|n| *n <= 170)?;
        Self::from_big(BigRational::from_integer((1..=n).map(BigInt::from).product()))
    }

    /// n over k as far as it is small enough.
    pub(super) fn choose(&self, k: &Self) -> Option<Self> {
        let (n, k) = (self.to_integer()?, k.to_integer()?);
        if n < 0 || k < 0 || n > 1000 {
            return None;
        }
        if k > n {
            return Some(Self::ZERO);
        }
        let mut result = BigInt::one();
        for step in 0..k.min(n - k) {
            result = result * BigInt::from(n - step) / BigInt::from(step + 1);
        }
        Self::from_big(BigRational::from_integer(result))
    }

    pub(super) fn floor(&self) -> Option<Self> {
        Self::from_big(self.to_big().floor())
    }

    pub(super) fn absolute(self) -> Self {
        if self.is_negative() { self.negated() } else { self }
    }

    /// The whole number whose `degree`-th power this is.
    pub(super) fn exact_root(&self, degree: u32) -> Option<Self> {
        let value = self.to_big();
        if value.is_negative() || degree == 0 {
            return None;
        }
        let (above, below) = (value.numer().nth_root(degree), value.denom().nth_root(degree));
        let exact = above.pow(degree) == *value.numer() && below.pow(degree) == *value.denom();
        if !exact || below.is_zero() {
            return None;
        }
        Self::from_big(BigRational::new(above, below))
    }
}

/// Euclid's algorithm, in 64 bits as soon as the numbers fit.
fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        if let (Ok(mut small), Ok(mut other)) = (u64::try_from(a), u64::try_from(b)) {
            while other != 0 {
                (small, other) = (other, small % other);
            }
            return small.into();
        }
        (a, b) = (b, a % b);
    }
    a
}
