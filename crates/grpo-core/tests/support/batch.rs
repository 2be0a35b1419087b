//! Batches for the tests of the objective.

use burn::tensor::{DType, Device};
use grpo_core::{Diagnostics, LossInputs, Objective};

use super::{Draw, Matrix, bools, lengths, matrix, scalar, tensor};

/// A ragged batch whose padding holds garbage.
#[derive(Clone)]
pub struct Batch {
    pub log_probs: Matrix,
    pub old: Matrix,
    pub reference: Matrix,
    pub entropies: Matrix,
    pub sampler_ratio: Matrix,
    pub advantages: Matrix,
    pub mask: Vec<Vec<bool>>,
    pub keep: Vec<Vec<bool>>,
}

pub const GARBAGE: [f64; 5] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e4, -1e4];

impl Batch {
    pub fn draw(rng: &mut Draw, rows: usize, steps: usize, spread: f64) -> Self {
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

    pub fn rows(&self, order: &[usize]) -> Self {
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

    pub fn padded(&self, by: usize, with: f64) -> Self {
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

pub struct Evaluated {
    pub loss: f64,
    pub gradient: Matrix,
    pub entropy_gradient: Option<Matrix>,
    pub diagnostics: Diagnostics,
}

pub fn evaluate(
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
            // Any numbers will do for these two.
            exact_kl: Some(constant(&batch.entropies)),
            proximal_steps: Some(bools(&batch.keep, device)),
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

pub fn whole(objective: &Objective, batch: &Batch, device: &Device, dtype: DType) -> Evaluated {
    evaluate(objective, batch, &objective.aggregate.row_weights(&lengths(&batch.mask)), device, dtype)
}
/// One episode whose every step is active, without anything but a policy term.
pub fn plain(log_probs: &[f64], old: &[f64], advantage: f64) -> Batch {
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
