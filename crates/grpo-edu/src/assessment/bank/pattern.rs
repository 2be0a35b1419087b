//! Patterns of short answers, where `*` stands for any characters and `\*` for an asterisk.

/// A pattern, cut at its wildcards.
pub(super) struct Pattern {
    /// The texts between the wildcards: one more than there are wildcards.
    pieces: Vec<String>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = vec![String::new()];
        let mut characters = text.trim().chars().peekable();
        while let Some(c) = characters.next() {
            let escaped = c == '\\' && characters.peek() == Some(&'*');
            match (c, pieces.last_mut()) {
                ('*', _) => pieces.push(String::new()),
                (_, Some(piece)) if escaped => piece.extend(characters.next()),
                (c, Some(piece)) => piece.push(c),
                (_, None) => {}
            }
        }
        Self { pieces }
    }

    /// A text that the pattern matches: its own without the wildcards, or, where that wouldn't do, with an asterisk for each.
    pub(super) fn example(&self) -> String {
        let text = self.pieces.concat();
        if !text.trim().is_empty() && self.matches(&text, true) { text } else { self.pieces.join("*") }
    }

    /// Whether the whole text matches, in time linear in the text for each piece.
    pub(super) fn matches(&self, text: &str, case: bool) -> bool {
        let fold = |text: &str| if case { text.to_owned() } else { text.to_lowercase() };
        let text = fold(text.trim());
        let pieces: Vec<String> = self.pieces.iter().map(|piece| fold(piece)).collect();
        let [first, inner @ .., last] = &pieces[..] else {
            return pieces.first().is_some_and(|whole| *whole == text);
        };
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        // The leftmost place of each piece leaves most room for those after it.
        for piece in inner {
            match rest.split_once(piece.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}

/// The text as a pattern that matches nothing else.
pub(crate) fn literal(text: &str) -> String {
    text.replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_any_characters() {
        let table = [
            ("Paris", " paris ", true),
            ("Paris", "Pari", false),
            ("*", "", true),
            ("*", "anything\nat all", true),
            ("Par*", "PARIS", true),
            ("*is", "Paris", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("2\\*3", "2*3", true),
            ("2\\*3", "2 times 3", false),
            ("a\\b", "a\\b", true),
            ("É*", "école", true),
            ("a**b", "ab", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Pattern::new(pattern).matches(text, false), expected, "{pattern} {text}");
        }
        assert!(!Pattern::new("Paris").matches("paris", true));
        for pattern in ["Par*", "*", "a*b", "2\\*3", "* *"] {
            let pattern = Pattern::new(pattern);
            assert!(pattern.matches(&pattern.example(), true), "{}", pattern.example());
        }
        assert!(Pattern::new(&literal("2 * 3 \\* x")).matches("2 * 3 \\* x", true));
    }
}
