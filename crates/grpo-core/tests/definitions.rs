//! Objectives whose numbers can be worked out by hand, and what they report.

mod support;

use burn::tensor::{DType, Tensor};
use grpo_core::{AdvantageEstimator, Aggregate, Clip, Dppo, LossInputs, Objective, RatioLevel, Surrogate};
use support::batch::{Batch, plain, whole};
use support::{Draw, bools, close, device, tensor};

const F32: f64 = 2e-5;

#[test]
fn bounds_are_counted_and_stop_the_gradient() {
    let device = device();
    let objective =
        Objective { surrogate: Surrogate::Unclipped, log_ratio_bound: 2.0, ..Objective::default() };
    let batch = Batch {
        log_probs: vec![vec![-1.0, -1.0, -1.0]],
        old: vec![vec![-4.0, -1.0, -1e30]],
        reference: vec![vec![-1.0; 3]],
        entropies: vec![vec![1.0; 3]],
        sampler_ratio: vec![vec![1.0; 3]],
        advantages: vec![vec![1.0]],
        mask: vec![vec![true; 3]],
        keep: vec![vec![true; 3]],
    };
    let got = whole(&objective, &batch, &device, DType::F32);
    let metrics = got.diagnostics.read().unwrap();
    assert_eq!(metrics.bound_hits, 2.0);
    assert!((metrics.ratio_max - 2.0_f64.exp()).abs() < 1e-4 && metrics.ratio_min == 1.0);
    assert_eq!((got.gradient[0][0], got.gradient[0][2]), (0.0, 0.0));
    assert!(got.gradient[0][1] < 0.0);
}
#[test]
fn sequence_levels_agree_where_they_should() {
    let device = device();
    let mut rng = Draw(7);
    let batch = Batch::draw(&mut rng, 6, 5, 0.4);
    let at = |ratio| {
        let objective =
            Objective { ratio, surrogate: Surrogate::Clip(Clip::default()), ..Objective::default() };
        whole(&objective, &batch, &device, DType::F32)
    };
    // One advantage per episode, every step kept: GSPO and GSPO-token have the same gradient.
    let batch = Batch { keep: vec![vec![true; 5]; 6], sampler_ratio: vec![vec![1.0; 5]; 6], ..batch.clone() };
    let evaluate = |ratio| {
        let objective = Objective { ratio, ..Objective::default() };
        whole(&objective, &batch, &device, DType::F32)
    };
    let (sequence, token) = (evaluate(RatioLevel::Sequence), evaluate(RatioLevel::SequenceToken));
    close("gradient", &sequence.gradient.concat(), &token.gradient.concat(), F32).unwrap();
    // And they are different things otherwise, so the agreement above isn't vacuous.
    let (sequence, token) = (at(RatioLevel::Sequence), at(RatioLevel::Token));
    assert!(close("gradient", &sequence.gradient.concat(), &token.gradient.concat(), 1e-3).is_err());
}

#[test]
fn a_graph_on_a_constant_is_not_followed() {
    let device = device();
    let autodiff = device.clone().autodiff();
    let leaf = |value: f64| tensor(&vec![vec![value; 2]; 2], &autodiff, DType::F32).require_grad();
    let (log_probs, old, reference) = (leaf(-1.0), leaf(-1.1), leaf(-1.3));
    let advantages = Tensor::<2>::from_floats([[1.0], [-1.0]], &device);
    let objective = Objective::grpo();
    let weights = objective.aggregate.weights(bools(&[vec![true; 2], vec![true; 2]], &device));
    let inputs = LossInputs::new(
        log_probs.clone(),
        advantages,
        bools(&[vec![true; 2], vec![true; 2]], &device),
        weights,
    );
    let outputs = objective
        .loss(LossInputs {
            old_log_probs: Some(old.clone()),
            ref_log_probs: Some(reference.clone()),
            ..inputs
        })
        .unwrap();
    let grads = outputs.loss.backward();
    assert!(log_probs.grad(&grads).is_some());
    assert!(old.grad(&grads).is_none() && reference.grad(&grads).is_none());
}
#[test]
fn dppo_drops_what_moved_too_far_and_nothing_else() {
    // Probabilities 0.5 from 0.4 (moved by 0.1), 0.41 from 0.4, and 0.02 from 0.01: the ratio is largest
    // where little moved.
    let new = [0.5_f64, 0.41, 0.02].map(f64::ln);
    let old = [0.4_f64, 0.40, 0.01].map(f64::ln);
    let objective = Objective {
        surrogate: Surrogate::Dppo(Dppo { delta: 0.05 }),
        aggregate: Aggregate::SequenceSum,
        ..Objective::default()
    };
    let device = device();
    let raise = whole(&objective, &plain(&new, &old, 2.0), &device, DType::F32);
    close("raised", &raise.gradient[0], &[0.0, -2.0 * 1.025, -2.0 * 2.0], 1e-5).unwrap();
    let metrics = raise.diagnostics.read().unwrap();
    close("share above", &[metrics.clip_high, metrics.clip_low], &[1.0 / 3.0, 0.0], 1e-5).unwrap();
    // A bad action that became likelier is always corrected.
    let lower = whole(&objective, &plain(&new, &old, -1.0), &device, DType::F32);
    close("lowered", &lower.gradient[0], &[1.25, 1.025, 2.0], 1e-5).unwrap();
    // And one that became much less likely is left alone.
    let swapped = whole(&objective, &plain(&old, &new, -1.0), &device, DType::F32);
    close("left alone", &swapped.gradient[0], &[0.0, 0.40 / 0.41, 0.5], 1e-5).unwrap();
}

#[test]
fn ratio_levels_are_the_ratios_they_are_called() {
    let device = device();
    let d = [0.3, -0.1, 0.2];
    let ratio = |level| {
        let objective = Objective { ratio: level, surrogate: Surrogate::Unclipped, ..Objective::default() };
        let got = whole(&objective, &plain(&d, &[0.0; 3], -1.0), &device, DType::F32);
        // The mean over steps of −A·r with A = −1 is the mean ratio.
        let metrics = got.diagnostics.read().unwrap();
        close("ratio", &[metrics.ratio_mean], &[got.loss], 1e-5).unwrap();
        (got.loss, got.gradient[0].clone())
    };
    let (mean, product) = ((0.4_f64 / 3.0).exp(), 0.4_f64.exp());
    let token = d.map(f64::exp);
    close("token", &[ratio(RatioLevel::Token).0], &[token.iter().sum::<f64>() / 3.0], 1e-5).unwrap();
    close("token", &ratio(RatioLevel::Token).1, &token.map(|r| r / 3.0), 1e-5).unwrap();
    for level in [RatioLevel::Sequence, RatioLevel::SequenceToken] {
        close("sequence", &[ratio(level).0], &[mean], 1e-5).unwrap();
        close("sequence", &ratio(level).1, &[mean / 3.0; 3], 1e-5).unwrap();
    }
    close("product", &[ratio(RatioLevel::SequenceProduct).0], &[product], 1e-5).unwrap();
    close("product", &ratio(RatioLevel::SequenceProduct).1, &[product; 3], 1e-5).unwrap();
}

#[test]
fn metrics_have_trl_names() {
    let got = whole(&Objective::grpo(), &plain(&[-1.0, -2.0], &[-1.0, -2.0], 1.0), &device(), DType::F32);
    let metrics = got.diagnostics.read().unwrap();
    let named: std::collections::BTreeMap<_, _> = metrics.named().into_iter().collect();
    for name in ["kl", "entropy", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean"] {
        assert!(named.contains_key(name), "{name} is missing from {named:?}");
    }
    let d: f64 = 1.0;
    close("kl", &[named["kl"]], &[0.5 * (d.exp() - d - 1.0)], 1e-5).unwrap();
}

#[test]
fn a_truncated_episode_goes_on_from_the_value_of_its_last_state() {
    use grpo_core::ppo::{explained_variance, generalized_advantages, generalized_advantages_from};
    // Cutting an episode in two and giving the value in between changes nothing at λ = 1 but the values themselves.
    let (rewards, values, mask) = ([1.0, 0.0, 2.0, -1.0], [0.5, 0.4, 0.3, 0.2], [true; 4]);
    let (gamma, lambda) = (0.9, 0.8);
    let whole = generalized_advantages(&rewards, &values, &mask, 4, gamma, lambda).unwrap();
    let cut = generalized_advantages_from(&rewards, &values, &mask, &[0.3, 0.0], 2, gamma, lambda).unwrap();
    // The second half is the same; the first lacks what comes after the cut beyond the value: (γλ)^k A_2.
    assert_eq!(whole.advantages[2..], cut.advantages[2..]);
    for (t, k) in [(1, 1), (0, 2)] {
        let beyond = (gamma * lambda).powi(k) * whole.advantages[2];
        assert!((whole.advantages[t] - cut.advantages[t] - beyond).abs() < 1e-12, "step {t}");
    }
    assert!(generalized_advantages_from(&rewards, &values, &mask, &[0.0], 2, gamma, lambda).is_err());

    let mask = [true, true, true, false];
    let perfect = explained_variance(&[1.0, 2.0, 6.0, 9.0], &[1.0, 2.0, 6.0, 0.0], &mask).unwrap();
    assert_eq!(perfect, Some(1.0));
    assert_eq!(explained_variance(&[3.0; 4], &[1.0, 2.0, 6.0, f64::NAN], &mask).unwrap(), Some(0.0));
    assert_eq!(explained_variance(&[3.0; 4], &[2.0; 4], &mask).unwrap(), None);
    assert!(explained_variance(&[3.0; 3], &[2.0; 4], &mask).is_err());
}

#[test]
fn what_comes_after_a_step_is_compared_with_what_came_to_the_others_from_the_same_time_on() {
    let grpo = AdvantageEstimator::default();
    // The whole reward at the last step: every step has the episode's advantage.
    let rewards = [vec![0.0, 0.0, 1.0], vec![0.0, 0.0, 0.0], vec![0.0, 0.0, 3.0], vec![0.0, 0.0, 1.0]];
    let steps = || vec![vec![0, 1, 2]; 4];
    let whole = grpo.estimate(&[1.0, 0.0, 3.0, 1.0], 4).unwrap();
    let to_go = grpo.estimate_to_go(&rewards, &steps(), &[4], 1.0).unwrap();
    assert_eq!(to_go.episodes, whole);
    for (own, episode) in to_go.values.iter().zip(&whole.values) {
        assert!(own.iter().all(|a| (a - episode).abs() < 1e-12));
    }
    // By hand: what came before a step has no part in its advantage, and a discount makes what is far away count less.
    let plain = AdvantageEstimator::dr_grpo();
    let two = [vec![5.0, 1.0], vec![0.0, 3.0]];
    let clocks = [vec![0, 1], vec![0, 1]];
    let a = plain.estimate_to_go(&two, &clocks, &[2], 0.5).unwrap();
    assert_eq!(a.values, [vec![2.0, -1.0], vec![-2.0, 1.0]]); // to go: 5.5, 1 and 1.5, 3
    // Days with different numbers of steps: the second episode's only step of day 1 is its third.
    let days = [vec![0, 1, 1], vec![0, 0, 1]];
    let b = plain.estimate_to_go(&[vec![1.0, 0.0, 4.0], vec![0.0, 1.0, 2.0]], &days, &[2], 1.0).unwrap();
    assert_eq!(b.values, [vec![1.0, 1.0, 1.0], vec![-1.0, -1.0, -1.0]]);
    // Who is done gets nothing any more; leave-one-out compares with the others alone.
    let c = AdvantageEstimator::rloo()
        .estimate_to_go(&[vec![1.0], vec![0.0, 2.0]], &[vec![0], vec![0, 1]], &[2], 1.0)
        .unwrap();
    assert_eq!(c.values, [vec![-1.0], vec![1.0, 2.0]]);
    // No spread between the episodes: nothing to learn.
    let d = grpo.estimate_to_go(&[vec![1.0, 0.0], vec![0.0, 1.0]], &clocks, &[2], 1.0).unwrap();
    assert_eq!(d.values, [vec![0.0, 0.0], vec![0.0, 0.0]]);
    for (rewards, clocks, discount, word) in [
        (vec![vec![1.0]], vec![vec![0, 1]], 1.0, "clocks"),
        (vec![vec![1.0, f64::NAN]], vec![vec![0, 1]], 1.0, "rewards[0]"),
        (vec![vec![1.0, 2.0]], vec![vec![1, 0]], 1.0, "clocks[0]"),
        (vec![vec![1.0, 2.0]], vec![vec![0, 1]], 1.5, "discount"),
    ] {
        let error = grpo.estimate_to_go(&rewards, &clocks, &[1], discount).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
