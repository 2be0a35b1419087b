use crate::Error;
use crate::tutoring::{Purpose, Rival, Role, World, world::any_allowed};
use grpo_edu::students::fsrs::{Deck, DeckConfig, DeckEpisode, Scheduler};
use grpo_edu::{EduError, Layout, SeededDraws};
use rand_chacha::ChaCha8Rng;

/// Flash cards with time to pay: see [`grpo_edu::students::fsrs`].
#[derive(Debug, Clone)]
pub struct DeckWorld {
    deck: Deck,
}

impl DeckWorld {
    /// For a deck.
    ///
    /// # Errors
    /// Names the key that has an impossible value.
    pub fn new(config: DeckConfig) -> Result<Self, Error> {
        Ok(Self { deck: Deck::new(config)? })
    }
}

impl World for DeckWorld {
    type Session = DeckEpisode;

    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<DeckEpisode, EduError> {
        Ok(DeckEpisode::new(self.deck.reset(&mut SeededDraws::new(purpose.domain(), seed, index))?))
    }

    fn layout(&self) -> Layout {
        DeckEpisode::layout(self.deck.config())
    }

    fn actions(&self) -> Vec<String> {
        let cards = (0..self.deck.config().cards).map(|card| format!("card {card}"));
        cards.chain(["end the day".to_string()]).collect()
    }

    /// A review of every card on every day, and the days' ends.
    fn max_steps(&self) -> usize {
        (self.deck.config().cards + 1) * self.deck.config().days as usize
    }

    fn measure(&self) -> &'static str {
        "mean recall of all cards over the mornings"
    }

    fn rivals(&self, _: u64) -> Result<Vec<Rival<DeckEpisode>>, Error> {
        let retention = self.deck.config().desired_retention;
        let name = format!("desired retention {retention:.2}, within the time");
        let scheduled = Rival::choosing(name, Role::Baseline, move |_: &DeckEpisode| {
            let mut scheduler = Scheduler::new(retention);
            move |session: &DeckEpisode, _: &mut ChaCha8Rng| {
                scheduler.choose(session.session()).unwrap_or(session.end_of_day())
            }
        });
        // The session in which the time was measured: it took exactly as long as the tutor may take.
        let measured = Rival {
            name: format!("desired retention {retention:.2}, the session that sets the time"),
            role: Role::Baseline,
            teach: Box::new(|start: &DeckEpisode, _: &mut ChaCha8Rng, _: &mut ChaCha8Rng| {
                Ok(start.session().scheduled_mornings().to_vec())
            }),
        };
        Ok(vec![any_allowed("random"), scheduled, measured])
    }
}
