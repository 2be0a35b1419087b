//! `grpo edu`: learners' answers, and questions that come with their own scoring.

mod fit;
mod items;
mod store;

use crate::args;
use crate::failure::Failure;
use std::process::ExitCode;

/// `grpo edu`.
pub(crate) fn run(args: &args::Edu) -> Result<ExitCode, Failure> {
    match &args.command {
        args::EduCommand::Fit(args) => fit::fit(args),
        args::EduCommand::Items(args) => items::run(args),
        args::EduCommand::Send(args) => store::send(args),
        args::EduCommand::Fetch(args) => store::fetch(args),
    }
}
