//! What must be known before what, and whether a session kept to it.

use serde::{Deserialize, Serialize};

use super::mastery::{MASTERY, check_threshold};
use super::measure::{Better, Measure};
use super::session::{MOST_SKILLS, Session};
use crate::{RewardError, Score};

/// Which skills are prerequisites of which: the direct ones, free of cycles.
///
/// In a file it is a list of pairs, the prerequisite first:
///
/// ```
/// use grpo_rewards::shaping::Prerequisites;
/// let graph: Prerequisites = serde_json::from_str("[[0, 1], [1, 2]]").unwrap();
/// assert_eq!(graph.before(2), [1]);
/// assert!(serde_json::from_str::<Prerequisites>("[[0, 1], [1, 0]]").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(usize, usize)>", into = "Vec<(usize, usize)>")]
pub struct Prerequisites {
    /// For each skill its prerequisites, ascending.
    before: Vec<Vec<usize>>,
}

impl Prerequisites {
    /// A graph with an edge from each prerequisite to each skill that needs it.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] for a skill that (indirectly) needs itself, and for a number of a skill
    /// that is too large.
    pub fn new(edges: &[(usize, usize)]) -> Result<Self, RewardError> {
        let skills =
            edges.iter().map(|&(from, to)| from.max(to)).max().map_or(0, |most| most.saturating_add(1));
        if skills > MOST_SKILLS {
            let problem = format!("name skill {}", skills - 1);
            let fix = format!("number skills from 0 to at most {}", MOST_SKILLS - 1);
            return Err(RewardError::invalid("prerequisites", problem, fix));
        }
        let mut before = vec![Vec::new(); skills];
        for &(from, to) in edges {
            before[to].push(from);
        }
        for list in &mut before {
            list.sort_unstable();
            list.dedup();
        }
        let graph = Self { before };
        match graph.on_or_behind_a_cycle() {
            None => Ok(graph),
            Some(skill) => {
                let problem = format!("go round in a circle: skill {skill} lies on or behind it");
                Err(RewardError::invalid("prerequisites", problem, "take one of its pairs out"))
            }
        }
    }

    /// The direct prerequisites of a skill, ascending; none for a skill without.
    pub fn before(&self, skill: usize) -> &[usize] {
        self.before.get(skill).map_or(&[], Vec::as_slice)
    }

    /// One more than the highest number of a skill.
    pub(super) fn skills(&self) -> usize {
        self.before.len()
    }

    /// Takes away skills whose prerequisites are all taken away; what is left is on a cycle or needs one
    /// that is.
    fn on_or_behind_a_cycle(&self) -> Option<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut after = vec![Vec::new(); self.skills()];
        for (skill, list) in self.before.iter().enumerate() {
            list.iter().for_each(|&earlier| after[earlier].push(skill));
        }
        let mut free: Vec<usize> = (0..self.skills()).filter(|&skill| waiting[skill] == 0).collect();
        while let Some(skill) = free.pop() {
            for &later in &after[skill] {
                waiting[later] -= 1;
                if waiting[later] == 0 {
                    free.push(later);
                }
            }
        }
        waiting.iter().position(|&count| count > 0)
    }
}

impl TryFrom<Vec<(usize, usize)>> for Prerequisites {
    type Error = RewardError;

    fn try_from(edges: Vec<(usize, usize)>) -> Result<Self, RewardError> {
        Self::new(&edges)
    }
}

impl From<Prerequisites> for Vec<(usize, usize)> {
    fn from(graph: Prerequisites) -> Self {
        let pairs =
            |(skill, list): (usize, Vec<usize>)| list.into_iter().map(move |earlier| (earlier, skill));
        graph.before.into_iter().enumerate().flat_map(pairs).collect()
    }
}

/// When a prerequisite is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetBy {
    /// It was practised earlier in the session, or mastered at that time.
    #[default]
    Either,
    /// It was practised earlier in the session.
    Practice,
    /// It was mastered at that time.
    Mastery,
}

/// The share of practised skills whose direct prerequisites were all met when they were first practised: 0
/// to 1. A skill without prerequisites counts as met. (Surmise relations between skills: Doignon and
/// Falmagne 1985, "Spaces for the assessment of knowledge".)
///
/// Not applicable to a session without a graph, without practice, or (where only mastery counts) without
/// known mastery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrerequisiteCoverage {
    /// When a prerequisite is met. Default: practised or mastered before.
    pub met_by: MetBy,
    /// From which mastery on a skill is mastered, above 0 up to 1. Default: 0.95.
    pub threshold: f64,
}

impl Default for PrerequisiteCoverage {
    fn default() -> Self {
        Self { met_by: MetBy::default(), threshold: MASTERY }
    }
}

impl Measure for PrerequisiteCoverage {
    fn kind(&self) -> &'static str {
        "prerequisites"
    }

    fn better(&self) -> Better {
        Better::More
    }

    fn validate(&self) -> Result<(), RewardError> {
        check_threshold(self.threshold)
    }

    fn measure(&self, session: &Session) -> Option<Score> {
        let graph = session.record().prerequisites.as_deref()?;
        let initial = session.initial_mastery();
        if initial.is_none() && self.met_by == MetBy::Mastery {
            return None;
        }
        let mut mastered: Vec<bool> = match initial {
            Some(mastery) => mastery.iter().map(|&mastery| mastery >= self.threshold).collect(),
            None => vec![false; session.skills()],
        };
        let mut practised = vec![false; session.skills()];
        let (mut all, mut met, mut first_missed) = (0_usize, 0_usize, None);
        for step in session.steps() {
            if let Some(skill) = step.skill
                && !practised[skill]
            {
                let missing = graph.before(skill).iter().find(|&&before| match self.met_by {
                    MetBy::Either => !practised[before] && !mastered[before],
                    MetBy::Practice => !practised[before],
                    MetBy::Mastery => !mastered[before],
                });
                all += 1;
                met += usize::from(missing.is_none());
                first_missed = first_missed.or(missing.map(|&before| (skill, before)));
                practised[skill] = true;
            }
            for &(skill, mastery) in &step.mastery {
                mastered[skill] = mastery >= self.threshold;
            }
        }
        let reason = match first_missed {
            None => format!("the prerequisites of all {all} practised skills were met"),
            Some((skill, before)) => {
                format!("prerequisites were met for {met} of {all} skills; {skill} came before {before}")
            }
        };
        (all > 0).then(|| Score::new(met as f64 / all as f64, reason))
    }
}
