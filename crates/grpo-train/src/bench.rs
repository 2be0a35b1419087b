//! Whole training steps on given work, timed: what `grpo bench` prints, and what is compared with other trainers.

use crate::{
    Error, GrpoConfig, GuardConfig, Machine, ModelConfig, ModelFolder, OptimizerConfig, Question, Recipe,
    Workers, forming::Former, grpo::Grpo, workers::LARGE,
};
use burn::tensor::{Device, Tensor};
use grpo_core::Objective;
use grpo_lm::{LanguageModel, LoraConfig};
use grpo_rewards::{RewardSet, Score, reward_fn};
use grpo_rollout::{Sampling, Streams, adaptive::AdaptiveConfig};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// The work: each step answers `prompts` prompts `group` times with exactly `new_tokens` tokens, scores the answers, and updates all
/// parameters (or those of an adapter) by AdamW, without a KL term.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// The model folder.
    pub model: PathBuf,
    /// Prompts of a step.
    pub prompts: usize,
    /// Completions of a prompt.
    pub group: usize,
    /// Tokens of a prompt.
    pub prompt_len: usize,
    /// Tokens of a completion.
    pub new_tokens: usize,
    /// Steps, of which the first warms up.
    pub steps: usize,
    /// Episodes that go through the model together in the update. Without a number, a group of a large model and two of a small one.
    pub micro_batch: Option<usize>,
    /// Whether layers are computed again on the way back.
    pub checkpointing: bool,
    /// An adapter that is trained instead of all parameters.
    pub lora: Option<LoraConfig>,
}

/// What was measured. Seconds are medians over the steps after the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchResult {
    /// Who was measured.
    pub peer: &'static str,
    /// On what.
    pub device: String,
    /// Of the model.
    pub parameters: usize,
    /// From the start of the process to the first step.
    pub startup_s: f64,
    /// From the start of the process to the end of the first step.
    pub first_step_s: f64,
    /// A whole step.
    pub step_s: f64,
    /// Its generation.
    pub generate_s: f64,
    /// The rest: rewards, loss, gradient and optimizer.
    pub update_s: f64,
    /// Generated tokens per second of whole steps.
    pub tokens_per_s: f64,
    /// Generated tokens per second of generation.
    pub decode_tokens_per_s: f64,
    /// Bytes of weights that generation read per second, in GB: each of its steps reads them once.
    pub decode_gb_per_s: f64,
    /// The same for a product of one row with a matrix of 256 MiB: what the memory gives.
    pub read_gb_per_s: f64,
    /// Arithmetic of the update per second in GFLOP: 6 operations for each parameter and token that goes through the network, 8 where layers
    /// are computed again, 4 (6) where the weights are frozen; attention not counted.
    pub update_gflops: f64,
    /// The same for a product of matrices of 2048 by 2048: what the backend gives.
    pub matmul_gflops: f64,
    /// Largest resident memory of the process.
    pub peak_rss_mib: Option<u64>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of a completion.
    pub mean_length: f64,
    /// Mean reward of the first step.
    pub reward_first: f64,
    /// Mean reward of the last step.
    pub reward_last: f64,
}

/// Any text will do: the work is the same.
const TEXT: &str =
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. ";

impl Bench {
    /// Loads the model and makes the steps. `started` is when the process began.
    ///
    /// # Errors
    /// When the model can't be loaded, a number can't be used, or a step fails.
    pub fn run(&self, machine: &Machine, started: Instant) -> Result<BenchResult, Error> {
        let mut model = LanguageModel::load(&self.model, &machine.device.clone().autodiff())?;
        if let Some(lora) = &self.lora {
            model = model.with_adapter(lora, 1)?;
        }
        let recipe = self.recipe(model.parameters());
        recipe.grpo.validate()?;
        recipe.sampling.validate()?;
        let (prompt, prompt_tokens) = self.prompt(&model)?;
        let letters = |text: &str| text.matches('e').count() as f64 / text.chars().count().max(1) as f64;
        let reward =
            reward_fn("letter_e", move |s| Some(Score::new(letters(s.completion), "share of the letter e")));
        let rewards = RewardSet::new().with(1.0, reward)?;
        let workers = Workers::fitting(machine.workers, model.parameters())?;
        let grpo = Grpo {
            guard: None,
            recipe: &recipe,
            rewards: &rewards,
            reference: None,
            streams: Streams::new(1),
            workers: &workers,
        };
        let pool = vec![Question::new(prompt); self.prompts];
        let mut former = Former::new(&recipe.adaptive, recipe.seed)?;
        let mut optimizer = recipe.optimizer.init();
        let startup_s = started.elapsed().as_secs_f64();
        let (mut metrics, mut first_step_s) = (Vec::new(), 0.0);
        for step in 0..self.steps {
            metrics.push(grpo.step(&mut model, &mut optimizer, &pool, &mut former, step)?.metrics);
            if step == 0 {
                first_step_s = started.elapsed().as_secs_f64();
            }
        }
        let timed = &metrics[1.min(metrics.len() - 1)..];
        let [step_s, generate_s, update_s] = [
            median(timed.iter().map(|m| m.step_time)),
            median(timed.iter().map(|m| m.rollout_time)),
            median(timed.iter().map(|m| m.step_time - m.rollout_time)),
        ];
        let tokens = (self.prompts * self.group * self.new_tokens) as f64;
        // A prompt is computed once for its group, and the last token of a completion isn't fed.
        let computed = (self.prompts * (prompt_tokens + self.group * (self.new_tokens - 1))) as f64;
        let operations =
            4.0 + if self.lora.is_none() { 2.0 } else { 0.0 } + if self.checkpointing { 2.0 } else { 0.0 };
        let peak_rss_mib = (machine.peak_rss)().map(|bytes| bytes >> 20);
        let weights = (model.parameters() * model.decoder().dtype().size()) as f64;
        let (first, last) = (&metrics[0], &metrics[metrics.len() - 1]);
        Ok(BenchResult {
            peer: "grpo",
            device: machine.name.clone(),
            parameters: model.parameters(),
            startup_s,
            first_step_s,
            step_s,
            generate_s,
            update_s,
            tokens_per_s: tokens / step_s,
            decode_tokens_per_s: tokens / generate_s,
            decode_gb_per_s: weights * self.new_tokens as f64 / generate_s / 1e9,
            read_gb_per_s: best(|| product(&machine.device, [1, 8192, 8192])) * 4.0 * 8192.0 * 8192.0 / 1e9,
            update_gflops: operations * model.parameters() as f64 * computed / update_s / 1e9,
            matmul_gflops: best(|| product(&machine.device, [2048; 3])) * 2.0 * 2048f64.powi(3) / 1e9,
            peak_rss_mib,
            prompt_tokens,
            mean_length: last.mean_length,
            reward_first: first.reward,
            reward_last: last.reward,
        })
    }

    fn recipe(&self, parameters: usize) -> Recipe {
        let own = if parameters > LARGE { self.group } else { 2 * self.group };
        Recipe {
            guard: GuardConfig::default(),
            records: None,
            name: "bench".into(),
            seed: 1,
            data: crate::DataConfig::Arithmetic(Default::default()),
            model: ModelConfig::Folder(ModelFolder::new(&self.model)),
            lora: self.lora.clone(),
            chat: None,
            imitation: None,
            grpo: GrpoConfig {
                steps: self.steps,
                prompts_per_step: self.prompts,
                group_size: self.group,
                iterations: 1,
                learning_rate: 1e-5,
                warmup_steps: 0,
                decay: Default::default(),
                floor: 1.0,
                micro_batch_size: self.micro_batch.unwrap_or(own),
                gradient_checkpointing: self.checkpointing,
                max_reward_failures: 0.0,
                sampled_groups: 0,
                sample_every: usize::MAX,
            },
            adaptive: AdaptiveConfig::default(),
            sampling: Sampling { max_new_tokens: self.new_tokens, ignore_eos: true, ..Sampling::default() },
            advantages: Default::default(),
            objective: Objective::dapo(),
            optimizer: OptimizerConfig::default(),
            rewards: Vec::new(),
            evaluation: Default::default(),
            checkpoint_every: 0,
        }
    }

    /// Text whose prompt has about the number of tokens that was asked for, and how many it has.
    fn prompt(&self, model: &LanguageModel) -> Result<(String, usize), Error> {
        let tokenizer = model.tokenizer();
        let mut ids = tokenizer.encode(&TEXT.repeat(1 + self.prompt_len / 8))?;
        ids.truncate(self.prompt_len);
        let prompt = tokenizer.decode(&ids)?;
        let tokens = tokenizer.encode_prompt(&prompt)?.len();
        Ok((prompt, tokens))
    }
}

/// A product of matrices `[m, k]` and `[k, n]`; its seconds.
fn product(device: &Device, [m, k, n]: [usize; 3]) -> impl FnMut() -> f64 {
    let (a, b) = (Tensor::<2>::ones([m, k], device), Tensor::<2>::ones([k, n], device));
    move || {
        let begin = Instant::now();
        let c = a.clone().matmul(b.clone());
        // Reading a number waits for the device.
        let _ = c.slice([0..1, 0..1]).into_scalar::<f32>();
        begin.elapsed().as_secs_f64()
    }
}

/// How often a second, at best.
fn best<F: FnMut() -> f64>(open: impl FnOnce() -> F) -> f64 {
    let mut once = open();
    1.0 / (0..8).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
