//! Why a text is not an answer that can be compared.

/// Why a text cannot be read as mathematics. Such an answer is still right where it is, letter for letter,
/// the reference; else it is wrong, and this is the reason that its score gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MathError {
    /// Nothing to read: white space, dollar signs, an empty box.
    #[error("is empty")]
    Empty,
    /// Longer than [`MAX_ANSWER`](super::MAX_ANSWER).
    #[error("is too long for an answer")]
    TooLong,
    /// Nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("is nested too deeply for an answer")]
    TooDeep,
    /// More powers, list items or computing than the verifier will do.
    #[error("is too large for an answer")]
    TooLarge,
    /// An opening bracket, brace or bar without its closing one, or the other way round.
    #[error("has brackets that never close")]
    Unclosed,
    /// An operator without its right side, a `\frac` without its arguments.
    #[error("is not a complete formula")]
    Incomplete,
    /// Words, an integral, a symbol without a value here: nothing that can be computed.
    #[error("is not a formula that can be computed")]
    Unreadable,
    /// A NUL byte, an escape: what no answer holds.
    #[error("holds a control character")]
    Control,
    /// Something over zero.
    #[error("divides by zero")]
    DivisionByZero,
}
