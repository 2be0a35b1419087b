//! Expressions of response processing, their types checked when they are read.

mod containers;
mod evaluate;
mod numbers;
mod pattern;
mod read;

use regex::Regex;

use super::declaration::Reference;
use super::record::Field;
use super::shape::Shape;
use super::value::{Type, Value};

pub(super) use evaluate::{Budget, Exhausted, State};

/// Something that has a value once the responses are known.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) of: Type,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Constant(Option<Value>),
    Variable(Reference),
    /// The correct response of a response, by its place.
    Correct(usize),
    Default(Reference),
    MapResponse(usize),
    MapResponsePoint(usize),
    Operation(Operator, Vec<Expression>),
}

/// What is done with the operands; how many there are was checked when the expression was read.
#[derive(Debug)]
enum Operator {
    IsNull,
    Not,
    And,
    Or,
    /// Between so many and so many are true.
    AnyN(usize, usize),
    Match,
    Equal(Tolerance),
    EqualRounded(Rounding),
    Compare(Comparison),
    StringMatch {
        folds: bool,
        substring: bool,
    },
    PatternMatch(Box<Regex>),
    Inside(Shape),
    Arithmetic(Arithmetic),
    Multiple,
    Ordered,
    ContainerSize,
    /// From 1.
    Index(usize),
    Member,
    Contains,
    Delete,
    Field(Field),
}

/// How far two numbers may be apart.
#[derive(Debug, Clone, Copy)]
struct Tolerance {
    mode: ToleranceMode,
    include_lower: bool,
    include_upper: bool,
}

#[derive(Debug, Clone, Copy)]
enum ToleranceMode {
    Exact,
    /// Below and above the first number.
    Absolute(f64, f64),
    /// Below and above the first number, in per cent of it.
    Relative(f64, f64),
}

/// To how many places numbers are rounded before they are compared.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    SignificantFigures(u32),
    DecimalPlaces(u32),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arithmetic {
    Sum,
    Product,
    Min,
    Max,
    Subtract,
    Divide,
    Power,
    IntegerDivide,
    IntegerModulus,
    Round,
    Truncate,
    ToFloat,
}
