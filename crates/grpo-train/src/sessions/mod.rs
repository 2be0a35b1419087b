//! Training on sessions with an environment: a tutor with simulated learners, for instance.

mod appraiser;
mod compared;
mod credit;
mod metrics;
mod update;

use appraiser::Appraisal;
pub use appraiser::Appraiser;
pub(crate) use credit::Judged;
pub use credit::{Credit, CriticCredit, GroupCredit};
pub use metrics::SessionMetrics;

use crate::{Error, OptimizerConfig, Schedule, Workers, recipe::rate};
use burn::{
    module::Module,
    optim::ModuleOptimizer,
    tensor::{Int, Tensor},
};
use grpo_core::Objective;
use grpo_edu::students::{Chronicled, Recorded};
use grpo_rollout::adaptive::Comparison;
use grpo_rollout::{
    Agent, Environment, Episode, Evaluation, Play, Policy, Record, SessionStates, Streams, play,
};
use std::time::Instant;
use update::Lesson;

/// GRPO, or PPO for comparison, on sessions with an environment. The same objective, the same weights of the whole step and the same
/// micro-batches as for language models.
///
/// ```text
/// sessions   = play(policy, starts, G)                      the same learner with the same luck G times
/// A          = credit of the sessions' rewards              within their groups (GRPO), or by a critic (PPO)
/// policy     = update(policy, ∇ objective(policy, sessions, A))
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SessionTrainer {
    /// How sessions are played: G, the longest session, the temperature of the choices (1).
    pub play: Play,
    /// Passes over each step's sessions.
    pub iterations: usize,
    /// Parts that a pass takes one after another, an optimizer step each; the sessions are shuffled for that. 1 takes all together.
    pub minibatches: usize,
    /// Sessions that go through the policy together in the update. Changes memory and speed, and results by rounding only.
    pub micro_batch_size: usize,
    /// The learning rate.
    pub schedule: Schedule,
    /// How rewards become advantages.
    pub credit: Credit,
    /// What is minimised. Without a KL term: there is no reference policy here.
    pub objective: Objective,
    /// AdamW.
    pub optimizer: OptimizerConfig,
}

/// What a policy must be to be trained on sessions.
pub trait SessionPolicy: Module + Agent + Policy<States = SessionStates> + Sync {
    /// [`Policy::evaluate`] and what a critic expects of the rest of the session before each step, `[sessions, steps]`; `None` without a
    /// critic, which only [`Credit::Critic`] needs.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    fn evaluate_with_values(
        &self,
        states: &SessionStates,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Option<Tensor<2>>), grpo_rollout::Error> {
        Ok((self.evaluate(states, actions)?, None))
    }
}

impl SessionPolicy for grpo_edu::Tutor {
    fn evaluate_with_values(
        &self,
        states: &SessionStates,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Option<Tensor<2>>), grpo_rollout::Error> {
        Self::evaluate_with_values(self, states, actions)
    }
}

impl SessionTrainer {
    /// Checks every value.
    ///
    /// # Errors
    /// Names the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        if self.play.group_size < 2 && matches!(self.credit, Credit::Group(_)) {
            let fix = "a session is compared with the others of its group, so use at least 2";
            return Err(Error::setting("group_size", format!("is {}", self.play.group_size), fix));
        }
        for (key, value) in [
            ("group_size", self.play.group_size),
            ("max_steps", self.play.max_steps),
            ("iterations", self.iterations),
            ("minibatches", self.minibatches),
            ("micro_batch_size", self.micro_batch_size),
        ] {
            if value == 0 {
                return Err(Error::setting(key, "is 0", "use at least 1"));
            }
        }
        if self.play.temperature != 1.0 {
            let fix = "use 1: the policy that is trained is the one that is played";
            return Err(Error::setting("temperature", format!("is {}", self.play.temperature), fix));
        }
        if self.objective.kl.is_some() {
            return Err(Error::setting(
                "objective.kl",
                "is set",
                "leave it out: sessions have no reference policy",
            ));
        }
        rate("learning_rate", self.schedule.peak)?;
        self.credit.validate()?;
        self.objective.validate()?;
        self.optimizer.validate()
    }

    /// One step: G sessions from each start, and an optimizer step for each part of each of the passes. Everything that is
    /// drawn is keyed by `streams` and `step` (from 0).
    ///
    /// # Errors
    /// When an environment, the policy or numbers fail; `policy` and `optimizer` are then what they were before.
    pub fn step<P: SessionPolicy, E: Environment + Sync>(
        &self,
        policy: &mut P,
        optimizer: &mut ModuleOptimizer,
        starts: &[E],
        streams: &Streams,
        step: usize,
        workers: &Workers,
    ) -> Result<SessionMetrics, Error> {
        let members = Comparison::by_question(&vec![self.play.group_size; starts.len()]);
        self.step_compared(policy, optimizer, starts, &members, streams, step, workers)
    }

    /// [`SessionTrainer::step`] with other groups than those of one start each: `members` says which of the `starts.len() * group_size`
    /// sessions, start by start, are compared with each other.
    ///
    /// # Errors
    /// As [`SessionTrainer::step`], and when `members` aren't of so many sessions.
    #[allow(clippy::too_many_arguments)]
    pub fn step_compared<P: SessionPolicy, E: Environment + Sync>(
        &self,
        policy: &mut P,
        optimizer: &mut ModuleOptimizer,
        starts: &[E],
        members: &Comparison,
        streams: &Streams,
        step: usize,
        workers: &Workers,
    ) -> Result<SessionMetrics, Error> {
        let own = |records: &[Record<E>]| Ok(Appraisal::own(records));
        self.step_paid(policy, optimizer, starts, members, own, streams, step, workers)
    }

    /// [`SessionTrainer::step_compared`], where an appraiser says what sessions are worth. Its multipliers move on when the step is done.
    ///
    /// # Errors
    /// As [`SessionTrainer::step_compared`]; when the appraiser's shaping doesn't suit the credit, and when none of the sessions has a worth.
    /// The appraiser is then what it was before, too.
    #[allow(clippy::too_many_arguments)]
    pub fn step_appraised<P: SessionPolicy, E: Recorded + Sync>(
        &self,
        policy: &mut P,
        optimizer: &mut ModuleOptimizer,
        starts: &[E],
        members: &Comparison,
        appraiser: &mut Appraiser,
        streams: &Streams,
        step: usize,
        workers: &Workers,
    ) -> Result<SessionMetrics, Error> {
        appraiser.check_credit(&self.credit)?;
        let told: Vec<Chronicled<E>> = starts.iter().cloned().map(Chronicled::new).collect();
        let mut next = appraiser.clone();
        let pay = |records: &[Record<Chronicled<E>>]| next.appraise(records, members);
        let metrics = self.step_paid(policy, optimizer, &told, members, pay, streams, step, workers)?;
        *appraiser = next;
        Ok(metrics)
    }

    #[allow(clippy::too_many_arguments)]
    fn step_paid<P: SessionPolicy, E: Environment + Sync>(
        &self,
        policy: &mut P,
        optimizer: &mut ModuleOptimizer,
        starts: &[E],
        members: &Comparison,
        pay: impl FnOnce(&[Record<E>]) -> Result<Appraisal, Error>,
        streams: &Streams,
        step: usize,
        workers: &Workers,
    ) -> Result<SessionMetrics, Error> {
        let begin = Instant::now();
        let sessions = play(&policy.valid(), starts, self.play, streams, step as u64)?;
        let rollout_time = begin.elapsed().as_secs_f64();
        let episodes = sessions.groups.iter().flat_map(|group| &group.episodes);
        let rows: Vec<(&Episode, &Record<E>)> = episodes.zip(&sessions.records).collect();
        check_members(members, rows.len())?;
        let appraisal = pay(&sessions.records)?;
        let lesson = Lesson { trainer: self, rows: &rows, workers };
        let targets = lesson.targets(policy, members, &appraisal)?;

        let (mut moved, mut state) = (policy.clone(), optimizer.clone());
        let mut last = None;
        for pass in 0..self.iterations {
            for part in parts_of_pass(rows.len(), self.minibatches, streams, step, pass) {
                let (next, outcome) = lesson.update(moved, &mut state, &targets, &part, step)?;
                (moved, last) = (next, Some(outcome));
            }
        }
        (*policy, *optimizer) = (moved, state);
        let last = last.ok_or_else(|| Error::setting("iterations", "is 0", "use at least 1"))?;
        let steps: usize = rows.iter().map(|(episode, _)| episode.len()).sum();
        let entropy: f64 = rows.iter().flat_map(|(e, _)| &e.entropies).map(|&h| f64::from(h)).sum();
        Ok(SessionMetrics {
            loss: last.loss,
            reward: targets.reward_mean,
            outcomes: appraisal.metrics,
            reward_std: targets.reward_std,
            frac_reward_zero_std: targets.without_spread,
            entropy: entropy / steps.max(1) as f64,
            clip_region: last.clip_region,
            value_loss: last.value_loss,
            explained_variance: targets.explained_variance,
            grad_norm: last.grad_norm,
            learning_rate: self.schedule.rate(step),
            steps,
            step_time: begin.elapsed().as_secs_f64(),
            rollout_time,
        })
    }
}

/// Every session is in exactly one group.
fn check_members(members: &Comparison, sessions: usize) -> Result<(), Error> {
    let own: Vec<usize> = (0..sessions).collect();
    let gathered = members.gather(&own).and_then(|rows| members.scatter(&rows));
    match gathered {
        Some(rows) if rows == own => Ok(()),
        Some(_) | None => {
            let got = members.sizes().iter().sum();
            Err(grpo_rollout::Error::Count { what: "sessions that are compared", got, want: sessions }.into())
        }
    }
}

/// Which of `count` sessions (or groups) each of the optimizer steps of a pass takes: shuffled where there is more than one.
pub(crate) fn parts_of_pass(
    count: usize,
    parts: usize,
    streams: &Streams,
    step: usize,
    pass: usize,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    if parts > 1 {
        let mut draws = streams.stream(step as u64, u64::MAX, pass as u64);
        for place in (1..count).rev() {
            order.swap(place, grpo_edu::Draws::integer(&mut draws, 0, place as i64) as usize);
        }
    }
    order.chunks(count.div_ceil(parts).max(1)).map(<[usize]>::to_vec).collect()
}
