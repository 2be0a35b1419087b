//! A time limit for rewards that may never come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::reward::score_guarded;
use crate::{Assess, Outcome, Reward, Sample};

/// Scores every sample by itself; one that takes longer than `limit` gets [`Outcome::Failed`].
///
/// A thread cannot be stopped from outside: one that is late is left to itself (it ends once its reward comes back, if ever), and
/// another takes its place. So the samples are copied, and the reward is shared.
pub(crate) fn score(reward: &Arc<dyn Reward>, samples: &[Sample<'_>], limit: Duration) -> Vec<Outcome> {
    let job = Arc::new(Job {
        reward: Arc::clone(reward),
        samples: samples.iter().map(Owned::new).collect(),
        next: AtomicUsize::new(0),
        late: samples.iter().map(|_| AtomicBool::new(false)).collect(),
    });
    let (sender, receiver) = channel();
    for _ in 0..rayon::current_num_threads().min(samples.len()) {
        job.start(&sender);
    }
    Watch { limit, outcomes: vec![None; samples.len()], running: Vec::new() }
        .collect(&job, &sender, &receiver)
}

/// What the threads share.
struct Job {
    reward: Arc<dyn Reward>,
    samples: Vec<Owned>,
    /// The first sample nobody has taken yet.
    next: AtomicUsize,
    /// Which samples have been given up.
    late: Vec<AtomicBool>,
}

enum News {
    Begun(usize, Instant),
    Done(usize, Outcome),
}

impl Job {
    /// Starts a thread that takes samples until none is left, or one was given up under its hands.
    fn start(self: &Arc<Self>, sender: &Sender<News>) {
        let (job, sender) = (Arc::clone(self), sender.clone());
        let name = format!("reward {}", self.reward.name());
        let work = move || {
            while let Some(sample) = job.take() {
                // Nobody listens any more where every sample has its outcome.
                if sender.send(News::Begun(sample, Instant::now())).is_err() {
                    return;
                }
                let outcome = score_guarded(&*job.reward, &job.samples[sample].borrowed());
                if job.late[sample].load(Ordering::Acquire)
                    || sender.send(News::Done(sample, outcome)).is_err()
                {
                    return;
                }
            }
        };
        // Where the system has no thread left, the caller's own does the work, without a limit.
        let spawned = std::thread::Builder::new().name(name).spawn(work.clone());
        if spawned.is_err() {
            work();
        }
    }

    fn take(&self) -> Option<usize> {
        let sample = self.next.fetch_add(1, Ordering::Relaxed);
        (sample < self.samples.len()).then_some(sample)
    }
}

struct Watch {
    limit: Duration,
    outcomes: Vec<Option<Outcome>>,
    running: Vec<(usize, Instant)>,
}

impl Watch {
    fn collect(mut self, job: &Arc<Job>, sender: &Sender<News>, receiver: &Receiver<News>) -> Vec<Outcome> {
        let mut open = self.outcomes.len();
        while open > 0 {
            let first = self.running.iter().map(|(_, begun)| *begun).min();
            let wait = first
                .map_or(self.limit, |begun| (begun + self.limit).saturating_duration_since(Instant::now()));
            match receiver.recv_timeout(wait) {
                Ok(News::Begun(sample, at)) => self.running.push((sample, at)),
                Ok(News::Done(sample, outcome)) => {
                    self.running.retain(|(running, _)| *running != sample);
                    // One that was given up a moment ago stays so.
                    if self.outcomes[sample].is_none() {
                        self.outcomes[sample] = Some(outcome);
                        open -= 1;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    open -= self.give_up(job, sender);
                }
            }
        }
        self.outcomes.into_iter().flatten().collect()
    }

    /// Gives up what is over the limit; another thread goes on for each. Returns how many.
    fn give_up(&mut self, job: &Arc<Job>, sender: &Sender<News>) -> usize {
        let now = Instant::now();
        let (late, running): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|(_, begun)| now.duration_since(*begun) >= self.limit);
        self.running = running;
        for (sample, _) in &late {
            job.late[*sample].store(true, Ordering::Release);
            self.outcomes[*sample] =
                Some(Outcome::Failed(format!("took longer than {} s", self.limit.as_secs_f64())));
            job.start(sender);
        }
        late.len()
    }
}

/// A sample that may outlive its batch.
struct Owned {
    prompt: String,
    completion: String,
    reference: Option<String>,
    truncated: bool,
    tokens: Vec<u32>,
    fields: Option<Map<String, Value>>,
    group: usize,
    item: Option<Arc<dyn Assess>>,
}

impl Owned {
    fn new(sample: &Sample<'_>) -> Self {
        let Sample { prompt, completion, reference, truncated, tokens, fields, group, item } = *sample;
        Self {
            prompt: prompt.to_owned(),
            completion: completion.to_owned(),
            reference: reference.map(str::to_owned),
            truncated,
            tokens: tokens.to_vec(),
            fields: fields.cloned(),
            group,
            item: item.cloned(),
        }
    }

    fn borrowed(&self) -> Sample<'_> {
        Sample {
            prompt: &self.prompt,
            completion: &self.completion,
            reference: self.reference.as_deref(),
            truncated: self.truncated,
            tokens: &self.tokens,
            fields: self.fields.as_ref(),
            group: self.group,
            item: self.item.as_ref(),
        }
    }
}
