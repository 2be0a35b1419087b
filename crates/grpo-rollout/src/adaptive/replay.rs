use super::config::setting;
use crate::{Error, Streams};
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// Informative groups are used again for some steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayConfig {
    /// Groups that are kept.
    pub capacity: usize,
    /// A group is dropped when its policy is more optimizer steps old than this.
    pub max_staleness: u64,
    /// The share of a step's groups that are replayed, in [0, 1).
    pub share: f64,
    /// Which group makes room for another.
    pub evict: Evict,
}

/// Which group makes room when the buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evict {
    /// The one sampled first.
    #[default]
    Oldest,
    /// The one with the weakest signal (of several, the oldest); perhaps the new one itself.
    LeastInformative,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self { capacity: 64, max_staleness: 4, share: 0.25, evict: Evict::Oldest }
    }
}

impl ReplayConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.capacity == 0 {
            return Err(setting("replay.capacity", 0, "use at least 1, or leave `replay` out"));
        }
        if self.max_staleness == 0 {
            return Err(setting(
                "replay.max_staleness",
                0,
                "use at least 1: a group can be replayed one step after it was sampled",
            ));
        }
        if !(self.share > 0.0 && self.share < 1.0) {
            return Err(setting(
                "replay.share",
                self.share,
                "give a share between 0 and 1, for instance 0.25, or leave `replay` out",
            ));
        }
        Ok(())
    }
}

/// Informative groups of earlier steps.
///
/// A stored group keeps the log-probabilities its actions had when they were drawn, so the importance ratio is that of the policy against
/// the one that *sampled*, `π_θ(a|s) / π_behaviour(a|s)`, however many optimizer steps lie between: the surrogate of a
/// replayed group is corrected exactly as that of a fresh one, and the clip bounds how far it can push. (To clip around a
/// later policy than the one that sampled, see `grpo_core`'s proximal log-probabilities, after
/// [Hilton, Cobbe and Schulman 2021](https://arxiv.org/abs/2110.00641).) The variance of the ratio grows with the age, which is why groups expire.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay<G> {
    config: ReplayConfig,
    streams: Streams,
    state: ReplayState<G>,
}

/// The part of [`Replay`] that is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayState<G> {
    /// The groups, in the order in which they were stored.
    pub groups: Vec<Stored<G>>,
    /// What happened so far.
    pub counts: ReplayCounts,
}

impl<G> Default for ReplayState<G> {
    fn default() -> Self {
        Self { groups: Vec::new(), counts: ReplayCounts::default() }
    }
}

/// A group that can be replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored<G> {
    /// How many groups were stored before it.
    pub number: u64,
    /// The optimizer step whose policy sampled it.
    pub sampled_at: u64,
    /// How informative it is: the standard deviation of its rewards, say.
    pub signal: f64,
    /// The group, with the log-probabilities that were recorded when it was sampled.
    pub group: G,
}

/// What happened to stored groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayCounts {
    /// Groups that were given to the buffer.
    pub stored: u64,
    /// Times that a group was replayed.
    pub replayed: u64,
    /// Groups dropped because they had become too old.
    pub expired: u64,
    /// Groups dropped because there was no room.
    pub evicted: u64,
}

impl<G> Replay<G> {
    /// An empty buffer of the run with this seed.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that can't work.
    pub fn new(config: ReplayConfig, seed: u64) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self::validated(config, seed))
    }

    pub(super) fn validated(config: ReplayConfig, seed: u64) -> Self {
        Self { config, streams: Streams::new(seed), state: ReplayState::default() }
    }

    /// Keeps a group that was sampled by the policy of optimizer step `sampled_at`. Draw a step's replay before its own groups are
    /// stored.
    ///
    /// # Errors
    /// [`Error::Value`] for a signal that isn't positive and finite: such a group teaches nothing.
    pub fn store(&mut self, sampled_at: u64, signal: f64, group: G) -> Result<(), Error> {
        if !(signal.is_finite() && signal > 0.0) {
            return Err(Error::Value {
                what: "the signal of a group for replay".into(),
                value: signal,
                reason: "only groups with spread are worth keeping; give a positive finite number",
            });
        }
        let state = &mut self.state;
        state.groups.push(Stored { number: state.counts.stored, sampled_at, signal, group });
        state.counts.stored += 1;
        if state.groups.len() > self.config.capacity {
            let by_age =
                |a: &Stored<G>, b: &Stored<G>| (a.sampled_at, a.number).cmp(&(b.sampled_at, b.number));
            let weakest = state.groups.iter().enumerate().min_by(|(_, a), (_, b)| match self.config.evict {
                Evict::Oldest => by_age(a, b),
                Evict::LeastInformative => a.signal.total_cmp(&b.signal).then_with(|| by_age(a, b)),
            });
            if let Some((index, _)) = weakest {
                state.groups.remove(index);
                state.counts.evicted += 1;
            }
        }
        Ok(())
    }

    /// The groups to replay beside `fresh` new ones at `step`: `share / (1 − share) · fresh` of them, rounded, or all there are, in the
    /// order in which they were stored. Drops what has expired first.
    ///
    /// Chosen uniformly without replacement; the draw of each group is keyed by step and group. Groups of this very step aren't replayed: they
    /// are the fresh ones.
    ///
    /// # Errors
    /// [`Error::Step`] when a stored group comes from a later step.
    pub fn draw(&mut self, step: u64, fresh: usize) -> Result<Vec<&Stored<G>>, Error> {
        let latest = self.state.groups.iter().map(|g| g.sampled_at).max().unwrap_or(0);
        if step < latest {
            return Err(Error::Step { got: step, last: latest });
        }
        let before = self.state.groups.len();
        self.state.groups.retain(|g| step - g.sampled_at <= self.config.max_staleness);
        self.state.counts.expired += (before - self.state.groups.len()) as u64;

        let share = self.config.share;
        let count = (share / (1.0 - share) * fresh as f64).round() as usize;
        let old = self.state.groups.iter().enumerate().filter(|(_, g)| g.sampled_at < step);
        let mut drawn: Vec<(u64, usize)> =
            old.map(|(i, g)| (self.streams.stream(step, g.number, REPLAY).next_u64(), i)).collect();
        drawn.sort_unstable();
        drawn.truncate(count);
        drawn.sort_unstable_by_key(|&(_, index)| index);
        self.state.counts.replayed += drawn.len() as u64;
        Ok(drawn.into_iter().map(|(_, index)| &self.state.groups[index]).collect())
    }

    /// What has to be saved, and what happened so far.
    pub fn state(&self) -> &ReplayState<G> {
        &self.state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// [`Error::State`] when it holds more groups than there is room for, or its numbers can't be.
    pub fn restore(&mut self, state: ReplayState<G>) -> Result<(), Error> {
        let (groups, capacity) = (&state.groups, self.config.capacity);
        if groups.len() > capacity {
            return Err(Error::State(format!(
                "it replays {} groups, but `replay.capacity` is {capacity}; use at least as many",
                groups.len()
            )));
        }
        let ordered = groups.windows(2).all(|pair| pair[0].number < pair[1].number);
        let numbered = groups.last().is_none_or(|g| g.number < state.counts.stored);
        if !(ordered && numbered && groups.iter().all(|g| g.signal.is_finite() && g.signal > 0.0)) {
            return Err(Error::State(
                "its groups for replay need rising numbers and positive signals".into(),
            ));
        }
        self.state = state;
        Ok(())
    }
}

/// The stream of a stored group's draw, out of the way of the samples' numbers.
const REPLAY: u64 = u64::from_be_bytes(*b"replayed");

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(config: ReplayConfig) -> Replay<u32> {
        Replay::new(config, 7).unwrap()
    }

    fn groups(drawn: &[&Stored<u32>]) -> Vec<u32> {
        drawn.iter().map(|stored| stored.group).collect()
    }

    #[test]
    fn groups_expire_and_are_counted() {
        let config = ReplayConfig { max_staleness: 2, share: 0.9, ..ReplayConfig::default() };
        let mut replay = replay(config);
        for step in 0..3 {
            replay.store(step, 1.0, step as u32).unwrap();
        }
        assert_eq!(groups(&replay.draw(2, 4).unwrap()), [0, 1]); // 2 is fresh
        assert_eq!(groups(&replay.draw(3, 4).unwrap()), [1, 2]);
        assert_eq!(groups(&replay.draw(5, 4).unwrap()), [0u32; 0]);
        assert_eq!(replay.state().counts, ReplayCounts { stored: 3, replayed: 4, expired: 3, evicted: 0 });
    }

    #[test]
    fn the_share_is_that_of_all_groups() {
        for (share, fresh, count) in [(0.25, 6, 2), (0.5, 6, 6), (0.2, 8, 2), (0.1, 3, 0), (0.75, 1, 3)] {
            let mut replay = replay(ReplayConfig { share, ..ReplayConfig::default() });
            (0..20).for_each(|i| replay.store(0, 1.0, i).unwrap());
            assert_eq!(replay.draw(1, fresh).unwrap().len(), count, "{share} of {fresh}");
        }
    }

    #[test]
    fn the_right_group_makes_room() {
        let stored = [(3, 0.5, 10), (1, 0.9, 11), (2, 0.1, 12), (3, 0.05, 13)];
        for (evict, left) in [(Evict::Oldest, [10, 13]), (Evict::LeastInformative, [10, 11])] {
            let mut replay = replay(ReplayConfig { capacity: 2, evict, ..ReplayConfig::default() });
            stored.iter().for_each(|&(step, signal, group)| replay.store(step, signal, group).unwrap());
            let kept: Vec<u32> = replay.state().groups.iter().map(|g| g.group).collect();
            assert_eq!((kept, replay.state().counts.evicted), (left.to_vec(), 2), "{evict:?}");
        }
    }

    #[test]
    fn every_group_is_drawn_about_as_often() {
        let config = ReplayConfig { max_staleness: 10_000, share: 0.5, ..ReplayConfig::default() };
        let mut replay = replay(config);
        (0..10).for_each(|i| replay.store(0, 1.0 + f64::from(i), i).unwrap());
        let mut counts = [0usize; 10];
        let steps = 2000;
        for step in 1..=steps {
            let drawn = groups(&replay.draw(step, 3).unwrap());
            assert_eq!(drawn.len(), 3);
            drawn.iter().for_each(|&g| counts[g as usize] += 1);
        }
        let sigma = (steps as f64 * 0.3 * 0.7).sqrt();
        assert!(counts.iter().all(|&c| (c as f64 - 0.3 * steps as f64).abs() < 4.0 * sigma), "{counts:?}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut replay = replay(ReplayConfig { capacity: 2, ..ReplayConfig::default() });
        for signal in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(replay.store(0, signal, 0), Err(Error::Value { .. })));
        }
        replay.store(4, 1.0, 0).unwrap();
        replay.store(4, 1.0, 1).unwrap();
        assert!(matches!(replay.draw(3, 1), Err(Error::Step { got: 3, last: 4 })));
        let state = replay.state().clone();
        let mut small =
            super::Replay::new(ReplayConfig { capacity: 1, ..ReplayConfig::default() }, 7).unwrap();
        assert!(matches!(small.restore(state.clone()), Err(Error::State(_))));
        let mut broken = state.clone();
        broken.groups.swap(0, 1);
        assert!(matches!(replay.restore(broken), Err(Error::State(_))));
        let mut broken = state;
        broken.counts.stored = 1;
        assert!(matches!(replay.restore(broken), Err(Error::State(_))));
    }
}
