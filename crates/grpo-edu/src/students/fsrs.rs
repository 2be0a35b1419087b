//! FSRS-6: a deck of cards, days, and the seconds that reviews take.
//!
//! The learner is the memory model of the Free Spaced Repetition Scheduler, version 6, through the crate [`fsrs`] (BSD-3-Clause), with its
//! default parameters: the medians over some 10,000 people. A card has a stability `S` (days until recall falls to 0.9) and a difficulty
//! `D`; `t` days after its last review it is recalled with the probability
//!
//! ```text
//! R(t, S) = (1 + f · t / S)^(−w20),     f = 0.9^(−1/w20) − 1
//! ```
//!
//! and every review changes `S` and `D` by the answer: again, hard, good or easy ([the algorithm](https://github.com/open-spaced-repetition/fsrs4anki/wiki/The-Algorithm)).
//! Ratings of recalled cards and the seconds that each answer takes are those of [`fsrs::SimulatorConfig`].
//!
//! A session: the cards were learnt the day before; then there are some days. On each the tutor chooses cards to review, each at most once
//! a day, until it ends the day or the time that is left can't pay for another review. What counts is the mean recall of all cards in the
//! mornings after, so early knowledge counts for longer.
//!
//! The time of a session is what [`Scheduler`], the rule that everybody uses (review what has fallen to a desired retention), takes for the
//! same learner, so tutors are compared at equal review time.
//!
//! ```
//! use grpo_edu::SeededDraws;
//! use grpo_edu::students::fsrs::{Deck, DeckConfig};
//!
//! let deck = Deck::new(DeckConfig::default())?;
//! let session = deck.reset(&mut SeededDraws::new("decks", 1, 0))?;
//! assert_eq!(session.recall().len(), 20);
//! # Ok::<(), grpo_edu::EduError>(())
//! ```

mod environment;
mod session;

pub use environment::DeckEpisode;
pub use session::{Answer, DeckSession, Scheduler};

use crate::draws::Draws;
use crate::error::EduError;
use ::fsrs::{DEFAULT_PARAMETERS, FSRS, SimulatorConfig};
use serde::{Deserialize, Serialize};
use session::Card;
use std::sync::Arc;

/// The settings of a deck and its days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeckConfig {
    /// How many cards there are, all learnt the day before; 20 by default.
    pub cards: usize,
    /// How many days the tutor has; 60 by default.
    pub days: u32,
    /// The retention at which [`Scheduler`] reviews, which decides how much time there is; 0.9 by default.
    pub desired_retention: f32,
}

impl Default for DeckConfig {
    fn default() -> Self {
        Self { cards: 20, days: 60, desired_retention: 0.9 }
    }
}

impl DeckConfig {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the key.
    pub fn validate(&self) -> Result<(), EduError> {
        let refuse = |key, value: String, need: &str| Err(EduError::Config { key, value, need: need.into() });
        if self.cards == 0 {
            return refuse("cards", "0".into(), "at least 1");
        }
        if self.days == 0 {
            return refuse("days", "0".into(), "at least 1");
        }
        if !(0.5..=0.99).contains(&self.desired_retention) {
            return refuse("desired_retention", self.desired_retention.to_string(), "between 0.5 and 0.99");
        }
        Ok(())
    }
}

/// What is common to all learners.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) fsrs: FSRS,
    /// −w20.
    pub(super) decay: f32,
    /// Probabilities of hard, good and easy, of a card that is recalled.
    pub(super) ratings: [f64; 3],
    /// Seconds of a review that ends in again, hard, good or easy.
    pub(super) seconds: [f64; 4],
}

/// Learners with decks; makes sessions.
#[derive(Debug, Clone)]
pub struct Deck {
    config: DeckConfig,
    model: Arc<Model>,
}

impl Deck {
    /// The environment for a checked configuration.
    ///
    /// # Errors
    ///
    /// Those of [`DeckConfig::validate`].
    pub fn new(config: DeckConfig) -> Result<Self, EduError> {
        config.validate()?;
        let stock = SimulatorConfig::default();
        let model = Model {
            fsrs: FSRS::default(),
            decay: DEFAULT_PARAMETERS[20],
            ratings: stock.review_rating_prob.map(f64::from),
            // States of the simulator: learning, review, relearning.
            seconds: stock.state_rating_costs[1].map(f64::from),
        };
        Ok(Self { config, model: Arc::new(model) })
    }

    /// The configuration in force.
    pub fn config(&self) -> &DeckConfig {
        &self.config
    }

    /// A session with a new learner: first ratings of the cards are drawn with the frequencies of [`fsrs::SimulatorConfig`], and the time is
    /// what [`Scheduler`] takes with luck of its own.
    ///
    /// # Errors
    ///
    /// [`EduError::Fsrs`] when the model refuses a state.
    pub fn reset(&self, draws: &mut impl Draws) -> Result<DeckSession, EduError> {
        let first = SimulatorConfig::default().first_rating_prob.map(f64::from);
        let new =
            self.model.fsrs.next_states(None, self.config.desired_retention, 0).map_err(EduError::fsrs)?;
        let cards: Vec<Card> = (0..self.config.cards)
            .map(|_| {
                let rating = draws.weighted(&first);
                let state = [&new.again, &new.hard, &new.good, &new.easy][rating].memory;
                Card::new(state, rating)
            })
            .collect();
        let endless = DeckSession::new(self.config, Arc::clone(&self.model), cards, f64::INFINITY);
        let mut planned = endless.clone();
        let mut scheduler = Scheduler::new(self.config.desired_retention);
        while !planned.is_done() {
            match scheduler.choose(&planned) {
                Some(card) => planned.review(card, draws)?,
                None => planned.end_day()?,
            }
        }
        Ok(endless.within(planned))
    }
}
