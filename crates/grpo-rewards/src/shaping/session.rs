//! What is known of a teaching episode, as numbers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::prerequisites::Prerequisites;
use crate::RewardError;

/// More skills than this are refused: a number in a file decides how much memory is taken.
pub const MOST_SKILLS: usize = 1_000_000;

/// One step of a session: an exercise, a lesson, a review. What is not known stays at its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// The skill (or item, or card) that was practised; `None` for a step that practised nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill: Option<usize>,
    /// Whether the answer was right; `None` where nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
    /// With what probability a right answer was expected, before it was given: 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<f64>,
    /// How difficult the exercise was, on the scale of its source; higher is harder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// How long it took, in seconds, at least 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How many hints were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hints: Option<u32>,
    /// The mastery of each skill that the step changed, as it is afterwards: `[skill, 0 to 1]`, by
    /// ascending skill.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mastery: Vec<(usize, f64)>,
}

/// A test some time after the session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delayed {
    /// How long after the end of the session, in seconds, at least 0.
    pub seconds: f64,
    /// The score, on the scale of the others.
    pub score: f64,
}

/// What there is to know of a session, before it is checked. A [`Session`] is made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// How many skills there are; they are numbered from 0.
    pub skills: usize,
    /// The score in a test before the session, from 0 to `full_score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_score: Option<f64>,
    /// The score in the same test, or one like it, right after the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_score: Option<f64>,
    /// The highest score there is. Default: 1.
    #[serde(default = "one")]
    pub full_score: f64,
    /// Scores in later tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delayed: Vec<Delayed>,
    /// The mastery of each skill before the session, `[skills]`, 0 to 1; empty where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial_mastery: Vec<f64>,
    /// What must be known before what.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub prerequisites: Option<Arc<Prerequisites>>,
    /// What happened, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
}

fn one() -> f64 {
    1.0
}

/// serde's own support for `Arc` is a feature that other crates would have to be compiled again for.
mod shared {
    use super::{Arc, Prerequisites};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        graph: &Option<Arc<Prerequisites>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        graph.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Prerequisites>>, D::Error> {
        Ok(Option::<Prerequisites>::deserialize(deserializer)?.map(Arc::new))
    }
}

impl SessionRecord {
    /// A session of which nothing but the number of skills is known yet.
    pub fn new(skills: usize) -> Self {
        Self {
            skills,
            initial_score: None,
            final_score: None,
            full_score: one(),
            delayed: Vec::new(),
            initial_mastery: Vec::new(),
            prerequisites: None,
            steps: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), RewardError> {
        if self.skills > MOST_SKILLS {
            let fix = format!("use at most {MOST_SKILLS}");
            return Err(RewardError::invalid("skills", format!("is {}", self.skills), fix));
        }
        self.check_scores()?;
        let known = self.initial_mastery.len();
        if known != 0 && known != self.skills {
            let problem = format!("has {known} entries for {} skills", self.skills);
            return Err(RewardError::invalid("initial_mastery", problem, "give one per skill, or none"));
        }
        for (skill, &mastery) in self.initial_mastery.iter().enumerate() {
            share(|| format!("initial_mastery[{skill}]"), mastery)?;
        }
        if let Some(graph) = &self.prerequisites
            && graph.skills() > self.skills
        {
            let problem = format!("name skill {}, but there are {}", graph.skills() - 1, self.skills);
            return Err(RewardError::invalid("prerequisites", problem, "count skills from 0"));
        }
        for (index, step) in self.steps.iter().enumerate() {
            self.check_step(step).map_err(|error| error.within(&format!("steps[{index}]")))?;
        }
        Ok(())
    }

    fn check_scores(&self) -> Result<(), RewardError> {
        let full = self.full_score;
        if !(full.is_finite() && full > 0.0) {
            return Err(RewardError::invalid("full_score", format!("is {full}"), "use a number above 0"));
        }
        let on_scale = |key: &dyn Fn() -> String, score: f64| {
            if (0.0..=full).contains(&score) {
                return Ok(());
            }
            let fix = format!("use a number from 0 to `full_score` = {full}");
            Err(RewardError::invalid(&key(), format!("is {score}"), fix))
        };
        self.initial_score.map_or(Ok(()), |score| on_scale(&|| "initial_score".into(), score))?;
        self.final_score.map_or(Ok(()), |score| on_scale(&|| "final_score".into(), score))?;
        for (index, test) in self.delayed.iter().enumerate() {
            on_scale(&|| format!("delayed[{index}].score"), test.score)?;
            not_negative(|| format!("delayed[{index}].seconds"), test.seconds)?;
        }
        Ok(())
    }

    fn check_step(&self, step: &Step) -> Result<(), RewardError> {
        let exists = |key: &str, skill: usize| {
            if skill < self.skills {
                return Ok(());
            }
            let problem = format!("names skill {skill}, but there are {}", self.skills);
            Err(RewardError::invalid(key, problem, "count skills from 0"))
        };
        step.skill.map_or(Ok(()), |skill| exists("skill", skill))?;
        step.success.map_or(Ok(()), |success| share(|| "success".into(), success))?;
        step.seconds.map_or(Ok(()), |seconds| not_negative(|| "seconds".into(), seconds))?;
        if let Some(difficulty) = step.difficulty
            && !difficulty.is_finite()
        {
            let problem = format!("is {difficulty}");
            return Err(RewardError::invalid("difficulty", problem, "use a finite number"));
        }
        if !step.mastery.is_empty() && self.initial_mastery.is_empty() && self.skills > 0 {
            let problem = "changes, but what it was before the session is not known";
            return Err(RewardError::invalid("mastery", problem, "give `initial_mastery` too"));
        }
        for &(skill, mastery) in &step.mastery {
            exists("mastery", skill)?;
            share(|| format!("mastery of skill {skill}"), mastery)?;
        }
        if !step.mastery.is_sorted_by(|(one, _), (next, _)| one < next) {
            let fix = "name each skill once, in ascending order";
            return Err(RewardError::invalid("mastery", "is out of order", fix));
        }
        Ok(())
    }
}

fn share(key: impl Fn() -> String, value: f64) -> Result<(), RewardError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(RewardError::invalid(&key(), format!("is {value}"), "use a number from 0 to 1"))
}

fn not_negative(key: impl Fn() -> String, value: f64) -> Result<(), RewardError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(RewardError::invalid(&key(), format!("is {value}"), "use a finite number, at least 0"))
}

/// A teaching episode whose numbers make sense: what the measures of this module are taken on.
///
/// ```
/// use grpo_rewards::shaping::{Session, SessionRecord, Step};
///
/// let session = Session::new(SessionRecord {
///     initial_mastery: vec![0.2, 0.0],
///     steps: vec![Step { skill: Some(0), correct: Some(true), mastery: vec![(0, 0.7)], ..Step::default() }],
///     ..SessionRecord::new(2)
/// })?;
/// assert_eq!(session.final_mastery(), Some(vec![0.7, 0.0]));
///
/// let error = serde_json::from_str::<Session>(r#"{ "skills": 2, "steps": [{ "skill": 2 }] }"#).unwrap_err();
/// let message = "`steps[0].skill`: names skill 2, but there are 2; count skills from 0";
/// assert!(error.to_string().starts_with(message));
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SessionRecord", into = "SessionRecord")]
pub struct Session(SessionRecord);

impl Session {
    /// Checks every number.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the number's place (`steps[3].seconds`) and what would be right.
    pub fn new(record: SessionRecord) -> Result<Self, RewardError> {
        record.check()?;
        Ok(Self(record))
    }

    /// All that is known.
    pub fn record(&self) -> &SessionRecord {
        &self.0
    }

    /// What happened, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0.steps
    }

    /// How many skills there are.
    pub fn skills(&self) -> usize {
        self.0.skills
    }

    /// The mastery of each skill before the session, `[skills]`; `None` where it is not known.
    pub fn initial_mastery(&self) -> Option<&[f64]> {
        (self.0.initial_mastery.len() == self.0.skills).then_some(&self.0.initial_mastery)
    }

    /// The mastery of each skill after the last step, `[skills]`; `None` where it is not known.
    pub fn final_mastery(&self) -> Option<Vec<f64>> {
        let mut mastery = self.initial_mastery()?.to_vec();
        for &(skill, after) in self.steps().iter().flat_map(|step| &step.mastery) {
            mastery[skill] = after;
        }
        Some(mastery)
    }

    /// The seconds of all steps; `None` where a step's are not known.
    pub fn seconds(&self) -> Option<f64> {
        self.steps().iter().map(|step| step.seconds).sum()
    }

    /// Initial, final and full score, where there are all.
    pub(super) fn scores(&self) -> Option<(f64, f64, f64)> {
        Some((self.0.initial_score?, self.0.final_score?, self.0.full_score))
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = RewardError;

    fn try_from(record: SessionRecord) -> Result<Self, RewardError> {
        Self::new(record)
    }
}

impl From<Session> for SessionRecord {
    fn from(session: Session) -> Self {
        session.0
    }
}
