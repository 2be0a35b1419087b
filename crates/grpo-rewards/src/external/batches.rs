//! How samples are put into requests, and what becomes of a request that fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::MAX_BATCH;
use crate::compose::groups;
use crate::{Outcome, RewardError, Sample};

/// A request without usable answer.
pub(super) struct Failure {
    /// What a person reads.
    pub why: String,
    /// What to do about it.
    pub then: Then,
    /// Whether it cost much (a restart, a time limit, all retries), so that there can be few of its kind.
    pub costly: bool,
}

/// What a failure suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It may have been chance: the same request once more.
    Again,
    /// One of the samples may be the reason: each of them by itself.
    Split,
    /// Nothing would change.
    GiveUp,
}

/// How much may be spent on a batch that has failed, before what is left of it is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Costly failures after which there is another request.
    pub failures: u32,
    /// Time since the first failure after which there is no further request.
    pub time: Duration,
}

/// How a batch reaches whoever scores it.
pub(super) trait Exchange {
    /// One request. Answers with one outcome for each sample.
    fn ask(&self, samples: &[Sample<'_>]) -> Result<Vec<Outcome>, Failure>;

    /// What may be spent on one batch.
    fn patience(&self) -> Patience;

    /// Set while the last batch of several samples got no answer at all: then a batch is tried once and not taken
    /// apart, so that a broken reward costs a run little time before the run notices.
    fn hopeless(&self) -> &AtomicBool;
}

/// Samples that are judged together, by their indices.
pub(super) type Unit = Vec<usize>;

/// The smallest requests: single samples, or the groups in the order of their first samples.
pub(super) fn units(samples: &[Sample<'_>], whole_groups: bool) -> Vec<Unit> {
    if !whole_groups {
        return (0..samples.len()).map(|index| vec![index]).collect();
    }
    groups(samples)
}

/// Units put together until another one would make more than `size` samples. A unit is never divided.
pub(super) fn batches(units: &[Unit], size: usize) -> Vec<&[Unit]> {
    let mut batches = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (at, unit) in units.iter().enumerate() {
        if held > 0 && held + unit.len() > size {
            batches.push(&units[start..at]);
            (start, held) = (at, 0);
        }
        held += unit.len();
    }
    if held > 0 {
        batches.push(&units[start..]);
    }
    batches
}

/// One outcome for each sample of a batch, in the order of its units.
pub(super) fn score(exchange: &impl Exchange, samples: &[Sample<'_>], batch: &[Unit]) -> Vec<Outcome> {
    let all: Vec<Sample<'_>> = batch.iter().flatten().map(|&index| samples[index]).collect();
    let was_hopeless = exchange.hopeless().load(Ordering::Relaxed);
    let (outcomes, answered) = match exchange.ask(&all) {
        Ok(outcomes) => (outcomes, true),
        Err(failure) if was_hopeless => (failed(&all, &failure.why), false),
        Err(failure) => Search::new(exchange).after(failure, &all, batch),
    };
    // A single sample that fails says little about the reward.
    if answered || batch.len() > 1 {
        exchange.hopeless().store(!answered, Ordering::Relaxed);
    }
    outcomes
}

/// The search for the samples that made a batch fail.
struct Search<'e, E> {
    exchange: &'e E,
    left: Patience,
    started: Instant,
}

impl<'e, E: Exchange> Search<'e, E> {
    fn new(exchange: &'e E) -> Self {
        Self { exchange, left: exchange.patience(), started: Instant::now() }
    }

    /// Outcomes, and whether there was any answer.
    fn after(mut self, first: Failure, all: &[Sample<'_>], batch: &[Unit]) -> (Vec<Outcome>, bool) {
        let mut failure = first;
        let mut open = self.spend(&failure);
        if failure.then == Then::Again && open {
            match self.exchange.ask(all) {
                Ok(outcomes) => return (outcomes, true),
                Err(again) => {
                    open = self.spend(&again);
                    failure = again;
                }
            }
        }
        if !open || failure.then == Then::GiveUp || batch.len() < 2 {
            return (failed(all, &failure.why), false);
        }
        self.one_by_one(all, batch)
    }

    fn one_by_one(&mut self, all: &[Sample<'_>], batch: &[Unit]) -> (Vec<Outcome>, bool) {
        let mut outcomes = Vec::with_capacity(all.len());
        let mut answered = false;
        let mut ended_by: Option<String> = None;
        for unit in batch {
            let part = &all[outcomes.len()..outcomes.len() + unit.len()];
            if let Some(why) = &ended_by {
                outcomes.extend(failed(part, why));
                continue;
            }
            match self.exchange.ask(part) {
                Ok(part) => {
                    answered = true;
                    outcomes.extend(part);
                }
                Err(failure) => {
                    outcomes.extend(failed(part, &failure.why));
                    if !self.spend(&failure) || failure.then == Then::GiveUp {
                        ended_by = Some(format!("not asked again after too many failures: {}", failure.why));
                    }
                }
            }
            if ended_by.is_none() && self.started.elapsed() > self.left.time {
                let spent = self.started.elapsed().as_secs_f64();
                ended_by =
                    Some(format!("not asked: the search for what its batch failed on took {spent:.0} s"));
            }
        }
        (outcomes, answered)
    }

    /// Whether there may be another request after this failure.
    fn spend(&mut self, failure: &Failure) -> bool {
        if failure.costly {
            match self.left.failures.checked_sub(1) {
                Some(left) => self.left.failures = left,
                None => return false,
            }
        }
        self.started.elapsed() <= self.left.time
    }
}

fn failed(samples: &[Sample<'_>], why: &str) -> Vec<Outcome> {
    samples.iter().map(|_| Outcome::Failed(why.to_owned())).collect()
}

/// Checks a setting in seconds.
pub(super) fn seconds(key: &str, value: f64) -> Result<Duration, RewardError> {
    const DAY: f64 = 86_400.0;
    match Duration::try_from_secs_f64(value) {
        Ok(time) if time > Duration::ZERO && value <= DAY => Ok(time),
        _ => {
            let fix = "use a number of seconds above 0, at most 86400 (a day)";
            Err(RewardError::invalid(key, format!("is {value}"), fix))
        }
    }
}

/// Checks a setting that counts.
pub(super) fn counted(key: &str, value: usize, most: usize) -> Result<(), RewardError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(RewardError::invalid(key, format!("is {value}"), format!("use 1 to {most}")))
}

/// Checks the number of samples in a request.
pub(super) fn batch_size(value: usize) -> Result<(), RewardError> {
    counted("batch_size", value, MAX_BATCH)
}
