//! When two answers are the same.

use super::exact::{Field, Verdict};
use super::probe;
use super::rational::Exact;
use super::shape::{Interval, Parsed, Scalar, Shape};
use super::token::{Constant, Relation};
use super::tree::{Node, Tree};
use crate::number::Number;

/// How many pairs of formulas one comparison may look at: the items of two sets of 32 make 528 at most.
const MAX_PAIRS: usize = 600;

/// Whether two answers are the same, as far as can be told.
pub(super) fn same(answer: &Parsed<'_>, reference: &Parsed<'_>, tolerance: &Number) -> Verdict {
    let mut comparison = Comparison { answer, reference, tolerance, pairs: 0, unknown: false };
    if comparison.shapes(&answer.shape, &reference.shape) {
        Verdict::Equal
    } else if comparison.unknown {
        Verdict::Unknown
    } else {
        Verdict::Different
    }
}

struct Comparison<'p, 'a> {
    answer: &'p Parsed<'a>,
    reference: &'p Parsed<'a>,
    tolerance: &'p Number,
    pairs: usize,
    /// Whether some pair could not be told apart.
    unknown: bool,
}

impl<'a> Comparison<'_, 'a> {
    fn shapes(&mut self, answer: &Shape<'a>, reference: &Shape<'a>) -> bool {
        match (answer, reference) {
            (Shape::Named { name: a, value: answer }, Shape::Named { name: b, value: reference }) => {
                (a == b || a.is_none() || b.is_none()) && self.shapes(answer, reference)
            }
            (Shape::Named { name, value }, Shape::Relations(relations)) => {
                self.equations(relations, (*name, value), false)
            }
            (Shape::Relations(relations), Shape::Named { name, value }) => {
                self.equations(relations, (*name, value), true)
            }
            (Shape::Named { value, .. }, reference) => self.shapes(value, reference),
            (answer, Shape::Named { value, .. }) => self.shapes(answer, value),
            (Shape::Value(a), Shape::Value(b)) => self.scalars(*a, *b),
            (Shape::Set(a) | Shape::List(a), Shape::Set(b) | Shape::List(b)) => self.unordered(a, b),
            (Shape::Tuple(a), Shape::Tuple(b)) | (Shape::Row(a), Shape::Row(b)) => self.ordered(a, b),
            (Shape::Tuple(a), Shape::List(b)) | (Shape::List(a), Shape::Tuple(b)) => self.ordered(a, b),
            (Shape::Interval(a), Shape::Interval(b)) => self.intervals(a, b),
            (Shape::Interval(a), Shape::Tuple(_) | Shape::Row(_)) => {
                interval(reference).is_some_and(|b| self.intervals(a, &b))
            }
            (Shape::Tuple(_) | Shape::Row(_), Shape::Interval(b)) => {
                interval(answer).is_some_and(|a| self.intervals(&a, b))
            }
            (Shape::Reals, Shape::Reals) => true,
            (Shape::Reals, reference) => self.is_everything(reference, false),
            (answer, Shape::Reals) => self.is_everything(answer, true),
            (
                Shape::Matrix { columns: width, cells: a },
                Shape::Matrix { columns: other_width, cells: b },
            ) => width == other_width && self.ordered(a, b),
            // A column of numbers is a vector, however it is written.
            (Shape::Matrix { columns: 1, cells: a }, Shape::Tuple(b))
            | (Shape::Tuple(a), Shape::Matrix { columns: 1, cells: b }) => self.ordered(a, b),
            (Shape::Set(items), Shape::Value(_)) if items.len() == 1 => self.shapes(&items[0], reference),
            (Shape::Value(_), Shape::Set(items)) if items.len() == 1 => self.shapes(answer, &items[0]),
            (Shape::Relations(a), Shape::Relations(b)) => self.relations(a, b),
            // An equation's right side is a value for a reference that asks for one.
            (Shape::Relations(a), Shape::Value(b)) => match a.as_slice() {
                [(_, Relation::Equal, right)] => self.scalars(*right, *b),
                _ => false,
            },
            (Shape::Based { digits: a, base }, Shape::Based { digits: b, base: other }) => {
                a == b && base == other
            }
            // Who was asked for digits to a base may leave the base out.
            (Shape::Based { digits, .. }, Shape::Value(value)) => {
                is_integer(&self.reference.tree, value.root, digits)
            }
            (Shape::Value(value), Shape::Based { digits, .. }) => {
                is_integer(&self.answer.tree, value.root, digits)
            }
            (Shape::Word(a), Shape::Word(b)) => super::words::same(a, b),
            _ => false,
        }
    }

    fn ordered(&mut self, answer: &[Shape<'a>], reference: &[Shape<'a>]) -> bool {
        answer.len() == reference.len() && answer.iter().zip(reference).all(|(a, b)| self.shapes(a, b))
    }

    /// Every item has its own partner on the other side.
    fn unordered(&mut self, answer: &[Shape<'a>], reference: &[Shape<'a>]) -> bool {
        if answer.len() != reference.len() {
            return false;
        }
        let mut free: Vec<usize> = (0..reference.len()).collect();
        answer.iter().all(|item| {
            let partner = free.iter().position(|index| self.shapes(item, &reference[*index]));
            partner.map(|at| free.swap_remove(at)).is_some()
        })
    }

    fn intervals(&mut self, answer: &Interval<'a>, reference: &Interval<'a>) -> bool {
        let names = match (answer.name, reference.name) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let answer_ends = [0, 1].map(|end| infinite(&self.answer.tree, &answer.ends[end]));
        let reference_ends = [0, 1].map(|end| infinite(&self.reference.tree, &reference.ends[end]));
        names
            && [0, 1].into_iter().all(|end| match (answer_ends[end], reference_ends[end]) {
                (None, None) => {
                    answer.closed[end] == reference.closed[end]
                        && self.shapes(&answer.ends[end], &reference.ends[end])
                }
                (a, b) => a == b,
            })
    }

    /// Whether a shape is the interval of all real numbers.
    fn is_everything(&self, shape: &Shape<'a>, of_answer: bool) -> bool {
        let tree = if of_answer { &self.answer.tree } else { &self.reference.tree };
        let interval = match shape {
            Shape::Interval(interval) => Some((**interval).clone()),
            shape => interval(shape),
        };
        interval.is_some_and(|interval| {
            interval.ends.each_ref().map(|end| infinite(tree, end)) == [Some(true), Some(false)]
        })
    }

    fn count(&mut self) -> bool {
        self.pairs += 1;
        self.unknown |= self.pairs > MAX_PAIRS;
        self.pairs <= MAX_PAIRS
    }

    fn scalars(&mut self, a: Scalar, b: Scalar) -> bool {
        if !self.count() {
            return false;
        }
        let (answer, reference) = (&self.answer.tree, &self.reference.tree);
        let decimal = answer.is_decimal(a.root) || reference.is_decimal(b.root);
        if let (Some(left), Some(right)) = (answer.number(a.root), reference.number(b.root)) {
            return left == right && a.percent == b.percent
                || (decimal || a.percent != b.percent) && {
                    let number =
                        |value: &Exact, percent, decimal| Number { value: value.to_big(), percent, decimal };
                    let left = number(left, a.percent, answer.is_decimal(a.root));
                    left.matches(&number(right, b.percent, reference.is_decimal(b.root)), self.tolerance)
                };
        }
        if a.percent != b.percent {
            return false;
        }
        let verdict = self.formulas(a, b, decimal);
        self.unknown |= verdict == Verdict::Unknown;
        verdict == Verdict::Equal
    }

    /// Exact arithmetic first, then trying.
    fn formulas(&mut self, a: Scalar, b: Scalar, decimal: bool) -> Verdict {
        let (answer, reference) = (&self.answer.tree, &self.reference.tree);
        let mut field = Field::default();
        let fractions = (field.fraction(answer, a.start, a.root), field.fraction(reference, b.start, b.root));
        let verdict = match fractions {
            (Some(left), Some(right)) => field.compare(&left, &right),
            _ => Verdict::Unknown,
        };
        let sides = ((answer, a.start, a.root), (reference, b.start, b.root));
        match verdict {
            Verdict::Equal => Verdict::Equal,
            _ if decimal && self.close(sides.0, sides.1) => Verdict::Equal,
            Verdict::Different => Verdict::Different,
            Verdict::Unknown => probe::compare(sides.0, sides.1),
        }
    }

    /// Whether two constants, one of which is written in decimals, differ by rounding only.
    fn close(&self, a: (&Tree<'_>, usize, usize), b: (&Tree<'_>, usize, usize)) -> bool {
        let (Some(a), Some(b)) = (probe::constant(a), probe::constant(b)) else { return false };
        let difference = a.minus(b).size();
        difference <= self.tolerance.to_f64() && difference * 1000.0 <= b.size()
    }

    fn relations(
        &mut self,
        answer: &[(Scalar, Relation, Scalar)],
        reference: &[(Scalar, Relation, Scalar)],
    ) -> bool {
        answer.len() == reference.len()
            && answer.iter().zip(reference).all(|(a, b)| {
                if !self.count() {
                    return false;
                }
                let mut field = Field::default();
                let left = difference(&mut field, &self.answer.tree, (a.0, a.2));
                let right = difference(&mut field, &self.reference.tree, (b.0, b.2));
                let (Some(left), Some(right)) = (left, right) else {
                    self.unknown = true;
                    return false;
                };
                match field.multiple(&left, &right) {
                    Some(negative) => a.1 == if negative { b.1.turned() } else { b.1 },
                    None => false,
                }
            })
    }

    /// `y = 2x + 3` against `2x - y + 3 = 0`.
    fn equations(
        &mut self,
        relations: &[(Scalar, Relation, Scalar)],
        (name, value): (Option<super::tree::Name<'a>>, &Shape<'a>),
        relations_of_answer: bool,
    ) -> bool {
        let (Some(name), Shape::Value(value), [(left, Relation::Equal, right)]) = (name, value, relations)
        else {
            return false;
        };
        if !self.count() {
            return false;
        }
        let (implicit, explicit) = if relations_of_answer {
            (&self.answer.tree, &self.reference.tree)
        } else {
            (&self.reference.tree, &self.answer.tree)
        };
        let mut field = Field::default();
        let mut variable = Tree::default();
        let leaf = variable.leaf(Node::Variable(name));
        let verdict = (|| {
            let implicit = difference(&mut field, implicit, (*left, *right))?;
            let name = field.fraction(&variable, leaf, leaf)?;
            let value = field.fraction(explicit, value.start, value.root)?;
            let explicit = field.minus(&name, &value)?;
            Some(field.multiple(&implicit, &explicit).is_some())
        })();
        self.unknown |= verdict.is_none();
        verdict.unwrap_or(false)
    }
}

fn difference<'a>(
    field: &mut Field<'a>,
    tree: &Tree<'a>,
    (left, right): (Scalar, Scalar),
) -> Option<super::exact::Fraction> {
    let left = field.fraction(tree, left.start, left.root)?;
    let right = field.fraction(tree, right.start, right.root)?;
    field.minus(&left, &right)
}

/// Whether a node is the whole number that is written with these digits.
fn is_integer(tree: &Tree<'_>, id: usize, digits: &str) -> bool {
    let value = tree.number(id).and_then(Exact::to_integer);
    value.is_some() && value == digits.parse().ok()
}

/// Two items in round or square brackets as an interval.
fn interval<'a>(shape: &Shape<'a>) -> Option<Interval<'a>> {
    let (items, closed) = match shape {
        Shape::Tuple(items) => (items, false),
        Shape::Row(items) => (items, true),
        _ => return None,
    };
    let ends = <[Shape<'a>; 2]>::try_from(items.clone()).ok()?;
    Some(Interval { name: None, ends, closed: [closed; 2] })
}

/// Whether an end is infinite, and then whether it is the negative one.
fn infinite(tree: &Tree<'_>, end: &Shape<'_>) -> Option<bool> {
    let Shape::Value(scalar) = end else { return None };
    let is_infinity = |id: usize| matches!(tree.nodes.get(id), Some(Node::Constant(Constant::Infinity)));
    match tree.nodes.get(scalar.root)? {
        Node::Constant(Constant::Infinity) => Some(false),
        Node::Product(factor, other) if is_infinity(*other) => Some(tree.number(*factor)?.is_negative()),
        _ => None,
    }
}
