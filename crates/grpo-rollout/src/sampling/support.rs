use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which actions a step could choose from.
///
/// When top-k, top-p or min-p leave actions out, the distribution that was drawn from is the policy's own renormalised over what
/// was left. A later policy has to be evaluated over the same actions, or the ratio of the two probabilities compares
/// different things: the "keep sampling mask" of DeepSeek-V3.2 (<https://arxiv.org/abs/2512.02556>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Every action. Those that the policy itself holds impossible (a logit of −∞) are not told apart.
    #[default]
    All,
    /// These actions only, in ascending order and each once.
    Only(Vec<u32>),
    /// Every action but these, in ascending order and each once.
    Without(Vec<u32>),
}

impl Support {
    /// These actions only, given in any order.
    pub fn only(ids: impl IntoIterator<Item = u32>) -> Self {
        Self::Only(ascending(ids))
    }

    /// Every action but these, given in any order; [`Support::All`] if there are none.
    pub fn without(ids: impl IntoIterator<Item = u32>) -> Self {
        let ids = ascending(ids);
        if ids.is_empty() { Self::All } else { Self::Without(ids) }
    }

    /// `kept`, ascending, out of the actions from 0 to below `vocabulary`, in whichever form is shorter.
    pub(super) fn of(kept: &[u32], vocabulary: usize) -> Self {
        let others = vocabulary.saturating_sub(kept.len());
        if kept.len() <= others {
            return Self::Only(kept.to_vec());
        }
        if others == 0 {
            return Self::All;
        }
        let mut is_other = vec![true; vocabulary];
        for &id in kept {
            is_other[id as usize] = false;
        }
        // One more, since every action is written and only then counted, or not: which it will be can't be guessed.
        let mut without = vec![0; others + 1];
        let mut count = 0;
        for (id, &is_other) in (0..).zip(&is_other) {
            without[count] = id;
            count += usize::from(is_other);
        }
        without.truncate(count);
        Self::Without(without)
    }

    /// Whether the action could be chosen.
    pub fn contains(&self, id: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.binary_search(&id).is_ok(),
            Self::Without(ids) => ids.binary_search(&id).is_err(),
        }
    }

    /// Calls `exclude` with every action of a range that could not be chosen, in ascending order.
    pub fn for_each_excluded(&self, range: Range<u32>, mut exclude: impl FnMut(u32)) {
        match self {
            Self::All => {}
            Self::Only(ids) => {
                let mut from = range.start;
                for &id in within(ids, &range) {
                    (from..id).for_each(&mut exclude);
                    from = id + 1;
                }
                (from..range.end).for_each(&mut exclude);
            }
            Self::Without(ids) => within(ids, &range).iter().copied().for_each(exclude),
        }
    }

    /// Says in `out` for the actions `first`, `first + 1`, … whether each could be chosen: a slice of the vocabulary at a time, so
    /// that no mask over all of it need exist.
    pub fn mask(&self, first: u32, out: &mut [bool]) {
        let range = first..first.saturating_add(u32::try_from(out.len()).unwrap_or(u32::MAX));
        let (ids, listed) = match self {
            Self::All => (&[][..], false),
            Self::Only(ids) => (within(ids, &range), true),
            Self::Without(ids) => (within(ids, &range), false),
        };
        out.fill(!listed);
        for &id in ids {
            out[(id - first) as usize] = listed;
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Only(ids) | Self::Without(ids) => size_of_val(ids.as_slice()),
        }
    }
}

fn ascending(ids: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut ids: Vec<u32> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The part of an ascending list that lies in a range.
fn within<'a>(ids: &'a [u32], range: &Range<u32>) -> &'a [u32] {
    let rest = &ids[ids.partition_point(|&id| id < range.start)..];
    &rest[..rest.partition_point(|&id| id < range.end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_form_is_taken() {
        assert_eq!(Support::of(&[1, 3], 5), Support::Only(vec![1, 3]));
        assert_eq!(Support::of(&[0, 1, 3], 6), Support::Only(vec![0, 1, 3]));
        assert_eq!(Support::of(&[1, 3, 4], 5), Support::Without(vec![0, 2]));
        assert_eq!(Support::of(&[0, 1, 2], 3), Support::All);
        assert_eq!(Support::without([]), Support::All);
        assert_eq!(Support::without([4, 1, 4]), Support::Without(vec![1, 4]));
        assert_eq!(Support::only([4, 1, 4]), Support::Only(vec![1, 4]));
    }

    #[test]
    fn all_ways_to_ask_agree() {
        for support in [Support::All, Support::only([2, 5, 6, 11]), Support::without([0, 5, 6, 11])] {
            for start in 0..13u32 {
                for end in start..13 {
                    let truth: Vec<bool> = (start..end).map(|id| support.contains(id)).collect();
                    let mut mask = vec![false; truth.len()];
                    support.mask(start, &mut mask);
                    assert_eq!(mask, truth);
                    let mut excluded = Vec::new();
                    support.for_each_excluded(start..end, |id| excluded.push(id));
                    let truth: Vec<u32> = (start..end).filter(|&id| !support.contains(id)).collect();
                    assert_eq!(excluded, truth);
                }
            }
        }
    }
}
