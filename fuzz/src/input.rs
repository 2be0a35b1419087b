//! Inputs: bytes that stand for several texts, or for a long one.

use std::borrow::Cow;

/// The longest input, in bytes.
pub(crate) const LONGEST: usize = 64 << 10;

/// Divides the parts of an input.
const DIVIDER: &str = "\n=====\n";

/// Stands before and after a piece that is repeated. No format that is read here has a use for form feeds.
const REPEAT: u8 = b'\x0c';

/// What an input stands for: the piece between its first two form feeds is repeated until the whole has
/// [`LONGEST`] bytes. A fuzzer tries short inputs most of the time; this way they show what takes quadratic time.
pub(crate) fn grown(data: &[u8]) -> Cow<'_, [u8]> {
    let data = &data[..data.len().min(LONGEST)];
    let mut parts = data.splitn(3, |byte| *byte == REPEAT);
    let (Some(head), Some(piece), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
        return Cow::Borrowed(data);
    };
    let times = (LONGEST - head.len() - tail.len()).checked_div(piece.len()).unwrap_or(0);
    Cow::Owned([head, &piece.repeat(times), tail].concat())
}

/// The same as text; bytes that aren't UTF-8 become replacement characters.
pub(crate) fn text(data: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&grown(data)).into_owned();
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// The parts of a text, with what stands for those that are missing.
pub(crate) fn parts<'a, const N: usize>(text: &'a str, missing: [&'a str; N]) -> [&'a str; N] {
    let mut parts = text.splitn(N, DIVIDER);
    missing.map(|default| parts.next().unwrap_or(default))
}

/// All parts of a text.
pub(crate) fn all_parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(DIVIDER)
}
