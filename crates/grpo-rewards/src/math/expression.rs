//! The grammar of formulas: winnow's Pratt parser over tokens, building a [`Tree`].
//!
//! Recursion is bounded: by [`MAX_DEPTH`] for brackets and arguments, by [`MAX_POWERS`] for towers of powers.

use winnow::Parser as _;
use winnow::combinator::{Infix, Postfix, Prefix, expression as pratt};
use winnow::error::ParserError;
use winnow::stream::{Stateful, Stream};

use super::error::MathError;
use super::factor::{factor, starts_factor};
use super::rational::Exact;
use super::token::{Function, Token};
use super::tree::{Id, Tree};

/// Brackets, braces and arguments may be nested this deep. No answer a person would write comes near; a debug
/// build needs less than 128 KiB of stack for 32.
pub const MAX_DEPTH: usize = 32;
/// One answer may have this many powers: `x^{y^{z^...}}` recurses, and polynomials of people are shorter.
const MAX_POWERS: usize = 64;

const SUMS: i64 = 10;
const PRODUCTS: i64 = 20;
/// A sign binds closer than a product, and less close than a power: `-2^2` is -4.
const SIGNS: i64 = 25;
const POWERS: i64 = 30;
const SUFFIXES: i64 = 40;

/// Why parsing stopped: nothing there that fits (other alternatives may), or for good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    NoMatch,
    Error(MathError),
}

impl From<MathError> for Stop {
    fn from(error: MathError) -> Self {
        Self::Error(error)
    }
}

impl<I: Stream> ParserError<I> for Stop {
    type Inner = Self;

    fn from_input(_: &I) -> Self {
        Self::NoMatch
    }

    fn is_backtrack(&self) -> bool {
        *self == Self::NoMatch
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// What is known while one formula is read.
#[derive(Debug)]
pub(super) struct State<'t, 'a, 's> {
    /// All tokens of the formula.
    tokens: &'t [Token<'a>],
    pub(super) tree: &'s mut Tree<'a>,
    pub(super) depth: usize,
    powers: usize,
    /// How many bars are open, so that the next one closes: `|x|`.
    pub(super) bars: usize,
    /// Whether the formula is the argument of a function of angles, where degrees are converted.
    pub(super) angle: bool,
    /// Which sign of `\pm` is meant.
    pub(super) upper: bool,
}

pub(super) type Input<'t, 'a, 's> = Stateful<&'t [Token<'a>], State<'t, 'a, 's>>;

/// Reads one formula from the front of the tokens and returns it with the tokens that are left.
pub(super) fn read<'t, 'a>(
    tokens: &'t [Token<'a>],
    tree: &mut Tree<'a>,
    upper: bool,
) -> Result<(Id, &'t [Token<'a>]), MathError> {
    let state = State { tokens, tree, depth: 0, powers: 0, bars: 0, angle: false, upper };
    let mut input = Input { input: tokens, state };
    match formula(&mut input, 0) {
        Ok(id) => Ok((id, input.input)),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::NoMatch) if input.input.is_empty() => Err(MathError::Incomplete),
        Err(Stop::NoMatch) => Err(MathError::Unreadable),
    }
}

/// A formula whose operators bind at least as close as `level`.
fn formula(input: &mut Input<'_, '_, '_>, level: i64) -> Result<Id, Stop> {
    input.state.depth += 1;
    if input.state.depth > MAX_DEPTH {
        return Err(MathError::TooDeep.into());
    }
    let result = pratt(factor)
        .prefix(sign)
        .infix(operator)
        .postfix(suffix)
        .current_precedence_level(level)
        .parse_next(input);
    input.state.depth -= 1;
    result
}

/// A whole formula inside brackets, braces or bars.
pub(super) fn inner(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    required(formula(input, 0), input)
}

/// One factor with its powers: the argument of a function without brackets, an exponent.
pub(super) fn tight(input: &mut Input<'_, '_, '_>) -> Result<Id, Stop> {
    let result = formula(input, POWERS);
    required(result, input)
}

fn required(result: Result<Id, Stop>, input: &Input<'_, '_, '_>) -> Result<Id, Stop> {
    result.map_err(|stop| match stop {
        Stop::NoMatch if input.input.is_empty() => MathError::Incomplete.into(),
        Stop::NoMatch => MathError::Unreadable.into(),
        stop @ Stop::Error(_) => stop,
    })
}

/// The next token without taking it.
pub(super) fn peek<'a>(input: &Input<'_, 'a, '_>) -> Option<Token<'a>> {
    input.input.first().copied()
}

pub(super) fn skip(input: &mut Input<'_, '_, '_>, tokens: usize) {
    input.input = input.input.get(tokens..).unwrap_or_default();
}

/// Takes the token if it is the next one.
pub(super) fn take(input: &mut Input<'_, '_, '_>, token: Token<'_>) -> bool {
    let found = peek(input) == Some(token);
    skip(input, usize::from(found));
    found
}

/// A run of signs at once, so that many of them are no recursion.
fn sign<'t, 'a, 's>(input: &mut Input<'t, 'a, 's>) -> Result<Prefix<Input<'t, 'a, 's>, Id, Stop>, Stop> {
    let mut negative = None;
    while let Some(token @ (Token::Plus | Token::Minus | Token::PlusMinus { .. })) = peek(input) {
        negative = Some(negative.unwrap_or(false) ^ is_minus(token, input.state.upper));
        skip(input, 1);
    }
    match negative {
        Some(true) => Ok(Prefix(SIGNS, |input, a| Ok(input.state.tree.negative(a)))),
        Some(false) => Ok(Prefix(SIGNS, |_, a| Ok(a))),
        None => Err(Stop::NoMatch),
    }
}

fn is_minus(token: Token<'_>, upper_sign: bool) -> bool {
    match token {
        Token::PlusMinus { upper } => upper != upper_sign,
        token => token == Token::Minus,
    }
}

fn operator<'t, 'a, 's>(input: &mut Input<'t, 'a, 's>) -> Result<Infix<Input<'t, 'a, 's>, Id, Stop>, Stop> {
    let operator = match peek(input) {
        Some(token @ (Token::Plus | Token::Minus | Token::PlusMinus { .. })) => {
            if is_minus(token, input.state.upper) {
                Infix::Left(SUMS, |input: &mut Input<'t, 'a, 's>, a, b| Ok(input.state.tree.difference(a, b)))
            } else {
                Infix::Left(SUMS, |input: &mut Input<'t, 'a, 's>, a, b| Ok(input.state.tree.sum(a, b)))
            }
        }
        Some(Token::Times) => {
            Infix::Left(PRODUCTS, |input: &mut Input<'t, 'a, 's>, a, b| Ok(input.state.tree.product(a, b)))
        }
        Some(Token::Divide | Token::Colon) => Infix::Left(PRODUCTS, |input: &mut Input<'t, 'a, 's>, a, b| {
            Ok(input.state.tree.quotient(a, b)?)
        }),
        Some(Token::Caret) => {
            input.state.powers += 1;
            if input.state.powers > MAX_POWERS {
                return Err(MathError::TooLarge.into());
            }
            Infix::Right(POWERS, |input: &mut Input<'t, 'a, 's>, a, b| Ok(input.state.tree.power(a, b)?))
        }
        // Nothing between two factors: a product.
        Some(token) if starts_factor(token, input.state.bars) && !between_numbers(input) => {
            return Ok(Infix::Left(PRODUCTS, |input, a, b| Ok(input.state.tree.product(a, b))));
        }
        _ => return Err(Stop::NoMatch),
    };
    // An operator at the end is an error, except where a unit or a percent sign may begin with it.
    skip(input, 1);
    if input.input.is_empty() {
        return Err(MathError::Incomplete.into());
    }
    Ok(operator)
}

/// Two numbers beside each other are two numbers and no product.
fn between_numbers(input: &Input<'_, '_, '_>) -> bool {
    let at = input.state.tokens.len() - input.input.len();
    let before = at.checked_sub(1).and_then(|at| input.state.tokens.get(at));
    matches!((before, peek(input)), (Some(Token::Number(_)), Some(Token::Number(_))))
}

fn suffix<'t, 'a, 's>(input: &mut Input<'t, 'a, 's>) -> Result<Postfix<Input<'t, 'a, 's>, Id, Stop>, Stop> {
    let suffix = match peek(input) {
        Some(Token::Bang) => Postfix(SUFFIXES, |input: &mut Input<'t, 'a, 's>, a| {
            Ok(input.state.tree.apply(Function::Factorial, a))
        }),
        // Where it stands alone a degree sign is a unit, and units are not compared.
        Some(Token::Degree) if input.state.angle => Postfix(SUFFIXES, degrees),
        Some(Token::Degree) => Postfix(SUFFIXES, |_, a| Ok(a)),
        Some(Token::Raised(_)) => return Ok(Postfix(POWERS, raised)),
        _ => return Err(Stop::NoMatch),
    };
    skip(input, 1);
    Ok(suffix)
}

fn degrees(input: &mut Input<'_, '_, '_>, a: Id) -> Result<Id, Stop> {
    let tree = &mut *input.state.tree;
    let pi = tree.leaf(super::tree::Node::Constant(super::token::Constant::Pi));
    let product = tree.product(a, pi);
    let half_turn = tree.exact(Exact::integer(180));
    Ok(tree.quotient(product, half_turn)?)
}

/// `x²`, `x¹²`.
fn raised(input: &mut Input<'_, '_, '_>, a: Id) -> Result<Id, Stop> {
    let mut exponent = 0i64;
    let mut digits = 0;
    while let Some(Token::Raised(digit)) = peek(input) {
        exponent = exponent * 10 + i64::from(digit);
        digits += 1;
        if digits > 9 {
            return Err(MathError::TooLarge.into());
        }
        skip(input, 1);
    }
    let exponent = input.state.tree.exact(Exact::integer(exponent));
    Ok(input.state.tree.power(a, exponent)?)
}
