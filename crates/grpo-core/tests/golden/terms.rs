//! The pieces on their own: `aggregation`, `kl`, `correction`, `entropy`, `entropy_mask`, `value_loss`,
//! `controllers`.

use burn::tensor::{DType, Int, Tensor, TensorData};
use grpo_core::entropy::{AdaptiveEntropy, AdaptiveKl, keep_above, top_share_threshold};
use grpo_core::ppo::value_loss;
use grpo_core::{
    Aggregate, CorrectionLevel, ImportanceCorrection, KlEstimator, KlPenalty, Outside, Rejection,
    RejectionLevel, StepTotals, off_policy_keep, token_entropies, token_log_probs,
};

use crate::losses::kl_estimator;
use crate::support::golden::{Case, run};
use crate::support::{Matrix, bools, close, device, lengths, matrix, precisions, scalar, tensor};

#[test]
fn golden_aggregation() {
    let device = device();
    run("aggregation.json", |case| {
        let mask = case.mask();
        let counts = lengths(&mask);
        let own = StepTotals::of_non_empty(&counts);
        let workers = case.number("dp_size");
        let totals = StepTotals {
            episodes: case.maybe("global_batch_size").map_or(own.episodes, |all| all / workers),
            tokens: case.maybe("batch_num_tokens").map_or(own.tokens, |all| all / workers),
        };
        let (aggregate, totals) = match case.text("mode") {
            "token-mean" => (Aggregate::TokenMean, totals),
            "seq-mean-token-mean" => (Aggregate::SequenceMean, totals),
            "seq-mean-token-sum" => (Aggregate::SequenceSum, totals),
            _ => {
                let length = case.maybe("loss_scale_factor").map_or(mask[0].len(), |length| length as usize);
                (Aggregate::TokenSumOver { length }, StepTotals { episodes: 1.0, ..totals })
            }
        };
        let weights = aggregate.row_weights_of(&counts, totals);
        let gradient: Vec<f64> = mask
            .iter()
            .zip(&weights)
            .flat_map(|(row, &weight)| row.iter().map(move |&active| if active { weight } else { 0.0 }))
            .collect();
        let losses = case.need("loss_mat").concat();
        let loss: f64 = gradient.iter().zip(&losses).filter(|(w, _)| **w != 0.0).map(|(w, l)| w * l).sum();
        close("loss", &[loss], &[case.expected_number("loss").expect("loss")], 2e-7)?;
        close(
            "grad_loss_mat",
            &gradient,
            &case.expected("grad_loss_mat").expect("a gradient").concat(),
            2e-7,
        )?;

        // The weights made on the device are the same where no divisor was given.
        if totals == StepTotals::of(&counts) {
            let on_device = matrix(aggregate.weights(bools(&mask, &device))).concat();
            close("weights", &on_device, &gradient, 1e-5)?;
        }
        Ok(())
    });
}

#[test]
fn golden_kl() {
    let device = device();
    run("kl.json", |case| {
        let mask = case.mask();
        let active: Vec<bool> = mask.concat();
        let count = active.iter().filter(|&&a| a).count() as f64;
        // The estimators take what the mask has been applied to.
        let select = |rows: Matrix| -> Matrix {
            let row = |(row, mask): (&Vec<f64>, &Vec<bool>)| {
                row.iter().zip(mask).map(|(&x, &active)| if active { x } else { 0.0 }).collect()
            };
            rows.iter().zip(&mask).map(row).collect()
        };
        let estimator = kl_estimator(case.text("estimator"));
        for (dtype, tolerance) in precisions(&device) {
            let new =
                tensor(&select(case.need("logp_new")), &device.clone().autodiff(), dtype).require_grad();
            let reference = tensor(&select(case.need("logp_ref")), &device, dtype);
            let penalty = KlPenalty {
                estimator,
                straight_through: case.text("estimator").ends_with('+'),
                // verl caps k3 and nothing else.
                cap: (estimator == KlEstimator::K3).then_some(10.0),
                ..KlPenalty::default()
            };
            let kl = penalty.estimate(new.clone(), reference);
            let mean = kl.clone().mask_fill(bools(&mask, &device).bool_not(), 0.0).sum() / count;
            let grads = mean.backward();
            close("kl", &matrix(kl).concat(), &case.expected("kl").expect("kl").concat(), tolerance)?;
            close("mean", &[scalar(mean)], &[case.expected_number("mean").expect("mean")], tolerance)?;
            let want = case.expected("grad_logp_new_of_mean").expect("a gradient").concat();
            close("gradient", &matrix(new.grad(&grads).expect("a gradient")).concat(), &want, tolerance)?;
        }
        Ok(())
    });
}

#[test]
fn golden_correction() {
    let device = device();
    run("correction.json", |case| {
        for (dtype, tolerance) in precisions(&device) {
            correction(case, dtype, tolerance).map_err(|error| format!("{error} ({dtype:?})"))?;
        }
        Ok(())
    });
}

fn correction(case: &Case, dtype: DType, tolerance: f64) -> Result<(), String> {
    let device = device();
    let mask = case.mask();
    let active = bools(&mask, &device);
    let on_mask = |rows: Vec<f64>, fill: f64| -> Vec<f64> {
        rows.into_iter().zip(mask.concat()).map(|(x, active)| if active { x } else { fill }).collect()
    };
    let sampling_or = |fallback: &Matrix| -> Matrix {
        let rows = case.input_or_null("logp_sampling").expect("logp_sampling");
        let fill = |(row, old): (&Vec<Option<f64>>, &Vec<f64>)| {
            row.iter().zip(old).map(|(x, &old)| x.unwrap_or(old)).collect()
        };
        rows.iter().zip(fallback).map(fill).collect()
    };
    if case.text("kind") == "off_policy_mask" {
        let new = case.need("logp_new");
        let keep = off_policy_keep(
            tensor(&new, &device, dtype),
            tensor(&sampling_or(&new), &device, dtype),
            tensor(&case.need("advantages"), &device, dtype),
            active,
            case.number("off_policy_threshold"),
        );
        let got = matrix(keep.map_err(|e| e.to_string())?.float()).concat();
        return close("keep", &got, &case.expected("keep").expect("keep").concat(), 0.0);
    }
    let old = case.need("logp_old");
    let (old, sampling) = (tensor(&old, &device, dtype), tensor(&sampling_or(&old), &device, dtype));
    let mode = case.text("mode");
    if case.text("kind") == "rejection" {
        let mut keep = active.clone();
        for (mode, threshold) in mode.split(',').zip(case.text("thresholds").split(',')) {
            let rejection = rejection(mode, threshold);
            let one =
                rejection.keep(old.clone(), sampling.clone(), active.clone()).map_err(|e| e.to_string())?;
            keep = keep.bool_and(one);
        }
        return close(
            "keep",
            &matrix(keep.float()).concat(),
            &case.expected("keep").expect("keep").concat(),
            0.0,
        );
    }
    let (level, outside) = match mode {
        "token_truncate" | "verl_token" => (CorrectionLevel::Token, Outside::Truncate),
        "token_mask" => (CorrectionLevel::Token, Outside::Mask),
        "sequence_truncate" | "verl_sequence" => (CorrectionLevel::Sequence, Outside::Truncate),
        _ => (CorrectionLevel::Sequence, Outside::Mask),
    };
    let config = ImportanceCorrection {
        level,
        outside,
        min: case.maybe("clip_min"),
        max: case.number("clip_max"),
        normalize: case.flag("batch_normalize"),
    };
    config.validate().map_err(|e| e.to_string())?;
    let ratio = config.ratios(old, sampling, active).map_err(|e| e.to_string())?;
    let want = case.expected("ratio").expect("ratio");
    let wide = want[0].len() == mask[0].len();
    let ratio = if wide { ratio.expand([mask.len(), mask[0].len()]) } else { ratio };
    let (got, want) = (matrix(ratio).concat(), want.concat());
    // Padding is 1 in TRL and here, 0 in verl; neither multiplies anything.
    if wide {
        close("ratio", &on_mask(got, 0.0), &on_mask(want, 0.0), tolerance)
    } else {
        close("ratio", &got, &want, tolerance)
    }
}

fn rejection(mode: &str, threshold: &str) -> Rejection {
    let (level, estimator) = mode.rsplit_once('_').expect("level and estimator");
    let level = match level {
        "token" => RejectionLevel::Token,
        "seq_sum" => RejectionLevel::SequenceSum,
        "seq_mean" => RejectionLevel::SequenceMean,
        "seq_max" => RejectionLevel::SequenceMax,
        other => panic!("rejection level {other}"),
    };
    let estimator = kl_estimator(estimator);
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match threshold.split_once('_') {
        Some((lower, upper)) => Rejection { level, estimator, lower: number(lower), upper: number(upper) },
        None if estimator == KlEstimator::K1 => {
            let upper = number(threshold);
            Rejection { level, estimator, lower: 1.0 / upper, upper }
        }
        None => Rejection { level, estimator, lower: 0.0, upper: number(threshold) },
    }
}

#[test]
fn golden_entropy() {
    let device = device();
    run("entropy.json", |case| {
        let logits: Vec<Matrix> = serde_json::from_value(case.input_value("logits").clone()).expect("logits");
        let labels: Vec<Vec<i32>> =
            serde_json::from_value(case.input_value("labels").clone()).expect("labels");
        let (rows, steps, vocab) = (logits.len(), logits[0].len(), logits[0][0].len());
        let targets = Tensor::<2, Int>::from_data(TensorData::new(labels.concat(), [rows, steps]), &device);
        let wanted = |key: &str| -> Vec<f64> {
            let want: Vec<Matrix> =
                serde_json::from_value(case.expected_value(key).clone()).expect("a gradient");
            want.concat().concat()
        };
        for (dtype, tolerance) in precisions(&device) {
            for temperature in [1.0, 0.5] {
                // Logits times the temperature, sampled at that temperature, are the same distribution.
                let data = logits.concat().concat().into_iter().map(|x| x * temperature).collect();
                let data = TensorData::new(data, [rows, steps, vocab]);
                let logits = Tensor::<3>::from_data(data, (&device.clone().autodiff(), dtype)).require_grad();
                let read = |grad: Tensor<3>| -> Vec<f64> {
                    grad.into_data().iter::<f64>().map(|g| g * temperature).collect()
                };

                let entropy = token_entropies(logits.clone(), temperature).map_err(|e| e.to_string())?;
                let grads = entropy.clone().sum().backward();
                close(
                    "entropy",
                    &matrix(entropy).concat(),
                    &case.expected("entropy").expect("entropy").concat(),
                    tolerance,
                )?;
                close(
                    "entropy gradient",
                    &read(logits.grad(&grads).expect("a gradient")),
                    &wanted("grad_logits_of_entropy_sum"),
                    tolerance,
                )?;

                let log_probs = token_log_probs(logits.clone(), targets.clone(), temperature)
                    .map_err(|e| e.to_string())?;
                let grads = log_probs.clone().sum().backward();
                close(
                    "logp",
                    &matrix(log_probs).concat(),
                    &case.expected("logp").expect("logp").concat(),
                    tolerance,
                )?;
                close(
                    "logp gradient",
                    &read(logits.grad(&grads).expect("a gradient")),
                    &wanted("grad_logits_of_logp_sum"),
                    tolerance,
                )?;
            }
        }
        Ok(())
    });
}

#[test]
fn golden_entropy_mask() {
    let device = device();
    run("entropy_mask.json", |case| {
        let mask = case.mask();
        let entropies = case.need("entropies");
        let active = mask.concat();
        let flat: Vec<f64> =
            entropies.concat().into_iter().zip(&active).filter(|(_, a)| **a).map(|(x, _)| x).collect();
        let threshold =
            top_share_threshold(&flat, case.number("top_entropy_quantile")).map_err(|e| e.to_string())?;
        let threshold = threshold.ok_or("no threshold")?;
        close("threshold", &[threshold], &[case.expected_number("threshold").expect("threshold")], 2e-7)?;
        for (dtype, _) in precisions(&device) {
            let keep = keep_above(tensor(&entropies, &device, dtype), bools(&mask, &device), threshold);
            close(
                "keep",
                &matrix(keep.float()).concat(),
                &case.expected("keep").expect("keep").concat(),
                0.0,
            )?;
        }
        Ok(())
    });
}

#[test]
fn golden_value_loss() {
    let device = device();
    run("value_loss.json", |case| {
        let mask = case.mask();
        let counts = lengths(&mask);
        let aggregate = match case.text("agg") {
            "token-mean" => Aggregate::TokenMean,
            "seq-mean-token-mean" => Aggregate::SequenceMean,
            _ => Aggregate::SequenceSum,
        };
        let weights = aggregate.row_weights_of(&counts, StepTotals::of_non_empty(&counts));
        for (dtype, tolerance) in precisions(&device) {
            let values = tensor(&case.need("vpreds"), &device.clone().autodiff(), dtype).require_grad();
            let got = value_loss(
                values.clone(),
                tensor(&case.need("values"), &device, dtype),
                tensor(&case.need("returns"), &device, dtype),
                bools(&mask, &device),
                tensor(&weights.iter().map(|&w| vec![w]).collect(), &device, dtype),
                case.number("cliprange_value"),
            )
            .map_err(|e| e.to_string())?;
            let grads = got.loss.backward();
            close("loss", &[scalar(got.loss)], &[case.expected_number("loss").expect("loss")], tolerance)?;
            let share = scalar(got.clipped) / counts.iter().sum::<usize>() as f64;
            close(
                "clip_fraction",
                &[share],
                &[case.expected_number("clip_fraction").expect("a share")],
                1e-6,
            )?;
            let want = case.expected("grad_vpreds").expect("a gradient").concat();
            close(
                "grad_vpreds",
                &matrix(values.grad(&grads).expect("a gradient")).concat(),
                &want,
                tolerance,
            )?;
        }
        Ok(())
    });
}

#[test]
fn golden_controllers() {
    run("controllers.json", |case| {
        let observed = case.input_numbers("observed").expect("observed");
        let (mut values, mut applied) = (Vec::new(), Vec::new());
        if case.text("kind") == "adaptive_kl" {
            let (value, target) = (case.number("init"), case.number("target"));
            let mut controller = AdaptiveKl { value, target, horizon: case.number("horizon") };
            for kl in observed {
                controller.observe(kl, case.number("n_steps") as usize);
                values.push(controller.value);
            }
        } else {
            let mut controller = AdaptiveEntropy {
                value: case.number("init"),
                target: case.number("target"),
                delta: case.number("delta"),
                min: case.number("min"),
                max: case.number("max"),
                last: 0.0,
            };
            for entropy in observed {
                applied.push(controller.applied());
                controller.observe(entropy);
                values.push(controller.value);
            }
        }
        close("values", &values, &case.expected_numbers("values").expect("values"), 1e-9)?;
        if let Some(want) = case.expected_numbers("applied") {
            close("applied", &applied, &want, 1e-9)?;
        }
        Ok(())
    });
}
