//! Spaced repetition as a world that a policy acts in.

use super::{MemoryConfig, MemorySession};
use crate::error::EduError;
use crate::students::{Narrated, Recorded};
use crate::tutor::Layout;
use grpo_rollout::{Environment, Transition};
use rand_chacha::ChaCha8Rng;

/// What is told about each item.
const PER_ITEM: usize = 8;

/// Reviews from now at which forgetting is shown, where it is.
const AHEAD: [u64; 4] = [0, 4, 16, 64];

/// A session with one student that has just begun. A clone is the same student in the same state.
///
/// A step's reward is the environment's divided by the number of steps that the tutor has, so that a session is worth its mean (the mean
/// recall over all items and steps, by default).
///
/// What the tutor sees, [`Environment::observe`], follows from the reviews so far: for each item
///
/// | place | number |
/// |---|---|
/// | 0 | how long ago it was reviewed, `ln(1 + time) / 5`; 1.5 where it never was |
/// | 1 | how often it was asked, `ln(1 + times)` |
/// | 2 | right answers, / 8 |
/// | 3 | wrong answers, / 8 |
/// | 4 | its last answer: 1 right, −1 wrong, 0 never asked |
/// | 5 | 1 if it is the item that was reviewed last |
/// | 6 | the longest time over which it was recalled, `ln(1 + time) / 5` |
/// | 7 | the shortest time over which it was forgotten, `ln(1 + time) / 5`; 1.5 where it never was |
///
/// (times of reviews before which there was another), and the share of reviews that are left. Where the student is visible
/// ([`MemoryConfig::student_visible`]), each item has four more numbers: its recall now, and after the shortest delays of 4, 16 and 64 reviews of
/// other items; what is no number is 0, and none exceeds 1.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryEpisode {
    session: MemorySession,
    seen: Vec<Seen>,
}

/// What is known of one item.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Seen {
    asked: u32,
    right: u32,
    last_correct: bool,
    /// When its last review was over.
    last_time: u64,
    longest_recalled: u64,
    shortest_forgotten: Option<u64>,
}

/// Numbers of each item.
fn per_item(config: &MemoryConfig) -> usize {
    PER_ITEM + if config.student_visible { AHEAD.len() } else { 0 }
}

impl MemoryEpisode {
    /// The session from here on; its first review, which the environment has made, is known.
    pub fn new(session: MemorySession) -> Self {
        let mut episode = Self { seen: vec![Seen::default(); session.config.items], session };
        episode.note();
        episode
    }

    /// The session so far.
    pub fn session(&self) -> &MemorySession {
        &self.session
    }

    /// Takes the last review in.
    fn note(&mut self) {
        let last = self.session.last();
        let seen = &mut self.seen[last.item];
        if seen.asked > 0 {
            let over = last.time - seen.last_time;
            if last.correct {
                seen.longest_recalled = seen.longest_recalled.max(over);
            } else {
                seen.shortest_forgotten = Some(seen.shortest_forgotten.map_or(over, |least| least.min(over)));
            }
        }
        seen.asked += 1;
        seen.right += u32::from(last.correct);
        seen.last_correct = last.correct;
        seen.last_time = self.session.time();
    }

    /// How observations and actions are laid out.
    pub fn layout(config: &MemoryConfig) -> Layout {
        Layout::Items { items: config.items, per_item: per_item(config), rest: 1, others: 0 }
    }

    /// Reviews that are the tutor's: all but the first.
    fn reviews(&self) -> usize {
        self.session.config.steps - 1
    }
}

impl Environment for MemoryEpisode {
    type Error = EduError;

    fn actions(&self) -> usize {
        self.seen.len()
    }

    fn features(&self) -> usize {
        per_item(&self.session.config) * self.seen.len() + 1
    }

    fn observe(&self, features: &mut [f32]) {
        let width = per_item(&self.session.config);
        let (items, rest) = features.split_at_mut(width * self.seen.len());
        if self.session.config.student_visible {
            let delay = u64::from(self.session.config.min_delay.max(1));
            for (place, ahead) in AHEAD.into_iter().enumerate() {
                let recall = self.session.recall_after(ahead * delay);
                for (row, recall) in items.chunks_exact_mut(width).zip(recall) {
                    row[PER_ITEM + place] = if recall.is_nan() { 0.0 } else { recall.clamp(0.0, 1.0) as f32 };
                }
            }
        }
        let last = self.session.last().item;
        for (item, (seen, row)) in self.seen.iter().zip(items.chunks_exact_mut(width)).enumerate() {
            let sign = |right: bool| if right { 1.0 } else { -1.0 };
            let scaled = |time: u64| (time as f32).ln_1p() / 5.0;
            let told = match seen.asked {
                0 => [1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5],
                asked => [
                    scaled(self.session.time() - seen.last_time),
                    (asked as f32).ln_1p(),
                    seen.right as f32 / 8.0,
                    (asked - seen.right) as f32 / 8.0,
                    sign(seen.last_correct),
                    f32::from(u8::from(item == last)),
                    scaled(seen.longest_recalled),
                    seen.shortest_forgotten.map_or(1.5, scaled),
                ],
            };
            row[..PER_ITEM].copy_from_slice(&told);
        }
        let left = self.session.config.steps - self.session.steps();
        rest[0] = left as f32 / self.reviews() as f32;
    }

    /// Whether the item is recalled and how long the delay is are drawn, in that order, whatever the item.
    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, EduError> {
        let step = self.session.step(action, rng)?;
        self.note();
        Ok(Transition { reward: step.reward / self.reviews() as f64, done: step.done })
    }
}

impl Narrated for MemoryEpisode {
    fn about(&self) -> String {
        String::new()
    }

    fn correct(&self) -> Option<bool> {
        (self.session.steps() > 1).then(|| self.session.last().correct)
    }

    /// The recall of every item; what exceeds 1 (see the module's notes) is 1, and what is no number 0.
    fn inside(&self) -> Vec<f64> {
        self.session.recall().into_iter().map(part).collect()
    }
}

/// A recall as a probability.
fn part(recall: f64) -> f64 {
    if recall.is_nan() { 0.0 } else { recall.clamp(0.0, 1.0) }
}

fn mean(recall: Vec<f64>) -> f64 {
    let items = recall.len() as f64;
    recall.into_iter().map(part).sum::<f64>() / items
}

impl Recorded for MemoryEpisode {
    fn skills(&self) -> usize {
        self.seen.len()
    }

    fn success(&self, action: usize) -> Option<f64> {
        self.session.recall().get(action).copied().map(part)
    }

    /// The mean recall of all items, each as in [`Narrated::inside`].
    fn score(&self) -> Option<f64> {
        Some(mean(self.session.recall()))
    }

    /// A unit of the simulator's time, which has no name, counts as a second.
    fn score_in(&self, seconds: f64) -> Option<f64> {
        Some(mean(self.session.recall_after(seconds.round() as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededDraws;
    use crate::students::memory::{Memory, MemoryConfig, MemoryModel};
    use grpo_rollout::Streams;

    #[test]
    fn a_session_is_worth_its_mean_and_what_is_seen_follows_from_the_reviews() {
        for model in [MemoryModel::Efc, MemoryModel::Hlr, MemoryModel::Dash] {
            let config = MemoryConfig { model, items: 6, steps: 40, max_delay: 9, ..MemoryConfig::default() };
            let memory = Memory::new(config).unwrap();
            let student = memory.draw_student(&mut SeededDraws::new("students", 1, 0)).into();
            let session = memory.reset(&student, &mut SeededDraws::new("sessions", 1, 0)).unwrap();
            let mut episode = MemoryEpisode::new(session.clone());
            let (mut rng, mut twin) = (Streams::new(1).stream(0, 0, 0), Streams::new(1).stream(0, 0, 0));
            let mut replay = session;
            let (mut sum, mut mean, mut done, mut n) = (0.0, 0.0, false, 0);
            let mut history = vec![replay.last()];
            while !done {
                let mut features = vec![0.0; episode.features()];
                episode.observe(&mut features);
                for item in 0..6 {
                    let asked = history.iter().filter(|r| r.item == item).count();
                    assert!((features[8 * item + 1] - (asked as f32).ln_1p()).abs() < 1e-6);
                    let last = history.iter().rev().find(|r| r.item == item);
                    let answer = last.map_or(0.0, |r| if r.correct { 1.0 } else { -1.0 });
                    assert_eq!(features[8 * item + 4], answer);
                    let since = last.map(|r| replay.time() - r.time - u64::from(r.delay));
                    let time = since.map_or(1.5, |t| (t as f32).ln_1p() / 5.0);
                    assert!((features[8 * item] - time).abs() < 1e-6);
                }
                assert!((features[48] - (39 - n) as f32 / 39.0).abs() < 1e-6);
                let transition = episode.step(n * 5 % 6, &mut rng).unwrap();
                let step = replay.step(n * 5 % 6, &mut twin).unwrap();
                (sum, mean, done, n) =
                    (sum + transition.reward, mean + step.reward / 39.0, transition.done, n + 1);
                history.push(step.review);
            }
            assert_eq!((n, episode.session()), (39, &replay));
            assert!((sum - mean).abs() < 1e-9 || mean.is_nan(), "{model:?}: {sum} {mean}");
            assert!(episode.step(0, &mut rng).is_err());
        }
    }
}
