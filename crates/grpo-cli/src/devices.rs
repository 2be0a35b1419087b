use crate::failure::{Classify, Failure};
use crate::table;
use std::io::{self, Write};
use std::process::ExitCode;

/// `grpo devices`.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let mut rows = vec![["device", "state", "what it is, or how to get it"].map(String::from).to_vec()];
    for line in grpo_device::available() {
        rows.push(vec![line.name.to_string(), line.state.to_string(), line.description]);
    }
    io::stdout().write_all(table::aligned(&rows, &[1, 2]).as_bytes()).while_running()?;
    Ok(ExitCode::SUCCESS)
}
