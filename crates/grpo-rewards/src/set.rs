//! Several rewards as one: the weighted sum, with every part of it kept for the report.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::guard::guarded;
use crate::watch;
use crate::{Reward, RewardError, RewardSpec, Sample, Score};

/// What one reward made of one episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It gave a score.
    Scored(Score),
    /// It has nothing to say about this episode.
    NotApplicable,
    /// It panicked, returned a value that is not finite or took too long; the text says which.
    Failed(String),
}

impl Outcome {
    /// What a reward's answer amounts to: a value that is not finite is a failure.
    pub fn from_score(score: Option<Score>) -> Self {
        match score {
            None => Self::NotApplicable,
            Some(score) if score.value.is_finite() => Self::Scored(score),
            Some(score) if score.value.is_nan() => Self::Failed(format!("no score: {}", score.reason)),
            Some(score) => Self::Failed(format!("returned {}, not a finite number", score.value)),
        }
    }

    /// The score, where there is one.
    pub fn score(&self) -> Option<&Score> {
        match self {
            Self::Scored(score) => Some(score),
            Self::NotApplicable | Self::Failed(_) => None,
        }
    }

    /// The score's value, where there is one.
    pub fn value(&self) -> Option<f64> {
        self.score().map(|score| score.value)
    }

    /// Why, in a few words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Scored(score) => &score.reason,
            Self::NotApplicable => "not applicable",
            Self::Failed(why) => why,
        }
    }
}

/// One reward's outcomes for a batch of episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The reward's name in the set.
    pub name: String,
    /// Its weight in the combined reward.
    pub weight: f64,
    /// One outcome per episode, in the order of the samples.
    pub outcomes: Vec<Outcome>,
}

impl Column {
    /// One value per episode, `None` where the reward is missing.
    pub fn values(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        self.outcomes.iter().map(Outcome::value)
    }

    /// Mean over the episodes that have this reward, `None` if none has (TRL's `rewards/<name>/mean`).
    pub fn mean(&self) -> Option<f64> {
        let present: Vec<f64> = self.values().flatten().collect();
        (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
    }

    /// Unbiased standard deviation over the episodes that have this reward, `None` for fewer than two
    /// (TRL's `rewards/<name>/std`).
    pub fn std(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: Vec<f64> = self.values().flatten().map(|value| (value - mean).powi(2)).collect();
        (squares.len() > 1).then(|| (squares.iter().sum::<f64>() / (squares.len() - 1) as f64).sqrt())
    }

    /// How many episodes the reward failed on.
    pub fn failures(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count()
    }
}

/// What a [`RewardSet`] made of a batch of episodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// One column per reward, in the order of the set.
    pub columns: Vec<Column>,
    /// The combined reward per episode, in the order of the samples: the sum of weight × value over the
    /// rewards that are present, `None` where none is (as TRL's `nansum` over reward functions).
    pub combined: Vec<Option<f64>>,
}

impl Evaluation {
    /// The same for some of the episodes.
    pub fn select(&self, episodes: std::ops::Range<usize>) -> Self {
        let column = |column: &Column| Column {
            outcomes: column.outcomes[episodes.clone()].to_vec(),
            name: column.name.clone(),
            weight: column.weight,
        };
        let columns = self.columns.iter().map(column).collect();
        Self { columns, combined: self.combined[episodes.clone()].to_vec() }
    }

    /// Adds what the same set made of more episodes.
    pub fn append(&mut self, more: Self) {
        if self.columns.is_empty() {
            *self = more;
            return;
        }
        for (column, more) in self.columns.iter_mut().zip(more.columns) {
            column.outcomes.extend(more.outcomes);
        }
        self.combined.extend(more.combined);
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// How many times a reward failed (panicked or returned a value that is not finite), over all rewards.
    pub fn failures(&self) -> usize {
        self.columns.iter().map(Column::failures).sum()
    }

    /// The share of episodes, from 0 to 1, on which the reward that failed most often failed. A run should stop when this
    /// is more than an accident, however many other rewards there are.
    pub fn failure_share(&self) -> f64 {
        let share = |column: &Column| column.failures() as f64 / column.outcomes.len().max(1) as f64;
        self.columns.iter().map(share).fold(0.0, f64::max)
    }

    /// The first failure of the reward that failed most often, as `(reward, episode, reason)`, for a message to a person.
    pub fn first_failure(&self) -> Option<(&str, usize, &str)> {
        // The first of those that failed equally often.
        let most = self.columns.iter().rev().max_by_key(|column| column.failures())?;
        most.outcomes.iter().enumerate().find_map(|(episode, outcome)| match outcome {
            Outcome::Failed(why) => Some((most.name.as_str(), episode, why.as_str())),
            _ => None,
        })
    }
}

/// Several named rewards that are added up with weights.
///
/// A weight of zero keeps a reward as a metric without training on it.
///
/// ```
/// use grpo_rewards::{RewardSet, Sample, Score, reward_fn};
///
/// let short = reward_fn("short", |s| Some(Score::new(-(s.completion.len() as f64), "length in bytes")));
/// let known = reward_fn("known", |s| s.reference.map(|r| Score::new((r == s.completion).into(), "match")));
/// let set = RewardSet::new().with(0.1, short)?.with(1.0, known)?;
///
/// let result = set.evaluate(&[Sample::new("q", "yes"), Sample::new("q", "no").with_reference("no")]);
/// assert!((result.combined[0].unwrap() + 0.3).abs() < 1e-12, "`known` does not apply: no reference");
/// assert!((result.combined[1].unwrap() - 0.8).abs() < 1e-12);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
pub struct RewardSet {
    entries: Vec<Entry>,
    time_limit: Duration,
}

struct Entry {
    name: String,
    weight: f64,
    reward: Arc<dyn Reward>,
    /// Whether it is somebody else's code, which may never come back.
    watched: bool,
}

impl Default for RewardSet {
    fn default() -> Self {
        Self { entries: Vec::new(), time_limit: Duration::from_secs(10) }
    }
}

impl RewardSet {
    /// A set without rewards. It combines to `None` for every episode.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds the rewards of a configuration, in its order.
    ///
    /// # Errors
    /// [`RewardError::Empty`] for an empty list, [`RewardError::DuplicateName`], and the first
    /// [`RewardError::Invalid`] of any of them with `rewards[i]` in its key.
    pub fn from_specs(specs: &[RewardSpec]) -> Result<Self, RewardError> {
        if specs.is_empty() {
            return Err(RewardError::Empty);
        }
        specs.iter().enumerate().try_fold(Self::new(), |set, (index, spec)| {
            let reward = spec.build().map_err(|error| error.within(&format!("rewards[{index}]")))?;
            // What a recipe can name takes time linear in the text, or has a limit of its own.
            set.push(spec.name().to_owned(), spec.weight, reward.into(), false)
        })
    }

    /// Adds a reward under its own name.
    ///
    /// # Errors
    /// A weight that is not finite, or a name that the set already has.
    pub fn with(self, weight: f64, reward: impl Reward + 'static) -> Result<Self, RewardError> {
        let name = reward.name().to_owned();
        self.with_named(name, weight, reward)
    }

    /// Adds a reward under another name.
    ///
    /// # Errors
    /// A weight that is not finite, or a name that the set already has.
    pub fn with_named(
        self,
        name: impl Into<String>,
        weight: f64,
        reward: impl Reward + 'static,
    ) -> Result<Self, RewardError> {
        let watched = reward.per_episode() && !reward.keeps_time();
        self.push(name.into(), weight, Arc::new(reward), watched)
    }

    /// Changes how long a reward may take for one episode, 10 seconds by default. Of rewards that were added as code
    /// ([`Self::with`]) and look at one episode at a time: what takes longer is [`Outcome::Failed`], and the run goes on
    /// without it.
    pub fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    fn push(
        mut self,
        name: String,
        weight: f64,
        reward: Arc<dyn Reward>,
        watched: bool,
    ) -> Result<Self, RewardError> {
        if !weight.is_finite() {
            let problem = format!("the weight of `{name}` is {weight}");
            return Err(RewardError::invalid("weight", problem, "use a finite number such as 1.0"));
        }
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(RewardError::DuplicateName(name));
        }
        self.entries.push(Entry { name, weight, reward, watched });
        Ok(self)
    }

    /// Names and weights, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.weight))
    }

    /// How many rewards the set has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the set has no reward.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether every reward looks at one episode at a time, so that batches can be divided at will.
    pub fn per_episode(&self) -> bool {
        self.entries.iter().all(|entry| entry.reward.per_episode())
    }

    /// What the rewards remember of earlier batches, by name, for a checkpoint. Empty for rewards without a memory.
    pub fn state(&self) -> Map<String, Value> {
        let states = self.entries.iter().map(|entry| (entry.name.clone(), entry.reward.state()));
        states.filter(|(_, state)| !state.is_null()).collect()
    }

    /// Takes up what [`Self::state`] gave.
    ///
    /// # Errors
    /// The name of a reward whose state it is not.
    pub fn restore(&self, states: &Map<String, Value>) -> Result<(), String> {
        for entry in &self.entries {
            // Null is the state of a reward that has seen nothing.
            let state = states.get(&entry.name).unwrap_or(&Value::Null);
            entry.reward.restore(state).map_err(|error| format!("{}: {error}", entry.name))?;
        }
        Ok(())
    }

    /// Scores every sample with every reward.
    ///
    /// Samples are shared among threads; the result does not depend on how many there are. A reward that panics, returns
    /// NaN or an infinity, or takes too long costs its own episode only: it is recorded as [`Outcome::Failed`] and left
    /// out of that episode's sum.
    pub fn evaluate(&self, samples: &[Sample<'_>]) -> Evaluation {
        let columns: Vec<Column> = self
            .entries
            .iter()
            .map(|entry| Column {
                name: entry.name.clone(),
                weight: entry.weight,
                outcomes: match entry.watched {
                    true => watch::score(&entry.reward, samples, self.time_limit),
                    false => whole(&*entry.reward, samples),
                },
            })
            .collect();
        let combined = (0..samples.len()).map(|episode| combine(&columns, episode)).collect();
        Evaluation { columns, combined }
    }
}

/// A batch at once: where that fails as a whole, it fails for every episode.
fn whole(reward: &dyn Reward, samples: &[Sample<'_>]) -> Vec<Outcome> {
    let why = match guarded(|| reward.score_batch(samples)) {
        Ok(outcomes) if outcomes.len() == samples.len() => return outcomes,
        Ok(outcomes) => format!("gave {} outcomes for {} samples", outcomes.len(), samples.len()),
        Err(panic) => panic,
    };
    vec![Outcome::Failed(why); samples.len()]
}

/// The NaN-skipping weighted sum of TRL's `GRPOTrainer`, added up in the order of the columns.
fn combine(columns: &[Column], episode: usize) -> Option<f64> {
    columns
        .iter()
        .filter_map(|column| Some(column.outcomes.get(episode)?.value()? * column.weight))
        .fold(None, |sum: Option<f64>, part| Some(sum.unwrap_or(0.0) + part))
        // Weights of 1e308 and the like: no number that could be compared with others.
        .filter(|sum| sum.is_finite())
}
