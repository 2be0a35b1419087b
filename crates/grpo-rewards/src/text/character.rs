//! What has to be known of each character of a text, looked up once.

use std::sync::OnceLock;

/// What the standard library says of a character, in a table: its own functions search in ranges, which takes ten times
/// as long outside ASCII, and a completion may be a megabyte of such characters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Character(u32);

const CODE: u32 = (1 << 21) - 1;
const ALPHABETIC: u32 = 1 << 21;
const ALPHANUMERIC: u32 = 1 << 22;
/// Its small form is more than one character: it stands in no table.
const SEVERAL: u32 = 1 << 23;

/// Characters in one page of the table. A page is filled when a text first has a character of it.
const PAGE: usize = 1 << 10;
const PAGES: usize = (char::MAX as usize + 1) / PAGE;

/// At most 4.3 MiB, for texts with characters of all pages.
static TABLE: [OnceLock<Box<[Character; PAGE]>>; PAGES] = [const { OnceLock::new() }; PAGES];

impl Character {
    /// Looks it up.
    #[inline]
    pub(crate) fn of(c: char) -> Self {
        let code = c as usize;
        TABLE[code / PAGE].get_or_init(|| page(code / PAGE))[code % PAGE]
    }

    /// [`char::is_alphabetic`].
    #[inline]
    pub(crate) fn is_alphabetic(self) -> bool {
        self.0 & ALPHABETIC != 0
    }

    /// [`char::is_alphanumeric`].
    #[inline]
    pub(crate) fn is_alphanumeric(self) -> bool {
        self.0 & ALPHANUMERIC != 0
    }

    /// A number for [`char::to_lowercase`], the same for all characters for which that is more than one.
    #[inline]
    pub(crate) fn small(self) -> u32 {
        self.0 & (CODE | SEVERAL)
    }

    /// [`char::to_lowercase`]; `None` where that is more than one character (`İ`).
    #[inline]
    pub(crate) fn lowercase(self) -> Option<char> {
        if self.0 & SEVERAL != 0 { None } else { char::from_u32(self.0 & CODE) }
    }
}

impl From<char> for Character {
    fn from(c: char) -> Self {
        let mut small = c.to_lowercase();
        let lowercase = match (small.next(), small.next()) {
            (Some(small), None) => small as u32,
            _ => SEVERAL,
        };
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        Self(lowercase | flag(c.is_alphabetic(), ALPHABETIC) | flag(c.is_alphanumeric(), ALPHANUMERIC))
    }
}

#[cold]
fn page(index: usize) -> Box<[Character; PAGE]> {
    let mut page = Box::new([Character::default(); PAGE]);
    for (entry, code) in page.iter_mut().zip((index * PAGE) as u32..) {
        // Half of a surrogate pair is no character, and is never asked for.
        *entry = char::from_u32(code).map(Character::from).unwrap_or_default();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_what_the_standard_library_says() {
        for c in '\0'..=char::MAX {
            let character = Character::of(c);
            assert_eq!(character.is_alphabetic(), c.is_alphabetic(), "{c:?}");
            assert_eq!(character.is_alphanumeric(), c.is_alphanumeric(), "{c:?}");
            match character.lowercase() {
                Some(small) => assert!(c.to_lowercase().eq([small]), "{c:?}"),
                None => assert!(c.to_lowercase().count() > 1, "{c:?}"),
            }
        }
    }
}
