//! What expressions are worth, with the NULLs of QTI: an operator on NULL gives NULL unless it says otherwise.

use super::numbers::{compare, equal, equal_rounded};
use super::{Expression, Node, Operator, containers, numbers};
use crate::assessment::qti::declaration::{Declarations, Reference};
use crate::assessment::qti::value::{Cardinality, Single, Value};

/// The most work that one response may cause. Containers grow by being put into each other, so that a few lines of XML could ask for
/// any amount of it.
const MAX_WORK: u64 = 4_000_000;

/// How much work is left.
#[derive(Debug)]
pub(in crate::assessment::qti) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_WORK)
    }
}

/// Scoring was stopped, because the item asks for more work than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::assessment::qti) struct Exhausted;

impl Budget {
    pub(in crate::assessment::qti) fn spend(&mut self, work: usize) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(work as u64).ok_or(Exhausted)?;
        Ok(())
    }
}

/// The variables of an item while it is scored.
#[derive(Debug)]
pub(in crate::assessment::qti) struct State<'a> {
    pub(in crate::assessment::qti) declarations: &'a Declarations,
    pub(in crate::assessment::qti) responses: &'a [Option<Value>],
    pub(in crate::assessment::qti) outcomes: Vec<Option<Value>>,
    pub(in crate::assessment::qti) budget: Budget,
}

/// The value of an expression; `None` is NULL.
type Evaluated = Result<Option<Value>, Exhausted>;

impl Expression {
    /// Evaluates it. How deep it nests was limited when it was read.
    pub(in crate::assessment::qti) fn evaluate(&self, state: &mut State) -> Evaluated {
        let value = match &self.node {
            Node::Constant(value) => value.clone(),
            Node::Variable(Reference::Response(index)) => state.responses[*index].clone(),
            Node::Variable(Reference::Outcome(index)) => state.outcomes[*index].clone(),
            Node::Variable(Reference::Attempts) | Node::Default(Reference::Attempts) => {
                Some(Value::Single(Single::Integer(1)))
            }
            Node::Default(Reference::Response(index)) => state.declarations.responses[*index].default.clone(),
            Node::Default(Reference::Outcome(index)) => state.declarations.outcomes[*index].default.clone(),
            Node::Correct(index) => state.declarations.responses[*index].correct.clone(),
            Node::MapResponse(index) => {
                let response = state.responses[*index].as_ref();
                state.budget.spend(response.map_or(0, cost))?;
                let mapping = state.declarations.responses[*index].mapping.as_ref();
                float(mapping.map(|mapping| mapping.map(response)))
            }
            Node::MapResponsePoint(index) => {
                let response = state.responses[*index].as_ref();
                let areas = state.declarations.responses[*index].areas.as_ref();
                let tried = areas.map_or(0, |areas| areas.areas.len());
                state.budget.spend(response.map_or(0, cost).saturating_mul(tried))?;
                float(areas.map(|areas| areas.map(response)))
            }
            Node::Operation(operator, operands) => {
                let values =
                    operands.iter().map(|operand| operand.evaluate(state)).collect::<Result<Vec<_>, _>>()?;
                state.budget.spend(values.iter().flatten().map(cost).sum())?;
                operate(operator, self, values)
            }
        };
        state.budget.spend(value.as_ref().map_or(1, cost))?;
        Ok(value)
    }

    /// Whether it is true; NULL isn't.
    pub(in crate::assessment::qti) fn holds(&self, state: &mut State) -> Result<bool, Exhausted> {
        Ok(truth(&self.evaluate(state)?) == Some(true))
    }
}

/// About how much work handling a value is.
fn cost(value: &Value) -> usize {
    let single = |single: &Single| 1 + single.text().map_or(0, str::len) / 16;
    1 + value.values().iter().map(single).sum::<usize>()
}

pub(super) fn float(number: Option<f64>) -> Option<Value> {
    number.filter(|number| number.is_finite()).map(|number| Value::Single(Single::Float(number)))
}

fn boolean(truth: Option<bool>) -> Option<Value> {
    truth.map(|truth| Value::Single(Single::Boolean(truth)))
}

fn truth(value: &Option<Value>) -> Option<bool> {
    match value {
        Some(Value::Single(Single::Boolean(truth))) => Some(*truth),
        _ => None,
    }
}

fn number(value: &Option<Value>) -> Option<f64> {
    match value {
        Some(Value::Single(single)) => single.number(),
        _ => None,
    }
}

fn text(value: &Option<Value>) -> Option<&str> {
    match value {
        Some(Value::Single(single)) => single.text(),
        _ => None,
    }
}

/// Both operands, where there are two and neither is NULL.
fn both(values: Vec<Option<Value>>) -> Option<(Value, Value)> {
    let mut values = values.into_iter();
    values.next().flatten().zip(values.next().flatten())
}

fn operate(operator: &Operator, whole: &Expression, values: Vec<Option<Value>>) -> Option<Value> {
    let truths = || values.iter().map(truth);
    let pair = |of: fn(&Option<Value>) -> Option<f64>| of(values.first()?).zip(of(values.get(1)?));
    match operator {
        Operator::IsNull => boolean(Some(values.iter().all(Option::is_none))),
        Operator::Not => boolean(truths().next().flatten().map(|truth| !truth)),
        Operator::And => boolean(all(truths())),
        Operator::Or => boolean(all(truths().map(negate)).map(|all| !all)),
        Operator::AnyN(min, max) => boolean(any_n(*min, *max, truths())),
        Operator::Equal(tolerance) => boolean(pair(number).map(|(a, b)| equal(a, b, *tolerance))),
        Operator::EqualRounded(rounding) => {
            boolean(pair(number).map(|(a, b)| equal_rounded(a, b, *rounding)))
        }
        Operator::Compare(comparison) => boolean(pair(number).map(|(a, b)| compare(a, b, *comparison))),
        Operator::StringMatch { folds, substring } => {
            let texts = values.first().and_then(text).zip(values.get(1).and_then(text));
            boolean(texts.map(|(a, b)| string_match(a, b, *folds, *substring)))
        }
        Operator::PatternMatch(pattern) => {
            boolean(values.first().and_then(text).map(|text| pattern.is_match(text)))
        }
        Operator::Inside(shape) => {
            let points = values.first().and_then(Option::as_ref).map(Value::values);
            let inside = |single: &Single| matches!(*single, Single::Point(x, y) if shape.contains([x, y]));
            boolean(points.map(|points| points.iter().any(inside)))
        }
        Operator::Arithmetic(arithmetic) => numbers::compute(*arithmetic, whole.of, &values),
        Operator::Match => boolean(both(values).map(|(a, b)| a.matches(&b))),
        Operator::Multiple => containers::gather(values, Cardinality::Multiple),
        Operator::Ordered => containers::gather(values, Cardinality::Ordered),
        Operator::ContainerSize => {
            let size = values.first().and_then(Option::as_ref).map_or(0, |value| value.values().len());
            i64::try_from(size).ok().map(|size| Value::Single(Single::Integer(size)))
        }
        Operator::Index(place) => {
            let value = values.into_iter().next().flatten()?;
            value.values().get(place - 1).cloned().map(Value::Single)
        }
        Operator::Member => {
            boolean(both(values).map(|(single, container)| containers::member(&single, &container)))
        }
        Operator::Contains => {
            boolean(both(values).map(|(outer, inner)| containers::contains(&outer, &inner)))
        }
        Operator::Delete => {
            both(values).and_then(|(single, container)| containers::delete(&single, container))
        }
        Operator::Field(field) => match values.first() {
            Some(Some(Value::Record(record))) => record.field(*field).map(Value::Single),
            _ => None,
        },
    }
}

fn negate(truth: Option<bool>) -> Option<bool> {
    truth.map(|truth| !truth)
}

/// False where any is false, else NULL where any is NULL.
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(true)
}

/// NULL where the NULLs could make it either way.
fn any_n(min: usize, max: usize, truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let (mut sure, mut unknown) = (0, 0);
    for truth in truths {
        match truth {
            Some(true) => sure += 1,
            Some(false) => {}
            None => unknown += 1,
        }
    }
    if sure > max || sure + unknown < min {
        Some(false)
    } else if sure >= min && sure + unknown <= max {
        Some(true)
    } else {
        None
    }
}

fn string_match(a: &str, b: &str, folds: bool, substring: bool) -> bool {
    let (a, b) = if folds { (a.to_lowercase(), b.to_lowercase()) } else { (a.to_owned(), b.to_owned()) };
    if substring { b.contains(&a) } else { a == b }
}
