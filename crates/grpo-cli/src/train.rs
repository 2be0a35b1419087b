use crate::failure::{Classify, Failure};
use crate::progress::Progress;
use crate::recipe::Source;
use crate::words::{bytes, command, count, duration, percent, points, thousands};
use crate::{args, folder, interrupt, model, table, tutor};
use anyhow::{Context, anyhow};
use burn::tensor::Device;
use grpo_device::DeviceName;
use grpo_train::{Ending, Error, Machine, Recipe, State, Summary};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// `grpo train`.
pub(crate) fn run(args: &args::Train) -> Result<ExitCode, Failure> {
    match &args.resume {
        Some(run) => resume(run, args),
        None => fresh(args),
    }
}

fn fresh(args: &args::Train) -> Result<ExitCode, Failure> {
    let source = Source::find(args.recipe.as_deref()).bad_input()?;
    if source.is_tutor() {
        if args.check {
            return Err(anyhow!(
                "--check is for recipes of language models; a tutor's recipe is tried with --steps 2"
            ))
            .bad_input();
        }
        return tutor::fresh(&source, args);
    }
    let recipe = source.read(args).bad_input()?;
    if args.check {
        return check(&recipe, args);
    }
    let out = args.out.clone().unwrap_or_else(|| folder::fresh(&recipe.name));
    if out.symlink_metadata().is_ok() {
        return Err(Error::FolderExists(out)).bad_input(); // before a large model is loaded for nothing
    }
    let mut session = Session::open(model::device(&args.device)?, args.quiet)?;
    let result = grpo_train::train(&recipe, &out, &session.machine, &mut session.progress, &session.stop);
    session.conclude(result, &out)
}

/// `grpo train --check`: the plan as a table.
fn check(recipe: &Recipe, args: &args::Train) -> Result<ExitCode, Failure> {
    let session = Session::open(model::device(&args.device)?, true)?;
    let plan = grpo_train::plan(recipe, &session.machine).bad_input()?;
    let per_step: f64 = plan.seconds.iter().sum();
    let short = |seconds: f64| if seconds < 10.0 { format!("{seconds:.2} s") } else { duration(seconds) };
    let total: u64 = plan.memory.iter().map(|(_, bytes)| bytes).sum();
    let [all, trained] = plan.parameters.map(thousands);
    let train = plan.questions.0.map_or("a generator".into(), |n| format!("{} to train on", thousands(n)));
    let mut rows: Vec<[String; 2]> = vec![
        ["recipe".into(), format!("{}, seed {}", recipe.name, recipe.seed)],
        ["device".into(), session.machine.name.clone()],
        ["model".into(), format!("{all} parameters, {trained} of them trained")],
        ["questions".into(), format!("{train}, {} held out", thousands(plan.questions.1))],
        ["first prompt".into(), format!("{:?}", plan.prompt)],
        ["prompt tokens".into(), format!("{} to {}", plan.prompt_tokens.0, plan.prompt_tokens.1)],
        [
            "a step".into(),
            format!(
                "{} prompts, {} completions in {}, {} tokens at most",
                plan.step.0,
                plan.step.1,
                count(plan.micro_batches, "micro-batch", "micro-batches"),
                thousands(plan.step_tokens)
            ),
        ],
    ];
    for (name, value) in &plan.rewards {
        let value = value.map_or("no value".into(), |v| format!("{v:.3}"));
        rows.push([format!("reward {name}"), format!("{value}, mean of the measured completions")]);
    }
    for (part, bytes_of) in plan.memory.iter().filter(|(_, bytes)| *bytes > 0) {
        rows.push([format!("memory: {part}"), bytes(*bytes_of)]);
    }
    rows.push([
        "memory in all".into(),
        format!(
            "{} by counting{}",
            bytes(total),
            plan.resident.map(|now| format!("; this check took {}", bytes(now))).unwrap_or_default()
        ),
    ]);
    rows.push(["time of a step".into(), format!(
        "{} at most: {} generation, {} update (measured on {} of {} tokens each, the optimizer not included)",
        short(per_step),
        short(plan.seconds[0]),
        short(plan.seconds[1]),
        count(plan.measured.0, "completion", "completions"),
        plan.measured.1 / plan.measured.0.max(1)
    )]);
    rows.push([
        "time in all".into(),
        format!(
            "{} at most for {}, evaluations not included",
            duration(per_step * plan.steps as f64),
            count(plan.steps, "step", "steps")
        ),
    ]);
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
    io::stdout().write_all(table::aligned(&rows, &[1]).as_bytes()).while_running()?;
    Ok(ExitCode::SUCCESS)
}

fn resume(run: &Path, args: &args::Train) -> Result<ExitCode, Failure> {
    let config = run.join("config.toml");
    if !config.is_file() {
        return Err(anyhow!(
            "{}: not the folder of a run, it has no config.toml; give the folder that --out named, or one below runs/",
            run.display()
        ))
        .bad_input();
    }
    let source = Source::find(Some(&config.to_string_lossy())).bad_input()?;
    if source.is_tutor() {
        return tutor::resume(&source, run, args);
    }
    // It may have been edited, and here a mistake is told with its line.
    source.read(args).bad_input()?;
    let mut session = Session::open(device_of(run, args)?, args.quiet)?;
    // An optimizer's state is restored on the device that burn itself prefers.
    grpo_device::check_burn_default(&session.machine.device).bad_input()?;
    let result = grpo_train::resume(run, &session.machine, &mut session.progress, &session.stop);
    session.conclude(result, run)
}

/// The device that is asked for, else the one the run was on: only there the numbers are those of an uninterrupted run.
fn device_of(run: &Path, args: &args::Train) -> Result<Device, Failure> {
    device_recorded(State::of_run(run).ok().map(|state| state.device), args)
}

/// The device that is asked for, else the recorded one, as in "wgpu:0 (name of the adapter)".
pub(crate) fn device_recorded(recorded: Option<String>, args: &args::Train) -> Result<Device, Failure> {
    let recorded =
        recorded.and_then(|device| device.split(' ').next().and_then(|name| name.parse::<DeviceName>().ok()));
    match recorded {
        Some(name) if !model::asked(&args.device) => grpo_device::open(&name)
            .context("the device this run was on; choose another with --device")
            .bad_input(),
        _ => model::device(&args.device),
    }
}

/// What a training run needs besides its recipe.
pub(crate) struct Session {
    pub(crate) machine: Machine,
    pub(crate) progress: Progress,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Session {
    pub(crate) fn open(device: Device, quiet: bool) -> Result<Self, Failure> {
        let name = grpo_device::describe(&device);
        let workers = grpo_device::workers(&device);
        let is_gpu = grpo_device::is_gpu(&device);
        let machine = Machine { device, name, is_gpu, workers, peak_rss: grpo_device::peak_rss_bytes };
        let progress = Progress::new(quiet);
        let screen = progress.screen().clone();
        let stop = interrupt::watch(move || {
            screen.line("finishing this step, then saving; Ctrl-C once more ends the program at once");
        })
        .context("Ctrl-C can't be watched for")
        .while_running()?;
        Ok(Self { machine, progress, stop })
    }

    /// Tells how the run ended.
    fn conclude(mut self, result: Result<Ending, Error>, run: &Path) -> Result<ExitCode, Failure> {
        self.progress.close();
        match result {
            Ok(Ending::Finished(summary)) => {
                let text = result_text(&summary, run, self.progress.held_out);
                io::stdout().write_all(text.as_bytes()).while_running()?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(Ending::Interrupted(summary)) => Ok(self.interrupted(summary.steps, run)),
            Err(error) => self.failed(error, run),
        }
    }

    pub(crate) fn interrupted(&self, steps: usize, run: &Path) -> ExitCode {
        let _ = writeln!(
            io::stderr(),
            "interrupted after {}; everything is saved in {}\ngo on with: {}",
            count(steps, "step", "steps"),
            run.display(),
            resume_command(run, &self.machine.device)
        );
        ExitCode::from(interrupt::EXIT_CODE)
    }

    pub(crate) fn failed(&self, error: Error, run: &Path) -> Result<ExitCode, Failure> {
        match error {
            error if self.progress.started => {
                Err(anyhow!(
                    "{error}. {} holds what was saved; `{}` goes on from its checkpoint, with the settings in its \
                     config.toml",
                    run.display(),
                    resume_command(run, &self.machine.device)
                ))
                .while_running()
            }
            error @ Error::Io { action: "create" | "write", .. } => {
                Err(anyhow!("{error}; the run's folder must be one that can be written (--out)")).bad_input()
            }
            error => Err(error).bad_input(),
        }
    }
}

/// With the device spelt out: on another one, the numbers would not be those of an uninterrupted run.
fn resume_command(run: &Path, device: &Device) -> String {
    let run = run.display().to_string();
    match grpo_device::name_of(device).map(|name| name.to_string()) {
        Some(device) => command(&["train", "--resume", &run, "--device", &device]),
        None => command(&["train", "--resume", &run]),
    }
}

/// The result: a table, what it took, and what to do with it.
fn result_text(summary: &Summary, run: &Path, held_out: Option<usize>) -> String {
    let stages = [
        ("before", summary.eval.initial),
        ("after imitation", summary.eval.imitation),
        ("after GRPO", summary.eval.r#final),
    ];
    let mut rows = vec![vec!["held-out".to_string(), "accuracy".into(), "change".into()]];
    let mut last = None;
    for (name, accuracy) in stages {
        let Some(accuracy) = accuracy else { continue };
        let change = last.map(|before| points(accuracy - before)).unwrap_or_default();
        rows.push(vec![name.into(), percent(accuracy), change]);
        last = Some(accuracy);
    }
    let questions =
        held_out.map(|n| format!("{}, greedy; ", count(n, "question", "questions"))).unwrap_or_default();
    let memory = summary.peak_rss_bytes.map(|b| format!(", {} of memory", bytes(b))).unwrap_or_default();
    let path = |name: &str| run.join(name).display().to_string();
    let generate =
        command(&["generate", &path("model"), &example_prompt(run).unwrap_or_else(|| "...".into())]);
    format!(
        "\n{}\n{questions}{}{memory}; {}, seed {}\n\nreport  {}\ntry it  {generate}\n",
        table::aligned(&rows, &[]),
        duration(summary.seconds),
        summary.device,
        summary.seed,
        path("report.html"),
    )
}

/// A prompt of the run, short enough for a command line.
fn example_prompt(run: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(std::fs::File::open::<PathBuf>(run.join("samples.jsonl")).ok()?)
        .read_line(&mut line)
        .ok()?;
    let sample: Value = serde_json::from_str(&line).ok()?;
    let prompt = sample.get("prompt")?.as_str()?;
    (prompt.len() <= 200 && !prompt.contains(char::is_control)).then(|| prompt.to_string())
}
