//! `grpo compare`.

use crate::failure::{Classify, Failure};
use crate::recipe::Source;
use crate::train::Session;
use crate::words::{command, duration};
use crate::{args, folder, interrupt, model};
use anyhow::{Context, anyhow};
use grpo_train::comparing::{self, CompareRecipe, MeasureConfig, Memory, MemoryRequest};
use grpo_train::{Error, Machine, report};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Runs between two lines where there is no bar.
const RUNS_BETWEEN_LINES: usize = 5;

/// `grpo compare`.
pub(crate) fn run(args: &args::Compare) -> Result<ExitCode, Failure> {
    let (recipe, out, quick) = match &args.resume {
        Some(out) => {
            let config = out.join("config.toml");
            let recipe = Source::find(Some(&config.to_string_lossy()))
                .and_then(|source| source.read_compare(&[]))
                .context("the folder of a comparison has a config.toml")
                .bad_input()?;
            (recipe, out.clone(), out.join(QUICK).exists())
        }
        None => {
            let source = Source::find(Some(&args.recipe)).bad_input()?;
            let recipe = source.read_compare(&args.changes).bad_input()?;
            let recipe = if args.quick { recipe.quick() } else { recipe };
            let out = args.out.clone().unwrap_or_else(|| folder::fresh(&recipe.name));
            create(&out, &recipe, args.quick).bad_input()?;
            (recipe, out, args.quick)
        }
    };
    let session = Session::open(model::device(&args.device)?, false)?;
    let bar = bar();
    let advance = |done: usize, total: usize, what: &str| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        bar.set_message(what.to_string());
        if bar.is_hidden() && (done.is_multiple_of(RUNS_BETWEEN_LINES) || done == total) {
            let _ = writeln!(io::stderr(), "run {done} of {total}: {what}");
        }
    };
    let result = comparing::compare(&recipe, &out, &session.machine, &advance, &session.stop);
    bar.finish_and_clear();
    let Some(mut comparison) = result.with_context(|| resumes(&out)).while_running()? else {
        let _ = writeln!(io::stderr(), "interrupted; the runs that are done are kept\n{}", resumes(&out));
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    };
    comparison.quick = quick;
    if let Some(config) = &recipe.measure {
        let config = if quick {
            MeasureConfig { answers: 2, new_tokens: 8, ..config.clone() }
        } else {
            config.clone()
        };
        let begin = Instant::now();
        let _ = writeln!(io::stderr(), "measuring memory and latency");
        comparison.memory = memory(&config, &args.device).while_running()?;
        comparison.latency = comparing::measure_latency(&config, &session.machine).while_running()?;
        comparison.seconds += begin.elapsed().as_secs_f64();
    }
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))
    };
    let json = serde_json::to_string_pretty(&comparison).while_running()?;
    write("comparison.json", json).while_running()?;
    write("comparison.md", report::comparison_markdown(&comparison)).while_running()?;
    let page = report::write_comparison(&out).while_running()?;
    let text = format!(
        "\n{}\n{}; {}\n\nreport  {}\n",
        report::comparison_tables(&comparison),
        duration(comparison.seconds),
        comparison.device,
        page.display()
    );
    io::stdout().write_all(text.as_bytes()).while_running()?;
    Ok(ExitCode::SUCCESS)
}

/// Each measurement in a process of its own, so that its peak is its own.
fn memory(config: &MeasureConfig, device: &args::Device) -> anyhow::Result<Vec<Memory>> {
    let program = std::env::current_exe().context("this program can't be found for a second process")?;
    let mut rows = Vec::new();
    for request in comparing::memory_requests(config) {
        let mut command = Command::new(&program);
        command.arg("measure-memory").arg(serde_json::to_string(&request)?);
        if let Some(name) = &device.name {
            command.arg("--device").arg(name.to_string());
        }
        let output = command.output().context("a second process can't be started")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_string();
            return Err(anyhow!("measuring {}: {words}", request.configuration()));
        }
        rows.push(serde_json::from_slice(&output.stdout)?);
    }
    Ok(rows)
}

/// `grpo measure-memory`.
pub(crate) fn measure_memory(request: &str, device: &args::Device) -> Result<ExitCode, Failure> {
    let request: MemoryRequest = serde_json::from_str(request).bad_input()?;
    let device = model::device(device)?;
    let name = grpo_device::describe(&device);
    let is_gpu = grpo_device::is_gpu(&device);
    let machine = Machine { workers: 1, device, name, is_gpu, peak_rss: grpo_device::peak_rss_bytes };
    let memory = comparing::measure_memory(&request, &machine).while_running()?;
    writeln!(io::stdout(), "{}", serde_json::to_string(&memory).while_running()?).while_running()?;
    Ok(ExitCode::SUCCESS)
}

/// Marks the folder of a short comparison.
const QUICK: &str = "quick";

fn create(out: &PathBuf, recipe: &CompareRecipe, quick: bool) -> anyhow::Result<()> {
    if out.symlink_metadata().is_ok() {
        return Err(Error::FolderExists(out.clone()).into());
    }
    let config = recipe.to_toml()?;
    let made = std::fs::create_dir_all(out)
        .and_then(|()| std::fs::write(out.join("config.toml"), config))
        .and_then(|()| if quick { std::fs::write(out.join(QUICK), "") } else { Ok(()) });
    made.map_err(|e| anyhow!("can't write {}: {e}", out.display()))
}

fn resumes(out: &Path) -> String {
    format!("go on with: {}", command(&["compare", "--resume", &out.display().to_string()]))
}

fn bar() -> ProgressBar {
    let bar = match io::stderr().is_terminal() {
        true => ProgressBar::new(1),
        false => ProgressBar::hidden(),
    };
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} runs  {wide_msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
