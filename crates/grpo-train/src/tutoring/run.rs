//! The run of a tutor's training.

use super::examine::{examination, examine, replay};
use super::summary::{Line, TutorState};
use super::worth::{check_on, trained_for};
use super::{
    BktWorld, DeckWorld, EnvironmentConfig, Examination, Interval, IrtWorld, KssWorld, MemoryWorld, Purpose,
    TutorRecipe, TutorSummary, World, Worth,
};
use crate::folder::{Lengths, replace_folder, write_atomically};
use crate::forming::Former;
use crate::records::{self, Occasion};
use crate::run::Clock;
use crate::state::{self, Trained, load_module, save_module};
use crate::{
    Appraiser, Error, Event, Machine, Observer, RunFolder, SessionMetrics, SessionTrainer, Stage,
    StepMetrics, Workers, report,
};
use burn::{module::Module, optim::ModuleOptimizer};
use grpo_edu::{Layout, Tutor};
use grpo_rollout::adaptive::{Comparison, Prompt};
use grpo_rollout::{Environment, Streams};
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TutorEnding {
    /// All steps are done.
    Finished(TutorSummary, Box<Examination>),
    /// It was asked to stop; what is done is saved.
    Interrupted(TutorSummary),
}

/// Trains a tutor by a recipe in a fresh folder. `stop` is looked at after every step: once it is true, the run saves what there is and
/// returns.
///
/// # Errors
/// Before any training begins for whatever the recipe gets wrong (the folder isn't made then); later when numbers go wrong or a file can't
/// be written, after saving a checkpoint of the last good step.
pub fn train(
    recipe: &TutorRecipe,
    folder: &Path,
    machine: &Machine,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<TutorEnding, Error> {
    recipe.validate()?;
    in_world(&recipe.environment, Start { recipe, folder, machine, observer, stop, resume: false })?
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
) -> Result<TutorEnding, Error> {
    let config = folder.join("config.toml");
    let text = std::fs::read_to_string(&config).map_err(Error::io("read", &config))?;
    let mut recipe = TutorRecipe::from_toml(&text).map_err(|e| e.in_file(&config))?;
    recipe.resolve_paths(folder);
    in_world(&recipe.environment, Start { recipe: &recipe, folder, machine, observer, stop, resume: true })?
}

/// The device that a run was on when it was last saved; none where there is no checkpoint.
pub fn device_of_run(folder: &Path) -> Option<String> {
    let checkpoint = folder.join("checkpoint");
    crate::folder::restore(&checkpoint).ok()?;
    state::load::<TutorState>(&checkpoint).ok().map(|state| state.device)
}

/// Something that is done in a world, whichever it is.
pub(crate) trait InWorld {
    /// What comes of it.
    type Output;

    /// Does it.
    fn go<W: World>(self, world: &W) -> Self::Output;
}

/// Opens the world of a recipe and does something there.
///
/// # Errors
/// Names the key that has an impossible value, or the file that can't be read.
pub(crate) fn in_world<T: InWorld>(environment: &EnvironmentConfig, what: T) -> Result<T::Output, Error> {
    Ok(match environment {
        EnvironmentConfig::Kss(task) => what.go(&KssWorld::new(task)?),
        EnvironmentConfig::Memory(config) => what.go(&MemoryWorld::new(config.clone())?),
        EnvironmentConfig::Fsrs(config) => what.go(&DeckWorld::new(*config)?),
        EnvironmentConfig::Bkt(task) => what.go(&BktWorld::new(task)?),
        EnvironmentConfig::Irt(task) => what.go(&IrtWorld::new(task)?),
    })
}

/// Makes the folder of a run. A file of learners goes into it, so that nothing outside decides how the run goes on.
fn create(folder: &Path, recipe: &TutorRecipe) -> Result<RunFolder, Error> {
    let (mut own, mut learners) = (recipe.clone(), None);
    if let EnvironmentConfig::Bkt(task) | EnvironmentConfig::Irt(task) = &mut own.environment {
        let path = std::mem::replace(&mut task.path, LEARNERS.into());
        learners = Some(std::fs::read(&path).map_err(Error::io("read", &path))?);
    }
    let run = RunFolder::create(folder, &own.to_toml()?, false)?;
    if let Some(learners) = learners {
        write_atomically(&folder.join(LEARNERS), &learners)?;
    }
    Ok(run)
}

/// The learner model of a run, in its folder.
const LEARNERS: &str = "learners.json";

/// A run that is about to begin.
struct Start<'a> {
    recipe: &'a TutorRecipe,
    folder: &'a Path,
    machine: &'a Machine,
    observer: &'a mut dyn Observer,
    stop: &'a AtomicBool,
    resume: bool,
}

impl InWorld for Start<'_> {
    type Output = Result<TutorEnding, Error>;

    fn go<W: World>(self, world: &W) -> Self::Output {
        let Self { recipe, folder, machine, observer, stop, resume } = self;
        let device = machine.device.clone().autodiff();
        let untrained = Tutor::new(recipe.tutor, world.layout(), recipe.seed, &device)?;
        let learners = (0..recipe.examination.learners as u64)
            .map(|index| world.learner(Purpose::Examination, recipe.examination.seed, index))
            .collect::<Result<Vec<_>, _>>()?;
        let workers = Workers::new(machine.workers)?;
        let mut optimizer = recipe.optimizer.init();
        let mut former = Former::new(&recipe.adaptive(), recipe.seed)?;
        let mut tutor = untrained.clone();
        let mut appraiser = recipe.appraiser()?;
        let (folder, state) = if resume {
            let (run, _) = RunFolder::reopen(folder, false)?;
            let checkpoint = folder.join("checkpoint");
            let mut state: TutorState = state::load(&checkpoint)?;
            if state.finished {
                return Err(Error::Resume { path: folder.into(), problem: "it is finished".into() });
            }
            run.back_to(Lengths { metrics: state.metrics_bytes, ..Lengths::default() })?;
            load_module(&mut tutor, &checkpoint.join("model.bpk"), None)?;
            optimizer = state::load_optimizer(optimizer, &checkpoint)?;
            former.restore(&checkpoint)?;
            appraiser = appraiser.map(|own| own.resume(state.multipliers.clone())).transpose()?;
            state.device.clone_from(&machine.name);
            (run, state)
        } else {
            appraiser.as_ref().map_or(Ok(()), |appraiser| check_on(appraiser, world, recipe.seed))?;
            let seed = recipe.examination.seed;
            let initial = examine(&tutor, &learners, world.max_steps(), seed)?;
            let state = TutorState {
                step: 0,
                environment_steps: 0,
                seconds: 0.0,
                initial: Interval::of(&initial.worths()),
                device: machine.name.clone(),
                finished: false,
                metrics_bytes: 0,
                multipliers: Vec::new(),
            };
            (create(folder, recipe)?, state)
        };
        observer.on(Event::Started {
            folder: folder.path(),
            parameters: tutor.num_params(),
            trained: tutor.num_params(),
            resumed: resume,
            notes: &[],
        });
        let clock = Clock::start(state.seconds);
        let run = Run {
            recipe,
            world,
            machine,
            folder,
            learners,
            workers,
            untrained,
            tutor,
            optimizer,
            former,
            appraiser,
            state,
            clock,
        };
        run.go(observer, stop)
    }
}

struct Run<'a, W: World> {
    recipe: &'a TutorRecipe,
    world: &'a W,
    machine: &'a Machine,
    folder: RunFolder,
    /// Those of the examination.
    learners: Vec<W::Session>,
    workers: Workers,
    untrained: Tutor,
    tutor: Tutor,
    optimizer: ModuleOptimizer,
    former: Former,
    /// Says what sessions of training are worth, where the environment doesn't.
    appraiser: Option<Appraiser>,
    state: TutorState,
    clock: Clock,
}

impl<W: World> Run<'_, W> {
    fn go(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<TutorEnding, Error> {
        let result = self.steps(observer, stop);
        self.state.seconds = self.clock.seconds();
        let complete = match result {
            Ok(complete) => complete,
            Err(error) => {
                // The state before the refused step is kept, so that nothing that was learnt is lost. Where even that fails (a full
                // disk), the older checkpoint is still there, and the first error says more than the second.
                let _ = self.save().and_then(|()| self.results(None));
                return Err(error);
            }
        };
        self.save()?;
        if !complete {
            return Ok(TutorEnding::Interrupted(self.results(None)?));
        }
        let seed = self.recipe.examination.seed;
        self.record(seed)?;
        let examination =
            examination(self.world, &self.untrained, &self.tutor, &self.learners, seed, &self.workers)?;
        self.folder.json("examination.json", &examination)?;
        let own = examination.tutors.last().map(|tutor| tutor.worth);
        let summary = self.results(own)?;
        // Only now: a run whose results could not be written can be resumed, which writes them.
        self.state.finished = true;
        self.save()?;
        Ok(TutorEnding::Finished(summary, Box::new(examination)))
    }

    /// The examination's sessions as statements, where the recipe wants it.
    fn record(&self, seed: u64) -> Result<(), Error> {
        let Some(config) = &self.recipe.records else { return Ok(()) };
        let (begun, start) = (SystemTime::now(), Instant::now());
        let learners: Vec<_> = self.learners.iter().enumerate().collect();
        let steps = self.world.max_steps();
        let replays = self
            .workers
            .map(&learners, |&(learner, start)| replay(&self.tutor, start, learner, steps, seed))?;
        let run = records::run_name(self.folder.path(), begun);
        let occasion = Occasion { run: &run, assessment: &self.recipe.name, begun, took: start.elapsed() };
        let statements = records::sessions(config, &occasion, &self.world.actions(), &replays)?;
        records::write(self.folder.path(), &statements)
    }

    /// `false` when it was interrupted.
    fn steps(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool, Error> {
        let (training, examination) = (&self.recipe.training, &self.recipe.examination);
        let trainer = self.recipe.trainer(self.world.max_steps());
        let streams = Streams::new(self.recipe.seed);
        let stage = Stage::Sessions;
        observer.on(Event::StageStarted { stage, steps: training.steps, done: self.state.step });
        while self.state.step < training.steps {
            let step = self.state.step;
            let first = step as u64 * training.learners_per_step as u64;
            let starts = (first..first + training.learners_per_step as u64)
                .map(|index| self.world.learner(Purpose::Training, self.recipe.seed, index))
                .collect::<Result<Vec<_>, _>>()?;
            let mut former = self.former.clone();
            let prompts: Vec<Prompt> =
                (starts.iter().zip(first..)).map(|(start, id)| told(start, id)).collect();
            let sizes = vec![training.group_size; starts.len()];
            let members = former.adaptive.members(step as u64, &prompts, &sizes)?;
            let metrics = self.learn(&trainer, &starts, &members, &streams)?;
            self.former = former;
            self.state.step += 1;
            self.state.environment_steps += metrics.steps as u64;
            let done = StepMetrics::Sessions(metrics.clone());
            observer.on(Event::Stepped { stage, step: self.state.step, metrics: &done });
            let every = examination.every;
            let due = every > 0 && self.state.step.is_multiple_of(every) && self.state.step < training.steps;
            let gain = due.then(|| self.examine(observer)).transpose()?;
            let line = Line { stage: trainer.credit.name(), step: self.state.step, metrics: &metrics, gain };
            self.folder.metrics(&line)?;
            if self.state.step < training.steps {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let every = self.recipe.checkpoint_every;
                if every > 0 && self.state.step.is_multiple_of(every) {
                    self.state.seconds = self.clock.seconds();
                    self.save()?;
                }
            }
        }
        observer.on(Event::StageFinished { stage, steps: self.state.step, why: "all steps are done" });
        Ok(true)
    }

    /// A step of training with sessions from these starts.
    fn learn(
        &mut self,
        trainer: &SessionTrainer,
        starts: &[W::Session],
        members: &Comparison,
        streams: &Streams,
    ) -> Result<SessionMetrics, Error> {
        let (tutor, optimizer, workers) = (&mut self.tutor, &mut self.optimizer, &self.workers);
        let step = self.state.step;
        match &mut self.appraiser {
            None => trainer.step_compared(tutor, optimizer, starts, members, streams, step, workers),
            Some(own) => {
                trainer.step_appraised(tutor, optimizer, starts, members, own, streams, step, workers)
            }
        }
    }

    /// An examination on the way.
    fn examine(&self, observer: &mut dyn Observer) -> Result<f64, Error> {
        let config = &self.recipe.examination;
        let some = &self.learners[..config.learners_on_the_way.min(self.learners.len())];
        let taught = examine(&self.tutor, some, self.world.max_steps(), config.seed)?;
        let worth = Interval::of(&taught.worths()).mean;
        observer.on(Event::Examined { step: self.state.step, worth, learners: some.len() });
        Ok(worth)
    }

    fn save(&mut self) -> Result<(), Error> {
        self.state.metrics_bytes = self.folder.lengths()?.metrics;
        self.state.multipliers = self.appraiser.as_ref().map_or(Vec::new(), |own| own.multipliers().to_vec());
        let former = &self.former;
        state::save(
            self.folder.path(),
            &self.state,
            &Trained::whole(&self.tutor),
            &self.optimizer,
            |folder| former.save(folder),
        )
    }

    /// The tutor, the summary and the report.
    fn results(&self, last: Option<Interval>) -> Result<TutorSummary, Error> {
        replace_folder(&self.folder.path().join("model"), |folder| {
            save_module(&self.tutor, &folder.join("tutor.bpk"), None)?;
            let shape = TutorFile { layout: self.world.layout(), tutor: self.recipe.tutor };
            let path = folder.join("tutor.json");
            let text =
                serde_json::to_string_pretty(&shape).map_err(|e| Error::io("write", &path)(e.into()))?;
            write_atomically(&path, text.as_bytes())
        })?;
        let training = &self.recipe.training;
        let summary = TutorSummary {
            kind: "tutor".into(),
            recipe: self.recipe.name.clone(),
            device: self.machine.name.clone(),
            seed: self.recipe.seed,
            parameters: self.tutor.num_params(),
            seconds: self.state.seconds,
            peak_rss_bytes: (self.machine.peak_rss)(),
            steps: self.state.step,
            sessions: self.state.step * training.learners_per_step * training.group_size,
            environment_steps: self.state.environment_steps,
            measure: self.world.measure().into(),
            trained_for: trained_for(self.recipe),
            learners: self.learners.len(),
            worth: Worth { initial: self.state.initial, r#final: last },
            finished: last.is_some(),
        };
        self.folder.json("summary.json", &summary)?;
        report::write(self.folder.path())?;
        Ok(summary)
    }
}

/// A learner as group formation knows it: by what the tutor sees at the start.
fn told<S: Environment>(start: &S, id: u64) -> Prompt {
    let mut features = vec![0.0; start.features()];
    start.observe(&mut features);
    Prompt { features: features.into_iter().map(f64::from).collect(), ..Prompt::new(id) }
}

/// `model/tutor.json`: what is needed to make the network that `tutor.bpk` has the weights of.
#[derive(Serialize)]
struct TutorFile {
    layout: Layout,
    tutor: grpo_edu::TutorConfig,
}
