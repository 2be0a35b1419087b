//! The runs of a comparison.

use super::exercise::Exercise;
use super::recipe::{ArmConfig, CompareRecipe, LanguageTask, Setting, TRIAL, TaskConfig, Updates};
use super::{Arm, ArmRun, Comparison, Point, Task, Tried};
use crate::tutoring::{Interval, Purpose, TutorRecipe, World, examine, in_world};
use crate::{Error, Machine, Workers};
use burn::module::Module;
use grpo_edu::Tutor;
use grpo_rollout::Streams;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// Runs that were done, a line each: what a comparison goes on from.
const RUNS: &str = "runs.jsonl";

/// One run with what it was: a line of `runs.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Done {
    task: String,
    arm: String,
    learning_rate: f64,
    updates: Updates,
    parameters: usize,
    /// Seconds of the comparison so far, those before an interruption included.
    #[serde(default)]
    elapsed: f64,
    run: ArmRun,
}

/// What arms are compared on.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Tutor(&'a TaskConfig),
    Language(&'a Exercise<'a>),
}

impl<'a> Subject<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Tutor(task) => &task.name,
            Self::Language(exercise) => &exercise.task.name,
        }
    }

    fn learning_rates(self, recipe: &'a CompareRecipe) -> &'a [f64] {
        match self {
            Self::Tutor(_) => &recipe.learning_rates,
            Self::Language(exercise) => &exercise.task.learning_rates,
        }
    }
}

/// One run that is to be done.
struct Job<'a> {
    subject: Subject<'a>,
    arm: &'a ArmConfig,
    setting: Setting,
    seed: u64,
    /// To find the best setting: examined with others than those of the runs.
    trial: bool,
}

impl Job<'_> {
    fn is(&self, done: &Done) -> bool {
        done.task == self.subject.name()
            && done.arm == self.arm.name
            && done.learning_rate == self.setting.learning_rate
            && done.updates == self.setting.updates
            && done.run.seed == self.seed
    }
}

/// How far a comparison is: called after each run, from any thread.
pub type Advance<'a> = &'a (dyn Fn(usize, usize, &str) + Sync);

/// Runs a comparison in a folder that exists, and goes on where an earlier one was interrupted: every run that is done stands
/// in `runs.jsonl`. `None` when it was asked to stop.
///
/// A run computes on one core, so that as many of them as there are cores go on at the same time; seconds are those of a run among others.
///
/// # Errors
/// When a run fails, or a file can't be read or written.
pub fn compare(
    recipe: &CompareRecipe,
    folder: &Path,
    machine: &Machine,
    advance: Advance<'_>,
    stop: &AtomicBool,
) -> Result<Option<Comparison>, Error> {
    recipe.validate()?;
    let bench = Bench::open(recipe, folder, machine, advance, stop)?;
    // What can't be opened is told before anything runs.
    let exercises =
        recipe.language.iter().map(|task| Exercise::open(task, machine)).collect::<Result<Vec<_>, _>>()?;
    let mut tasks = Vec::new();
    for task in &recipe.tasks {
        let Some(arms) = bench.task(Subject::Tutor(task))? else { return Ok(None) };
        let measure = in_world(&task.environment, Measure)?;
        let TaskConfig { name, learners, thresholds, .. } = task.clone();
        tasks.push(Task { name, measure, learners, thresholds, arms });
    }
    for exercise in &exercises {
        let Some(arms) = bench.task(Subject::Language(exercise))? else { return Ok(None) };
        let LanguageTask { name, thresholds, .. } = exercise.task.clone();
        let measure = "share of held-out questions answered as the metric wants, greedily".into();
        tasks.push(Task { name, measure, learners: exercise.held_out, thresholds, arms });
    }
    Ok(Some(Comparison {
        name: recipe.name.clone(),
        device: machine.name.clone(),
        seconds: bench.elapsed(),
        quick: false,
        tasks,
        memory: Vec::new(),
        latency: Vec::new(),
    }))
}

/// Where the runs are made.
struct Bench<'a> {
    recipe: &'a CompareRecipe,
    machine: &'a Machine,
    workers: Workers,
    before: Vec<Done>,
    begin: Instant,
    file: Mutex<File>,
    advance: Advance<'a>,
    stop: &'a AtomicBool,
    finished: AtomicUsize,
    total: usize,
}

impl<'a> Bench<'a> {
    fn open(
        recipe: &'a CompareRecipe,
        folder: &Path,
        machine: &'a Machine,
        advance: Advance<'a>,
        stop: &'a AtomicBool,
    ) -> Result<Self, Error> {
        let path = folder.join(RUNS);
        let before = read_runs(&path)?;
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let runs = |rates: &[f64]| {
            let settings = recipe.settings(rates).len();
            let trials = if settings > 1 { settings * recipe.tuning_seeds } else { 0 };
            recipe.arms.len() * (trials + recipe.seeds)
        };
        let tutors = recipe.tasks.len() * runs(&recipe.learning_rates);
        let language: usize = recipe.language.iter().map(|task| runs(&task.learning_rates)).sum();
        Ok(Self {
            recipe,
            machine,
            workers: Workers::new(machine.workers)?,
            before,
            begin: Instant::now(),
            file: Mutex::new(file.map_err(Error::io("write", &path))?),
            advance,
            stop,
            finished: AtomicUsize::new(0),
            total: tutors + language,
        })
    }

    /// All arms on one task: first the settings are tried, then the best of each arm runs with every seed.
    fn task(&self, subject: Subject<'_>) -> Result<Option<Vec<Arm>>, Error> {
        let recipe = self.recipe;
        let settings: Vec<Setting> = recipe.settings(subject.learning_rates(recipe));
        // Seeds of the trials are apart from those of the runs.
        let trial_seeds = (0..recipe.tuning_seeds as u64).map(|index| recipe.seed + TRIAL + index);
        let trials: Vec<Job<'_>> = match settings.len() {
            1 => Vec::new(),
            _ => (recipe.arms.iter())
                .flat_map(|arm| settings.iter().map(move |&setting| (arm, setting)))
                .flat_map(|(arm, setting)| {
                    trial_seeds.clone().map(move |seed| Job { subject, arm, setting, seed, trial: true })
                })
                .collect(),
        };
        let Some(tried) = self.all(&trials)? else { return Ok(None) };
        let mut chosen = Vec::new();
        for arm in &recipe.arms {
            let of = |setting: &Setting| {
                let own = trials
                    .iter()
                    .zip(&tried)
                    .filter(|(job, _)| job.arm.name == arm.name && job.setting == *setting);
                let worths: Vec<f64> = own.map(|(_, done)| last_worth(&done.run)).collect();
                Interval::of(&worths).mean
            };
            let tried: Vec<(Setting, f64)> = match settings.len() {
                1 => Vec::new(),
                _ => settings.iter().map(|setting| (*setting, of(setting))).collect(),
            };
            let best = tried.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
            chosen.push((arm, tried, best.map_or(settings[0], |(setting, _)| setting)));
        }
        let jobs: Vec<Job<'_>> = chosen
            .iter()
            .flat_map(|(arm, _, setting)| {
                (0..recipe.seeds as u64).map(move |index| Job {
                    subject,
                    arm,
                    setting: *setting,
                    seed: recipe.seed + index,
                    trial: false,
                })
            })
            .collect();
        let Some(runs) = self.all(&jobs)? else { return Ok(None) };
        let arms =
            chosen.into_iter().zip(runs.chunks(recipe.seeds)).map(|((arm, tried, setting), runs)| Arm {
                name: arm.name.clone(),
                tried: tried.into_iter().map(|(setting, worth)| tried_line(setting, worth)).collect(),
                learning_rate: setting.learning_rate,
                iterations: setting.updates.iterations,
                minibatches: setting.updates.minibatches,
                parameters: runs.first().map_or(0, |done| done.parameters),
                runs: runs.iter().map(|done| done.run.clone()).collect(),
            });
        Ok(Some(arms.collect()))
    }

    /// Runs, those that were done before taken from the file. `None` when it was asked to stop.
    fn all(&self, jobs: &[Job<'_>]) -> Result<Option<Vec<Done>>, Error> {
        let done = self.workers.map(jobs, |job| {
            if let Some(done) = self.before.iter().find(|done| job.is(done)) {
                self.tell(job);
                return Ok(Some(done.clone()));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let outcome = match job.subject {
                Subject::Tutor(task) => {
                    let recipe = self.recipe.run(task, job.arm, job.setting, job.seed, job.trial);
                    let alone = Alone { recipe: &recipe, machine: self.machine, stop: self.stop };
                    in_world(&task.environment, alone)??
                }
                Subject::Language(exercise) => {
                    exercise.run(job.arm, job.setting, job.seed, job.trial, self.stop)?
                }
            };
            let Some((run, parameters)) = outcome else { return Ok(None) };
            let done = Done {
                task: job.subject.name().into(),
                arm: job.arm.name.clone(),
                learning_rate: job.setting.learning_rate,
                updates: job.setting.updates,
                parameters,
                elapsed: self.elapsed(),
                run,
            };
            self.keep(&done)?;
            self.tell(job);
            Ok(Some(done))
        })?;
        Ok(done.into_iter().collect())
    }

    fn keep(&self, done: &Done) -> Result<(), Error> {
        let path = Path::new(RUNS);
        let mut line = serde_json::to_vec(done).map_err(|e| Error::io("write", path)(e.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        file.write_all(&line).map_err(Error::io("write", path))
    }

    fn elapsed(&self) -> f64 {
        let before = self.before.iter().map(|done| done.elapsed).fold(0.0, f64::max);
        before + self.begin.elapsed().as_secs_f64()
    }

    fn tell(&self, job: &Job<'_>) {
        let finished = self.finished.fetch_add(1, Ordering::Relaxed) + 1;
        (self.advance)(finished, self.total, &format!("{}, {}", job.subject.name(), job.arm.name));
    }
}

fn tried_line(setting: Setting, worth: f64) -> Tried {
    Tried {
        learning_rate: setting.learning_rate,
        iterations: setting.updates.iterations,
        minibatches: setting.updates.minibatches,
        worth,
    }
}

fn last_worth(run: &ArmRun) -> f64 {
    run.points.last().map_or(f64::NEG_INFINITY, |point| point.worth)
}

/// The runs of an earlier session. A last line that was cut off is left out; its run is done again.
fn read_runs(path: &Path) -> Result<Vec<Done>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let lines: Vec<String> =
        BufReader::new(file).lines().collect::<Result<_, _>>().map_err(Error::io("read", path))?;
    let mut runs = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(done) => runs.push(done),
            Err(_) if index + 1 == lines.len() => {
                // Later lines must not stand behind half of one.
                let whole: usize = lines[..index].iter().map(|line| line.len() + 1).sum();
                let file = OpenOptions::new().write(true).open(path).map_err(Error::io("write", path))?;
                file.set_len(whole as u64).map_err(Error::io("write", path))?;
            }
            Err(error) => {
                let problem = format!(
                    "is no run of a comparison ({error}); remove the line, and the run is done again"
                );
                return Err(Error::Data { path: path.into(), line: index + 1, problem });
            }
        }
    }
    Ok(runs)
}

/// What a session is worth, in words.
struct Measure;

impl crate::tutoring::InWorld for Measure {
    type Output = String;

    fn go<W: World>(self, world: &W) -> String {
        world.measure().into()
    }
}

/// One run by itself, on one core.
struct Alone<'a> {
    recipe: &'a TutorRecipe,
    machine: &'a Machine,
    stop: &'a AtomicBool,
}

impl crate::tutoring::InWorld for Alone<'_> {
    type Output = Result<Option<(ArmRun, usize)>, Error>;

    fn go<W: World>(self, world: &W) -> Self::Output {
        let Self { recipe, machine, stop } = self;
        let (training, examination) = (&recipe.training, &recipe.examination);
        let device = machine.device.clone().autodiff();
        let mut tutor = Tutor::new(recipe.tutor, world.layout(), recipe.seed, &device)?;
        let mut optimizer = recipe.optimizer.init();
        let trainer = recipe.trainer(world.max_steps());
        let (streams, one) = (Streams::new(recipe.seed), Workers::new(1)?);
        let learners = (0..examination.learners as u64)
            .map(|index| world.learner(Purpose::Examination, examination.seed, index))
            .collect::<Result<Vec<_>, _>>()?;
        let worth = |tutor: &Tutor| -> Result<f64, Error> {
            let taught = examine(tutor, &learners, world.max_steps(), examination.seed)?;
            Ok(Interval::of(&taught.worths()).mean)
        };
        let mut point = Point { iterations: 0, sessions: 0, steps: 0, seconds: 0.0, worth: worth(&tutor)? };
        let mut points = vec![point];
        for step in 0..training.steps {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let begin = Instant::now();
            let first = step as u64 * training.learners_per_step as u64;
            let starts = (first..first + training.learners_per_step as u64)
                .map(|index| world.learner(Purpose::Training, recipe.seed, index))
                .collect::<Result<Vec<_>, _>>()?;
            let metrics = trainer.step(&mut tutor, &mut optimizer, &starts, &streams, step, &one)?;
            point.seconds += begin.elapsed().as_secs_f64();
            point.iterations += 1;
            point.sessions += training.learners_per_step * training.group_size;
            point.steps += metrics.steps;
            if point.iterations.is_multiple_of(examination.every) || point.iterations == training.steps {
                point.worth = worth(&tutor)?;
                points.push(point);
            }
        }
        Ok(Some((ArmRun { seed: recipe.seed, points }, tutor.num_params())))
    }
}
