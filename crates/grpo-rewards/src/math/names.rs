//! What words, LaTeX commands and single characters stand for.

use super::lex::{function, letter};
use super::token::{Bracket, Constant, Relation, Token};
use crate::number::vulgar;

/// What a LaTeX command does.
pub(super) enum Command {
    /// It is one token.
    Token(Token<'static>),
    /// It changes only how things look.
    Skip,
    /// `\left`, `\right`: only looks, and a point after it is an invisible bracket.
    Delimiter,
    /// `\text`: upright letters in braces.
    Upright,
    Begin,
    End,
    Blackboard,
    Unknown,
}

/// A command by its name without the backslash.
pub(super) fn command(name: &str) -> Command {
    if let Some(token) = function(name).or_else(|| greek(name)).or_else(|| symbol(name)) {
        return Command::Token(token);
    }
    match name {
        "left" | "right" | "middle" => Command::Delimiter,
        "begin" => Command::Begin,
        "end" => Command::End,
        "mathbb" => Command::Blackboard,
        "text" | "mbox" | "hbox" | "textrm" | "textit" | "textbf" | "textsf" | "texttt" | "textnormal"
        | "mathrm" | "mathsf" | "operatorname" => Command::Upright,
        "quad" | "qquad" | "space" | "thinspace" | "big" | "bigl" | "bigr" | "Big" | "Bigl" | "Bigr"
        | "bigg" | "Bigg" | "bf" | "it" | "rm" | "mathbf" | "mathit" | "boldsymbol" | "bm" | "mathcal"
        | "displaystyle" | "textstyle" | "pounds" | "euro" | "dollar" | "textdollar" | "limits" | "boxed"
        | "fbox" | "negthinspace" | "phantom" | "hfill" | "therefore" | "displaylines" => Command::Skip,
        _ => Command::Unknown,
    }
}

fn symbol(name: &str) -> Option<Token<'static>> {
    Some(match name {
        "frac" | "dfrac" | "tfrac" | "cfrac" => Token::Frac,
        "binom" | "dbinom" | "tbinom" => Token::Binomial,
        "sqrt" => Token::Sqrt,
        "times" | "cdot" | "ast" => Token::Times,
        "div" => Token::Divide,
        "colon" => Token::Colon,
        "pm" => Token::PlusMinus { upper: true },
        "mp" => Token::PlusMinus { upper: false },
        "circ" | "degree" | "textdegree" => Token::Degree,
        "approx" | "simeq" | "doteq" => Token::Relation(Relation::About),
        "equiv" => Token::Relation(Relation::Equal),
        "ne" | "neq" => Token::Relation(Relation::NotEqual),
        "lt" => Token::Relation(Relation::Less),
        "gt" => Token::Relation(Relation::Greater),
        "le" | "leq" | "leqslant" => Token::Relation(Relation::AtMost),
        "ge" | "geq" | "geqslant" => Token::Relation(Relation::AtLeast),
        "in" => Token::Relation(Relation::In),
        "cup" => Token::Union,
        "infty" => Token::Constant(Constant::Infinity),
        "pi" => Token::Constant(Constant::Pi),
        "imath" => Token::Constant(Constant::I),
        "emptyset" | "varnothing" => Token::EmptySet,
        "R" => Token::Reals,
        "lbrace" => Token::Open(Bracket::Set),
        "rbrace" => Token::Close(Bracket::Set),
        "lbrack" => Token::Open(Bracket::Square),
        "rbrack" => Token::Close(Bracket::Square),
        "langle" => Token::Open(Bracket::Angle),
        "rangle" => Token::Close(Bracket::Angle),
        "lfloor" => Token::Open(Bracket::Floor),
        "rfloor" => Token::Close(Bracket::Floor),
        "lceil" => Token::Open(Bracket::Ceiling),
        "rceil" => Token::Close(Bracket::Ceiling),
        "vert" | "lvert" | "rvert" | "mid" => Token::Bar,
        "land" | "lor" | "vee" | "wedge" => Token::And,
        _ => return None,
    })
}

fn greek(name: &str) -> Option<Token<'static>> {
    const NAMES: [&str; 33] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
        "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta",
        "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
    ];
    let name = match name {
        "varepsilon" => "epsilon",
        "vartheta" => "theta",
        "varphi" => "phi",
        "ell" => return Some(Token::Letter("ell")),
        name => name,
    };
    NAMES.into_iter().find(|greek| *greek == name).map(Token::Letter)
}

/// A word of plain text that has a meaning of its own.
pub(super) fn word(word: &str) -> Option<Token<'_>> {
    if word.len() == 1 {
        return Some(letter(word));
    }
    Some(match word {
        "sqrt" => Token::Sqrt,
        "pi" => Token::Constant(Constant::Pi),
        "inf" | "infinity" | "oo" => Token::Constant(Constant::Infinity),
        "and" | "or" => Token::And,
        "in" => Token::Relation(Relation::In),
        "union" => Token::Union,
        "percent" | "pct" | "percentage" => Token::Percent,
        "degree" | "degrees" => Token::Degree,
        "cdot" | "times" => Token::Times,
        word => return function(word).or_else(|| greek(word)),
    })
}

/// Whether a few letters beside each other are variables that are multiplied (`xy`) rather than a word or a
/// unit.
pub(super) fn is_product(letters: &str) -> bool {
    let unit = matches!(
        letters,
        "cm" | "mm"
            | "km"
            | "dm"
            | "nm"
            | "kg"
            | "mg"
            | "ml"
            | "mL"
            | "ft"
            | "lb"
            | "lbs"
            | "hr"
            | "hrs"
            | "mph"
            | "kmh"
            | "kph"
            | "Hz"
            | "kJ"
            | "kW"
            | "sq"
            | "yd"
            | "yds"
            | "pts"
            | "th"
            | "st"
            | "nd"
            | "rd"
            | "cc"
            | "gm"
            | "gms"
            | "mi"
            | "min"
            | "sec"
            | "oz"
    );
    let word = matches!(
        letters,
        "is" | "it"
            | "as"
            | "at"
            | "an"
            | "be"
            | "by"
            | "if"
            | "we"
            | "he"
            | "me"
            | "my"
            | "the"
            | "was"
            | "are"
            | "has"
            | "let"
            | "get"
            | "see"
            | "yes"
            | "all"
            | "any"
            | "say"
            | "its"
    );
    // Words have vowels; products of variables seldom have other ones than these.
    let vowels = letters.bytes().any(|byte| matches!(byte, b'o' | b'u' | b'E' | b'I' | b'O' | b'U'));
    letters.len() <= 3 && !unit && !word && !vowels
}

/// One character beyond ASCII.
pub(super) fn character(c: char) -> Option<Token<'static>> {
    Some(match c {
        '×' | '·' | '⋅' | '∙' | '∗' => Token::Times,
        '÷' | '∕' | '⁄' => Token::Divide,
        '√' => Token::Sqrt,
        'π' => Token::Constant(Constant::Pi),
        '∞' => Token::Constant(Constant::Infinity),
        'θ' => Token::Letter("theta"),
        'α' => Token::Letter("alpha"),
        'β' => Token::Letter("beta"),
        'λ' => Token::Letter("lambda"),
        'φ' => Token::Letter("phi"),
        '°' | '\u{ba}' => Token::Degree,
        '\u{ff05}' => Token::Percent,
        '±' => Token::PlusMinus { upper: true },
        '∓' => Token::PlusMinus { upper: false },
        '≈' => Token::Relation(Relation::About),
        '≡' => Token::Relation(Relation::Equal),
        '≠' => Token::Relation(Relation::NotEqual),
        '≤' | '⩽' => Token::Relation(Relation::AtMost),
        '≥' | '⩾' => Token::Relation(Relation::AtLeast),
        '∈' => Token::Relation(Relation::In),
        '∪' => Token::Union,
        '∅' => Token::EmptySet,
        'ℝ' => Token::Reals,
        '⌊' => Token::Open(Bracket::Floor),
        '⌋' => Token::Close(Bracket::Floor),
        '⌈' => Token::Open(Bracket::Ceiling),
        '⌉' => Token::Close(Bracket::Ceiling),
        '⟨' => Token::Open(Bracket::Angle),
        '⟩' => Token::Close(Bracket::Angle),
        '⁰' => Token::Raised(0),
        '¹' => Token::Raised(1),
        '²' => Token::Raised(2),
        '³' => Token::Raised(3),
        '⁴'..='⁹' => Token::Raised(u8::try_from(u32::from(c) - u32::from('⁰')).unwrap_or(0)),
        _ => return vulgar(c).map(|(above, below)| Token::Vulgar(above, below)),
    })
}
