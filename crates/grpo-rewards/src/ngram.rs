//! N-grams of numbers, each found at its first place in constant time whatever its length.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

/// The same number for the same item, in the order in which they first appear, so that an n-gram is compared without
/// its letters.
pub(crate) struct Numbers<T> {
    numbers: HashMap<T, u32, RandomState>,
}

impl<T: Eq + Hash> Numbers<T> {
    pub(crate) fn new() -> Self {
        Self { numbers: HashMap::default() }
    }

    pub(crate) fn of(&mut self, item: T) -> u32 {
        // More items than `u32` counts don't fit in memory beside their entries.
        let next = self.numbers.len() as u32;
        *self.numbers.entry(item).or_insert(next)
    }
}

/// A prime (Mersenne's ninth), the modulus of the hash: a remainder takes a shift and an addition.
const PRIME: u64 = (1 << 61) - 1;

fn reduced(value: u128) -> u64 {
    let folded = (value as u64 & PRIME) + (value >> 61) as u64;
    if folded >= PRIME { folded - PRIME } else { folded }
}

/// Finds equal n-grams of a list.
///
/// N-grams are hashed as they slide along (Karp and Rabin 1987) and compared item by item where hashes are equal: the
/// hash decides how long it takes, never what comes out. Its base is drawn for each process, so that nobody can write a
/// text whose n-grams all have the same hash.
pub(crate) struct NGrams<'a> {
    items: &'a [u32],
    n: usize,
    base: u64,
    /// The base to the power `n`.
    oldest: u64,
    /// Where an n-gram first begins, plus 1, beside bits of its hash; 0 is free. At least half of them are.
    slots: Vec<u64>,
}

/// Bits of a slot that hold a place: a million times the items of a megabyte.
const PLACE: u64 = (1 << 40) - 1;

impl<'a> NGrams<'a> {
    /// N-grams of `n` items, `n` above 0. Takes up to 32 bytes an item.
    pub(crate) fn new(items: &'a [u32], n: usize) -> Self {
        let base = RandomState::default().hash_one(0) % (PRIME - 2) + 2;
        let oldest = (0..n).fold(1, |power, _| reduced(u128::from(power) * u128::from(base)));
        Self { items, n, base, oldest, slots: vec![0; (2 * items.len()).next_power_of_two()] }
    }

    /// Calls back with the place where each n-gram of `items[range]` begins, and the first place where an equal one does
    /// among all that were asked for.
    pub(crate) fn each(&mut self, range: std::ops::Range<usize>, mut found: impl FnMut(usize, usize)) {
        let mut hash = 0;
        for end in range.clone() {
            // 0 would count for nothing at the beginning of an n-gram.
            let mut sum = u128::from(hash) * u128::from(self.base) + u128::from(self.items[end]) + 1;
            let start = end + 1 - self.n.min(end + 1 - range.start);
            if end - range.start >= self.n {
                let left = reduced(u128::from(self.oldest) * (u128::from(self.items[start - 1]) + 1));
                sum += u128::from(PRIME - left);
            }
            hash = reduced(sum);
            if end + 1 - start == self.n {
                let first = self.first(start, hash);
                found(start, first);
            }
        }
    }

    fn first(&mut self, at: usize, hash: u64) -> usize {
        // Multiplicative: the upper bits depend on all of the hash.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mask = self.slots.len() - 1;
        let tag = (hash ^ mixed) << 40;
        let mut slot = (mixed >> 20) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => {
                    self.slots[slot] = tag | (at as u64 + 1);
                    return at;
                }
                other if other & !PLACE == tag => {
                    let first = (other & PLACE) as usize - 1;
                    if self.items[first..first + self.n] == self.items[at..at + self.n] {
                        return first;
                    }
                }
                _ => {}
            }
            slot = (slot + 1) & mask;
        }
    }
}
