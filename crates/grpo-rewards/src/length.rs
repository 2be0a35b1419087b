//! Rewards for how long a completion is.

use serde::{Deserialize, Serialize};

use crate::number::RightNumber;
use crate::spec::{Settings, finite, positive};
use crate::text::{check_tolerance, closeness, words};
use crate::{Reward, RewardError, RewardKind, Sample, Score};

/// What a length is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The policy's tokens; not applicable where they are not known.
    #[default]
    Tokens,
    /// Words: runs of letters and digits.
    Words,
    /// Unicode characters.
    Characters,
}

impl Unit {
    fn count(self, sample: &Sample<'_>) -> Option<usize> {
        match self {
            Self::Tokens => sample.token_count(),
            Self::Words => Some(words(sample.completion).count()),
            Self::Characters => Some(sample.completion.chars().count()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Words => "words",
            Self::Characters => "characters",
        }
    }
}

/// The soft overlong punishment of DAPO (Yu et al. 2025, equation 13): 0 up to `max - cache` tokens, then
/// a straight line down to -1 at `max`, and -1 beyond. With a cache of 0 it is a step behind `max`.
///
/// ```
/// use grpo_rewards::length::soft_overlong;
/// assert_eq!([79, 80, 90, 100, 200].map(|length| soft_overlong(length, 100, 20)), [0.0, 0.0, -0.5, -1.0, -1.0]);
/// ```
pub fn soft_overlong(length: usize, max: usize, cache: usize) -> f64 {
    let free = max.saturating_sub(cache);
    if length <= free {
        0.0
    } else if length >= max {
        -1.0
    } else {
        -((length - free) as f64) / cache as f64
    }
}

/// A value that goes from `at_zero` for an empty completion to `at_max` for one of `max` or more, along half
/// a cosine wave (Yeo et al. 2025, "Demystifying Long Chain-of-Thought Reasoning").
///
/// ```
/// use grpo_rewards::length::cosine;
/// assert_eq!(cosine(0, 100, 1.0, 0.5), 1.0);
/// assert!((cosine(50, 100, 1.0, 0.5) - 0.75).abs() < 1e-12);
/// assert_eq!(cosine(300, 100, 1.0, 0.5), 0.5);
/// ```
pub fn cosine(length: usize, max: usize, at_zero: f64, at_max: f64) -> f64 {
    if length >= max {
        return at_max;
    }
    let progress = length as f64 / max as f64;
    at_max + 0.5 * (at_zero - at_max) * (1.0 + (progress * std::f64::consts::PI).cos())
}

/// [`soft_overlong`] of the completion's tokens, from -1 to 0. Not applicable where the tokens are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftOverlong {
    /// From this length on the punishment is -1; the rollout's maximum, or a little less. In tokens.
    pub max_tokens: usize,
    /// Over how many tokens before `max_tokens` the punishment sets in. DAPO: a fifth of `max_tokens`.
    pub cache_tokens: usize,
}

impl Settings for SoftOverlong {
    fn kind(&self) -> &'static str {
        "soft_overlong"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        check_max_tokens(self.max_tokens)?;
        if self.cache_tokens > self.max_tokens {
            let problem = format!("{} is more than `max_tokens` = {}", self.cache_tokens, self.max_tokens);
            let fix = format!("use at most {}; DAPO takes a fifth of it", self.max_tokens);
            return Err(RewardError::invalid("cache_tokens", problem, fix));
        }
        Ok(Box::new(self.clone()))
    }
}

impl Reward for SoftOverlong {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let length = sample.token_count()?;
        let value = soft_overlong(length, self.max_tokens, self.cache_tokens);
        Some(Score::new(value, format!("{length} of {} tokens", self.max_tokens)))
    }
}

/// How close the completion's length is to a target: 1 within the tolerance, then falling in a straight line
/// to 0 at a further distance of `target`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetLength {
    /// The wanted length, in units.
    pub target: usize,
    /// The distance that costs nothing, in units. Default: 0.
    #[serde(default)]
    pub tolerance: f64,
    /// What is counted. Default: tokens.
    #[serde(default)]
    pub unit: Unit,
}

impl Settings for TargetLength {
    fn kind(&self) -> &'static str {
        "length"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        positive("target", self.target as f64)?;
        check_tolerance(self.tolerance)?;
        Ok(Box::new(self.clone()))
    }
}

impl Reward for TargetLength {
    fn name(&self) -> &str {
        self.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let length = self.unit.count(sample)?;
        let value = closeness(length as f64, self.target as f64, self.tolerance);
        Some(Score::new(value, format!("{length} {}, target {}", self.unit.name(), self.target)))
    }
}

/// The cosine length reward: right answers are worth more when short, wrong ones cost less when long (there
/// was at least an attempt). Whether an answer is right is the business of another reward; not applicable where
/// that or the tokens are not. Equal to TRL's `get_cosine_scaled_reward`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineLength {
    /// The length at which the reward stops changing, in tokens.
    pub max_tokens: usize,
    /// The reward of a right answer of no length. Default: 1.
    #[serde(default = "right_short")]
    pub right_short: f64,
    /// The reward of a right answer of `max_tokens`. Default: 0.5.
    #[serde(default = "right_long")]
    pub right_long: f64,
    /// The reward of a wrong answer of no length. Default: -1.
    #[serde(default = "wrong_short")]
    pub wrong_short: f64,
    /// The reward of a wrong answer of `max_tokens`. Default: -0.5.
    #[serde(default = "wrong_long")]
    pub wrong_long: f64,
    /// Which reward decides whether an answer is right: it is where that gives more than a half. Default:
    /// `{ kind = "number" }` with its default settings.
    #[serde(default = "verifier")]
    pub verifier: Box<RewardKind>,
}

fn right_short() -> f64 {
    1.0
}

fn right_long() -> f64 {
    0.5
}

fn wrong_short() -> f64 {
    -1.0
}

fn wrong_long() -> f64 {
    -0.5
}

fn verifier() -> Box<RewardKind> {
    Box::new(RightNumber::default().into())
}

impl Settings for CosineLength {
    fn kind(&self) -> &'static str {
        "cosine_length"
    }

    fn needs_reference(&self) -> bool {
        self.verifier.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.verifier.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        check_max_tokens(self.max_tokens)?;
        finite("right_short", self.right_short)?;
        finite("right_long", self.right_long)?;
        finite("wrong_short", self.wrong_short)?;
        finite("wrong_long", self.wrong_long)?;
        let verifier = self.verifier.build().map_err(|error| error.within("verifier"))?;
        Ok(Box::new(Cosine { settings: self.clone(), verifier }))
    }
}

struct Cosine {
    settings: CosineLength,
    verifier: Box<dyn Reward>,
}

impl Reward for Cosine {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let verdict = self.verifier.score(sample)?;
        if verdict.value.is_nan() {
            return Some(verdict);
        }
        let length = sample.token_count()?;
        let CosineLength { max_tokens, right_short, right_long, wrong_short, wrong_long, .. } = self.settings;
        let (short, long) =
            if verdict.value > 0.5 { (right_short, right_long) } else { (wrong_short, wrong_long) };
        let value = cosine(length, max_tokens, short, long);
        let reason = format!("{length} of {max_tokens} tokens; {}", verdict.reason);
        Some(Score { value, reason: reason.into(), extracted: verdict.extracted })
    }
}

fn check_max_tokens(max_tokens: usize) -> Result<(), RewardError> {
    if max_tokens > 0 {
        return Ok(());
    }
    let fix = "use the rollout's maximum completion length";
    Err(RewardError::invalid("max_tokens", "is 0", fix))
}
