//! A task with a language model, opened.

use super::language::{LanguageTrainer, Learner};
use super::recipe::{ArmConfig, LanguageTask, Setting};
use super::{ArmRun, Point};
use crate::{
    Credit, Decay, Error, Machine, ModelConfig, OptimizerConfig, Questions, Recipe, Schedule, Stage, Workers,
    evaluate,
};
use grpo_lm::LanguageModel;
use grpo_rewards::RewardSet;
use grpo_rollout::Streams;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A task with what its recipe names.
pub(super) struct Exercise<'a> {
    pub(super) task: &'a LanguageTask,
    machine: &'a Machine,
    recipe: Recipe,
    folder: PathBuf,
    rewards: RewardSet,
    /// Held-out questions there are, at most as many as the task asks for.
    pub(super) held_out: usize,
}

impl<'a> Exercise<'a> {
    pub(super) fn open(task: &'a LanguageTask, machine: &'a Machine) -> Result<Self, Error> {
        let path = &task.recipe;
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut recipe = Recipe::from_toml(&text).map_err(|e| e.in_file(path))?;
        recipe.resolve_paths(path.parent().unwrap_or(std::path::Path::new("")));
        let ModelConfig::Folder(folder) = &recipe.model else {
            let fix = "a comparison begins with a pretrained model: use start = \"folder\"";
            return Err(Error::setting("model.start", format!("of {} is \"random\"", path.display()), fix));
        };
        let folder = folder.path.clone();
        let rewards = RewardSet::from_specs(&recipe.rewards)?;
        LanguageModel::load(&folder, &machine.device)?;
        let held_out = Questions::open(&recipe.data, recipe.seed, 0, task.questions)?.held_out().len();
        Ok(Self { task, machine, recipe, folder, rewards, held_out })
    }

    /// One run by itself, on one core. `None` when it was asked to stop.
    pub(super) fn run(
        &self,
        arm: &ArmConfig,
        setting: Setting,
        seed: u64,
        trial: bool,
        stop: &AtomicBool,
    ) -> Result<Option<(ArmRun, usize)>, Error> {
        let task = self.task;
        let device = self.machine.device.clone().autodiff();
        // Settings aren't chosen by the questions that judge the runs.
        let questions = Questions::open(&self.recipe.data, seed, task.questions, task.questions)?;
        let asked = if trial { questions.validation() } else { questions.held_out() };
        let group_size = match arm.credit {
            Credit::Group(_) => task.group_size,
            Credit::Critic(_) => 1,
        };
        let prompts = task.completions_per_step / group_size;
        let one = Workers::new(1)?;
        let temperature = self.recipe.sampling.temperature;
        let open = || Ok(LanguageModel::load(&self.folder, &device)?.with_temperature(temperature));
        let mut learner = Learner::new(open, arm.critic)?;
        let trainer = LanguageTrainer {
            rewards: &self.rewards,
            sampling: &self.recipe.sampling,
            credit: arm.credit,
            updates: setting.updates,
            reference: None,
            schedule: Schedule {
                peak: setting.learning_rate,
                warmup: 0,
                steps: task.steps,
                decay: Decay::Linear,
                floor: 0.1,
            },
            group_size,
            micro_batch_size: 32,
            streams: Streams::new(seed),
            workers: &one,
        };
        let mut optimizer = OptimizerConfig::default().init();
        let worth = |learner: &Learner| -> Result<f64, Error> {
            let metric = &self.recipe.evaluation.metric;
            Ok(evaluate(&learner.policy(), asked, &self.recipe.sampling, metric, &one)?.accuracy)
        };
        let mut point = Point { iterations: 0, sessions: 0, steps: 0, seconds: 0.0, worth: worth(&learner)? };
        let mut points = vec![point];
        for step in 0..task.steps {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let begin = Instant::now();
            let batch = questions.batch(Stage::Grpo, step, prompts);
            point.steps += trainer.step(&mut learner, &mut optimizer, &batch, step)?;
            point.seconds += begin.elapsed().as_secs_f64();
            point.iterations += 1;
            point.sessions += prompts * group_size;
            if point.iterations.is_multiple_of(task.every) || point.iterations == task.steps {
                point.worth = worth(&learner)?;
                points.push(point);
            }
        }
        Ok(Some((ArmRun { seed, points }, learner.parameters())))
    }
}
