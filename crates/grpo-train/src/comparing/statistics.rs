//! What can be said of a few runs: intervals by the bootstrap, the cost of reaching a level, and bands of curves.

use super::{ArmRun, Point};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 10_000;
/// The seed of a bootstrap's draws, the same for every interval: the same runs always have the same interval.
const SEED: u64 = 0x0b00_75f2;
/// Places of a band beyond which they are evenly spaced.
const MOST_PLACES: usize = 400;

/// A statistic of some runs with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The statistic of the runs themselves.
    pub value: f64,
    /// Both ends of the interval; none for fewer than two runs, of which no resample differs.
    pub interval: Option<(f64, f64)>,
}

/// The percentile bootstrap: `statistic` of `values`, with the 250th and the 9,750th of [`RESAMPLES`] sorted statistics of
/// resamples (as many values, drawn with replacement) as its 95 % interval. None where there is no value.
///
/// The draws are a ChaCha stream of a fixed seed, so that the result depends on `values` and their order alone. Values may be
/// infinite (a run that never reached a level); the ends are themselves statistics of resamples, never anything between two
/// of them, so that they are infinite where they should be. With few values the interval is narrower than it should be: of
/// five runs it covers the truth in about 83 of 100 cases rather than 95.
///
/// Efron, B. and Tibshirani, R. J. (1993): An Introduction to the Bootstrap, chapter 13. Chapman & Hall.
pub fn bootstrap(values: &[f64], statistic: impl Fn(&[f64]) -> f64) -> Option<Estimate> {
    let mut draws = ChaCha8Rng::seed_from_u64(SEED);
    resample(values.len().min(1), statistic(values), values.len() > 1, || {
        statistic(&with_replacement(values, &mut draws))
    })
}

/// The same for the mean of `these` minus the mean of `those`, each resampled on its own.
pub fn bootstrap_difference(these: &[f64], those: &[f64]) -> Option<Estimate> {
    let mut draws = ChaCha8Rng::seed_from_u64(SEED);
    let (least, varies) = (these.len().min(those.len()), these.len() > 1 && those.len() > 1);
    resample(least, mean(these) - mean(those), varies, || {
        mean(&with_replacement(these, &mut draws)) - mean(&with_replacement(those, &mut draws))
    })
}

fn resample(least: usize, value: f64, varies: bool, mut draw: impl FnMut() -> f64) -> Option<Estimate> {
    if least == 0 {
        return None;
    }
    let interval = varies.then(|| {
        let mut all: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
        all.sort_by(f64::total_cmp);
        (all[RESAMPLES / 40 - 1], all[RESAMPLES - RESAMPLES / 40 - 1])
    });
    Some(Estimate { value, interval })
}

fn with_replacement(values: &[f64], draws: &mut ChaCha8Rng) -> Vec<f64> {
    // The upper half of a product of 64 bits is uniform up to a share of values.len() / 2^64.
    let place = |draw: u64| ((u128::from(draw) * values.len() as u128) >> 64) as usize;
    (0..values.len()).map(|_| values[place(draws.next_u64())]).collect()
}

/// The mean; not a number where there is none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The median; the mean of the two in the middle for an even count, so that it is infinite as soon as half of the values are.
/// Not a number where there is none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The `share`-quantile of `values`, between two of them by their distance (type 7 of Hyndman and Fan 1996). Not a number where
/// there is none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, between) = (place.floor() as usize, place.fract());
    match (sorted[below], sorted.get(below + 1)) {
        (low, Some(high)) if between > 0.0 && low != *high => low + (high - low) * between,
        (low, _) => low,
    }
}

/// What it takes to get somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Sessions played.
    Sessions,
    /// Steps of the environment.
    Steps,
    /// Iterations of sampling and updating.
    Iterations,
    /// Seconds of training.
    Seconds,
}

impl Cost {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Steps, Self::Iterations, Self::Seconds];

    /// What had been spent at an examination.
    pub fn at(self, point: &Point) -> f64 {
        match self {
            Self::Sessions => point.sessions as f64,
            Self::Steps => point.steps as f64,
            Self::Iterations => point.iterations as f64,
            Self::Seconds => point.seconds,
        }
    }
}

/// What a run had spent at the first of its examinations that found a worth of `level` or more; none where none did.
///
/// Nothing is interpolated: between two examinations nobody knows, so the first that shows it counts. The number is therefore too
/// large by up to the distance of two examinations, for every arm alike where they are examined alike.
pub fn first_reaching(run: &ArmRun, level: f64, cost: Cost) -> Option<f64> {
    run.points.iter().find(|point| point.worth >= level).map(|point| cost.at(point))
}

/// [`first_reaching`] of every run; infinite where a run never reaches the level.
pub fn taken(runs: &[ArmRun], level: f64, cost: Cost) -> Vec<f64> {
    runs.iter().map(|run| first_reaching(run, level, cost).unwrap_or(f64::INFINITY)).collect()
}

/// The cost of reaching a level, over runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reaching {
    /// How many runs there are.
    pub runs: usize,
    /// How many of them reached the level.
    pub reached: usize,
    /// The median of what it took, and its interval; infinite means "not reached".
    pub median: Estimate,
}

/// The median over runs of [`first_reaching`]; none where there is no run.
///
/// A run that never reaches the level is censored: all that is known is that it takes more than it had. It counts as infinite. The
/// median needs no more than that, and becomes infinite ("not reached") exactly when half of the runs or more never reach the
/// level; leaving such runs out would flatter the arm that fails most.
pub fn reaching(runs: &[ArmRun], level: f64, cost: Cost) -> Option<Reaching> {
    let taken = taken(runs, level, cost);
    let reached = taken.iter().filter(|taken| taken.is_finite()).count();
    Some(Reaching { runs: runs.len(), reached, median: bootstrap(&taken, median)? })
}

/// Curves of several runs as one: median and interquartile range, place by place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Band {
    /// Where: what had been spent.
    pub places: Vec<f64>,
    /// The 25th percentile over runs.
    pub low: Vec<f64>,
    /// The median over runs.
    pub middle: Vec<f64>,
    /// The 75th percentile over runs.
    pub high: Vec<f64>,
}

/// The band of the runs' worth against what they had spent, on a common grid: wherever one of them was examined, from the last of
/// the runs' first examinations to the first of their last ones, so that every run has a part in every place. Between two of
/// its examinations a run is taken to be on the straight line between them. Runs without examinations are left out.
pub fn band(runs: &[ArmRun], cost: Cost) -> Band {
    let curves: Vec<Vec<(f64, f64)>> =
        runs.iter().map(|run| curve(run, cost)).filter(|it| !it.is_empty()).collect();
    let ends = |pick: fn(&[(f64, f64)]) -> f64| curves.iter().map(move |curve| pick(curve));
    let from = ends(|curve| curve[0].0).fold(f64::NEG_INFINITY, f64::max);
    let to = ends(|curve| curve[curve.len() - 1].0).fold(f64::INFINITY, f64::min);
    let mut places: Vec<f64> =
        curves.iter().flatten().map(|(x, _)| *x).filter(|x| (from..=to).contains(x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    if places.len() > MOST_PLACES {
        let step = (to - from) / (MOST_PLACES - 1) as f64;
        places = (0..MOST_PLACES).map(|place| (from + place as f64 * step).min(to)).collect();
    }
    let mut band = Band::default();
    for place in places {
        let worths: Vec<f64> = curves.iter().map(|curve| at(curve, place)).collect();
        band.places.push(place);
        band.low.push(quantile(&worths, 0.25));
        band.middle.push(median(&worths));
        band.high.push(quantile(&worths, 0.75));
    }
    band
}

/// A run's worths by what it had spent, in order; of several at one place the last.
fn curve(run: &ArmRun, cost: Cost) -> Vec<(f64, f64)> {
    let known = run.points.iter().map(|point| (cost.at(point), point.worth));
    let mut points: Vec<_> = known.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.reverse();
    points.dedup_by(|a, b| a.0 == b.0);
    points.reverse();
    points
}

/// The worth at `place`, which lies within the curve.
fn at(curve: &[(f64, f64)], place: f64) -> f64 {
    let after = curve.partition_point(|(x, _)| *x < place).min(curve.len() - 1);
    let ((x1, y1), before) = (curve[after], after.checked_sub(1).map(|before| curve[before]));
    match before {
        Some((x0, y0)) if place < x1 => y0 + (y1 - y0) * (place - x0) / (x1 - x0),
        _ => y1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(points: &[(usize, f64)]) -> ArmRun {
        let point = |(sessions, worth): &(usize, f64)| Point {
            iterations: sessions / 10,
            sessions: *sessions,
            steps: sessions * 5,
            seconds: *sessions as f64 / 4.0,
            worth: *worth,
        };
        ArmRun { seed: 1, points: points.iter().map(point).collect() }
    }

    #[test]
    fn the_bootstrap_agrees_with_theory_and_repeats_itself() {
        let values: Vec<f64> = (0..100).map(|value| f64::from(value) / 99.0).collect();
        let estimate = bootstrap(&values, mean).expect("a mean");
        let (low, high) = estimate.interval.expect("an interval");
        // Standard error of the mean of 100 numbers that are evenly spread over 0 to 1: 0.02916.
        assert!((estimate.value - 0.5).abs() < 1e-12);
        assert!(
            (low - (0.5 - 1.96 * 0.02916)).abs() < 0.002 && (high - (0.5 + 1.96 * 0.02916)).abs() < 0.002
        );
        assert_eq!(bootstrap(&values, mean), Some(estimate));
    }

    #[test]
    fn every_resample_is_drawn_evenly() {
        // Of two values, a resample is (0, 0), (0, 1), (1, 0) or (1, 1).
        let mut draws = ChaCha8Rng::seed_from_u64(SEED);
        let ones: f64 =
            (0..RESAMPLES).map(|_| with_replacement(&[0.0, 1.0], &mut draws).iter().sum::<f64>()).sum();
        assert!((ones / RESAMPLES as f64 - 1.0).abs() < 0.03);
    }

    #[test]
    fn one_value_has_no_interval_and_none_has_no_estimate() {
        assert_eq!(bootstrap(&[0.5], mean), Some(Estimate { value: 0.5, interval: None }));
        assert_eq!(bootstrap(&[], mean), None);
        assert_eq!(bootstrap_difference(&[1.0], &[]), None);
    }

    #[test]
    fn a_difference_that_is_certain_excludes_zero() {
        let estimate = bootstrap_difference(&[0.9, 0.8, 0.85], &[0.1, 0.2, 0.15]).expect("a difference");
        let (low, high) = estimate.interval.expect("an interval");
        assert!((estimate.value - 0.7).abs() < 1e-12 && low > 0.5 && high < 0.9);
    }

    #[test]
    fn quantiles_are_those_of_other_programs() {
        // numpy.quantile([1, 2, 4, 8], [0.25, 0.5, 0.75])
        assert_eq!([0.25, 0.5, 0.75].map(|share| quantile(&[8.0, 1.0, 4.0, 2.0], share)), [1.75, 3.0, 5.0]);
        assert!(median(&[]).is_nan());
        assert_eq!(median(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), f64::INFINITY);
    }

    #[test]
    fn the_first_examination_that_reaches_a_level_counts_and_a_later_fall_does_not_matter() {
        let run = run(&[(0, 0.1), (100, 0.4), (200, 0.5), (300, 0.3)]);
        assert_eq!(first_reaching(&run, 0.45, Cost::Sessions), Some(200.0));
        assert_eq!(first_reaching(&run, 0.5, Cost::Steps), Some(1000.0));
        assert_eq!(first_reaching(&run, 0.1, Cost::Iterations), Some(0.0));
        assert_eq!(first_reaching(&run, 0.6, Cost::Seconds), None);
    }

    #[test]
    fn the_median_is_not_reached_when_half_or_more_never_do() {
        let (good, bad) = (|at| run(&[(0, 0.0), (at, 1.0)]), run(&[(0, 0.0), (900, 0.2)]));
        let of = |runs: &[ArmRun]| reaching(runs, 0.5, Cost::Sessions).expect("runs");
        let three_of_five = of(&[good(100), good(300), good(200), bad.clone(), bad.clone()]);
        assert_eq!((three_of_five.reached, three_of_five.runs, three_of_five.median.value), (3, 5, 300.0));
        assert_eq!(three_of_five.median.interval, Some((100.0, f64::INFINITY)));
        let two_of_four = of(&[good(100), good(200), bad.clone(), bad.clone()]);
        assert_eq!((two_of_four.reached, two_of_four.median.value), (2, f64::INFINITY));
        assert_eq!(reaching(&[], 0.5, Cost::Sessions), None);
    }

    #[test]
    fn a_band_is_made_where_every_run_has_a_part() {
        let band = band(
            &[run(&[(0, 0.0), (100, 1.0)]), run(&[(0, 0.0), (50, 1.0), (80, 1.0)]), run(&[])],
            Cost::Sessions,
        );
        assert_eq!(band.places, [0.0, 50.0, 80.0]);
        assert_eq!(band.middle, [0.0, 0.75, 0.9]);
        assert_eq!((band.low[1], band.high[1]), (0.625, 0.875));
        assert_eq!(super::band(&[], Cost::Seconds), Band::default());
    }

    #[test]
    fn bands_of_many_examinations_are_thinned_to_an_even_grid_with_both_ends() {
        let long: Vec<(usize, f64)> = (0..1000).map(|at| (at, at as f64)).collect();
        let band = band(&[run(&long)], Cost::Sessions);
        assert_eq!((band.places.len(), band.places[0], band.places[399]), (400, 0.0, 999.0));
        assert!(band.places.iter().zip(&band.middle).all(|(x, y)| (x - y).abs() < 1e-9));
    }
}
