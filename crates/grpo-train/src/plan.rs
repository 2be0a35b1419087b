//! What a recipe would take, looked at before any of it is done: what `grpo train --check` prints.

use crate::{
    Error, GrpoConfig, Machine, Recipe,
    gather::Answers,
    grpo::{Grpo, Lesson},
    parts::Parts,
    rollout::Rollout,
};
use grpo_lm::{CACHE_BYTES, DecoderConfig, LanguageModel};
use grpo_rollout::{Episode, Experience, Sampling, Streams};
use std::time::{Duration, Instant};

/// Tokens of the completions that are measured, at most.
const MEASURED_TOKENS: usize = 32;

/// Bytes of an `f32`.
const FLOAT: u64 = 4;

/// What a run would do and take.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Parameters, and those that are trained.
    pub parameters: [usize; 2],
    /// Training questions, where their number is known, and held-out questions.
    pub questions: (Option<usize>, usize),
    /// The first prompt as the model reads it.
    pub prompt: String,
    /// Tokens of the prompts of the first step: the shortest and the longest.
    pub prompt_tokens: (usize, usize),
    /// Prompts and completions of a step.
    pub step: (usize, usize),
    /// Completion tokens of a step, at most.
    pub step_tokens: usize,
    /// Micro-batches of a step.
    pub micro_batches: usize,
    /// Steps.
    pub steps: usize,
    /// Memory by parts in bytes, at the largest.
    pub memory: Vec<(&'static str, u64)>,
    /// What the process takes by now.
    pub resident: Option<u64>,
    /// Seconds of a step's generation and of its update, from what was measured, with completions as long as they may be.
    pub seconds: [f64; 2],
    /// Completions and completion tokens that were measured.
    pub measured: (usize, usize),
    /// Mean rewards of the measured completions by name.
    pub rewards: Vec<(String, Option<f64>)>,
}

/// Loads everything that a recipe names and computes one small micro-batch, without changing or writing anything.
///
/// # Errors
/// As [`train`](crate::train) before its first step, and when the micro-batch fails.
pub fn plan(recipe: &Recipe, machine: &Machine) -> Result<Plan, Error> {
    recipe.validate()?;
    let (parts, model) = Parts::open(recipe, machine)?;
    parts.check_fit(recipe, &model)?;
    let grpo = &recipe.grpo;
    let questions = parts.questions.pool(0, grpo.prompts_per_step, grpo.prompts_per_step);
    let prompts: Vec<Vec<u32>> =
        questions.iter().map(|q| model.encode_prompt(&q.prompt)).collect::<Result<_, _>>()?;
    let lengths = prompts.iter().map(Vec::len);
    let (shortest, longest) = (lengths.clone().min().unwrap_or(0), lengths.max().unwrap_or(0));

    // One group, or as much of it as a micro-batch takes.
    let rows = grpo.group_size.min(grpo.micro_batch_size);
    let new_tokens = recipe.sampling.max_new_tokens.min(MEASURED_TOKENS);
    let sampling = Sampling {
        max_new_tokens: new_tokens,
        min_new_tokens: recipe.sampling.min_new_tokens.min(new_tokens),
        ignore_eos: true,
        ..recipe.sampling.clone()
    };
    let streams = Streams::new(recipe.seed);
    let rollout = Rollout { sampling: &sampling, streams, rows, workers: &parts.workers };
    let answers = Answers::ask(&rollout, &parts.rewards, &model, &questions[..1], &[rows], 0)?;
    // Rewards that compare the completions of a group have only seen a part of it.
    if rows == grpo.group_size || parts.rewards.per_episode() {
        answers.check_failures(grpo.max_reward_failures, 0)?;
    }
    let update = measure_update(recipe, &parts, &model, &answers)?;

    let completions = grpo.prompts_per_step * grpo.group_size;
    let step_tokens = completions * recipe.sampling.max_new_tokens;
    let times = step_tokens as f64 / (rows * new_tokens) as f64;
    let first = prompts.first().map(|ids| model.tokenizer().decode_all(ids)).transpose()?;
    Ok(Plan {
        parameters: [model.parameters(), model.trained_parameters()],
        questions: (parts.questions.train_len(), parts.questions.held_out().len()),
        prompt: first.unwrap_or_default(),
        prompt_tokens: (shortest, longest),
        step: (grpo.prompts_per_step, completions),
        step_tokens,
        micro_batches: completions.div_ceil(grpo.micro_batch_size),
        steps: grpo.steps,
        memory: memory(recipe, &model, longest, parts.workers.count() as u64),
        resident: (machine.peak_rss)(),
        seconds: [answers.times[0], update].map(|time| time.as_secs_f64() * times),
        measured: (rows, rows * new_tokens),
        rewards: answers.evaluation.columns.iter().map(|c| (c.name.clone(), c.mean())).collect(),
    })
}

/// Time of one micro-batch's loss and gradient. Half of the completions are said to be good, so that there is something to compute.
fn measure_update(
    recipe: &Recipe,
    parts: &Parts,
    model: &LanguageModel,
    answers: &Answers,
) -> Result<Duration, Error> {
    let rows = answers.groups.iter().map(|g| g.episodes.len()).sum();
    let advantages = (0..rows).map(|row| if row % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let lengths: Vec<usize> =
        answers.groups.iter().flat_map(|g| g.episodes.iter().map(Episode::len)).collect();
    let weights = recipe.objective.aggregate.row_weights(&lengths);
    let experience = Experience::new(answers.groups.clone(), advantages)?;
    let reference = recipe.objective.kl.is_some().then(|| model.frozen());
    let grpo = Grpo {
        guard: None,
        recipe,
        rewards: &parts.rewards,
        reference: reference.as_ref(),
        streams: Streams::new(recipe.seed),
        workers: &parts.workers,
    };
    let lesson = Lesson {
        prompts: &answers.prompts,
        experience: &experience,
        weights: &weights,
        noise: grpo.noise(0, 0),
    };
    let policy = grpo.policy(model);
    let begin = Instant::now();
    for part in experience.micro_batches(recipe.grpo.micro_batch_size) {
        let (_, diagnostics) = grpo.differentiate(&policy, &lesson, &part)?;
        diagnostics.read()?;
    }
    Ok(begin.elapsed())
}

/// By counting; logits and what the operations need for a moment come on top. Activations are what the layers keep for the way back,
/// in each of the micro-batches that are computed at the same time; gradients are those of the step and of a micro-batch.
fn memory(recipe: &Recipe, model: &LanguageModel, prompt: usize, workers: u64) -> Vec<(&'static str, u64)> {
    let config = model.config();
    let GrpoConfig { prompts_per_step, group_size, micro_batch_size, gradient_checkpointing, .. } =
        recipe.grpo;
    let (all, trained) = (model.parameters() as u64, model.trained_parameters() as u64);
    let width = model.decoder().dtype().size() as u64;
    let own_reference = recipe.objective.kl.is_some() && recipe.lora.is_none();
    let new = recipe.sampling.max_new_tokens as u64;
    let rows = (prompts_per_step * group_size) as u64;
    let layers = config.num_hidden_layers as u64;
    let kv = (config.kv_heads() * config.head_width()) as u64;
    let own = (2 * layers * kv * rows * new * width).min(CACHE_BYTES as u64);
    let shared = 2 * layers * kv * prompts_per_step as u64 * prompt as u64 * width;
    let groups = micro_batch_size.div_ceil(group_size) as u64;
    let tokens = micro_batch_size as u64 * new + groups * prompt as u64;
    let layer = tokens * kept_per_token(config);
    let activations = match gradient_checkpointing {
        true => layers * tokens * config.hidden_size as u64 + layer,
        false => layers * layer,
    };
    vec![
        ("weights", all * width),
        ("reference policy", if own_reference { all * FLOAT } else { 0 }),
        ("gradients", 2 * trained * FLOAT),
        ("optimizer", 2 * trained * FLOAT),
        ("activations of micro-batches", workers * activations * width),
        ("keys and values while sampling", own + shared),
    ]
}

/// Numbers that a layer keeps for each token: its input, two norms, queries, keys, values, what attention gives, and the gated block's
/// three parts.
fn kept_per_token(config: &DecoderConfig) -> u64 {
    let heads = config.head_width() * (2 * config.num_attention_heads + 2 * config.kv_heads());
    (4 * config.hidden_size + heads + 3 * config.intermediate_size) as u64
}
