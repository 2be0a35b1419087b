//! What language models keep in memory while they are trained, and how long their answers take.

use super::language::{LanguageTrainer, Learner};
use super::{Latency, MeasureConfig, Memory, Updates};
use crate::{
    Credit, CriticCredit, Decay, Error, GroupCredit, Machine, OptimizerConfig, Question, Schedule, Workers,
};
use grpo_edu::Critic;
use grpo_lm::LanguageModel;
use grpo_rewards::{RewardSet, Score, reward_fn};
use grpo_rollout::{Sampler, Sampling, Streams};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A prompt of some length: what is shared among answers, and computed again and again without a cache.
const PROMPT: &str = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park with her friends. One \
                      day, she saw a big dog near the pond. The dog was sad because it had lost its ball. Lily wanted to help the dog, so \
                      she looked for the ball under the trees, behind the bench and in the tall grass. Then she";

/// Bytes of an f32.
const FLOAT: f64 = 4.0;

/// A training step whose memory is measured, in a process of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryRequest {
    /// The model folder.
    pub model: PathBuf,
    /// The critic; none is GRPO.
    pub critic: Critic,
    /// Whether there is a frozen reference policy.
    pub reference: bool,
    /// Completions of the step.
    pub completions: usize,
    /// Tokens of a completion, at most.
    pub new_tokens: usize,
}

/// Every combination of algorithm and reference on every model: PPO first, which the others are compared with.
pub fn memory_requests(config: &MeasureConfig) -> Vec<MemoryRequest> {
    let mut requests = Vec::new();
    for model in &config.models {
        for reference in [true, false] {
            for critic in [Critic::Separate, Critic::Shared, Critic::None] {
                let MeasureConfig { completions, new_tokens, .. } = *config;
                requests.push(MemoryRequest {
                    model: model.clone(),
                    critic,
                    reference,
                    completions,
                    new_tokens,
                });
            }
        }
    }
    requests
}

impl MemoryRequest {
    /// In words.
    pub fn configuration(&self) -> String {
        match self.critic {
            Critic::None => "grpo",
            Critic::Shared => "ppo, shared trunk",
            Critic::Separate => "ppo, separate critic",
        }
        .into()
    }

    /// The model, with a reference or without.
    fn subject(&self) -> String {
        format!(
            "{}, {}",
            name(&self.model),
            if self.reference { "with a reference" } else { "without a reference" }
        )
    }

    /// By counting: weights, gradient and AdamW's two moments of what is trained, and the weights of the reference.
    fn bytes_per_parameter(&self) -> f64 {
        let trained = if self.critic == Critic::Separate { 2.0 } else { 1.0 };
        let reference = if self.reference { 1.0 } else { 0.0 };
        FLOAT * (4.0 * trained + reference)
    }
}

/// Makes three training steps as a [`MemoryRequest`] says; the peak is that of this process.
///
/// # Errors
/// When the model can't be loaded, or a step fails.
pub fn measure_memory(request: &MemoryRequest, machine: &Machine) -> Result<Memory, Error> {
    let device = machine.device.clone().autodiff();
    let open = || Ok(LanguageModel::load(&request.model, &device)?);
    let mut learner = Learner::new(open, request.critic)?;
    let reference =
        request.reference.then(|| LanguageModel::load(&request.model, &machine.device)).transpose()?;
    // Any reward does: the work is the same.
    let length = reward_fn("length", |sample| Some(Score::new(sample.completion.len() as f64, "bytes")));
    let rewards = RewardSet::new().with(1.0, length)?;
    let credit = match request.critic {
        Critic::None => Credit::Group(GroupCredit::default()),
        _ => Credit::Critic(CriticCredit::default()),
    };
    // The same prompts and completions for every algorithm.
    let group_size = request.completions.min(MeasureConfig::GROUP);
    let workers = Workers::new(1)?;
    let trainer = LanguageTrainer {
        rewards: &rewards,
        sampling: &Sampling { max_new_tokens: request.new_tokens, ..Sampling::default() },
        credit,
        updates: Updates { iterations: 1, minibatches: 1 },
        reference: reference.as_ref(),
        schedule: Schedule { peak: 1e-6, warmup: 0, steps: 3, decay: Decay::Constant, floor: 1.0 },
        group_size,
        micro_batch_size: group_size,
        streams: Streams::new(1),
        workers: &workers,
    };
    let question = |at: usize| Question::new(format!("Once upon a time there was a number {at}"));
    let questions: Vec<Question> = (0..request.completions.div_ceil(group_size)).map(question).collect();
    let mut optimizer = OptimizerConfig::default().init();
    trainer.step(&mut learner, &mut optimizer, &questions, 0)?;
    let begin = Instant::now();
    let steps = 2;
    for step in 1..=steps {
        trainer.step(&mut learner, &mut optimizer, &questions, step)?;
    }
    Ok(Memory {
        // Rows of one name are compared with each other.
        model: request.subject(),
        configuration: request.configuration(),
        bytes_per_parameter: request.bytes_per_parameter(),
        peak_bytes: (machine.peak_rss)(),
        seconds: begin.elapsed().as_secs_f64() / steps as f64,
    })
}

/// Times answers of every model: one learner's and a group's, decoded in different ways.
///
/// # Errors
/// When a model can't be loaded.
pub fn measure_latency(config: &MeasureConfig, machine: &Machine) -> Result<Vec<Latency>, Error> {
    let mut rows = Vec::new();
    for folder in &config.models {
        let model = LanguageModel::load(folder, &machine.device)?;
        let prompt = model.tokenizer().encode_prompt(PROMPT)?;
        for answers in [1, 16] {
            let many = if answers == 1 { "1 answer" } else { "16 answers" };
            let work = format!("{}, {many} of {} tokens", name(folder), config.new_tokens);
            let mut row = |configuration: &str, answer: &dyn Fn(u64) -> Result<(), Error>| {
                answer(0)?; // the first one warms up
                let mut times = (0..config.answers as u64)
                    .map(|index| {
                        let begin = Instant::now();
                        answer(index).map(|()| begin.elapsed().as_secs_f64() * 1e3)
                    })
                    .collect::<Result<Vec<f64>, Error>>()?;
                times.sort_by(f64::total_cmp);
                let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
                rows.push(Latency {
                    work: work.clone(),
                    configuration: configuration.into(),
                    answers,
                    p50: at(0.5),
                    p95: at(0.95),
                });
                Ok::<(), Error>(())
            };
            // Greedily, so that every way of decoding gives the same tokens.
            let sampling = Sampling::greedy(config.new_tokens);
            let streams = Streams::new(1);
            row("no KV cache, one by one", &|index| {
                (0..answers as u64)
                    .try_for_each(|answer| uncached(&model, &prompt, config.new_tokens, index * 64 + answer))
            })?;
            row("KV cache, one by one", &|index| {
                for answer in 0..answers as u64 {
                    model.sample(
                        std::slice::from_ref(&prompt),
                        1,
                        &sampling,
                        &streams,
                        index * 64 + answer,
                    )?;
                }
                Ok(())
            })?;
            if answers > 1 {
                row("KV cache, together, one prompt for all", &|index| {
                    model.sample(std::slice::from_ref(&prompt), answers, &sampling, &streams, index)?;
                    Ok(())
                })?;
            }
        }
    }
    Ok(rows)
}

/// Every token computes all tokens before it again.
fn uncached(model: &LanguageModel, prompt: &[u32], tokens: usize, index: u64) -> Result<(), Error> {
    let one = Sampling::greedy(1);
    let mut text = prompt.to_vec();
    for token in 0..tokens as u64 {
        let streams = Streams::new(index);
        let groups = model.sample(std::slice::from_ref(&text), 1, &one, &streams, token)?;
        let Some(&next) = groups.first().and_then(|g| g.episodes.first()).and_then(|e| e.actions.first())
        else {
            break;
        };
        if model.is_stop(next) {
            break;
        }
        text.push(next);
    }
    Ok(())
}

/// The folder's own name.
fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
