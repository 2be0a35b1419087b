use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// How a command ends badly.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What the person gave can't be used; nothing was written.
    BadInput,
    /// Something went wrong on the way.
    Running,
}

/// Says on whose side a failure is.
pub(crate) trait Classify<T> {
    /// The person's input is at fault: exit code 2.
    fn bad_input(self) -> Result<T, Failure>;
    /// The input was fine, but something failed later: exit code 1.
    fn while_running(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Classify<T> for Result<T, E> {
    fn bad_input(self) -> Result<T, Failure> {
        self.map_err(|error| Failure { kind: Kind::BadInput, error: error.into() })
    }

    fn while_running(self) -> Result<T, Failure> {
        self.map_err(|error| Failure { kind: Kind::Running, error: error.into() })
    }
}

impl Failure {
    /// Writes one paragraph on stderr; the result is the program's exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        if self.error.chain().any(is_broken_pipe) {
            return ExitCode::SUCCESS; // whoever read our output has enough of it, as in `grpo generate ... | head`
        }
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("error: {}\n", paragraph(&self.error)));
        match self.kind {
            Kind::BadInput => ExitCode::from(2),
            Kind::Running => ExitCode::from(1),
        }
    }
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// The error with its causes. The libraries' messages often contain their cause: it isn't said twice.
fn paragraph(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
    }
    text.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_said_once() {
        assert_eq!(paragraph(&anyhow!("no disk").context("can't write x")), "can't write x: no disk");
        assert_eq!(
            paragraph(&anyhow!("no disk").context("can't write x: no disk")),
            "can't write x: no disk"
        );
    }
}
