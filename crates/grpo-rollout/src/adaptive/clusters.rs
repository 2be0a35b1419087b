use super::membership::{ClusterCount, squared_distance};
use crate::{Error, Streams};
use linfa::{DatasetBase, traits::Fit};
use linfa_clustering::KMeans;
use ndarray::Array2;
use rand_chacha::rand_core::RngCore;
use rand_xoshiro::{Xoshiro256Plus, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Clusters of learners: k-means ([Lloyd 1982](https://doi.org/10.1109/TIT.1982.1056489)) with k-means++ starts
/// ([Arthur and Vassilvitskii 2007](https://dl.acm.org/doi/10.5555/1283383.1283494)), the best of ten, by `linfa-clustering`.
///
/// Each feature is standardised with the mean and standard deviation of the learners that the clusters were fitted to, as k-means
/// would otherwise see little but the feature with the largest unit; a feature that all of them share says nothing and
/// is left out of the distance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// Clusters asked for.
    pub asked: usize,
    /// The step at which they were fitted.
    pub fitted_at: u64,
    /// Mean of each feature.
    pub means: Vec<f64>,
    /// Standard deviation of each feature; zero where it is constant.
    pub deviations: Vec<f64>,
    /// The centroids in standardised features, `[clusters, features]`: at most as many as there were different learners.
    pub centroids: Vec<Vec<f64>>,
}

impl Clusters {
    /// Fits clusters to learners, `[learners, features]`. The result depends on the seed, the step and the learners, but not on
    /// their order.
    ///
    /// # Errors
    /// [`Error::Count`] without learners or features, or when learners have different numbers of them; [`Error::Value`] for a feature
    /// that isn't finite; [`Error::Clustering`] when k-means fails.
    pub fn fit(streams: &Streams, step: u64, learners: &[&[f64]], asked: usize) -> Result<Self, Error> {
        let width = learners.first().map_or(0, |row| row.len());
        if width == 0 {
            return Err(Error::Count { what: "features of a learner", got: 0, want: 1 });
        }
        let mut rows = learners.to_vec();
        rows.iter().try_for_each(|row| check(row, width))?;
        rows.sort_by(|a, b| lexicographic(a, b));

        let (means, deviations) = (0..width).map(|i| moments(rows.iter().map(|row| row[i]))).unzip();
        let mut clusters = Self { asked, fitted_at: step, means, deviations, centroids: Vec::new() };
        let standard: Vec<Vec<f64>> = rows.iter().map(|row| clusters.standardised(row)).collect();
        let mut different = standard.clone();
        different.sort_by(|a, b| lexicographic(a, b));
        different.dedup();

        let observations = Array2::from_shape_vec((rows.len(), width), standard.concat())
            .map_err(|e| Error::Clustering(e.to_string()))?;
        let seed = streams.stream(step, 0, CLUSTERS).next_u64();
        let rng = Xoshiro256Plus::seed_from_u64(seed);
        let model = KMeans::params_with_rng(asked.min(different.len()), rng)
            .tolerance(1e-6)
            .fit(&DatasetBase::from(observations))
            .map_err(|e| Error::Clustering(e.to_string()))?;
        clusters.centroids = model.centroids().rows().into_iter().map(|row| row.to_vec()).collect();
        clusters.check_state()?;
        Ok(clusters)
    }

    /// The nearest cluster of each learner, `[learners, features]`.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of features than the clusters were fitted to, [`Error::Value`] for a feature that
    /// isn't finite.
    pub fn assign(&self, learners: &[&[f64]]) -> Result<Vec<usize>, Error> {
        let nearest = |learner: &&[f64]| {
            check(learner, self.means.len())?;
            let place = self.standardised(learner);
            let distances = self.centroids.iter().map(|centroid| squared_distance(centroid, &place));
            let nearest = distances.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
            Ok(nearest.map_or(0, |(cluster, _)| cluster))
        };
        learners.iter().map(nearest).collect()
    }

    /// What was asked for and what there is.
    pub fn count(&self) -> ClusterCount {
        ClusterCount { asked: self.asked, fitted: self.centroids.len(), fitted_at: self.fitted_at }
    }

    /// Whether these clusters still serve at `step`, or learners have to be clustered anew.
    pub(super) fn serve(&self, step: u64, asked: usize, every: u64) -> Result<bool, Error> {
        let last = self.fitted_at;
        let age = step.checked_sub(last).ok_or(Error::Step { got: step, last })?;
        Ok(self.asked == asked && age < every)
    }

    pub(super) fn check_state(&self) -> Result<(), Error> {
        let width = self.means.len();
        let finite = |row: &Vec<f64>| row.len() == width && row.iter().all(|x| x.is_finite());
        let mut rows = self.centroids.iter().chain([&self.means, &self.deviations]);
        if width == 0 || self.centroids.is_empty() || !rows.all(finite) {
            return Err(Error::State(
                "its clusters need centroids with one finite number per feature".into(),
            ));
        }
        Ok(())
    }

    fn standardised(&self, learner: &[f64]) -> Vec<f64> {
        let moments = self.means.iter().zip(&self.deviations);
        learner
            .iter()
            .zip(moments)
            .map(|(x, (mean, sd))| if *sd > 0.0 { (x - mean) / sd } else { 0.0 })
            .collect()
    }
}

/// The stream of the starts of k-means, out of the way of the samples' numbers.
const CLUSTERS: u64 = u64::from_be_bytes(*b"clusters");

fn check(learner: &[f64], width: usize) -> Result<(), Error> {
    if learner.len() != width {
        return Err(Error::Count { what: "features of a learner", got: learner.len(), want: width });
    }
    match learner.iter().find(|x| !x.is_finite()) {
        Some(&value) => Err(Error::Value {
            what: "a learner's feature".into(),
            value,
            reason: "features must be finite numbers",
        }),
        None => Ok(()),
    }
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Mean and population standard deviation; the latter is exactly zero when all values differ by rounding only.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let largest = values.clone().fold(0.0_f64, |m, x| m.max(x.abs()));
    let mean = values.clone().sum::<f64>() / n;
    let deviation = (values.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if deviation > 1e-12 * largest { deviation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(learners: &[Vec<f64>], asked: usize) -> Result<Clusters, Error> {
        let rows: Vec<&[f64]> = learners.iter().map(Vec::as_slice).collect();
        Clusters::fit(&Streams::new(3), 5, &rows, asked)
    }

    /// Three kinds of learner. The second feature has a large unit and says nothing, the third is constant.
    fn learners() -> Vec<Vec<f64>> {
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0;
        (0..60)
            .map(|i| vec![(i % 3) as f64 + 0.1 * noise(i), (i % 3) as f64 * 5e4 + 4e3 * noise(i + 50), 0.1])
            .collect()
    }

    #[test]
    fn learners_of_a_kind_share_a_cluster() {
        let learners = learners();
        let clusters = fit(&learners, 3).unwrap();
        let rows: Vec<&[f64]> = learners.iter().map(Vec::as_slice).collect();
        let labels = clusters.assign(&rows).unwrap();
        for (i, label) in labels.iter().enumerate() {
            assert_eq!(*label, labels[i % 3], "{labels:?}");
        }
        assert!(labels[0] != labels[1] && labels[1] != labels[2] && labels[2] != labels[0]);
        assert_eq!(clusters.deviations[2], 0.0);
        // What was constant doesn't tell later learners apart either.
        assert_eq!(clusters.assign(&[&[0.0, 0.0, 1e9]]).unwrap(), [labels[0]]);
    }

    /// Without standardising, only the large unit would count.
    #[test]
    fn units_dont_matter() {
        let small: Vec<Vec<f64>> = (0..40).map(|i| vec![(i % 2) as f64, (i % 5) as f64]).collect();
        let scaled: Vec<Vec<f64>> = small.iter().map(|x| vec![x[0] * 1024.0 + 7.0, x[1]]).collect();
        let labels = |learners: &[Vec<f64>]| {
            let rows: Vec<&[f64]> = learners.iter().map(Vec::as_slice).collect();
            fit(learners, 4).unwrap().assign(&rows).unwrap()
        };
        assert_eq!(labels(&small), labels(&scaled));
    }

    #[test]
    fn the_order_of_learners_doesnt_matter() {
        let mut learners = learners();
        let first = fit(&learners, 4).unwrap();
        learners.reverse();
        learners.swap(3, 40);
        assert_eq!(fit(&learners, 4).unwrap(), first);
    }

    #[test]
    fn there_are_no_more_clusters_than_different_learners() {
        let learners = vec![vec![0.0, 1.0], vec![2.0, 1.0], vec![0.0, 1.0], vec![2.0, 1.0 + 1e-15]];
        let count = fit(&learners, 3).unwrap().count();
        assert_eq!(count, ClusterCount { asked: 3, fitted: 2, fitted_at: 5 });
        assert_eq!(fit(&vec![vec![4.0]; 5], 3).unwrap().count().fitted, 1);
    }

    #[test]
    fn features_must_be_finite_and_as_many_for_all() {
        assert!(matches!(fit(&[], 2), Err(Error::Count { .. })));
        assert!(matches!(fit(&[vec![]], 2), Err(Error::Count { .. })));
        assert!(matches!(fit(&[vec![1.0], vec![1.0, 2.0]], 2), Err(Error::Count { .. })));
        assert!(matches!(fit(&[vec![1.0], vec![f64::NAN]], 2), Err(Error::Value { .. })));
        // The sum overflows.
        assert!(fit(&[vec![1e308], vec![1.5e308], vec![-1.0]], 2).is_err());
        let clusters = fit(&learners(), 2).unwrap();
        assert!(matches!(clusters.assign(&[&[1.0]]), Err(Error::Count { .. })));
    }
}
