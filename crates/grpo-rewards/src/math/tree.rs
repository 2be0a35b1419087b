//! Formulas as trees, kept in one list in which everything stands after its parts.

use super::error::MathError;
use super::rational::Exact;
use super::token::{Constant, Function};

/// Where a node stands in its [`Tree`].
pub(super) type Id = usize;

/// A variable: its letter and what stands below it, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) letter: &'a str,
    pub(super) index: &'a str,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Number(Exact),
    Constant(Constant),
    Variable(Name<'a>),
    Sum(Id, Id),
    Product(Id, Id),
    Quotient(Id, Id),
    Power(Id, Id),
    /// The root of the second to the degree of the first.
    Root(Id, Id),
    Binomial(Id, Id),
    Apply(Function, Id),
}

/// All formulas of one answer. The parts of a node come before it, so one pass over the list computes
/// everything without recursion, however deep the formula is.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// For each node, whether a decimal is part of it, so that rounding is to be expected.
    decimal: Vec<bool>,
}

impl<'a> Tree<'a> {
    fn push(&mut self, node: Node<'a>, decimal: bool) -> Id {
        self.nodes.push(node);
        self.decimal.push(decimal);
        self.nodes.len() - 1
    }

    pub(super) fn is_decimal(&self, id: Id) -> bool {
        self.decimal.get(id).copied().unwrap_or(false)
    }

    /// The value of a node that is nothing but a number.
    pub(super) fn number(&self, id: Id) -> Option<&Exact> {
        match self.nodes.get(id) {
            Some(Node::Number(value)) => Some(value),
            _ => None,
        }
    }

    pub(super) fn leaf(&mut self, node: Node<'a>) -> Id {
        self.push(node, false)
    }

    pub(super) fn exact(&mut self, value: Exact) -> Id {
        self.push(Node::Number(value), false)
    }

    pub(super) fn literal(&mut self, value: Exact, decimal: bool) -> Id {
        self.push(Node::Number(value), decimal)
    }

    /// Joins two nodes; where both are numbers and the result is one of bounded size, it is computed at once.
    fn join(&mut self, a: Id, b: Id, node: Node<'a>, exact: impl Fn(&Exact, &Exact) -> Option<Exact>) -> Id {
        let decimal = self.is_decimal(a) || self.is_decimal(b);
        let folded = match (self.number(a), self.number(b)) {
            (Some(a), Some(b)) => exact(a, b),
            _ => None,
        };
        self.push(folded.map_or(node, Node::Number), decimal)
    }

    pub(super) fn sum(&mut self, a: Id, b: Id) -> Id {
        self.join(a, b, Node::Sum(a, b), Exact::plus)
    }

    pub(super) fn negative(&mut self, a: Id) -> Id {
        let minus = self.exact(Exact::integer(-1));
        self.product(minus, a)
    }

    pub(super) fn difference(&mut self, a: Id, b: Id) -> Id {
        let b = self.negative(b);
        self.sum(a, b)
    }

    pub(super) fn product(&mut self, a: Id, b: Id) -> Id {
        self.join(a, b, Node::Product(a, b), Exact::times)
    }

    pub(super) fn quotient(&mut self, a: Id, b: Id) -> Result<Id, MathError> {
        if self.number(b).is_some_and(Exact::is_zero) {
            return Err(MathError::DivisionByZero);
        }
        Ok(self.join(a, b, Node::Quotient(a, b), |a, b| a.times(&b.inverse()?)))
    }

    pub(super) fn power(&mut self, a: Id, b: Id) -> Result<Id, MathError> {
        if let (Some(base), Some(exponent)) = (self.number(a), self.number(b))
            && base.is_zero()
            && exponent.is_negative()
        {
            return Err(MathError::DivisionByZero);
        }
        Ok(self.join(a, b, Node::Power(a, b), |a, b| a.to_the(b.to_integer()?)))
    }

    pub(super) fn root(&mut self, degree: Id, of: Id) -> Id {
        self.join(degree, of, Node::Root(degree, of), |degree, of| {
            of.exact_root(u32::try_from(degree.to_integer()?).ok()?)
        })
    }

    pub(super) fn binomial(&mut self, n: Id, k: Id) -> Id {
        self.join(n, k, Node::Binomial(n, k), Exact::choose)
    }

    pub(super) fn apply(&mut self, function: Function, a: Id) -> Id {
        let folded = self.number(a).and_then(|value| match function {
            Function::Factorial => value.factorial(),
            Function::Absolute => Some(value.clone().absolute()),
            Function::Floor => value.floor(),
            Function::Ceiling => Some(value.clone().negated().floor()?.negated()),
            _ => None,
        });
        let decimal = self.is_decimal(a);
        self.push(folded.map_or(Node::Apply(function, a), Node::Number), decimal)
    }
}
