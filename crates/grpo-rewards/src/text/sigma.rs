//! The one letter whose small form depends on where it stands: `ΟΔΟΣ` becomes `οδος`.

use std::sync::OnceLock;

pub(super) const SIGMA: char = 'Σ';

/// What stands beside a sigma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Neighbour {
    /// A letter that is capital or small.
    Cased,
    /// Looked through: an accent, an apostrophe...
    Ignored,
    /// Anything else: here a word ends.
    #[default]
    Other,
}

/// Characters in one page of the table. A page is filled when a sigma first has a character of it for a neighbour.
const PAGE: usize = 1 << 8;
const PAGES: usize = (char::MAX as usize + 1) / PAGE;

static TABLE: [OnceLock<Box<[Neighbour; PAGE]>>; PAGES] = [const { OnceLock::new() }; PAGES];

impl Neighbour {
    fn of(c: char) -> Self {
        let code = c as usize;
        TABLE[code / PAGE].get_or_init(|| page(code / PAGE))[code % PAGE]
    }

    /// Asks the standard library, which doesn't give away its properties Cased and Case_Ignorable, but what comes of
    /// them.
    fn ask(c: char) -> Self {
        let is_final = |text: String| text.to_lowercase().chars().nth(1) == Some('ς');
        match (is_final(format!("AΣ{c}")), is_final(format!("AΣ{c}A"))) {
            (false, _) => Self::Cased,
            (true, false) => Self::Ignored,
            (true, true) => Self::Other,
        }
    }
}

#[cold]
fn page(index: usize) -> Box<[Neighbour; PAGE]> {
    let mut page = Box::new([Neighbour::default(); PAGE]);
    for (entry, code) in page.iter_mut().zip((index * PAGE) as u32..) {
        *entry = char::from_u32(code).map(Neighbour::ask).unwrap_or_default();
    }
    page
}

/// The small form of a sigma with what stands before and after it (Unicode's condition Final_Sigma).
pub(super) fn small_sigma(before: &str, after: &str) -> char {
    if cased(before.chars().rev()) && !cased(after.chars()) { 'ς' } else { 'σ' }
}

fn cased(characters: impl Iterator<Item = char>) -> bool {
    let mut neighbours = characters.map(Neighbour::of);
    neighbours.find(|neighbour| *neighbour != Neighbour::Ignored) == Some(Neighbour::Cased)
}
