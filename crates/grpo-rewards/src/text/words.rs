//! The words of a text, and their small letters.

use std::ops::Range;

use super::character::Character;
use super::sigma::{SIGMA, small_sigma};

/// The words of a text: runs of letters and digits, apostrophes inside a word included.
pub(crate) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0, last: 0..0 }
}

/// See [`words`].
pub(crate) struct Words<'a> {
    text: &'a str,
    at: usize,
    last: Range<usize>,
}

/// What a character is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Letter,
    Apostrophe,
    Gap,
}

const ASCII: [Role; 128] = {
    let mut roles = [Role::Gap; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            roles[byte] = Role::Letter;
        }
        byte += 1;
    }
    roles[b'\'' as usize] = Role::Apostrophe;
    roles
};

impl Words<'_> {
    /// Where the last word stands in the text.
    pub(crate) fn place(&self) -> Range<usize> {
        self.last.clone()
    }

    /// The role of the character at a place, and how many bytes it has; `None` at the end.
    #[inline]
    fn role(&self, at: usize) -> Option<(Role, usize)> {
        let byte = *self.text.as_bytes().get(at)?;
        if let Some(role) = ASCII.get(usize::from(byte)) {
            return Some((*role, 1));
        }
        let c = self.text.get(at..)?.chars().next()?;
        let role = match c {
            '\u{2019}' => Role::Apostrophe,
            c if Character::of(c).is_alphanumeric() => Role::Letter,
            _ => Role::Gap,
        };
        Some((role, c.len_utf8()))
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = loop {
            let (role, length) = self.role(self.at)?;
            if role == Role::Letter {
                break self.at;
            }
            self.at += length;
        };
        // Apostrophes belong to the word where a letter follows them.
        let mut end = start;
        while let Some((role, length)) = self.role(self.at) {
            self.at += length;
            match role {
                Role::Letter => end = self.at,
                Role::Apostrophe => {}
                Role::Gap => break,
            }
        }
        self.last = start..end;
        self.text.get(start..end)
    }
}

/// At most so many words a text has: there is a gap between two. Memory that is reserved and not used costs nothing.
pub(crate) fn most_words(text: &str) -> usize {
    text.len().div_ceil(2)
}

/// [`str::to_lowercase`], several times as fast outside ASCII.
pub(crate) fn lowercase(text: &str) -> String {
    let mut small = String::with_capacity(text.len());
    push_lowercase(&mut small, text);
    small
}

/// Appends [`str::to_lowercase`] of a text.
#[inline]
pub(crate) fn push_lowercase(out: &mut String, text: &str) {
    let start = out.len();
    if text.is_ascii() {
        out.push_str(text);
        out[start..].make_ascii_lowercase();
        return;
    }
    for (at, c) in text.char_indices() {
        match Character::of(c).lowercase() {
            _ if c == SIGMA => out.push(small_sigma(&text[..at], &text[at + c.len_utf8()..])),
            Some(small) => out.push(small),
            // The only one today, and faster when known.
            None if c == 'İ' => out.push_str("i\u{307}"),
            None => out.extend(c.to_lowercase()),
        }
    }
}

/// Up to seven bytes as a number, which is found faster than a text.
#[inline]
pub(crate) fn packed(bytes: impl ExactSizeIterator<Item = u8>) -> Option<u64> {
    // The 1 in front keeps texts of different lengths apart.
    (bytes.len() <= 7).then(|| bytes.fold(1, |number, byte| number << 8 | u64::from(byte)))
}

/// The words of a text, each in small letters.
pub(crate) struct LowercaseWords {
    text: String,
    /// Where in `text` each word ends and the next one begins; `None` where `text` has the gaps as well.
    ends: Option<Vec<usize>>,
}

impl LowercaseWords {
    pub(crate) fn of(text: &str) -> Self {
        // Small letters of ASCII alone leave every word where it is.
        if text.is_ascii() {
            return Self { text: text.to_ascii_lowercase(), ends: None };
        }
        let (mut small, mut ends) = (String::with_capacity(text.len()), Vec::with_capacity(most_words(text)));
        for word in words(text) {
            push_lowercase(&mut small, word);
            ends.push(small.len());
        }
        Self { text: small, ends: Some(ends) }
    }

    /// Hands out one after the other.
    pub(crate) fn each<'a>(&'a self, word: impl FnMut(&'a str)) {
        match &self.ends {
            None => words(&self.text).for_each(word),
            Some(ends) => {
                let starts = std::iter::once(&0).chain(ends);
                starts.zip(ends).filter_map(|(start, end)| self.text.get(*start..*end)).for_each(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`words`] means, plainly.
    fn plain_words(text: &str) -> Vec<&str> {
        let apostrophe = |c: char| matches!(c, '\'' | '\u{2019}');
        text.split(move |c: char| !c.is_alphanumeric() && !apostrophe(c))
            .map(move |word| word.trim_matches(apostrophe))
            .filter(|word| !word.is_empty())
            .collect()
    }

    #[test]
    fn words_of_a_sentence() {
        let text = "Don't 'quote' me, l\u{2019}été: x2 -- '' ok";
        assert_eq!(words(text).collect::<Vec<_>>(), ["Don't", "quote", "me", "l\u{2019}été", "x2", "ok"]);
    }

    #[test]
    fn fast_and_plain_agree_on_random_texts() {
        let mut random = crate::text::random::Texts::new(1);
        for _ in 0..50_000 {
            let text = random.text(12);
            assert_eq!(words(&text).collect::<Vec<_>>(), plain_words(&text), "{text:?}");
            assert_eq!(lowercase(&text), text.to_lowercase(), "{text:?}");
            let small: Vec<String> = plain_words(&text).into_iter().map(str::to_lowercase).collect();
            let all = LowercaseWords::of(&text);
            let mut handed = Vec::new();
            all.each(|word| handed.push(word));
            assert_eq!(handed, small, "{text:?}");
        }
    }
}
