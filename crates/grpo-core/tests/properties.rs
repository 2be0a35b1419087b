//! What must hold for every objective: gradients agree with finite differences in both branches of every
//! clip, and neither the split into micro-batches, nor padding, nor the order of the episodes changes
//! anything.

mod support;

use burn::tensor::{DType, Device, Tensor};
use grpo_core::{
    Aggregate, Cispo, Clip, Diagnostics, Dppo, Gmpo, KlEstimator, KlPenalty, LossInputs, Metrics, Objective,
    RatioLevel, Sapo, Surrogate, Vespo,
};
use support::{Draw, Matrix, bools, close, device, lengths, matrix, scalar, tensor};

/// A ragged batch whose padding holds garbage.
#[derive(Clone)]
struct Batch {
    log_probs: Matrix,
    old: Matrix,
    reference: Matrix,
    entropies: Matrix,
    sampler_ratio: Matrix,
    advantages: Matrix,
    mask: Vec<Vec<bool>>,
    keep: Vec<Vec<bool>>,
}

const GARBAGE: [f64; 5] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e4, -1e4];

impl Batch {
    fn draw(rng: &mut Draw, rows: usize, steps: usize, spread: f64) -> Self {
        let row = |_| -> Vec<bool> { vec![false; steps] };
        let mut batch = Self {
            log_probs: vec![vec![0.0; steps]; rows],
            old: vec![vec![0.0; steps]; rows],
            reference: vec![vec![0.0; steps]; rows],
            entropies: vec![vec![0.0; steps]; rows],
            sampler_ratio: vec![vec![0.0; steps]; rows],
            advantages: (0..rows).map(|_| vec![rng.uniform(-2.0, 2.0)]).collect(),
            mask: (0..rows).map(row).collect(),
            keep: vec![vec![true; steps]; rows],
        };
        for i in 0..rows {
            // Some rows are empty, some have holes.
            let length = rng.below(steps + 1);
            for t in 0..steps {
                let active = t < length && (t == 0 || rng.below(6) > 0);
                batch.mask[i][t] = active;
                batch.keep[i][t] = rng.below(8) > 0;
                let mut garbage = || GARBAGE[rng.below(GARBAGE.len())];
                let numbers = [(); 5].map(|()| garbage());
                let new = rng.uniform(-3.0, -0.1);
                let drawn = [
                    new,
                    new - rng.uniform(-spread, spread),
                    new - rng.uniform(-spread, spread),
                    rng.uniform(0.0, 3.0),
                    rng.uniform(0.3, 1.7),
                ];
                let [a, b, c, d, e] = if active { drawn } else { numbers };
                batch.log_probs[i][t] = a;
                batch.old[i][t] = b;
                batch.reference[i][t] = c;
                batch.entropies[i][t] = d;
                batch.sampler_ratio[i][t] = e;
            }
        }
        batch
    }

    fn rows(&self, order: &[usize]) -> Self {
        let pick = |rows: &Matrix| order.iter().map(|&i| rows[i].clone()).collect();
        let pick_bools = |rows: &[Vec<bool>]| order.iter().map(|&i| rows[i].clone()).collect();
        Self {
            log_probs: pick(&self.log_probs),
            old: pick(&self.old),
            reference: pick(&self.reference),
            entropies: pick(&self.entropies),
            sampler_ratio: pick(&self.sampler_ratio),
            advantages: pick(&self.advantages),
            mask: pick_bools(&self.mask),
            keep: pick_bools(&self.keep),
        }
    }

    fn padded(&self, by: usize, with: f64) -> Self {
        let pad = |rows: &Matrix| rows.iter().map(|row| [row.clone(), vec![with; by]].concat()).collect();
        let pad_bools = |rows: &[Vec<bool>], with: bool| -> Vec<Vec<bool>> {
            rows.iter().map(|row| [row.clone(), vec![with; by]].concat()).collect()
        };
        Self {
            log_probs: pad(&self.log_probs),
            old: pad(&self.old),
            reference: pad(&self.reference),
            entropies: pad(&self.entropies),
            sampler_ratio: pad(&self.sampler_ratio),
            advantages: self.advantages.clone(),
            mask: pad_bools(&self.mask, false),
            keep: pad_bools(&self.keep, true),
        }
    }
}

struct Evaluated {
    loss: f64,
    gradient: Matrix,
    entropy_gradient: Option<Matrix>,
    diagnostics: Diagnostics,
}

fn evaluate(
    objective: &Objective,
    batch: &Batch,
    weights: &[f64],
    device: &Device,
    dtype: DType,
) -> Evaluated {
    let autodiff = device.clone().autodiff();
    let constant = |rows: &Matrix| tensor(rows, device, dtype);
    let log_probs = tensor(&batch.log_probs, &autodiff, dtype).require_grad();
    let entropies = tensor(&batch.entropies, &autodiff, dtype).require_grad();
    let weights: Matrix = weights.iter().map(|&w| vec![w]).collect();
    let outputs = objective
        .loss(LossInputs {
            old_log_probs: Some(constant(&batch.old)),
            ref_log_probs: Some(constant(&batch.reference)),
            entropies: Some(entropies.clone()),
            sampler_ratio: Some(constant(&batch.sampler_ratio)),
            keep: Some(bools(&batch.keep, device)),
            ..LossInputs::new(
                log_probs.clone(),
                constant(&batch.advantages),
                bools(&batch.mask, device),
                constant(&weights),
            )
        })
        .expect("inputs fit");
    let grads = outputs.loss.backward();
    Evaluated {
        loss: scalar(outputs.loss),
        gradient: matrix(log_probs.grad(&grads).expect("a gradient")),
        entropy_gradient: entropies.grad(&grads).map(matrix),
        diagnostics: outputs.diagnostics,
    }
}

fn whole(objective: &Objective, batch: &Batch, device: &Device, dtype: DType) -> Evaluated {
    evaluate(objective, batch, &objective.aggregate.row_weights(&lengths(&batch.mask)), device, dtype)
}

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
    if !device.supports_dtype(DType::F64) {
        println!("left out: finite differences need f64");
        return;
    }
    let (mut rng, mut below, mut above, mut within, mut second) = (Draw(3), 0.0, 0.0, 0, 0.0);
    for objective in objectives().into_iter().filter(is_honest) {
        for _ in 0..3 {
            let batch = Batch::draw(&mut rng, 4, 4, 0.7);
            let got = whole(&objective, &batch, &device, DType::F64);
            let metrics = got.diagnostics.read().unwrap();
            below += metrics.clip_low;
            above += metrics.clip_high;
            second += metrics.clip_second;
            within += usize::from(metrics.clip_region < 1.0);
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
    assert!(
        below > 0.5 && above > 0.5 && second > 0.1 && within > 10,
        "every branch is visited: {below} {above} {second} {within}"
    );
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
        let objective = Objective { kl: None, entropy_bonus: 0.0, ..objective };
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
        let objective = Objective { kl: None, entropy_bonus: 0.0, ..objective };
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
            }),
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
    let rounds = if device.supports_dtype(DType::F64) { 10_000 } else { 300 };
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

/// One episode whose every step is active, without anything but a policy term.
fn plain(log_probs: &[f64], old: &[f64], advantage: f64) -> Batch {
    let steps = log_probs.len();
    Batch {
        log_probs: vec![log_probs.to_vec()],
        old: vec![old.to_vec()],
        reference: vec![vec![-1.0; steps]],
        entropies: vec![vec![1.0; steps]],
        sampler_ratio: vec![vec![1.0; steps]],
        advantages: vec![vec![advantage]],
        mask: vec![vec![true; steps]],
        keep: vec![vec![true; steps]],
    }
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
