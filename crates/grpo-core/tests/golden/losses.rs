//! The objective as a whole: `losses_trl`, `losses_gmpo`, `losses_verl` and `seed`.

use burn::tensor::{DType, Device, Tensor};
use grpo_core::advantage::{AdvantageEstimator, Scale};
use grpo_core::entropy::{clip_covariance, covariances, keep_above, top_covariance, top_share_threshold};
use grpo_core::{
    Aggregate, Cispo, Clip, Gmpo, KlEstimator, KlPenalty, LossInputs, Metrics, Objective, ProximalPenalty,
    RatioLevel, Sapo, StepTotals, Surrogate, Vespo, off_policy_keep,
};

use crate::support::golden::{Case, run};
use crate::support::{Matrix, bools, close, device, lengths, matrix, precisions, scalar, tensor};

#[test]
fn golden_losses_trl() {
    run("losses_trl.json", |case| check(case, trl(case)));
}

#[test]
fn golden_losses_gmpo() {
    run("losses_gmpo.json", |case| check(case, trl(case)));
}

#[test]
fn golden_losses_verl() {
    run("losses_verl.json", |case| check(case, verl(case)));
}

/// A case in this crate's terms.
struct Setup {
    objective: Objective,
    totals: StepTotals,
    /// The weights of the entropy bonus: the mean over these steps; `None` follows the policy term.
    token_mean_entropy: bool,
    top_entropy_share: f64,
    off_policy_threshold: Option<f64>,
    sampler_ratio: Option<Matrix>,
    /// Where the penalty for leaving the old policy applies.
    proximal_steps: Option<Vec<Vec<bool>>>,
    /// Steps that keep their policy term.
    keep: Option<Vec<Vec<bool>>>,
}

fn trl(case: &Case) -> Setup {
    let clip = Clip {
        low: case.number("epsilon_low"),
        high: case.number("epsilon_high"),
        delta: case.maybe("delta"),
        dual: None,
    };
    let loss_type = case.text("loss_type");
    let surrogate = match loss_type {
        // TRL's epsilon_high is the bound itself here, and there is no lower one.
        "cispo" => Surrogate::Cispo(Cispo { low: 1.0, high: clip.high - 1.0 }),
        "sapo" => Surrogate::Sapo(Sapo {
            positive: case.number("sapo_temperature_pos"),
            negative: case.number("sapo_temperature_neg"),
        }),
        "vespo" => Surrogate::Vespo(Vespo {
            k_positive: case.number("vespo_k_pos"),
            lambda_positive: case.number("vespo_lambda_pos"),
            k_negative: case.number("vespo_k_neg"),
            lambda_negative: case.number("vespo_lambda_neg"),
        }),
        "gmpo" => Surrogate::Gmpo(Gmpo { low: clip.low, high: clip.high }),
        "grpo" | "bnpo" | "dr_grpo" | "dapo" | "luspo" => Surrogate::Clip(clip),
        other => panic!("{}: loss_type {other}", case.name),
    };
    let own = StepTotals::of(&lengths(&case.mask()));
    let accumulated = case.number("gradient_accumulation_steps");
    let whole_step = || {
        let tokens = case.number("num_items_in_batch") * accumulated / case.number("steps_per_generation");
        (Aggregate::TokenMean, StepTotals { tokens, ..own })
    };
    let divided = StepTotals { episodes: own.episodes * accumulated, tokens: own.tokens * accumulated };
    let (aggregate, totals) = match loss_type {
        "grpo" | "sapo" | "gmpo" => (Aggregate::SequenceMean, divided),
        "bnpo" => (Aggregate::TokenMean, divided),
        "luspo" => (Aggregate::SequenceSum, divided),
        "dr_grpo" => {
            (Aggregate::TokenSumOver { length: case.number("max_completion_length") as usize }, divided)
        }
        _ => whole_step(),
    };
    let beta = case.number("beta");
    let kl =
        KlPenalty { beta, importance_weighted: case.flag("use_bias_correction_kl"), ..KlPenalty::default() };
    Setup {
        objective: Objective {
            ratio: match case.text("importance_sampling_level") {
                "sequence" => RatioLevel::Sequence,
                _ => RatioLevel::Token,
            },
            surrogate,
            kl: (beta != 0.0).then_some(kl),
            aggregate,
            entropy_bonus: case.number("entropy_coef"),
            ..Objective::default()
        },
        totals,
        token_mean_entropy: true,
        top_entropy_share: case.number("top_entropy_quantile"),
        off_policy_threshold: case.maybe("off_policy_mask_threshold"),
        sampler_ratio: case.input("importance_sampling_ratio"),
        proximal_steps: None,
        keep: None,
    }
}

fn verl(case: &Case) -> Setup {
    let (low, high) = (case.number("clip_ratio_low"), case.number("clip_ratio_high"));
    let clip = Clip { low, high, ..Clip::default() };
    let (ratio, surrogate) = match case.text("policy_loss") {
        "vanilla" => {
            (RatioLevel::Token, Surrogate::Clip(Clip { dual: Some(case.number("clip_ratio_c")), ..clip }))
        }
        "gspo" => (RatioLevel::SequenceToken, Surrogate::Clip(clip)),
        "sapo" => {
            let (positive, negative) = (case.number("tau_pos"), case.number("tau_neg"));
            (RatioLevel::Token, Surrogate::Sapo(Sapo { positive, negative }))
        }
        "gpg" | "reinforce" => (RatioLevel::Token, Surrogate::Reinforce),
        "cispo" => (RatioLevel::Token, Surrogate::Cispo(Cispo { low, high })),
        "geo_mean" => (RatioLevel::Token, Surrogate::Gmpo(Gmpo { low, high })),
        "kl_cov" => (RatioLevel::Token, Surrogate::Unclipped),
        "clip_cov" => (RatioLevel::Token, Surrogate::Clip(clip)),
        other => panic!("{}: policy_loss {other}", case.name),
    };
    let kl_cov = case.text("policy_loss") == "kl_cov";
    let proximal =
        kl_cov.then(|| ProximalPenalty { beta: case.number("ppo_kl_coef"), estimator: KlEstimator::Abs });
    let agg = match case.text("policy_loss") {
        "gspo" | "sapo" | "geo_mean" => "seq-mean-token-mean",
        _ => case.text("agg"),
    };
    let mask = case.mask();
    let own = StepTotals::of_non_empty(&lengths(&mask));
    let workers = case.number("dp_size");
    let totals = StepTotals {
        episodes: case.maybe("global_batch_size").map_or(own.episodes, |all| all / workers),
        tokens: case.maybe("batch_num_tokens").map_or(own.tokens, |all| all / workers),
    };
    let (aggregate, totals) = match agg {
        "token-mean" => (Aggregate::TokenMean, totals),
        "seq-mean-token-mean" => (Aggregate::SequenceMean, totals),
        "seq-mean-token-sum" => (Aggregate::SequenceSum, totals),
        "seq-mean-token-sum-norm" => {
            let length = case.maybe("loss_scale_factor").map_or(mask[0].len(), |length| length as usize);
            (Aggregate::TokenSumOver { length }, StepTotals { episodes: 1.0, ..totals })
        }
        other => panic!("{}: agg {other}", case.name),
    };
    let estimator = case.text("kl_estimator");
    let kl = (!estimator.is_empty()).then(|| KlPenalty {
        beta: case.number("kl_coef"),
        estimator: kl_estimator(estimator),
        straight_through: estimator.ends_with('+'),
        cap: (kl_estimator(estimator) == KlEstimator::K3).then_some(10.0),
        ..KlPenalty::default()
    });
    Setup {
        objective: Objective {
            ratio,
            surrogate,
            kl,
            proximal,
            aggregate,
            entropy_bonus: case.number("entropy_coef"),
            ..Objective::default()
        },
        totals,
        token_mean_entropy: false,
        top_entropy_share: 1.0,
        off_policy_threshold: None,
        sampler_ratio: case.input("rollout_is_weights"),
        proximal_steps: kl_cov.then(|| {
            by_covariance(case, |covariances, _| {
                top_covariance(covariances, case.number("kl_cov_ratio")).unwrap()
            })
        }),
        keep: (case.text("policy_loss") == "clip_cov").then(|| {
            by_covariance(case, |covariances, clipped| {
                let bounds = (case.number("clip_cov_lb"), case.number("clip_cov_ub"));
                let share = case.number("clip_cov_ratio");
                let dropped = clip_covariance(covariances, clipped, bounds, share, 7).unwrap();
                dropped.into_iter().map(|dropped| !dropped).collect()
            })
        }),
    }
}

/// A choice among the active steps by their covariances and whether the ratio's clip stops them.
fn by_covariance(case: &Case, choose: impl Fn(&[f64], &[bool]) -> Vec<bool>) -> Vec<Vec<bool>> {
    let (mask, new, old) = (case.mask(), case.need("logp_new"), case.need("logp_old"));
    let advantages = case.need("advantages");
    let steps: Vec<(usize, usize)> =
        (0..mask.len()).flat_map(|i| (0..mask[i].len()).map(move |t| (i, t))).collect();
    let active: Vec<(usize, usize)> = steps.into_iter().filter(|&(i, t)| mask[i][t]).collect();
    let advantage =
        |i: usize, t: usize| if advantages[i].len() == 1 { advantages[i][0] } else { advantages[i][t] };
    let log_probs: Vec<f64> = active.iter().map(|&(i, t)| new[i][t]).collect();
    let all: Vec<f64> = active.iter().map(|&(i, t)| advantage(i, t)).collect();
    let (low, high) = (1.0 - case.number("clip_ratio_low"), 1.0 + case.number("clip_ratio_high"));
    let clipped: Vec<bool> = active
        .iter()
        .map(|&(i, t)| {
            let ratio = (new[i][t] - old[i][t]).exp();
            -advantage(i, t) * ratio.clamp(low, high) > -advantage(i, t) * ratio
        })
        .collect();
    let chosen = choose(&covariances(&log_probs, &all).unwrap(), &clipped);
    let mut grid: Vec<Vec<bool>> = mask.iter().map(|row| vec![false; row.len()]).collect();
    active.into_iter().zip(chosen).for_each(|((i, t), chosen)| grid[i][t] = chosen);
    grid
}

pub(crate) fn kl_estimator(name: &str) -> KlEstimator {
    match name.trim_end_matches('+') {
        "k1" => KlEstimator::K1,
        "abs" => KlEstimator::Abs,
        "k2" => KlEstimator::K2,
        "k3" => KlEstimator::K3,
        other => panic!("estimator {other}"),
    }
}

fn check(case: &Case, setup: Setup) -> Result<(), String> {
    setup.objective.validate().map_err(|error| error.to_string())?;
    let device = device();
    for (dtype, tolerance) in precisions(&device) {
        // Worse padding than the files hold must give the same numbers.
        for padding in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            let label = format!("{dtype:?}, padding {padding:?}");
            check_once(case, &setup, &device, dtype, tolerance, padding)
                .map_err(|error| format!("{error} ({label})"))?;
        }
    }
    Ok(())
}

fn check_once(
    case: &Case,
    setup: &Setup,
    device: &Device,
    dtype: DType,
    tolerance: f64,
    padding: Option<f64>,
) -> Result<(), String> {
    let mask = case.mask();
    let pad = |mut rows: Matrix| {
        if let (Some(padding), true) = (padding, rows[0].len() == mask[0].len()) {
            for (row, active) in rows.iter_mut().zip(&mask) {
                for (x, _) in row.iter_mut().zip(active).filter(|(_, active)| !**active) {
                    *x = padding;
                }
            }
        }
        rows
    };
    let autodiff = device.clone().autodiff();
    let constant = |key: &str| case.input(key).map(|rows| tensor(&pad(rows), device, dtype));
    let leaf = |key: &str| case.input(key).map(|rows| tensor(&pad(rows), &autodiff, dtype).require_grad());
    let log_probs = leaf("logp_new").expect("logp_new");
    let entropies = leaf("entropies");
    let advantages = constant("advantages").expect("advantages");
    let active = bools(&mask, device);
    let counts = lengths(&mask);
    let weights = setup.objective.aggregate.row_weights_of(&counts, setup.totals);
    let weights = tensor(&weights.iter().map(|&w| vec![w]).collect(), device, dtype);

    let mut keep = setup.keep.as_ref().map(|keep| bools(keep, device));
    let mut kept = mask.clone();
    if setup.top_entropy_share < 1.0 {
        let values = case.need("entropies");
        let flat: Vec<f64> = values
            .iter()
            .flatten()
            .zip(mask.iter().flatten())
            .filter(|(_, m)| **m)
            .map(|(x, _)| *x)
            .collect();
        let threshold =
            top_share_threshold(&flat, setup.top_entropy_share).map_err(|e| e.to_string())?.expect("steps");
        let entropies = entropies.clone().expect("entropies");
        keep = Some(keep_above(entropies, active.clone(), threshold));
        for (row, values) in kept.iter_mut().zip(&values) {
            row.iter_mut().zip(values).for_each(|(keep, value)| *keep &= *value >= threshold);
        }
    }
    if let Some(threshold) = setup.off_policy_threshold {
        let behaviour =
            constant("sampling_logp").or_else(|| constant("logp_old")).expect("a behaviour policy");
        let rows =
            off_policy_keep(log_probs.clone(), behaviour, advantages.clone(), active.clone(), threshold)
                .map_err(|e| e.to_string())?;
        keep = Some(rows);
    }
    let entropy_weights = setup.token_mean_entropy.then(|| {
        let count = lengths(&kept).iter().sum::<usize>() as f64;
        let weigh = |row: &Vec<bool>| row.iter().map(|&k| if k { 1.0 / count } else { 0.0 }).collect();
        tensor(&kept.iter().map(weigh).collect(), device, dtype)
    });

    let outputs = setup
        .objective
        .loss(LossInputs {
            old_log_probs: constant("logp_old"),
            ref_log_probs: constant("logp_ref"),
            entropies: entropies.clone(),
            entropy_weights,
            sampler_ratio: setup.sampler_ratio.as_ref().map(|rows| tensor(rows, device, dtype)),
            proximal_steps: setup.proximal_steps.as_ref().map(|steps| bools(steps, device)),
            keep,
            ..LossInputs::new(log_probs.clone(), advantages, active, weights)
        })
        .map_err(|error| error.to_string())?;
    let grads = outputs.loss.backward();
    let loss = scalar(outputs.loss);
    close("loss", &[loss], &[case.expected_number("loss").expect("loss")], tolerance)?;
    let gradient = matrix(log_probs.grad(&grads).expect("a gradient")).concat();
    let want = case.expected("grad_logp_new").expect("grad_logp_new").concat();
    close("grad_logp_new", &gradient, &want, tolerance)?;
    exactly_zero_outside(&gradient, &mask)?;
    if let (Some(want), Some(entropies)) = (case.expected("grad_entropies"), &entropies) {
        let gradient =
            entropies.grad(&grads).map_or_else(|| vec![0.0; want.concat().len()], |g| matrix(g).concat());
        close("grad_entropies", &gradient, &want.concat(), tolerance)?;
        exactly_zero_outside(&gradient, &mask)?;
    }
    let metrics = outputs.diagnostics.read().map_err(|error| error.to_string())?;
    // Diagnostics are sums in f32 on some devices, and verl adds 1e-8 to its divisors.
    check_metrics(case, setup, &metrics, loss, tolerance.max(1e-6))
}

fn exactly_zero_outside(gradient: &[f64], mask: &[Vec<bool>]) -> Result<(), String> {
    let outside = gradient.iter().zip(mask.iter().flatten()).filter(|(_, active)| !**active);
    match outside.map(|(g, _)| *g).find(|g| *g != 0.0) {
        Some(leak) => Err(format!("the gradient at an inactive step is {leak:e}, not 0")),
        None => Ok(()),
    }
}

fn check_metrics(
    case: &Case,
    setup: &Setup,
    metrics: &Metrics,
    loss: f64,
    tolerance: f64,
) -> Result<(), String> {
    close("metrics.loss", &[metrics.loss], &[loss], tolerance)?;
    let vanilla = case.text("policy_loss") == "vanilla";
    // TRL counts an empty episode among the rows here.
    let rows = if case.mask().iter().any(|row| !row.contains(&true)) { None } else { Some(()) };
    let pairs = [
        ("kl_mean", metrics.kl),
        ("entropy_mean", metrics.entropy),
        ("clip_low_mean", Some(metrics.clip_low)),
        ("clip_high_mean", Some(metrics.clip_high)),
        ("clip_region_mean", Some(metrics.clip_region)),
        ("clip_low_min", rows.map(|()| metrics.clip_low_min)),
        ("clip_high_max", Some(metrics.clip_high_max)),
        ("cispo_clip_ratio", Some(metrics.clip_high)),
        // In kl_cov it is the mean of the absolute value, which has no counterpart here.
        ("ppo_kl", (case.text("policy_loss") != "kl_cov").then_some(metrics.approx_kl_k1)),
        ("pg_clipfrac", vanilla.then_some(metrics.clip_region)),
        ("pg_clipfrac_lower", vanilla.then_some(metrics.clip_second)),
    ];
    for (name, got) in pairs {
        if let (Some(want), Some(got)) = (case.metric(name), got) {
            close(name, &[got], &[want], tolerance)?;
        }
    }
    if let (Some(keep), "clip_cov") = (&setup.keep, case.text("policy_loss")) {
        let active = case.mask().concat();
        let dropped = keep.concat().iter().zip(&active).filter(|(keep, active)| **active && !**keep).count();
        let share = dropped as f64 / active.iter().filter(|active| **active).count() as f64;
        close("pg_clipfrac", &[share], &[case.metric("pg_clipfrac").expect("pg_clipfrac")], 1e-6)?;
    }
    if setup.objective.surrogate == Surrogate::Reinforce {
        close("clip_region", &[metrics.clip_region], &[0.0], 0.0)?;
    }
    Ok(())
}

#[test]
fn golden_seed() {
    let device = device();
    run("seed.json", |case| {
        let new = case.need("logp_new");
        let rewards = case.input_numbers("rewards").expect("rewards");
        let scale = if case.text("std") == "population" { Scale::GroupPopulation } else { Scale::Group };
        let estimator =
            AdvantageEstimator { scale, epsilon: case.number("std_eps"), ..AdvantageEstimator::default() };
        let advantages = estimator.estimate(&rewards, rewards.len()).map_err(|e| e.to_string())?;
        close(
            "advantages",
            &advantages.values,
            &case.expected_numbers("advantages").expect("advantages"),
            2e-7,
        )?;

        // The formula has one ratio per answer; cases with several columns take the mean over all entries.
        let surrogate = Surrogate::Clip(Clip {
            low: case.number("clip_eps"),
            high: case.number("clip_eps"),
            ..Clip::default()
        });
        let objective = match new[0].len() {
            1 => Objective { surrogate, ..Objective::textbook() },
            _ => Objective {
                surrogate,
                ratio: RatioLevel::Token,
                aggregate: Aggregate::TokenMean,
                ..Objective::default()
            },
        };
        for (dtype, tolerance) in precisions(&device) {
            let log_probs = tensor(&new, &device.clone().autodiff(), dtype).require_grad();
            let mask: Vec<Vec<bool>> = new.iter().map(|row| vec![true; row.len()]).collect();
            let weights = objective.aggregate.row_weights(&lengths(&mask));
            let weights = tensor(&weights.iter().map(|&w| vec![w]).collect(), &device, dtype);
            let column: Matrix = advantages.values.iter().map(|&a| vec![a]).collect();
            let outputs = objective
                .loss(LossInputs {
                    old_log_probs: Some(tensor(&case.need("logp_old"), &device, dtype)),
                    ..LossInputs::new(
                        log_probs.clone(),
                        tensor(&column, &device, dtype),
                        bools(&mask, &device),
                        weights,
                    )
                })
                .map_err(|e| e.to_string())?;
            let grads = outputs.loss.backward();
            close(
                "loss",
                &[scalar(outputs.loss)],
                &[case.expected_number("loss").expect("loss")],
                tolerance,
            )?;
            let gradient = matrix(Tensor::<2>::grad(&log_probs, &grads).expect("a gradient")).concat();
            close(
                "grad_logp_new",
                &gradient,
                &case.expected("grad_logp_new").expect("a gradient").concat(),
                tolerance,
            )?;
        }
        Ok(())
    });
}
