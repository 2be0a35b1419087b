use crate::{Error, Metric, Question, Workers, grpo::sample, rollout::Rollout};
use grpo_lm::LanguageModel;
use grpo_rollout::{Episode, FinishReason, Sampling, Streams};

/// Questions that are decoded together.
const ROWS: usize = 64;

/// One answer of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The completion.
    pub completion: String,
    /// Why it ended; `None` for a question that doesn't fit the model's context and so wasn't asked.
    pub finish: Option<FinishReason>,
    /// The metric's score: 1 for right and 0 for wrong, or what a verifier says.
    pub score: f64,
}

/// Result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// Mean score over all questions.
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
/// When the model's numbers are broken, or the metric needs a reference that no question has.
pub fn evaluate(
    model: &LanguageModel,
    questions: &[Question],
    sampling: &Sampling,
    metric: &Metric,
    workers: &Workers,
) -> Result<Accuracy, Error> {
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
    let unasked = Answer { completion: String::new(), finish: None, score: 0.0 };
    let mut answers = vec![unasked; questions.len()];
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
        for ((group, prompt), &index) in groups.iter().zip(&prompts).zip(&asked) {
            for episode in &group.episodes {
                let completion = model.tokenizer().decode_completion(prompt, &episode.actions)?;
                let score = judge.score(&questions[index], episode, &completion);
                answers[index] = Answer { completion, finish: Some(episode.finish), score };
            }
        }
    }
    let accuracy = answers.iter().map(|a| a.score).sum::<f64>() / answers.len().max(1) as f64;
    Ok(Accuracy { accuracy, too_long, answers })
}

enum Judge {
    FinalText,
    Score(Box<dyn grpo_rewards::Reward>),
}

impl Judge {
    fn new(metric: &Metric) -> Result<Self, Error> {
        Ok(match metric {
            Metric::FinalText => Self::FinalText,
            Metric::Score(spec) => Self::Score(spec.build()?),
        })
    }

    fn score(&self, question: &Question, episode: &Episode, completion: &str) -> f64 {
        match self {
            Self::FinalText => {
                let last = completion.rsplit_once("####").map(|(_, text)| text.trim());
                let ended = episode.finish == FinishReason::Terminated;
                let reference = question.reference.as_deref().map(str::trim);
                f64::from(u8::from(ended && last.is_some() && last == reference))
            }
            Self::Score(reward) => {
                reward.score(&sample(question, episode, completion)).map_or(0.0, |score| score.value)
            }
        }
    }
}
