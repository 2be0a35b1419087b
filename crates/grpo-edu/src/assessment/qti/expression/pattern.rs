//! Regular expressions of XML Schema, matched in linear time.

use regex::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes.
const MAX_COMPILED: usize = 1 << 18;

/// Compiles a regular expression of XML Schema, which matches whole texts. The error says what is wrong and what would fix it.
///
/// The engine here knows all of it but blocks (`\p{IsGreek}`). What XML Schema takes literally and everybody else for something
/// special (`^`, `$`) is refused, because it is usually meant otherwise.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern).map_err(|problem| format!("`pattern` is `{pattern}`: {problem}"))?;
    RegexBuilder::new(&format!("^(?:{translated})$")).size_limit(MAX_COMPILED).nest_limit(50).build().map_err(
        |error| format!("`pattern` is `{pattern}`, which isn't a regular expression that is read: {error}"),
    )
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut letters = pattern.chars().peekable();
    // How many brackets are open.
    let mut classes = 0usize;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let letter = letters.next();
                out.push_str(&escape(letter, classes > 0)?);
                if matches!(letter, Some('p' | 'P')) {
                    out.push_str(&category(&mut letters)?);
                }
            }
            '[' if classes == 0 => {
                classes = 1;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            // `[a-z-[aeiou]]` is a difference.
            '-' if classes > 0 && letters.next_if_eq(&'[').is_some() => {
                classes += 1;
                out.push_str("--[");
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if classes > 0 => {
                classes -= 1;
                out.push(']');
            }
            '[' | '&' | '~' | '^' if classes > 0 => out.extend(['\\', letter]),
            _ if classes > 0 => out.push(letter),
            '^' | '$' => {
                return Err(format!(
                    "`{letter}` stands for itself in XML Schema, and patterns match whole texts anyway: leave it out, \
                     or write `\\{letter}` where the character is meant"
                ));
            }
            '.' => out.push_str(r"[^\n\r]"),
            '(' if letters.peek() == Some(&'?') => {
                return Err("`(?` isn't part of XML Schema: use plain groups".into());
            }
            '*' | '+' | '?' | '}' if matches!(letters.peek(), Some('?' | '+' | '*')) => {
                return Err(
                    "there are no lazy or possessive repetitions in XML Schema: remove the second sign"
                        .into(),
                );
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// The name of a category of characters, with its braces.
fn category(letters: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut closed = false;
    let name: String = letters
        .take_while(|letter| {
            closed = *letter == '}';
            !closed
        })
        .collect();
    let letters_only = |name: &str| name.chars().all(|letter| letter.is_ascii_alphabetic());
    let plain = closed && name.strip_prefix('{').is_some_and(letters_only);
    // Elsewhere these are scripts, which hold other characters than the blocks of XML Schema.
    if !plain || name.starts_with("{Is") {
        return Err(
            "after `\\p`, categories like `{Lu}` are read and blocks like `{IsGreek}` aren't: write ranges"
                .into(),
        );
    }
    Ok(format!("{name}}}"))
}

fn escape(letter: Option<char>, in_class: bool) -> Result<String, String> {
    let letter = letter.ok_or("it ends with a backslash")?;
    let class = |inside: &str, negated: bool| match (in_class, negated) {
        (true, false) => Ok(inside.to_owned()),
        (false, false) => Ok(format!("[{inside}]")),
        (false, true) => Ok(format!("[^{inside}]")),
        (true, true) => Ok(format!("[^{inside}]")),
    };
    match letter {
        'i' => class(r"\p{L}\p{Nl}:_", false),
        'I' => class(r"\p{L}\p{Nl}:_", true),
        'c' => class(r"\p{L}\p{Nl}\p{M}\p{Nd}:_\-.·", false),
        'C' => class(r"\p{L}\p{Nl}\p{M}\p{Nd}:_\-.·", true),
        // XML Schema's words: all but punctuation, separators and others.
        'w' => class(r"\p{L}\p{M}\p{N}\p{S}", false),
        'W' => class(r"\p{L}\p{M}\p{N}\p{S}", true),
        // XML Schema's blanks are these four.
        's' => class(r" \t\n\r", false),
        'S' => class(r" \t\n\r", true),
        'd' | 'D' | 'p' | 'P' | 'n' | 'r' | 't' => Ok(format!("\\{letter}")),
        '\\' | '|' | '.' | '?' | '*' | '+' | '(' | ')' | '{' | '}' | '-' | '[' | ']' | '^' | '$' => {
            Ok(format!("\\{letter}"))
        }
        // Not in the standard, but harmless and common.
        '/' | ',' | ':' | ';' | '%' | '"' | '\'' | '=' | '<' | '>' | '@' | '!' | '#' | '&' | '~' | ' ' => {
            Ok(regex::escape(&letter.to_string()))
        }
        other => Err(format!("`\\{other}` isn't part of XML Schema: leave the backslash out")),
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn whole_texts_match() {
        for (pattern, text, fits) in [
            ("[0-9]+", "42", true),
            ("[0-9]+", "42 m", false),
            (r"\d{1,3}(,\d{3})*", "1,234,567", true),
            ("[a-z-[aeiou]]+", "xyz", true),
            ("[a-z-[aeiou]]+", "xaz", false),
            ("[&~^]+", "&~^", true),
            ("a|bc", "bc", true),
            ("a|bc", "ab", false),
            (r"\i\c*", "name-1", true),
            (r"\p{Lu}\p{Ll}+", "York", true),
            (r"[\w]+", "a_b", false),
            (".", "\n", false),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), fits, "{pattern} {text:?}");
        }
    }

    #[test]
    fn what_isnt_xml_schema_is_refused() {
        for pattern in [
            "^a",
            "a$",
            "(?i)a",
            "a*?",
            "a{2}?",
            r"\b",
            r"\",
            "[",
            "(",
            r"\p{IsGreek}",
            r"\p{Lu",
            "(a{1000}){1000}",
        ] {
            assert!(compile(pattern).unwrap_err().contains("`pattern`"), "{pattern}");
        }
    }
}
