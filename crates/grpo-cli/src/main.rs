//! The `grpo` program: reads what the person asks for, wires the rooms together, and talks to the person.
//!
//! | module | what |
//! |---|---|
//! | `args` | the command line |
//! | `recipe` | finding and reading a recipe; errors with file, line and key |
//! | `train`, `progress`, `interrupt` | `grpo train`, what it shows, and Ctrl-C |
//! | `tutor` | `grpo train` for a tutor |
//! | `compare` | `grpo compare` |
//! | `bench`, `eval`, `score`, `generate`, `devices`, `report`, `edu` | the other commands |
//! | `hub` | models and data from the Hugging Face hub |
//! | `failure`, `panics` | how things end badly: one paragraph and an exit code |
//! | `folder`, `words`, `table` | names of folders, numbers in words, aligned columns |

mod args;
mod bench;
mod compare;
mod devices;
mod edu;
mod eval;
mod failure;
mod folder;
mod generate;
mod hub;
mod interrupt;
mod model;
mod panics;
mod progress;
mod recipe;
mod report;
mod score;
mod table;
mod train;
mod tutor;
mod words;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use failure::Failure;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    panics::guard(|| match run(Cli::parse(), started) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    })
}

fn run(cli: Cli, started: Instant) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Bench(args) => bench::run(&args, started),
        Command::Devices => devices::run(),
        Command::Compare(args) => compare::run(&args),
        Command::MeasureMemory { request, device } => compare::measure_memory(&request, &device),
        Command::Report(args) => report::run(&args),
        Command::Edu(args) => edu::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "grpo", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}
