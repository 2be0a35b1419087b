//! Random texts for the tests that compare a fast way with the plain one.

/// SplitMix64: seeded, so that a failure can be repeated.
pub(crate) struct Texts(u64);

/// What is special to some rule: apostrophes, ends of sentences, letters whose small form is long, short or depends on
/// its neighbours, marks that such a rule looks through, characters of one to four bytes.
const SPECIAL: &[char] = &[
    'a',
    'b',
    'A',
    'B',
    'e',
    'E',
    'k',
    'K',
    's',
    'S',
    '1',
    '2',
    ' ',
    ' ',
    ' ',
    '\n',
    '\'',
    '\u{2019}',
    '.',
    '!',
    '?',
    ':',
    '-',
    '\0',
    'Σ',
    'σ',
    'ς',
    'İ',
    'ı',
    'ß',
    'ẞ',
    'ſ',
    '\u{212a}',
    'é',
    'É',
    '\u{301}',
    '\u{307}',
    '\u{345}',
    'я',
    'Я',
    '漢',
    'ﬁ',
    'ǅ',
    '\u{ad}',
    '\u{200f}',
    '\u{a0}',
    '\u{3000}',
    '½',
    '𝐀',
    '𐐀',
    '𐐨',
    '\u{1f600}',
    '\u{e0001}',
];

impl Texts {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// At most that many characters: mostly special ones, some of all Unicode.
    pub(crate) fn text(&mut self, most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.character()).collect()
    }

    fn character(&mut self) -> char {
        match self.below(8) {
            0 => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('x'),
            1 => char::from_u32(self.below(0x3000) as u32).unwrap_or('x'),
            _ => SPECIAL[self.below(SPECIAL.len())],
        }
    }
}
