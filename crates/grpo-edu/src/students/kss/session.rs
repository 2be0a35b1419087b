//! The environment: making a learner, warming up, and the session with a tutor.

use super::{ITEMS, KssConfig, KssLearner};
use crate::draws::Draws;
use crate::error::EduError;
use crate::students::Response;

/// After so many learners who know all their targets before the first lesson, `reset` gives up. (With
/// the stock settings it is about one in ten thousand.)
const MOST_REJECTIONS: usize = 100;

/// The probability up to which the warm-up regards an item as still to be learned.
const STILL_HARD: f64 = 0.6;

/// The simulator with its settings; makes sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kss {
    config: KssConfig,
}

impl Kss {
    /// The simulator for a checked configuration.
    ///
    /// # Errors
    ///
    /// Those of [`KssConfig::validate`].
    pub fn new(config: KssConfig) -> Result<Self, EduError> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The configuration in force.
    pub fn config(&self) -> &KssConfig {
        &self.config
    }

    /// A session with a new learner, who has done the warm-up. A learner who answers all targets
    /// correctly after it is sent away, and another one is drawn from the same stream.
    ///
    /// # Errors
    ///
    /// [`EduError::NoLearner`] when 100 learners in a row had nothing left to learn.
    pub fn reset(&self, draws: &mut (impl Draws + ?Sized)) -> Result<KssSession, EduError> {
        for _ in 0..MOST_REJECTIONS {
            let mut learner = KssLearner::draw(draws);
            let history = self.warm_up(&mut learner, draws);
            let score = learner.score(&self.config.difficulty);
            if score < learner.targets().len() {
                return Ok(KssSession {
                    difficulty: self.config.difficulty,
                    targets_visible: self.config.targets_visible,
                    warmup: history.len(),
                    initial_score: score,
                    learner,
                    history,
                    score,
                });
            }
        }
        Err(EduError::NoLearner { attempts: MOST_REJECTIONS })
    }

    /// What the learner does before the tutor comes: mostly the same item again while it goes wrong,
    /// otherwise the first item in the configured order that is still hard, sometimes any item. Returns
    /// the answers in order, usually as many as `warmup_steps`.
    ///
    /// A draw is made only when its condition is reached, in the order of the original.
    pub fn warm_up(&self, learner: &mut KssLearner, draws: &mut (impl Draws + ?Sized)) -> Vec<Response> {
        let steps = self.config.warmup_steps;
        let difficulty = &self.config.difficulty;
        let mut history: Vec<Response> = Vec::with_capacity(steps);
        let exercise = |item: usize, learner: &mut KssLearner, history: &mut Vec<Response>| {
            learner.learn(item);
            history.push(Response { item, correct: learner.answers(item, difficulty) });
        };
        // The original compares this draw with an order ratio of 1: always below. It must be consumed.
        draws.unit();
        while history.len() < steps {
            let last = history.last().copied();
            let recent = &history[history.len().saturating_sub(3)..];
            let varied = recent.iter().any(|response| response.item != recent[0].item);
            let item = match last {
                Some(last) if last.correct && varied => {
                    if history.len() < steps - 1 {
                        exercise(last.item, learner, &mut history);
                    }
                    last.item
                }
                Some(last) if !last.correct && draws.unit() < 0.7 => last.item,
                _ if draws.unit() < 0.9 => {
                    let hard = |item: &usize| learner.probability(*item, difficulty) < STILL_HARD;
                    match self.config.warmup_order.items().into_iter().find(hard) {
                        Some(item) => item,
                        None => break,
                    }
                }
                _ => draws.integer(0, ITEMS as i64 - 1).clamp(0, ITEMS as i64 - 1) as usize,
            };
            exercise(item, learner, &mut history);
        }
        history
    }
}

/// One learner with one tutor. A clone is the same learner in the same state.
#[derive(Debug, Clone, PartialEq)]
pub struct KssSession {
    difficulty: [u8; ITEMS],
    targets_visible: bool,
    learner: KssLearner,
    history: Vec<Response>,
    warmup: usize,
    initial_score: usize,
    score: usize,
}

/// What one exercise brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KssStep {
    /// The answer, given after the exercise.
    pub response: Response,
    /// How many more targets are answered correctly than before; the sum over an episode is the
    /// numerator of its reward. It tells about the targets: hide it from a tutor that should not know them.
    pub gain: usize,
    /// Whether all targets are answered correctly. Going on is allowed and changes nothing.
    pub done: bool,
}

/// What a tutor may know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KssObservation<'session> {
    /// All answers so far, those of the warm-up first.
    pub history: &'session [Response],
    /// The learner's targets, ascending, when the configuration shows them.
    pub targets: Option<&'session [usize]>,
    /// The items that can teach something now, ascending. It follows from the history and the graph.
    pub legal: &'static [usize],
}

impl KssSession {
    /// Gives the learner an exercise and tests it. An illegal choice is no error: it teaches nothing.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`] when there is no such item; the session is as before.
    pub fn step(&mut self, item: usize) -> Result<KssStep, EduError> {
        if item >= ITEMS {
            return Err(EduError::ItemOutOfRange { item, items: ITEMS });
        }
        self.learner.learn(item);
        let response = Response { item, correct: self.learner.answers(item, &self.difficulty) };
        self.history.push(response);
        let before = std::mem::replace(&mut self.score, self.learner.score(&self.difficulty));
        // Abilities never fall, so neither does the score.
        Ok(KssStep { response, gain: self.score - before, done: self.is_done() })
    }

    /// What the tutor sees.
    pub fn observe(&self) -> KssObservation<'_> {
        KssObservation {
            history: &self.history,
            targets: self.targets_visible.then(|| self.learner.targets()),
            legal: self.legal(),
        }
    }

    /// The items that can teach something now, ascending.
    pub fn legal(&self) -> &'static [usize] {
        self.learner.legal()
    }

    /// All answers so far, those of the warm-up first.
    pub fn history(&self) -> &[Response] {
        &self.history
    }

    /// How many exercises the tutor has given.
    pub fn steps(&self) -> usize {
        self.history.len() - self.warmup
    }

    /// Whether all targets are answered correctly.
    pub fn is_done(&self) -> bool {
        self.score == self.learner.targets().len()
    }

    /// How many targets were answered correctly when the tutor came.
    pub fn initial_score(&self) -> usize {
        self.initial_score
    }

    /// How many targets are answered correctly now.
    pub fn score(&self) -> usize {
        self.score
    }

    /// The share of the targets missing at the start that were reached since:
    /// `(score - initial) / (targets - initial)`, in `[0, 1]` (EduSim's E_p).
    pub fn reward(&self) -> f64 {
        // Positive: a learner without missing targets never gets a session.
        let missing = self.learner.targets().len() - self.initial_score;
        (self.score - self.initial_score) as f64 / missing as f64
    }

    /// The older variant, `(score - initial) / targets`, in `[0, 1]`; some published numbers use it.
    pub fn reward_older(&self) -> f64 {
        (self.score - self.initial_score) as f64 / self.learner.targets().len() as f64
    }

    /// The learner, for reference policies that are allowed to look inside.
    pub fn learner(&self) -> &KssLearner {
        &self.learner
    }

    /// The difficulty of each item, which the stock tutor does not see either.
    pub fn difficulty(&self) -> &[u8; ITEMS] {
        &self.difficulty
    }
}
