//! The client side of `kind = "http"`.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::batches::{self, Exchange, Failure, Patience, Then, Unit, seconds, units};
use super::protocol::{Reading, decode, encode};
use super::{HttpService, MAX_ANSWER, in_order, single};
use crate::http::{Endpoint, HttpError};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, Sample, Score};

/// Costly failures of one batch after which it is not asked any further.
const PATIENCE: u32 = 3;

struct Service {
    settings: HttpService,
    endpoint: Endpoint,
    requests: AtomicU64,
    hopeless: AtomicBool,
}

impl HttpService {
    pub(super) fn connect(&self, headers: Vec<(String, String)>) -> Result<Box<dyn Reward>, RewardError> {
        let mut endpoint = Endpoint::new(&self.url).map_err(invalid)?;
        endpoint.timeout = seconds("time_limit", self.time_limit)?;
        endpoint.first_wait = seconds("first_wait", self.first_wait)?;
        endpoint.retries = self.retries;
        endpoint.headers = headers;
        endpoint.body_limit = MAX_ANSWER;
        endpoint.validate().map_err(invalid)?;
        let (requests, hopeless) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Box::new(Service { settings: self.clone(), endpoint, requests, hopeless }))
    }
}

impl Reward for Service {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        single(self.score_batch(std::slice::from_ref(sample)))
    }

    fn per_episode(&self) -> bool {
        !self.settings.whole_groups
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        let units = units(samples, self.settings.whole_groups);
        let batches = batches::batches(&units, self.settings.batch_size);
        in_order(samples.len(), &batches, self.in_parallel(samples, &batches))
    }
}

impl Service {
    /// The batches' outcomes in their order. Threads of their own, not rayon's: they mostly wait.
    fn in_parallel(&self, samples: &[Sample<'_>], batches: &[&[Unit]]) -> Vec<Vec<Outcome>> {
        let slots: Vec<Mutex<Vec<Outcome>>> = batches.iter().map(|_| Mutex::default()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some(batch), Some(slot)) = (batches.get(at), slots.get(at)) else { return };
                let outcomes = batches::score(self, samples, batch);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = outcomes;
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.settings.parallel.min(batches.len()) {
                // Where no thread can be had, this one does the work.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

impl Exchange for Service {
    fn ask(&self, samples: &[Sample<'_>]) -> Result<Vec<Outcome>, Failure> {
        let id = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let body = encode(id, samples).map_err(|why| Failure { why, then: Then::GiveUp, costly: false })?;
        let reply = self.endpoint.post("application/json", &body).map_err(|error| failure(&error))?;
        let wrong = |why: &str| {
            let why = format!("{}: {why}", self.endpoint.shown_url());
            Failure { why, then: Then::Split, costly: false }
        };
        match decode(&reply.body, id, samples.len(), false) {
            Reading::Scores(outcomes) => Ok(outcomes),
            Reading::Earlier => Err(wrong("the answer has the `id` of another request")),
            Reading::Wrong(why) => Err(wrong(&why)),
        }
    }

    fn patience(&self) -> Patience {
        // One sample that gets no answer, and as much again for the others.
        let once = self.endpoint.timeout.saturating_mul(self.endpoint.retries.saturating_add(1));
        let time = once.saturating_mul(2);
        Patience { failures: PATIENCE, time }
    }

    fn hopeless(&self) -> &AtomicBool {
        &self.hopeless
    }
}

fn failure(error: &HttpError) -> Failure {
    let (then, costly) = match error {
        HttpError::Status { status: 400 | 413 | 422, .. } | HttpError::TooLarge { .. } => {
            (Then::Split, false)
        }
        HttpError::Status { status: 500, .. } | HttpError::Timeout { .. } => (Then::Split, true),
        _ => (Then::GiveUp, true),
    };
    Failure { why: error.to_string(), then, costly }
}

fn invalid(error: HttpError) -> RewardError {
    match error {
        HttpError::Header { name, problem } => {
            let fix = "correct it, or take it out";
            RewardError::invalid(&format!("headers.{name}"), format!("cannot be sent: {problem}"), fix)
        }
        HttpError::Url { url, problem } => {
            let problem = format!("`{url}` cannot be used: {problem}");
            RewardError::invalid("url", problem, "write http://HOST/PATH or https://HOST/PATH")
        }
        other => RewardError::invalid("url", other.to_string(), "correct it"),
    }
}
