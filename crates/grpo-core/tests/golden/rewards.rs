//! From rewards to advantages: `advantages` and `gae`.

use grpo_core::advantage::{self, AdvantageEstimator, Baseline, Scale};
use grpo_core::ppo::generalized_advantages;

use crate::support::golden::{Case, run};
use crate::support::{close, lengths};

/// Host arithmetic is f64 throughout, whatever the device.
const TOLERANCE: f64 = 2e-7;

#[test]
fn golden_advantages() {
    run("advantages.json", |case| match case.name.split('/').next() {
        Some("trl") => trl(case),
        _ => verl(case),
    });
}

fn trl(case: &Case) -> Result<(), String> {
    let rows = case.input_or_null("rewards").expect("rewards");
    let rewards = rows.concat();
    let weights = case.config_numbers("reward_weights").unwrap_or_else(|| vec![1.0; rows[0].len()]);
    let size = case.number("num_generations") as usize;
    let scale = match case.text("scale_rewards") {
        "batch" => Scale::Batch,
        "none" => Scale::None,
        _ => Scale::Group,
    };
    let epsilon = case.maybe("eps").unwrap_or(0.0);
    let grpo = AdvantageEstimator { scale, epsilon, ..AdvantageEstimator::default() };
    let want = case.expected("advantages").expect("advantages").concat();
    let combined = advantage::combine(&rewards, &weights).map_err(|e| e.to_string())?;
    let estimator = match case.text("kind") {
        "grpo" => grpo,
        "rloo" => AdvantageEstimator::rloo(),
        "gdpo" => {
            let got =
                advantage::normalize_then_sum(&grpo, &rewards, &weights, size).map_err(|e| e.to_string())?;
            close("advantages", &got, &want, TOLERANCE)?;
            return Ok(());
        }
        other => panic!("{}: kind {other}", case.name),
    };
    let got = estimator.estimate(&combined, size).map_err(|e| e.to_string())?;
    let values =
        if case.flag("normalize_advantages") { got.whitened(case.number("eps")) } else { got.values.clone() };
    close("advantages", &values, &want, TOLERANCE)?;
    // With batch scaling TRL counts the batch's standard deviation, here groups are counted.
    if let (Some(want), true) = (case.expected_number("frac_zero_std"), scale != Scale::Batch) {
        close("frac_zero_std", &[got.share_without_spread()], &[want], 1e-6)?;
    }
    Ok(())
}

fn verl(case: &Case) -> Result<(), String> {
    let mask = case.mask();
    let want = case.expected("advantages").expect("advantages").concat();
    if case.text("kind") == "reinforce_pp" {
        let rewards = case.need("token_rewards").concat();
        let (returns, advantages) =
            advantage::discounted_returns(&rewards, &mask.concat(), mask[0].len(), case.number("gamma"))
                .map_err(|e| e.to_string())?;
        close("returns", &returns, &case.expected("returns").expect("returns").concat(), TOLERANCE)?;
        close("advantages", &advantages, &want, TOLERANCE)?;
        return Ok(());
    }
    let spread = |values: Vec<f64>| -> Vec<f64> {
        let rows = mask.iter().zip(values);
        rows.flat_map(|(row, value)| row.iter().map(move |&on| if on { value } else { 0.0 })).collect()
    };
    if case.text("kind") == "remax" {
        let baselines = case.input_numbers("baselines").expect("baselines");
        let values = advantage::subtract_baselines(&case.need("rewards").concat(), &baselines)
            .map_err(|e| e.to_string())?;
        close("advantages", &spread(values), &want, TOLERANCE)?;
        return Ok(());
    }
    let epsilon = case.maybe("eps").unwrap_or(0.0);
    let scale = if case.flag("norm_by_std") { Scale::Group } else { Scale::None };
    let estimator = match case.text("kind") {
        "grpo" => AdvantageEstimator { baseline: Baseline::GroupMean, scale, epsilon },
        "rloo" => AdvantageEstimator::rloo(),
        "opo" => AdvantageEstimator::opo(),
        "reinforce_pp_baseline" => AdvantageEstimator::dr_grpo(),
        "pass_at_k" => AdvantageEstimator { baseline: Baseline::SecondBest, scale, epsilon },
        "gpg" => AdvantageEstimator::gpg(),
        other => panic!("{}: kind {other}", case.name),
    };
    // verl's groups come in any order; here they lie one after another.
    let rewards = case.need("rewards").concat();
    let ids = case.input_numbers("group_ids").expect("group_ids");
    let mut order: Vec<usize> = (0..rewards.len()).collect();
    order.sort_by(|&a, &b| ids[a].total_cmp(&ids[b]));
    let sizes: Vec<usize> = order.chunk_by(|&a, &b| ids[a] == ids[b]).map(<[usize]>::len).collect();
    let sorted: Vec<f64> = order.iter().map(|&i| rewards[i]).collect();
    let counts = lengths(&mask);
    let sorted_counts: Vec<usize> = order.iter().map(|&i| counts[i]).collect();
    let got = estimator.estimate_groups(&sorted, &sizes, Some(&sorted_counts)).map_err(|e| e.to_string())?;

    let mut values = vec![0.0; rewards.len()];
    let mut position = 0;
    for size in sizes {
        for &row in &order[position..position + size] {
            // A group of one is zero here and in TRL; verl keeps its raw reward.
            values[row] = if size == 1 {
                rewards[row]
            } else {
                got.values[order.iter().position(|&i| i == row).unwrap()]
            };
        }
        position += size;
    }
    if case.text("kind") == "reinforce_pp_baseline" {
        values = advantage::whiten_tokens(&values, &counts).map_err(|e| e.to_string())?;
    }
    close("advantages", &spread(values), &want, TOLERANCE)?;
    Ok(())
}

#[test]
fn golden_gae() {
    run("gae.json", |case| {
        let mask = case.mask();
        let width = mask[0].len();
        let flat = mask.concat();
        let (rewards, values) = (case.need("token_rewards").concat(), case.need("values").concat());
        let gae = generalized_advantages(
            &rewards,
            &values,
            &flat,
            width,
            case.number("gamma"),
            case.number("lambda"),
        )
        .map_err(|e| e.to_string())?;
        let on_mask = |rows: Vec<f64>| -> Vec<f64> {
            rows.into_iter().zip(&flat).map(|(x, &active)| if active { x } else { 0.0 }).collect()
        };
        let want = |key: &str| on_mask(case.expected(key).expect("a matrix").concat());
        close("advantages_raw", &gae.advantages, &want("advantages_raw"), TOLERANCE)?;
        close(
            "advantages",
            &gae.whitened(&flat).map_err(|e| e.to_string())?,
            &want("advantages"),
            TOLERANCE,
        )?;
        close("returns", &gae.returns, &want("returns"), TOLERANCE)?;
        Ok(())
    });
}
