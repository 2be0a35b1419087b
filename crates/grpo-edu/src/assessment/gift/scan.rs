//! Characters that mean something, and those that are escaped.

/// What a backslash takes its meaning from (`\n` stands for a line break).
const ESCAPED: [u8; 8] = [b'~', b'=', b'#', b'{', b'}', b':', b'\\', b'n'];

/// Where the bytes of `text` stand that mean what they are, not those after a backslash.
pub(super) fn unescaped(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let byte = *bytes.get(at)?;
            if byte == b'\\' && bytes.get(at + 1).is_some_and(|next| ESCAPED.contains(next)) {
                at += 2;
                continue;
            }
            at += 1;
            return Some((at - 1, byte));
        }
    })
}

/// The first place of a pattern (of ASCII) whose first character isn't escaped.
pub(super) fn find(text: &str, pattern: &str) -> Option<usize> {
    let first = pattern.bytes().next()?;
    unescaped(text)
        .find(|(at, byte)| *byte == first && text.as_bytes()[*at..].starts_with(pattern.as_bytes()))
        .map(|(at, _)| at)
}

/// The text that is meant.
pub(super) fn unescape(text: &str) -> String {
    let mut meant = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        match next.filter(|next| c == '\\' && next.is_ascii() && ESCAPED.contains(&(*next as u8))) {
            Some('n') => meant.push('\n'),
            Some(next) => meant.push(next),
            None => {
                meant.push(c);
                continue;
            }
        }
        characters.next();
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_before_a_special_character_takes_its_meaning() {
        assert_eq!(unescape(r"\~\=\#\{\}\:\\\n\a\"), "~=#{}:\\\n\\a\\");
        assert_eq!(find(r"a\=b=c", "="), Some(4));
        assert_eq!(find(r"a\\=b", "="), Some(3));
        assert_eq!(find(r"é\####", "####"), None);
        assert_eq!(find("é####", "####"), Some(2));
        assert_eq!(find("", "="), None);
    }
}
