//! `grpo compare`.

use crate::failure::{Classify, Failure};
use crate::recipe::Source;
use crate::train::Session;
use crate::words::{command, duration};
use crate::{args, folder, interrupt, model};
use anyhow::{Context, anyhow};
use grpo_train::comparing::{self, CompareRecipe};
use grpo_train::{Error, report};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
