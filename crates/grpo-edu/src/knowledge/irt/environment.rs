//! Adaptive testing as a world that a policy acts in.

use super::ability::{Ability, Posterior};
use super::{Irt, IrtItem};
use crate::draws::Draws;
use crate::error::EduError;
use crate::students::{Narrated, Recorded};
use crate::tutor::Layout;
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// What is told about each item.
const PER_ITEM: usize = 5;

/// A test of one learner, whose ability doesn't change. A clone is the same learner after the same answers.
///
/// An action is the item to ask next; each is asked once. The reward of an answer is by how much it lowers the standard deviation of
/// the ability's posterior (EAP), divided by that of the prior: a test is worth `1 - sd at the end / sd of the prior`, below 1 and the
/// higher, the more exactly the ability is known. A surprising answer may cost something.
///
/// What the policy sees, [`Environment::observe`], is for each item
///
/// | place | number |
/// |---|---|
/// | 0 | its discrimination |
/// | 1 | its difficulty |
/// | 2 | its guess |
/// | 3 | 1 if it was asked |
/// | 4 | its answer: 1 right, −1 wrong, 0 not asked |
///
/// and the posterior's mean, its standard deviation, and the share of questions that are left. Only items that weren't asked are
/// allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct IrtEpisode {
    model: Arc<Irt>,
    ability: f64,
    answers: Vec<Option<bool>>,
    posterior: Posterior,
    prior_error: f64,
    estimate: Ability,
    last: Option<usize>,
    length: usize,
    steps: usize,
}

impl IrtEpisode {
    /// A test of `steps` questions for a learner of this ability.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] when `steps` is 0 or exceeds the number of items, or the ability isn't finite.
    pub fn new(model: Arc<Irt>, ability: f64, steps: usize) -> Result<Self, EduError> {
        let items = model.items().len();
        if steps == 0 || steps > items {
            let need = format!("between 1 and {items}, the number of items: each is asked once");
            return Err(EduError::Config { key: "steps", value: steps.to_string(), need });
        }
        if !ability.is_finite() {
            let need = "a finite number".into();
            return Err(EduError::Config { key: "ability", value: ability.to_string(), need });
        }
        let posterior = Posterior::new();
        let estimate = posterior.ability();
        let (answers, prior_error) = (vec![None; items], estimate.error);
        Ok(Self {
            model,
            ability,
            answers,
            posterior,
            prior_error,
            estimate,
            last: None,
            length: steps,
            steps: 0,
        })
    }

    /// A test of `steps` questions for a learner whose ability is drawn from `N(0, 1)`.
    ///
    /// # Errors
    ///
    /// As [`IrtEpisode::new`].
    pub fn draw(model: Arc<Irt>, steps: usize, draws: &mut (impl Draws + ?Sized)) -> Result<Self, EduError> {
        let ability = draws.normal();
        Self::new(model, ability, steps)
    }

    /// How observations and actions are laid out.
    pub fn layout(model: &Irt) -> Layout {
        Layout::Items { items: model.items().len(), per_item: PER_ITEM, rest: 3, others: 0 }
    }

    /// The learner's ability. No policy may see it.
    pub fn ability(&self) -> f64 {
        self.ability
    }

    /// What the answers so far say of the ability (EAP).
    pub fn estimate(&self) -> Ability {
        self.estimate
    }

    /// The answer to each item that was asked, `[items]`.
    pub fn answers(&self) -> &[Option<bool>] {
        &self.answers
    }

    /// What the test is worth so far: the sum of its rewards.
    pub fn gain(&self) -> f64 {
        1.0 - self.estimate.error / self.prior_error
    }

    /// How many questions were asked.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The item with the most information at the estimate among those not asked yet: the textbook's choice, to compare with.
    pub fn most_informative(&self) -> Option<usize> {
        let information = |item: &IrtItem| item.information(self.estimate.mean);
        let open = self.model.items().iter().zip(&self.answers).enumerate();
        let open = open.filter(|(_, (_, answer))| answer.is_none());
        open.map(|(number, (item, _))| (number, information(item)))
            .max_by(|left, right| left.1.total_cmp(&right.1))
            .map(|(number, _)| number)
    }
}

impl Environment for IrtEpisode {
    type Error = EduError;

    fn actions(&self) -> usize {
        self.answers.len()
    }

    fn features(&self) -> usize {
        PER_ITEM * self.answers.len() + 3
    }

    fn observe(&self, features: &mut [f32]) {
        let (items, rest) = features.split_at_mut(PER_ITEM * self.answers.len());
        let known = self.model.items().iter().zip(&self.answers);
        for ((item, answer), row) in known.zip(items.chunks_exact_mut(PER_ITEM)) {
            row.copy_from_slice(&[
                item.discrimination as f32,
                item.difficulty as f32,
                item.guess as f32,
                f32::from(u8::from(answer.is_some())),
                answer.map_or(0.0, |right| if right { 1.0 } else { -1.0 }),
            ]);
        }
        rest[0] = self.estimate.mean as f32;
        rest[1] = self.estimate.error as f32;
        rest[2] = (self.length - self.steps) as f32 / self.length as f32;
    }

    fn allow(&self, allowed: &mut [bool]) {
        for (allowed, answer) in allowed.iter_mut().zip(&self.answers) {
            *allowed = answer.is_none();
        }
    }

    /// The answer is the only draw.
    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, EduError> {
        if self.steps == self.length {
            return Err(EduError::EpisodeOver { steps: self.length });
        }
        let items = self.answers.len();
        let (Some(item), Some(answer)) = (self.model.items().get(action), self.answers.get_mut(action))
        else {
            return Err(EduError::ItemOutOfRange { item: action, items });
        };
        if answer.is_some() {
            let reason = "it was asked before, and each item is asked once";
            return Err(EduError::NotAllowed { action: format!("item {action}"), reason });
        }
        let correct = rng.unit() < item.probability(self.ability);
        *answer = Some(correct);
        let before = self.estimate.error;
        self.posterior.answer(item, correct);
        self.estimate = self.posterior.ability();
        self.last = Some(action);
        self.steps += 1;
        let reward = (before - self.estimate.error) / self.prior_error;
        Ok(Transition { reward, done: self.steps == self.length })
    }
}

impl Narrated for IrtEpisode {
    fn about(&self) -> String {
        format!("ability {:.2}", self.ability)
    }

    fn correct(&self) -> Option<bool> {
        self.last.and_then(|item| self.answers[item])
    }

    /// The probability of a right answer to each item.
    fn inside(&self) -> Vec<f64> {
        self.model.items().iter().map(|item| item.probability(self.ability)).collect()
    }
}

impl Recorded for IrtEpisode {
    fn skills(&self) -> usize {
        self.answers.len()
    }

    /// Nothing is learnt in a test.
    fn mastery(&self) -> Vec<f64> {
        Vec::new()
    }

    /// At the ability that the answers so far speak for.
    fn success(&self, action: usize) -> Option<f64> {
        Some(self.model.items().get(action)?.probability(self.estimate.mean))
    }

    fn difficulty(&self, action: usize) -> Option<f64> {
        Some(self.model.items().get(action)?.difficulty)
    }

    fn score(&self) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::SeededDraws;
    use grpo_rollout::Streams;

    fn bank() -> Arc<Irt> {
        let mut draws = SeededDraws::new("bank", 1, 0);
        let item = |number: usize| IrtItem {
            name: number.to_string(),
            discrimination: (0.4 * draws.normal()).exp(),
            difficulty: 1.5 * draws.normal(),
            guess: 0.1,
        };
        Arc::new(Irt::new((0..25).map(item).collect()).unwrap())
    }

    fn episode(learner: u64) -> IrtEpisode {
        IrtEpisode::draw(bank(), 10, &mut SeededDraws::new("learners", 1, learner)).unwrap()
    }

    #[test]
    fn rewards_add_up_and_what_is_seen_follows_from_the_answers() {
        for learner in 0..20 {
            let mut episode = episode(learner);
            let mut rng = Streams::new(1).stream(0, 0, learner);
            let (mut sum, mut asked, mut done) = (0.0, Vec::new(), false);
            while !done {
                let mut allowed = [true; 25];
                episode.allow(&mut allowed);
                assert!((0..25).all(|item| allowed[item] != asked.contains(&item)));
                let item = (3 + 7 * asked.len()) % 25;
                let transition = episode.step(item, &mut rng).unwrap();
                (sum, done) = (sum + transition.reward, transition.done);
                asked.push(item);
                let answers: Vec<(usize, bool)> =
                    asked.iter().map(|&item| (item, episode.answers()[item].unwrap())).collect();
                let eap = bank().ability_eap(&answers).unwrap();
                assert!((eap.mean - episode.estimate().mean).abs() < 1e-12);
                let mut features = vec![0.0; episode.features()];
                episode.observe(&mut features);
                assert_eq!(
                    features[125..],
                    [eap.mean as f32, eap.error as f32, (10 - asked.len()) as f32 / 10.0]
                );
                for (number, item) in bank().items().iter().enumerate() {
                    let answer = answers.iter().find(|(asked, _)| *asked == number);
                    let sign = answer.map_or(0.0, |(_, right)| if *right { 1.0 } else { -1.0 });
                    let was = f32::from(u8::from(answer.is_some()));
                    let row =
                        [item.discrimination as f32, item.difficulty as f32, item.guess as f32, was, sign];
                    assert_eq!(features[5 * number..5 * number + 5], row);
                }
            }
            let prior = Posterior::new().ability().error;
            assert!((sum - (1.0 - episode.estimate().error / prior)).abs() < 1e-12);
            assert!((sum - episode.gain()).abs() < 1e-12 && asked.len() == episode.steps());
        }
    }

    #[test]
    fn informative_questions_are_worth_more() {
        let (mut chosen, mut fixed) = (0.0, 0.0);
        for learner in 0..100 {
            let (mut one, mut two) = (episode(learner), episode(learner));
            let (mut rng, mut twin) =
                (Streams::new(1).stream(0, 0, learner), Streams::new(1).stream(0, 0, learner));
            for step in 0..10 {
                let item = one.most_informative().unwrap();
                one.step(item, &mut rng).unwrap();
                two.step(step, &mut twin).unwrap();
            }
            assert_eq!(rng.unit(), twin.unit(), "one draw a question");
            chosen += one.gain() / 100.0;
            fixed += two.gain() / 100.0;
        }
        assert!(chosen > fixed + 0.05, "{chosen} {fixed}");
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        assert!(IrtEpisode::new(bank(), 0.0, 0).is_err() && IrtEpisode::new(bank(), 0.0, 26).is_err());
        assert!(IrtEpisode::new(bank(), f64::NAN, 5).is_err());
        let mut episode = IrtEpisode::new(bank(), 0.0, 2).unwrap();
        let mut rng = Streams::new(1).stream(0, 0, 0);
        episode.step(3, &mut rng).unwrap();
        let before = episode.clone();
        assert!(matches!(episode.step(3, &mut rng), Err(EduError::NotAllowed { .. })));
        assert_eq!(episode.step(25, &mut rng), Err(EduError::ItemOutOfRange { item: 25, items: 25 }));
        assert_eq!(episode, before);
        assert!(episode.step(4, &mut rng).unwrap().done);
        assert_eq!(episode.step(5, &mut rng), Err(EduError::EpisodeOver { steps: 2 }));
    }
}
