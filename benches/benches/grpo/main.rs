//! Benchmarks of the workspace: `cargo bench -p grpo-benches --bench grpo`.
//!
//! `GRPO_DEVICE` names the devices, separated by commas (`GRPO_DEVICE=flex,ndarray`); each becomes a line of every group, so that
//! backends stand side by side. A part of a benchmark's name after `--` selects: `cargo bench -p grpo-benches --bench grpo -- decode`.

mod advantages;
mod decode;
mod log_probs;
mod loss;
mod model;
mod step;
mod students;

use anyhow::Result;
use burn::tensor::Device;
use criterion::Criterion;
use std::time::Duration;

/// A device and the name it has in the results.
struct Place {
    name: String,
    device: Device,
}

fn main() -> Result<()> {
    let places: Vec<Place> = grpo_device::all_from_env()?
        .into_iter()
        .map(|(name, device)| Place { name: name.to_string(), device })
        .collect();
    // Ten samples: enough to see a change of a few percent, few enough for two minutes in all.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    advantages::bench(&mut criterion)?;
    log_probs::bench(&mut criterion, &places)?;
    loss::bench(&mut criterion, &places)?;
    decode::bench(&mut criterion, &places)?;
    step::bench(&mut criterion, &places)?;
    students::bench(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
