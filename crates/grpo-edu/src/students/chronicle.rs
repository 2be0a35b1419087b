//! Sessions written down while they are played, for the measures of [`grpo_rewards::shaping`].

use std::sync::Arc;

use grpo_rewards::RewardError;
use grpo_rewards::shaping::{Delayed, Prerequisites, Session, SessionRecord, Step};
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;

use super::Narrated;

/// A session of which can be told, besides what [`Narrated`] tells, what measures of learning outcomes are taken on. What an
/// environment doesn't know it leaves at its default; measures that need it are not applicable there.
///
/// All of it is what the simulator knows, and no tutor sees it.
pub trait Recorded: Narrated {
    /// How many skills (items, cards) there are; they are numbered from 0.
    fn skills(&self) -> usize;

    /// The skill that an action practises; `None` for one that practises nothing. Default: action and skill are the same.
    fn skill(&self, action: usize) -> Option<usize> {
        (action < self.skills()).then_some(action)
    }

    /// How well each skill is mastered now, `[skills]`, 0 to 1; empty where nothing is mastered here. Default: [`Narrated::inside`].
    fn mastery(&self) -> Vec<f64> {
        self.inside()
    }

    /// With what probability a right answer is to be expected if the action were taken now, 0 to 1.
    fn success(&self, action: usize) -> Option<f64> {
        let _ = action;
        None
    }

    /// How difficult an action's exercise is, on the environment's own scale; higher is harder.
    fn difficulty(&self, action: usize) -> Option<f64> {
        let _ = action;
        None
    }

    /// How much of the learner's time the session has taken so far, in seconds.
    fn seconds(&self) -> Option<f64> {
        None
    }

    /// The score in a test now, from 0 to [`Recorded::full_score`]; `None` where nobody learns.
    fn score(&self) -> Option<f64>;

    /// The highest score there is. Default: 1.
    fn full_score(&self) -> f64 {
        1.0
    }

    /// The score in the same test so many seconds after now, if nothing is practised in between; `None` where nothing is known of
    /// what time does to a learner.
    fn score_in(&self, seconds: f64) -> Option<f64> {
        let _ = seconds;
        None
    }

    /// What must be known before what.
    fn prerequisites(&self) -> Option<Arc<Prerequisites>> {
        None
    }
}

/// An environment that writes down what happens in it. To a policy it is the environment itself: the same observations, the same
/// draws, the same rewards.
///
/// ```
/// use grpo_edu::SeededDraws;
/// use grpo_edu::students::{Chronicled, kss::{Kss, KssConfig, KssEpisode}};
/// use grpo_rollout::{Environment, Streams};
///
/// let learner = Kss::new(KssConfig::default())?.reset(&mut SeededDraws::new("learners", 1, 0))?;
/// let mut session = Chronicled::new(KssEpisode::new(learner, 20));
/// session.step(0, &mut Streams::new(1).stream(0, 0, 0))?;
/// let told = session.session(&[])?;
/// assert_eq!(told.steps()[0].skill, Some(0));
/// assert!(told.record().final_score >= told.record().initial_score);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chronicled<E> {
    inner: E,
    /// As it was after the last step.
    mastery: Vec<f64>,
    record: SessionRecord,
}

impl<E: Recorded> Chronicled<E> {
    /// Writes down what happens from here on.
    pub fn new(inner: E) -> Self {
        let mastery = inner.mastery();
        let record = SessionRecord {
            initial_score: inner.score(),
            full_score: inner.full_score(),
            initial_mastery: mastery.clone(),
            prerequisites: inner.prerequisites(),
            ..SessionRecord::new(inner.skills())
        };
        Self { inner, mastery, record }
    }

    /// The environment as it is now.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// The session so far, as if it ended now: with the score now, and scores in tests so many seconds later where the environment
    /// knows them.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] when the environment tells something impossible (a mastery that is no number, a score above the full one).
    pub fn session(&self, delays: &[f64]) -> Result<Session, RewardError> {
        let test = |&seconds: &f64| Some(Delayed { seconds, score: self.inner.score_in(seconds)? });
        Session::new(SessionRecord {
            final_score: self.inner.score(),
            delayed: delays.iter().filter_map(test).collect(),
            ..self.record.clone()
        })
    }

    /// What can only be told before the action.
    fn announce(&self, action: usize) -> Step {
        Step {
            skill: self.inner.skill(action),
            success: self.inner.success(action),
            difficulty: self.inner.difficulty(action),
            ..Step::default()
        }
    }

    /// The skills whose mastery is another than after the last step, and what it is now.
    fn changes(&mut self) -> Vec<(usize, f64)> {
        let now = self.inner.mastery();
        let pairs = self.mastery.iter().zip(&now).enumerate();
        let changes =
            pairs.filter(|(_, (before, after))| before != after).map(|(skill, (_, &now))| (skill, now));
        let changes = changes.collect();
        self.mastery = now;
        changes
    }
}

impl<E: Recorded> Environment for Chronicled<E> {
    type Error = E::Error;

    fn actions(&self) -> usize {
        self.inner.actions()
    }

    fn features(&self) -> usize {
        self.inner.features()
    }

    fn observe(&self, features: &mut [f32]) {
        self.inner.observe(features);
    }

    fn allow(&self, allowed: &mut [bool]) {
        self.inner.allow(allowed);
    }

    fn clock(&self) -> Option<u64> {
        self.inner.clock()
    }

    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, E::Error> {
        let (announced, begin) = (self.announce(action), self.inner.seconds());
        let transition = self.inner.step(action, rng)?;
        let seconds = self.inner.seconds().zip(begin).map(|(end, begin)| end - begin);
        // An action that practised nothing brought no answer, whatever the last one was.
        let correct = announced.skill.and_then(|_| self.inner.correct());
        let mastery = self.changes();
        self.record.steps.push(Step { correct, seconds, mastery, ..announced });
        Ok(transition)
    }
}
