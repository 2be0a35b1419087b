//! A deck as a world that a policy acts in.

use super::{Answer, DeckConfig, DeckSession};
use crate::error::EduError;
use crate::students::{Narrated, Recorded};
use crate::tutor::Layout;
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;

/// What is told about each card.
const PER_CARD: usize = 7;
/// What is told about the session.
const REST: usize = 4;
/// The model counts in days.
const SECONDS_PER_DAY: f64 = 86_400.0;

/// A deck's days from here on. A clone is the same learner in the same state.
///
/// Actions are the cards and, after them, the end of the day. Rewards add up to [`DeckSession::worth`]: a day's comes with its end.
/// When the time that is left can't pay for another review, the days that are left pass by themselves.
///
/// What the tutor sees is what a scheduler sees, for each card
///
/// | place | number |
/// |---|---|
/// | 0 | the probability of recall now |
/// | 1 | its stability in days, `ln S / 5` |
/// | 2 | its difficulty, / 10 |
/// | 3 | days since its last review, `ln(1 + days) / 5` |
/// | 4 | 1 if it was reviewed today |
/// | 5 | its last answer, from 0 (again) to 1 (easy) |
/// | 6 | how often it was reviewed, / 10 |
///
/// and the shares of the days and of the time that are left, the difference of the two, and the mean recall.
#[derive(Debug, Clone)]
pub struct DeckEpisode {
    session: DeckSession,
    /// Whether the last action was a review.
    reviewed: bool,
}

impl DeckEpisode {
    /// The session from here on.
    pub fn new(session: DeckSession) -> Self {
        Self { session, reviewed: false }
    }

    /// How observations and actions are laid out.
    pub fn layout(config: &DeckConfig) -> Layout {
        Layout::Items { items: config.cards, per_item: PER_CARD, rest: REST, others: 1 }
    }

    /// The session so far.
    pub fn session(&self) -> &DeckSession {
        &self.session
    }

    /// The action that ends the day.
    pub fn end_of_day(&self) -> usize {
        self.session.cards.len()
    }
}

impl Environment for DeckEpisode {
    type Error = EduError;

    fn actions(&self) -> usize {
        self.session.cards.len() + 1
    }

    fn features(&self) -> usize {
        PER_CARD * self.session.cards.len() + REST
    }

    fn observe(&self, features: &mut [f32]) {
        let session = &self.session;
        let (cards, rest) = features.split_at_mut(PER_CARD * session.cards.len());
        let recall = session.recall();
        for ((card, recall), row) in session.cards.iter().zip(&recall).zip(cards.chunks_exact_mut(PER_CARD)) {
            let days = (i64::from(session.day()) - card.last_day) as f32;
            row.copy_from_slice(&[
                *recall as f32,
                card.state.stability.ln() / 5.0,
                card.state.difficulty / 10.0,
                days.ln_1p() / 5.0,
                f32::from(u8::from(days == 0.0)),
                card.rating as f32 / 3.0,
                card.reviews as f32 / 10.0,
            ]);
        }
        let days = 1.0 - f64::from(session.day()) / f64::from(session.days());
        // A learner for whom the scheduler never reviews has no time at all.
        let time =
            if session.seconds() > 0.0 { 1.0 - session.seconds_used() / session.seconds() } else { 0.0 };
        let mean = recall.iter().sum::<f64>() / recall.len() as f64;
        rest.copy_from_slice(&[days, time, time - days, mean].map(|x| x as f32));
    }

    fn allow(&self, allowed: &mut [bool]) {
        let (end, cards) = (self.end_of_day(), 0..self.end_of_day());
        cards.for_each(|card| allowed[card] = self.session.may_review(card));
        allowed[end] = true;
    }

    /// The day.
    fn clock(&self) -> Option<u64> {
        Some(self.session.day().into())
    }

    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, EduError> {
        let before = self.session.worth();
        if action == self.end_of_day() {
            self.session.end_day()?;
        } else {
            self.session.review(action, rng)?;
        }
        self.reviewed = action != self.end_of_day();
        while !self.session.is_done() && !self.session.affords_a_review() {
            self.session.end_day()?;
        }
        Ok(Transition { reward: self.session.worth() - before, done: self.session.is_done() })
    }
}

impl Narrated for DeckEpisode {
    fn about(&self) -> String {
        format!("{:.0} seconds for reviews", self.session.seconds())
    }

    fn correct(&self) -> Option<bool> {
        self.session.last().filter(|_| self.reviewed).map(Answer::recalled)
    }

    fn inside(&self) -> Vec<f64> {
        self.session.recall()
    }
}

impl Recorded for DeckEpisode {
    fn skills(&self) -> usize {
        self.session.cards.len()
    }

    fn success(&self, action: usize) -> Option<f64> {
        self.skill(action).map(|card| self.session.recall_of(card))
    }

    /// From 1 to 10.
    fn difficulty(&self, action: usize) -> Option<f64> {
        self.session.cards.get(action).map(|card| f64::from(card.state.difficulty))
    }

    /// Those of reviews; the end of a day takes none.
    fn seconds(&self) -> Option<f64> {
        Some(self.session.seconds_used())
    }

    /// The mean recall of all cards.
    fn score(&self) -> Option<f64> {
        self.score_in(0.0)
    }

    fn score_in(&self, seconds: f64) -> Option<f64> {
        let recall = self.session.recall_in(seconds / SECONDS_PER_DAY);
        Some(recall.iter().sum::<f64>() / recall.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Deck, DeckConfig, Scheduler};
    use super::*;
    use crate::SeededDraws;
    use grpo_rollout::Streams;

    fn episode(index: u64) -> DeckEpisode {
        let deck = Deck::new(DeckConfig { cards: 6, days: 30, ..DeckConfig::default() }).unwrap();
        DeckEpisode::new(deck.reset(&mut SeededDraws::new("decks", 1, index)).unwrap())
    }

    #[test]
    fn the_time_is_never_exceeded_and_rewards_add_up() {
        for index in 0..30 {
            let mut episode = episode(index);
            let budget = episode.session().seconds();
            let mut rng = Streams::new(3).stream(0, index, 0);
            let (mut sum, mut done, mut steps) = (0.0, false, 0);
            while !done {
                let mut allowed = vec![true; 7];
                episode.allow(&mut allowed);
                // Reviews whatever it may: the time is used up soon, and then the days pass.
                let action = allowed.iter().position(|&ok| ok).unwrap();
                let transition = episode.step(action, &mut rng).unwrap();
                (sum, done, steps) = (sum + transition.reward, transition.done, steps + 1);
            }
            assert!(episode.session().seconds_used() <= budget && steps > 6);
            assert!((sum - episode.session().worth()).abs() < 1e-12);
            assert!(sum > 0.3 && sum < 1.0, "{sum}");
            assert!(episode.step(6, &mut rng).is_err());
        }
    }

    #[test]
    fn the_scheduler_keeps_recall_up_within_the_time_it_sets() {
        let (mut kept, mut left) = (0.0, 0.0);
        for index in 0..40 {
            let (mut scheduled, mut idle) = (episode(index), episode(index));
            let mut rng = Streams::new(3).stream(0, index, 0);
            let mut scheduler = Scheduler::new(0.9);
            while !scheduled.session().is_done() {
                let action = scheduler.choose(scheduled.session()).unwrap_or(scheduled.end_of_day());
                scheduled.step(action, &mut rng).unwrap();
                if let Some(card) = scheduled.session().last().filter(|_| action < 6) {
                    assert_eq!(card.card, action);
                }
            }
            while !idle.session().is_done() {
                idle.step(idle.end_of_day(), &mut rng).unwrap();
            }
            kept += scheduled.session().worth() / 40.0;
            left += idle.session().worth() / 40.0;
        }
        assert!(kept > 0.88 && left < 0.75, "{kept} {left}");
    }

    #[test]
    fn a_card_is_reviewed_once_a_day() {
        let mut episode = episode(1);
        let mut rng = Streams::new(3).stream(0, 0, 0);
        episode.step(2, &mut rng).unwrap();
        let refused = episode.step(2, &mut rng).unwrap_err();
        assert!(refused.to_string().contains("reviewing card 2"), "{refused}");
        assert!(episode.step(9, &mut rng).is_err());
        // After a night the model's own forgetting curve holds.
        let stability = episode.session().cards[2].state.stability;
        episode.step(6, &mut rng).unwrap();
        let expected = (1.0 + (0.9_f64.powf(-1.0 / 0.1542) - 1.0) / f64::from(stability)).powf(-0.1542);
        assert!((episode.session().recall()[2] - expected).abs() < 1e-4);
    }
}
