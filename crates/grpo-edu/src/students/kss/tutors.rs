//! Tutors that learn nothing: what a trained one is compared with.

use super::{ITEMS, Kss, KssSession};
use crate::draws::{Draws, SeededDraws};
use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A reference policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Any of the ten items, legal or not.
    Random,
    /// Any legal item. The sturdier reference.
    RandomLegal,
    /// Looks inside the learner: the legal item after which the targets fall short of their difficulties
    /// by the smallest sum, the lowest item among equals.
    Greedy,
}

impl Baseline {
    /// The next item for this session.
    pub fn choose(self, session: &KssSession, draws: &mut (impl Draws + ?Sized)) -> usize {
        let legal = session.legal();
        match self {
            Self::Random => draws.integer(0, ITEMS as i64 - 1).clamp(0, ITEMS as i64 - 1) as usize,
            Self::RandomLegal => {
                // Never empty: the last item itself is always legal.
                let place = draws.integer(0, legal.len() as i64 - 1).clamp(0, legal.len() as i64 - 1);
                legal[place as usize]
            }
            Self::Greedy => {
                let mut best = (legal[0], f64::NEG_INFINITY);
                for &item in legal {
                    let value = value_after(session, item);
                    if value > best.1 {
                        best = (item, value);
                    }
                }
                best.0
            }
        }
    }

    /// Teaches the learners of `learners`, `steps` exercises each, and sums up the rewards. Learner `n`
    /// is the same for every policy and every number of steps: drawn from the stream `(seed, n)`.
    ///
    /// # Errors
    ///
    /// Those of [`Kss::reset`].
    pub fn evaluate(
        self,
        kss: &Kss,
        steps: usize,
        seed: u64,
        learners: Range<u64>,
    ) -> Result<Evaluation, EduError> {
        let mut rewards = Vec::new();
        let mut reached = 0;
        for learner in learners {
            let mut session = kss.reset(&mut SeededDraws::new("kss learner", seed, learner))?;
            let mut draws = SeededDraws::new("kss tutor", seed, learner);
            for _ in 0..steps {
                let item = self.choose(&session, &mut draws);
                session.step(item)?;
            }
            rewards.push(session.reward());
            reached += usize::from(session.is_done());
        }
        Ok(Evaluation::of(&rewards, reached))
    }
}

/// What [`beam_plan`](super::beam_plan) reaches with the learners that [`Baseline::evaluate`] teaches under the same seed: the upper
/// reference, which knows the learner's abilities and targets.
///
/// # Errors
///
/// Those of [`Kss::reset`].
pub fn evaluate_beam(
    kss: &Kss,
    steps: usize,
    width: usize,
    seed: u64,
    learners: Range<u64>,
) -> Result<Evaluation, EduError> {
    let (mut rewards, mut reached) = (Vec::new(), 0);
    for learner in learners {
        let mut session = kss.reset(&mut SeededDraws::new("kss learner", seed, learner))?;
        for item in super::beam_plan(&session, steps, width) {
            session.step(item)?;
        }
        rewards.push(session.reward());
        reached += usize::from(session.is_done());
    }
    Ok(Evaluation::of(&rewards, reached))
}

/// The shortfall of the targets after one more exercise: `Σ min(ability - difficulty, 0)`.
fn value_after(session: &KssSession, item: usize) -> f64 {
    let mut learner = session.learner().clone();
    learner.learn(item);
    let shortfall =
        |&target: &usize| (learner.ability()[target] - f64::from(session.difficulty()[target])).min(0.0);
    learner.targets().iter().map(shortfall).sum()
}

/// Rewards over many learners.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How many learners.
    pub episodes: usize,
    /// Mean reward.
    pub mean: f64,
    /// Half the width of the 95 % interval of the mean (normal approximation, 1.96 standard errors).
    pub half_width: f64,
    /// Share of learners who reached all their targets.
    pub all_reached: f64,
}

impl Evaluation {
    fn of(rewards: &[f64], reached: usize) -> Self {
        let episodes = rewards.len();
        let count = episodes.max(1) as f64;
        let mean = rewards.iter().sum::<f64>() / count;
        let squares: f64 = rewards.iter().map(|reward| (reward - mean).powi(2)).sum();
        let variance = squares / (count - 1.0).max(1.0);
        Self {
            episodes,
            mean,
            half_width: 1.96 * (variance / count).sqrt(),
            all_reached: reached as f64 / count,
        }
    }
}
