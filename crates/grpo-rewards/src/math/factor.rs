//! The factors of formulas: numbers, variables, brackets, fractions, roots, functions.

use super::error::MathError;
use super::expression::{Input, Stop, inner, peek, skip, take, tight};
use super::rational::Exact;
use super::token::{Bracket, Function, Token};
use super::tree::{Id, Name, Node, Tree};
use crate::number::{Number, NumberError};

/// Whether a factor may begin here, so that it is multiplied with what stands before it. After an open bar
/// the next bar closes.
pub(super) fn starts_factor(token: Token<'_>, bars: usize) -> bool {
    match token {
        Token::Letter(_)
        | Token::Constant(_)
        | Token::Function(_)
        | Token::Frac
        | Token::Binomial
        | Token::Sqrt
        | Token::Number(_)
        | Token::Open(
            Bracket::Round | Bracket::Square | Bracket::Group | Bracket::Floor | Bracket::Ceiling,
        ) => true,
        Token::Bar => bars == 0,
        _ => false,
    }
}

/// One factor. `NoMatch` where none begins.
pub(super) fn factor(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    let Some(token) = peek(input) else { return Err(Stop::NoMatch) };
    if !starts_factor(token, 0) && !matches!(token, Token::Vulgar(..) | Token::Repeating(..)) {
        return Err(Stop::NoMatch);
    }
    skip(input, 1);
    match token {
        Token::Number(text) => number(input, text),
        Token::Repeating(fixed, period) => repeating(input.state.tree, fixed, period),
        Token::Vulgar(above, below) => vulgar(input.state.tree, above, below),
        Token::Letter(letter) => {
            let index = index(input)?;
            Ok(input.state.tree.leaf(Node::Variable(Name { letter, index })))
        }
        Token::Constant(constant) => Ok(input.state.tree.leaf(Node::Constant(constant))),
        Token::Frac => fraction(input),
        Token::Binomial => {
            let (n, k) = (argument(input)?, argument(input)?);
            Ok(input.state.tree.binomial(n, k))
        }
        Token::Sqrt => root(input),
        Token::Function(name) => function(input, name),
        Token::Bar => bars(input),
        Token::Open(bracket) => {
            let content = bracketed(input, bracket)?;
            Ok(match bracket {
                Bracket::Floor => input.state.tree.apply(Function::Floor, content),
                Bracket::Ceiling => input.state.tree.apply(Function::Ceiling, content),
                _ => content,
            })
        }
        _ => Err(Stop::NoMatch),
    }
}

/// The content of brackets whose opening one was taken.
fn bracketed(input: &mut Input<'_, '_, '_>, bracket: Bracket) -> Result<Id, Stop> {
    let bars = std::mem::take(&mut input.state.bars);
    let content = inner(input)?;
    input.state.bars = bars;
    if take(input, Token::Close(bracket)) {
        return Ok(content);
    }
    Err(if input.input.is_empty() { MathError::Unclosed } else { MathError::Unreadable }.into())
}

fn bars(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    input.state.bars += 1;
    let content = inner(input)?;
    input.state.bars -= 1;
    if !take(input, Token::Bar) {
        return Err(MathError::Unclosed.into());
    }
    Ok(input.state.tree.apply(Function::Absolute, content))
}

/// Digits as an exact number.
pub(super) fn literal(tree: &mut Tree<'_>, text: &str) -> Result<Id, MathError> {
    if text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let value = text.bytes().fold(0i64, |value, byte| value * 10 + i64::from(byte - b'0'));
        return Ok(tree.exact(Exact::integer(value)));
    }
    let number = Number::literal(text).map_err(too_large)?;
    let value = Exact::from_big(number.value).ok_or(MathError::TooLarge)?;
    Ok(tree.literal(value, number.decimal))
}

fn too_large(_: NumberError) -> MathError {
    MathError::TooLarge
}

fn number(input: &mut Input<'_, '_, '_>, text: &str) -> Result<Id, Stop> {
    if peek(input) == Some(Token::Underscore) {
        return based(input, text);
    }
    let whole = literal(input.state.tree, text)?;
    if input.state.tree.is_decimal(whole) {
        return Ok(whole);
    }
    // `1 3/4`, `1\frac{3}{4}`, `1¾`: a mixed number where the fraction is one of plain whole numbers.
    let start = input.input;
    let fraction = match *start {
        [Token::Number(above), Token::Divide, Token::Number(below), ..] => {
            skip(input, 3);
            let (above, below) = (literal(input.state.tree, above)?, literal(input.state.tree, below)?);
            input.state.tree.quotient(above, below)?
        }
        [Token::Vulgar(above, below), ..] => {
            skip(input, 1);
            vulgar(input.state.tree, above, below)?
        }
        [Token::Frac, ..] => {
            skip(input, 1);
            fraction(input)?
        }
        _ => return Ok(whole),
    };
    let tree = &mut *input.state.tree;
    let proper = tree.number(fraction).is_some_and(|value| {
        !tree.is_decimal(fraction) && (0.0..1.0).contains(&value.to_f64()) && value.to_integer().is_none()
    });
    Ok(if proper { tree.sum(whole, fraction) } else { tree.product(whole, fraction) })
}

/// `1101_2`: kept apart from plain numbers, as a variable that is named so.
fn based(input: &mut Input<'_, '_, '_>, digits: &str) -> Result<Id, Stop> {
    let base = index(input)?;
    let small = base.parse::<u32>().ok().filter(|base| (2..=36).contains(base));
    let (Some(base), true) = (small, digits.len() <= 64) else { return Err(MathError::Unreadable.into()) };
    let mut value = Some(Exact::ZERO);
    for digit in digits.chars() {
        let digit = digit.to_digit(base).ok_or(MathError::Unreadable)?;
        let shifted = value.and_then(|value| value.times(&Exact::integer(base.into())));
        value = shifted.and_then(|value| value.plus(&Exact::integer(digit.into())));
    }
    Ok(input.state.tree.exact(value.ok_or(MathError::TooLarge)?))
}

/// `0.1\overline{6}`: the period is a fraction over as many nines.
fn repeating(tree: &mut Tree<'_>, fixed: &str, period: &str) -> Result<Id, Stop> {
    let decimals = fixed.len() - fixed.find('.').map_or(fixed.len(), |point| point + 1);
    let power = |count: usize| Exact::integer(10).to_the(i64::try_from(count).ok()?);
    let fixed = literal(tree, fixed.strip_suffix('.').unwrap_or(fixed))?;
    let fixed = tree.number(fixed).cloned();
    let value = (|| {
        let digits = Exact::from_big(Number::literal(period).ok()?.value)?;
        let nines = power(period.len())?.plus(&Exact::integer(-1))?;
        let shift = power(decimals)?;
        fixed?.plus(&digits.times(&nines.times(&shift)?.inverse()?)?)
    })();
    Ok(tree.exact(value.ok_or(MathError::TooLarge)?))
}

fn vulgar(tree: &mut Tree<'_>, above: u8, below: u8) -> Result<Id, Stop> {
    let value = Exact::ratio(above.into(), below.into()).ok_or(MathError::DivisionByZero)?;
    Ok(tree.exact(value))
}

/// What stands below a variable: `x_1`, `x_{12}`.
fn index<'a>(input: &mut Input<'_, 'a, '_>) -> Result<&'a str, Stop> {
    if !take(input, Token::Underscore) {
        return Ok("");
    }
    let (name, length) = match *input.input {
        [Token::Number(name) | Token::Letter(name) | Token::Word(name), ..] => (name, 1),
        [
            Token::Open(Bracket::Group),
            Token::Number(name) | Token::Letter(name) | Token::Word(name),
            Token::Close(Bracket::Group),
            ..,
        ] => (name, 3),
        _ => return Err(MathError::Unreadable.into()),
    };
    skip(input, length);
    Ok(name)
}

/// An argument of `\frac`: a group in braces, one number or letter.
fn argument(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    match peek(input) {
        Some(Token::Open(Bracket::Group)) => {
            skip(input, 1);
            bracketed(input, Bracket::Group)
        }
        Some(Token::Number(text)) => {
            skip(input, 1);
            Ok(literal(input.state.tree, text)?)
        }
        Some(Token::Letter(_) | Token::Constant(_) | Token::Sqrt | Token::Frac) => {
            // Bounded like everything that nests: through `tight`.
            tight(input)
        }
        None => Err(MathError::Incomplete.into()),
        Some(_) => Err(MathError::Unreadable.into()),
    }
}

/// `\frac{3}{4}`, and without braces `\frac34`, `\frac3{14}`.
fn fraction(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    if let Some(Token::Number(digits)) = peek(input)
        && digits.len() > 1
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        skip(input, 1);
        // TeX takes one digit; what is left over is what people mean by the denominator.
        let above = literal(input.state.tree, &digits[..1])?;
        let below = literal(input.state.tree, &digits[1..])?;
        return Ok(input.state.tree.quotient(above, below)?);
    }
    let (above, below) = (argument(input)?, argument(input)?);
    Ok(input.state.tree.quotient(above, below)?)
}

/// `\sqrt2`, `\sqrt{2}`, `\sqrt[3]{2}`, `sqrt(2)`, `√2`.
fn root(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    let degree = if take(input, Token::Open(Bracket::Square)) {
        bracketed(input, Bracket::Square)?
    } else {
        input.state.tree.exact(Exact::integer(2))
    };
    let of = match peek(input) {
        Some(Token::Open(bracket @ (Bracket::Round | Bracket::Group))) => {
            skip(input, 1);
            bracketed(input, bracket)?
        }
        _ => argument(input)?,
    };
    if input.state.tree.number(degree).is_some_and(Exact::is_zero) {
        return Err(MathError::DivisionByZero.into());
    }
    Ok(input.state.tree.root(degree, of))
}

/// `\sin x`, `\sin^2 x`, `\sin 2x`, `\log_2 8`, `\ln(x)`.
fn function(input: &mut Input<'_, '_, '_>, name: Function) -> Result<Id, Stop> {
    let base = if matches!(name, Function::Log | Function::Ln) && take(input, Token::Underscore) {
        Some(argument(input)?)
    } else {
        None
    };
    let exponent = if take(input, Token::Caret) { Some(tight_exponent(input)?) } else { None };
    let angle = std::mem::replace(&mut input.state.angle, name.takes_angle());
    let argument = function_argument(input)?;
    input.state.angle = angle;
    let tree = &mut *input.state.tree;
    let minus_one = exponent.is_some_and(|id| tree.number(id) == Some(&Exact::integer(-1)));
    let (name, exponent) = match name.inverse() {
        Some(inverse) if minus_one => (inverse, None),
        _ => (name, exponent),
    };
    let value = match base {
        Some(base) => {
            let (above, below) = (tree.apply(Function::Ln, argument), tree.apply(Function::Ln, base));
            tree.quotient(above, below)?
        }
        None => tree.apply(name, argument),
    };
    Ok(match exponent {
        Some(exponent) => tree.power(value, exponent)?,
        None => value,
    })
}

/// The exponent between the name of a function and its argument: one token or group only.
fn tight_exponent(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    argument(input)
}

fn function_argument(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    if let Some(Token::Open(bracket @ (Bracket::Round | Bracket::Group | Bracket::Square))) = peek(input) {
        skip(input, 1);
        return bracketed(input, bracket);
    }
    let mut argument = tight(input)?;
    // `\sin 2x` ends where another function begins, or a bracket or bar: `\sin x (x+1)`.
    while let Some(token) = peek(input)
        && matches!(
            token,
            Token::Letter(_) | Token::Constant(_) | Token::Number(_) | Token::Frac | Token::Sqrt
        )
    {
        let next = tight(input)?;
        argument = input.state.tree.product(argument, next);
    }
    Ok(argument)
}
