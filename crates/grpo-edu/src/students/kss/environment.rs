//! KSS as a world that a policy acts in.

use super::{EDGES, ITEMS, KssSession, MASTERY};
use crate::error::EduError;
use crate::students::{Narrated, Recorded};
use crate::tutor::Layout;
use grpo_rewards::shaping::Prerequisites;
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, LazyLock};

/// What is told about each item.
const PER_ITEM: usize = 7;

/// A session of a given length with one learner. A clone is the same learner in the same state.
///
/// The rewards of its steps add up to [`KssSession::reward`], the share of the missing targets that were reached. It ends after
/// `steps` exercises, or before when nothing is left to reach.
///
/// What the tutor sees, [`Environment::observe`], follows from the history of answers, the graph, the number of exercises left and
/// (where the configuration shows them) the targets: for each of the ten items
///
/// | place | number |
/// |---|---|
/// | 0 to 9 | 1 if it was ever asked |
/// | 10 to 19 | its last answer: 1 right, −1 wrong, 0 never asked |
/// | 20 to 29 | how often it was asked, / 5 |
/// | 30 to 39 | how often the tutor gave it, / 5 |
/// | 40 to 49 | 1 if it is legal now |
/// | 50 to 59 | 1 if it was the last that was accepted |
/// | 60 to 69 | 1 if it is a target and targets are visible |
///
/// and the share of exercises that are left. Only legal items are allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct KssEpisode {
    session: KssSession,
    steps: usize,
}

impl KssEpisode {
    /// `steps` exercises with the learner of a session that has just begun.
    pub fn new(session: KssSession, steps: usize) -> Self {
        Self { session, steps }
    }

    /// How observations and actions are laid out.
    pub const LAYOUT: Layout = Layout::Whole { features: PER_ITEM * ITEMS + 1, actions: ITEMS };

    /// The session so far.
    pub fn session(&self) -> &KssSession {
        &self.session
    }
}

impl Environment for KssEpisode {
    type Error = EduError;

    fn actions(&self) -> usize {
        ITEMS
    }

    fn features(&self) -> usize {
        PER_ITEM * ITEMS + 1
    }

    fn observe(&self, features: &mut [f32]) {
        let seen = self.session.observe();
        let warmup = seen.history.len() - self.session.steps();
        let (per_item, rest) = features.split_at_mut(PER_ITEM * ITEMS);
        let mut tell = |what: usize, item: usize, number: f32| per_item[what * ITEMS + item] = number;
        let mut asked = [0.0_f32; ITEMS];
        let mut given = [0.0_f32; ITEMS];
        for (step, response) in seen.history.iter().enumerate() {
            let item = response.item;
            asked[item] += 1.0;
            given[item] += f32::from(u8::from(step >= warmup));
            tell(0, item, 1.0);
            tell(1, item, if response.correct { 1.0 } else { -1.0 });
        }
        for item in 0..ITEMS {
            tell(2, item, asked[item] / 5.0);
            tell(3, item, given[item] / 5.0);
        }
        seen.legal.iter().for_each(|&item| tell(4, item, 1.0));
        self.session.learner().last().into_iter().for_each(|item| tell(5, item, 1.0));
        seen.targets.into_iter().flatten().for_each(|&item| tell(6, item, 1.0));
        let left = self.steps.saturating_sub(self.session.steps());
        rest[0] = left as f32 / self.steps.max(1) as f32;
    }

    fn allow(&self, allowed: &mut [bool]) {
        allowed.fill(false);
        self.session.legal().iter().for_each(|&item| allowed[item] = true);
    }

    /// There is no luck in it.
    fn step(&mut self, action: usize, _: &mut ChaCha8Rng) -> Result<Transition, EduError> {
        let before = self.session.reward();
        let step = self.session.step(action)?;
        let done = step.done || self.session.steps() >= self.steps;
        Ok(Transition { reward: self.session.reward() - before, done })
    }
}

impl Narrated for KssEpisode {
    fn about(&self) -> String {
        let targets: Vec<String> = self.session.learner().targets().iter().map(usize::to_string).collect();
        format!("targets: skills {}", targets.join(", "))
    }

    fn correct(&self) -> Option<bool> {
        self.session.history().last().filter(|_| self.session.steps() > 0).map(|response| response.correct)
    }

    /// Abilities as shares of what can be reached; below 0 (a new learner may be) counts as nothing.
    fn inside(&self) -> Vec<f64> {
        self.session.learner().ability().iter().map(|ability| (ability / MASTERY).max(0.0)).collect()
    }
}

/// The graph as measures know it, shared by all sessions.
static GRAPH: LazyLock<Arc<Prerequisites>> = LazyLock::new(|| {
    // The edges are a constant without a cycle.
    Arc::new(Prerequisites::new(&EDGES).unwrap_or_else(|error| unreachable!("{error}")))
});

impl Recorded for KssEpisode {
    fn skills(&self) -> usize {
        ITEMS
    }

    /// As the learner is before the exercise. (The answer itself comes after it.)
    fn success(&self, action: usize) -> Option<f64> {
        let difficulty = self.session.difficulty();
        (action < ITEMS).then(|| self.session.learner().probability(action, difficulty))
    }

    /// From 0 to 5, on the scale of abilities.
    fn difficulty(&self, action: usize) -> Option<f64> {
        self.session.difficulty().get(action).map(|&own| f64::from(own))
    }

    /// The number of targets that are answered correctly.
    fn score(&self) -> Option<f64> {
        Some(self.session.score() as f64)
    }

    fn full_score(&self) -> f64 {
        self.session.learner().targets().len() as f64
    }

    fn prerequisites(&self) -> Option<Arc<Prerequisites>> {
        Some(Arc::clone(&GRAPH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededDraws;
    use crate::students::kss::{Kss, KssConfig};
    use grpo_rollout::Streams;

    fn episode(visible: bool, learner: u64) -> KssEpisode {
        let kss = Kss::new(KssConfig { targets_visible: visible, ..KssConfig::default() }).unwrap();
        KssEpisode::new(kss.reset(&mut SeededDraws::new("kss learner", 1, learner)).unwrap(), 20)
    }

    fn observe(episode: &KssEpisode) -> Vec<f32> {
        let mut features = vec![0.0; episode.features()];
        episode.observe(&mut features);
        features
    }

    #[test]
    fn rewards_add_up_and_a_session_ends_in_time() {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        for learner in 0..50 {
            let mut episode = episode(true, learner);
            let (mut sum, mut steps, mut done) = (0.0, 0, false);
            while !done {
                let mut allowed = [true; ITEMS];
                episode.allow(&mut allowed);
                let legal: Vec<usize> = (0..ITEMS).filter(|&item| allowed[item]).collect();
                assert_eq!(legal, episode.session().legal());
                let transition = episode.step(legal[steps % legal.len()], &mut rng).unwrap();
                (sum, steps, done) = (sum + transition.reward, steps + 1, transition.done);
            }
            assert!((sum - episode.session().reward()).abs() < 1e-12);
            assert!(steps == 20 || episode.session().is_done());
        }
    }

    #[test]
    fn what_is_seen_follows_from_what_a_tutor_may_know() {
        let (visible, hidden) = (episode(true, 3), episode(false, 3));
        let (seen, unseen) = (observe(&visible), observe(&hidden));
        // Without targets, nothing else differs.
        assert_eq!(seen[..60], unseen[..60]);
        assert_eq!(unseen[60..70], [0.0; 10]);
        let targets: Vec<usize> = (0..ITEMS).filter(|item| seen[60 + item] == 1.0).collect();
        assert_eq!(targets, visible.session().learner().targets());
        assert_eq!(seen[70], 1.0);
        let history = visible.session().history();
        for item in 0..ITEMS {
            let last = history.iter().rev().find(|r| r.item == item);
            assert_eq!(seen[item] == 1.0, last.is_some());
            assert_eq!(seen[10 + item], last.map_or(0.0, |r| if r.correct { 1.0 } else { -1.0 }));
            let count = history.iter().filter(|r| r.item == item).count();
            assert_eq!(seen[20 + item], count as f32 / 5.0);
            assert_eq!(seen[30 + item], 0.0);
        }
        let mut later = visible.clone();
        let item = later.session().legal()[0];
        later.step(item, &mut Streams::new(1).stream(0, 0, 0)).unwrap();
        let after = observe(&later);
        assert_eq!((after[30 + item], after[50 + item], after[70]), (0.2, 1.0, 0.95));
        assert!(later.step(ITEMS, &mut Streams::new(1).stream(0, 0, 0)).is_err());
    }
}
