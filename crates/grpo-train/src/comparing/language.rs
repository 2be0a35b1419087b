//! GRPO and PPO on a language model, for comparison: one loop for both, with or without a critic.

use super::Updates;
use crate::gather::Answers;
use crate::part::Part;
use crate::rollout::Rollout;
use crate::sessions::{Judged, parts_of_pass};
use crate::update::Sum;
use crate::{Credit, Error, OptimizerConfig, Question, Schedule, Update, Workers};
use burn::{
    module::{Module, Param},
    optim::ModuleOptimizer,
    tensor::{Device, Tensor},
};
use grpo_core::{Aggregate, KlPenalty, LossInputs, Objective, column, ppo::value_loss};
use grpo_edu::Critic;
use grpo_lm::{Decoder, LanguageModel};
use grpo_rewards::RewardSet;
use grpo_rollout::{Episode, Experience, Group, MicroBatch, Policy, Sampling, Streams};

/// A language model with the critic that goes with it.
#[derive(Debug, Clone)]
pub(super) struct Learner {
    model: LanguageModel,
    parts: ActorCritic,
}

/// What is trained.
#[derive(Module, Debug)]
struct ActorCritic {
    actor: Decoder,
    critic: Option<Decoder>,
    value: Option<ValueHead>,
}

/// The value of a state, linear in its hidden state.
#[derive(Module, Debug)]
struct ValueHead {
    /// `[hidden, 1]`.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl ValueHead {
    /// Zero, so that it expects nothing at first.
    fn new(hidden: usize, device: &Device) -> Self {
        let weight = Param::from_tensor(Tensor::zeros([hidden, 1], device));
        Self { weight, bias: Param::from_tensor(Tensor::zeros([1], device)) }
    }

    /// `[rows, targets]` from `[rows, targets, hidden]`.
    fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [rows, targets, width] = hidden.dims();
        let values = hidden.reshape([rows * targets, width]).matmul(self.weight.val());
        (values + self.bias.val().unsqueeze_dim(0)).reshape([rows, targets])
    }
}

/// How a language model is trained in a comparison.
pub(super) struct LanguageTrainer<'a> {
    pub(super) rewards: &'a RewardSet,
    pub(super) sampling: &'a Sampling,
    pub(super) credit: Credit,
    pub(super) updates: Updates,
    /// The frozen policy of a KL term; none without one.
    pub(super) reference: Option<&'a LanguageModel>,
    pub(super) schedule: Schedule,
    pub(super) group_size: usize,
    pub(super) micro_batch_size: usize,
    pub(super) streams: Streams,
    pub(super) workers: &'a Workers,
}

/// What was sampled and what it is worth to the update, row by row.
struct Lesson {
    prompts: Vec<Vec<u32>>,
    groups: Vec<Group>,
    advantages: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
    returns: Vec<Vec<f64>>,
}

impl Learner {
    /// `open` gives a model with parameters of its own each time it is called. PPO's separate critic begins with the same weights as the
    /// policy, as in TRL and verl.
    pub(super) fn new(
        open: impl Fn() -> Result<LanguageModel, Error>,
        critic: Critic,
    ) -> Result<Self, Error> {
        let model = open()?;
        let device = model.decoder().device();
        let value = (critic != Critic::None).then(|| ValueHead::new(model.config().hidden_size, &device));
        let own =
            (critic == Critic::Separate).then(|| Ok::<_, Error>(open()?.decoder().clone())).transpose()?;
        let parts = ActorCritic { actor: model.decoder().clone(), critic: own, value };
        Ok(Self { model, parts })
    }

    pub(super) fn parameters(&self) -> usize {
        self.parts.num_params()
    }

    /// The policy as it is now.
    pub(super) fn policy(&self) -> LanguageModel {
        self.model.with_decoder(self.parts.actor.clone())
    }
}

impl LanguageTrainer<'_> {
    /// One step: completions are sampled and judged, and the learner is updated. Returns the number of tokens sampled.
    pub(super) fn step(
        &self,
        learner: &mut Learner,
        optimizer: &mut ModuleOptimizer,
        questions: &[Question],
        step: usize,
    ) -> Result<usize, Error> {
        let lesson = self.lesson(learner, questions, step)?;
        let rows: usize = lesson.groups.iter().map(|group| group.episodes.len()).sum();
        let tokens = lesson.groups.iter().flat_map(|group| &group.episodes).map(Episode::len).sum();
        let groups = lesson.groups.len();
        for pass in 0..self.updates.iterations {
            for part in parts_of_pass(groups, self.updates.minibatches, &self.streams, step, pass) {
                self.update(learner, optimizer, &lesson, &part, rows / groups.max(1), step)?;
            }
        }
        Ok(tokens)
    }

    fn lesson(&self, learner: &Learner, questions: &[Question], step: usize) -> Result<Lesson, Error> {
        let model = learner.policy();
        let rollout = Rollout {
            sampling: self.sampling,
            streams: self.streams,
            rows: self.micro_batch_size,
            workers: self.workers,
        };
        let sizes = vec![self.group_size; questions.len()];
        let answers = Answers::ask(&rollout, self.rewards, &model, questions, &sizes, step)?;
        answers.check_failures(0.0, step)?;
        let Answers { prompts, groups, evaluation, .. } = answers;
        let rewards = evaluation.combined;
        let mut lesson =
            Lesson { prompts, groups, advantages: Vec::new(), values: Vec::new(), returns: Vec::new() };
        match &self.credit {
            Credit::Group(group) => {
                let advantages = group.advantages.estimate(&rewards, self.group_size)?;
                lesson.advantages = advantages.values.into_iter().map(|advantage| vec![advantage]).collect();
            }
            Credit::Critic(critic) => {
                lesson.values = self.values(learner, &lesson)?;
                // The reward comes with the last token.
                let steps = |(values, reward): (&Vec<f64>, Option<f64>)| {
                    let mut steps = vec![0.0; values.len()];
                    if let (Some(last), Some(reward)) = (steps.last_mut(), reward) {
                        *last = reward;
                    }
                    steps
                };
                let rewards: Vec<Vec<f64>> = lesson.values.iter().zip(rewards).map(steps).collect();
                Judged { advantages: lesson.advantages, returns: lesson.returns } =
                    critic.judge(&rewards, &lesson.values)?;
            }
        }
        Ok(lesson)
    }

    /// What the critic expects at each token, row by row.
    fn values(&self, learner: &Learner, lesson: &Lesson) -> Result<Vec<Vec<f64>>, Error> {
        let rows = lesson.groups.iter().map(|g| g.episodes.len()).sum();
        let experience = Experience::new(lesson.groups.clone(), vec![0.0; rows])?;
        let parts = learner.parts.valid();
        let device = parts.actor.device();
        let mut all = Vec::with_capacity(rows);
        for part in experience.micro_batches(self.micro_batch_size) {
            let Part { states, actions, .. } =
                Part::new(&lesson.prompts, &experience, &part, self.sampling, &device)?;
            let own = parts.critic.as_ref().unwrap_or(&parts.actor).clone();
            let hidden = learner.model.with_decoder(own).hidden(&states, &actions)?;
            let Some(head) = &parts.value else {
                let fix = "use \"shared\" or \"separate\"";
                return Err(Error::setting("critic", "is \"none\", but credit is given by a critic", fix));
            };
            let values = head.forward(hidden);
            let [_, steps] = values.dims();
            let values = values
                .try_into_vec_as::<f32>()
                .map_err(|e| Error::from(grpo_core::Error::Device(e.to_string())))?;
            let episodes = experience.episodes().skip(part.rows.start).take(part.rows.len());
            all.extend(episodes.enumerate().map(|(row, episode)| {
                values[row * steps..][..episode.len()].iter().map(|&value| f64::from(value)).collect()
            }));
        }
        Ok(all)
    }

    /// One optimizer step on some groups, all of one size.
    fn update(
        &self,
        learner: &mut Learner,
        optimizer: &mut ModuleOptimizer,
        lesson: &Lesson,
        groups: &[usize],
        size: usize,
        step: usize,
    ) -> Result<(), Error> {
        let own: Vec<Group> = groups.iter().map(|&group| lesson.groups[group].clone()).collect();
        let numbers: Vec<usize> = groups.iter().flat_map(|&group| group * size..(group + 1) * size).collect();
        let lengths: Vec<usize> = own.iter().flat_map(|g| &g.episodes).map(Episode::len).collect();
        let kl = self.reference.map(|_| KlPenalty::default());
        let objective = Objective { aggregate: Aggregate::TokenMean, kl, ..Objective::default() };
        let weights = objective.aggregate.row_weights(&lengths);
        let experience = Experience::new(own, vec![0.0; numbers.len()])?;
        let device = learner.parts.actor.device();
        let micro_batches = experience.micro_batches(self.micro_batch_size);
        let mut sum = Sum::default();
        let differentiate = |part: &MicroBatch| {
            let parts = learner.parts.clone().fork(&device);
            let policy = learner.model.with_decoder(parts.actor.clone());
            let Part { states, rows, actions, old_log_probs } =
                Part::new(&lesson.prompts, &experience, part, self.sampling, &device)?;
            let mask = rows.mask();
            let of = |table: &[Vec<f64>]| {
                let own: Vec<Vec<f32>> = numbers[part.rows.clone()]
                    .iter()
                    .zip(&lengths[part.rows.clone()])
                    .map(|(&row, &length)| match table[row].as_slice() {
                        [one] => vec![*one as f32; length],
                        steps => steps.iter().map(|&x| x as f32).collect(),
                    })
                    .collect();
                rows.numbers(own.iter().map(Vec::as_slice))
            };
            let (evaluation, hidden) = policy.evaluate_with_hidden(&states, actions.clone())?;
            let weights = column(&weights[part.rows.clone()], &device);
            let mut inputs =
                LossInputs::new(evaluation.log_probs, of(&lesson.advantages), mask.clone(), weights.clone());
            inputs.old_log_probs = Some(old_log_probs);
            inputs.ref_log_probs =
                self.reference.map(|model| model.log_prob(&states, actions.clone())).transpose()?;
            let outputs = objective.loss(inputs)?;
            let loss = match (&self.credit, &parts.value) {
                (Credit::Critic(critic), Some(head)) => {
                    let hidden = match &parts.critic {
                        Some(own) => learner.model.with_decoder(own.clone()).hidden(&states, &actions)?,
                        None => hidden,
                    };
                    let (old, returns) = (of(&lesson.values), of(&lesson.returns));
                    let value =
                        value_loss(head.forward(hidden), old, returns, mask, weights, critic.value_clip)?;
                    outputs.loss + value.loss * critic.value_weight
                }
                _ => outputs.loss,
            };
            Ok((Update::gradients(&parts, &loss), outputs.diagnostics))
        };
        self.workers.each(&micro_batches, differentiate, |part| sum.add(&learner.parts, part))?;
        let Some((update, diagnostics)) = sum.finish() else { return Ok(()) };
        let (rate, most) = (self.schedule.rate(step), OptimizerConfig::default().max_grad_norm);
        let loss = diagnostics.read()?.loss;
        let place = (self.credit.name(), step);
        let (parts, _) = update.apply_finite(learner.parts.clone(), optimizer, rate, most, loss, place)?;
        learner.parts = parts;
        Ok(())
    }
}
