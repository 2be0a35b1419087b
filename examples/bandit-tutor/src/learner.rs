//! A simulated learner of three skills, and what an exercise does for them.

use anyhow::{Error, bail};
use grpo_rollout::{Environment, Transition};
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// Skills, each of which builds on the one before.
pub(crate) const SKILLS: [&str; 3] = ["count", "add", "multiply"];
/// Levels of difficulty, on the scale of mastery.
pub(crate) const LEVELS: [f64; 3] = [0.25, 0.55, 0.85];
/// Exercises: one of each level for each skill.
pub(crate) const EXERCISES: usize = SKILLS.len() * LEVELS.len();

/// How steeply the chance of success falls with difficulty.
const STEEPNESS: f64 = 8.0;

/// One learner before one exercise.
#[derive(Clone)]
pub(crate) struct Learner {
    /// From 0, knows nothing, to 1, has mastered the skill.
    mastery: [f64; 3],
}

impl Learner {
    pub(crate) fn random(rng: &mut ChaCha8Rng) -> Self {
        Self { mastery: [uniform(rng), uniform(rng), uniform(rng)] }
    }

    pub(crate) fn mastery(&self) -> [f64; 3] {
        self.mastery
    }

    /// Chance of solving an exercise. Half of what a skill can do needs the skill it builds on.
    pub(crate) fn chance(&self, exercise: usize) -> f64 {
        let (skill, level) = (exercise / LEVELS.len(), LEVELS[exercise % LEVELS.len()]);
        let below = if skill == 0 { 1.0 } else { self.mastery[skill - 1] };
        let able = self.mastery[skill] * (0.5 + 0.5 * below);
        1.0 / (1.0 + (STEEPNESS * (level - able)).exp())
    }

    /// What solving it teaches: the more surprising the success, and the weaker the skill, the more.
    fn lesson(&self, exercise: usize) -> f64 {
        4.0 * (1.0 - self.chance(exercise)) * (1.0 - self.mastery[exercise / LEVELS.len()])
    }

    /// Expected gain: `4 p (1 - p) (1 - mastery)`. It is largest for exercises that are neither out of reach nor a matter of course:
    /// the zone of proximal development (Vygotsky 1978).
    pub(crate) fn expected_gain(&self, exercise: usize) -> f64 {
        self.chance(exercise) * self.lesson(exercise)
    }

    /// The exercise with the largest expected gain.
    pub(crate) fn right_exercise(&self) -> usize {
        (0..EXERCISES)
            .max_by(|&a, &b| self.expected_gain(a).total_cmp(&self.expected_gain(b)))
            .unwrap_or_default()
    }
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

impl Environment for Learner {
    type Error = Error;

    fn actions(&self) -> usize {
        EXERCISES
    }

    fn features(&self) -> usize {
        SKILLS.len()
    }

    fn observe(&self, features: &mut [f32]) {
        features.copy_from_slice(&self.mastery.map(|m| m as f32));
    }

    /// The learner tries the exercise once: it is solved or not, and only solving it teaches.
    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, Error> {
        if action >= EXERCISES {
            bail!("there is no exercise {action}; the last is {}", EXERCISES - 1);
        }
        let reward = if uniform(rng) < self.chance(action) { self.lesson(action) } else { 0.0 };
        Ok(Transition { reward, done: true })
    }
}
