//! The first half of a GRPO step: questions are asked, answered and judged until there are groups enough.

use crate::{
    Error, Question, Recipe,
    forming::Former,
    grpo::{Grpo, sample},
    rollout::Rollout,
};
use grpo_lm::LanguageModel;
use grpo_rewards::{Evaluation, RewardSet, Sample};
use grpo_rollout::adaptive::{Prompt, Refill, Tally, Verdict};
use grpo_rollout::{Episode, Group};
use std::time::{Duration, Instant};

/// The answers to questions and what the rewards say of them, row by row.
pub(crate) struct Answers {
    pub(crate) prompts: Vec<Vec<u32>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) completions: Vec<String>,
    pub(crate) evaluation: Evaluation,
    /// Seconds of sampling and of rewards.
    pub(crate) times: [Duration; 2],
}

impl Answers {
    /// A group of the size asked for for each question.
    pub(crate) fn ask(
        rollout: &Rollout<'_>,
        rewards: &RewardSet,
        model: &LanguageModel,
        questions: &[Question],
        sizes: &[usize],
        step: usize,
    ) -> Result<Self, Error> {
        let begin = Instant::now();
        let tokenizer = model.tokenizer();
        let prompts =
            questions.iter().map(|q| model.encode_prompt(&q.prompt)).collect::<Result<Vec<_>, _>>()?;
        let groups = rollout.sample(model, &prompts, sizes, step as u64)?;
        let sampled = begin.elapsed();
        let mut completions = Vec::with_capacity(sizes.iter().sum());
        for group in &groups {
            for episode in &group.episodes {
                completions.push(tokenizer.decode_completion(&prompts[group.prompt], &episode.actions)?);
            }
        }
        let rows =
            groups.iter().enumerate().flat_map(|(at, g)| g.episodes.iter().map(move |e| (at, g.prompt, e)));
        let samples: Vec<Sample<'_>> = rows
            .zip(&completions)
            .map(|((at, prompt, episode), text)| sample(&questions[prompt], episode, text).with_group(at))
            .collect();
        let evaluation = rewards.evaluate(&samples);
        let times = [sampled, begin.elapsed() - sampled];
        Ok(Self { prompts, groups, completions, evaluation, times })
    }

    /// Refuses a larger share of failed rewards than is allowed.
    pub(crate) fn check_failures(&self, allowed: f64, step: usize) -> Result<(), Error> {
        if self.evaluation.failure_share() <= allowed {
            return Ok(());
        }
        let (name, _, why) = self.evaluation.first_failure().unwrap_or(("", 0, ""));
        Err(Error::Rewards {
            step: step + 1,
            failures: self.evaluation.columns.iter().map(|c| c.failures()).max().unwrap_or(0),
            total: self.evaluation.combined.len(),
            allowed,
            first: format!("{name}: {why}"),
        })
    }
}

/// Groups of a step with what they were worth, group by group.
#[derive(Default)]
pub(crate) struct Gathered {
    /// The step, from 0.
    pub(crate) step: usize,
    pub(crate) questions: Vec<Question>,
    pub(crate) prompts: Vec<Vec<u32>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) completions: Vec<String>,
    pub(crate) evaluation: Evaluation,
    /// Sizes and rewards of all groups that were sampled, those that were thrown away included.
    pub(crate) sampled: (Vec<usize>, Evaluation),
    /// Completion tokens that were sampled, those of groups that were thrown away included.
    pub(crate) tokens: usize,
    /// Seconds of sampling and of rewards.
    pub(crate) times: [Duration; 2],
    pub(crate) tally: Option<Tally>,
}

impl Grpo<'_> {
    /// Asks questions until there are as many groups as the step wants: once, or with dynamic sampling as long as groups are replaced.
    pub(crate) fn gather(
        &self,
        model: &LanguageModel,
        pool: &[Question],
        former: &mut Former,
        step: usize,
    ) -> Result<Gathered, Error> {
        let infos: Vec<Prompt> = pool.iter().map(Question::as_prompt).collect();
        let mut refill = former.adaptive.refill(self.recipe.grpo.prompts_per_step);
        let (mut open, mut asked): (Vec<usize>, usize) = ((0..pool.len()).collect(), 0);
        let mut gathered = Gathered { step, ..Gathered::default() };
        let mut wanted = self.recipe.grpo.prompts_per_step;
        while wanted.min(open.len()) > 0 {
            let count = wanted.min(open.len());
            let candidates: Vec<Prompt> = open.iter().map(|&at| infos[at].clone()).collect();
            let picked: Vec<usize> = former.adaptive.choose(step as u64, &candidates, count)?;
            let mut chosen: Vec<usize> = picked.into_iter().map(|at| open[at]).collect();
            open.retain(|at| !chosen.contains(at));
            let own: Vec<Prompt> = chosen.iter().map(|&at| infos[at].clone()).collect();
            let budget = count * self.recipe.grpo.group_size;
            let mut sizes = former.adaptive.sizes(step as u64, &own, budget)?;
            // Groups of one size side by side go through the model together.
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|&at| std::cmp::Reverse(sizes[at]));
            chosen = order.iter().map(|&at| chosen[at]).collect();
            sizes = order.iter().map(|&at| sizes[at]).collect();

            let round =
                self.ask(model, chosen.iter().map(|&at| pool[at].clone()).collect(), &sizes, asked, step)?;
            asked += count;
            wanted = self.keep(round, former, refill.as_mut(), &mut gathered, step)?;
        }
        if let Some(refill) = &refill {
            former.adaptive.record(refill);
            gathered.tally = Some(refill.tally());
        }
        Ok(gathered)
    }

    /// A group for each question, and its rewards. `first` prompts were asked before in this step.
    fn ask(
        &self,
        model: &LanguageModel,
        questions: Vec<Question>,
        sizes: &[usize],
        first: usize,
        step: usize,
    ) -> Result<Gathered, Error> {
        let Recipe { grpo, sampling, .. } = self.recipe;
        let streams = self.streams.starting_at(first);
        let rollout = Rollout { sampling, streams, rows: grpo.micro_batch_size, workers: self.workers };
        let answers = Answers::ask(&rollout, self.rewards, model, &questions, sizes, step)?;
        answers.check_failures(grpo.max_reward_failures, step)?;
        let Answers { prompts, groups, completions, evaluation, times } = answers;
        let tokens = groups.iter().flat_map(|g| &g.episodes).map(Episode::len).sum();
        let sampled = (sizes.to_vec(), evaluation.clone());
        Ok(Gathered {
            step,
            questions,
            prompts,
            groups,
            completions,
            evaluation,
            sampled,
            tokens,
            times,
            tally: None,
        })
    }

    /// Takes a round's groups into the step, those that dynamic sampling keeps. Returns how many are still wanted.
    fn keep(
        &self,
        round: Gathered,
        former: &mut Former,
        mut refill: Option<&mut Refill>,
        gathered: &mut Gathered,
        step: usize,
    ) -> Result<usize, Error> {
        gathered.tokens += round.tokens;
        gathered.sampled.0.extend(round.sampled.0);
        gathered.sampled.1.append(round.sampled.1);
        for (sum, time) in gathered.times.iter_mut().zip(round.times) {
            *sum += time;
        }
        let mut rows = 0..0;
        for (mut group, (question, prompt)) in
            round.groups.into_iter().zip(round.questions.into_iter().zip(round.prompts))
        {
            rows = rows.end..rows.end + group.episodes.len();
            let rewards: Vec<f64> =
                round.evaluation.combined[rows.clone()].iter().copied().flatten().collect();
            former.adaptive.observe(step as u64, question.id(), &rewards)?;
            let tokens = group.episodes.iter().map(Episode::len).sum();
            if refill.as_mut().is_some_and(|refill| refill.offer(&rewards, tokens) != Verdict::Kept) {
                continue;
            }
            group.prompt = gathered.prompts.len();
            gathered.groups.push(group);
            gathered.questions.push(question);
            gathered.prompts.push(prompt);
            gathered.completions.extend_from_slice(&round.completions[rows.clone()]);
            gathered.evaluation.append(round.evaluation.select(rows.clone()));
        }
        Ok(refill.map_or(0, |refill| refill.wanted()))
    }
}
