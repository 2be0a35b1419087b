//! Several objectives as one reward: what a recipe's `[objectives]` table says.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::lagrange::Lagrange;
use super::measure::{Better, Measures};
use crate::RewardError;
use crate::spec::finite;

/// How columns of measures become one number per episode.
///
/// | | an episode is worth | use it when |
/// |---|---|---|
/// | `weighted` | `Σ weight × value` | it is known what one objective is worth in units of another |
/// | `constrained` | `gain - Σ λ (cost - limit)` | one thing is wanted, and others have limits: "in half an hour at most" |
/// | `pareto` | the share of its group that it beats, by Pareto rank | nothing is known but which way is better |
///
/// What is missing (not applicable, failed) is no 0: a weighted sum leaves it out, and is missing itself
/// where all of it is (as in a [`RewardSet`](crate::RewardSet)); a constraint whose cost is missing neither
/// costs anything nor counts in the mean; an episode without its gain, or (Pareto) without any of the
/// objectives, has no reward, because leaving an objective out of some comparisons makes "beats" go round
/// in circles (Khalefa, Mokbel and Levandoski 2008, "Skyline query processing for incomplete data").
///
/// ```
/// use grpo_rewards::shaping::Objectives;
/// let objectives: Objectives = serde_json::from_str(
///     r#"{ "constrained": { "maximise": [{ "column": "gain" }], "limits": [{ "column": "time", "at_most": 30 }] } }"#,
/// )?;
/// objectives.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objectives {
    /// A sum of columns, each with a weight.
    Weighted(Vec<Term>),
    /// A sum of columns, while the means of others keep to their limits.
    Constrained(Constrained),
    /// By who beats whom within a group.
    Pareto(ParetoRank),
}

/// A column in a weighted sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The column's name.
    pub column: String,
    /// What one unit of it counts; negative for a cost. Default: 1.
    #[serde(default = "one")]
    pub weight: f64,
}

/// What is maximised, and within which limits. The limits are on means over a step's episodes, and hold at
/// the end of training rather than from the beginning: see [`Lagrange`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constrained {
    /// What is maximised, added up.
    pub maximise: Vec<Term>,
    /// What must keep to a limit.
    pub limits: Vec<Limit>,
    /// Whether the reward is divided by `1 + Σ λ`, so that a high price does not make the reward large
    /// (Stooke, Achiam and Abbeel 2020, "Responsive safety in reinforcement learning by PID Lagrangian
    /// methods"). It changes nothing where advantages are divided by their group's standard deviation.
    /// Default: yes.
    #[serde(default = "yes")]
    pub normalise: bool,
}

/// A limit on the mean of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The column's name.
    pub column: String,
    /// What its mean should not exceed; this or `at_least`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// What its mean should not fall below; this or `at_most`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// How far the multiplier moves for each unit that the mean is off, above 0. Default: 0.05 (Ray, Achiam
    /// and Amodei 2019), which suits costs whose limit is about 1.
    #[serde(default = "step_size")]
    pub step_size: f64,
    /// The multiplier at the beginning, at least 0. Default: 0.
    #[serde(default)]
    pub multiplier: f64,
    /// What the multiplier may not exceed. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_multiplier: Option<f64>,
}

/// Which columns are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParetoRank {
    /// Columns of which more is better.
    pub more: Vec<String>,
    /// Columns of which less is better.
    pub less: Vec<String>,
    /// Whether, on the same front, an episode with more room around it is worth more: rewards differ more
    /// often then, and a group's episodes spread over the front. Default: no.
    pub crowding: bool,
}

fn one() -> f64 {
    1.0
}
fn yes() -> bool {
    true
}
fn step_size() -> f64 {
    0.05
}

impl Term {
    /// A column with its weight.
    pub fn new(column: impl Into<String>, weight: f64) -> Self {
        Self { column: column.into(), weight }
    }
}

impl Limit {
    /// A column whose mean should not exceed a number.
    pub fn at_most(column: impl Into<String>, limit: f64) -> Self {
        Self {
            column: column.into(),
            at_most: Some(limit),
            at_least: None,
            step_size: step_size(),
            multiplier: 0.0,
            max_multiplier: None,
        }
    }

    /// A column whose mean should not fall below a number.
    pub fn at_least(column: impl Into<String>, limit: f64) -> Self {
        Self { at_most: None, at_least: Some(limit), ..Self::at_most(column, limit) }
    }

    /// The sign that makes a cost of the column's value, and the limit on that cost.
    pub(super) fn cost(&self) -> Result<(f64, f64), RewardError> {
        match (self.at_most, self.at_least) {
            (Some(limit), None) => finite("at_most", limit).map(|()| (1.0, limit)),
            (None, Some(limit)) => finite("at_least", limit).map(|()| (-1.0, -limit)),
            (Some(_), Some(_)) => {
                let fix = "take one out, or write a second limit on the same column";
                Err(RewardError::invalid("at_least", "stands beside `at_most`", fix))
            }
            (None, None) => Err(RewardError::invalid("at_most", "is missing", "give it, or `at_least`")),
        }
    }

    /// The state of its multiplier at the beginning.
    pub(super) fn begin(&self) -> Result<Lagrange, RewardError> {
        let own = Lagrange::new(self.multiplier, self.step_size, self.cost()?.1)?;
        self.max_multiplier.map_or(Ok(own), |most| own.at_most(most))
    }
}

impl Objectives {
    /// Checks every value by itself.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the key and what would fix it.
    pub fn validate(&self) -> Result<(), RewardError> {
        match self {
            Self::Weighted(terms) => check_terms("weighted", terms),
            Self::Constrained(constrained) => {
                check_terms("constrained.maximise", &constrained.maximise)?;
                not_empty(
                    "constrained.limits",
                    constrained.limits.is_empty(),
                    "use `weighted` where there are none",
                )?;
                for (index, limit) in constrained.limits.iter().enumerate() {
                    let within = |error: RewardError| error.within(&format!("constrained.limits[{index}]"));
                    limit.begin().map_err(within)?;
                }
                Ok(())
            }
            Self::Pareto(ParetoRank { more, less, .. }) => {
                not_empty("pareto", more.is_empty() && less.is_empty(), "name columns in `more` and `less`")?;
                each_once("pareto", more.iter().chain(less))
            }
        }
    }

    /// Checks every value, that every column exists, and that each is used the way it is better: a negative
    /// weight for a cost, no upper limit on a gain.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn check(&self, measures: &Measures) -> Result<(), RewardError> {
        self.validate()?;
        for (key, column, wanted) in self.uses() {
            let found = measures.names().find(|(name, _)| *name == column);
            let Some((_, better)) = found else {
                let names: Vec<&str> = measures.names().map(|(name, _)| name).collect();
                let fix = format!("use one of: {}", names.join(", "));
                return Err(RewardError::invalid(&key, format!("there is no column `{column}`"), fix));
            };
            let (problem, fix) = match (wanted, better) {
                (Better::More, Better::Less) => (
                    format!("asks for more of `{column}`, which is a cost"),
                    "give it a negative weight, or `at_most`, or put it into `less`",
                ),
                (Better::Less, Better::More) => (
                    format!("asks for less of `{column}`, which is a gain"),
                    "give it a positive weight, or `at_least`, or put it into `more`",
                ),
                (Better::Either, _) | (_, Better::Either) => continue,
                (Better::More, Better::More) | (Better::Less, Better::Less) => continue,
            };
            return Err(RewardError::invalid(&key, problem, fix));
        }
        Ok(())
    }

    /// Each use of a column: its key, the column, and which way it is used.
    fn uses(&self) -> Vec<(String, &str, Better)> {
        match self {
            Self::Weighted(terms) => uses_of_terms("weighted", terms).collect(),
            Self::Constrained(Constrained { maximise, limits, .. }) => {
                let limits = limits.iter().enumerate().map(|(index, limit)| {
                    let way = if limit.at_most.is_some() { Better::Less } else { Better::More };
                    (format!("constrained.limits[{index}]"), limit.column.as_str(), way)
                });
                uses_of_terms("constrained.maximise", maximise).chain(limits).collect()
            }
            Self::Pareto(ParetoRank { more, less, .. }) => {
                let more = more.iter().map(|column| ("pareto.more".into(), column.as_str(), Better::More));
                let less = less.iter().map(|column| ("pareto.less".into(), column.as_str(), Better::Less));
                more.chain(less).collect()
            }
        }
    }
}

/// A weight of 0 uses a column neither way.
fn uses_of_terms<'a>(key: &str, terms: &'a [Term]) -> impl Iterator<Item = (String, &'a str, Better)> {
    let way = |weight: f64| match weight.total_cmp(&0.0) {
        _ if weight == 0.0 => Better::Either,
        Ordering::Less => Better::Less,
        Ordering::Equal | Ordering::Greater => Better::More,
    };
    terms
        .iter()
        .enumerate()
        .map(move |(index, term)| (format!("{key}[{index}]"), term.column.as_str(), way(term.weight)))
}

fn check_terms(key: &str, terms: &[Term]) -> Result<(), RewardError> {
    not_empty(key, terms.is_empty(), "name at least one column")?;
    for (index, term) in terms.iter().enumerate() {
        finite("weight", term.weight).map_err(|error| error.within(&format!("{key}[{index}]")))?;
    }
    each_once(key, terms.iter().map(|term| &term.column))
}

fn not_empty(key: &str, empty: bool, fix: &str) -> Result<(), RewardError> {
    if empty { Err(RewardError::invalid(key, "is empty", fix)) } else { Ok(()) }
}

fn each_once<'a>(key: &str, columns: impl Iterator<Item = &'a String>) -> Result<(), RewardError> {
    let mut seen = HashSet::new();
    for column in columns {
        if !seen.insert(column) {
            let problem = format!("names the column `{column}` twice");
            return Err(RewardError::invalid(key, problem, "name each column once"));
        }
    }
    Ok(())
}
