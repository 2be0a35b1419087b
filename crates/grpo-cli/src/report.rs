use crate::args;
use crate::failure::{Classify, Failure};
use std::io::{self, Write};
use std::process::ExitCode;

/// `grpo report`.
pub(crate) fn run(args: &args::Report) -> Result<ExitCode, Failure> {
    let path = grpo_train::report::write(&args.run).bad_input()?;
    writeln!(io::stdout(), "{}", path.display()).while_running()?;
    Ok(ExitCode::SUCCESS)
}
