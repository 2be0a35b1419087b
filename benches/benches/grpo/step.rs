//! One whole step of GRPO on a language model, put together from the public parts: groups, rewards, advantages, loss, gradient,
//! optimizer.

use crate::{Place, model};
use anyhow::{Result, anyhow};
use burn::tensor::{Int, Tensor, TensorData};
use criterion::{BenchmarkId, Criterion, Throughput};
use grpo_core::{AdvantageEstimator, LossInputs, Objective, column};
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rewards::{
    RewardKind, RewardSet, RewardSpec, Sample,
    length::{TargetLength, Unit},
};
use grpo_rollout::{Episode, Policy, Sampler, Sampling, Streams};
use grpo_train::{OptimizerConfig, Update};

const GROUP_SIZE: usize = 16;
const PROMPTS: usize = 4;

pub(crate) fn bench(criterion: &mut Criterion, places: &[Place]) -> Result<()> {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements((PROMPTS * GROUP_SIZE) as u64));
    for place in places {
        let model = model::model(&place.device.clone().autodiff())?;
        step(&model)?;
        let name = format!("{PROMPTS} prompts, {GROUP_SIZE} completions each");
        group.bench_function(BenchmarkId::new(name, &place.name), |b| b.iter(|| step(&model)));
    }
    group.finish();
    Ok(())
}

/// Returns the gradient's norm, which has to wait for the device.
fn step(model: &LanguageModel) -> Result<f64> {
    let (problems, prompts) = model::questions(model, PROMPTS as u64)?;
    let sampling = Sampling { temperature: 1.0, max_new_tokens: 16, ..Sampling::default() };
    let groups = model.sample(&prompts, GROUP_SIZE, &sampling, &Streams::new(1), 0)?;
    let episodes: Vec<&Episode> = groups.iter().flat_map(|g| &g.episodes).collect();
    let completions: Vec<&[u32]> = episodes.iter().map(|e| e.actions.as_slice()).collect();

    // Random weights never answer right: a reward for length in characters gives every group some spread.
    let rewards = rewards()?;
    let texts: Vec<String> = completions
        .iter()
        .enumerate()
        .map(|(row, ids)| model.tokenizer().decode_completion(&prompts[row / GROUP_SIZE], ids))
        .collect::<Result<_, _>>()?;
    let samples: Vec<Sample<'_>> = texts
        .iter()
        .enumerate()
        .map(|(row, text)| Sample::new(&problems[row / GROUP_SIZE].question, text))
        .collect();
    let scores = rewards.evaluate(&samples).combined;
    let advantages = AdvantageEstimator::default().estimate_groups(&scores, &[GROUP_SIZE; PROMPTS], None)?;

    let device = model.decoder().device().without_autodiff();
    let steps = completions.iter().map(|c| c.len()).max().unwrap_or(0);
    let shape = [completions.len(), steps];
    let mut ids = vec![0; shape[0] * steps];
    let (mut old, mut mask) = (vec![0.0f32; ids.len()], vec![false; ids.len()]);
    for (row, episode) in episodes.iter().enumerate() {
        for (step, (&id, &log_prob)) in episode.actions.iter().zip(&episode.log_probs).enumerate() {
            let at = row * steps + step;
            (ids[at], old[at], mask[at]) = (id as i32, log_prob, true);
        }
    }
    let objective = Objective::dapo();
    let lengths: Vec<usize> = completions.iter().map(|c| c.len()).collect();
    let actions = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &model.decoder().device());
    let log_probs = model.log_prob(&SharedPrompts::new(&prompts, &completions)?, actions)?;
    let mut inputs = LossInputs::new(
        log_probs,
        advantages.to_tensor(&device),
        Tensor::from_data(TensorData::new(mask, shape), &device),
        column(&objective.aggregate.row_weights(&lengths), &device),
    );
    inputs.old_log_probs = Some(Tensor::from_data(TensorData::new(old, shape), &device));
    let loss = objective.loss(inputs)?.loss;

    let decoder = model.decoder().clone();
    let mut update = Update::default();
    update.add(&decoder, Update::gradients(&decoder, &loss));
    let (_, norm) = update
        .apply(decoder, &mut OptimizerConfig::default().init(), 1e-4, 1.0)
        .map_err(|(_, norm)| anyhow!("the gradient's norm is {norm}"))?;
    Ok(norm)
}

fn rewards() -> Result<RewardSet> {
    let length = TargetLength { target: 40, tolerance: 0.0, unit: Unit::Characters };
    let specs = [RewardSpec::new(RewardKind::TargetLength(length))];
    Ok(RewardSet::from_specs(&specs)?)
}
