//! The last number of a running text.

use super::lex::{Token, lex};
use super::parse::Parser;
use super::value::{Number, NumberError};

/// The last number of a piece of prose with the byte range it was read from, or the reason why the last
/// thing that looks like a number is none.
pub(super) fn last_number(text: &str) -> Option<(std::ops::Range<usize>, Result<Number, NumberError>)> {
    let lexemes = lex(text, false);
    let mut last = None;
    let mut at = 0;
    while let Some(first) = lexemes.get(at) {
        let mut parser = Parser::new(&lexemes);
        parser.at = at;
        let result = parser.prose_number();
        if result == Err(NumberError::NoNumber) {
            at += 1;
        } else {
            // What was looked at is not looked at again; an unreadable fraction is skipped as a whole.
            at = parser.at.max(at + 1);
            last = Some((first.start..lexemes[at - 1].end, result));
        }
    }
    last
}

impl Parser<'_, '_> {
    /// A number at this very place of a running text, without arithmetic except what is one number:
    /// a sign, a fraction, a mixed number, a power, scientific notation, a percent sign.
    fn prose_number(&mut self) -> Result<Number, NumberError> {
        let before = self.previous();
        // The exponent of a unit or an index is not a number of its own.
        let brace = self.at.checked_sub(2).and_then(|at| self.lexemes.get(at)).map(|lexeme| lexeme.token);
        let raised = matches!(before, Some(Token::Caret))
            || matches!(before, Some(Token::Index)) && !self.lexemes[self.at - 1].spaced
            || matches!((brace, before), (Some(Token::Caret), Some(Token::BraceOpen | Token::Minus)));
        let negative = self.token(0) == Some(Token::Minus);
        // `10-7`, `A-7`, `10 - 7`: a minus between two things is no sign.
        let binary = !self.spaced(0)
            && matches!(
                before,
                Some(Token::Number(_) | Token::Word { .. } | Token::Close | Token::BraceClose)
            );
        let digits = usize::from(negative);
        let starts = matches!(self.token(digits), Some(Token::Number(_) | Token::Vulgar(..) | Token::Frac));
        if raised || !starts || negative && (binary || self.spaced(1)) {
            return Err(NumberError::NoNumber);
        }
        self.at += digits;
        let mut number = self.power()?;
        let operand = matches!(before, Some(Token::Times | Token::Divide));
        match self.token(0) {
            Some(Token::Divide) if number.is_plain_integer() && !operand => {
                if let Some(Token::Number(below)) = self.token(1)
                    && self.spaced(0) == self.spaced(1)
                    && let Ok(below) = Number::literal(below)
                    && below.is_plain_integer()
                {
                    self.at += 2;
                    number = number.over(&below)?;
                }
            }
            Some(Token::Times | Token::Word { text: "x", .. })
                if self.token(1) == Some(Token::Number("10")) && self.token(2) == Some(Token::Caret) =>
            {
                self.at += 1;
                number = number.times(&self.power()?)?;
                number.decimal = true;
            }
            _ => {}
        }
        if matches!(self.token(0), Some(Token::Percent | Token::Word { text: "percent" | "pct", .. })) {
            self.at += 1;
            number.percent = true;
        }
        Ok(if negative { number.negated() } else { number })
    }
}
