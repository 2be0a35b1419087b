//! Any configuration on any rewards: advantages, weights of groups, corrections and masks stay finite and where they belong.

mod support;

use burn::tensor::{DType, Tensor, TensorData};
use grpo_core::advantage::{Baseline, Scale, combine, normalize_then_sum, subtract_baselines, whiten_tokens};
use grpo_core::entropy::{clip_covariance, covariances, top_covariance, top_share_threshold};
use grpo_core::{AdvantageEstimator, sampler_gap, token_entropies, token_kl, token_log_probs};
use support::{Draw, bools, close, computes_f64, device, matrix};

const BASELINES: [Baseline; 4] =
    [Baseline::GroupMean, Baseline::LeaveOneOut, Baseline::LengthWeighted, Baseline::SecondBest];
const SCALES: [Scale; 5] = [Scale::None, Scale::Group, Scale::GroupPopulation, Scale::Batch, Scale::NonZero];

/// A reward of any size, sometimes equal to others, sometimes missing.
fn reward(rng: &mut Draw) -> Option<f64> {
    let size = [1e-12, 1.0, 1e6][rng.below(3)];
    match rng.below(6) {
        0 => None,
        1 => Some(0.0),
        2 => Some(1.0),
        3 => Some(0.1 + 0.2),
        _ => Some(rng.uniform(-size, size)),
    }
}

#[test]
fn any_rewards_give_finite_advantages() {
    let mut rng = Draw(1);
    for round in 0..10_000 {
        let estimator = AdvantageEstimator {
            baseline: BASELINES[rng.below(4)],
            scale: SCALES[rng.below(5)],
            epsilon: [0.0, 1e-6, 1e-4, 1.0][rng.below(4)],
        };
        estimator.validate().unwrap();
        let sizes: Vec<usize> = (0..1 + rng.below(4)).map(|_| 1 + rng.below(5)).collect();
        let episodes: usize = sizes.iter().sum();
        let rewards: Vec<Option<f64>> = (0..episodes).map(|_| reward(&mut rng)).collect();
        let lengths: Vec<usize> = (0..episodes).map(|_| rng.below(9)).collect();
        let got = estimator.estimate_groups(&rewards, &sizes, Some(&lengths)).unwrap();
        assert!(got.values.iter().all(|a| a.is_finite()), "round {round}: {estimator:?} {rewards:?} {got:?}");
        for (advantage, reward) in got.values.iter().zip(&rewards) {
            assert!(reward.is_some() || *advantage == 0.0, "round {round}: a missing reward counts");
        }
        assert!(got.whitened(1e-4).iter().chain([&got.reward_mean, &got.reward_std]).all(|x| x.is_finite()));
        assert!((0.0..=1.0).contains(&got.share_without_spread()));
        assert!(whiten_tokens(&got.values, &lengths).unwrap().iter().all(|x| x.is_finite()));
        let size = sizes[0];
        let columns: Vec<Option<f64>> = (0..3 * size * 2).map(|_| reward(&mut rng)).collect();
        let weights = [1.0, 0.0, -2.5];
        assert_eq!(combine(&columns, &weights).unwrap().len(), 2 * size);
        if estimator.baseline != Baseline::LengthWeighted {
            let both = normalize_then_sum(&estimator, &columns, &weights, size).unwrap();
            assert!(both.iter().all(|a| a.is_finite()), "round {round}: {both:?}");
        }
        let baselines: Vec<Option<f64>> = (0..episodes).map(|_| reward(&mut rng)).collect();
        assert!(subtract_baselines(&rewards, &baselines).unwrap().iter().all(|a| a.is_finite()));
    }
}

#[test]
fn missing_rewards_are_left_out_of_the_share_of_non_zero_ones() {
    let all = AdvantageEstimator::gpg().estimate(&[1.0, 0.0, 0.0, 0.0], 4).unwrap().values;
    let with_missing = AdvantageEstimator::gpg()
        .estimate(&[Some(1.0), Some(0.0), Some(0.0), Some(0.0), None, None], 6)
        .unwrap()
        .values;
    close("advantages", &with_missing[..4], &all, 1e-12).unwrap();
    close("by hand", &all, &[3.0, -1.0, -1.0, -1.0], 1e-12).unwrap();
}

#[test]
fn steps_chosen_by_covariance_are_as_many_as_asked_for_and_eligible() {
    let mut rng = Draw(2);
    for _ in 0..2_000 {
        let n = 1 + rng.below(60);
        let log_probs: Vec<f64> = (0..n).map(|_| rng.uniform(-4.0, 0.0)).collect();
        let advantages: Vec<f64> = (0..n).map(|_| rng.uniform(-2.0, 2.0)).collect();
        let covariances = covariances(&log_probs, &advantages).unwrap();
        let share = [1e-4, 0.1, 0.5, 1.0][rng.below(4)];
        let count = ((n as f64 * share) as usize).max(1);
        let top = top_covariance(&covariances, share).unwrap();
        let least =
            covariances.iter().zip(&top).filter(|(_, t)| **t).map(|(c, _)| *c).fold(f64::INFINITY, f64::min);
        assert_eq!(top.iter().filter(|t| **t).count(), count);
        assert!(covariances.iter().zip(&top).all(|(c, t)| *t || *c <= least));

        let clipped: Vec<bool> = (0..n).map(|_| rng.below(4) == 0).collect();
        let bounds = (0.1, 1.0);
        let eligible: Vec<bool> =
            covariances.iter().zip(&clipped).map(|(c, k)| !k && bounds.0 < *c && *c < bounds.1).collect();
        let pick = |seed| clip_covariance(&covariances, &clipped, bounds, share, seed).unwrap();
        let chosen = pick(3);
        let most = eligible.iter().filter(|e| **e).count();
        assert_eq!(chosen.iter().filter(|c| **c).count(), count.min(most));
        assert!(chosen.iter().zip(&eligible).all(|(c, e)| !c || *e));
        assert_eq!(chosen, pick(3));
        if count < most && most > 20 {
            assert!((4..40).any(|seed| pick(seed) != chosen), "the seed decides nothing");
        }
        assert!(top_share_threshold(&advantages, share).unwrap().is_some_and(f64::is_finite));
    }
    assert!(covariances(&[1.0], &[1.0, 2.0]).is_err());
    assert!(top_covariance(&[f64::NAN], 0.5).is_err() && top_covariance(&[1.0], 0.0).is_err());
    assert!(clip_covariance(&[1.0], &[], (0.0, 1.0), 0.5, 1).is_err());
}

#[test]
fn the_gap_between_sampler_and_old_policy_is_that_of_the_definition() {
    let device = device();
    let (old, sampler) =
        ([[-1.0, -2.0, 9e9], [-0.5, f64::NAN, -3.0]], [[-1.5, -1.0, -1.0], [-0.5, 7.0, -2.0]]);
    let mask = [vec![true, true, false], vec![true, false, true]];
    let on = |rows: [[f64; 3]; 2]| {
        Tensor::<2>::from_data(TensorData::new(rows.concat(), [2, 3]), (&device, DType::F32))
    };
    let gap = sampler_gap(on(old), on(sampler), bools(&mask, &device)).unwrap();
    let d: [f64; 4] = [0.5, -1.0, 0.0, -1.0];
    let mean = |f: &dyn Fn(f64) -> f64| d.iter().map(|&d| f(d)).sum::<f64>() / 4.0;
    let share = mean(&f64::exp).powi(2) / mean(&|d| (2.0 * d).exp());
    let want = [1.5_f64 / 4.0, (1.5_f64 / 4.0).exp(), mean(&|d| d.exp() - d - 1.0), share, 1.0];
    let got = [gap.kl_k1, gap.perplexity_ratio, gap.kl_k3, gap.effective_sample_share, gap.largest];
    close("gap", &got, &want, 1e-6).unwrap();
    assert_eq!(gap.steps, 4);
    let nothing =
        sampler_gap(on(old), on(sampler), bools(&[vec![false; 3], vec![false; 3]], &device)).unwrap();
    assert_eq!((nothing.perplexity_ratio, nothing.effective_sample_share, nothing.steps), (1.0, 1.0, 0));
}

#[test]
fn any_logits_give_log_probabilities_without_nan() {
    let device = device();
    let mut rng = Draw(5);
    let rounds = if computes_f64(&device) { 2_000 } else { 100 };
    for round in 0..rounds {
        let (steps, vocab) = (1 + rng.below(5), 1 + rng.below(40));
        let size = [1e-3, 1.0, 50.0, 1e4][rng.below(4)];
        let mut logits = || {
            let mut row: Vec<f32> = (0..steps * vocab).map(|_| rng.uniform(-size, size) as f32).collect();
            // Impossible actions, but never all of them and never the target.
            for t in 0..steps {
                for v in 1..vocab {
                    if rng.below(4) == 0 {
                        row[t * vocab + v] = f32::NEG_INFINITY;
                    }
                }
            }
            let data = TensorData::new(row, [1, steps, vocab]);
            Tensor::<3>::from_data(data, (&device.clone().autodiff(), DType::F32)).require_grad()
        };
        let (own, reference) = (logits(), logits());
        let targets = Tensor::zeros([1, steps], &device);
        let temperature = [1e-6, 0.1, 1.0, 10.0][rng.below(4)];
        let log_probs = token_log_probs(own.clone(), targets, temperature).unwrap();
        let entropies = token_entropies(own.clone(), temperature).unwrap();
        let kl = token_kl(own.clone(), reference, temperature).unwrap();
        let finite = matrix(log_probs.clone())
            .concat()
            .iter()
            .chain(&matrix(entropies.clone()).concat())
            .all(|x| x.is_finite());
        assert!(finite, "round {round}");
        assert!(matrix(kl.clone()).concat().iter().all(|x| !x.is_nan() && *x > -1e-3), "round {round}");
        let grads = (log_probs + entropies + kl.clamp(-1.0, 1.0)).sum().backward();
        let gradient: Vec<f32> = own.grad(&grads).unwrap().into_data().iter().collect();
        assert!(gradient.iter().all(|g| g.is_finite()), "round {round}: {temperature} {size} {gradient:?}");
    }
}
