//! Messages that quote files: of a length that a person reads.

use std::borrow::Cow;

const BEGINNING: usize = 400;
const END: usize = 200;

/// A message as a person reads it: what it quotes may be megabytes of a file. What is wrong stands at its beginning, what would fix it
/// at its end, so what is left out is the middle.
pub(crate) fn brief(message: &str) -> Cow<'_, str> {
    if message.len() <= BEGINNING + END {
        return message.into();
    }
    let beginning = &message[..message.floor_char_boundary(BEGINNING)];
    let end = &message[message.ceil_char_boundary(message.len() - END)..];
    format!("{beginning} [...] {end}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_kept() {
        let short = "é".repeat(300);
        assert_eq!(brief(&short), short);
        for filling in ["x", "é", "漢", "\u{1f600}"] {
            let text = brief(&format!("no `{}` here: add it", filling.repeat(10_000))).into_owned();
            assert!(
                text.starts_with("no `") && text.ends_with("` here: add it") && text.len() < 620,
                "{text}"
            );
        }
    }
}
