//! The calculation inside a problem: which numbers it may use, and how it is written down.

use super::{ArithmeticConfig, FINAL_MARK};
use std::ops::RangeInclusive;

/// The most numbers a question holds.
pub(super) const MOST_NUMBERS: usize = 3;

/// Face values of the notes one can pay with, in coins.
const NOTES: &[i64] = &[10, 20, 50];

/// Where a number of a question comes from. All are at least 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// `2..=max_number`.
    Number,
    /// `2..=max_addend`: what is added or taken away.
    Addend,
    /// `2..=max_factor`.
    Factor,
    /// A banknote that does not exceed `max_number`.
    Note,
}

impl Domain {
    /// Every value, as a range of places and the value at each (places are what is drawn and counted).
    pub(super) fn places(self, config: &ArithmeticConfig) -> RangeInclusive<i64> {
        match self {
            Self::Number => 2..=config.max_number.into(),
            Self::Addend => 2..=config.max_addend.into(),
            Self::Factor => 2..=config.max_factor.into(),
            Self::Note => {
                let within = NOTES.iter().filter(|&&note| note <= config.max_number.into()).count();
                0..=within as i64 - 1
            }
        }
    }

    /// The value at a place of [`Self::places`].
    pub(super) fn value(self, place: i64) -> i64 {
        match self {
            Self::Note => NOTES[place as usize],
            Self::Number | Self::Addend | Self::Factor => place,
        }
    }
}

/// An operand of a step: a number of the question, or the result of the step before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    A,
    B,
    C,
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Divide,
}

impl Operator {
    /// Every operator, as the vocabulary lists them.
    pub(super) const ALL: [Self; 4] = [Self::Plus, Self::Minus, Self::Times, Self::Divide];

    /// How the operator is written in a solution.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
        }
    }

    /// The result, when it is one that the configuration allows: sums and products up to `max_number`,
    /// differences of at least 1, factors, divisors and quotients within `2..=max_factor`.
    fn apply(self, left: i64, right: i64, config: &ArithmeticConfig) -> Option<i64> {
        let table = 2..=i64::from(config.max_factor);
        let numbers = 1..=i64::from(config.max_number);
        let (result, within_table) = match self {
            Self::Plus => (left + right, true),
            Self::Minus => (left - right, true),
            Self::Times => (left * right, table.contains(&left) && table.contains(&right)),
            Self::Divide => {
                let exact = right != 0 && left % right == 0;
                let quotient = if exact { left / right } else { 0 };
                (quotient, exact && table.contains(&right) && table.contains(&quotient))
            }
        };
        (within_table && numbers.contains(&result)).then_some(result)
    }
}

/// One step of a working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) left: Operand,
    pub(super) operator: Operator,
    pub(super) right: Operand,
}

/// A step with its numbers.
#[derive(Debug, Clone, Copy)]
struct Line {
    left: i64,
    operator: Operator,
    right: i64,
    result: i64,
    /// Which operand is the result of the line before, where one is.
    last_is_left: bool,
}

impl Line {
    /// Whether this line's expression needs brackets as an operand of the next line.
    fn needs_brackets_before(&self, next: &Self) -> bool {
        let sum = matches!(self.operator, Operator::Plus | Operator::Minus);
        let binds_tighter = matches!(next.operator, Operator::Times | Operator::Divide);
        sum && (binds_tighter || (next.operator == Operator::Minus && !next.last_is_left))
    }
}

/// A calculation that the configuration allows.
#[derive(Debug, Clone)]
pub(super) struct Working {
    lines: Vec<Line>,
}

impl Working {
    /// Calculates `steps` on the numbers of a question; `None` when a step leaves the allowed numbers.
    pub(super) fn new(
        steps: &[Step],
        numbers: [i64; MOST_NUMBERS],
        config: &ArithmeticConfig,
    ) -> Option<Self> {
        // Most attempts fail at the first step: nothing is allocated before it succeeds.
        let mut lines: Vec<Line> = vec![];
        for step in steps {
            let last = lines.last().map_or(0, |line| line.result);
            let value = |operand| match operand {
                Operand::A => numbers[0],
                Operand::B => numbers[1],
                Operand::C => numbers[2],
                Operand::Last => last,
            };
            let (left, right) = (value(step.left), value(step.right));
            let result = step.operator.apply(left, right, config)?;
            let last_is_left = step.left == Operand::Last;
            lines.push(Line { left, operator: step.operator, right, result, last_is_left });
        }
        Some(Self { lines })
    }

    /// The result of the last step.
    pub(super) fn answer(&self) -> i64 {
        self.lines.last().map_or(0, |line| line.result)
    }

    /// All steps in one expression, `7 * 8 + 5 = 61 #### 61`: the intermediate result is not written down.
    pub(super) fn at_once(&self) -> String {
        let mut expression = String::new();
        let mut before: Option<&Line> = None;
        for line in &self.lines {
            let (mut left, mut right) = (line.left.to_string(), line.right.to_string());
            if let Some(last) = before {
                let place = if line.last_is_left { &mut left } else { &mut right };
                *place =
                    if last.needs_brackets_before(line) { format!("( {expression} )") } else { expression };
            }
            expression = format!("{left} {} {right}", line.operator.sign());
            before = Some(line);
        }
        format!("{expression} = {answer} {FINAL_MARK} {answer}", answer = self.answer())
    }

    /// Step by step, `7 * 8 = 56 , 56 + 5 = 61 #### 61`.
    pub(super) fn solution(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|line| format!("{} {} {} = {}", line.left, line.operator.sign(), line.right, line.result))
            .collect();
        format!("{} {FINAL_MARK} {}", lines.join(" , "), self.answer())
    }
}
