//! The learner inside the simulator: abilities, answers and the learning rule.

use super::{ITEMS, MASTERY, STRUCTURE, legal};
use crate::draws::Draws;

/// The probability of a right answer by the three-parameter logistic model, `θ` the ability and `b` the
/// difficulty: `0.25 + 0.75 / (1 + exp(-8.5 (θ - b)))` (guessing 0.25, discrimination 5, scale 1.7).
pub fn probability(ability: f64, difficulty: f64) -> f64 {
    0.25 + 0.75 / (1.0 + (-8.5 * (ability - difficulty)).exp())
}

/// A learner: what nobody but the simulator knows.
#[derive(Debug, Clone, PartialEq)]
pub struct KssLearner {
    ability: [f64; ITEMS],
    last: Option<usize>,
    targets: Vec<usize>,
}

impl KssLearner {
    /// A new learner: `ability[i]` is a uniform integer in `-3..=0` less `0.1 i`; between 3 and 10
    /// targets, all sets of that size equally likely.
    pub fn draw(draws: &mut (impl Draws + ?Sized)) -> Self {
        let ability = std::array::from_fn(|item| draws.integer(-3, 0) as f64 - 0.1 * item as f64);
        let count = draws.integer(3, ITEMS as i64).clamp(3, ITEMS as i64) as usize;
        let mut targets = draws.sample(ITEMS, count);
        targets.retain(|&item| item < ITEMS);
        targets.sort_unstable();
        Self { ability, last: None, targets }
    }

    /// The abilities, on the scale of difficulties; never above [`MASTERY`].
    pub fn ability(&self) -> &[f64; ITEMS] {
        &self.ability
    }

    /// The last exercise that was accepted; one that was illegal does not count.
    pub fn last(&self) -> Option<usize> {
        self.last
    }

    /// The items to be learned, ascending.
    pub fn targets(&self) -> &[usize] {
        &self.targets
    }

    /// The items that teach something next, ascending.
    pub fn legal(&self) -> &'static [usize] {
        legal(self.last)
    }

    /// Does the exercise. An illegal one changes nothing, and nobody is told. (So does an item that does
    /// not exist.)
    pub fn learn(&mut self, item: usize) {
        if item >= ITEMS || !self.legal().contains(&item) {
            return;
        }
        self.last = Some(item);
        let gap: f64 = STRUCTURE.before[item].iter().map(|&before| MASTERY - self.ability[before]).sum();
        let gain = 0.5 * (MASTERY - self.ability[item]) * (-gap).exp();
        for (ability, share) in self.ability.iter_mut().zip(&STRUCTURE.transfer[item]) {
            *ability = MASTERY.min(*ability + gain * share);
        }
    }

    /// Whether the learner answers an item of this difficulty correctly: iff the probability reaches 0.5.
    /// Being asked changes nothing. An item that does not exist is not answered.
    pub fn answers(&self, item: usize, difficulty: &[u8; ITEMS]) -> bool {
        item < ITEMS && self.probability(item, difficulty) >= 0.5
    }

    /// The probability of a right answer; 0 for an item that does not exist.
    pub fn probability(&self, item: usize, difficulty: &[u8; ITEMS]) -> f64 {
        match (self.ability.get(item), difficulty.get(item)) {
            (Some(&ability), Some(&difficulty)) => probability(ability, f64::from(difficulty)),
            _ => 0.0,
        }
    }

    /// How many targets the learner answers correctly.
    pub fn score(&self, difficulty: &[u8; ITEMS]) -> usize {
        self.targets.iter().filter(|&&item| self.answers(item, difficulty)).count()
    }
}
