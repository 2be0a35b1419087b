//! From text to tokens: plain text, Markdown and LaTeX as models mix them.

use super::value::is_minus;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Digits with an optional point, exponent and separators between groups of three.
    Number(&'a str),
    /// One character that is a fraction (`½`): numerator and denominator.
    Vulgar(u8, u8),
    /// `\frac` and its relatives; the arguments follow as tokens.
    Frac,
    Plus,
    Minus,
    Times,
    Divide,
    Caret,
    Open,
    Close,
    BraceOpen,
    BraceClose,
    Equals,
    Percent,
    Degree,
    /// A word; `upright` inside `\text{}` and the like, where a letter cannot be a variable.
    Word {
        text: &'a str,
        upright: bool,
    },
    /// An underscore: an index (`x_1`) or Markdown.
    Index,
    /// Punctuation between words.
    Punctuation,
    /// Something that makes a number more than a number: a root, π, an inequality, a control character.
    Symbol,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme<'a> {
    pub(super) token: Token<'a>,
    /// Byte offsets in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether white space (or the start of the text) stands before it.
    pub(super) spaced: bool,
}

/// Turns a text into tokens, in one pass. Dollar signs, other currency, invisible characters and LaTeX's
/// purely visual commands leave no token. With `answer`, the text is one answer and not prose: spaces may
/// then separate thousands.
pub(super) fn lex(text: &str, answer: bool) -> Vec<Lexeme<'_>> {
    let (lexemes, groups) = (Vec::new(), Vec::new());
    let mut lexer = Lexer { text, at: 0, answer, spaced: true, lexemes, groups, text_group_next: false };
    lexer.run();
    lexer.lexemes
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    answer: bool,
    spaced: bool,
    lexemes: Vec<Lexeme<'a>>,
    /// For each open brace, whether it holds upright text.
    groups: Vec<bool>,
    text_group_next: bool,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '0'..='9' => self.number(),
                '.' if digit_at(self.text, self.at + 1) => self.number(),
                '\\' => self.command(),
                '<' if self.skip_tag() => {}
                '*' if self.rest().starts_with("**") => self.double_star(),
                // Prose ends a number with its line; in an answer a line break is a space.
                '\n' if !self.answer => {
                    self.push(Token::Punctuation, 1);
                    self.spaced = true;
                }
                c if c.is_whitespace() || c == '~' => self.space(c.len_utf8()),
                c if is_ignored(c) => self.at += c.len_utf8(),
                '\u{ba}' => self.push(Token::Degree, c.len_utf8()),
                c if c.is_alphabetic() => self.word(),
                c => {
                    let token = self.character(c);
                    self.push(token, c.len_utf8());
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self, bytes: usize) {
        self.at += bytes;
        self.spaced = true;
    }

    fn push(&mut self, token: Token<'a>, bytes: usize) {
        let start = self.at;
        self.at += bytes;
        self.lexemes.push(Lexeme { token, start, end: self.at, spaced: self.spaced });
        self.spaced = false;
    }

    fn character(&mut self, c: char) -> Token<'a> {
        match c {
            '{' => {
                let outer = self.groups.last().copied().unwrap_or(false);
                self.groups.push(outer || std::mem::take(&mut self.text_group_next));
                Token::BraceOpen
            }
            '}' => {
                self.groups.pop();
                Token::BraceClose
            }
            '+' => Token::Plus,
            c if is_minus(c) => Token::Minus,
            '*' | '×' | '·' | '⋅' | '∙' => Token::Times,
            '/' | '÷' | '∕' | '⁄' => Token::Divide,
            '^' => Token::Caret,
            '(' | '[' => Token::Open,
            ')' | ']' => Token::Close,
            '=' | '≈' => Token::Equals,
            '%' | '\u{ff05}' => Token::Percent,
            '°' => Token::Degree,
            '_' => Token::Index,
            '<' | '>' | '|' | '@' | '&' | '#' | '±' => Token::Symbol,
            // Mathematical operators (√ ∞ ≤ ∈ ...), superscript digits, control characters.
            '\u{2200}'..='\u{22ff}' | '²' | '³' | '¹' | '\u{2070}'..='\u{209f}' => Token::Symbol,
            c if c.is_control() => Token::Symbol,
            _ => vulgar(c).map_or(Token::Punctuation, |(above, below)| Token::Vulgar(above, below)),
        }
    }

    /// Digits, groups of three, decimals, exponent.
    fn number(&mut self) {
        let start = self.at;
        match number_end(self.text, start, self.answer) {
            Ok(end) => self.push(Token::Number(&self.text[start..end]), end - start),
            // 1.2.3: a version, a date, a section; not a number.
            Err(end) => self.push(Token::Symbol, end - start),
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        // `1.5x10^3`
        let after_number = matches!(self.lexemes.last(), Some(Lexeme { token: Token::Number(_), .. }));
        if after_number && rest.starts_with('x') && digit_at(rest, 1) {
            return self.push(Token::Times, 1);
        }
        let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let upright = self.groups.last().copied().unwrap_or(false);
        self.push(Token::Word { text: &rest[..length], upright }, length);
    }

    /// Markdown's bold leaves no token; `2**3` is a power.
    fn double_star(&mut self) {
        let after = digit_at(self.text, self.at + 2);
        let before = self.at > 0 && digit_at(self.text, self.at - 1);
        if before && after { self.push(Token::Caret, 2) } else { self.at += 2 }
    }

    /// Skips `</answer>`, `<|endoftext|>`: at most 64 bytes, so that many `<` cost no more than their number.
    fn skip_tag(&mut self) -> bool {
        let bytes = self.rest().as_bytes();
        let named = bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'|'));
        let close = bytes.iter().take(64).skip(1).position(|b| matches!(b, b'<' | b'>' | b'=' | b' '));
        match close.map(|offset| offset + 1) {
            Some(close) if named && bytes[close] == b'>' => {
                self.space(close + 1);
                true
            }
            _ => false,
        }
    }

    fn command(&mut self) {
        let rest = &self.rest()[1..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        if letters == 0 {
            let Some(c) = rest.chars().next() else { return self.push(Token::Symbol, 1) };
            let bytes = 1 + c.len_utf8();
            return match c {
                ',' | ';' | ':' | '!' | ' ' | '\\' | '\n' => self.space(bytes),
                '(' | ')' | '[' | ']' | '$' => self.at += bytes,
                '%' => self.push(Token::Percent, bytes),
                _ => self.push(Token::Symbol, bytes),
            };
        }
        let bytes = 1 + letters;
        match &rest[..letters] {
            "frac" | "dfrac" | "tfrac" | "cfrac" => self.push(Token::Frac, bytes),
            "times" | "cdot" | "ast" => self.push(Token::Times, bytes),
            "div" => self.push(Token::Divide, bytes),
            "approx" | "simeq" | "doteq" => self.push(Token::Equals, bytes),
            "circ" | "degree" | "textdegree" => self.push(Token::Degree, bytes),
            "text" | "mbox" | "hbox" | "textrm" | "textit" | "textbf" | "textsf" | "textnormal"
            | "mathrm" | "mathsf" | "operatorname" => {
                self.at += bytes;
                self.text_group_next = true;
            }
            "quad" | "qquad" | "space" | "thinspace" => self.space(bytes),
            "boxed" | "fbox" | "left" | "right" | "big" | "bigl" | "bigr" | "Big" | "Bigl" | "Bigr"
            | "bf" | "it" | "rm" | "mathbf" | "mathit" | "boldsymbol" | "bm" | "displaystyle"
            | "textstyle" | "pounds" | "euro" | "dollar" | "textdollar" => self.at += bytes,
            _ => self.push(Token::Symbol, bytes),
        }
    }
}

/// Where the number ends that begins at `start`: digits, groups of three, decimals, an exponent. With `answer`,
/// spaces may separate groups. `Err` with the end of what only looks like a number (`1.2.3`).
pub(super) fn number_end(text: &str, start: usize, answer: bool) -> Result<usize, usize> {
    let mut end = skip_digits(text, start);
    if (1..=3).contains(&(end - start)) {
        let mut chosen = None;
        while let Some(length) = separator(text, end, answer, &mut chosen) {
            let group = skip_digits(text, end + length);
            let mixed = chosen.is_some_and(|separator| !separator.starts_with([',', '{']));
            if group - (end + length) != 3 || mixed && is_fraction(text, end + length, group) {
                break;
            }
            end = group;
        }
    }
    if text.as_bytes().get(end) == Some(&b'.') && digit_at(text, end + 1) {
        end = skip_digits(text, end + 1);
    }
    if text.as_bytes().get(end) == Some(&b'.') && digit_at(text, end + 1) {
        let length = text[start..].find(|c: char| c != '.' && !c.is_ascii_digit());
        return Err(length.map_or(text.len(), |length| start + length));
    }
    Ok(exponent(text, end).unwrap_or(end))
}

/// Whether the digits up to `end` are the numerator of a fraction below one: `8 367/693` is a mixed number.
fn is_fraction(text: &str, start: usize, end: usize) -> bool {
    let Some(below) = text[end..].trim_start().strip_prefix('/').map(str::trim_start) else { return false };
    let below = &below[..skip_digits(below, 0)];
    match (text[start..end].parse::<u64>(), below.parse::<u64>()) {
        (Ok(above), Ok(below)) => above < below,
        _ => false,
    }
}

/// The length of a separator of thousands at `at`; all separators of one number are the same.
fn separator(text: &str, at: usize, answer: bool, chosen: &mut Option<&'static str>) -> Option<usize> {
    const ALWAYS: &[&str] = &[",", "{,}"];
    const IN_ANSWERS: &[&str] = &[" ", "\u{a0}", "\u{2009}", "\u{202f}", "\\,"];
    // `1,\!234` begins with a comma as well.
    if answer && text[at..].starts_with(",\\!") {
        return (*chosen.get_or_insert(",\\!") == ",\\!").then_some(3);
    }
    let allowed = ALWAYS.iter().chain(if answer { IN_ANSWERS } else { &[] });
    let found = allowed.copied().find(|separator| text[at..].starts_with(separator))?;
    (*chosen.get_or_insert(found) == found).then_some(found.len())
}

fn digit_at(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

fn skip_digits(text: &str, from: usize) -> usize {
    let digits = text.as_bytes().iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    from + digits
}

/// The end of an exponent (`e3`, `E-10`) at `at`, if there is one and no letter follows.
fn exponent(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix(['e', 'E'])?;
    let unsigned = rest.strip_prefix(|c: char| c == '+' || is_minus(c)).unwrap_or(rest);
    let start = text.len() - unsigned.len();
    let end = skip_digits(text, start);
    (end > start && !text[end..].starts_with(char::is_alphanumeric)).then_some(end)
}

/// Characters that say nothing about the value: currency, and everything that cannot be seen.
fn is_ignored(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '¢' | '\u{20a0}'..='\u{20cf}') || is_invisible(c)
}

/// Zero-width characters and the marks that change the direction of writing.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Numerator and denominator of a character that is a fraction.
pub(crate) fn vulgar(c: char) -> Option<(u8, u8)> {
    Some(match c {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    })
}
