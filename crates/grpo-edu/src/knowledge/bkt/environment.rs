//! A learner of Bayesian knowledge tracing as a world that a policy acts in.

use super::Bkt;
use crate::draws::Draws;
use crate::error::EduError;
use crate::students::{Narrated, Recorded};
use crate::tutor::Layout;
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// What is told about each skill.
const PER_SKILL: usize = 4;

/// How many learners are drawn until one has something to learn.
const ATTEMPTS: usize = 1_000;

/// A learner who knows some of a model's skills.
#[derive(Debug, Clone, PartialEq)]
pub struct BktLearner {
    model: Arc<Bkt>,
    known: Vec<bool>,
}

impl BktLearner {
    /// A learner who knows these skills, `[skills]`.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] when `known` doesn't have one entry per skill.
    pub fn new(model: Arc<Bkt>, known: Vec<bool>) -> Result<Self, EduError> {
        if known.len() != model.skills().len() {
            return Err(EduError::Config {
                key: "known",
                value: format!("a list of {}", known.len()),
                need: format!("a list of {}, one entry per skill", model.skills().len()),
            });
        }
        Ok(Self { model, known })
    }

    /// A learner who knows each skill with the probability of its `prior`, and not all of them: those who do are drawn again.
    ///
    /// # Errors
    ///
    /// [`EduError::NothingToLearn`] when a thousand learners in a row know everything.
    pub fn draw(model: &Arc<Bkt>, draws: &mut (impl Draws + ?Sized)) -> Result<Self, EduError> {
        for _ in 0..ATTEMPTS {
            let known: Vec<bool> = model.skills().iter().map(|skill| draws.unit() < skill.prior).collect();
            if known.contains(&false) {
                return Ok(Self { model: Arc::clone(model), known });
            }
        }
        Err(EduError::NothingToLearn { attempts: ATTEMPTS })
    }

    /// The model that the learner follows.
    pub fn model(&self) -> &Arc<Bkt> {
        &self.model
    }

    /// Which skills are known, `[skills]`. No tutor may see it.
    pub fn known(&self) -> &[bool] {
        &self.known
    }

    fn count(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }

    /// One answer to `skill`, and the practice that goes with it. Two draws, whatever happens: one for the answer, one for whether
    /// the practice changes what is known.
    fn practise(&mut self, skill: usize, draws: &mut (impl Draws + ?Sized)) -> Result<bool, EduError> {
        let skills = self.model.skills().len();
        let (Some(parameters), Some(known)) = (self.model.skills().get(skill), self.known.get_mut(skill))
        else {
            return Err(EduError::ItemOutOfRange { item: skill, items: skills });
        };
        let (answer, turn) = (draws.unit(), draws.unit());
        let correct = answer < if *known { 1.0 - parameters.slip } else { parameters.guess };
        *known ^= turn < if *known { parameters.forget } else { parameters.learn };
        Ok(correct)
    }
}

/// What a tutor knows of one skill.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    /// That it is known, given the answers so far.
    probability: f64,
    practices: u32,
    last: Option<bool>,
}

/// A session of a given number of practices with one learner. A clone is the same learner in the same state.
///
/// An action is the skill to practise next. The reward of a practice is the change in the number of known skills, divided by the
/// number of those that weren't known at the beginning: a session is worth `(known at the end - known at the beginning) / (skills -
/// known at the beginning)`, at most 1, and below 0 only where a model with forgetting made the learner forget more than was learnt.
/// A session always has all its practices: that everything is known is nothing a tutor can see.
///
/// What the tutor sees, [`Environment::observe`], is for each skill
///
/// | place | number |
/// |---|---|
/// | 0 | with what probability it is known, by exact tracing of its answers ([`BktSkill::update`](super::BktSkill::update)) |
/// | 1 | how often it was practised, `ln(1 + times)` |
/// | 2 | its last answer: 1 right, −1 wrong, 0 never practised |
/// | 3 | 1 if it was practised last |
///
/// and the share of practices that are left.
#[derive(Debug, Clone, PartialEq)]
pub struct BktEpisode {
    learner: BktLearner,
    seen: Vec<Seen>,
    last: Option<usize>,
    known_at_first: usize,
    length: usize,
    steps: usize,
}

impl BktEpisode {
    /// `steps` practices with a learner.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] when `steps` is 0; [`EduError::NothingToLearn`] when the learner knows everything.
    pub fn new(learner: BktLearner, steps: usize) -> Result<Self, EduError> {
        if steps == 0 {
            return Err(EduError::Config { key: "steps", value: "0".into(), need: "at least 1".into() });
        }
        let known_at_first = learner.count();
        if known_at_first == learner.known.len() {
            return Err(EduError::NothingToLearn { attempts: 1 });
        }
        let fresh = |prior| Seen { probability: prior, practices: 0, last: None };
        let seen = learner.model.skills().iter().map(|skill| fresh(skill.prior)).collect();
        Ok(Self { learner, seen, last: None, known_at_first, length: steps, steps: 0 })
    }

    /// How observations and actions are laid out. Skills differ by more than what happened to them, so each has numbers of its own.
    pub fn layout(model: &Bkt) -> Layout {
        let skills = model.skills().len();
        Layout::Whole { features: PER_SKILL * skills + 1, actions: skills }
    }

    /// The learner as it is now.
    pub fn learner(&self) -> &BktLearner {
        &self.learner
    }

    /// With what probability each skill is known, given the answers so far, `[skills]`.
    pub fn probabilities(&self) -> Vec<f64> {
        self.seen.iter().map(|seen| seen.probability).collect()
    }

    /// What the session is worth so far: the sum of its rewards.
    pub fn gain(&self) -> f64 {
        (self.learner.count() as f64 - self.known_at_first as f64) / self.missing()
    }

    /// How many practices there were.
    pub fn steps(&self) -> usize {
        self.steps
    }

    fn missing(&self) -> f64 {
        (self.seen.len() - self.known_at_first) as f64
    }
}

impl Environment for BktEpisode {
    type Error = EduError;

    fn actions(&self) -> usize {
        self.seen.len()
    }

    fn features(&self) -> usize {
        PER_SKILL * self.seen.len() + 1
    }

    fn observe(&self, features: &mut [f32]) {
        let (skills, rest) = features.split_at_mut(PER_SKILL * self.seen.len());
        for (skill, (seen, row)) in self.seen.iter().zip(skills.chunks_exact_mut(PER_SKILL)).enumerate() {
            row.copy_from_slice(&[
                seen.probability as f32,
                (seen.practices as f32).ln_1p(),
                seen.last.map_or(0.0, |right| if right { 1.0 } else { -1.0 }),
                f32::from(u8::from(self.last == Some(skill))),
            ]);
        }
        rest[0] = (self.length - self.steps) as f32 / self.length as f32;
    }

    /// The answer and the effect of the practice are drawn, in that order, whatever the skill.
    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, EduError> {
        if self.steps == self.length {
            return Err(EduError::EpisodeOver { steps: self.length });
        }
        let before = self.learner.count() as f64;
        let correct = self.learner.practise(action, rng)?;
        let seen = &mut self.seen[action];
        seen.probability = self.learner.model.skills()[action].update(seen.probability, correct);
        seen.practices += 1;
        seen.last = Some(correct);
        self.last = Some(action);
        self.steps += 1;
        let reward = (self.learner.count() as f64 - before) / self.missing();
        Ok(Transition { reward, done: self.steps == self.length })
    }
}

impl Narrated for BktEpisode {
    fn about(&self) -> String {
        format!("knows {} of {} skills", self.known_at_first, self.seen.len())
    }

    fn correct(&self) -> Option<bool> {
        self.last.and_then(|skill| self.seen[skill].last)
    }

    /// 1 for a skill that is known.
    fn inside(&self) -> Vec<f64> {
        self.learner.known.iter().map(|&known| f64::from(u8::from(known))).collect()
    }
}

impl Recorded for BktEpisode {
    fn skills(&self) -> usize {
        self.seen.len()
    }

    /// By what the answers so far say of the skill.
    fn success(&self, action: usize) -> Option<f64> {
        let known = self.seen.get(action)?.probability;
        Some(self.learner.model.skills()[action].predict(known))
    }

    /// The number of known skills.
    fn score(&self) -> Option<f64> {
        Some(self.learner.count() as f64)
    }

    fn full_score(&self) -> f64 {
        self.seen.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::SeededDraws;
    use crate::knowledge::bkt::BktSkill;
    use grpo_rollout::Streams;

    fn model(forget: f64) -> Arc<Bkt> {
        let skill = |name: &str, prior, learn| BktSkill {
            name: name.into(),
            prior,
            learn,
            forget,
            guess: 0.2,
            slip: 0.1,
        };
        let skills = vec![skill("a", 0.2, 0.3), skill("b", 0.5, 0.1), skill("c", 0.1, 0.6)];
        Arc::new(Bkt::new(skills).unwrap())
    }

    fn episode(forget: f64, learner: u64, steps: usize) -> BktEpisode {
        let learner = BktLearner::draw(&model(forget), &mut SeededDraws::new("bkt", 1, learner)).unwrap();
        BktEpisode::new(learner, steps).unwrap()
    }

    #[test]
    fn rewards_add_up_to_the_normalised_gain() {
        let mut gains = 0.0;
        for learner in 0..100 {
            let mut episode = episode(0.1, learner, 12);
            let initial = episode.learner().count() as f64;
            let mut rng = Streams::new(1).stream(0, 0, learner);
            let (mut sum, mut steps, mut done) = (0.0, 0, false);
            while !done {
                let transition = episode.step(steps % 3, &mut rng).unwrap();
                (sum, steps, done) = (sum + transition.reward, steps + 1, transition.done);
            }
            let gain = (episode.learner().count() as f64 - initial) / (3.0 - initial);
            assert!((sum - gain).abs() < 1e-12 && (episode.gain() - gain).abs() < 1e-12);
            assert_eq!((steps, episode.steps()), (12, 12));
            assert_eq!(episode.step(0, &mut rng), Err(EduError::EpisodeOver { steps: 12 }));
            gains += gain;
        }
        assert!(gains > 20.0, "practice teaches: {gains}");
    }

    #[test]
    fn learning_happens_as_often_as_the_parameters_say() {
        // One practice of `c` by learners who don't know it.
        let (mut learnt, mut right, n) = (0.0, 0.0, 20_000);
        for learner in 0..n {
            let learner_ = BktLearner::new(model(0.0), vec![false; 3]).unwrap();
            let mut episode = BktEpisode::new(learner_, 1).unwrap();
            let transition = episode.step(2, &mut Streams::new(2).stream(0, 0, learner)).unwrap();
            learnt += 3.0 * transition.reward;
            right += f64::from(u8::from(episode.seen[2].last == Some(true)));
        }
        // Standard deviations: 0.0035 and 0.0028; four of them either side.
        assert!((learnt / n as f64 - 0.6).abs() < 0.014, "{learnt}");
        assert!((right / n as f64 - 0.2).abs() < 0.0115, "{right}");
    }

    #[test]
    fn what_is_seen_follows_from_the_answers() {
        let mut episode = episode(0.05, 5, 9);
        let mut rng = Streams::new(1).stream(0, 0, 0);
        let mut answers: [Vec<bool>; 3] = Default::default();
        for step in 0..9 {
            let mut features = vec![0.0; episode.features()];
            episode.observe(&mut features);
            for (skill, answers) in answers.iter().enumerate() {
                let parameters = &episode.learner().model().skills()[skill];
                let known = parameters.trace(answers).last().copied().unwrap_or(parameters.prior);
                let sign = answers.last().map_or(0.0, |&right| if right { 1.0 } else { -1.0 });
                let last = step > 0 && (step - 1) * 5 % 3 == skill;
                let row = [known as f32, (answers.len() as f32).ln_1p(), sign, f32::from(u8::from(last))];
                assert_eq!(features[4 * skill..4 * skill + 4], row);
            }
            assert_eq!(features[12], (9 - step) as f32 / 9.0);
            let skill = step * 5 % 3;
            episode.step(skill, &mut rng).unwrap();
            answers[skill].extend(episode.seen[skill].last);
        }
    }

    #[test]
    fn clones_share_their_luck_whatever_is_practised() {
        let (mut one, mut two) = (episode(0.0, 3, 8), episode(0.0, 3, 8));
        assert_eq!(one, two);
        let (mut rng, mut twin) = (Streams::new(1).stream(0, 0, 0), Streams::new(1).stream(0, 0, 0));
        for step in 0..8 {
            one.step(0, &mut rng).unwrap();
            two.step(step % 3, &mut twin).unwrap();
        }
        assert_eq!(rng.unit(), twin.unit());
    }

    #[test]
    fn learners_have_something_to_learn_and_bad_input_is_refused() {
        let all = Bkt::new(vec![BktSkill { prior: 1.0, ..model(0.0).skills()[0].clone() }]).unwrap().into();
        let mut draws = SeededDraws::new("bkt", 1, 0);
        assert_eq!(BktLearner::draw(&all, &mut draws), Err(EduError::NothingToLearn { attempts: 1_000 }));
        let known = BktLearner::new(model(0.0), vec![true; 3]).unwrap();
        assert_eq!(BktEpisode::new(known, 4), Err(EduError::NothingToLearn { attempts: 1 }));
        assert!(BktLearner::new(model(0.0), vec![true; 2]).is_err());
        let learner = BktLearner::new(model(0.0), vec![false; 3]).unwrap();
        assert!(BktEpisode::new(learner.clone(), 0).is_err());
        let mut episode = BktEpisode::new(learner, 4).unwrap();
        let before = episode.clone();
        let error = episode.step(3, &mut Streams::new(1).stream(0, 0, 0)).unwrap_err();
        assert_eq!(error, EduError::ItemOutOfRange { item: 3, items: 3 });
        assert_eq!(episode, before);
    }
}
