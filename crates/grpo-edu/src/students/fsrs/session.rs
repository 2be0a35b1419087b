use super::{DeckConfig, Model};
use crate::draws::Draws;
use crate::error::EduError;
use fsrs::{MemoryState, current_retrievability};
use std::sync::Arc;

/// One card of one learner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Card {
    pub(super) state: MemoryState,
    /// The last answer: 0 again, 1 hard, 2 good, 3 easy.
    pub(super) rating: usize,
    /// The day of the last review; −1 for the day before the first.
    pub(super) last_day: i64,
    pub(super) reviews: u32,
}

impl Card {
    /// As it was learnt the day before.
    pub(super) fn new(state: MemoryState, rating: usize) -> Self {
        Self { state, rating, last_day: -1, reviews: 0 }
    }
}

/// The answer to a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The card.
    pub card: usize,
    /// 0 again, 1 hard, 2 good, 3 easy.
    pub rating: usize,
}

impl Answer {
    /// Whether the card was recalled.
    pub fn recalled(self) -> bool {
        self.rating > 0
    }
}

/// One learner's days with one deck. A clone is the same learner in the same state.
#[derive(Debug, Clone)]
pub struct DeckSession {
    config: DeckConfig,
    model: Arc<Model>,
    pub(super) cards: Vec<Card>,
    day: u32,
    seconds: f64,
    used: f64,
    last: Option<Answer>,
    mornings: Vec<f64>,
    scheduled: Arc<[f64]>,
}

impl DeckSession {
    pub(super) fn new(config: DeckConfig, model: Arc<Model>, cards: Vec<Card>, seconds: f64) -> Self {
        Self {
            config,
            model,
            cards,
            day: 0,
            seconds,
            used: 0.0,
            last: None,
            mornings: Vec::new(),
            scheduled: Arc::new([]),
        }
    }

    /// With as much time as the scheduler took in `planned`, and what that was worth.
    pub(super) fn within(self, planned: Self) -> Self {
        Self { seconds: planned.used, scheduled: planned.mornings.into(), ..self }
    }

    /// What each day was worth when [`Scheduler`] taught this learner in exactly [`DeckSession::seconds`]: the session in which that time
    /// was measured. The sum is its [`DeckSession::worth`].
    pub fn scheduled_mornings(&self) -> &[f64] {
        &self.scheduled
    }

    /// Days that are over.
    pub fn day(&self) -> u32 {
        self.day
    }

    /// Days in all.
    pub fn days(&self) -> u32 {
        self.config.days
    }

    /// Whether all days are over.
    pub fn is_done(&self) -> bool {
        self.day >= self.config.days
    }

    /// Seconds that reviews have taken.
    pub fn seconds_used(&self) -> f64 {
        self.used
    }

    /// Seconds that there are for reviews in all.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The last answer.
    pub fn last(&self) -> Option<Answer> {
        self.last
    }

    /// The probability of recall of every card now.
    pub fn recall(&self) -> Vec<f64> {
        (0..self.cards.len()).map(|card| self.recall_of(card)).collect()
    }

    /// The probability of recall of every card so many days after now, if none is reviewed in between.
    pub fn recall_in(&self, days: f64) -> Vec<f64> {
        (0..self.cards.len()).map(|card| self.recall_of_in(card, days)).collect()
    }

    pub(super) fn recall_of(&self, card: usize) -> f64 {
        self.recall_of_in(card, 0.0)
    }

    fn recall_of_in(&self, card: usize, days: f64) -> f64 {
        let card = &self.cards[card];
        let elapsed = (f64::from(self.day) - card.last_day as f64 + days) as f32;
        f64::from(current_retrievability(card.state, elapsed, self.model.decay))
    }

    /// Mean recall over all cards and the mornings so far; the days that are still to come count as 0.
    pub fn worth(&self) -> f64 {
        self.mornings.iter().sum()
    }

    /// Whether a card may be reviewed: not reviewed today, and there is time even for the answer that takes longest.
    pub fn may_review(&self, card: usize) -> bool {
        !self.is_done()
            && self.cards.get(card).is_some_and(|card| card.last_day < i64::from(self.day))
            && self.affords_a_review()
    }

    /// Whether the time that is left pays for another review, whatever the answer.
    pub fn affords_a_review(&self) -> bool {
        self.seconds - self.used >= self.model.seconds.into_iter().fold(0.0, f64::max)
    }

    /// Reviews a card. Draws two numbers, whatever the card: for recall and for the rating.
    ///
    /// # Errors
    ///
    /// [`EduError::ItemOutOfRange`] when there is no such card, [`EduError::NotAllowed`] when it may not be reviewed now. Nothing is drawn then.
    pub fn review(&mut self, card: usize, draws: &mut impl Draws) -> Result<(), EduError> {
        if card >= self.cards.len() {
            return Err(EduError::ItemOutOfRange { item: card, items: self.cards.len() });
        }
        if !self.may_review(card) {
            let reason = "it was reviewed today, or the time is used up";
            return Err(EduError::NotAllowed { action: format!("reviewing card {card}"), reason });
        }
        let (recalled, rating) =
            (draws.unit() < self.recall_of(card), 1 + draws.weighted(&self.model.ratings));
        let rating = if recalled { rating } else { 0 };
        let elapsed = (i64::from(self.day) - self.cards[card].last_day) as u32;
        let own = &mut self.cards[card];
        let next = self
            .model
            .fsrs
            .next_states(Some(own.state), self.config.desired_retention, elapsed)
            .map_err(EduError::fsrs)?;
        let state = [next.again, next.hard, next.good, next.easy][rating].memory;
        *own = Card { state, rating, last_day: i64::from(self.day), reviews: own.reviews + 1 };
        self.used += self.model.seconds[rating];
        self.last = Some(Answer { card, rating });
        Ok(())
    }

    /// Ends the day; the next morning counts.
    ///
    /// # Errors
    ///
    /// [`EduError::EpisodeOver`] after the last day.
    pub fn end_day(&mut self) -> Result<(), EduError> {
        if self.is_done() {
            return Err(EduError::EpisodeOver { steps: self.config.days as usize });
        }
        self.day += 1;
        let recall: f64 = self.recall().iter().sum();
        self.mornings.push(recall / self.cards.len() as f64 / f64::from(self.config.days));
        Ok(())
    }

    /// The interval after which a card's recall falls to `retention`, rounded to whole days, at least 1.
    fn interval(&self, card: usize, retention: f32) -> u32 {
        let days = self.model.fsrs.next_interval(Some(self.cards[card].state.stability), retention, 0);
        days.round().max(1.0) as u32
    }
}

/// The rule of spaced-repetition programs: a card is due when its recall has fallen to a fixed desired retention. Cards that are due are
/// reviewed on the day, those with the lowest recall first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scheduler {
    retention: f32,
}

impl Scheduler {
    /// For a desired retention.
    pub fn new(retention: f32) -> Self {
        Self { retention }
    }

    /// The next card to review today; none when nothing is due, or there is no time.
    pub fn choose(&mut self, session: &DeckSession) -> Option<usize> {
        let due = |&card: &usize| {
            let elapsed = i64::from(session.day) - session.cards[card].last_day;
            session.may_review(card) && elapsed >= i64::from(session.interval(card, self.retention))
        };
        let cards = (0..session.cards.len()).filter(due);
        cards.min_by(|&a, &b| session.recall_of(a).total_cmp(&session.recall_of(b)))
    }
}
