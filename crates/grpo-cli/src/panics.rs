use crate::words::command;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What panicked, the latest at the end. A panic that somebody catches (a reward's) leaves its line here and does no harm.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

static RUN: OnceLock<PathBuf> = OnceLock::new();

/// Remembers where a person finds what is left after a panic.
pub(crate) fn remember_run(folder: &Path) {
    let _ = RUN.set(folder.to_path_buf());
}

/// Runs the program. A panic is a mistake in it: it is told in one paragraph, with exit code 1.
pub(crate) fn guard(program: impl FnOnce() -> ExitCode) -> ExitCode {
    // The hook only takes notes. A panic on a device's thread reaches the main thread as another one, and both matter.
    set_hook(Box::new(note));
    catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| {
        let _ = writeln!(std::io::stderr(), "error: {}", paragraph());
        ExitCode::from(1)
    })
}

fn note(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(|l| format!(" (at {}:{})", l.file(), l.line())).unwrap_or_default();
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() == 2 {
        seen.remove(0);
    }
    seen.push(format!("{}{place}", what.trim()));
}

fn paragraph() -> String {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).join("; then ");
    let kept = match RUN.get() {
        Some(run) if run.join("checkpoint").exists() => {
            let path = run.display().to_string();
            format!(
                ". The last checkpoint is in {path}; `{}` goes on from it",
                command(&["train", "--resume", &path])
            )
        }
        Some(run) => format!(". The run folder {} has no checkpoint yet", run.display()),
        None => String::new(),
    };
    format!("this is a mistake in the program, please report it: {seen}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_paragraph() {
        let previous = std::panic::take_hook();
        let code = guard(|| panic!("the {} broke", "tensor"));
        std::panic::set_hook(previous);
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(1)));
        assert!(paragraph().contains("please report it: the tensor broke (at "));
    }
}
