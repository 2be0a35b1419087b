//! Numbers of JSON, compared exactly.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use serde_json::Number;

/// Which of two numbers is greater, as the decimals that they are written as.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => match (a.as_f64(), b.as_f64()) {
            // Two floats, or one beside an integer that a float holds exactly.
            (Some(x), Some(y)) if is_exact(a) && is_exact(b) => x.partial_cmp(&y).unwrap_or(Ordering::Equal),
            _ => decimal(a).cmp(&decimal(b)),
        },
    }
}

pub(super) fn is_multiple(number: &Number, of: &Number) -> bool {
    if let (Some(number), Some(of)) = (integer(number), integer(of)) {
        return of != 0 && number % of == 0;
    }
    let of = decimal(of);
    !of.is_zero() && (decimal(number) / of).is_integer()
}

/// `1.0` is an integer, as in the draft.
pub(super) fn is_integer(number: &Number) -> bool {
    integer(number).is_some() || number.as_f64().is_some_and(|value| value.fract() == 0.0)
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn is_exact(number: &Number) -> bool {
    integer(number).is_none_or(|value| value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS)
}

/// The value of the shortest decimal that reads as the number: 0.1 is a tenth.
fn decimal(number: &Number) -> BigRational {
    if let Some(value) = integer(number) {
        return BigRational::from_integer(value.into());
    }
    let written = format!("{:e}", number.as_f64().unwrap_or(0.0));
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().unwrap_or_default();
    // A float's exponent has at most three digits, so that the powers are small.
    let exponent = exponent.parse::<i64>().unwrap_or(0) - i64::try_from(fraction.len()).unwrap_or(0);
    let power = BigInt::from(10).pow(u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX).min(2000));
    match exponent < 0 {
        true => BigRational::new(digits, power),
        false => BigRational::from_integer(digits * power),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn exact() {
        for (a, b, want) in [
            ("1", "1.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("18446744073709551615", "-1", Ordering::Greater),
            ("1e300", "18446744073709551615", Ordering::Greater),
            ("0.1", "0.10", Ordering::Equal),
        ] {
            assert_eq!(compare(&number(a), &number(b)), want, "{a} {b}");
        }
        assert!(is_multiple(&number("0.3"), &number("0.1")));
        assert!(is_multiple(&number("1e308"), &number("5")));
        assert!(is_multiple(&number("19.99"), &number("0.01")));
        assert!(!is_multiple(&number("1e-300"), &number("0.1")));
        assert!(!is_multiple(&number("7"), &number("2")));
        assert!(is_integer(&number("1e3")) && !is_integer(&number("1.5")));
    }
}
