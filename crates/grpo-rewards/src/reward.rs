//! The contract: what a reward sees of one episode, and what it answers.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Outcome;
use crate::guard::guarded;

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
    /// Further fields of the row of data that the question came from, by name: what a reward needs beside a
    /// reference (`choices`, `schema`...).
    pub fields: Option<&'a Map<String, Value>>,
    /// Which group the episode belongs to: episodes with the same number answer the same prompt. Rewards
    /// that look at whole groups compare within it.
    pub group: usize,
    /// The question itself, where it judges its own answers.
    pub item: Option<&'a Arc<dyn Assess>>,
}

/// A question that judges its own answers, as the items of an assessment do (see [`crate::item`]).
pub trait Assess: Debug + Send + Sync {
    /// What a completion is worth as a share of the full score, from -1 (some answers cost points) to 1; `None` for a question whose answers are not scored (an essay).
    fn assess(&self, completion: &str) -> Option<Score>;
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

    /// Adds the further fields of the row of data.
    pub fn with_fields(mut self, fields: &'a Map<String, Value>) -> Self {
        self.fields = Some(fields);
        self
    }

    /// Says which group the episode belongs to.
    pub fn with_group(mut self, group: usize) -> Self {
        self.group = group;
        self
    }

    /// Adds the question itself, where it judges its own answers.
    pub fn with_item(mut self, item: &'a Arc<dyn Assess>) -> Self {
        self.item = Some(item);
        self
    }

    /// A further field of the row of data.
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name)
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

    /// What a reward returns that could not judge the sample (a service that does not answer, a row of data
    /// that is malformed). The value is NaN, and a [`RewardSet`](crate::RewardSet) records
    /// [`Outcome::Failed`] with the reason.
    pub fn failed(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(f64::NAN, why)
    }

    /// Adds the part of the completion that was judged.
    pub fn with_extracted(mut self, extracted: impl Into<String>) -> Self {
        self.extracted = Some(extracted.into());
        self
    }
}

/// Scores episodes, one at a time or a batch together.
///
/// A reward is a pure function of the [`Sample`] (or of the whole batch): evaluation may run in parallel and in
/// any order, and the same samples must give the same scores. For a reward that is a closure, see
/// [`reward_fn`].
pub trait Reward: Send + Sync {
    /// The name under which the reward is reported (`rewards/<name>/mean`), unless a
    /// [`RewardSet`](crate::RewardSet) gives it another one.
    fn name(&self) -> &str;

    /// The score, or `None` where this reward is not applicable to the sample (for example because it
    /// needs a reference that the sample does not have): it then leaves the combined reward alone.
    fn score(&self, sample: &Sample<'_>) -> Option<Score>;

    /// One outcome for each sample, in their order.
    ///
    /// Provided: every sample by itself with [`Self::score`], shared among rayon's threads. A sample on which
    /// it panics or returns NaN or an infinity gets [`Outcome::Failed`]; the others keep their scores.
    /// Implemented by rewards that need a whole batch: those that compare the episodes of a group
    /// ([`Sample::group`]), and those that hand a batch to another process.
    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        // Text rewards take microseconds: small pieces would cost more in hand-over than they save.
        samples.par_iter().with_min_len(8).map(|sample| score_guarded(self, sample)).collect()
    }

    /// Whether a sample's outcome depends on that sample alone, so that batches can be divided at will. A
    /// reward that implements [`Self::score_batch`] to compare episodes, or that remembers earlier ones, says
    /// `false`.
    fn per_episode(&self) -> bool {
        true
    }

    /// Whether the reward ends by itself in reasonable time, as one that has a time limit of its own does. A
    /// [`RewardSet`](crate::RewardSet) then hands it whole batches ([`Self::score_batch`]); without this, it hands a
    /// [per-episode](Self::per_episode) reward one sample at a time, and watches the clock.
    fn keeps_time(&self) -> bool {
        false
    }

    /// What the reward remembers of earlier batches, for a checkpoint; null for nothing.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Takes up what [`Self::state`] gave; null forgets everything.
    ///
    /// # Errors
    /// When it is the state of another reward.
    fn restore(&self, _state: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// One sample by itself, whatever happens.
pub(crate) fn score_guarded<R: Reward + ?Sized>(reward: &R, sample: &Sample<'_>) -> Outcome {
    match guarded(|| reward.score(sample)) {
        Ok(score) => Outcome::from_score(score),
        Err(panic) => Outcome::Failed(panic),
    }
}

impl<R: Reward + ?Sized> Reward for Box<R> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        (**self).score(sample)
    }

    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        (**self).score_batch(samples)
    }

    fn per_episode(&self) -> bool {
        (**self).per_episode()
    }

    fn keeps_time(&self) -> bool {
        (**self).keeps_time()
    }

    fn state(&self) -> Value {
        (**self).state()
    }

    fn restore(&self, state: &Value) -> Result<(), String> {
        (**self).restore(state)
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
