//! Rewards to advantages, on the host.

use anyhow::Result;
use criterion::{BenchmarkId, Criterion, Throughput};
use grpo_core::AdvantageEstimator;
use std::hint::black_box;

const GROUP_SIZE: usize = 16;

pub(crate) fn bench(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("advantages");
    let estimator = AdvantageEstimator::default();
    for groups in [16, 1024] {
        // Right or wrong, and a share of a second reward: some groups are all equal.
        let rewards: Vec<f64> = (0..groups * GROUP_SIZE)
            .map(|i| f64::from((i * i / 7 % 3 == 0) as u8) + 0.2 * f64::from((i % 5 == 0) as u8))
            .collect();
        estimator.estimate(&rewards, GROUP_SIZE)?;
        group.throughput(Throughput::Elements(rewards.len() as u64));
        group.bench_with_input(BenchmarkId::new("group", groups), &rewards, |b, rewards| {
            b.iter(|| estimator.estimate(black_box(rewards), GROUP_SIZE));
        });
    }
    group.finish();
    Ok(())
}
