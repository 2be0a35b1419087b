use crate::{Error, OptimizerConfig, Schedule, Update, Workers, recipe::rate};
use burn::{module::Module, optim::ModuleOptimizer};
use grpo_core::{AdvantageEstimator, LossInputs, Metrics, Objective, column};
use grpo_rollout::{
    Agent, Environment, Episode, Experience, Play, Policy, Record, SessionBatch, SessionStates, Streams, play,
};
use serde::Serialize;
use std::time::Instant;

/// GRPO on sessions with an environment: G sessions from the same start are compared with each other. The same objective, the same
/// weights of the whole step and the same micro-batches as for language models.
///
/// ```text
/// sessions   = play(policy, starts, G)                      the same learner G times, with luck of its own each time
/// A          = advantages of the sessions' rewards in their groups
/// policy     = update(policy, ∇ objective(policy, sessions, A))
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SessionGrpo {
    /// How sessions are played: G, the longest session, the temperature of the choices (1).
    pub play: Play,
    /// Passes over each step's sessions.
    pub iterations: usize,
    /// Sessions that go through the policy together in the update. Changes memory and speed, and results by rounding only.
    pub micro_batch_size: usize,
    /// The learning rate.
    pub schedule: Schedule,
    /// How rewards become advantages.
    pub advantages: AdvantageEstimator,
    /// What is minimised. Without a KL term: there is no reference policy here.
    pub objective: Objective,
    /// AdamW.
    pub optimizer: OptimizerConfig,
}

/// The numbers of a step on sessions, under TRL's names where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SessionMetrics {
    /// The objective's value.
    pub loss: f64,
    /// Mean reward of a session.
    pub reward: f64,
    /// Mean over groups of the standard deviation within the group.
    pub reward_std: f64,
    /// Share of groups whose rewards are all equal; they teach nothing.
    pub frac_reward_zero_std: f64,
    /// Entropy of the choices as they were drawn, mean over steps, nats.
    pub entropy: f64,
    /// Share of choices whose ratio is outside of the clip's range in the direction of the advantage.
    #[serde(rename = "clip_ratio/region_mean")]
    pub clip_region: f64,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Choices made.
    pub steps: usize,
    /// Seconds for the whole step.
    pub step_time: f64,
    /// Seconds of playing.
    #[serde(rename = "time/rollout")]
    pub rollout_time: f64,
}

/// What a policy must be to be trained on sessions.
pub trait SessionPolicy: Module + Agent + Policy<States = SessionStates> + Sync {}

impl<P: Module + Agent + Policy<States = SessionStates> + Sync> SessionPolicy for P {}

impl SessionGrpo {
    /// Checks every value.
    ///
    /// # Errors
    /// Names the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        if self.play.group_size < 2 {
            let fix = "a session is compared with the others of its group, so use at least 2";
            return Err(Error::setting("group_size", format!("is {}", self.play.group_size), fix));
        }
        for (key, value) in [
            ("max_steps", self.play.max_steps),
            ("iterations", self.iterations),
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
        self.advantages.validate()?;
        self.objective.validate()?;
        self.optimizer.validate()
    }

    /// One step: G sessions from each start, compared within their groups, and an optimizer step for each of the passes. Everything that is
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
        let begin = Instant::now();
        let sessions = play(&policy.valid(), starts, self.play, streams, step as u64)?;
        let rollout_time = begin.elapsed().as_secs_f64();
        let rewards: Vec<f64> = sessions.records.iter().map(Record::reward).collect();
        let sizes = vec![self.play.group_size; starts.len()];
        let episodes = || sessions.groups.iter().flat_map(|group| &group.episodes);
        let lengths: Vec<usize> = episodes().map(Episode::len).collect();
        let advantages = self.advantages.estimate_groups(&rewards, &sizes, Some(&lengths))?;
        let entropy: f64 = episodes().flat_map(|e| &e.entropies).map(|&h| f64::from(h)).sum();

        let rows: Vec<(&Episode, &Record<E>)> = episodes().zip(&sessions.records).collect();
        let weights = self.objective.aggregate.row_weights(&lengths);
        let update =
            Step { grpo: self, rows: &rows, advantages: &advantages.values, weights: &weights, workers };
        let values: Vec<f32> = advantages.values.iter().map(|&a| a as f32).collect();
        let experience = Experience::new(sessions.groups.clone(), values)?;
        let (mut moved, mut state) = (policy.clone(), optimizer.clone());
        let mut last = None;
        for _ in 0..self.iterations {
            let (next, metrics, norm) = update.pass(moved, &mut state, &experience, step)?;
            (moved, last) = (next, Some((metrics, norm)));
        }
        (*policy, *optimizer) = (moved, state);
        let (metrics, grad_norm) =
            last.ok_or_else(|| Error::setting("iterations", "is 0", "use at least 1"))?;
        let steps: usize = lengths.iter().sum();
        Ok(SessionMetrics {
            loss: metrics.loss,
            reward: advantages.reward_mean,
            reward_std: advantages.reward_std,
            frac_reward_zero_std: advantages.share_without_spread(),
            entropy: entropy / steps.max(1) as f64,
            clip_region: metrics.clip_region,
            grad_norm,
            learning_rate: self.schedule.rate(step),
            steps,
            step_time: begin.elapsed().as_secs_f64(),
            rollout_time,
        })
    }
}

/// The sessions of one step, with what they are worth.
struct Step<'a, E> {
    grpo: &'a SessionGrpo,
    rows: &'a [(&'a Episode, &'a Record<E>)],
    advantages: &'a [f64],
    /// Of the whole step, whatever is split below.
    weights: &'a [f64],
    workers: &'a Workers,
}

impl<E: Environment + Sync> Step<'_, E> {
    /// One pass over the sessions: gradients of the micro-batches, summed in their order, and one optimizer step.
    fn pass<P: SessionPolicy>(
        &self,
        policy: P,
        optimizer: &mut ModuleOptimizer,
        experience: &Experience,
        step: usize,
    ) -> Result<(P, Metrics, f64), Error> {
        let objective = &self.grpo.objective;
        let device = policy.device();
        let host = device.clone().without_autodiff();
        let parts = experience.micro_batches(self.grpo.micro_batch_size);
        let parts = self.workers.map(&parts, |part| {
            let policy = policy.clone().fork(&device);
            let rows = &self.rows[part.rows.clone()];
            let Some((_, record)) = rows.first() else {
                return Err(grpo_rollout::Error::Empty { group: 0 }.into());
            };
            let (features, actions) = (record.end.features(), record.end.actions());
            let batch = SessionBatch::new(rows, features, actions, &host);
            let evaluation = policy.evaluate(&batch.states, batch.actions)?;
            let mut inputs = LossInputs::new(
                evaluation.log_probs,
                column(&self.advantages[part.rows.clone()], &host),
                batch.mask,
                column(&self.weights[part.rows.clone()], &host),
            );
            inputs.old_log_probs = Some(batch.old_log_probs);
            inputs.entropies = (objective.entropy_bonus != 0.0).then_some(evaluation.entropy);
            let outputs = objective.loss(inputs)?;
            Ok((Update::gradients(&policy, &outputs.loss), outputs.diagnostics))
        })?;
        let (update, diagnostics) =
            Update::sum(&policy, parts).ok_or(grpo_rollout::Error::Empty { group: 0 })?;
        let metrics = diagnostics.read()?;
        let (rate, most) = (self.grpo.schedule.rate(step), self.grpo.optimizer.max_grad_norm);
        let (policy, norm) =
            update.apply_finite(policy, optimizer, rate, most, metrics.loss, ("grpo", step))?;
        Ok((policy, metrics, norm))
    }
}
