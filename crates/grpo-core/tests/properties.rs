//! What must hold for every objective: gradients agree with finite differences in both branches of every
//! clip, and neither the split into micro-batches, nor padding, nor the order of the episodes changes
//! anything.

mod support;

use burn::tensor::DType;
use grpo_core::{
    Aggregate, Cispo, Clip, Dppo, Gmpo, KlEstimator, KlPenalty, KlPlacement, LossInputs, Metrics, Objective,
    ProximalPenalty, RatioLevel, Sapo, Surrogate, Vespo,
};
use support::batch::{Batch, Evaluated, GARBAGE, evaluate, whole};
use support::{Draw, Matrix, bools, close, computes_f64, device, lengths, matrix, scalar, tensor};
/// Every surrogate at every ratio level it allows, with every KL estimator and aggregation somewhere.
fn objectives() -> Vec<Objective> {
    let clip = Clip { low: 0.2, high: 0.3, ..Clip::default() };
    let surrogates = [
        Surrogate::Clip(clip),
        Surrogate::Clip(Clip { delta: Some(1.5), ..clip }),
        Surrogate::Clip(Clip { dual: Some(1.6), ..clip }),
        Surrogate::Cispo(Cispo { low: 0.3, high: 0.4 }),
        Surrogate::Sapo(Sapo::default()),
        Surrogate::Vespo(Vespo::default()),
        Surrogate::Gmpo(Gmpo { low: 0.3, high: 0.2 }),
        Surrogate::Dppo(Dppo { delta: 0.05 }),
        Surrogate::Reinforce,
        Surrogate::Unclipped,
    ];
    let levels =
        [RatioLevel::Token, RatioLevel::Sequence, RatioLevel::SequenceToken, RatioLevel::SequenceProduct];
    let estimators = [KlEstimator::K1, KlEstimator::Abs, KlEstimator::K2, KlEstimator::K3];
    let aggregates = [
        Aggregate::SequenceMean,
        Aggregate::TokenMean,
        Aggregate::TokenSumOver { length: 7 },
        Aggregate::SequenceSum,
    ];
    let mut objectives = Vec::new();
    for (i, surrogate) in surrogates.into_iter().enumerate() {
        for (j, ratio) in levels.into_iter().enumerate() {
            let k = i + j;
            let objective = Objective {
                ratio,
                surrogate,
                kl: (k % 5 != 4).then(|| KlPenalty {
                    beta: 0.3,
                    estimator: estimators[k % 4],
                    importance_weighted: k % 3 == 1,
                    ..KlPenalty::default()
                }),
                aggregate: aggregates[(i + 2 * j) % 4],
                entropy_bonus: if k % 2 == 0 { 0.05 } else { 0.0 },
                ..Objective::default()
            };
            if objective.validate().is_ok() {
                objectives.push(objective);
            }
        }
    }
    // Ten surrogates, four of which take the token ratio only.
    assert_eq!(objectives.len(), 4 + 6 * 4);
    let kl = |kl: KlPenalty| Objective { kl: Some(KlPenalty { beta: 0.3, ..kl }), ..Objective::dapo() };
    let proximal = |estimator| Some(ProximalPenalty { beta: 0.4, estimator });
    objectives.extend([
        kl(KlPenalty { exact: true, ..KlPenalty::default() }),
        kl(KlPenalty { exact: true, cap: Some(1.0), ..KlPenalty::default() }),
        kl(KlPenalty { cap: Some(0.1), ..KlPenalty::default() }),
        kl(KlPenalty { placement: KlPlacement::Reward, ..KlPenalty::default() }),
        Objective { proximal: proximal(KlEstimator::K3), ..Objective::grpo() },
        Objective {
            proximal: proximal(KlEstimator::Abs),
            surrogate: Surrogate::Unclipped,
            ..Objective::gspo()
        },
        Objective { log_ratio_bound: 0.3, ..Objective::grpo() },
    ]);
    assert!(objectives.iter().all(|objective| objective.validate().is_ok()));
    objectives
}

/// The largest difference between summing a batch in one go and in parts that f32 explains.
const F32: f64 = 2e-5;

fn same(what: &str, objective: &Objective, got: &Evaluated, want: &Evaluated) {
    let check = || -> Result<(), String> {
        close("loss", &[got.loss], &[want.loss], F32)?;
        close("gradient", &got.gradient.concat(), &want.gradient.concat(), F32)?;
        if let (Some(got), Some(want)) = (&got.entropy_gradient, &want.entropy_gradient) {
            close("entropy gradient", &got.concat(), &want.concat(), F32)?;
        }
        metrics_agree(&got.diagnostics.clone().read().unwrap(), &want.diagnostics.clone().read().unwrap())
    };
    check().unwrap_or_else(|error| panic!("{what}: {error}\n{objective:#?}"));
}

fn metrics_agree(got: &Metrics, want: &Metrics) -> Result<(), String> {
    let (got, want) = (serde_json::to_value(got).unwrap(), serde_json::to_value(want).unwrap());
    for (name, want) in want.as_object().unwrap() {
        match (got[name].as_f64(), want.as_f64()) {
            (Some(got), Some(want)) => close(name, &[got], &[want], 1e-4)?,
            (got, want) if got == want => {}
            (got, want) => return Err(format!("{name}: {got:?} instead of {want:?}")),
        }
    }
    Ok(())
}

#[test]
fn micro_batches_add_up() {
    let device = device();
    let mut rng = Draw(1);
    for objective in objectives() {
        let batch = Batch::draw(&mut rng, 7, 6, 0.6);
        let weights = objective.aggregate.row_weights(&lengths(&batch.mask));
        let want = evaluate(&objective, &batch, &weights, &device, DType::F32);
        for size in [1, 2, 3] {
            let mut sum: Option<Evaluated> = None;
            for rows in (0..7).collect::<Vec<_>>().chunks(size) {
                let weights: Vec<f64> = rows.iter().map(|&i| weights[i]).collect();
                // Each part has its own padding, as buckets of lengths give it.
                let part = batch.rows(rows).padded(rows[0] % 3, f64::NAN);
                let mut part = evaluate(&objective, &part, &weights, &device, DType::F32);
                let narrow = |rows: &mut Matrix| rows.iter_mut().for_each(|row| row.truncate(6));
                narrow(&mut part.gradient);
                part.entropy_gradient.iter_mut().for_each(narrow);
                sum = Some(match sum {
                    None => part,
                    Some(sum) => Evaluated {
                        loss: sum.loss + part.loss,
                        gradient: [sum.gradient, part.gradient].concat(),
                        entropy_gradient: sum
                            .entropy_gradient
                            .zip(part.entropy_gradient)
                            .map(|(sum, part)| [sum, part].concat()),
                        diagnostics: sum.diagnostics.merge(part.diagnostics),
                    },
                });
            }
            same(&format!("micro-batches of {size}"), &objective, &sum.expect("a part"), &want);
        }
    }
}

#[test]
fn padding_and_order_change_nothing() {
    let device = device();
    let mut rng = Draw(2);
    for objective in objectives() {
        let batch = Batch::draw(&mut rng, 5, 4, 0.6);
        let want = whole(&objective, &batch, &device, DType::F32);
        for garbage in GARBAGE {
            let mut got = whole(&objective, &batch.padded(3, garbage), &device, DType::F32);
            assert!(
                got.gradient.iter().all(|row| row[4..] == [0.0; 3]),
                "a gradient in the padding: {objective:#?}"
            );
            got.gradient.iter_mut().for_each(|row| row.truncate(4));
            if let Some(gradient) = &mut got.entropy_gradient {
                gradient.iter_mut().for_each(|row| row.truncate(4));
            }
            same("padding", &objective, &got, &want);
        }
        let order = [3, 0, 4, 2, 1];
        let got = whole(&objective, &batch.rows(&order), &device, DType::F32);
        let want = Evaluated {
            gradient: order.iter().map(|&i| want.gradient[i].clone()).collect(),
            entropy_gradient: want.entropy_gradient.map(|g| order.iter().map(|&i| g[i].clone()).collect()),
            ..want
        };
        same("order", &objective, &got, &want);
    }
}

/// The surrogates whose loss is what they differentiate; the others stop a gradient on purpose and are
/// checked against golden numbers.
fn is_honest(objective: &Objective) -> bool {
    let surrogate = match objective.surrogate {
        Surrogate::Cispo(_) | Surrogate::Vespo(_) => false,
        Surrogate::Clip(_) | Surrogate::Sapo(_) | Surrogate::Gmpo(_) | Surrogate::Dppo(_) => true,
        Surrogate::Reinforce | Surrogate::Unclipped => true,
    };
    surrogate && objective.ratio != RatioLevel::SequenceToken
}

#[test]
fn gradients_agree_with_finite_differences() {
    let device = device();
    if !computes_f64(&device) {
        println!("left out: finite differences need f64");
        return;
    }
    let mut rng = Draw(3);
    for objective in objectives().into_iter().filter(is_honest) {
        // Until every branch of the objective's clip has been visited.
        let (mut visited, mut rounds) = (Visited::default(), 0);
        while rounds < 3 || !visited.all(&objective) {
            rounds += 1;
            assert!(rounds < 40, "a branch is never visited: {visited:?}\n{objective:#?}");
            let batch = Batch::draw(&mut rng, 4, 4, 0.7);
            let got = whole(&objective, &batch, &device, DType::F64);
            visited.see(&got.diagnostics.read().unwrap());
            for i in 0..4 {
                for t in (0..4).filter(|&t| batch.mask[i][t]) {
                    let at = |h: f64| {
                        let mut moved = batch.clone();
                        moved.log_probs[i][t] += h;
                        whole(&objective, &moved, &device, DType::F64).loss
                    };
                    let h = 1e-6;
                    let difference = (at(h) - at(-h)) / (2.0 * h);
                    let error = (difference - got.gradient[i][t]).abs();
                    assert!(
                        error < 1e-7 + 1e-6 * difference.abs(),
                        "row {i} step {t}: gradient {} but difference {difference}\n{objective:#?}",
                        got.gradient[i][t]
                    );
                }
            }
        }
    }
}

/// Which branches of a clip some batch was in.
#[derive(Debug, Default)]
struct Visited {
    below: bool,
    above: bool,
    second: bool,
    within: bool,
    bound: bool,
}

impl Visited {
    fn see(&mut self, metrics: &Metrics) {
        self.below |= metrics.clip_low > 0.0;
        self.above |= metrics.clip_high > 0.0;
        self.second |= metrics.clip_second > 0.0;
        self.within |= metrics.clip_region < 1.0;
        self.bound |= metrics.bound_hits > 0.0;
    }

    fn all(&self, objective: &Objective) -> bool {
        let (clips, second) = match objective.surrogate {
            Surrogate::Clip(clip) => (true, clip.delta.is_some() || clip.dual.is_some()),
            Surrogate::Gmpo(_) | Surrogate::Dppo(_) => (true, false),
            _ => (false, false),
        };
        let bound = objective.log_ratio_bound < 1.0;
        self.within
            && (!clips || self.below && self.above)
            && (!second || self.second)
            && (!bound || self.bound)
    }
}

#[test]
fn the_exact_divergence_enters_with_its_own_gradient() {
    let device = device();
    let autodiff = device.clone().autodiff();
    let exact = tensor(&vec![vec![0.5, 2.0, f64::INFINITY], vec![0.1, f64::NAN, 0.0]], &autodiff, DType::F32);
    let exact = exact.require_grad();
    let mask = bools(&[vec![true, true, false], vec![true, false, true]], &device);
    let log_probs = tensor(&vec![vec![-1.0; 3]; 2], &autodiff, DType::F32).require_grad();
    let zeros = tensor(&vec![vec![0.0]; 2], &device, DType::F32);
    for (cap, kl, gradient) in
        [(None, 2.6, [0.15, 0.15, 0.0, 0.15, 0.0, 0.15]), (Some(1.0), 1.6, [0.15, 0.0, 0.0, 0.15, 0.0, 0.15])]
    {
        let penalty = KlPenalty { beta: 0.6, exact: true, cap, ..KlPenalty::default() };
        let objective = Objective { kl: Some(penalty), ..Objective::dapo() };
        let weights = objective.aggregate.weights(mask.clone());
        let inputs = LossInputs {
            exact_kl: Some(exact.clone()),
            ..LossInputs::new(log_probs.clone(), zeros.clone(), mask.clone(), weights)
        };
        let outputs = objective.loss(inputs).unwrap();
        let grads = outputs.loss.backward();
        close("gradient", &matrix(exact.grad(&grads).unwrap()).concat(), &gradient, 1e-6).unwrap();
        close("loss", &[scalar(outputs.loss)], &[0.6 * kl / 4.0], 1e-6).unwrap();
        close("metric", &[outputs.diagnostics.read().unwrap().kl.unwrap()], &[2.6 / 4.0], 1e-6).unwrap();
    }
}

#[test]
fn nothing_active_is_zero() {
    let device = device();
    let mut rng = Draw(4);
    for objective in objectives() {
        let mut batch = Batch::draw(&mut rng, 3, 4, 0.5);
        for row in batch.mask.iter_mut() {
            row.fill(false);
        }
        for rows in [&mut batch.log_probs, &mut batch.old, &mut batch.reference, &mut batch.entropies] {
            rows.iter_mut().for_each(|row| row.fill(f64::NAN));
        }
        let got = whole(&objective, &batch, &device, DType::F32);
        assert_eq!(got.loss, 0.0, "{objective:#?}");
        assert!(got.gradient.concat().iter().all(|&g| g == 0.0), "{objective:#?}");
        let metrics = got.diagnostics.read().unwrap();
        assert_eq!((metrics.tokens, metrics.episodes), (0.0, 0.0));
        assert_eq!((metrics.ratio_mean, metrics.ratio_min, metrics.ratio_max), (1.0, 1.0, 1.0));
        assert_eq!((metrics.clip_region, metrics.kl, metrics.entropy), (0.0, None, None));
    }
}

#[test]
fn advantages_scale_the_policy_term() {
    let device = device();
    let mut rng = Draw(5);
    for objective in objectives() {
        // Without the other terms the loss is linear in advantages of one sign.
        let objective = Objective { kl: None, proximal: None, entropy_bonus: 0.0, ..objective };
        let batch = Batch::draw(&mut rng, 4, 5, 0.5);
        let mut doubled = batch.clone();
        doubled.advantages.iter_mut().for_each(|row| row[0] *= 2.0);
        let (one, two) = (
            whole(&objective, &batch, &device, DType::F32),
            whole(&objective, &doubled, &device, DType::F32),
        );
        let twice: Vec<f64> = one.gradient.concat().iter().map(|g| g * 2.0).collect();
        close("gradient", &two.gradient.concat(), &twice, F32)
            .unwrap_or_else(|error| panic!("{error}\n{objective:#?}"));
        close("loss", &[two.loss], &[2.0 * one.loss], F32)
            .unwrap_or_else(|error| panic!("{error}\n{objective:#?}"));
    }
}

#[test]
fn better_answers_become_likelier() {
    // On-policy, every surrogate's gradient has the sign of −A: ascent raises good answers and lowers bad
    // ones.
    let device = device();
    for objective in objectives() {
        let objective = Objective { kl: None, proximal: None, entropy_bonus: 0.0, ..objective };
        let batch = Batch {
            log_probs: vec![vec![-1.0, -2.0]; 2],
            old: vec![vec![-1.0, -2.0]; 2],
            reference: vec![vec![-1.0; 2]; 2],
            entropies: vec![vec![1.0; 2]; 2],
            sampler_ratio: vec![vec![1.0; 2]; 2],
            advantages: vec![vec![1.0], vec![-1.0]],
            mask: vec![vec![true; 2]; 2],
            keep: vec![vec![true; 2]; 2],
        };
        let gradient = whole(&objective, &batch, &device, DType::F32).gradient;
        assert!(
            gradient[0].iter().all(|&g| g < 0.0) && gradient[1].iter().all(|&g| g > 0.0),
            "{objective:#?}\n{gradient:?}"
        );
    }
}
/// Any point of the space that `validate` accepts.
fn any_objective(rng: &mut Draw) -> Objective {
    loop {
        let small = |rng: &mut Draw| [0.0, 3e-4, 0.2, 1.0][rng.below(4)];
        let wide = |rng: &mut Draw| [0.01, 1.0, 1.05, 30.0][rng.below(4)];
        let clip = Clip { low: small(rng), high: wide(rng), delta: None, dual: None };
        let surrogate = match rng.below(10) {
            0 => Surrogate::Clip(clip),
            1 => Surrogate::Clip(Clip { delta: Some(1.0 + wide(rng)), ..clip }),
            2 => Surrogate::Clip(Clip { dual: Some(1.0 + wide(rng)), ..clip }),
            3 => Surrogate::Cispo(Cispo { low: small(rng), high: wide(rng) }),
            4 => Surrogate::Sapo(Sapo { positive: wide(rng), negative: wide(rng) }),
            5 => Surrogate::Vespo(Vespo {
                k_positive: wide(rng),
                lambda_positive: wide(rng),
                k_negative: small(rng),
                lambda_negative: wide(rng),
            }),
            6 => Surrogate::Gmpo(Gmpo { low: small(rng), high: wide(rng) }),
            7 => Surrogate::Dppo(Dppo { delta: [1e-3, 0.15, 1.0][rng.below(3)] }),
            8 => Surrogate::Reinforce,
            _ => Surrogate::Unclipped,
        };
        let levels =
            [RatioLevel::Token, RatioLevel::Sequence, RatioLevel::SequenceToken, RatioLevel::SequenceProduct];
        let estimators = [KlEstimator::K1, KlEstimator::Abs, KlEstimator::K2, KlEstimator::K3];
        let aggregates = [
            Aggregate::SequenceMean,
            Aggregate::TokenMean,
            Aggregate::TokenSumOver { length: 1 + rng.below(5000) },
            Aggregate::SequenceSum,
        ];
        let objective = Objective {
            ratio: levels[rng.below(4)],
            surrogate,
            kl: (rng.below(2) == 0).then(|| KlPenalty {
                beta: small(rng),
                estimator: estimators[rng.below(4)],
                straight_through: rng.below(3) == 0,
                importance_weighted: rng.below(3) == 0,
                cap: (rng.below(3) == 0).then(|| wide(rng)),
                placement: [KlPlacement::Loss, KlPlacement::Loss, KlPlacement::Reward][rng.below(3)],
                exact: rng.below(4) == 0,
            }),
            proximal: (rng.below(4) == 0)
                .then(|| ProximalPenalty { beta: small(rng), estimator: estimators[rng.below(4)] }),
            aggregate: aggregates[rng.below(4)],
            entropy_bonus: [0.0, 0.01, -0.1][rng.below(3)],
            log_ratio_bound: [0.5, 20.0, 40.0][rng.below(3)],
        };
        if objective.validate().is_ok() {
            return objective;
        }
    }
}

#[test]
fn any_configuration_on_any_batch_stays_finite() {
    let device = device();
    let mut rng = Draw(6);
    // A GPU, and its software stand-in even more, pays for each of the many small kernels.
    let rounds = if computes_f64(&device) { 10_000 } else { 300 };
    for round in 0..rounds {
        let objective = any_objective(&mut rng);
        let (rows, steps) = (1 + rng.below(5), 1 + rng.below(6));
        // Log-ratios far beyond every bound are part of it.
        let spread = [0.1, 1.0, 50.0][rng.below(3)];
        let batch = Batch::draw(&mut rng, rows, steps, spread);
        let got = whole(&objective, &batch, &device, DType::F32);
        let finite = got.loss.is_finite() && got.gradient.concat().iter().all(|g| g.is_finite());
        assert!(finite, "round {round}: {} {:?}\n{objective:#?}", got.loss, got.gradient);
        let outside =
            got.gradient.concat().into_iter().zip(batch.mask.concat()).filter(|(_, active)| !active);
        assert!(outside.into_iter().all(|(g, _)| g == 0.0), "round {round}: a leak\n{objective:#?}");
        let metrics = serde_json::to_value(got.diagnostics.read().unwrap()).unwrap();
        // serde_json writes what isn't finite as null.
        let missing: Vec<_> =
            metrics.as_object().unwrap().iter().filter(|(_, v)| v.is_null()).map(|(k, _)| k).collect();
        let nothing = lengths(&batch.mask).iter().sum::<usize>() == 0;
        assert!(missing.is_empty() || nothing, "round {round}: {missing:?}\n{objective:#?}");
    }
}
