//! From logits to log-probabilities: burn's `log_softmax` and `gather`, and this workspace's `token_log_probs`.
//! `benches/peers/torch_log_softmax.py` times PyTorch on the same work.

use crate::Place;
use anyhow::{Context, Result};
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use criterion::{BenchmarkId, Criterion, Throughput};
use grpo_core::token_log_probs;
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;

const EPISODES: usize = 16;
const STEPS: usize = 128;
const VOCAB: usize = 2048;

/// A way from logits and targets to log-probabilities.
type Path = fn(Tensor<3>, Tensor<2, Int>) -> Result<Tensor<2>>;

const PATHS: [(&str, Path); 2] = [
    ("log_softmax", |logits, targets| {
        Ok(log_softmax(logits, 2).gather(2, targets.unsqueeze_dim(2)).squeeze_dim(2))
    }),
    ("token_log_probs", |logits, targets| Ok(token_log_probs(logits, targets, 1.0)?)),
];

pub(crate) fn bench(criterion: &mut Criterion, places: &[Place]) -> Result<()> {
    for (group, tracked) in [("log_probs/forward", false), ("log_probs/forward+backward", true)] {
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements((EPISODES * STEPS) as u64));
        for place in places {
            let device = if tracked { place.device.clone().autodiff() } else { place.device.clone() };
            let mut rng = Streams::new(1).stream(0, 0, 0);
            let values: Vec<f32> = (0..EPISODES * STEPS * VOCAB)
                .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 21) as f32)
                .collect();
            let logits = Tensor::<3>::from_data(TensorData::new(values, [EPISODES, STEPS, VOCAB]), &device);
            let logits = if tracked { logits.require_grad() } else { logits };
            let targets: Vec<i32> = (0..EPISODES * STEPS).map(|i| (i * 7919 % VOCAB) as i32).collect();
            let targets =
                Tensor::<2, Int>::from_data(TensorData::new(targets, [EPISODES, STEPS]), &place.device);
            for (name, path) in PATHS {
                group.bench_function(BenchmarkId::new(name, &place.name), |b| {
                    b.iter(|| -> Result<f32> {
                        let log_probs = path(logits.clone(), targets.clone())?;
                        if !tracked {
                            // Reading a number waits for the device.
                            return Ok(log_probs.narrow(0, 0, 1).narrow(1, 0, 1).into_scalar());
                        }
                        let gradients = log_probs.sum().backward();
                        let gradient = logits.grad(&gradients).context("the logits received no gradient")?;
                        Ok(gradient.narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1).into_scalar())
                    });
                });
            }
        }
        group.finish();
    }
    Ok(())
}
