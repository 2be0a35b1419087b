//! What sessions are worth, where it isn't their environment's own rewards that say so.

use std::collections::BTreeMap;
use std::sync::Arc;

use grpo_edu::students::{Chronicled, Recorded};
use grpo_rewards::Column;
use grpo_rewards::shaping::{
    Combiner, DualStep, Lagrange, MeasureKind, MeasureSpec, Measures, Objectives, PotentialShaping, Session,
};
use grpo_rollout::Record;
use grpo_rollout::adaptive::Comparison;

use super::Credit;
use crate::Error;

/// A hundred years: later tests than that are a slip of the pen.
const LATEST_TEST: f64 = 3.2e9;

/// Says what sessions are worth: takes measures of learning outcomes, makes one reward of them (paid with a session's last step), and pays
/// on the way what leaves the best policy as it is. It keeps the multipliers of limits, which move with every step of training.
///
/// ```
/// use grpo_rewards::shaping::{LearningGain, MeasureSpec, Objectives, Term, TimeToMastery, Clock};
/// use grpo_train::Appraiser;
///
/// let soon = TimeToMastery { horizon: 20.0, clock: Clock::Steps, threshold: 0.9, share: 0.5 };
/// let measures = [MeasureSpec::new(LearningGain::default()), MeasureSpec::new(soon)];
/// let worth = Objectives::Weighted(vec![Term::new("learning_gain", 1.0), Term::new("time_to_mastery", -0.5)]);
/// let appraiser = Appraiser::new(&measures, &[], Some(worth), None)?;
/// assert!(appraiser.multipliers().is_empty());
/// # Ok::<(), grpo_train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Appraiser {
    measures: Arc<Measures>,
    /// Seconds after the session at which the learner is tested again.
    delays: Arc<[f64]>,
    combiner: Option<Combiner>,
    shaping: Option<PotentialShaping>,
}

impl Appraiser {
    /// Checks everything. `delayed_tests` are seconds after a session's end, for [`grpo_rewards::shaping::Retention`]. Without `objectives`
    /// the environment's own rewards are paid, and the measures are reported beside them.
    ///
    /// # Errors
    /// Names the key of a recipe that has an impossible value, and what would be right.
    pub fn new(
        measures: &[MeasureSpec],
        delayed_tests: &[f64],
        objectives: Option<Objectives>,
        shaping: Option<PotentialShaping>,
    ) -> Result<Self, Error> {
        check_tests(measures, delayed_tests)?;
        let measures = Arc::new(Measures::from_specs(measures)?);
        if let Some(objectives) = &objectives {
            if measures.names().next().is_none() {
                let problem = "is empty, but `objectives` are made of measures";
                return Err(Error::setting("measures", problem, "add the `[[measures]]` that it names"));
            }
            objectives.check(&measures).map_err(|error| error.within("objectives"))?;
        }
        if let Some(shaping) = &shaping {
            shaping.validate().map_err(|error| error.within("shaping"))?;
        }
        let combiner = objectives.map(Combiner::new).transpose()?;
        Ok(Self { measures, delays: delayed_tests.into(), combiner, shaping })
    }

    /// The state of the limits' multipliers, to be saved.
    pub fn multipliers(&self) -> &[Lagrange] {
        self.combiner.as_ref().map_or(&[], Combiner::multipliers)
    }

    /// Goes on with multipliers that were saved.
    ///
    /// # Errors
    /// When they belong to other limits.
    pub fn resume(self, multipliers: Vec<Lagrange>) -> Result<Self, Error> {
        let resume =
            |combiner: Combiner| Combiner::resume(combiner.objectives().clone(), multipliers.clone());
        Ok(Self { combiner: self.combiner.map(resume).transpose()?, ..self })
    }

    /// Whether shaping does with this credit what it promises.
    ///
    /// # Errors
    /// Names the key and what to change.
    pub fn check_credit(&self, credit: &Credit) -> Result<(), Error> {
        let Some(shaping) = &self.shaping else { return Ok(()) };
        let (key, discount) = match credit {
            Credit::Group(group) if !group.to_go => {
                let problem = "is set, but a whole session's advantage stays the same under it";
                let fix = "set `credit.group.to_go = true`, or leave it out";
                return Err(Error::setting("shaping", problem, fix));
            }
            Credit::Group(group) => ("credit.group.discount", group.discount),
            Credit::Critic(critic) => ("credit.critic.discount", critic.discount),
        };
        if shaping.discount == discount {
            return Ok(());
        }
        let problem =
            format!("is {}, and `{key}` is {discount}: the best policy would change", shaping.discount);
        Err(Error::setting("shaping.discount", problem, "use the same number for both"))
    }

    /// Refuses measures that apply to none of these sessions, and shaping where mastery isn't known: nothing would ever come of them.
    pub(crate) fn check_on(&self, sessions: &[Session]) -> Result<(), Error> {
        let columns = self.measures.evaluate(sessions);
        let never = |column: &Column| column.outcomes.iter().all(|outcome| outcome.value().is_none());
        if let Some((index, column)) = columns.iter().enumerate().find(|(_, column)| never(column)) {
            let problem = format!(
                "`{}` applies to none of {} sessions of this environment",
                column.name,
                sessions.len()
            );
            let fix = "take it out; the chapter on tutors says what each environment tells";
            return Err(Error::setting(format!("measures[{index}]"), problem, fix));
        }
        match &self.shaping {
            Some(shaping) if sessions.iter().any(|session| shaping.rewards(session).is_none()) => {
                let problem = "goes by mastery, which sessions of this environment don't have";
                Err(Error::setting("shaping", problem, "leave it out"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The sessions of an environment, as measures know them.
    pub(crate) fn told<'a, E: Recorded + 'a>(
        &self,
        ends: impl Iterator<Item = &'a Chronicled<E>>,
    ) -> Result<Vec<Session>, Error> {
        let told = ends.enumerate().map(|(index, end)| {
            end.session(&self.delays).map_err(|error| error.within(&format!("sessions[{index}]")))
        });
        Ok(told.collect::<Result<_, _>>()?)
    }

    /// What the sessions of a step are worth. Multipliers move on.
    pub(super) fn appraise<E: Recorded>(
        &mut self,
        records: &[Record<Chronicled<E>>],
        members: &Comparison,
    ) -> Result<Appraisal, Error> {
        let sessions = self.told(records.iter().map(|record| &record.end))?;
        let columns = self.measures.evaluate(&sessions);
        let mut appraisal = Appraisal::own(records);
        let means = columns.iter().map(|column| (format!("measures/{}/mean", column.name), column.mean()));
        appraisal.metrics.extend(means);
        if let Some(combiner) = &mut self.combiner {
            let worths = combiner.combine(&columns, &group_of(members, records.len()))?;
            if worths.iter().all(Option::is_none) {
                return Err(no_worth(&columns));
            }
            appraisal.metrics.extend(beside(records, &worths));
            let paid =
                |(record, worth): (&Record<_>, Option<f64>)| Some(at_the_end(record.rewards.len(), worth?));
            appraisal.rewards = records.iter().zip(worths).map(paid).collect();
            appraisal.metrics.extend(prices(&combiner.update(&columns)?));
        }
        if let Some(shaping) = &self.shaping {
            let unknown = || Error::setting("shaping", "goes by mastery, which isn't known", "leave it out");
            let extra = sessions.iter().map(|session| shaping.rewards(session).ok_or_else(unknown));
            appraisal.shaping = Some(extra.collect::<Result<_, _>>()?);
        }
        Ok(appraisal)
    }
}

/// What sessions are paid, session by session.
pub(super) struct Appraisal {
    /// Rewards of the steps, without shaping; `None` for a session of which isn't known what it is worth.
    pub(super) rewards: Vec<Option<Vec<f64>>>,
    /// What shaping adds to them.
    pub(super) shaping: Option<Vec<Vec<f64>>>,
    pub(super) metrics: BTreeMap<String, Option<f64>>,
}

impl Appraisal {
    /// The environment's own rewards.
    pub(super) fn own<E>(records: &[Record<E>]) -> Self {
        let rewards = records.iter().map(|record| Some(record.rewards.clone())).collect();
        Self { rewards, shaping: None, metrics: BTreeMap::new() }
    }
}

fn check_tests(measures: &[MeasureSpec], delays: &[f64]) -> Result<(), Error> {
    for (index, &seconds) in delays.iter().enumerate() {
        if !(0.0..=LATEST_TEST).contains(&seconds) {
            let (key, problem) = (format!("delayed_tests[{index}]"), format!("is {seconds}"));
            return Err(Error::setting(key, problem, "use seconds after the session, from 0 to 3.2e9"));
        }
    }
    let retention = measures.iter().position(|spec| matches!(spec.kind, MeasureKind::Retention(_)));
    match (retention, delays.is_empty()) {
        (Some(index), true) => {
            let problem = format!("is empty, but `measures[{index}]` is a `retention`");
            let fix = "list seconds after the session, for instance [86400] for a day";
            Err(Error::setting("delayed_tests", problem, fix))
        }
        (None, false) => {
            let fix = "add a measure of the kind `retention`, or leave it out";
            Err(Error::setting("delayed_tests", "is set, but no measure is a `retention`", fix))
        }
        (Some(_), false) | (None, true) => Ok(()),
    }
}

/// The group of each session.
fn group_of(members: &Comparison, sessions: usize) -> Vec<usize> {
    let mut groups = vec![0; sessions];
    for (group, rows) in members.groups.iter().enumerate() {
        rows.iter().for_each(|&row| groups[row] = group);
    }
    groups
}

/// A worth is known when the session is over, and paid then.
fn at_the_end(steps: usize, worth: f64) -> Vec<f64> {
    let mut rewards = vec![0.0; steps];
    if let Some(last) = rewards.last_mut() {
        *last = worth;
    }
    rewards
}

fn no_worth(columns: &[Column]) -> Error {
    let why = |column: &Column| Some(format!("{}: {}", column.name, column.outcomes.first()?.reason()));
    let reasons: Vec<String> = columns.iter().filter_map(why).collect();
    let problem =
        format!("give none of the step's sessions a worth (of the first one, {})", reasons.join("; "));
    Error::setting(
        "objectives",
        problem,
        "choose measures that apply to these learners, or use larger groups",
    )
}

/// What is worth knowing beside rewards that aren't the environment's.
fn beside<E>(records: &[Record<E>], worths: &[Option<f64>]) -> [(String, Option<f64>); 2] {
    let own = records.iter().map(Record::reward).sum::<f64>() / records.len().max(1) as f64;
    let missing = worths.iter().filter(|worth| worth.is_none()).count();
    [("environment/reward".into(), Some(own)), ("worth/missing".into(), Some(missing as f64))]
}

/// Each limit's multiplier. A second limit on a column is told as its second.
fn prices(steps: &[DualStep]) -> Vec<(String, Option<f64>)> {
    let name =
        |(at, step): (usize, &DualStep)| match steps[..at].iter().filter(|s| s.column == step.column).count()
        {
            0 => (format!("lagrange/{}", step.column), Some(step.multiplier)),
            earlier => (format!("lagrange/{}/{}", step.column, earlier + 1), Some(step.multiplier)),
        };
    steps.iter().enumerate().map(name).collect()
}
