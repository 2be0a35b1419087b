//! Simulated learners, on the host: how fast they can be taught.

use anyhow::Result;
use criterion::{BatchSize, Criterion, Throughput};
use grpo_edu::SeededDraws;
use grpo_edu::students::kss::{Kss, KssConfig, KssSession};
use std::hint::black_box;

const LEARNERS: u64 = 64;
const STEPS: usize = 20;

pub(crate) fn bench(criterion: &mut Criterion) -> Result<()> {
    let kss = Kss::new(KssConfig::default())?;
    let learner = |i| kss.reset(&mut SeededDraws::new("bench", 1, i));
    let learners: Vec<KssSession> = (0..LEARNERS).map(learner).collect::<Result<_, _>>()?;
    let mut group = criterion.benchmark_group("students");
    group.throughput(Throughput::Elements(LEARNERS * STEPS as u64));
    group.bench_function("kss/step", |b| {
        b.iter_batched(
            || learners.clone(),
            |mut learners| -> Result<usize> {
                let mut gained = 0;
                for session in &mut learners {
                    for step in 0..STEPS {
                        let legal = session.legal();
                        gained += session.step(legal[step * 7 % legal.len()])?.gain;
                    }
                }
                Ok(black_box(gained))
            },
            BatchSize::SmallInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("kss/reset", |b| b.iter(|| learner(black_box(7)).map(|session| session.score())));
    group.finish();
    Ok(())
}
