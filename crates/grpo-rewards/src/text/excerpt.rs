//! Pieces of a completion as a reason quotes them: short, and with nothing that a terminal would act on.

use unicode_general_category::{GeneralCategory, get_general_category};

/// How much of a completion a reason quotes, in characters.
const QUOTED: usize = 80;
/// How much of a completion a score keeps as what it judged, in characters.
const KEPT: usize = 400;

/// At most 80 characters on one line, for a reason. What was left out shows as `…`.
pub(crate) fn quote(text: &str) -> String {
    let visible = |c: char| if c.is_whitespace() { ' ' } else { visible(c) };
    shorten(text, QUOTED, visible)
}

/// At most 400 characters, line breaks included, for [`Score::extracted`](crate::Score::extracted).
pub(crate) fn keep(text: &str) -> String {
    let visible = |c: char| if matches!(c, '\n' | '\t') { c } else { visible(c) };
    shorten(text, KEPT, visible)
}

/// Control characters, marks of the direction of writing and other characters without a face become U+FFFD.
fn visible(c: char) -> char {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Surrogate};
    match get_general_category(c) {
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Surrogate => '\u{fffd}',
        _ => c,
    }
}

fn shorten(text: &str, limit: usize, visible: impl Fn(char) -> char) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(limit).map(visible).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_short_and_harmless() {
        assert_eq!(quote("a\nb\u{202e}c\0"), "a b\u{fffd}c\u{fffd}");
        assert_eq!(quote(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
        assert_eq!(keep("a\n\tb\u{1b}[31m"), "a\n\tb\u{fffd}[31m");
        assert_eq!(keep(&"x".repeat(500)).chars().count(), 401);
    }
}
