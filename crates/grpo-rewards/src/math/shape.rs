//! What an answer is as a whole: a value, a list, an interval, an equation.

use super::error::MathError;
use super::expression::{self, MAX_DEPTH};
use super::lex::lex;
use super::relation;
use super::token::{Bracket, Constant, Relation, Token};
use super::tree::{Id, Name, Node, Tree};

/// A list may have this many items: comparing sets takes the square of it.
pub(super) const MAX_ITEMS: usize = 32;

/// A formula in the tree: its nodes are `start..=root`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scalar {
    pub(super) start: Id,
    pub(super) root: Id,
    pub(super) percent: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape<'a> {
    Value(Scalar),
    /// In order: `(1, 2)`, `⟨1, 2⟩`.
    Tuple(Vec<Shape<'a>>),
    /// In square brackets.
    Row(Vec<Shape<'a>>),
    /// In any order: `\{1, 2\}`.
    Set(Vec<Shape<'a>>),
    /// Without brackets, joined by commas, `and`, `or`, `\cup`, `\pm`.
    List(Vec<Shape<'a>>),
    /// The values between two ends; infinite ends count as open.
    Interval(Box<Interval<'a>>),
    Matrix {
        columns: usize,
        cells: Vec<Shape<'a>>,
    },
    /// `x = 5`, `x \in \{1, 2\}`: a value under a name, if the name is a variable.
    Named {
        name: Option<Name<'a>>,
        value: Box<Shape<'a>>,
    },
    /// Relations that stay such: `2x + 3y = 6`, `x^2 < y`.
    Relations(Vec<(Scalar, Relation, Scalar)>),
    Reals,
    /// Digits to a base: `1101_2`.
    Based {
        digits: &'a str,
        base: &'a str,
    },
    /// One word, or the words of one `\text{}`.
    Word(&'a str),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interval<'a> {
    pub(super) name: Option<Name<'a>>,
    pub(super) ends: [Shape<'a>; 2],
    pub(super) closed: [bool; 2],
}

/// An answer that was read.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) tree: Tree<'a>,
    pub(super) shape: Shape<'a>,
}

/// Reads an answer of bounded length.
pub(super) fn read(text: &str) -> Result<Parsed<'_>, MathError> {
    let tokens = lex(text)?;
    check_brackets(&tokens)?;
    let mut reader = Reader { tree: Tree::default(), depth: 0 };
    let shape = reader.list(&tokens)?;
    Ok(Parsed { tree: reader.tree, shape })
}

/// Every bracket closes. Round and square ones may close each other, as in `[0, 1)`.
fn check_brackets(tokens: &[Token<'_>]) -> Result<(), MathError> {
    let mut open = Vec::new();
    for token in tokens {
        match token {
            Token::Open(bracket) => open.push(*bracket),
            Token::Close(bracket) => {
                let half_open = |bracket| matches!(bracket, Bracket::Round | Bracket::Square);
                match open.pop() {
                    Some(opened) if opened == *bracket || half_open(opened) && half_open(*bracket) => {}
                    _ => return Err(MathError::Unclosed),
                }
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Err(MathError::TooDeep);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(MathError::Unclosed) }
}

pub(super) struct Reader<'a> {
    pub(super) tree: Tree<'a>,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Items that are separated by commas, `and`, `or`.
    fn list(&mut self, tokens: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(MathError::TooDeep);
        }
        let mut items = self.items(tokens)?;
        self.depth -= 1;
        match items.len() {
            0 => Err(MathError::Empty),
            1 => Ok(items.swap_remove(0)),
            _ => Ok(Shape::List(items)),
        }
    }

    fn items(&mut self, tokens: &[Token<'a>]) -> Result<Vec<Shape<'a>>, MathError> {
        let mut items = Vec::new();
        for part in split(tokens, |token| matches!(token, Token::Comma | Token::And)) {
            // `1, 2, and 3`
            if part.is_empty() {
                continue;
            }
            if items.len() == MAX_ITEMS {
                return Err(MathError::TooLarge);
            }
            items.push(self.item(part)?);
        }
        Ok(items)
    }

    /// One item: a relation, a union, a value.
    fn item(&mut self, tokens: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        let tokens = without_group(tokens);
        if tokens.iter().any(|token| matches!(token, Token::Relation(_))) {
            let parts = relation::split(tokens);
            if parts.len() > 1 {
                return self.relation(&parts);
            }
        }
        self.union(tokens)
    }

    pub(super) fn union(&mut self, tokens: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        if !tokens.contains(&Token::Union) {
            return self.piece(tokens);
        }
        let mut pieces = Vec::new();
        for part in split(tokens, |token| *token == Token::Union) {
            if pieces.len() == MAX_ITEMS {
                return Err(MathError::TooLarge);
            }
            pieces.push(self.piece(part)?);
        }
        Ok(if pieces.len() == 1 { pieces.swap_remove(0) } else { Shape::List(pieces) })
    }

    /// Brackets around a list, a matrix, or a value.
    fn piece(&mut self, tokens: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        let tokens = without_group(tokens);
        match tokens {
            [] => Err(MathError::Incomplete),
            [Token::Reals] => Ok(Shape::Reals),
            [Token::EmptySet] => Ok(Shape::Set(Vec::new())),
            [Token::Word(word)] => Ok(Shape::Word(word)),
            [Token::Number(digits), Token::Underscore, Token::Number(base)]
            | [
                Token::Number(digits),
                Token::Underscore,
                Token::Open(Bracket::Group),
                Token::Number(base) | Token::Word(base),
                Token::Close(Bracket::Group),
            ] => Ok(Shape::Based { digits, base }),
            [Token::BeginMatrix, content @ .., Token::EndMatrix] => self.matrix(content),
            [Token::Open(open), content @ .., Token::Close(close)] if is_one_bracket(tokens) => {
                self.bracketed(*open, content, *close, tokens)
            }
            _ => self.value(tokens),
        }
    }

    fn bracketed(
        &mut self,
        open: Bracket,
        content: &[Token<'a>],
        close: Bracket,
        whole: &[Token<'a>],
    ) -> Result<Shape<'a>, MathError> {
        let is_list = split(content, |token| *token == Token::Comma).nth(1).is_some();
        if open == Bracket::Set {
            return self.set(content);
        }
        if let [Token::BeginMatrix, matrix @ .., Token::EndMatrix] = content {
            return self.matrix(matrix);
        }
        if !is_list {
            let words = content.iter().all(|token| matches!(token, Token::Word(_)));
            return if words { self.piece(content) } else { self.value(whole) };
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(MathError::TooDeep);
        }
        let items = self.items(content)?;
        self.depth -= 1;
        match (open, close) {
            (Bracket::Round, Bracket::Round) | (Bracket::Angle, _) => Ok(Shape::Tuple(items)),
            (Bracket::Square, Bracket::Square) => Ok(Shape::Row(items)),
            (Bracket::Round | Bracket::Square, _) => {
                let closed = [open == Bracket::Square, close == Bracket::Square];
                match <[Shape<'a>; 2]>::try_from(items) {
                    Ok(ends) => Ok(Shape::Interval(Box::new(Interval { name: None, ends, closed }))),
                    Err(_) => Err(MathError::Unclosed),
                }
            }
            _ => Err(MathError::Unreadable),
        }
    }

    /// `\{1, 2\}`, `\{x \mid x > 3\}`.
    fn set(&mut self, content: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        if let [Token::Letter(_), Token::Bar | Token::Colon, condition @ ..] = content {
            return self.list(condition);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(MathError::TooDeep);
        }
        let items = self.items(content)?;
        self.depth -= 1;
        Ok(Shape::Set(items))
    }

    fn matrix(&mut self, content: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        let (mut cells, mut columns) = (Vec::new(), 0);
        for row in split(content, |token| *token == Token::NextRow).filter(|row| !row.is_empty()) {
            let before = cells.len();
            for cell in split(row, |token| *token == Token::Ampersand) {
                if cells.len() == MAX_ITEMS {
                    return Err(MathError::TooLarge);
                }
                cells.push(self.value(cell)?);
            }
            let width = cells.len() - before;
            if columns != 0 && columns != width {
                return Err(MathError::Unreadable);
            }
            columns = width;
        }
        if cells.is_empty() { Err(MathError::Empty) } else { Ok(Shape::Matrix { columns, cells }) }
    }

    /// A formula with words before it and a unit after it; two values where it holds `\pm`.
    fn value(&mut self, tokens: &[Token<'a>]) -> Result<Shape<'a>, MathError> {
        let words = tokens.iter().take_while(|token| matches!(token, Token::Word(_) | Token::Colon)).count();
        let tokens = &tokens[words..];
        let upper = self.scalar(tokens, true)?;
        if !tokens.iter().any(|token| matches!(token, Token::PlusMinus { .. })) {
            return Ok(Shape::Value(upper));
        }
        Ok(Shape::List(vec![Shape::Value(upper), Shape::Value(self.scalar(tokens, false)?)]))
    }

    pub(super) fn scalar(&mut self, tokens: &[Token<'a>], upper: bool) -> Result<Scalar, MathError> {
        let start = self.tree.nodes.len();
        let (root, rest) = expression::read(tokens, &mut self.tree, upper)?;
        let percent = matches!(rest, [Token::Percent, ..]);
        let unit = &rest[usize::from(percent)..];
        if is_unit(unit) { Ok(Scalar { start, root, percent }) } else { Err(MathError::Unreadable) }
    }

    pub(super) fn infinity(&mut self, negative: bool) -> Shape<'a> {
        let start = self.tree.nodes.len();
        let mut root = self.tree.leaf(Node::Constant(Constant::Infinity));
        if negative {
            root = self.tree.negative(root);
        }
        Shape::Value(Scalar { start, root, percent: false })
    }
}

/// Nothing, or words with what units have: `cm`, `km/h`, `m^2`, `N·m`.
fn is_unit(tokens: &[Token<'_>]) -> bool {
    let Some(first) = tokens.first() else { return true };
    let open = matches!(first, Token::Open(Bracket::Round | Bracket::Group));
    let words = tokens.get(usize::from(open)).is_some_and(|token| matches!(token, Token::Word(_)));
    words
        && tokens.iter().enumerate().all(|(at, token)| {
            let raised =
                at > 0 && matches!(tokens[at - 1], Token::Caret | Token::Minus | Token::Open(Bracket::Group));
            matches!(token, Token::Number(_)) && raised
                || matches!(
                    token,
                    Token::Word(_)
                        | Token::Letter(_)
                        | Token::Caret
                        | Token::Raised(_)
                        | Token::Divide
                        | Token::Times
                        | Token::Minus
                        | Token::Degree
                        | Token::Open(Bracket::Round | Bracket::Group)
                        | Token::Close(Bracket::Round | Bracket::Group)
                        | Token::Other
                )
        })
}

/// The tokens without LaTeX's braces around all of them.
pub(super) fn without_group<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let [Token::Open(Bracket::Group), content @ .., Token::Close(Bracket::Group)] = tokens
        && is_one_bracket(tokens)
    {
        tokens = content;
    }
    tokens
}

/// Whether the first bracket closes with the last token.
fn is_one_bracket(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1 == tokens.len();
                }
            }
            _ => {}
        }
    }
    false
}

/// The parts of a list of tokens between separators that stand outside all brackets.
fn split<'t, 'a>(
    tokens: &'t [Token<'a>],
    separates: impl Fn(&Token<'a>) -> bool,
) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0usize;
    tokens.split(move |token| {
        depth = nesting(depth, token);
        depth == 0 && separates(token)
    })
}

/// The depth after a token.
pub(super) fn nesting(depth: usize, token: &Token<'_>) -> usize {
    match token {
        Token::Open(_) | Token::BeginMatrix => depth + 1,
        Token::Close(_) | Token::EndMatrix => depth.saturating_sub(1),
        _ => depth,
    }
}
