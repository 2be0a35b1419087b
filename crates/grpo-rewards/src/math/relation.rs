//! Equations and inequalities: which are values under a name, which are intervals, which stay relations.

use super::error::MathError;
use super::shape::{Interval, Reader, Scalar, Shape, nesting, without_group};
use super::token::{Bracket, Relation, Token};
use super::tree::Name;

/// A side of a relation, with the relation that stands before it.
pub(super) struct Side<'t, 'a> {
    relation: Relation,
    tokens: &'t [Token<'a>],
}

/// The sides of a chain of relations; the first has no relation before it and is given `=`.
pub(super) fn split<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<Side<'t, 'a>> {
    let (mut sides, mut depth, mut start, mut relation) = (Vec::new(), 0, 0, Relation::Equal);
    for (at, token) in tokens.iter().enumerate() {
        depth = nesting(depth, token);
        if let (0, Token::Relation(next)) = (depth, token) {
            sides.push(Side { relation, tokens: &tokens[start..at] });
            (start, relation) = (at + 1, *next);
        }
    }
    sides.push(Side { relation, tokens: &tokens[start..] });
    sides
}

impl<'a> Reader<'a> {
    pub(super) fn relation(&mut self, sides: &[Side<'_, 'a>]) -> Result<Shape<'a>, MathError> {
        match sides {
            [first, rest @ .., last] if sides[1..].iter().all(|side| side.relation == Relation::Equal) => {
                self.equation(first.tokens, rest.last().map(|side| side.tokens), last.tokens)
            }
            // `1/3 ≈ 0.333`: the exact side is the answer.
            [exact @ .., last] if last.relation == Relation::About => self.relation_or_item(exact),
            [name, set] if set.relation == Relation::In => {
                let value = Box::new(self.union(set.tokens)?);
                Ok(Shape::Named { name: variable(name.tokens), value })
            }
            _ => self.inequality(sides),
        }
    }

    fn relation_or_item(&mut self, sides: &[Side<'_, 'a>]) -> Result<Shape<'a>, MathError> {
        match sides {
            [] => Err(MathError::Incomplete),
            [only] => self.union(only.tokens),
            sides => self.relation(sides),
        }
    }

    /// `x = 5`, `x = 2 + 3 = 5`, `40 + 2 = 42`, `2x + 3y = 6`.
    fn equation(
        &mut self,
        first: &[Token<'a>],
        between: Option<&[Token<'a>]>,
        last: &[Token<'a>],
    ) -> Result<Shape<'a>, MathError> {
        if let Some(name) = variable(first) {
            return Ok(Shape::Named { name: Some(name), value: Box::new(self.union(last)?) });
        }
        if is_label(first) {
            return Ok(Shape::Named { name: None, value: Box::new(self.union(last)?) });
        }
        if between.is_some() {
            return self.union(last);
        }
        if let Some(name) = variable(last) {
            return Ok(Shape::Named { name: Some(name), value: Box::new(self.union(first)?) });
        }
        if first.contains(&Token::PlusMinus { upper: true }) {
            return Err(MathError::Unreadable);
        }
        let left = self.scalar(first, true)?;
        let constant = self.tree.number(left.root).is_some();
        if constant && !has_letters(last) {
            return self.union(last);
        }
        let right = self.scalar(last, true)?;
        Ok(Shape::Relations(vec![(left, Relation::Equal, right)]))
    }

    /// `x > 3`, `-2 < x \le 3`, `x^2 < y`.
    fn inequality(&mut self, sides: &[Side<'_, 'a>]) -> Result<Shape<'a>, MathError> {
        let interval = match sides {
            [left, right] => self.half_line(left.tokens, right.relation, right.tokens)?,
            [low, middle, high] => self.between(low, middle, high)?,
            _ => None,
        };
        if let Some(interval) = interval {
            return Ok(Shape::Interval(Box::new(interval)));
        }
        let mut relations = Vec::with_capacity(sides.len());
        let mut before: Option<Scalar> = None;
        for side in sides {
            if matches!(side.relation, Relation::In | Relation::About) {
                return Err(MathError::Unreadable);
            }
            let scalar = self.scalar(side.tokens, true)?;
            if let Some(before) = before {
                relations.push((before, side.relation, scalar));
            }
            before = Some(scalar);
        }
        Ok(Shape::Relations(relations))
    }

    /// A variable on one side and a number on the other.
    fn half_line(
        &mut self,
        left: &[Token<'a>],
        relation: Relation,
        right: &[Token<'a>],
    ) -> Result<Option<Interval<'a>>, MathError> {
        let (name, relation, end) = match (variable(left), variable(right)) {
            (Some(name), None) => (name, relation, right),
            (None, Some(name)) => (name, relation.turned(), left),
            _ => return Ok(None),
        };
        if has_letters(end) {
            return Ok(None);
        }
        let (below, closed) = match relation {
            Relation::Less => (true, false),
            Relation::AtMost => (true, true),
            Relation::Greater => (false, false),
            Relation::AtLeast => (false, true),
            Relation::Equal | Relation::NotEqual | Relation::In | Relation::About => return Ok(None),
        };
        let end = Shape::Value(self.scalar(end, true)?);
        let infinite = self.infinity(below);
        let (ends, closed) =
            if below { ([infinite, end], [false, closed]) } else { ([end, infinite], [closed, false]) };
        Ok(Some(Interval { name: Some(name), ends, closed }))
    }

    /// A variable between two numbers.
    fn between(
        &mut self,
        low: &Side<'_, 'a>,
        middle: &Side<'_, 'a>,
        high: &Side<'_, 'a>,
    ) -> Result<Option<Interval<'a>>, MathError> {
        let Some(name) = variable(middle.tokens) else { return Ok(None) };
        let up = |relation| matches!(relation, Relation::Less | Relation::AtMost);
        let down = |relation| matches!(relation, Relation::Greater | Relation::AtLeast);
        let (low, high, relations) = if up(middle.relation) && up(high.relation) {
            (low.tokens, high.tokens, [middle.relation, high.relation])
        } else if down(middle.relation) && down(high.relation) {
            (high.tokens, low.tokens, [high.relation, middle.relation])
        } else {
            return Ok(None);
        };
        if has_letters(low) || has_letters(high) {
            return Ok(None);
        }
        let ends = [Shape::Value(self.scalar(low, true)?), Shape::Value(self.scalar(high, true)?)];
        let closed = relations.map(|relation| matches!(relation, Relation::AtMost | Relation::AtLeast));
        Ok(Some(Interval { name: Some(name), ends, closed }))
    }
}

fn has_letters(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| matches!(token, Token::Letter(_)))
}

/// The variable that a side is, if it is nothing else: `x`, `x_1`, `f(x)`, `f^{-1}(x)` by the name `f`.
fn variable<'a>(tokens: &[Token<'a>]) -> Option<Name<'a>> {
    match without_group(tokens) {
        [Token::Letter(letter)] => Some(Name { letter, index: "" }),
        [Token::Letter(letter), Token::Underscore, Token::Number(index) | Token::Letter(index)] => {
            Some(Name { letter, index })
        }
        [
            Token::Letter(letter),
            Token::Underscore,
            Token::Open(Bracket::Group),
            Token::Number(index) | Token::Letter(index) | Token::Word(index),
            Token::Close(Bracket::Group),
        ] => Some(Name { letter, index }),
        [
            Token::Letter(letter @ ("f" | "g" | "h" | "p" | "q" | "r" | "P" | "Q" | "R" | "F" | "G")),
            Token::Open(Bracket::Round),
            arguments @ ..,
            Token::Close(Bracket::Round),
        ] if arguments.iter().all(|token| matches!(token, Token::Letter(_) | Token::Comma)) => {
            Some(Name { letter, index: "" })
        }
        _ => None,
    }
}

/// Words, several variables, or letters that are the name of something: `Area`, `\text{the angle } A`, `AB`.
fn is_label(tokens: &[Token<'_>]) -> bool {
    if let [Token::Open(Bracket::Round), names @ .., Token::Close(Bracket::Round)] = without_group(tokens) {
        return names.contains(&Token::Comma)
            && names.iter().all(|token| matches!(token, Token::Letter(_) | Token::Comma));
    }
    !tokens.is_empty()
        && tokens.iter().any(|token| matches!(token, Token::Word(_)))
        && !tokens.iter().any(|token| matches!(token, Token::Number(_)))
}
