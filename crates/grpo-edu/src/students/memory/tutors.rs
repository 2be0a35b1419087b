//! Tutors for spaced repetition that learn nothing: what a trained one is compared with.

use super::{Memory, MemorySession, MemoryStudent, Review};
use crate::draws::Draws;
use crate::error::EduError;
use std::collections::VecDeque;
use std::sync::Arc;

/// A tutor for spaced repetition: gets every review, the environment's first one included, and names the
/// next item.
pub trait MemoryTutor {
    /// Forgets the episode before.
    fn reset(&mut self, draws: &mut dyn Draws);

    /// Takes in a review.
    fn update(&mut self, review: Review);

    /// The next item.
    fn choose(&mut self, draws: &mut dyn Draws) -> usize;
}

/// Teaches one student for one episode; the result is the mean reward over the tutor's own steps. The
/// environment and the tutor draw from streams of their own, so that tutors can be compared on the same
/// luck.
///
/// # Errors
///
/// Those of [`Memory::reset`], and [`EduError::ItemOutOfRange`] from a tutor that names no item.
pub fn teach(
    memory: &Memory,
    student: &Arc<MemoryStudent>,
    tutor: &mut dyn MemoryTutor,
    environment_draws: &mut dyn Draws,
    tutor_draws: &mut dyn Draws,
) -> Result<f64, EduError> {
    tutor.reset(tutor_draws);
    let mut session = memory.reset(student, environment_draws)?;
    let mut total = 0.0;
    let mut steps = 0_usize;
    while !session.is_done() {
        tutor.update(session.last());
        let item = tutor.choose(tutor_draws);
        total += session.step(item, environment_draws)?.reward;
        steps += 1;
    }
    Ok(total / steps as f64)
}

/// Any item, each equally likely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyItem {
    items: usize,
}

impl AnyItem {
    /// For an environment with so many items.
    pub fn new(items: usize) -> Self {
        Self { items }
    }
}

impl MemoryTutor for AnyItem {
    fn reset(&mut self, _: &mut dyn Draws) {}

    fn update(&mut self, _: Review) {}

    fn choose(&mut self, draws: &mut dyn Draws) -> usize {
        draws.integer(0, self.items as i64 - 1).max(0) as usize
    }
}

/// Leitner's boxes as an infinite queue network (Reddy et al. 2016, "Unbounded Human Learning"): new items
/// wait in queue 0 and arrive with a probability of their own; an item that was recalled moves up a queue,
/// one that was not moves down, and queue `k` is served in proportion to `1 / √k`.
#[derive(Debug, Clone, PartialEq)]
pub struct Leitner {
    items: usize,
    arrival: f64,
    queues: Vec<VecDeque<usize>>,
    /// The queue from which the last item came.
    current: usize,
    started: bool,
}

impl Leitner {
    /// For an environment with so many items; `arrival` is the probability that a new item is shown
    /// while there are any (0.1 in the original when it is not tuned).
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] when `arrival` is no probability.
    pub fn new(items: usize, arrival: f64) -> Result<Self, EduError> {
        if !(0.0..=1.0).contains(&arrival) {
            return Err(EduError::Config {
                key: "arrival",
                value: arrival.to_string(),
                need: "between 0 and 1".into(),
            });
        }
        Ok(Self { items, arrival, queues: vec![VecDeque::new()], current: 0, started: false })
    }

    /// The probability of each queue, that of the new items first.
    fn probabilities(&self) -> Vec<f64> {
        let filled = |queue: &VecDeque<usize>| !queue.is_empty();
        let rate = |(number, queue): (usize, &VecDeque<usize>)| match number {
            0 => 0.0,
            _ if filled(queue) => 1.0 / (number as f64).sqrt(),
            _ => 0.0,
        };
        let mut weights: Vec<f64> = self.queues.iter().enumerate().map(rate).collect();
        let reviews: f64 = weights.iter().sum();
        let arrival = if filled(&self.queues[0]) { self.arrival } else { 0.0 };
        if reviews > 0.0 {
            weights.iter_mut().for_each(|weight| *weight *= (1.0 - arrival) / reviews);
        }
        weights[0] = arrival;
        let total: f64 = weights.iter().sum();
        if total > 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        weights
    }
}

impl MemoryTutor for Leitner {
    fn reset(&mut self, _: &mut dyn Draws) {
        self.queues = vec![VecDeque::new()];
        self.current = 0;
        self.started = false;
    }

    fn update(&mut self, review: Review) {
        if !self.started {
            self.queues[0] = (0..self.items).filter(|&item| item != review.item).collect();
            self.started = true;
        }
        let next = if review.correct { self.current + 1 } else { self.current.saturating_sub(1) }.max(1);
        if next >= self.queues.len() {
            self.queues.resize_with(next + 1, VecDeque::new);
        }
        self.queues[next].push_back(review.item);
    }

    fn choose(&mut self, draws: &mut dyn Draws) -> usize {
        self.current = draws.weighted(&self.probabilities());
        // Only filled queues have a positive weight. Before the first update there is nothing to choose
        // from: any item will do.
        self.queues.get_mut(self.current).and_then(VecDeque::pop_front).unwrap_or(0)
    }
}

/// Reviews the item whose recall is nearest to a threshold, the lowest among equals, according to a copy
/// of the student with its true parameters.
///
/// As in the original, the copy is not in step with the student: it starts with a review that the student
/// never had, is one delay ahead, and stores each review one delay earlier. It is no oracle.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    memory: Memory,
    student: Arc<MemoryStudent>,
    threshold: f64,
    copy: Option<MemorySession>,
}

impl Threshold {
    /// For this student in this environment.
    ///
    /// # Errors
    ///
    /// [`EduError::StudentMismatch`] as in [`Memory::reset`].
    pub fn new(memory: &Memory, student: &Arc<MemoryStudent>, threshold: f64) -> Result<Self, EduError> {
        memory.check(student)?;
        Ok(Self { memory: memory.clone(), student: Arc::clone(student), threshold, copy: None })
    }

    /// The copy as the tutor holds it; none before the first reset.
    pub fn copy(&self) -> Option<&MemorySession> {
        self.copy.as_ref()
    }
}

impl MemoryTutor for Threshold {
    fn reset(&mut self, draws: &mut dyn Draws) {
        self.copy = Some(self.memory.start(&self.student, draws));
    }

    fn update(&mut self, review: Review) {
        if let Some(copy) = &mut self.copy
            && review.item < copy.config.items
        {
            let window = copy.window();
            copy.trace.record(review.item, review.correct, review.time, window);
            copy.step += 1;
            copy.now += u64::from(review.delay);
        }
    }

    fn choose(&mut self, _: &mut dyn Draws) -> usize {
        let recall = self.copy.as_ref().map_or(vec![], MemorySession::recall);
        let mut nearest = (0, f64::INFINITY);
        for (item, recall) in recall.into_iter().enumerate() {
            let distance = (recall - self.threshold).abs();
            if distance < nearest.1 {
                nearest = (item, distance);
            }
        }
        nearest.0
    }
}
