//! The metric of evaluations, ready to be asked.

use crate::{Error, Metric, Question, grpo::sample};
use grpo_rewards::{Outcome, Reward, Score};
use grpo_rollout::{Episode, FinishReason};

/// An answer to be judged.
pub(crate) struct Answered<'a> {
    pub(crate) question: &'a Question,
    pub(crate) episode: &'a Episode,
    pub(crate) text: &'a str,
    /// Which answers it is compared with, where the metric compares.
    pub(crate) group: usize,
}

/// Judges answers by a [`Metric`].
pub(crate) enum Judge {
    FinalText,
    Score(Box<dyn Reward>),
}

impl Judge {
    pub(crate) fn new(metric: &Metric) -> Result<Self, Error> {
        Ok(match metric {
            Metric::FinalText => Self::FinalText,
            Metric::Score(spec) => Self::Score(spec.build()?),
        })
    }

    /// One outcome for each answer, in their order.
    pub(crate) fn outcomes(&self, answers: &[Answered<'_>]) -> Vec<Outcome> {
        match self {
            Self::FinalText => answers.iter().map(final_text).collect(),
            Self::Score(reward) => {
                let samples: Vec<_> = answers
                    .iter()
                    .map(|it| sample(it.question, it.episode, it.text).with_group(it.group))
                    .collect();
                reward.score_batch(&samples)
            }
        }
    }
}

fn final_text(&Answered { question, episode, text, .. }: &Answered<'_>) -> Outcome {
    let Some(reference) = question.reference.as_deref().map(str::trim) else { return Outcome::NotApplicable };
    let last = text.rsplit_once("####").map(|(_, text)| text.trim());
    Outcome::Scored(match last {
        None => Score::new(0.0, "no `####`"),
        Some(last) if last != reference => {
            Score::new(0.0, format!("the text after `####` is not {reference}"))
        }
        Some(_) if episode.finish != FinishReason::Terminated => {
            Score::new(0.0, "right, but it did not end by itself")
        }
        Some(_) => Score::new(1.0, format!("the text after `####` is {reference}")),
    })
}
