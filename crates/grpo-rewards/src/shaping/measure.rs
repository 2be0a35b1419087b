//! Measures on sessions: the contract, and what a recipe's list of them says.

use std::fmt::Debug;

use rayon::prelude::*;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::effort::{HintCost, TimeOnTask};
use super::gain::{LearningGain, Retention};
use super::mastery::{MasteryReached, TimeToMastery};
use super::prerequisites::PrerequisiteCoverage;
use super::session::Session;
use super::strain::{Frustration, Pacing};
use super::zone::Zone;
use crate::guard::guarded;
use crate::{Column, Outcome, RewardError, Score};

/// Which way a measure is better, so that a sign that trains the wrong way round is noticed
/// ([`Objectives::check`](super::Objectives::check)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better: a gain.
    More,
    /// Less is better: a cost.
    Less,
    /// That depends on the purpose.
    Either,
}

/// A number that says something about a session, with its reason. A pure function of the session.
pub trait Measure: Debug + Send + Sync {
    /// The name in a configuration, and the default name of its column.
    fn kind(&self) -> &str;

    /// Which way it is better.
    fn better(&self) -> Better;

    /// Checks the settings.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the key and what would fix it.
    fn validate(&self) -> Result<(), RewardError> {
        Ok(())
    }

    /// The measure, or `None` where it is not applicable: the session lacks what it needs, or the question
    /// makes no sense.
    fn measure(&self, session: &Session) -> Option<Score>;
}

/// Which measure, with its settings. In a file: the key `kind` beside the settings themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MeasureKind {
    /// How much of what was missing was learnt.
    LearningGain(LearningGain),
    /// How many skills are mastered.
    #[serde(rename = "mastery")]
    MasteryReached(MasteryReached),
    /// How soon they are.
    TimeToMastery(TimeToMastery),
    /// What is left after a while.
    Retention(Retention),
    /// How long it took.
    TimeOnTask(TimeOnTask),
    /// How much help it took.
    HintCost(HintCost),
    /// How much of it was hard to bear.
    Frustration(Frustration),
    /// How much of it was too fast or too slow.
    Pacing(Pacing),
    /// How near the difficulty was to what helps most.
    Zone(Zone),
    /// Whether what is needed came first.
    #[serde(rename = "prerequisites")]
    PrerequisiteCoverage(PrerequisiteCoverage),
}

/// One entry of a list of measures: which one, and what its column is called.
///
/// ```
/// use grpo_rewards::shaping::MeasureSpec;
/// let specs: Vec<MeasureSpec> = serde_json::from_str(
///     r#"[{ "kind": "learning_gain" }, { "kind": "zone", "target": 0.95, "name": "easy" }]"#,
/// )?;
/// assert_eq!(specs[1].name(), "easy");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureSpec {
    /// The column's name. Default: the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which measure, with its settings.
    #[serde(flatten)]
    pub kind: MeasureKind,
}

impl MeasureSpec {
    /// That measure under its default name.
    pub fn new(kind: impl Into<MeasureKind>) -> Self {
        Self { name: None, kind: kind.into() }
    }

    /// Changes the name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.kind.measure().kind())
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the key and what would fix it.
    pub fn validate(&self) -> Result<(), RewardError> {
        check_name(self.name())?;
        self.kind.measure().validate()
    }
}

impl<'de> Deserialize<'de> for MeasureSpec {
    /// As for [`RewardSpec`](crate::RewardSpec): serde can refuse unknown keys or flatten, not both.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = serde_json::Map::deserialize(deserializer)?;
        let name = match keys.remove("name") {
            Some(serde_json::Value::String(name)) => Some(name),
            None => None,
            Some(other) => return Err(D::Error::custom(format!("`name` must be a text, not `{other}`"))),
        };
        let kind = serde_json::from_value(serde_json::Value::Object(keys))
            .map_err(|error| D::Error::custom(format!("in a measure: {error}")))?;
        Ok(Self { name, kind })
    }
}

fn check_name(name: &str) -> Result<(), RewardError> {
    if name.is_empty() || name.chars().any(|c| c.is_control() || c == '/') {
        let problem = format!("{name:?} cannot name a metric");
        return Err(RewardError::invalid("name", problem, "use letters, digits, `_`, `-` or `.`"));
    }
    Ok(())
}

/// Several named measures.
///
/// ```
/// use grpo_rewards::shaping::{LearningGain, Measures, Session, SessionRecord, TimeOnTask};
///
/// let measures = Measures::new()
///     .with("gain", LearningGain::default())?
///     .with("time", TimeOnTask::default())?;
/// let session = Session::new(SessionRecord {
///     initial_score: Some(2.0),
///     final_score: Some(5.0),
///     full_score: 10.0,
///     ..SessionRecord::new(1)
/// })?;
/// let columns = measures.evaluate(&[session]);
/// assert_eq!(columns[0].outcomes[0].value(), Some(0.375));
/// assert_eq!(columns[0].outcomes[0].reason(), "from 2 to 5 of 10");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Debug, Default)]
pub struct Measures(Vec<(String, Box<dyn Measure>)>);

impl Measures {
    /// No measure.
    pub fn new() -> Self {
        Self::default()
    }

    /// The measures of a configuration, in its order.
    ///
    /// # Errors
    /// [`RewardError::DuplicateName`], and the first [`RewardError::Invalid`] of any of them with
    /// `measures[i]` in its key.
    pub fn from_specs(specs: &[MeasureSpec]) -> Result<Self, RewardError> {
        specs.iter().enumerate().try_fold(Self::new(), |measures, (index, spec)| {
            let within = |error: RewardError| error.within(&format!("measures[{index}]"));
            measures.with_boxed(spec.name(), spec.kind.clone().boxed()).map_err(within)
        })
    }

    /// Adds a measure under a name.
    ///
    /// # Errors
    /// A name that is taken or cannot name a metric, or settings that are impossible.
    pub fn with(self, name: &str, measure: impl Measure + 'static) -> Result<Self, RewardError> {
        self.with_boxed(name, Box::new(measure))
    }

    fn with_boxed(mut self, name: &str, measure: Box<dyn Measure>) -> Result<Self, RewardError> {
        check_name(name)?;
        measure.validate()?;
        if self.0.iter().any(|(taken, _)| taken == name) {
            return Err(RewardError::DuplicateName(name.to_owned()));
        }
        self.0.push((name.to_owned(), measure));
        Ok(self)
    }

    /// The names and which way each is better, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, Better)> {
        self.0.iter().map(|(name, measure)| (name.as_str(), measure.better()))
    }

    /// One column per measure, of one outcome per session, with weight 1: [`Objectives`](super::Objectives)
    /// say what each counts. Sessions are shared among rayon's threads; a measure that panics or returns no
    /// finite number costs its own session only.
    pub fn evaluate(&self, sessions: &[Session]) -> Vec<Column> {
        let outcomes = |measure: &dyn Measure| {
            let one = |session: &Session| match guarded(|| measure.measure(session)) {
                Ok(score) => Outcome::from_score(score),
                Err(panic) => Outcome::Failed(panic),
            };
            sessions.par_iter().with_min_len(8).map(one).collect()
        };
        let column = |(name, measure): &(String, Box<dyn Measure>)| Column {
            name: name.clone(),
            weight: 1.0,
            outcomes: outcomes(measure.as_ref()),
        };
        self.0.iter().map(column).collect()
    }
}

/// The table of kinds: which settings belong to which variant.
macro_rules! kinds {
    ($($settings:ident),* $(,)?) => {
        impl MeasureKind {
            /// The measure, whichever it is.
            pub fn measure(&self) -> &dyn Measure {
                match self {
                    $(Self::$settings(settings) => settings,)*
                }
            }

            fn boxed(self) -> Box<dyn Measure> {
                match self {
                    $(Self::$settings(settings) => Box::new(settings),)*
                }
            }
        }

        $(impl From<$settings> for MeasureKind {
            fn from(settings: $settings) -> Self {
                Self::$settings(settings)
            }
        })*
    };
}

kinds! {
    LearningGain,
    MasteryReached,
    TimeToMastery,
    Retention,
    TimeOnTask,
    HintCost,
    Frustration,
    Pacing,
    Zone,
    PrerequisiteCoverage,
}
