//! From tokens to a number: exact arithmetic with bounded depth, operations and sizes.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::lex::{Lexeme, Token, lex};
use super::value::{Number, NumberError};

/// An answer longer than this many bytes is refused unread.
pub(super) const MAX_ANSWER: usize = 512;
const MAX_DEPTH: usize = 24;
const MAX_OPERATIONS: usize = 32;

impl std::str::FromStr for Number {
    type Err = NumberError;

    /// Reads a text that is one number, as answers are written: `-1,234.50`, `$7`, `3/4`, `1 3/4`, `42%`,
    /// `1.5e3`, `\frac{3}{4}`, `1.5 \times 10^3`, `x = 42`, `42 apples`, `42\text{ cm}^2`. Arithmetic
    /// (`40 + 2`) is evaluated exactly.
    ///
    /// # Errors
    /// [`NumberError`] where the text is not exactly one number: lists, variables, roots, numbers beyond
    /// about 300 digits.
    ///
    /// ```
    /// use grpo_rewards::number::{Number, NumberError};
    /// assert_eq!("1,234.50 dollars".parse::<Number>()?.to_f64(), 1234.5);
    /// assert_eq!("42, 43".parse::<Number>(), Err(NumberError::SeveralNumbers));
    /// # Ok::<(), NumberError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let markup = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"' | '\'');
        let text = text.trim_matches(markup);
        if text.len() > MAX_ANSWER {
            return Err(NumberError::TooLong);
        }
        let lexemes = lex(text, true);
        // `x = 40 + 2 = 42`: the last side that holds a number is the answer.
        let mut sides = lexemes.split(|lexeme| lexeme.token == Token::Equals).rev();
        sides
            .find_map(|side| match Parser::new(side).answer() {
                Err(NumberError::NoNumber) => None,
                result => Some(result),
            })
            .unwrap_or(Err(NumberError::NoNumber))
    }
}

/// Walks over tokens, with the means to stop in time.
pub(super) struct Parser<'a, 'b> {
    pub(super) lexemes: &'b [Lexeme<'a>],
    pub(super) at: usize,
    depth: usize,
    operations: usize,
}

impl<'a, 'b> Parser<'a, 'b> {
    pub(super) fn new(lexemes: &'b [Lexeme<'a>]) -> Self {
        Self { lexemes, at: 0, depth: 0, operations: 0 }
    }

    pub(super) fn token(&self, ahead: usize) -> Option<Token<'a>> {
        self.lexemes.get(self.at + ahead).map(|lexeme| lexeme.token)
    }

    pub(super) fn spaced(&self, ahead: usize) -> bool {
        self.lexemes.get(self.at + ahead).is_none_or(|lexeme| lexeme.spaced)
    }

    fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.token(0) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: Token<'_>) -> Result<(), NumberError> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> NumberError {
        match self.token(0) {
            None => NumberError::Incomplete,
            Some(Token::Number(_) | Token::Frac | Token::Vulgar(..) | Token::Punctuation) => {
                NumberError::SeveralNumbers
            }
            Some(_) => NumberError::NotPlain,
        }
    }

    fn operation(&mut self) -> Result<(), NumberError> {
        self.operations += 1;
        if self.operations > MAX_OPERATIONS { Err(NumberError::TooLarge) } else { Ok(()) }
    }

    /// One side of an equation: words, one expression, a percent sign, a unit.
    fn answer(&mut self) -> Result<Number, NumberError> {
        self.words_before()?;
        let mut number = self.sum()?;
        let percent = matches!(self.token(0), Some(Token::Word { text: "percent" | "pct", .. }));
        if percent || self.token(0) == Some(Token::Percent) {
            self.at += 1;
            number.percent = true;
        }
        self.unit_after()?;
        Ok(number)
    }

    fn words_before(&mut self) -> Result<(), NumberError> {
        let mut variable = false;
        loop {
            match self.token(0) {
                None => return Err(NumberError::NoNumber),
                Some(Token::Word { text, upright }) => variable = !upright && is_single_letter(text),
                Some(Token::Punctuation | Token::BraceOpen | Token::BraceClose) if !self.starts_number() => {
                    variable = false;
                }
                Some(Token::Symbol) => return Err(NumberError::NotPlain),
                Some(Token::Minus | Token::Plus) if self.at > 0 => {
                    // `it is -7` has a sign, `total - 7` and `x-7` an operation on something unknown.
                    let attached = !self.spaced(0) && matches!(self.previous(), Some(Token::Word { .. }));
                    let operation = variable || attached || self.spaced(1);
                    return if operation { Err(NumberError::NotPlain) } else { Ok(()) };
                }
                Some(_) if variable => return Err(NumberError::NotPlain),
                Some(_) => return Ok(()),
            }
            self.at += 1;
        }
    }

    /// Whether a brace opens a group with a number in it, rather than a `\text{}` with words only.
    fn starts_number(&self) -> bool {
        if self.token(0) != Some(Token::BraceOpen) {
            return false;
        }
        let inside = self.lexemes[self.at..].iter().find(|lexeme| lexeme.token != Token::BraceOpen);
        !matches!(inside.map(|lexeme| lexeme.token), Some(Token::Word { .. } | Token::Punctuation))
    }

    /// After the number only words may follow, and what belongs to units (`km/h`, `cm^2`, `N·m`).
    fn unit_after(&mut self) -> Result<(), NumberError> {
        let first = self.at;
        while let Some(token) = self.token(0) {
            let after_word = self.at > first && matches!(self.previous(), Some(Token::Word { .. }));
            let before_unit = matches!(self.token(1), Some(Token::Word { text, upright })
                if upright || !is_single_letter(text) || after_word);
            match token {
                Token::Word { text, upright } if self.at == first && !upright => {
                    if is_variable(text, self.spaced(0)) {
                        return Err(NumberError::NotPlain);
                    }
                }
                Token::Word { .. } | Token::Punctuation | Token::Degree | Token::BraceClose => {}
                Token::Open | Token::Close | Token::BraceOpen => {}
                Token::Divide if before_unit => {}
                Token::Times if after_word && before_unit => {}
                Token::Minus if before_unit && (after_word || !self.spaced(0) && !self.spaced(1)) => {}
                Token::Caret if self.at == first && self.is_degree(1) => {}
                Token::Caret if self.at > first => self.unit_exponent(),
                Token::Number(_) | Token::Vulgar(..) | Token::Frac => {
                    return Err(NumberError::SeveralNumbers);
                }
                _ => return Err(NumberError::NotPlain),
            }
            self.at += 1;
        }
        Ok(())
    }

    pub(super) fn previous(&self) -> Option<Token<'a>> {
        self.lexemes.get(self.at.checked_sub(1)?).map(|lexeme| lexeme.token)
    }

    /// Stands on a caret after a unit and steps onto the last token of its exponent.
    fn unit_exponent(&mut self) {
        let openings: [&[Token<'_>]; 4] =
            [&[], &[Token::Minus], &[Token::BraceOpen], &[Token::BraceOpen, Token::Minus]];
        for opening in openings {
            let opened = opening.iter().enumerate().all(|(i, token)| self.token(1 + i) == Some(*token));
            if opened && matches!(self.token(1 + opening.len()), Some(Token::Number(_))) {
                self.at += 1 + opening.len();
                return;
            }
        }
    }

    fn is_degree(&self, ahead: usize) -> bool {
        match self.token(ahead) {
            Some(Token::Degree) => true,
            Some(Token::BraceOpen) => self.token(ahead + 1) == Some(Token::Degree),
            _ => false,
        }
    }

    fn starts_term(&self, ahead: usize) -> bool {
        matches!(
            self.token(ahead),
            Some(Token::Number(_) | Token::Vulgar(..) | Token::Frac | Token::Open | Token::BraceOpen)
        )
    }

    fn sum(&mut self) -> Result<Number, NumberError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(NumberError::TooLarge);
        }
        let mut total = self.product()?;
        while let Some(sign @ (Token::Plus | Token::Minus)) = self.token(0)
            && self.starts_term(1)
        {
            self.at += 1;
            self.operation()?;
            let term = self.product()?;
            total = total.plus(&if sign == Token::Minus { term.negated() } else { term })?;
        }
        self.depth -= 1;
        Ok(total)
    }

    fn product(&mut self) -> Result<Number, NumberError> {
        let mut total = self.signed()?;
        loop {
            // `1.5 x 10^3` and `4 x 3`: a letter between two numbers.
            let letter_x = matches!(self.token(0), Some(Token::Word { text: "x" | "X", .. }));
            let operator = if letter_x { Some(Token::Times) } else { self.token(0) };
            let signed = self.token(1) == Some(Token::Minus) && self.starts_term(2);
            if !matches!(operator, Some(Token::Times | Token::Divide)) || !(self.starts_term(1) || signed) {
                return Ok(total);
            }
            self.at += 1;
            self.operation()?;
            let factor = self.signed()?;
            total = if operator == Some(Token::Times) { total.times(&factor) } else { total.over(&factor) }?;
        }
    }

    fn signed(&mut self) -> Result<Number, NumberError> {
        let mut negative = false;
        while let Some(sign @ (Token::Plus | Token::Minus)) = self.token(0) {
            negative ^= sign == Token::Minus;
            self.at += 1;
            self.operation()?;
        }
        let number = self.power()?;
        Ok(if negative { number.negated() } else { number })
    }

    pub(super) fn power(&mut self) -> Result<Number, NumberError> {
        let base = self.primary()?;
        if self.token(0) != Some(Token::Caret) || self.is_degree(1) {
            return Ok(base);
        }
        self.at += 1;
        self.operation()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(NumberError::TooLarge);
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        base.to_the(&exponent)
    }

    fn primary(&mut self) -> Result<Number, NumberError> {
        let Some(token) = self.token(0) else { return Err(NumberError::Incomplete) };
        match token {
            Token::Number(text) => {
                self.at += 1;
                let number = Number::literal(text)?;
                if number.is_plain_integer() { self.mixed(number) } else { Ok(number) }
            }
            Token::Vulgar(..) | Token::Frac => self.fraction(),
            Token::Open => self.bracketed(Token::Close),
            Token::BraceOpen => self.bracketed(Token::BraceClose),
            _ => Err(self.unexpected()),
        }
    }

    fn bracketed(&mut self, close: Token<'_>) -> Result<Number, NumberError> {
        self.at += 1;
        let number = self.sum()?;
        self.expect(close)?;
        Ok(number)
    }

    /// `\frac{3}{4}`, `\frac34` or `¾`.
    fn fraction(&mut self) -> Result<Number, NumberError> {
        let (start, outermost) = (self.at, self.depth == 0);
        let integer = |value: u8| Number::exact(BigRational::from_integer(BigInt::from(value)));
        if let Some(Token::Vulgar(above, below)) = self.token(0) {
            self.at += 1;
            return integer(above).over(&integer(below));
        }
        self.at += 1;
        self.operation()?;
        if let Some(Token::Number(digits)) = self.token(0) {
            // Without braces LaTeX takes one digit each: `\frac34` is 3/4, `\frac3{4}` as well.
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            self.at += 1;
            return match (if plain { digits.as_bytes() } else { &[] }, self.token(0)) {
                ([above, below], _) => integer(above - b'0').over(&integer(below - b'0')),
                ([above], Some(Token::BraceOpen)) => {
                    let below = self.bracketed(Token::BraceClose)?;
                    integer(above - b'0').over(&below)
                }
                _ => Err(NumberError::Incomplete),
            };
        }
        let result = (|| {
            if self.token(0) != Some(Token::BraceOpen) {
                return Err(self.unexpected());
            }
            let above = self.bracketed(Token::BraceClose)?;
            if self.token(0) != Some(Token::BraceOpen) {
                return Err(self.unexpected());
            }
            above.over(&self.bracketed(Token::BraceClose)?)
        })();
        if result.is_err() && outermost {
            self.at = start;
            self.skip_groups(2);
        }
        result
    }

    /// From `\frac`, past its arguments whatever they are.
    fn skip_groups(&mut self, mut groups: usize) {
        self.at += 1;
        let mut depth = 0usize;
        while let Some(token) = self.token(0) {
            if depth == 0 && (groups == 0 || token != Token::BraceOpen) {
                return;
            }
            match token {
                Token::BraceOpen => depth += 1,
                Token::BraceClose => depth -= 1,
                _ => {}
            }
            groups -= usize::from(depth == 0);
            self.at += 1;
        }
    }

    /// `1 3/4`, `1\frac{3}{4}`, `1¾` after the 1.
    fn mixed(&mut self, whole: Number) -> Result<Number, NumberError> {
        let start = self.at;
        let fraction = match self.token(0) {
            Some(Token::Vulgar(..) | Token::Frac) => self.fraction()?,
            Some(Token::Number(above)) if self.spaced(0) && self.token(1) == Some(Token::Divide) => {
                let Some(Token::Number(below)) = self.token(2) else { return Ok(whole) };
                self.at += 3;
                let (above, below) = (Number::literal(above)?, Number::literal(below)?);
                let fraction = above.over(&below)?;
                // 0.5/1 is no part of a mixed number; `is_proper_fraction` says so.
                Number { decimal: !above.is_plain_integer() || !below.is_plain_integer(), ..fraction }
            }
            _ => return Ok(whole),
        };
        self.operation()?;
        if fraction.is_proper_fraction() {
            return whole.plus(&fraction);
        }
        self.at = start;
        Ok(whole)
    }
}

fn is_single_letter(text: &str) -> bool {
    let mut letters = text.chars();
    // Scripts without spaces write whole words with one character: only Latin and Greek have variables.
    letters.next().is_some_and(|c| c < '\u{400}') && letters.next().is_none()
}

/// Whether a word after a number multiplies it (`2x`, `3 y`) rather than naming what is counted.
fn is_variable(text: &str, spaced: bool) -> bool {
    if is_single_letter(text) {
        return !(spaced
            && matches!(text, "m" | "g" | "s" | "h" | "l" | "L" | "C" | "F" | "J" | "K" | "N" | "V" | "W"));
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let power = digits == 1 && (text.ends_with('2') || text.ends_with('3'));
    text.bytes().all(|byte| matches!(byte, b'x' | b'y' | b'z')) || digits > 0 && !power
}
