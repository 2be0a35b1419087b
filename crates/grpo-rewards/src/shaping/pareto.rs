//! Several objectives without a rate of exchange between them: who beats whom in all of them.
//!
//! A point *dominates* another if it is no worse in any objective and better in one. More is better in all
//! of them here. The points that nobody dominates are the first front; those that are left when it is taken
//! away have the next; and so on: non-dominated sorting (Deb et al. 2002, "A fast and elitist
//! multiobjective genetic algorithm: NSGA-II").

use std::cmp::Ordering;

use crate::RewardError;

/// Larger groups are refused: comparing all pairs takes time for the square of their size.
pub const MOST_POINTS: usize = 10_000;

/// Each point's front, 0 for the points that nobody dominates, `[points]`. Equal points share a front; the
/// order of the points changes nothing.
///
/// The fronts are those of Deb et al. 2002, found as in Zhang et al. 2015 ("An efficient approach to
/// nondominated sorting"): in lexicographic order nobody is dominated by a later point, so that each
/// point's front can be searched for by bisection among those of the earlier ones. At worst (all on one
/// front) `objectives * points² / 2` comparisons, and memory for the points alone.
///
/// ```
/// use grpo_rewards::shaping::pareto::fronts;
/// let points = vec![vec![1.0, 5.0], vec![3.0, 3.0], vec![2.0, 2.0], vec![0.0, 4.0], vec![1.0, 1.0]];
/// assert_eq!(fronts(&points)?, [0, 0, 1, 1, 2]);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
///
/// # Errors
/// [`RewardError::Invalid`] for more than [`MOST_POINTS`] points, points of different lengths or without a
/// number, and numbers that are not finite.
pub fn fronts(points: &[Vec<f64>]) -> Result<Vec<usize>, RewardError> {
    check(points)?;
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&one, &other| descending(&points[one], &points[other]));
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut ranks = vec![0; points.len()];
    for point in order {
        // Whoever is dominated by a member of a front is dominated by a member of each front before it. The
        // latest members are the likeliest to dominate.
        let dominated =
            |front: &Vec<usize>| front.iter().rev().any(|&by| dominates(&points[by], &points[point]));
        let rank = members.partition_point(dominated);
        match members.get_mut(rank) {
            Some(front) => front.push(point),
            None => members.push(vec![point]),
        }
        ranks[point] = rank;
    }
    Ok(ranks)
}

/// How far each point's neighbours on its own front are apart, `[points]`: the crowding distance of Deb et
/// al. 2002. Infinite for the extremes of an objective, and for all on a front whose points are all equal.
///
/// For each objective, the distance between the next larger and the next smaller value on the front is
/// divided by the front's range, and these are added up. Where points share a value, the original depends
/// on their order; here neighbours are the nearest *other* values, so that equal points have equal
/// distances whatever their order. Without shared values, both are the same.
///
/// # Errors
/// As [`fronts`]; `ranks` must be its result for the same points.
pub fn crowding(points: &[Vec<f64>], ranks: &[usize]) -> Result<Vec<f64>, RewardError> {
    check(points)?;
    if ranks.len() != points.len() {
        let problem = format!("are {} for {} points", ranks.len(), points.len());
        return Err(RewardError::invalid("ranks", problem, "use those of the same points"));
    }
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&point| ranks[point]);
    let mut distances = vec![0.0; points.len()];
    let objectives = points.first().map_or(0, Vec::len);
    for front in order.chunk_by_mut(|&one, &other| ranks[one] == ranks[other]) {
        let spread = (0..objectives).fold(false, |spread, objective| {
            add_gaps(front, &|point| points[point][objective], &mut distances) | spread
        });
        if !spread {
            front.iter().for_each(|&point| distances[point] = f64::INFINITY);
        }
    }
    Ok(distances)
}

/// Adds one objective's share of the distances of a front. Says whether there is one: where all values are
/// the same, nobody is at an extreme.
fn add_gaps(front: &mut [usize], value: &dyn Fn(usize) -> f64, distances: &mut [f64]) -> bool {
    front.sort_by(|&one, &other| ascending(value(one), value(other)));
    let same: Vec<&[usize]> = front.chunk_by(|&one, &other| value(one) == value(other)).collect();
    let (Some(low), Some(high)) = (same.first(), same.last()) else { return false };
    // Halves, so that the range of the largest numbers stays finite.
    let between = |low: &[usize], high: &[usize]| value(high[0]) / 2.0 - value(low[0]) / 2.0;
    for (place, points) in same.iter().enumerate() {
        let inside = place.checked_sub(1).and_then(|below| same.get(below)).zip(same.get(place + 1));
        let gap = inside.map_or(f64::INFINITY, |(below, above)| between(below, above) / between(low, high));
        if same.len() > 1 {
            points.iter().for_each(|&point| distances[point] += gap);
        }
    }
    same.len() > 1
}

/// What each point is worth by its rank: the share of the other points that are worse, ties counting half,
/// `[points]`. 1 for one that beats all others, 0 for one that all others beat, 0.5 where all are tied or
/// there is only one.
///
/// Worse is who has a later front and, with `by_crowding`, on the same front the smaller [`crowding`]
/// distance.
///
/// ```
/// use grpo_rewards::shaping::pareto::worths;
/// let points = vec![vec![1.0, 5.0], vec![3.0, 3.0], vec![2.0, 2.0]];
/// assert_eq!(worths(&points, false)?, [0.75, 0.75, 0.0]);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
///
/// # Errors
/// As [`fronts`].
pub fn worths(points: &[Vec<f64>], by_crowding: bool) -> Result<Vec<f64>, RewardError> {
    let ranks = fronts(points)?;
    let distances = if by_crowding { crowding(points, &ranks)? } else { vec![0.0; points.len()] };
    let best_first = |&one: &usize, &other: &usize| {
        ranks[one].cmp(&ranks[other]).then_with(|| ascending(distances[other], distances[one]))
    };
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(best_first);
    let mut worths = vec![0.5; points.len()];
    let others = points.len().saturating_sub(1).max(1) as f64;
    let mut better = 0;
    for tied in order.chunk_by(|one, other| best_first(one, other) == Ordering::Equal) {
        let worse = points.len() - better - tied.len();
        let worth = (worse as f64 + (tied.len() - 1) as f64 / 2.0) / others;
        if points.len() > 1 {
            tied.iter().for_each(|&point| worths[point] = worth);
        }
        better += tied.len();
    }
    Ok(worths)
}

fn check(points: &[Vec<f64>]) -> Result<(), RewardError> {
    if points.len() > MOST_POINTS {
        let problem = format!("has {} episodes", points.len());
        let fix = format!("compare at most {MOST_POINTS} by Pareto rank");
        return Err(RewardError::invalid("group", problem, fix));
    }
    let objectives = points.first().map_or(1, Vec::len);
    for (index, point) in points.iter().enumerate() {
        if point.is_empty() || point.len() != objectives {
            let problem = format!("has {} numbers", point.len());
            let fix = format!("give each point the same number of objectives, here {}", objectives.max(1));
            return Err(RewardError::invalid(&format!("points[{index}]"), problem, fix));
        }
        if let Some(value) = point.iter().find(|value| !value.is_finite()) {
            let problem = format!("holds {value}");
            return Err(RewardError::invalid(&format!("points[{index}]"), problem, "use finite numbers"));
        }
    }
    Ok(())
}

/// For numbers that are no NaN: 0 and -0 are the same, other than by `total_cmp`.
fn ascending(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or(Ordering::Equal)
}

/// Lexicographic, the largest first.
fn descending(one: &[f64], other: &[f64]) -> Ordering {
    let pairs = one.iter().zip(other);
    pairs.map(|(one, other)| ascending(*other, *one)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn dominates(one: &[f64], other: &[f64]) -> bool {
    let mut better = false;
    for (one, other) in one.iter().zip(other) {
        if one < other {
            return false;
        }
        better |= one > other;
    }
    better
}
