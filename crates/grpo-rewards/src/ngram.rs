//! N-grams of numbers, each found at its first place in constant time whatever its length.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::ops::Range;

use foldhash::fast::RandomState;

use crate::text::packed;

/// The same number for the same item, in the order in which they first appear, so that n-grams are compared as numbers.
pub(crate) fn numbered<T: Eq + Hash>(items: impl IntoIterator<Item = T>) -> Vec<u32> {
    let mut numbers: HashMap<T, u32, RandomState> = HashMap::default();
    let number = |item| {
        let next = numbers.len() as u32;
        *numbers.entry(item).or_insert(next)
    };
    items.into_iter().map(number).collect()
}

/// The same number for the same word.
#[derive(Default)]
pub(crate) struct WordNumbers<'a> {
    /// By their bytes, which takes half as long as by reference.
    short: HashMap<u64, u32, RandomState>,
    long: HashMap<&'a str, u32, RandomState>,
}

impl<'a> WordNumbers<'a> {
    pub(crate) fn of(&mut self, word: &'a str) -> u32 {
        // Other words than `u32` can count would not fit in memory beside their entries.
        let next = (self.short.len() + self.long.len()) as u32;
        match packed(word.bytes()) {
            Some(key) => *self.short.entry(key).or_insert(next),
            None => *self.long.entry(word).or_insert(next),
        }
    }
}

/// Finds equal n-grams of a list.
///
/// N-grams are hashed as they slide along (Karp and Rabin 1987) and compared item by item where hashes are equal: the
/// hash decides how long it takes, never what comes out. It is drawn for each process, so that nobody can write a text
/// whose n-grams all have the same one.
pub(crate) struct NGrams<'a> {
    items: &'a [u32],
    n: usize,
    hash: Rolling,
    places: Places,
}

/// The sum of an n-gram's items, each times a power of the base.
#[derive(Clone, Copy)]
struct Rolling {
    seed: u64,
    base: u64,
    /// The base to the power `n`.
    oldest: u64,
}

/// N-grams whose slots are looked up at once.
const BLOCK: usize = 64;
/// The golden ratio, as in Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl<'a> NGrams<'a> {
    /// N-grams of `n` items, `n` above 0. Takes up to 64 bytes for each n-gram that is different.
    pub(crate) fn new(items: &'a [u32], n: usize) -> Self {
        Self { items, n, hash: Rolling::new(n), places: Places::new() }
    }

    /// Calls back with the place where each n-gram of `items[range]` begins, and the first place where an equal one does
    /// among all that were asked for.
    pub(crate) fn each(&mut self, range: Range<usize>, mut found: impl FnMut(usize, usize)) {
        let items = &self.items[range.clone()];
        let rolling = self.hash;
        let mut hash = 0;
        let (head, tail) = items.split_at(items.len().min(self.n - 1));
        head.iter().for_each(|item| hash = rolling.add(hash, *item));
        // The first n-gram pushes nothing out.
        let old = std::iter::once(0).chain(items.iter().map(|item| rolling.old(*item)));
        let mut hashes = tail.iter().zip(old).map(|(item, old)| {
            hash = rolling.add(hash, *item).wrapping_sub(old);
            mixed(hash)
        });
        let mut at = range.start;
        let mut block = Vec::with_capacity(BLOCK);
        loop {
            block.clear();
            block.extend(hashes.by_ref().take(BLOCK));
            if block.is_empty() {
                return;
            }
            self.places.fetch(&block);
            for hash in &block {
                let equal = |first: usize| self.items[first..first + self.n] == self.items[at..at + self.n];
                found(at, self.places.first(at, *hash, equal));
                at += 1;
            }
        }
    }
}

impl Rolling {
    fn new(n: usize) -> Self {
        let random = RandomState::default();
        // 5 modulo 8: then no power of it below the 2^61st is 1.
        let base = random.hash_one(0) & !7 | 5;
        let oldest = (0..n).fold(1_u64, |power, _| power.wrapping_mul(base));
        Self { seed: random.hash_one(1), base, oldest }
    }

    fn add(self, hash: u64, item: u32) -> u64 {
        hash.wrapping_mul(self.base).wrapping_add(self.spread(item))
    }

    /// What an item still counts for after `n` others.
    fn old(self, item: u32) -> u64 {
        self.spread(item).wrapping_mul(self.oldest)
    }

    /// A number without any pattern in it for an item: patterns could make sums of products collide.
    fn spread(self, item: u32) -> u64 {
        let product = u128::from(u64::from(item) ^ self.seed) * u128::from(GOLDEN);
        product as u64 ^ (product >> 64) as u64
    }
}

/// The bits of a hash that a slot keeps, each of them depending on all of it.
fn mixed(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(GOLDEN) & !PLACE
}

/// Where each n-gram first begins, found by its hash. Grows with the n-grams that are different, so that a text which
/// repeats itself takes little memory.
struct Places {
    /// A place, plus 1, beside bits of its hash; 0 is free. At least half of them are.
    slots: Vec<u64>,
    taken: usize,
}

/// Bits of a slot that hold a place: more than memory holds.
const PLACE: u64 = (1 << 36) - 1;

impl Places {
    fn new() -> Self {
        Self { slots: vec![0; 1 << 12], taken: 0 }
    }

    /// Brings the slots of several hashes near, all at once: one after the other, each would be waited for.
    fn fetch(&self, hashes: &[u64]) {
        std::hint::black_box(hashes.iter().fold(0, |sum, hash| sum ^ self.slots[self.home(*hash)]));
    }

    /// The place with that hash for which `equal` holds, or else `at`, which is added.
    fn first(&mut self, at: usize, hash: u64, equal: impl Fn(usize) -> bool) -> usize {
        let mut slot = self.home(hash);
        loop {
            match self.slots[slot] {
                0 => break,
                other if other & !PLACE == hash && equal((other & PLACE) as usize - 1) => {
                    return (other & PLACE) as usize - 1;
                }
                _ => slot = self.after(slot),
            }
        }
        self.slots[slot] = hash | (at as u64 + 1);
        self.taken += 1;
        if 2 * self.taken > self.slots.len() {
            self.grow();
        }
        at
    }

    /// Where the search for a hash begins.
    fn home(&self, hash: u64) -> usize {
        (hash >> 36) as usize & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    #[cold]
    fn grow(&mut self) {
        let slots = vec![0; 4 * self.slots.len()];
        for entry in std::mem::replace(&mut self.slots, slots).into_iter().filter(|entry| *entry != 0) {
            let mut slot = self.home(entry & !PLACE);
            while self.slots[slot] != 0 {
                slot = self.after(slot);
            }
            self.slots[slot] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_do_not_make_equal_items() {
        let items: Vec<u32> = (0..20_000).map(|at| at * at % 5003).collect();
        for bits in [0, 3, 28] {
            let mut places = Places::new();
            let size = if bits == 28 { items.len() } else { 2000 };
            for (at, item) in items[..size].iter().enumerate() {
                let hash = mixed(u64::from(*item)) >> (64 - bits.max(1)) << 36;
                let first = places.first(at, if bits == 0 { 0 } else { hash }, |first| items[first] == *item);
                let plain = items.iter().position(|other| other == item);
                assert_eq!(Some(first), plain, "{bits} bits");
            }
        }
    }
}
