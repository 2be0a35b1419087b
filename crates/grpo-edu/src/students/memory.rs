//! Spaced repetition: a student who forgets, and a tutor who chooses what to review next.
//!
//! An environment has a number of items, all known at the start, and a number of reviews. One review: the
//! student recalls the item with the probability that the model gives for this moment, a delay passes, and
//! the model takes the review in. The reward is the mean recall of all items after that, so it rewards
//! what is remembered, not what was just asked.
//!
//! A port of the environments of deeptutor (rddy/deeptutor, commit `dfbf19a`, MIT; Reddy, Levine and
//! Dragan 2017, "Accelerating Human Learning with Deep Reinforcement Learning"), its quirks included:
//!
//! - the review is stored with the time at the *end* of its delay, so right after it the item counts as
//!   reviewed this very moment; what the tutor sees is the time at the start of the delay;
//! - every item has a fictitious last review shortly *after* time 0, so until that moment the recall of
//!   EFC and HLR exceeds 1, and that of DASH may exceed 1 or not be a number. Nothing is clipped, and a
//!   value that is not a number means that the item is not recalled.
//!
//! The models and their equations are described at [`Efc`], [`Hlr`] and [`Dash`].
//!
//! ```
//! use grpo_edu::SeededDraws;
//! use grpo_edu::students::memory::{Memory, MemoryConfig};
//!
//! let memory = Memory::new(MemoryConfig::default())?;
//! let student = memory.draw_student(&mut SeededDraws::new("students", 1, 0)).into();
//! let mut draws = SeededDraws::new("episodes", 1, 0);
//! let mut session = memory.reset(&student, &mut draws)?;
//! let step = session.step(3, &mut draws)?;
//! assert_eq!(step.review.item, 3);
//! # Ok::<(), grpo_edu::EduError>(())
//! ```

mod environment;
mod student;
mod tutors;

pub use environment::MemoryEpisode;
pub use student::{Dash, Efc, Hlr, MemoryModel, MemoryStudent, WINDOWS, window_weight};
pub use tutors::{AnyItem, Leitner, MemoryTutor, Threshold, teach};

use crate::draws::Draws;
use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use student::Trace;

/// What a step is worth; both are means over all items after the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryReward {
    /// The mean recall.
    #[default]
    Likelihood,
    /// The mean of `ln(1e-9 + recall)`, which punishes items that are quite forgotten.
    LogLikelihood,
    /// The mean recall, each item's at most 1, and 0 where it isn't a number: without the values beyond all probability that the
    /// fictitious first reviews bring about. What a tutor should be trained and judged by.
    Probability,
}

impl MemoryReward {
    fn of(self, recall: &[f64]) -> f64 {
        let worth = |&recall: &f64| match self {
            Self::Likelihood => recall,
            Self::LogLikelihood => (1e-9 + recall).ln(),
            Self::Probability if recall.is_nan() => 0.0,
            Self::Probability => recall.clamp(0.0, 1.0),
        };
        recall.iter().map(worth).sum::<f64>() / recall.len() as f64
    }
}

/// The settings of an environment; the defaults are those of the published experiments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// How the student forgets.
    pub model: MemoryModel,
    /// How many items there are, at least 1; 30 by default.
    pub items: usize,
    /// How many reviews an episode has, the first of them chosen by the environment; at least 2, for DASH
    /// a multiple of [`WINDOWS`]; 200 by default.
    pub steps: usize,
    /// Shortest delay after a review, in the model's unit of time; 5 by default.
    pub min_delay: u32,
    /// Longest delay; each whole number from the shortest to the longest is equally likely. 5 by default.
    pub max_delay: u32,
    /// What a step is worth.
    pub reward: MemoryReward,
    /// Whether a tutor is shown how each item will be forgotten: what only the model knows, and what [`Threshold`] goes by.
    pub student_visible: bool,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            model: MemoryModel::default(),
            items: 30,
            steps: 200,
            min_delay: 5,
            max_delay: 5,
            reward: MemoryReward::default(),
            student_visible: false,
        }
    }
}

impl MemoryConfig {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the first key outside the range given at its field.
    pub fn validate(&self) -> Result<(), EduError> {
        let refuse = |key, value: usize, need: &str| {
            Err(EduError::Config { key, value: value.to_string(), need: need.into() })
        };
        if self.items == 0 {
            return refuse("items", self.items, "at least 1");
        }
        if self.steps < 2 {
            return refuse("steps", self.steps, "at least 2: the first review is not the tutor's");
        }
        if self.model == MemoryModel::Dash && !self.steps.is_multiple_of(WINDOWS) {
            return refuse("steps", self.steps, &format!("a multiple of {WINDOWS} for the model `dash`"));
        }
        if self.min_delay > self.max_delay {
            return refuse("min_delay", self.min_delay as usize, "no longer than `max_delay`");
        }
        Ok(())
    }
}

/// An environment for students of one model; makes sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    config: MemoryConfig,
}

impl Memory {
    /// The environment for a checked configuration.
    ///
    /// # Errors
    ///
    /// Those of [`MemoryConfig::validate`].
    pub fn new(config: MemoryConfig) -> Result<Self, EduError> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The configuration in force.
    pub fn config(&self) -> &MemoryConfig {
        &self.config
    }

    /// A student of the configured model with parameters drawn from the model's published priors.
    pub fn draw_student(&self, draws: &mut dyn Draws) -> MemoryStudent {
        MemoryStudent::draw(self.config.model, self.config.items, draws)
    }

    /// A session with this student, with nothing reviewed but one item that the environment chooses at
    /// random; its review is [`MemorySession::last`] and earns nothing.
    ///
    /// # Errors
    ///
    /// [`EduError::StudentMismatch`] when the student has another model or number of items.
    pub fn reset(
        &self,
        student: &Arc<MemoryStudent>,
        draws: &mut dyn Draws,
    ) -> Result<MemorySession, EduError> {
        self.check(student)?;
        Ok(self.start(student, draws))
    }

    fn check(&self, student: &MemoryStudent) -> Result<(), EduError> {
        let name = |model: MemoryModel, items: usize| format!("{model:?} with {items} items");
        let found = name(student.model(), student.items());
        let expected = name(self.config.model, self.config.items);
        if found == expected && student.is_consistent() {
            Ok(())
        } else {
            let hint = if student.is_consistent() { "" } else { " (but its lists differ in length)" };
            Err(EduError::StudentMismatch { found: found + hint, expected })
        }
    }

    /// [`Self::reset`] for a student that was checked.
    fn start(&self, student: &Arc<MemoryStudent>, draws: &mut dyn Draws) -> MemorySession {
        let most = self.config.items as i64 - 1;
        let item = draws.integer(0, most).clamp(0, most) as usize;
        let mut session = MemorySession {
            config: self.config.clone(),
            trace: Trace::new(student),
            student: Arc::clone(student),
            now: 0,
            step: 0,
            last: Review { item, correct: false, time: 0, delay: 0 },
        };
        session.review(item, draws);
        session
    }
}

/// One review, as the tutor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Review {
    /// The item.
    pub item: usize,
    /// Whether it was recalled.
    pub correct: bool,
    /// When it was asked.
    pub time: u64,
    /// How much time passed after it.
    pub delay: u32,
}

/// What one review brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryStep {
    /// The review.
    pub review: Review,
    /// Mean recall, or mean log recall, after it. It may exceed 1 early in an episode.
    pub reward: f64,
    /// Whether it was the last one.
    pub done: bool,
}

/// One student with one tutor. A clone is the same student in the same state.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySession {
    config: MemoryConfig,
    student: Arc<MemoryStudent>,
    trace: Trace,
    now: u64,
    step: usize,
    last: Review,
}

impl MemorySession {
    /// Reviews an item. It draws one uniform number for the answer and then, unless delays are constant,
    /// one integer for the delay, whatever the item: sessions that share their draws share their luck.
    ///
    /// # Errors
    ///
    /// [`EduError::EpisodeOver`] after the last step, [`EduError::ItemOutOfRange`] when there is no such
    /// item; the session is as before, and nothing is drawn.
    pub fn step(&mut self, item: usize, draws: &mut dyn Draws) -> Result<MemoryStep, EduError> {
        if self.is_done() {
            return Err(EduError::EpisodeOver { steps: self.config.steps });
        }
        if item >= self.config.items {
            return Err(EduError::ItemOutOfRange { item, items: self.config.items });
        }
        self.review(item, draws);
        let reward = self.config.reward.of(&self.recall());
        Ok(MemoryStep { review: self.last, reward, done: self.is_done() })
    }

    fn review(&mut self, item: usize, draws: &mut dyn Draws) {
        // Not a number is not recalled: every comparison with it is false.
        let correct = draws.unit() < self.recall()[item];
        let (shortest, longest) = (self.config.min_delay, self.config.max_delay);
        let delay = if shortest == longest {
            shortest
        } else {
            let drawn = draws.integer(shortest.into(), longest.into());
            drawn.clamp(shortest.into(), longest.into()) as u32
        };
        self.last = Review { item, correct, time: self.now, delay };
        self.step += 1;
        self.now += u64::from(delay);
        self.trace.record(item, correct, self.now, self.window());
    }

    /// The recall of every item at this moment, `[items]`. What nobody but the model knows; see the
    /// module's notes for values that are no probabilities.
    pub fn recall(&self) -> Vec<f64> {
        self.recall_after(0)
    }

    /// The recall of every item after some more time without a review, `[items]`.
    pub fn recall_after(&self, time: u64) -> Vec<f64> {
        self.student.recall(&self.trace, self.now.saturating_add(time), self.window())
    }

    /// DASH counts answers in windows of the episode; the other models have one window.
    fn window(&self) -> usize {
        let length = (self.config.steps / self.trace.windows()).max(1);
        (self.step / length).min(self.trace.windows() - 1)
    }

    /// The last review.
    pub fn last(&self) -> Review {
        self.last
    }

    /// The time now: the sum of all delays.
    pub fn time(&self) -> u64 {
        self.now
    }

    /// How many reviews there were, that of the environment included.
    pub fn steps(&self) -> usize {
        self.step
    }

    /// Whether the last step has been made.
    pub fn is_done(&self) -> bool {
        self.step >= self.config.steps
    }

    /// The student's parameters, for reference tutors that are allowed to look inside.
    pub fn student(&self) -> &Arc<MemoryStudent> {
        &self.student
    }
}
