//! Operators on numbers. What has no finite result, or doesn't fit into 64 bits, is NULL.

use super::evaluate::float;
use super::{Arithmetic, Comparison, Rounding, Tolerance, ToleranceMode};
use crate::assessment::qti::value::{BaseType, Single, Type, Value};

pub(super) fn compare(a: f64, b: f64, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Less => a < b,
        Comparison::AtMost => a <= b,
        Comparison::More => a > b,
        Comparison::AtLeast => a >= b,
    }
}

/// Whether `b` lies within the tolerance around `a`.
pub(super) fn equal(a: f64, b: f64, tolerance: Tolerance) -> bool {
    let (lower, upper) = match tolerance.mode {
        ToleranceMode::Exact => return a == b,
        ToleranceMode::Absolute(below, above) => (a - below, a + above),
        ToleranceMode::Relative(below, above) => {
            let ends = (a * (1.0 - below / 100.0), a * (1.0 + above / 100.0));
            // Per cent of a negative number point the other way.
            if a < 0.0 { (ends.1, ends.0) } else { ends }
        }
    };
    let above = if tolerance.include_lower { b >= lower } else { b > lower };
    let below = if tolerance.include_upper { b <= upper } else { b < upper };
    above && below
}

pub(super) fn equal_rounded(a: f64, b: f64, rounding: Rounding) -> bool {
    round_to(a, rounding) == round_to(b, rounding)
}

/// Rounds by the digits that a number is written with.
fn round_to(number: f64, rounding: Rounding) -> String {
    let rounded = match rounding {
        Rounding::SignificantFigures(figures) => {
            let decimals = usize::try_from(figures.saturating_sub(1)).unwrap_or(0);
            format!("{number:.decimals$e}")
        }
        Rounding::DecimalPlaces(places) => {
            let decimals = usize::try_from(places).unwrap_or(0);
            format!("{number:.decimals$}")
        }
    };
    // -0.00 equals 0.00.
    match rounded.strip_prefix('-') {
        Some(digits) if !digits.contains(|digit: char| ('1'..='9').contains(&digit)) => digits.to_owned(),
        _ => rounded,
    }
}

/// Computes; NULL where an operand is.
pub(super) fn compute(arithmetic: Arithmetic, of: Type, values: &[Option<Value>]) -> Option<Value> {
    let known: Option<Vec<&Value>> = values.iter().map(Option::as_ref).collect();
    let singles: Vec<&Single> = known?.into_iter().flat_map(Value::values).collect();
    let integers: Option<Vec<i64>> = singles
        .iter()
        .map(|single| match single {
            Single::Integer(number) => Some(*number),
            _ => None,
        })
        .collect();
    let floats: Vec<f64> = singles.iter().filter_map(|single| single.number()).collect();
    match (of.base, integers) {
        (Some(BaseType::Integer), integers) => {
            let result = match integers {
                Some(integers) => on_integers(arithmetic, &integers),
                None => floats.first().and_then(|number| to_integer(arithmetic, *number)),
            };
            result.map(|number| Value::Single(Single::Integer(number)))
        }
        _ => float(on_floats(arithmetic, &floats)),
    }
}

fn on_integers(arithmetic: Arithmetic, numbers: &[i64]) -> Option<i64> {
    let first = *numbers.first()?;
    let second = || numbers.get(1).copied();
    let fold = |with: fn(i64, i64) -> Option<i64>| {
        numbers[1..].iter().try_fold(first, |so_far, next| with(so_far, *next))
    };
    match arithmetic {
        Arithmetic::Sum => fold(i64::checked_add),
        Arithmetic::Product => fold(i64::checked_mul),
        Arithmetic::Min => numbers.iter().copied().min(),
        Arithmetic::Max => numbers.iter().copied().max(),
        Arithmetic::Subtract => first.checked_sub(second()?),
        // Towards minus infinity: -7 / 2 is -4, and the rest is 1.
        Arithmetic::IntegerDivide => {
            let (quotient, rest) = (first.checked_div(second()?)?, first.checked_rem(second()?)?);
            Some(if rest != 0 && (rest < 0) != (second()? < 0) { quotient - 1 } else { quotient })
        }
        Arithmetic::IntegerModulus => {
            let rest = first.checked_rem(second()?)?;
            Some(if rest != 0 && (rest < 0) != (second()? < 0) { rest + second()? } else { rest })
        }
        Arithmetic::Round | Arithmetic::Truncate => Some(first),
        Arithmetic::Divide | Arithmetic::Power | Arithmetic::ToFloat => None,
    }
}

/// Rounds or truncates; halves go up.
fn to_integer(arithmetic: Arithmetic, number: f64) -> Option<i64> {
    let whole = match arithmetic {
        Arithmetic::Truncate => number.trunc(),
        _ => (number + 0.5).floor(),
    };
    // 2^63 is the first that doesn't fit; the bounds are exact in 64 bits.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
    fits.then_some(whole as i64)
}

fn on_floats(arithmetic: Arithmetic, numbers: &[f64]) -> Option<f64> {
    let first = *numbers.first()?;
    let second = || numbers.get(1).copied();
    match arithmetic {
        Arithmetic::Sum => Some(numbers.iter().sum()),
        Arithmetic::Product => Some(numbers.iter().product()),
        Arithmetic::Min => numbers.iter().copied().reduce(f64::min),
        Arithmetic::Max => numbers.iter().copied().reduce(f64::max),
        Arithmetic::Subtract => Some(first - second()?),
        // By zero it isn't finite, and so NULL.
        Arithmetic::Divide => Some(first / second()?),
        Arithmetic::Power => Some(first.powf(second()?)),
        Arithmetic::ToFloat => Some(first),
        Arithmetic::IntegerDivide | Arithmetic::IntegerModulus | Arithmetic::Round | Arithmetic::Truncate => {
            None
        }
    }
}
