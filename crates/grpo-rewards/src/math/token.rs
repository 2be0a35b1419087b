//! What answers are made of.

/// The kinds of brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    /// LaTeX's own braces, which group and cannot be seen.
    Group,
    /// `\{`: a set.
    Set,
    Angle,
    Floor,
    Ceiling,
}

/// How two sides of a relation stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    /// `≈`: what follows is rounded.
    About,
}

impl Relation {
    /// The same relation read from right to left.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            Self::Equal | Self::NotEqual | Self::In | Self::About => self,
        }
    }
}

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Ln,
    /// To base 10 unless a base is written.
    Log,
    Exp,
    Absolute,
    Floor,
    Ceiling,
    Factorial,
}

impl Function {
    /// By its name in LaTeX (without the backslash) or in plain text.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sin" => Self::Sin,
            "cos" => Self::Cos,
            "tan" | "tg" => Self::Tan,
            "cot" | "ctg" => Self::Cot,
            "sec" => Self::Sec,
            "csc" | "cosec" => Self::Csc,
            "arcsin" | "asin" => Self::Arcsin,
            "arccos" | "acos" => Self::Arccos,
            "arctan" | "atan" => Self::Arctan,
            "sinh" => Self::Sinh,
            "cosh" => Self::Cosh,
            "tanh" => Self::Tanh,
            "ln" => Self::Ln,
            "log" | "lg" => Self::Log,
            "exp" => Self::Exp,
            "abs" => Self::Absolute,
            "floor" => Self::Floor,
            "ceil" => Self::Ceiling,
            _ => return None,
        })
    }

    /// What `f^{-1}` means for it.
    pub(super) fn inverse(self) -> Option<Self> {
        match self {
            Self::Sin => Some(Self::Arcsin),
            Self::Cos => Some(Self::Arccos),
            Self::Tan => Some(Self::Arctan),
            _ => None,
        }
    }

    /// Whether its argument is an angle, in which a degree sign has a meaning.
    pub(super) fn takes_angle(self) -> bool {
        matches!(self, Self::Sin | Self::Cos | Self::Tan | Self::Cot | Self::Sec | Self::Csc)
    }
}

/// Numbers with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    Pi,
    E,
    I,
    Infinity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Digits with an optional point, exponent and separators between groups of three.
    Number(&'a str),
    /// Decimals and the digits that repeat after them: `0.1\overline{6}`.
    Repeating(&'a str, &'a str),
    /// One character that is a fraction (`½`): numerator and denominator.
    Vulgar(u8, u8),
    /// A variable of one letter; Greek ones by their LaTeX names.
    Letter(&'a str),
    /// Several letters that are no product of variables, or the words of a `\text{}`.
    Word(&'a str),
    Constant(Constant),
    Function(Function),
    Frac,
    Binomial,
    Sqrt,
    Plus,
    Minus,
    /// `\pm`, `\mp`: whether the upper sign is the plus.
    PlusMinus {
        upper: bool,
    },
    Times,
    Divide,
    Colon,
    Caret,
    /// A power written with one raised digit: `²`.
    Raised(u8),
    Underscore,
    Bang,
    Percent,
    Degree,
    Bar,
    Open(Bracket),
    Close(Bracket),
    /// Comma or semicolon.
    Comma,
    /// `and`, `or`.
    And,
    Relation(Relation),
    Union,
    Reals,
    EmptySet,
    /// `\begin{pmatrix}` and the like, and the end of one.
    BeginMatrix,
    EndMatrix,
    Ampersand,
    /// `\\`: the next row of a matrix; elsewhere a line break.
    NextRow,
    /// Anything else: no part of a formula.
    Other,
}
