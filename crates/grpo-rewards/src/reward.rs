//! The contract: what a reward sees of one episode, and what it answers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a reward sees of one episode. Built with [`Sample::new`] and the `with_*` methods, so that
/// fields can be added without breaking anyone.
///
/// ```
/// use grpo_rewards::Sample;
/// let sample = Sample::new("2 + 2 =", "#### 4").with_reference("4").with_tokens(&[17, 4]);
/// assert_eq!(sample.tokens.len(), 2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// The prompt (question) as the policy saw it.
    pub prompt: &'a str,
    /// The completion (answer), special tokens removed.
    pub completion: &'a str,
    /// The known answer; `None` where the data has none.
    pub reference: Option<&'a str>,
    /// Whether the completion was cut off by the length limit rather than finished by the policy.
    pub truncated: bool,
    /// Token ids of the completion; empty where they are not known (for instance when a text file is
    /// scored). Rewards that count tokens are then not applicable, unless the completion is empty too.
    pub tokens: &'a [u32],
}

impl<'a> Sample<'a> {
    /// A finished completion without reference and without known tokens.
    pub fn new(prompt: &'a str, completion: &'a str) -> Self {
        Self { prompt, completion, ..Self::default() }
    }

    /// Adds the known answer.
    pub fn with_reference(mut self, reference: &'a str) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Adds the token ids of the completion.
    pub fn with_tokens(mut self, tokens: &'a [u32]) -> Self {
        self.tokens = tokens;
        self
    }

    /// Says whether the completion was cut off by the length limit.
    pub fn with_truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }

    /// Length of the completion in tokens, or `None` where the tokens are not known.
    pub fn token_count(&self) -> Option<usize> {
        (!self.tokens.is_empty() || self.completion.is_empty()).then_some(self.tokens.len())
    }
}

/// A score and a reason a person can read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The reward, before its weight. Must be finite: [`RewardSet`](crate::RewardSet) records anything
    /// else as a failure of the reward.
    pub value: f64,
    /// Why, in a few words: "42 equals 42", "`####` appears 2 times".
    pub reason: Cow<'static, str>,
    /// What was taken from the completion to judge it, where the reward looks at a part of it only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extracted: Option<String>,
}

impl Score {
    /// A score with its reason.
    pub fn new(value: f64, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { value, reason: reason.into(), extracted: None }
    }

    /// Adds the part of the completion that was judged.
    pub fn with_extracted(mut self, extracted: impl Into<String>) -> Self {
        self.extracted = Some(extracted.into());
        self
    }
}

/// Scores one episode at a time.
///
/// A reward is a pure function of the [`Sample`]: evaluation may run in parallel and in any order, and the
/// same sample must give the same score. For a reward that is a closure, see [`reward_fn`].
pub trait Reward: Send + Sync {
    /// The name under which the reward is reported (`rewards/<name>/mean`), unless a
    /// [`RewardSet`](crate::RewardSet) gives it another one.
    fn name(&self) -> &str;

    /// The score, or `None` where this reward is not applicable to the sample (for example because it
    /// needs a reference that the sample does not have): it then leaves the combined reward alone.
    fn score(&self, sample: &Sample<'_>) -> Option<Score>;
}

impl<R: Reward + ?Sized> Reward for Box<R> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        (**self).score(sample)
    }
}

/// Makes a reward of a closure.
///
/// ```
/// use grpo_rewards::{Reward, Sample, Score, reward_fn};
/// let polite = reward_fn("polite", |sample| {
///     let yes = sample.completion.contains("please");
///     Some(Score::new(f64::from(u8::from(yes)), if yes { "says please" } else { "does not say please" }))
/// });
/// assert_eq!(polite.score(&Sample::new("", "please")).unwrap().value, 1.0);
/// ```
pub fn reward_fn<F>(name: &str, score: F) -> impl Reward + use<F>
where
    F: Fn(&Sample<'_>) -> Option<Score> + Send + Sync,
{
    Closure { name: name.to_owned(), score }
}

struct Closure<F> {
    name: String,
    score: F,
}

impl<F> Reward for Closure<F>
where
    F: Fn(&Sample<'_>) -> Option<Score> + Send + Sync,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        (self.score)(sample)
    }
}
