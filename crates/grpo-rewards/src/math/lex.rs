//! From text to tokens: plain text, Markdown and LaTeX as models mix them.

use super::error::MathError;
use super::names::{self, Command};
use super::token::{Bracket, Constant, Function, Relation, Token};
use crate::number::is_invisible;
use crate::number::is_minus;

/// Turns an answer into tokens, in one pass. Currency, Markdown, and LaTeX's purely visual commands leave
/// no token.
pub(super) fn lex(text: &str) -> Result<Vec<Token<'_>>, MathError> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::with_capacity(text.len() / 2 + 1) };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), MathError> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'0'..=b'9' => self.number(),
                b'.' => self.point(),
                b'\\' => self.command(),
                b'*' => self.star(),
                b' ' | b'\t' | b'\n' | b'\r' | b'~' | b'$' | b'`' | b'"' => self.at += 1,
                b'a'..=b'z' | b'A'..=b'Z' => self.word(),
                b'<' | b'>' | b'=' | b'!' => self.relation(byte),
                b'^' => self.caret(),
                0..=31 | 127 => return Err(MathError::Control),
                128.. => self.beyond_ascii(),
                _ => self.push(ascii(byte), 1),
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token<'a>, bytes: usize) {
        self.tokens.push(token);
        self.at += bytes;
    }

    /// Digits, groups of three, decimals, exponent.
    fn number(&mut self) {
        let start = self.at;
        // In TeX the digit after `\frac` or `^` stands alone, but nobody means it of `\frac{1}{2}` or `x^10`.
        let end = crate::number::number_end(self.text, start);
        let token = match end {
            Ok(end) => {
                self.at = end;
                self.repeating(start).unwrap_or(Token::Number(&self.text[start..end]))
            }
            // 1.2.3: a version, a date.
            Err(end) => {
                self.at = end;
                Token::Other
            }
        };
        self.tokens.push(token);
    }

    /// `0.1\overline{6}`: stands after the digits before the bar.
    fn repeating(&mut self, start: usize) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        let point = usize::from(bytes.get(self.at) == Some(&b'.'));
        let rest = self.text.get(self.at + point..)?;
        let content = rest.strip_prefix("\\overline{").or_else(|| rest.strip_prefix("\\bar{"))?;
        let digits = content.bytes().take_while(u8::is_ascii_digit).count();
        let fixed = &self.text[start..self.at + point];
        if digits == 0 || content.as_bytes().get(digits) != Some(&b'}') || !fixed.contains('.') {
            return None;
        }
        self.at = self.text.len() - content.len() + digits + 1;
        Some(Token::Repeating(fixed, &content[..digits]))
    }

    fn point(&mut self) {
        let next = self.text.as_bytes().get(self.at + 1);
        if next.is_some_and(u8::is_ascii_digit) {
            return self.number();
        }
        // The end of a sentence.
        if next.is_none() { self.at += 1 } else { self.push(Token::Other, 1) }
    }

    /// Markdown's bold leaves no token; `2**3` is a power.
    fn star(&mut self) {
        if !self.rest().starts_with("**") {
            return self.push(Token::Times, 1);
        }
        let (before, after) = (&self.text[..self.at], &self.text[self.at + 2..]);
        let operand = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'(' | b')' | b'-');
        let left = before.trim_end().bytes().next_back().is_some_and(operand);
        let right = after.trim_start().bytes().next().is_some_and(operand);
        // `**bold**` leaves a space on one side only.
        let even = before.ends_with(char::is_whitespace) == after.starts_with(char::is_whitespace);
        if left && right && even { self.push(Token::Caret, 2) } else { self.at += 2 }
    }

    fn relation(&mut self, first: u8) {
        let second = self.text.as_bytes().get(self.at + 1) == Some(&b'=');
        let (relation, bytes) = match (first, second) {
            (b'<', true) => (Relation::AtMost, 2),
            (b'>', true) => (Relation::AtLeast, 2),
            (b'!', true) => (Relation::NotEqual, 2),
            (b'=', true) => (Relation::Equal, 2),
            (b'<', false) => (Relation::Less, 1),
            (b'>', false) => (Relation::Greater, 1),
            (b'!', false) => return self.push(Token::Bang, 1),
            _ => (Relation::Equal, 1),
        };
        self.push(Token::Relation(relation), bytes);
    }

    /// A power, or the ring of a degree.
    fn caret(&mut self) {
        const RINGS: [&str; 7] =
            ["^{\\circ}", "^\\circ", "^{ \\circ}", "^{\\circ }", "^{\\degree}", "^\\degree", "^\u{2218}"];
        let ring = RINGS.into_iter().find(|ring| self.rest().starts_with(ring));
        match ring {
            Some(ring) => self.push(Token::Degree, ring.len()),
            None => self.push(Token::Caret, 1),
        }
    }

    fn beyond_ascii(&mut self) {
        let Some(c) = self.rest().chars().next() else { return };
        let bytes = c.len_utf8();
        if c.is_whitespace() || is_invisible(c) || matches!(c, '£' | '¥' | '¢' | '\u{20a0}'..='\u{20cf}') {
            self.at += bytes;
            return;
        }
        if is_minus(c) {
            return self.push(Token::Minus, bytes);
        }
        match names::character(c) {
            Some(token) => self.push(token, bytes),
            None if c.is_alphabetic() => self.word(),
            None => self.push(Token::Other, bytes),
        }
    }

    /// Letters without a backslash: a function, a constant, variables beside each other, or a word.
    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let word = &rest[..length];
        let next_is_digit = rest.as_bytes().get(length).is_some_and(u8::is_ascii_digit);
        if word == "x" && next_is_digit && matches!(self.tokens.last(), Some(Token::Number(_))) {
            return self.push(Token::Times, length);
        }
        if let Some(token) = names::word(word) {
            return self.push(token, length);
        }
        if word.is_ascii() && names::is_product(word) {
            for at in 0..length {
                self.tokens.push(letter(&word[at..=at]));
            }
            self.at += length;
            return;
        }
        self.push(Token::Word(word), length);
    }

    fn command(&mut self) {
        let rest = &self.rest()[1..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letters == 0 {
            return self.escaped(rest);
        }
        let (name, bytes) = (&rest[..letters], 1 + letters);
        match names::command(name) {
            Command::Token(token) => self.push(token, bytes),
            Command::Skip => self.at += bytes,
            Command::Delimiter => {
                self.at += bytes;
                // `\left.` draws nothing.
                if self.rest().starts_with('.') {
                    self.at += 1;
                }
            }
            Command::Upright => self.upright(bytes),
            Command::Begin => self.environment(bytes, Token::BeginMatrix),
            Command::End => self.environment(bytes, Token::EndMatrix),
            Command::Blackboard => self.blackboard(bytes),
            Command::Unknown => self.push(Token::Other, bytes),
        }
    }

    /// After a backslash that no letter follows.
    fn escaped(&mut self, rest: &'a str) {
        let Some(c) = rest.chars().next() else { return self.push(Token::Other, 1) };
        let bytes = 1 + c.len_utf8();
        match c {
            ',' | ';' | ':' | '!' | ' ' | '$' | '(' | ')' | '[' | ']' | '\n' => self.at += bytes,
            '{' => self.push(Token::Open(Bracket::Set), bytes),
            '}' => self.push(Token::Close(Bracket::Set), bytes),
            '%' => self.push(Token::Percent, bytes),
            '|' => self.push(Token::Bar, bytes),
            '\\' => self.push(Token::NextRow, bytes),
            _ => self.push(Token::Other, bytes),
        }
    }

    /// `\text{}` and the like: words become one token, anything else is read as if it stood there without.
    fn upright(&mut self, bytes: usize) {
        self.at += bytes;
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start().len();
        let Some(content) = rest[blank..].strip_prefix('{') else { return };
        let Some(end) = content.find(['{', '}']).filter(|end| content.as_bytes()[*end] == b'}') else {
            return;
        };
        let words = content[..end].trim();
        self.at += blank + end + 2;
        let letters = words.chars().filter(|c| c.is_alphabetic()).count();
        if letters == 0 && words.is_empty() {
            return;
        }
        if words.bytes().any(|byte| byte.is_ascii_digit() || byte == b'\\') || letters < 2 {
            // `\text{42}`, `\text{(B)}`: lexed in place. The content has no braces, so this goes one deep.
            self.at -= end + 2;
            return self.push(Token::Open(Bracket::Group), 1);
        }
        match names::word(words) {
            Some(token @ (Token::And | Token::Percent | Token::Function(_) | Token::Constant(_))) => {
                self.tokens.push(token);
            }
            _ => self.tokens.push(Token::Word(words)),
        }
    }

    fn environment(&mut self, bytes: usize, token: Token<'a>) {
        self.at += bytes;
        let rest = self.rest();
        let name = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        match name {
            Some(name) if matches!(name, "pmatrix" | "bmatrix" | "matrix" | "vmatrix" | "Bmatrix") => {
                self.push(token, name.len() + 2);
            }
            _ => self.tokens.push(Token::Other),
        }
    }

    /// `\mathbb{R}`.
    fn blackboard(&mut self, bytes: usize) {
        let rest = &self.rest()[bytes..];
        if rest.starts_with("{R}") {
            return self.push(Token::Reals, bytes + 3);
        }
        self.push(Token::Other, bytes);
    }
}

/// One letter without a backslash: Euler's number, the imaginary unit or a variable.
pub(super) fn letter(name: &str) -> Token<'_> {
    match name {
        "e" => Token::Constant(Constant::E),
        "i" => Token::Constant(Constant::I),
        _ => Token::Letter(name),
    }
}

fn ascii<'a>(byte: u8) -> Token<'a> {
    match byte {
        b'+' => Token::Plus,
        b'-' => Token::Minus,
        b'/' => Token::Divide,
        b'_' => Token::Underscore,
        b'%' => Token::Percent,
        b'|' => Token::Bar,
        b'(' => Token::Open(Bracket::Round),
        b')' => Token::Close(Bracket::Round),
        b'[' => Token::Open(Bracket::Square),
        b']' => Token::Close(Bracket::Square),
        b'{' => Token::Open(Bracket::Group),
        b'}' => Token::Close(Bracket::Group),
        b',' | b';' => Token::Comma,
        b':' => Token::Colon,
        b'&' => Token::Ampersand,
        _ => Token::Other,
    }
}

/// `\log`, `\sin`: the same names as in plain text.
pub(super) fn function<'a>(name: &str) -> Option<Token<'a>> {
    Function::named(name).map(Token::Function)
}
