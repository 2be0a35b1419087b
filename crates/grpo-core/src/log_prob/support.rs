use serde::{Deserialize, Serialize};

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
    pub fn of(kept: &[u32], vocabulary: usize) -> Self {
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

    /// The actions that are named.
    pub(super) fn ids(&self) -> &[u32] {
        match self {
            Self::All => &[],
            Self::Only(ids) | Self::Without(ids) => ids,
        }
    }

    pub(super) fn is_all(&self) -> bool {
        match self {
            Self::All => true,
            Self::Only(_) => false,
            Self::Without(ids) => ids.is_empty(),
        }
    }
}

fn ascending(ids: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut ids: Vec<u32> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
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
}
