use crate::{
    BankQuestion, Error, GrpoMetrics, Question, Recipe, SampleLine, Update, Workers,
    forming::{Former, Kept},
    gather::Gathered,
    guard::{Checked, Guard},
    part::{Noise, Part},
    update::Sum,
};
use burn::optim::{GradientsParams, ModuleOptimizer};
use grpo_core::{
    AdvantageEstimator, Advantages, Diagnostics, KlPenalty, KlPlacement, LossInputs, Metrics, column,
};
use grpo_lm::{LanguageModel, Replay};
use grpo_rewards::{RewardSet, Sample};
use grpo_rollout::adaptive::Prompt;
use grpo_rollout::{Episode, Experience, FinishReason, Group, MicroBatch, Policy, Streams};
use rand_chacha::rand_core::RngCore;
use std::time::{Duration, Instant};

/// Stage 2, learning by trial and error.
pub(crate) struct Grpo<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) rewards: &'a RewardSet,
    /// The check beside the rewards.
    pub(crate) guard: Option<&'a Guard>,
    /// The frozen policy of the KL term.
    pub(crate) reference: Option<&'a LanguageModel>,
    pub(crate) streams: Streams,
    pub(crate) workers: &'a Workers,
}

/// What a step leaves behind.
pub(crate) struct Outcome {
    pub(crate) metrics: GrpoMetrics,
    pub(crate) samples: Vec<SampleLine>,
    pub(crate) suspects: Vec<SampleLine>,
}

/// What one pass of an update goes over.
#[derive(Clone, Copy)]
pub(crate) struct Lesson<'a> {
    pub(crate) prompts: &'a [Vec<u32>],
    pub(crate) experience: &'a Experience,
    /// Of each row in the loss.
    pub(crate) weights: &'a [f64],
    pub(crate) noise: Option<Noise>,
}

/// Everything that the update learns from: the new groups, and behind them those that are learnt from once more.
struct Scored {
    prompts: Vec<Vec<u32>>,
    groups: Vec<Group>,
    advantages: Advantages,
    replayed: usize,
    /// Mean divergence from the reference policy, where it was subtracted from the rewards.
    kl: Option<f64>,
}

impl Grpo<'_> {
    /// One step of Group Relative Policy Optimization (DeepSeekMath, arXiv:2402.03300, algorithm 1). `pool` are the questions it may ask.
    ///
    /// # Errors
    /// When sampling, rewards or numbers fail; `model`, and what the rewards remember, is then what it was before the step.
    pub(crate) fn step(
        &self,
        model: &mut LanguageModel,
        optimizer: &mut ModuleOptimizer,
        pool: &[Question],
        former: &mut Former,
        step: usize,
    ) -> Result<Outcome, Error> {
        let remembered = self.rewards.state();
        self.whole_step(model, optimizer, pool, former, step).inspect_err(|_| {
            // It is their own state: it can't be refused.
            let _ = self.rewards.restore(&remembered);
        })
    }

    fn whole_step(
        &self,
        model: &mut LanguageModel,
        optimizer: &mut ModuleOptimizer,
        pool: &[Question],
        former: &mut Former,
        step: usize,
    ) -> Result<Outcome, Error> {
        let mut formed = former.clone();
        let gathered = self.gather(model, pool, &mut formed, step)?;
        let scored = self.score(&gathered, &mut formed, step)?;
        let begin = Instant::now();
        let checked = self.guard.map(|guard| guard.check(&gathered)).unwrap_or_default();
        let checking = begin.elapsed();
        let begin = Instant::now();
        let updated = self.update(model, optimizer, &scored, step)?;
        *former = formed;
        let times = [gathered.times[0], gathered.times[1] + checking, begin.elapsed()];
        let places: Vec<(usize, usize)> = gathered.places().collect();
        let line = |row: usize| gathered.line(row, places[row], &scored, &checked);
        let sampled = places.iter().take_while(|(group, _)| *group < self.sampled_groups(step)).count();
        Ok(Outcome {
            metrics: self.metrics(&gathered, &scored, &updated, &checked, times, step)?,
            samples: (0..sampled).map(line).collect(),
            suspects: checked.kept.iter().copied().map(line).collect(),
        })
    }

    /// Rewards and advantages, with the groups that are learnt from once more.
    fn score(&self, gathered: &Gathered, former: &mut Former, step: usize) -> Result<Scored, Error> {
        let (mut prompts, mut groups) = (gathered.prompts.clone(), gathered.groups.clone());
        let (penalties, kl) = self.reward_penalties(&prompts, &groups)?;
        let mut rewards: Vec<Option<f64>> =
            gathered.evaluation.combined.iter().zip(penalties).map(|(r, kl)| Some((*r)? - kl)).collect();
        let mut infos: Vec<Prompt> = gathered.questions.iter().map(Question::as_prompt).collect();
        let again = former.replayed(step, groups.len())?;
        let replayed = again.len();
        let mut fresh = Vec::with_capacity(groups.len());
        let mut start = 0;
        for (group, question) in groups.iter().zip(&gathered.questions) {
            let rows = start..start + group.episodes.len();
            start = rows.end;
            let (question, prompt) = (question.id(), prompts[group.prompt].clone());
            fresh.push(Kept { question, prompt, group: group.clone(), rewards: rewards[rows].to_vec() });
        }
        for kept in again {
            groups.push(Group { prompt: prompts.len(), episodes: kept.group.episodes });
            prompts.push(kept.prompt);
            rewards.extend(kept.rewards);
            infos.push(Prompt::new(kept.question));
        }
        former.keep(step, fresh)?;
        let sizes: Vec<usize> = groups.iter().map(|g| g.episodes.len()).collect();
        let lengths: Vec<usize> = groups.iter().flat_map(|g| g.episodes.iter().map(Episode::len)).collect();
        let estimator = &self.recipe.advantages;
        let advantages = former.advantages(estimator, step, &infos, &rewards, &sizes, &lengths)?;
        Ok(Scored { prompts, groups, advantages, replayed, kl })
    }

    /// What the divergence from the reference policy costs each episode, where it is subtracted from the reward (else 0), and
    /// its mean over all tokens.
    fn reward_penalties(
        &self,
        prompts: &[Vec<u32>],
        groups: &[Group],
    ) -> Result<(Vec<f64>, Option<f64>), Error> {
        let episodes: usize = groups.iter().map(|g| g.episodes.len()).sum();
        let penalty = self.recipe.objective.kl.filter(|kl| kl.placement == KlPlacement::Reward);
        let (Some(penalty), Some(reference)) = (penalty, self.reference) else {
            return Ok((vec![0.0; episodes], None));
        };
        let experience = Experience::new(groups.to_vec(), vec![0.0; episodes])?;
        let parts = experience.micro_batches(self.recipe.grpo.micro_batch_size);
        // Without β, so that the divergence itself can be reported whatever β is.
        let unit = KlPenalty { beta: 1.0, ..penalty };
        let device = reference.decoder().device();
        let parts = self.workers.map(&parts, |part| {
            let Part { states, rows, actions, old_log_probs } =
                Part::new(prompts, &experience, part, &self.recipe.sampling, &device)?;
            let log_probs = reference.log_prob(&states, actions)?;
            let sums = unit.reward_penalties(old_log_probs, log_probs, rows.mask());
            sums.try_into_vec_as::<f32>().map_err(|e| grpo_core::Error::Device(e.to_string()).into())
        })?;
        let divergences: Vec<f64> = parts.into_iter().flatten().map(f64::from).collect();
        let tokens: usize = experience.lengths().iter().sum();
        let mean = divergences.iter().sum::<f64>() / tokens.max(1) as f64;
        Ok((divergences.into_iter().map(|kl| penalty.beta * kl).collect(), Some(mean)))
    }

    /// Loss, gradient and optimizer.
    fn update(
        &self,
        model: &mut LanguageModel,
        optimizer: &mut ModuleOptimizer,
        scored: &Scored,
        step: usize,
    ) -> Result<Updated, Error> {
        let recipe = self.recipe;
        let advantages: Vec<f32> = scored.advantages.values.iter().map(|&a| a as f32).collect();
        // The weights are those of the whole step, whatever is left out or split below.
        let lengths: Vec<usize> =
            scored.groups.iter().flat_map(|g| g.episodes.iter().map(Episode::len)).collect();
        let weights = recipe.objective.aggregate.row_weights(&lengths);
        let (experience, weights) = self.informative(scored, &advantages, &weights)?;

        let policy = self.policy(model);
        let mut updated = Updated { trained_tokens: experience.lengths().iter().sum(), ..Updated::default() };
        let rate = recipe.grpo.schedule().rate(step);
        let (mut decoder, mut state) = (policy.decoder().clone(), optimizer.clone());
        for iteration in 0..recipe.grpo.iterations {
            let policy = policy.with_decoder(decoder.clone());
            let parts = experience.micro_batches(recipe.grpo.micro_batch_size);
            let noise = self.noise(step, iteration);
            let lesson =
                Lesson { prompts: &scored.prompts, experience: &experience, weights: &weights, noise };
            let mut sum = Sum::default();
            let differentiate = |part: &MicroBatch| self.differentiate(&policy, &lesson, part);
            self.workers.each(&parts, differentiate, |part| sum.add(&decoder, part))?;
            // Without a part, every group is without spread: there is nothing to learn.
            let Some((update, diagnostics)) = sum.finish() else { break };
            let metrics = diagnostics.read()?;
            let most = recipe.optimizer.max_grad_norm;
            let (moved, norm) =
                update.apply_finite(decoder, &mut state, rate, most, metrics.loss, ("grpo", step))?;
            decoder = moved;
            updated.metrics = Some(metrics);
            updated.grad_norm = norm;
        }
        *model = model.with_decoder(decoder);
        *optimizer = state;
        Ok(updated)
    }

    /// The policy as its loss is computed.
    pub(crate) fn policy(&self, model: &LanguageModel) -> LanguageModel {
        let Recipe { sampling, grpo, .. } = self.recipe;
        model.clone().with_temperature(sampling.temperature).with_replay(grpo.gradient_checkpointing)
    }

    /// One micro-batch's part of the gradient.
    pub(crate) fn differentiate(
        &self,
        policy: &LanguageModel,
        lesson: &Lesson<'_>,
        part: &MicroBatch,
    ) -> Result<(GradientsParams, Diagnostics), Error> {
        let policy = policy.for_worker();
        let (inputs, replay) = self.loss_inputs(&policy, lesson, part)?;
        let outputs = self.recipe.objective.loss(inputs)?;
        let gradients = match replay {
            Some(replay) => replay.gradients(&outputs.loss),
            None => Update::gradients(policy.decoder(), &outputs.loss),
        };
        Ok((gradients, outputs.diagnostics))
    }

    /// The groups that can move the policy, with the weights of their rows.
    ///
    /// A group without spread has advantages of exactly zero, so with neither a KL nor an entropy term in the loss its gradient is exactly
    /// zero, and leaving it out doesn't change the step's gradient. (A step without any other group makes no optimizer step at all:
    /// there is nothing to learn, and AdamW's momentum would only go on drifting.)
    fn informative(
        &self,
        scored: &Scored,
        advantages: &[f32],
        weights: &[f64],
    ) -> Result<(Experience, Vec<f64>), Error> {
        let objective = &self.recipe.objective;
        let kl = objective.kl.is_some_and(|kl| kl.placement == KlPlacement::Loss);
        let all = kl || objective.proximal.is_some() || objective.entropy_bonus != 0.0;
        let (mut groups, mut kept, mut kept_weights, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for group in &scored.groups {
            let rows = start..start + group.episodes.len();
            start = rows.end;
            if all || advantages[rows.clone()].iter().any(|&a| a != 0.0) {
                groups.push(group.clone());
                kept.extend_from_slice(&advantages[rows.clone()]);
                kept_weights.extend_from_slice(&weights[rows]);
            }
        }
        Ok((Experience::new(groups, kept)?, kept_weights))
    }

    fn loss_inputs(
        &self,
        policy: &LanguageModel,
        lesson: &Lesson<'_>,
        part: &MicroBatch,
    ) -> Result<(LossInputs, Option<Replay>), Error> {
        let device = policy.decoder().device();
        let Lesson { prompts, experience, weights, noise } = *lesson;
        let plain = Part::new(prompts, experience, part, &self.recipe.sampling, &device)?;
        let reference_states = plain.states.clone();
        let Part { states, rows, actions, old_log_probs } = plain.with_noise(noise, part)?;
        let objective = &self.recipe.objective;
        let kl = objective.kl.filter(|kl| kl.placement == KlPlacement::Loss);
        let (mut ref_log_probs, mut exact_kl) = (None, None);
        let (evaluation, replay) = match self.reference.zip(kl) {
            Some((reference, kl)) if kl.exact => {
                let (evaluation, kl, replay) = policy.evaluate_against(reference, &states, actions)?;
                exact_kl = Some(kl);
                (evaluation, replay)
            }
            Some((reference, _)) => {
                ref_log_probs = Some(reference.log_prob(&reference_states, actions.clone())?);
                policy.evaluate_replayed(&states, actions)?
            }
            None => policy.evaluate_replayed(&states, actions)?,
        };
        let advantages: Vec<f64> =
            experience.advantages()[part.rows.clone()].iter().map(|&a| f64::from(a)).collect();
        let mut inputs = LossInputs::new(
            evaluation.log_probs,
            column(&advantages, &device),
            rows.mask(),
            column(&weights[part.rows.clone()], &device),
        );
        inputs.old_log_probs = Some(old_log_probs);
        inputs.ref_log_probs = ref_log_probs;
        inputs.exact_kl = exact_kl;
        inputs.entropies = (objective.entropy_bonus != 0.0).then_some(evaluation.entropy);
        Ok((inputs, replay))
    }

    /// What the adapter leaves out in one pass over a step's episodes.
    pub(crate) fn noise(&self, step: usize, iteration: usize) -> Option<Noise> {
        let share = self.recipe.lora.as_ref().map_or(0.0, |lora| lora.dropout);
        let mut rng = self.streams.stream(step as u64, u64::MAX, iteration as u64);
        (share > 0.0).then(|| Noise { share, key: rng.next_u64() })
    }

    fn metrics(
        &self,
        gathered: &Gathered,
        scored: &Scored,
        updated: &Updated,
        checked: &Checked,
        [rollout_time, reward_time, update_time]: [Duration; 3],
        step: usize,
    ) -> Result<GrpoMetrics, Error> {
        let episodes: Vec<&Episode> = gathered.groups.iter().flat_map(|g| &g.episodes).collect();
        let tokens: usize = episodes.iter().map(|e| e.len()).sum();
        let count = episodes.len().max(1) as f64;
        let truncated = episodes.iter().filter(|e| e.finish == FinishReason::Truncated).count();
        let entropy: f64 = episodes.iter().flat_map(|e| &e.entropies).map(|&h| f64::from(h)).sum();
        // Tokens of groups that were left out count as tokens that weren't clipped, which is what they are.
        let all: usize = scored.groups.iter().flat_map(|g| &g.episodes).map(Episode::len).sum();
        let share = updated.trained_tokens as f64 / all.max(1) as f64;
        let of = |pick: fn(&Metrics) -> f64| updated.metrics.as_ref().map_or(0.0, |m| pick(m) * share);
        // Where groups are thrown away or learnt from again, rewards are told of everything that was sampled in this step and nothing else.
        let selected = self.recipe.adaptive.dynamic.is_some() || self.recipe.adaptive.replay.is_some();
        let (sizes, sampled) = &gathered.sampled;
        let of_sampled =
            selected.then(|| AdvantageEstimator::default().estimate_groups(&sampled.combined, sizes, None));
        let rewards = of_sampled.transpose()?.unwrap_or_else(|| scored.advantages.clone());
        Ok(GrpoMetrics {
            loss: updated.metrics.as_ref().map_or(0.0, |m| m.loss),
            reward: rewards.reward_mean,
            reward_std: rewards.reward_std,
            rewards: sampled
                .columns
                .iter()
                .flat_map(|c| {
                    [
                        (format!("rewards/{}/mean", c.name), c.mean()),
                        (format!("rewards/{}/std", c.name), c.std()),
                    ]
                })
                .collect(),
            reward_failures: sampled.failures(),
            guard_check: checked.mean,
            guard_suspects: checked.suspect_share,
            guard_failures: (checked.failures > 0).then_some(checked.failures),
            frac_reward_zero_std: rewards.share_without_spread(),
            sampled_groups: gathered.tally.map(|tally| tally.sampled),
            discarded_groups: gathered.tally.map(|tally| tally.without_spread.groups + tally.surplus.groups),
            missing_groups: gathered.tally.map(|tally| tally.shortfall),
            replayed_groups: self.recipe.adaptive.replay.map(|_| scored.replayed),
            kl: scored.kl.or(updated.metrics.as_ref().and_then(|m| m.kl)),
            entropy: entropy / tokens.max(1) as f64,
            clip_low: of(|m| m.clip_low),
            clip_high: of(|m| m.clip_high),
            clip_region: of(|m| m.clip_region),
            ratio_mean: updated.metrics.as_ref().map_or(1.0, |m| m.ratio_mean),
            mean_length: tokens as f64 / count,
            max_length: episodes.iter().map(|e| e.len()).max().unwrap_or(0),
            clipped_ratio: truncated as f64 / count,
            grad_norm: updated.grad_norm,
            learning_rate: self.recipe.grpo.schedule().rate(step),
            tokens: gathered.tokens,
            step_time: (rollout_time + reward_time + update_time).as_secs_f64(),
            rollout_time: rollout_time.as_secs_f64(),
            reward_time: reward_time.as_secs_f64(),
            update_time: update_time.as_secs_f64(),
        })
    }

    /// How many groups of this step are written to `samples.jsonl`.
    fn sampled_groups(&self, step: usize) -> usize {
        let config = &self.recipe.grpo;
        let is_sampled =
            step == 0 || step + 1 == config.steps || (step + 1).is_multiple_of(config.sample_every);
        if is_sampled { config.sampled_groups } else { 0 }
    }
}

impl Gathered {
    /// The group of each row, and the episode's place in it.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let sizes = self.groups.iter().map(|group| group.episodes.len());
        sizes.enumerate().flat_map(|(group, size)| (0..size).map(move |at| (group, at)))
    }

    /// What a person may read of one row.
    fn line(
        &self,
        row: usize,
        (group, at): (usize, usize),
        scored: &Scored,
        checked: &Checked,
    ) -> SampleLine {
        let Group { prompt, episodes } = &self.groups[group];
        let (question, episode) = (&self.questions[*prompt], &episodes[at]);
        let columns = &self.evaluation.columns;
        let check = checked.outcome(row);
        SampleLine {
            step: self.step + 1,
            group,
            prompt: question.prompt.clone(),
            completion: self.completions[row].clone(),
            reference: question.reference.clone(),
            finish: episode.finish,
            tokens: episode.len(),
            rewards: columns.iter().map(|c| (c.name.clone(), c.outcomes[row].value())).collect(),
            reasons: columns.iter().map(|c| (c.name.clone(), c.outcomes[row].reason().into())).collect(),
            reward: self.evaluation.combined[row],
            check: check.and_then(grpo_rewards::Outcome::value),
            check_reason: check.map(|check| check.reason().to_owned()),
            advantage: scored.advantages.values[row],
        }
    }
}

/// What an update left behind.
#[derive(Default)]
struct Updated {
    metrics: Option<Metrics>,
    grad_norm: f64,
    trained_tokens: usize,
}

/// One episode as rewards see it.
pub(crate) fn sample<'a>(question: &'a Question, episode: &'a Episode, completion: &'a str) -> Sample<'a> {
    let mut sample = Sample::new(&question.prompt, completion)
        .with_tokens(&episode.actions)
        .with_truncated(episode.finish == FinishReason::Truncated);
    sample.reference = question.reference.as_deref();
    sample.fields = question.fields.as_deref();
    sample.item = question.item.as_ref().map(BankQuestion::assess);
    sample
}
