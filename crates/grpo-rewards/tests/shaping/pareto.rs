//! Pareto ranks: by definition, whatever the order, ties and sizes.

use grpo_rewards::shaping::pareto::{MOST_POINTS, crowding, fronts, worths};
use std::time::Instant;

use crate::Draws;

/// Fronts from their definition: take away who is not dominated, again and again.
fn peeled(points: &[Vec<f64>]) -> Vec<usize> {
    let dominates = |one: &Vec<f64>, other: &Vec<f64>| {
        one.iter().zip(other).all(|(one, other)| one >= other) && one != other
    };
    let mut ranks = vec![usize::MAX; points.len()];
    for rank in 0.. {
        let left: Vec<usize> = (0..points.len()).filter(|&point| ranks[point] == usize::MAX).collect();
        if left.is_empty() {
            break;
        }
        for &point in &left {
            if !left.iter().any(|&by| dominates(&points[by], &points[point])) {
                ranks[point] = rank;
            }
        }
    }
    ranks
}

fn cloud(draws: &mut Draws) -> Vec<Vec<f64>> {
    let (points, objectives, levels) = (1 + draws.below(30), 1 + draws.below(4), 2 + draws.below(20));
    let value = |draws: &mut Draws| draws.below(levels) as f64 - 3.0;
    (0..points).map(|_| (0..objectives).map(|_| value(draws)).collect()).collect()
}

#[test]
fn fronts_are_those_of_the_definition() {
    let mut draws = Draws(11);
    for _ in 0..500 {
        let points = cloud(&mut draws);
        assert_eq!(fronts(&points).unwrap(), peeled(&points), "{points:?}");
    }
}

#[test]
fn the_order_of_the_points_changes_nothing() {
    let mut draws = Draws(12);
    for _ in 0..200 {
        let points = cloud(&mut draws);
        let mut order: Vec<usize> = (0..points.len()).collect();
        (1..order.len()).for_each(|place| order.swap(place, draws.below(place + 1)));
        let shuffled: Vec<Vec<f64>> = order.iter().map(|&point| points[point].clone()).collect();
        let moved = |values: Vec<f64>| order.iter().map(|&point| values[point]).collect::<Vec<f64>>();
        for by_crowding in [false, true] {
            let (own, other) =
                (worths(&points, by_crowding).unwrap(), worths(&shuffled, by_crowding).unwrap());
            assert_eq!(moved(own.clone()), other);
            // As a share of comparisons that are won, the mean is one half.
            assert!((own.iter().sum::<f64>() / own.len() as f64 - 0.5).abs() < 1e-12);
            // Equal points are worth the same.
            for (one, a) in points.iter().zip(&own) {
                for (two, b) in points.iter().zip(&own) {
                    assert!(one != two || a == b);
                }
            }
        }
        let ranks = fronts(&points).unwrap();
        let theirs = crowding(&shuffled, &fronts(&shuffled).unwrap()).unwrap();
        assert_eq!(moved(crowding(&points, &ranks).unwrap()), theirs);
    }
}

#[test]
fn edges() {
    assert!(fronts(&[]).unwrap().is_empty());
    assert!(worths(&[], true).unwrap().is_empty());
    assert_eq!(worths(&[vec![3.0]], true).unwrap(), [0.5]);
    assert_eq!(worths(&[vec![1.0], vec![2.0]], false).unwrap(), [0.0, 1.0]);
    // 0 and -0 are the same number.
    assert_eq!(fronts(&[vec![0.0, 1.0], vec![-0.0, 1.0]]).unwrap(), [0, 0]);
    // The largest numbers have a range too.
    let far = vec![vec![f64::MAX, f64::MIN], vec![0.0, 0.0], vec![f64::MIN, f64::MAX]];
    assert_eq!(crowding(&far, &[0, 0, 0]).unwrap(), [f64::INFINITY, 2.0, f64::INFINITY]);
}

#[test]
fn what_is_no_group_of_points_is_refused() {
    let error = |points: &[Vec<f64>]| fronts(points).unwrap_err().to_string();
    assert_eq!(error(&[vec![1.0], vec![f64::NAN]]), "`points[1]`: holds NaN; use finite numbers");
    assert!(error(&[vec![1.0, 2.0], vec![1.0]]).contains("`points[1]`: has 1 numbers"));
    assert!(error(&[vec![], vec![]]).contains("`points[0]`: has 0 numbers"));
    assert!(error(&vec![vec![0.0]; MOST_POINTS + 1]).contains("has 10001 episodes"));
    assert!(crowding(&[vec![1.0]], &[0, 0]).is_err());
}

#[test]
fn the_largest_groups_are_ranked_in_reasonable_time() {
    // The worst case: nobody dominates anybody. And the one that recursion or many fronts would break:
    // everybody is on a front alone.
    let line: Vec<Vec<f64>> = (0..MOST_POINTS).map(|i| vec![i as f64, -(i as f64), 0.0]).collect();
    let ladder: Vec<Vec<f64>> = (0..MOST_POINTS).map(|i| vec![i as f64, i as f64]).collect();
    let begin = Instant::now();
    assert!(fronts(&line).unwrap().iter().all(|&rank| rank == 0));
    assert_eq!(fronts(&ladder).unwrap()[0], MOST_POINTS - 1);
    assert!(worths(&line, true).is_ok());
    let seconds = begin.elapsed().as_secs_f64();
    println!("two fronts of {MOST_POINTS} and a ladder: {seconds:.2} s");
    // Unoptimised builds are slower.
    assert!(seconds < if cfg!(debug_assertions) { 60.0 } else { 10.0 }, "{seconds}");
}
