//! Tokens per second of group decoding, prompts included.

use crate::{Place, model};
use anyhow::Result;
use criterion::{BenchmarkId, Criterion, Throughput};
use grpo_rollout::{Episode, Sampler, Sampling, Streams};

pub(crate) fn bench(criterion: &mut Criterion, places: &[Place]) -> Result<()> {
    let mut group = criterion.benchmark_group("decode");
    let sampling = Sampling { temperature: 1.0, max_new_tokens: 16, ..Sampling::default() };
    for place in places {
        let model = model::model(&place.device)?;
        for (prompts, group_size) in [(1, 1), (1, 16), (8, 16)] {
            let (_, ids) = model::questions(&model, prompts)?;
            let sample = || model.sample(&ids, group_size, &sampling, &Streams::new(1), 0);
            // The same draws every time, so the number of tokens is known.
            let tokens: usize = sample()?.iter().flat_map(|g| g.episodes.iter().map(Episode::len)).sum();
            group.throughput(Throughput::Elements(tokens as u64));
            let name = format!("{prompts} prompts, {group_size} completions each");
            group.bench_function(BenchmarkId::new(name, &place.name), |b| b.iter(sample));
        }
    }
    group.finish();
    Ok(())
}
