use crate::{
    Error, Metric, Question, Workers,
    judge::{Answered, Judge},
    rollout::Rollout,
};
use grpo_lm::LanguageModel;
use grpo_rewards::Outcome;
use grpo_rollout::{FinishReason, Sampling, Streams};

/// Questions that are decoded together.
const ROWS: usize = 64;

/// One answer of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The completion.
    pub completion: String,
    /// Why it ended; `None` for a question that doesn't fit the model's context and so wasn't asked.
    pub finish: Option<FinishReason>,
    /// The metric's score: 1 for right and 0 for wrong, or what a verifier says; 0 where the metric doesn't apply.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// Whether the metric failed to judge (a service that didn't answer); `reason` says why, and the answer doesn't count.
    pub failed: bool,
}

impl Answer {
    fn unasked() -> Self {
        let reason = "too long for the model's context".into();
        Self { completion: String::new(), finish: None, score: 0.0, reason, failed: false }
    }

    fn judged(completion: String, finish: FinishReason, outcome: &Outcome) -> Self {
        let (score, reason) = (outcome.value().unwrap_or(0.0), outcome.reason().to_owned());
        let failed = matches!(outcome, Outcome::Failed(_));
        Self { completion, finish: Some(finish), score, reason, failed }
    }
}

/// Result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// Mean score over all questions whose answers could be judged.
    pub accuracy: f64,
    /// Questions too long for the model's context; they count as wrong.
    pub too_long: usize,
    /// Each answer, in the order of the questions.
    pub answers: Vec<Answer>,
}

/// Answers every question greedily and scores the answers with `metric`. Of `sampling` the lengths and the ends count: `max_new_tokens`,
/// `min_new_tokens`, `stop` and `ignore_eos`. Nothing here depends on the training reward.
///
/// # Errors
/// When the model's numbers are broken, or the metric could judge none of the answers.
pub fn evaluate(
    model: &LanguageModel,
    questions: &[Question],
    sampling: &Sampling,
    metric: &Metric,
    workers: &Workers,
) -> Result<Accuracy, Error> {
    let (answers, too_long) = answer(model, questions, sampling, metric, workers)?;
    Accuracy::of(answers, too_long)
}

/// [`evaluate`] without the sum: the answers in the order of the questions, and how many questions were too long. For evaluations in
/// parts.
///
/// # Errors
/// When the model's numbers are broken.
pub fn answer(
    model: &LanguageModel,
    questions: &[Question],
    sampling: &Sampling,
    metric: &Metric,
    workers: &Workers,
) -> Result<(Vec<Answer>, usize), Error> {
    let judge = Judge::new(metric)?;
    let context = model.config().max_position_embeddings;
    let (mut prompts, mut asked, mut too_long) = (Vec::new(), Vec::new(), 0);
    for (index, question) in questions.iter().enumerate() {
        let ids = model.encode_prompt(&question.prompt)?;
        if ids.len() + sampling.max_new_tokens <= context {
            prompts.push(ids);
            asked.push(index);
        } else {
            too_long += 1;
        }
    }
    let mut answers = vec![Answer::unasked(); questions.len()];
    if !prompts.is_empty() {
        // Greedy: no stream is read.
        let sampling = Sampling {
            min_new_tokens: sampling.min_new_tokens,
            stop: sampling.stop.clone(),
            ignore_eos: sampling.ignore_eos,
            ..Sampling::greedy(sampling.max_new_tokens)
        };
        let rollout = Rollout { sampling: &sampling, streams: Streams::new(0), rows: ROWS, workers };
        let groups = rollout.sample(model, &prompts, &vec![1; prompts.len()], 0)?;
        let mut completions = Vec::with_capacity(asked.len());
        for (group, prompt) in groups.iter().zip(&prompts) {
            for episode in &group.episodes {
                completions.push(model.tokenizer().decode_completion(prompt, &episode.actions)?);
            }
        }
        let episodes: Vec<_> = groups.iter().flat_map(|group| &group.episodes).collect();
        let rows: Vec<_> = (asked.iter().zip(&episodes).zip(&completions))
            .map(|((&group, episode), text)| Answered { question: &questions[group], episode, text, group })
            .collect();
        let outcomes = judge.outcomes(&rows);
        for (((&index, episode), completion), outcome) in
            asked.iter().zip(episodes).zip(completions).zip(&outcomes)
        {
            answers[index] = Answer::judged(completion, episode.finish, outcome);
        }
    }
    Ok((answers, too_long))
}

impl Accuracy {
    /// Of answers that were judged.
    ///
    /// # Errors
    /// When the metric failed to judge every one of them.
    pub fn of(answers: Vec<Answer>, too_long: usize) -> Result<Self, Error> {
        let judged = answers.iter().filter(|answer| !answer.failed).count();
        if let Some(first) = answers.first().filter(|_| judged == 0) {
            return Err(Error::Metric { answers: answers.len(), first: first.reason.clone() });
        }
        let sum: f64 = answers.iter().filter(|answer| !answer.failed).map(|answer| answer.score).sum();
        Ok(Self { accuracy: sum / judged.max(1) as f64, too_long, answers })
    }

    /// Answers that the metric failed to judge.
    pub fn failures(&self) -> usize {
        self.answers.iter().filter(|answer| answer.failed).count()
    }
}
