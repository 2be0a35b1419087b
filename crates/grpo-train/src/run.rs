use crate::{
    Accuracy, Error, Event, ModelConfig, Observer, Recipe, RunFolder, Set, Stage, State, StepMetrics,
    Summary,
    evaluate::evaluate,
    folder::{Lengths, replace_folder},
    forming::Former,
    grpo::Grpo,
    imitation, memory,
    metrics::Line,
    parts::Parts,
    records::{self, Occasion},
    report,
    state::{self, Trained, load_module},
};
use burn::{optim::ModuleOptimizer, tensor::Device};
use grpo_lm::LanguageModel;
use grpo_rollout::Streams;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// What a run computes on, and how it learns about its own memory.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The device, without autodiff.
    pub device: Device,
    /// Its name for the summary.
    pub name: String,
    /// Micro-batches that are computed at the same time: the number of cores for a CPU, 1 for a GPU. Changes the speed and
    /// nothing else.
    pub workers: usize,
    /// Whether it is a GPU, on which frozen weights are kept in half precision.
    pub is_gpu: bool,
    /// Largest resident memory of the process so far in bytes, where the platform tells.
    pub peak_rss: fn() -> Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// All stages are done.
    Finished(Summary),
    /// It was asked to stop; what is done is saved.
    Interrupted(Summary),
}

/// Trains by a recipe in a fresh folder.
///
/// `stop` is looked at after every step: once it is true, the run saves what there is and returns.
///
/// # Errors
/// Before any training begins for whatever the recipe, the data or the model folder get wrong (the folder isn't made then); later
/// when numbers go wrong or a file can't be written, after saving a checkpoint of the last good step.
pub fn train(
    recipe: &Recipe,
    folder: &Path,
    machine: &Machine,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Ending, Error> {
    recipe.validate()?;
    let (parts, model) = Parts::open(recipe, machine)?;
    parts.check_fit(recipe, &model)?;
    let first = if recipe.imitation.is_some() { Stage::Imitation } else { Stage::Grpo };
    let folder = RunFolder::create(folder, &recipe.to_toml()?, true)?;
    let optimizer = recipe.optimizer.init();
    let run = Run {
        recipe,
        parts,
        machine,
        folder,
        model,
        reference: None,
        optimizer,
        former: Former::new(&recipe.adaptive, recipe.seed)?,
        state: State::new(first, &machine.name),
    };
    run.go(observer, stop, false)
}

/// Continues an interrupted run from its last checkpoint.
///
/// # Errors
/// When there is nothing to continue, and as [`train`].
pub fn resume(
    folder: &Path,
    machine: &Machine,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Ending, Error> {
    let (folder, text) = RunFolder::reopen(folder, true)?;
    let config = folder.path().join("config.toml");
    let recipe = Recipe::from_toml(&text).map_err(|e| e.in_file(&config))?;
    let mut state: State = state::load(&folder.path().join("checkpoint"))?;
    folder.back_to(Lengths {
        metrics: state.metrics_bytes,
        samples: state.samples_bytes,
        suspects: state.suspects_bytes,
    })?;
    state.device.clone_from(&machine.name);
    if state.finished {
        return Err(Error::Resume { path: folder.path().into(), problem: "it is finished".into() });
    }
    let (parts, fresh) = Parts::open(&recipe, machine)?;
    let checkpoint = folder.path().join("checkpoint");
    let restore = |name: &str| -> Result<LanguageModel, Error> {
        // Weights that are shared stay shared.
        let model = fresh.clone();
        let mut decoder = model.decoder().clone();
        load_module(&mut decoder, &checkpoint.join(name), trained_part(&model))?;
        Ok(model.with_decoder(decoder))
    };
    let model = restore("model.bpk")?;
    let reference = match checkpoint.join("reference.bpk").exists() {
        true => Some(restore("reference.bpk")?.frozen().with_temperature(recipe.sampling.temperature)),
        false if recipe.objective.kl.is_some() => base_reference(&recipe, &model),
        false => None,
    };
    let optimizer = state::load_optimizer(recipe.optimizer.init(), &checkpoint)?;
    let mut former = Former::new(&recipe.adaptive, recipe.seed)?;
    former.restore(&checkpoint)?;
    memory::restore(&parts.rewards, &checkpoint)?;
    let run = Run { recipe: &recipe, parts, machine, folder, model, reference, optimizer, former, state };
    run.go(observer, stop, true)
}

/// What of a model is trained, by what the paths of its parameters contain: everything, or the adapter.
fn trained_part(model: &LanguageModel) -> Option<&'static str> {
    model.adapter().map(|_| ".lora.")
}

/// The policy with its adapter off, where that is the policy that GRPO began with.
fn base_reference(recipe: &Recipe, model: &LanguageModel) -> Option<LanguageModel> {
    let untouched = model.adapter().is_some() && recipe.imitation.is_none();
    untouched.then(|| model.without_adapter().frozen().with_temperature(recipe.sampling.temperature))
}

struct Run<'a> {
    recipe: &'a Recipe,
    parts: Parts,
    machine: &'a Machine,
    folder: RunFolder,
    model: LanguageModel,
    /// The policy that the KL term compares with: the one GRPO began with.
    reference: Option<LanguageModel>,
    optimizer: ModuleOptimizer,
    former: Former,
    state: State,
}

/// Whether a stage was completed.
enum StageEnd {
    Complete,
    Interrupted,
}

impl Run<'_> {
    fn go(mut self, observer: &mut dyn Observer, stop: &AtomicBool, resumed: bool) -> Result<Ending, Error> {
        let mut clock = Clock::start(self.state.seconds);
        observer.on(Event::Started {
            folder: self.folder.path(),
            parameters: self.model.parameters(),
            trained: self.model.trained_parameters(),
            resumed,
            notes: self.parts.questions.notes(),
        });
        let result = self.stages(observer, stop, &mut clock);
        self.state.seconds = clock.seconds();
        if let Err(error) = result {
            // The state before the refused step is kept, so that nothing that was learnt is lost. Where even that fails (a full
            // disk), the older checkpoint is still there, and the first error says more than the second.
            let _ = self.save().and_then(|()| self.write_results(false));
            return Err(error);
        }
        let interrupted = matches!(result, Ok(StageEnd::Interrupted));
        self.save()?;
        let summary = self.write_results(!interrupted)?;
        if !interrupted {
            // Only now: a run whose results could not be written can be resumed, which writes them.
            self.state.finished = true;
            self.save()?;
        }
        Ok(if interrupted { Ending::Interrupted(summary) } else { Ending::Finished(summary) })
    }

    fn stages(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        clock: &mut Clock,
    ) -> Result<StageEnd, Error> {
        if self.state.eval.initial.is_none() {
            self.state.eval.initial = Some(self.held_out(observer)?);
        }
        let imitated = self.state.stage == Stage::Imitation;
        if imitated {
            if let StageEnd::Interrupted = self.imitation(observer, stop, clock)? {
                return Ok(StageEnd::Interrupted);
            }
            self.state.eval.imitation = Some(self.held_out(observer)?);
            self.state.stage = Stage::Grpo;
            self.state.step = 0;
            self.optimizer = self.recipe.optimizer.init();
        }
        if self.state.step == 0 {
            // Under the temperature of the policy it is compared with.
            let temperature = self.recipe.sampling.temperature;
            let frozen = || self.model.frozen().with_temperature(temperature);
            let base = base_reference(self.recipe, &self.model);
            self.reference = self.recipe.objective.kl.is_some().then(|| base.unwrap_or_else(frozen));
        }
        if imitated {
            self.save()?;
        }
        if let StageEnd::Interrupted = self.grpo(observer, stop, clock)? {
            return Ok(StageEnd::Interrupted);
        }
        Ok(StageEnd::Complete)
    }

    fn imitation(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        clock: &mut Clock,
    ) -> Result<StageEnd, Error> {
        let Some(config) = &self.recipe.imitation else { return Ok(StageEnd::Complete) };
        let stage = Stage::Imitation;
        observer.on(Event::StageStarted { stage, steps: config.steps, done: self.state.step });
        let mut why = "all steps are done";
        while self.state.step < config.steps {
            let metrics = imitation::step(
                &mut self.model,
                &mut self.optimizer,
                &self.parts.questions,
                config,
                &self.recipe.optimizer,
                &self.parts.workers,
                self.state.step,
            )?;
            let metrics = StepMetrics::Imitation(metrics);
            self.stepped(&metrics, observer);
            let mut validation = None;
            if self.state.step.is_multiple_of(config.validate_every) {
                validation = self.ask(Set::Validation, observer)?.map(|r| r.accuracy);
            }
            self.log(&metrics, None, validation)?;
            if let (Some(accuracy), Some(enough)) = (validation, config.stop_at_accuracy)
                && accuracy >= enough
            {
                why = "the validation accuracy that was asked for is reached";
                break;
            }
            if self.pause(stop, clock)? {
                return Ok(StageEnd::Interrupted);
            }
        }
        observer.on(Event::StageFinished { stage, steps: self.state.step, why });
        Ok(StageEnd::Complete)
    }

    fn grpo(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        clock: &mut Clock,
    ) -> Result<StageEnd, Error> {
        let config = &self.recipe.grpo;
        let stage = Stage::Grpo;
        observer.on(Event::StageStarted { stage, steps: config.steps, done: self.state.step });
        while self.state.step < config.steps {
            let grpo = Grpo {
                recipe: self.recipe,
                rewards: &self.parts.rewards,
                guard: self.parts.guard.as_ref(),
                reference: self.reference.as_ref(),
                streams: Streams::new(self.recipe.seed),
                workers: &self.parts.workers,
            };
            let step = self.state.step;
            let count = config.prompts_per_step;
            let pool = self.parts.questions.pool(step, count, self.former.pool(count));
            let outcome = grpo.step(&mut self.model, &mut self.optimizer, &pool, &mut self.former, step)?;
            // The counter moves with the weights, before anything else can fail.
            let metrics = StepMetrics::Grpo(Box::new(outcome.metrics));
            self.stepped(&metrics, observer);
            self.folder.samples(&outcome.samples)?;
            self.folder.suspects(&outcome.suspects)?;
            let every = self.recipe.evaluation.every;
            let accuracy = if self.state.step == config.steps {
                let accuracy = self.final_held_out(observer)?;
                self.state.eval.r#final = Some(accuracy);
                Some(accuracy)
            } else if every > 0 && self.state.step.is_multiple_of(every) {
                self.ask(Set::HeldOutSample, observer)?.map(|r| r.accuracy)
            } else {
                None
            };
            self.log(&metrics, accuracy, None)?;
            if self.state.step < config.steps && self.pause(stop, clock)? {
                return Ok(StageEnd::Interrupted);
            }
        }
        if self.state.eval.r#final.is_none() {
            // The last step was done before a resume, its evaluation was not.
            self.state.eval.r#final = Some(self.final_held_out(observer)?);
        }
        observer.on(Event::StageFinished { stage, steps: self.state.step, why: "all steps are done" });
        Ok(StageEnd::Complete)
    }

    fn stepped(&mut self, metrics: &StepMetrics, observer: &mut dyn Observer) {
        self.state.step += 1;
        self.state.total_steps += 1;
        self.state.tokens += metrics.tokens() as u64;
        observer.on(Event::Stepped { stage: self.state.stage, step: self.state.step, metrics });
    }

    fn log(
        &mut self,
        metrics: &StepMetrics,
        accuracy: Option<f64>,
        validation: Option<f64>,
    ) -> Result<(), Error> {
        self.folder.metrics(&Line {
            stage: self.state.stage,
            step: self.state.step,
            metrics,
            num_tokens: self.state.tokens,
            accuracy,
            validation,
            device_bytes: self.machine.device.memory_pool_usage().map(|usage| usage.bytes_in_use),
        })
    }

    /// Saves a checkpoint when one is due; `true` when the run shall stop.
    fn pause(&mut self, stop: &AtomicBool, clock: &mut Clock) -> Result<bool, Error> {
        if stop.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let every = self.recipe.checkpoint_every;
        if every > 0 && self.state.total_steps.is_multiple_of(every) {
            self.state.seconds = clock.seconds();
            self.save()?;
        }
        Ok(false)
    }

    fn save(&mut self) -> Result<(), Error> {
        Lengths {
            metrics: self.state.metrics_bytes,
            samples: self.state.samples_bytes,
            suspects: self.state.suspects_bytes,
        } = self.folder.lengths()?;
        // A reference that is the model with its adapter off is not kept: it is in the model's own folder.
        let reference =
            self.reference.as_ref().filter(|r| r.adapter().is_some() == self.model.adapter().is_some());
        let (former, rewards) = (&self.former, &self.parts.rewards);
        let more = |folder: &Path| former.save(folder).and_then(|()| memory::save(rewards, folder));
        let weights = Trained {
            module: self.model.decoder(),
            reference: reference.map(LanguageModel::decoder),
            part: trained_part(&self.model),
        };
        state::save(self.folder.path(), &self.state, &weights, &self.optimizer, more)
    }

    fn held_out(&mut self, observer: &mut dyn Observer) -> Result<f64, Error> {
        let result = self.ask(Set::HeldOut, observer)?;
        Ok(self.told(result.as_ref()))
    }

    /// The last one, whose answers are recorded where the recipe wants it.
    fn final_held_out(&mut self, observer: &mut dyn Observer) -> Result<f64, Error> {
        let (begun, start) = (SystemTime::now(), Instant::now());
        let result = self.ask(Set::HeldOut, observer)?;
        if let (Some(config), Some(result)) = (&self.recipe.records, &result) {
            let run = records::run_name(self.folder.path(), begun);
            let assessment = self.recipe.data.name().unwrap_or_else(|| self.recipe.name.clone());
            let occasion = Occasion { run: &run, assessment: &assessment, begun, took: start.elapsed() };
            let questions = self.parts.questions.held_out();
            let statements = records::evaluation(config, &occasion, questions, &result.answers)?;
            records::write(self.folder.path(), &statements)?;
        }
        Ok(self.told(result.as_ref()))
    }

    fn told(&mut self, result: Option<&Accuracy>) -> f64 {
        self.state.too_long = result.map_or(0, |r| r.too_long);
        result.map_or(0.0, |r| r.accuracy)
    }

    /// Accuracy on a set of questions; `None` for an empty set.
    fn ask(&self, set: Set, observer: &mut dyn Observer) -> Result<Option<Accuracy>, Error> {
        let config = &self.recipe.evaluation;
        let questions = match set {
            Set::Validation => self.parts.questions.validation(),
            Set::HeldOut => self.parts.questions.held_out(),
            Set::HeldOutSample => {
                let all = self.parts.questions.held_out();
                &all[..config.questions_on_the_way.min(all.len())]
            }
        };
        if questions.is_empty() {
            return Ok(None);
        }
        let sampling = &self.recipe.sampling;
        let result = evaluate(&self.model, questions, sampling, &config.metric, &self.parts.workers)?;
        observer.on(Event::Evaluated {
            stage: self.state.stage,
            step: self.state.step,
            set,
            accuracy: result.accuracy,
            questions: questions.len(),
            too_long: result.too_long,
        });
        Ok(Some(result))
    }

    /// The model, the summary and the report.
    fn write_results(&self, finished: bool) -> Result<Summary, Error> {
        replace_folder(&self.folder.path().join("model"), |folder| Ok(self.model.save(folder)?))?;
        if let (Some(_), ModelConfig::Folder(base)) = (self.model.adapter(), &self.recipe.model) {
            let base = base.path.display().to_string();
            let folder = self.folder.path().join("adapter");
            replace_folder(&folder, |folder| Ok(self.model.save_adapter(&base, folder)?))?;
        }
        let summary = Summary {
            recipe: self.recipe.name.clone(),
            device: self.machine.name.clone(),
            seed: self.recipe.seed,
            parameters: self.model.parameters(),
            trained_parameters: self.model.trained_parameters(),
            seconds: self.state.seconds,
            peak_rss_bytes: (self.machine.peak_rss)(),
            eval: self.state.eval,
            too_long: self.state.too_long,
            steps: self.state.total_steps,
            num_tokens: self.state.tokens,
            finished,
        };
        self.folder.json("summary.json", &summary)?;
        report::write(self.folder.path())?;
        Ok(summary)
    }
}

/// Seconds of training, those of earlier parts of a resumed run included.
pub(crate) struct Clock {
    before: f64,
    start: Instant,
}

impl Clock {
    pub(crate) fn start(before: f64) -> Self {
        Self { before, start: Instant::now() }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }
}
