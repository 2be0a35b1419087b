//! The objective: log-probabilities and advantages to a loss, and back to the gradient of the log-probabilities.

use crate::Place;
use anyhow::{Context, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use criterion::{BenchmarkId, Criterion, Throughput};
use grpo_core::{LossInputs, Objective, column};
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;

const EPISODES: usize = 256;
const STEPS: usize = 128;

pub(crate) fn bench(criterion: &mut Criterion, places: &[Place]) -> Result<()> {
    let objectives = [("grpo", Objective::grpo()), ("dapo", Objective::dapo()), ("gspo", Objective::gspo())];
    let mut forward = criterion.benchmark_group("loss/forward");
    forward.throughput(Throughput::Elements((EPISODES * STEPS) as u64));
    for place in places {
        let batch = Batch::new(&place.device, false);
        for (name, objective) in &objectives {
            batch.loss(objective)?;
            forward.bench_function(BenchmarkId::new(*name, &place.name), |b| {
                // Reading the number waits for the device.
                b.iter(|| batch.loss(objective).map(|loss| loss.into_scalar::<f32>()));
            });
        }
    }
    forward.finish();

    let mut backward = criterion.benchmark_group("loss/forward+backward");
    backward.throughput(Throughput::Elements((EPISODES * STEPS) as u64));
    for place in places {
        let batch = Batch::new(&place.device, true);
        for (name, objective) in &objectives {
            batch.gradient(objective)?;
            backward.bench_function(BenchmarkId::new(*name, &place.name), |b| {
                b.iter(|| batch.gradient(objective).map(Tensor::into_data));
            });
        }
    }
    backward.finish();
    Ok(())
}

/// Random log-probabilities close to those they were sampled with, rows of different lengths.
struct Batch {
    new: Tensor<2>,
    old: Tensor<2>,
    reference: Tensor<2>,
    advantages: Tensor<2>,
    lengths: Vec<usize>,
    device: Device,
}

impl Batch {
    /// `tracked`: the new log-probabilities get a gradient.
    fn new(host: &Device, tracked: bool) -> Self {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        let mut uniform = || (rng.next_u64() >> 11) as f32 / (1u64 << 53) as f32;
        let old: Vec<f32> = (0..EPISODES * STEPS).map(|_| (0.001 + 0.999 * uniform()).ln()).collect();
        let mut near = |device: &Device| {
            let values: Vec<f32> = old.iter().map(|x| x + 0.4 * (uniform() - 0.5)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [EPISODES, STEPS]), device)
        };
        let new = if tracked { near(&host.clone().autodiff()).require_grad() } else { near(host) };
        let reference = near(host);
        let advantages: Vec<f64> = (0..EPISODES).map(|_| f64::from(uniform()) * 2.0 - 1.0).collect();
        Self {
            new,
            reference,
            old: Tensor::from_data(TensorData::new(old, [EPISODES, STEPS]), host),
            advantages: column(&advantages, host),
            lengths: (0..EPISODES).map(|row| STEPS / 2 + row * 37 % (STEPS / 2 + 1)).collect(),
            device: host.clone(),
        }
    }

    fn loss(&self, objective: &Objective) -> Result<Tensor<1>> {
        let values: Vec<i32> = self
            .lengths
            .iter()
            .flat_map(|&length| (0..STEPS).map(move |step| i32::from(step < length)))
            .collect();
        let mask =
            Tensor::<2, Int>::from_data(TensorData::new(values, [EPISODES, STEPS]), &self.device).bool();
        let weights = column(&objective.aggregate.row_weights(&self.lengths), &self.device);
        let mut inputs = LossInputs::new(self.new.clone(), self.advantages.clone(), mask, weights);
        inputs.old_log_probs = Some(self.old.clone());
        inputs.ref_log_probs = objective.kl.is_some().then(|| self.reference.clone());
        Ok(objective.loss(inputs)?.loss)
    }

    fn gradient(&self, objective: &Objective) -> Result<Tensor<2>> {
        let gradients = self.loss(objective)?.backward();
        self.new.grad(&gradients).context("the log-probabilities received no gradient")
    }
}
