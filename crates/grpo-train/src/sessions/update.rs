//! What is learnt from one step's sessions.

use super::appraiser::Appraisal;
use super::compared::Scored;
use super::credit::Judged;
use super::{Credit, CriticCredit, GroupCredit, SessionPolicy, SessionTrainer};
use crate::update::Sum;
use crate::{Error, Update, Workers};
use burn::{
    optim::ModuleOptimizer,
    tensor::{Device, Tensor, TensorData},
};
use grpo_core::{
    Aggregate, LossInputs, column,
    ppo::{explained_variance, value_loss},
};
use grpo_rollout::adaptive::Comparison;
use grpo_rollout::{Environment, Episode, Record, SessionBatch};

/// The sessions of one step.
pub(super) struct Lesson<'a, E> {
    pub(super) trainer: &'a SessionTrainer,
    pub(super) rows: &'a [(&'a Episode, &'a Record<E>)],
    pub(super) workers: &'a Workers,
}

/// What sessions are worth to the update, session by session.
pub(super) struct Targets {
    /// One advantage for the whole session, or one per step.
    advantages: Vec<Vec<f64>>,
    /// What the critic said before the update and what it should have said, step by step; empty without a critic.
    values: Vec<Vec<f64>>,
    returns: Vec<Vec<f64>>,
    pub(super) reward_mean: f64,
    pub(super) reward_std: f64,
    pub(super) without_spread: f64,
    pub(super) explained_variance: Option<f64>,
}

/// What one optimizer step was like.
pub(super) struct Outcome {
    pub(super) loss: f64,
    pub(super) clip_region: f64,
    pub(super) value_loss: Option<f64>,
    pub(super) grad_norm: f64,
}

impl<E: Environment + Sync> Lesson<'_, E> {
    /// Advantages of all sessions, and for a critic its targets. A session without a worth is compared with none and teaches nothing.
    pub(super) fn targets<P: SessionPolicy>(
        &self,
        policy: &P,
        members: &Comparison,
        appraisal: &Appraisal,
    ) -> Result<Targets, Error> {
        let scored = Scored::new(members, appraisal);
        let clocks = scored.rows.iter().map(|&row| self.rows[row].1.clocks.clone()).collect();
        // For PPO only what is reported about groups.
        let (group, critic) = match &self.trainer.credit {
            Credit::Group(group) => (*group, None),
            Credit::Critic(critic) => (GroupCredit::default(), Some(critic)),
        };
        let (steps, whole) = scored.compare(&group, clocks)?;
        let mut targets = Targets {
            advantages: vec![vec![0.0]; self.rows.len()],
            values: Vec::new(),
            returns: Vec::new(),
            reward_mean: whole.reward_mean,
            reward_std: whole.reward_std,
            without_spread: whole.share_without_spread(),
            explained_variance: None,
        };
        match critic {
            Some(critic) => self.judge(policy, critic, &scored, &mut targets)?,
            None => scored.put(steps, &mut targets.advantages),
        }
        Ok(targets)
    }

    /// Generalised advantages and returns by the critic as it is. Where a session's worth isn't known, the critic stays with what it says.
    fn judge<P: SessionPolicy>(
        &self,
        policy: &P,
        config: &CriticCredit,
        scored: &Scored,
        targets: &mut Targets,
    ) -> Result<(), Error> {
        let rows: Vec<usize> = (0..self.rows.len()).collect();
        let parts: Vec<&[usize]> = rows.chunks(self.trainer.micro_batch_size).collect();
        let device = policy.device().without_autodiff();
        let values = self.workers.map(&parts, |part| {
            let batch = self.batch(part, &device);
            let (_, values) = policy.valid().evaluate_with_values(&batch.states, batch.actions)?;
            let fix = "use `critic = \"shared\"` or `\"separate\"`, or credit within groups";
            let values = values.ok_or_else(|| Error::setting("tutor.critic", "is \"none\"", fix))?;
            let [_, steps] = values.dims();
            let values = values.try_into_vec_as::<f32>().map_err(|e| {
                grpo_rollout::Error::Policy(format!("the values can't be read from the device: {e}"))
            })?;
            let row = |(at, &row): (usize, &usize)| {
                let own = &values[at * steps..][..self.rows[row].0.len()];
                own.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>()
            };
            Ok(part.iter().enumerate().map(row).collect::<Vec<_>>())
        })?;
        targets.values = values.into_iter().flatten().collect();
        let values: Vec<Vec<f64>> = scored.rows.iter().map(|&row| targets.values[row].clone()).collect();
        let Judged { advantages, returns } = config.judge(&scored.paid(), &values)?;
        let flat = |table: &[Vec<f64>]| table.iter().flatten().copied().collect::<Vec<f64>>();
        let (said, came) = (flat(&values), flat(&returns));
        targets.explained_variance = explained_variance(&said, &came, &vec![true; said.len()])?;
        targets.returns.clone_from(&targets.values);
        scored.put(advantages, &mut targets.advantages);
        scored.put(returns, &mut targets.returns);
        Ok(())
    }

    /// One optimizer step on the sessions of `part`: gradients of the micro-batches, summed in their order.
    pub(super) fn update<P: SessionPolicy>(
        &self,
        policy: P,
        optimizer: &mut ModuleOptimizer,
        targets: &Targets,
        part: &[usize],
        step: usize,
    ) -> Result<(P, Outcome), Error> {
        let objective = &self.trainer.objective;
        let lengths: Vec<usize> = part.iter().map(|&row| self.rows[row].0.len()).collect();
        // Of the whole optimizer step, whatever is split below.
        let weights = objective.aggregate.row_weights(&lengths);
        let value_weights = Aggregate::TokenMean.row_weights(&lengths);
        let device = policy.device();
        let host = device.clone().without_autodiff();
        let starts: Vec<usize> = (0..part.len()).step_by(self.trainer.micro_batch_size).collect();
        let parts = self.workers.map(&starts, |&start| {
            let own = start..(start + self.trainer.micro_batch_size).min(part.len());
            let rows = &part[own.clone()];
            let policy = policy.clone().fork(&device);
            let batch = self.batch(rows, &host);
            let [_, steps] = batch.mask.dims();
            let (evaluation, values) = match self.trainer.credit {
                Credit::Group(_) => (policy.evaluate(&batch.states, batch.actions)?, None),
                Credit::Critic(_) => policy.evaluate_with_values(&batch.states, batch.actions)?,
            };
            let mut inputs = LossInputs::new(
                evaluation.log_probs,
                table(rows, &targets.advantages, steps, &host),
                batch.mask.clone(),
                column(&weights[own.clone()], &host),
            );
            inputs.old_log_probs = Some(batch.old_log_probs);
            inputs.entropies = (objective.entropy_bonus != 0.0).then_some(evaluation.entropy);
            let outputs = objective.loss(inputs)?;
            let (Some(values), Credit::Critic(critic)) = (values, &self.trainer.credit) else {
                return Ok(((Update::gradients(&policy, &outputs.loss), outputs.diagnostics), None));
            };
            let value = value_loss(
                values,
                table(rows, &targets.values, steps, &host),
                table(rows, &targets.returns, steps, &host),
                batch.mask,
                column(&value_weights[own], &host),
                critic.value_clip,
            )?;
            let seen = f64::from(value.loss.clone().into_scalar::<f32>());
            let loss = outputs.loss + value.loss * critic.value_weight;
            Ok(((Update::gradients(&policy, &loss), outputs.diagnostics), Some(seen)))
        })?;
        let (parts, value_losses): (Vec<_>, Vec<Option<f64>>) = parts.into_iter().unzip();
        let value_loss: Option<f64> = value_losses.into_iter().sum();
        let mut sum = Sum::default();
        parts.into_iter().for_each(|part| sum.add(&policy, part));
        let (update, diagnostics) = sum.finish().ok_or(grpo_rollout::Error::Empty { group: 0 })?;
        let metrics = diagnostics.read()?;
        let (rate, most) = (self.trainer.schedule.rate(step), self.trainer.optimizer.max_grad_norm);
        let loss = metrics.loss + value_loss.unwrap_or(0.0);
        let (policy, grad_norm) =
            update.apply_finite(policy, optimizer, rate, most, loss, (self.trainer.credit.name(), step))?;
        Ok((policy, Outcome { loss: metrics.loss, clip_region: metrics.clip_region, value_loss, grad_norm }))
    }

    fn batch(&self, rows: &[usize], device: &Device) -> SessionBatch {
        let rows: Vec<(&Episode, &Record<E>)> = rows.iter().map(|&row| self.rows[row]).collect();
        let (features, actions) =
            rows.first().map_or((0, 0), |(_, record)| (record.end.features(), record.end.actions()));
        SessionBatch::new(&rows, features, actions, device)
    }
}

/// Some rows' numbers as `[rows, 1]`, where each has one, or `[rows, steps]`, 0 after a session's end.
fn table(rows: &[usize], numbers: &[Vec<f64>], steps: usize, device: &Device) -> Tensor<2> {
    let width = if rows.iter().all(|&row| numbers[row].len() == 1) { 1 } else { steps };
    let padded = rows.iter().flat_map(|&row| {
        let own = &numbers[row];
        own.iter().map(|&x| x as f32).chain(std::iter::repeat_n(0.0, width - own.len()))
    });
    Tensor::from_data(TensorData::new(padded.collect::<Vec<f32>>(), [rows.len(), width]), device)
}
