//! Objectives at work: rewards of episodes, and the multipliers that training goes on with.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lagrange::Lagrange;
use super::objectives::{Constrained, Limit, Objectives, ParetoRank, Term};
use super::pareto;
use crate::{Column, RewardError};

/// [`Objectives`] with the state of their multipliers.
///
/// ```
/// use grpo_rewards::shaping::{Combiner, Constrained, Limit, Objectives, Term};
/// use grpo_rewards::{Column, Outcome, Score};
///
/// let column = |name: &str, values: [f64; 2]| Column {
///     name: name.into(),
///     weight: 1.0,
///     outcomes: values.map(|value| Outcome::Scored(Score::new(value, ""))).into(),
/// };
/// let columns = [column("gain", [0.5, 0.8]), column("time", [20.0, 50.0])];
///
/// let mut combiner = Combiner::new(Objectives::Constrained(Constrained {
///     maximise: vec![Term::new("gain", 1.0)],
///     limits: vec![Limit { step_size: 0.01, ..Limit::at_most("time", 30.0) }],
///     normalise: false,
/// }))?;
/// assert_eq!(combiner.combine(&columns, &[0, 0])?, [Some(0.5), Some(0.8)]);
/// // On average 35, 5 too many: from now on a unit of time costs 0.05.
/// let steps = combiner.update(&columns)?;
/// assert!((steps[0].multiplier - 0.05).abs() < 1e-12);
/// let rewards = combiner.combine(&columns, &[0, 0])?;
/// assert!(rewards[0] > rewards[1]);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Combiner {
    objectives: Objectives,
    multipliers: Vec<Lagrange>,
}

/// What a step of dual ascent did to one limit, for the metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DualStep {
    /// The column with the limit.
    pub column: String,
    /// Its mean over the episodes that have it; `None` where none has, and the multiplier stays.
    pub mean: Option<f64>,
    /// The multiplier afterwards.
    pub multiplier: f64,
}

impl Combiner {
    /// Objectives, with their multipliers at the beginning.
    ///
    /// # Errors
    /// As [`Objectives::validate`].
    pub fn new(objectives: Objectives) -> Result<Self, RewardError> {
        objectives.validate()?;
        let multipliers = limits(&objectives).iter().map(Limit::begin).collect::<Result<_, _>>()?;
        Ok(Self { objectives, multipliers })
    }

    /// Objectives with multipliers that were saved ([`Self::multipliers`]).
    ///
    /// # Errors
    /// As [`Self::new`], and where the saved multipliers belong to other limits.
    pub fn resume(objectives: Objectives, multipliers: Vec<Lagrange>) -> Result<Self, RewardError> {
        let fresh = Self::new(objectives)?;
        let same = |(one, other): (&Lagrange, &Lagrange)| one.limit() == other.limit();
        if fresh.multipliers.len() != multipliers.len()
            || !fresh.multipliers.iter().zip(&multipliers).all(same)
        {
            let problem = format!("{multipliers:?} were saved for other limits");
            let fix = "go on with the recipe that they were saved with";
            return Err(RewardError::invalid("multipliers", problem, fix));
        }
        Ok(Self { multipliers, ..fresh })
    }

    /// What is combined, and how.
    pub fn objectives(&self) -> &Objectives {
        &self.objectives
    }

    /// One multiplier per limit, in their order: all the state there is.
    pub fn multipliers(&self) -> &[Lagrange] {
        &self.multipliers
    }

    /// One reward per episode, in the order of the columns' outcomes; `None` where it is missing. `groups`
    /// says which group each episode belongs to, `[episodes]`.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] for a column that does not exist, columns of different lengths, and groups
    /// that are too large for [`pareto`]; and where a sum is too large for a number.
    pub fn combine(&self, columns: &[Column], groups: &[usize]) -> Result<Vec<Option<f64>>, RewardError> {
        let rewards = match &self.objectives {
            Objectives::Weighted(terms) => {
                let terms = weighted(columns, terms, groups.len())?;
                (0..groups.len()).map(|episode| sum(&terms, episode)).collect()
            }
            Objectives::Constrained(constrained) => self.constrained(constrained, columns, groups.len())?,
            Objectives::Pareto(rank) => by_rank(rank, columns, groups)?,
        };
        match rewards.iter().position(|reward| reward.is_some_and(|reward| !reward.is_finite())) {
            None => Ok(rewards),
            Some(episode) => {
                let problem = format!("of episode {episode} is not finite");
                Err(RewardError::invalid(
                    "the combined reward",
                    problem,
                    "use smaller weights or multipliers",
                ))
            }
        }
    }

    fn constrained(
        &self,
        constrained: &Constrained,
        columns: &[Column],
        episodes: usize,
    ) -> Result<Vec<Option<f64>>, RewardError> {
        let terms = weighted(columns, &constrained.maximise, episodes)?;
        let costs = constrained.limits.iter().map(|limit| costs(columns, limit, episodes));
        let costs: Vec<Vec<Option<f64>>> = costs.collect::<Result<_, _>>()?;
        let scale = match constrained.normalise {
            true => 1.0 + self.multipliers.iter().map(Lagrange::multiplier).sum::<f64>(),
            false => 1.0,
        };
        let reward = |episode: usize| {
            // Every term must be there: a gain of which a part is missing is no gain to compare.
            let gains = terms.iter().map(|(weight, values)| Some(weight * values[episode]?));
            let gain: f64 = gains.sum::<Option<f64>>()?;
            let penalties = self.multipliers.iter().zip(&costs);
            let penalty: f64 =
                penalties.filter_map(|(price, costs)| Some(price.penalty(costs[episode]?))).sum();
            Some((gain - penalty) / scale)
        };
        Ok((0..episodes).map(reward).collect())
    }

    /// A step of dual ascent for each limit, with the mean over all episodes that have its column. Call it
    /// once per training step, with the episodes that the current policy sampled. Without limits it does
    /// nothing.
    ///
    /// # Errors
    /// As [`Self::combine`], and as [`Lagrange::update`]; then no multiplier has changed.
    pub fn update(&mut self, columns: &[Column]) -> Result<Vec<DualStep>, RewardError> {
        let mut multipliers = self.multipliers.clone();
        let mut steps = Vec::new();
        for (price, limit) in multipliers.iter_mut().zip(limits(&self.objectives)) {
            let mean = find(columns, &limit.column)?.mean();
            if let Some(mean) = mean {
                price.update(limit.cost()?.0 * mean)?;
            }
            steps.push(DualStep { column: limit.column.clone(), mean, multiplier: price.multiplier() });
        }
        self.multipliers = multipliers;
        Ok(steps)
    }
}

fn limits(objectives: &Objectives) -> &[Limit] {
    match objectives {
        Objectives::Constrained(constrained) => &constrained.limits,
        Objectives::Weighted(_) | Objectives::Pareto(_) => &[],
    }
}

fn find<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column, RewardError> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let fix = format!("use one of: {}", names.join(", "));
        RewardError::invalid("column", format!("there is no column `{name}`"), fix)
    })
}

fn values(columns: &[Column], name: &str, episodes: usize) -> Result<Vec<Option<f64>>, RewardError> {
    let values: Vec<Option<f64>> = find(columns, name)?.values().collect();
    if values.len() == episodes {
        return Ok(values);
    }
    let problem = format!("has {} outcomes for {episodes} episodes", values.len());
    Err(RewardError::invalid(name, problem, "give one outcome per episode"))
}

/// A weight and one value per episode, for each term.
type Terms = Vec<(f64, Vec<Option<f64>>)>;

fn weighted(columns: &[Column], terms: &[Term], episodes: usize) -> Result<Terms, RewardError> {
    terms.iter().map(|term| Ok((term.weight, values(columns, &term.column, episodes)?))).collect()
}

/// The sum over what is there, as in a [`RewardSet`](crate::RewardSet).
fn sum(terms: &Terms, episode: usize) -> Option<f64> {
    let parts = terms.iter().filter_map(|(weight, values)| Some(weight * values[episode]?));
    parts.reduce(|sum, part| sum + part)
}

fn costs(columns: &[Column], limit: &Limit, episodes: usize) -> Result<Vec<Option<f64>>, RewardError> {
    let (sign, _) = limit.cost()?;
    let values = values(columns, &limit.column, episodes)?;
    Ok(values.into_iter().map(|value| Some(sign * value?)).collect())
}

fn by_rank(rank: &ParetoRank, columns: &[Column], groups: &[usize]) -> Result<Vec<Option<f64>>, RewardError> {
    let more = rank.more.iter().map(|column| Term::new(column, 1.0));
    let less = rank.less.iter().map(|column| Term::new(column, -1.0));
    let terms = weighted(columns, &more.chain(less).collect::<Vec<_>>(), groups.len())?;
    let point = |episode: usize| {
        terms.iter().map(|(sign, values)| Some(sign * values[episode]?)).collect::<Option<Vec<f64>>>()
    };
    let mut members: BTreeMap<usize, (Vec<usize>, Vec<Vec<f64>>)> = BTreeMap::new();
    for (episode, &group) in groups.iter().enumerate() {
        if let Some(point) = point(episode) {
            let (episodes, points) = members.entry(group).or_default();
            episodes.push(episode);
            points.push(point);
        }
    }
    let mut rewards = vec![None; groups.len()];
    for (group, (episodes, points)) in members {
        let worths = pareto::worths(&points, rank.crowding)
            .map_err(|error| error.within(&format!("groups[{group}]")))?;
        episodes.into_iter().zip(worths).for_each(|(episode, worth)| rewards[episode] = Some(worth));
    }
    Ok(rewards)
}
