//! What is no part of an answer: white space, invisible characters, markup around it.

/// Without white space, control characters and invisible marks (byte-order, direction, zero width) at its ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What can stand around an answer without being part of it: how it begins and ends.
const MARKUP: [(&str, &str); 11] = [
    ("**", "**"),
    ("*", "*"),
    ("__", "__"),
    ("`", "`"),
    ("$", "$"),
    ("\\(", "\\)"),
    ("\\text{", "}"),
    ("\\textbf{", "}"),
    ("\\mathrm{", "}"),
    ("\\boxed{", "}"),
    ("“", "”"),
];
/// Markup nested deeper than this stays.
const MAX_LAYERS: usize = 8;

/// Without markup around the whole of it (`**B**`, `` `B` ``, `\text{B}`).
pub(super) fn bare(text: &str) -> &str {
    let mut text = trim(text);
    for _ in 0..MAX_LAYERS {
        let inner = MARKUP.iter().find_map(|(open, close)| {
            let inner = text.strip_prefix(open)?.strip_suffix(close)?;
            // `*a* or *b*`: what begins and what ends aren't one pair.
            (!inner.contains(close)).then_some(inner)
        });
        match inner {
            Some(inner) => text = trim(inner),
            None => break,
        }
    }
    text
}

/// The form in which texts are compared: small letters, single spaces, nothing invisible.
pub(super) fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split(char::is_whitespace) {
        let word = trim(word);
        if word.is_empty() {
            continue;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.chars().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase));
    }
    normal
}

/// The beginning of a text, for a message: one line without anything invisible.
pub(super) fn brief(text: &str) -> String {
    const SHOWN: usize = 60;
    let visible = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    let mut characters = trim(text).chars();
    let mut brief: String = characters.by_ref().take(SHOWN).map(visible).collect();
    if characters.next().is_some() {
        brief.push('…');
    }
    brief
}
