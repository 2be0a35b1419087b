use super::config::setting;
use crate::Error;
use serde::{Deserialize, Serialize};

/// Groups without spread are replaced by others: dynamic sampling ([DAPO, section 3.2](https://arxiv.org/abs/2503.14476)), for any
/// rewards. (DAPO's test, 0 < mean < 1, is that of rewards of 0 and 1.)
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DynamicSampling {
    /// At most so many times the wanted number of groups are sampled in a step.
    pub max_oversampling: f64,
}

impl Default for DynamicSampling {
    fn default() -> Self {
        Self { max_oversampling: 3.0 }
    }
}

impl DynamicSampling {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.max_oversampling.is_finite() && self.max_oversampling > 1.0 {
            return Ok(());
        }
        Err(setting(
            "dynamic.max_oversampling",
            self.max_oversampling,
            "give a finite number above 1, for instance 3; leave `dynamic` out to replace nothing",
        ))
    }
}

/// Whether rewards differ by more than rounding: the test of `grpo_core::AdvantageEstimator`, so that exactly the groups whose
/// advantages are all zero are replaced. The bound is four units in the last place of an `f32`, relative to the largest reward.
pub fn has_spread(rewards: &[f64]) -> bool {
    let largest = rewards.iter().fold(0.0_f64, |m, r| m.max(r.abs()));
    let (low, high) =
        rewards.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &r| (l.min(r), h.max(r)));
    rewards.len() > 1 && high - low > 4.0 * f64::from(f32::EPSILON) * largest
}

/// Groups that were sampled and not learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discarded {
    /// Groups.
    pub groups: u64,
    /// Their episodes.
    pub episodes: u64,
    /// Their steps (tokens).
    pub steps: u64,
}

/// What dynamic sampling did: in one step, or in all steps together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Groups that were sampled.
    pub sampled: u64,
    /// Groups that are learnt from.
    pub kept: u64,
    /// Groups thrown away because they teach nothing.
    pub without_spread: Discarded,
    /// Groups thrown away because there were enough.
    pub surplus: Discarded,
    /// Groups that were missing when no more could be sampled.
    pub shortfall: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        let add = |all: &mut Discarded, new: Discarded| {
            all.groups += new.groups;
            all.episodes += new.episodes;
            all.steps += new.steps;
        };
        add(&mut self.without_spread, other.without_spread);
        add(&mut self.surplus, other.surplus);
        self.sampled += other.sampled;
        self.kept += other.kept;
        self.shortfall += other.shortfall;
    }
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is learnt from.
    Kept,
    /// Its rewards don't differ: thrown away.
    NoSpread,
    /// There are enough already: thrown away.
    Surplus,
}

/// One step's search for informative groups.
///
/// ```
/// use grpo_rollout::adaptive::{DynamicSampling, Refill, Verdict};
///
/// let mut refill = Refill::new(2, DynamicSampling { max_oversampling: 2.0 })?;
/// let mut rewards = [[0.3, 0.3], [0.1, 0.9], [1.0, 1.0], [0.5, 0.5]].iter();
/// let mut kept = 0;
/// while refill.wanted() > 0 {
///     for group in rewards.by_ref().take(refill.wanted()) {
///         kept += usize::from(refill.offer(group, 20) == Verdict::Kept);
///     }
/// }
/// let tally = refill.tally();
/// assert_eq!((kept, tally.sampled, tally.without_spread.groups, tally.shortfall), (1, 4, 3, 1));
/// # Ok::<(), grpo_rollout::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    target: usize,
    limit: usize,
    seen: Tally,
}

impl Refill {
    /// A search for `target` groups.
    ///
    /// # Errors
    /// [`Error::Setting`] for a bound that can't work.
    pub fn new(target: usize, config: DynamicSampling) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self::validated(target, config))
    }

    pub(super) fn validated(target: usize, config: DynamicSampling) -> Self {
        let limit = (target as f64 * config.max_oversampling).floor() as usize;
        Self { target, limit, seen: Tally::default() }
    }

    /// How many groups should be sampled next: as many as are missing, while the bound allows it. 0 ends the search.
    pub fn wanted(&self) -> usize {
        let missing = self.target.saturating_sub(self.seen.kept as usize);
        missing.min(self.limit.saturating_sub(self.seen.sampled as usize))
    }

    /// Judges a sampled group by the rewards of its scored episodes; `steps` is the number of steps (tokens) of all its episodes. Groups
    /// beyond what was [`wanted`](Self::wanted) are counted and thrown away.
    ///
    /// Rewards of groups that are thrown away are still evidence: [`observe`](super::Adaptive::observe) them too, or the running solve rates
    /// will lean towards the middle.
    pub fn offer(&mut self, rewards: &[f64], steps: usize) -> Verdict {
        let verdict = if self.wanted() == 0 {
            Verdict::Surplus
        } else if has_spread(rewards) {
            Verdict::Kept
        } else {
            Verdict::NoSpread
        };
        self.seen.sampled += 1;
        let discarded = match verdict {
            Verdict::Kept => {
                self.seen.kept += 1;
                return verdict;
            }
            Verdict::NoSpread => &mut self.seen.without_spread,
            Verdict::Surplus => &mut self.seen.surplus,
        };
        discarded.groups += 1;
        discarded.episodes += rewards.len() as u64;
        discarded.steps += steps as u64;
        verdict
    }

    /// What happened. While groups are [`wanted`](Self::wanted), those that are missing count as a shortfall.
    pub fn tally(&self) -> Tally {
        Tally { shortfall: (self.target as u64).saturating_sub(self.seen.kept), ..self.seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_what_rounding_cannot_explain() {
        for (rewards, spread) in [
            (&[0.0, 1.0][..], true),
            (&[0.3, 0.300001], true),
            (&[-0.5, -0.5, -0.4], true),
            (&[0.0, 1e-30], true),
            (&[1.0, 1.0, 1.0], false),
            (&[0.0, 0.0], false),
            (&[0.3, f64::from(0.1_f32 + 0.2_f32)], false),
            (&[1e6, 1e6 + 0.1], false),
            (&[1.0], false),
            (&[], false),
        ] {
            assert_eq!(has_spread(rewards), spread, "{rewards:?}");
        }
    }

    #[test]
    fn a_full_batch_ends_the_search_and_surplus_is_counted() {
        let mut refill = Refill::new(2, DynamicSampling { max_oversampling: 10.0 }).unwrap();
        let verdicts: Vec<Verdict> = [[0.0, 1.0], [0.5, 0.5], [0.2, 0.1], [0.0, 1.0]]
            .iter()
            .map(|rewards| refill.offer(rewards, 7))
            .collect();
        use Verdict::*;
        assert_eq!(verdicts, [Kept, NoSpread, Kept, Surplus]);
        let discarded = Discarded { groups: 1, episodes: 2, steps: 7 };
        let tally =
            Tally { sampled: 4, kept: 2, without_spread: discarded, surplus: discarded, shortfall: 0 };
        assert_eq!((refill.wanted(), refill.tally()), (0, tally));
    }

    #[test]
    fn no_more_is_sampled_than_allowed() {
        for (target, max_oversampling, limit) in [(4, 1.5, 6), (3, 1.5, 4), (1, 1.5, 1), (5, 3.0, 15)] {
            let mut refill = Refill::new(target, DynamicSampling { max_oversampling }).unwrap();
            let mut rounds = 0;
            while refill.wanted() > 0 {
                for _ in 0..refill.wanted() {
                    refill.offer(&[1.0, 1.0], 3);
                }
                rounds += 1;
                assert!(rounds < 10);
            }
            let tally = refill.tally();
            assert_eq!((tally.sampled, tally.kept, tally.shortfall), (limit, 0, target as u64));
            assert_eq!(
                tally.without_spread,
                Discarded { groups: limit, episodes: 2 * limit, steps: 3 * limit }
            );
        }
    }
}
