use super::config::setting;
use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which episodes of a step are compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Membership {
    /// Those of the same question, as in GRPO.
    #[default]
    Question,
    /// Those of similar learners: k-means over the learners' features ([`Clusters`](super::Clusters)).
    Cluster {
        /// Clusters, where there are as many different learners.
        clusters: usize,
        /// Steps after which the learners are clustered anew. In between, a learner belongs to the nearest centroid.
        every: u64,
    },
    /// Those of questions that are about equally hard now: bands of equal width of the expected solve rate
    /// ([`Posterior::solve_rate`](super::Posterior::solve_rate)).
    Difficulty {
        /// Bands between 0 and 1.
        bands: usize,
    },
}

impl Membership {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let one_is_enough = "use at least 2: a single one compares every episode with every other";
        match *self {
            Self::Cluster { clusters: n @ (0 | 1), .. } => {
                Err(setting("membership.cluster.clusters", n, one_is_enough))
            }
            Self::Cluster { every: 0, .. } => Err(setting(
                "membership.cluster.every",
                0,
                "use at least 1, which clusters anew at every step",
            )),
            Self::Difficulty { bands: n @ (0 | 1) } => {
                Err(setting("membership.difficulty.bands", n, one_is_enough))
            }
            _ => Ok(()),
        }
    }
}

/// Which episodes of a step are compared with each other.
///
/// Estimators take groups that lie one after another:
///
/// ```
/// # use grpo_rollout::adaptive::Comparison;
/// # fn estimate(rewards: &[f64], _: &[usize]) -> Vec<f64> { rewards.to_vec() }
/// # fn advantages(members: &Comparison, rewards: &[f64]) -> Option<Vec<f64>> {
/// let estimated = estimate(&members.gather(rewards)?, &members.sizes());
/// let advantages = members.scatter(&estimated)?; // in the order of the episodes again
/// # Some(advantages) }
/// # let members = Comparison { groups: vec![vec![0, 2], vec![1]], merged: 0, clusters: None };
/// # assert_eq!(advantages(&members, &[0.5, 0.1, 0.3]), Some(vec![0.5, 0.1, 0.3]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The episodes of each group, as indices into the step's episodes (which lie prompt by prompt). Every episode is in exactly one.
    pub groups: Vec<Vec<usize>>,
    /// Clusters or bands that held a single episode, which there is nothing to compare with, and so joined the nearest one.
    pub merged: usize,
    /// What became of the clusters; only when learners are clustered.
    pub clusters: Option<ClusterCount>,
}

/// Clusters that were asked for and that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterCount {
    /// As configured.
    pub asked: usize,
    /// As fitted: fewer where there were fewer different learners.
    pub fitted: usize,
    /// The step at which they were fitted.
    pub fitted_at: u64,
}

impl Comparison {
    /// Every prompt's episodes are a group of their own, `sizes` of them for each prompt.
    pub fn by_question(sizes: &[usize]) -> Self {
        let groups = episodes(sizes).into_iter().filter(|rows| !rows.is_empty()).collect();
        Self { groups, merged: 0, clusters: None }
    }

    /// The episodes of prompts with the same label (an index into `places`) are a group; groups come in the order of the labels.
    ///
    /// A group of a single episode joins the group whose label's place is nearest (the lower label of two), if there is another: on its
    /// own it would get no advantage at all.
    ///
    /// # Errors
    /// [`Error::Count`] when there isn't one label per prompt, or a label has no place.
    pub fn by_label(labels: &[usize], places: &[Vec<f64>], sizes: &[usize]) -> Result<Self, Error> {
        if labels.len() != sizes.len() {
            return Err(Error::Count { what: "labels of prompts", got: labels.len(), want: sizes.len() });
        }
        if let Some(&label) = labels.iter().find(|&&label| label >= places.len()) {
            return Err(Error::Count { what: "places of labels", got: places.len(), want: label + 1 });
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (&label, rows) in labels.iter().zip(episodes(sizes)) {
            if !rows.is_empty() {
                groups.entry(label).or_default().extend(rows);
            }
        }
        let lone: Vec<usize> = groups.iter().filter(|(_, rows)| rows.len() == 1).map(|(&l, _)| l).collect();
        let mut merged = 0;
        for label in lone {
            // An earlier lone one may have joined this one meanwhile.
            if groups.get(&label).is_none_or(|rows| rows.len() != 1) {
                continue;
            }
            let others = groups.keys().copied().filter(|&other| other != label);
            let distance = |other: &usize| squared_distance(&places[label], &places[*other]);
            let Some(nearest) = others.min_by(|a, b| distance(a).total_cmp(&distance(b))) else { continue };
            let rows = groups.remove(&label).unwrap_or_default();
            let joined = groups.entry(nearest).or_default();
            joined.extend(rows);
            joined.sort_unstable();
            merged += 1;
        }
        Ok(Self { groups: groups.into_values().collect(), merged, clusters: None })
    }

    /// Episodes of each group.
    pub fn sizes(&self) -> Vec<usize> {
        self.groups.iter().map(Vec::len).collect()
    }

    /// One value per episode, put group after group. `None` if there isn't one per episode.
    pub fn gather<T: Clone>(&self, values: &[T]) -> Option<Vec<T>> {
        let gathered: Vec<T> =
            self.groups.iter().flatten().map(|&row| values.get(row).cloned()).collect::<Option<_>>()?;
        (gathered.len() == values.len()).then_some(gathered)
    }

    /// The way back from [`gather`](Self::gather): values put group after group, in the order of the episodes.
    pub fn scatter<T: Clone>(&self, values: &[T]) -> Option<Vec<T>> {
        let rows: Vec<usize> = self.groups.iter().flatten().copied().collect();
        if rows.len() != values.len() {
            return None;
        }
        let mut places = vec![None; rows.len()];
        for (row, value) in rows.into_iter().zip(values) {
            *places.get_mut(row)? = Some(value.clone());
        }
        places.into_iter().collect()
    }
}

/// The band of a solve rate in `[0, 1]`; 1 itself belongs to the last one.
pub(super) fn band(solve_rate: f64, bands: usize) -> usize {
    ((solve_rate * bands as f64) as usize).min(bands.saturating_sub(1))
}

pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// The episodes of each prompt.
fn episodes(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut start = 0;
    let mut rows = |size: &usize| {
        start += size;
        (start - size..start).collect()
    };
    sizes.iter().map(&mut rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> Vec<Vec<f64>> {
        (0..n).map(|i| vec![i as f64]).collect()
    }

    #[test]
    fn every_question_is_a_group() {
        let members = Comparison::by_question(&[2, 1, 3]);
        assert_eq!(members.groups, [vec![0, 1], vec![2], vec![3, 4, 5]]);
    }

    #[test]
    fn prompts_with_the_same_label_are_compared() {
        let members = Comparison::by_label(&[3, 0, 3], &line(4), &[2, 2, 1]).unwrap();
        assert_eq!(members.groups, [vec![2, 3], vec![0, 1, 4]]);
        assert_eq!((members.merged, members.sizes()), (0, vec![2, 3]));
    }

    #[test]
    fn a_lone_episode_joins_the_nearest() {
        for (labels, sizes, groups, merged) in [
            // Label 2 is as far from 1 as from 3: the lower one.
            (vec![1, 2, 3], vec![2, 1, 2], vec![vec![0, 1, 2], vec![3, 4]], 1),
            (vec![0, 2, 3], vec![2, 1, 2], vec![vec![0, 1], vec![2, 3, 4]], 1),
            // Two lone ones find each other and then stand.
            (vec![0, 4, 5], vec![2, 1, 1], vec![vec![0, 1], vec![2, 3]], 1),
            // Alone in the world.
            (vec![4], vec![1], vec![vec![0]], 0),
        ] {
            let members = Comparison::by_label(&labels, &line(6), &sizes).unwrap();
            assert_eq!((members.groups, members.merged), (groups, merged), "{labels:?}");
        }
    }

    #[test]
    fn labels_must_fit() {
        assert!(matches!(Comparison::by_label(&[0], &line(1), &[2, 2]), Err(Error::Count { .. })));
        assert!(matches!(Comparison::by_label(&[1], &line(1), &[2]), Err(Error::Count { .. })));
    }

    #[test]
    fn scatter_undoes_gather() {
        let members = Comparison::by_label(&[1, 0, 1], &line(2), &[2, 2, 2]).unwrap();
        let values: Vec<usize> = (10..16).collect();
        let gathered = members.gather(&values).unwrap();
        assert_eq!(gathered, [12, 13, 10, 11, 14, 15]);
        assert_eq!(members.scatter(&gathered).unwrap(), values);
        for length in [5, 7] {
            assert_eq!((members.gather(&vec![0; length]), members.scatter(&vec![0; length])), (None, None));
        }
    }

    #[test]
    fn bands_have_equal_width() {
        let rates = [0.0, 0.2, 0.25, 0.74, 0.75, 1.0];
        assert_eq!(rates.map(|rate| band(rate, 4)), [0, 0, 1, 2, 3, 3]);
    }
}
