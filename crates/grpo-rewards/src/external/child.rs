//! A program that is spoken to by lines, and can be ended whatever it does.
//!
//! Three threads keep the pipes moving: one writes requests, one reads answers, one keeps the end of what the
//! program complains about. So a program that writes without reading, or the other way round, blocks nobody but
//! itself, and each of its lines and all that it says unasked stay within fixed limits of memory.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::MAX_ANSWER;

/// Lines that may wait to be read; a program that says more unasked is held up.
const WAITING_LINES: usize = 4;
/// How much of the program's complaints is kept, in bytes.
const COMPLAINTS: usize = 8 << 10;
/// How long a program may take to end by itself once its input is closed.
const GRACE: Duration = Duration::from_secs(2);
/// How often a wait looks whether the program has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A running program.
pub(super) struct Child {
    process: std::process::Child,
    requests: Option<SyncSender<Vec<u8>>>,
    lines: Option<Receiver<Line>>,
    complaints: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
    reaped: bool,
}

enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// Why there was no line.
pub(super) enum Silence {
    /// The program ended, or closed its input or output: how, with its last complaints.
    Ended(String),
    /// No line in time.
    Late,
    /// A line above the limit.
    TooLong,
    /// The program has not taken the request before last.
    Deaf,
}

impl Child {
    /// Starts the program in a group of its own, so that Ctrl-C in a terminal reaches this program only and ends
    /// that one through its input.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        match Self::connect(&mut process) {
            Ok((requests, lines, complaints, listener)) => Ok(Self {
                process,
                requests: Some(requests),
                lines: Some(lines),
                complaints,
                listener,
                reaped: false,
            }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "the parts of one struct, used once")]
    fn connect(
        process: &mut std::process::Child,
    ) -> io::Result<(SyncSender<Vec<u8>>, Receiver<Line>, Arc<Mutex<Vec<u8>>>, JoinHandle<()>)> {
        let missing = || io::Error::other("a pipe to the program is missing");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = process.stdout.take().ok_or_else(missing)?;
        let errors = process.stderr.take().ok_or_else(missing)?;
        let (requests, to_write) = mpsc::sync_channel(1);
        let (read, lines) = mpsc::sync_channel(WAITING_LINES);
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&complaints);
        let thread = |name: &str| thread::Builder::new().name(format!("reward-{name}"));
        thread("input").spawn(move || write_requests(input, &to_write))?;
        thread("output").spawn(move || read_lines(output, &read))?;
        let listener = thread("errors").spawn(move || keep_end(errors, &heard))?;
        Ok((requests, lines, complaints, listener))
    }

    /// Hands over a request without waiting for the program to read it.
    pub(super) fn send(&mut self, request: Vec<u8>) -> Result<(), Silence> {
        let sent = match &self.requests {
            Some(requests) => requests.try_send(request),
            None => Err(TrySendError::Disconnected(request)),
        };
        sent.map_err(|error| match error {
            TrySendError::Full(_) => Silence::Deaf,
            TrySendError::Disconnected(_) => Silence::Ended(self.last_words()),
        })
    }

    /// The next line that the program writes.
    pub(super) fn line(&mut self, deadline: Instant) -> Result<Vec<u8>, Silence> {
        let mut last_look = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(lines) = &self.lines else { return Err(Silence::Ended(self.last_words())) };
            match lines.recv_timeout(left.min(LOOK)) {
                Ok(Line::Text(line)) => return Ok(line),
                Ok(Line::TooLong) => return Err(Silence::TooLong),
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::Ended(self.last_words())),
                Err(RecvTimeoutError::Timeout) if last_look => {
                    return Err(Silence::Ended(self.last_words()));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Silence::Late),
                // Its output may outlive it, in the hands of a program that it started: so look at itself, and
                // once more at what it may have written before it ended.
                Err(RecvTimeoutError::Timeout) => last_look = matches!(self.process.try_wait(), Ok(Some(_))),
            }
        }
    }

    /// How it ended and what it complained about last.
    fn last_words(&mut self) -> String {
        let status = self.wait_until(Instant::now() + Duration::from_millis(500));
        let end = status.map_or_else(
            || "closed its input or output without ending".to_owned(),
            |status| format!("ended ({status})"),
        );
        let complaints = self.complaints();
        if complaints.is_empty() { end } else { format!("{end}: {complaints}") }
    }

    /// The last three lines of its error output, in one line.
    pub(super) fn complaints(&self) -> String {
        // What an ended program wrote may still be in the pipe.
        let soon = Instant::now() + Duration::from_millis(100);
        while !self.listener.is_finished() && Instant::now() < soon {
            thread::sleep(Duration::from_millis(2));
        }
        let heard = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&heard);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }

    fn wait_until(&mut self, deadline: Instant) -> Option<std::process::ExitStatus> {
        let mut pause = Duration::from_millis(1);
        loop {
            match self.process.try_wait() {
                Ok(None) if Instant::now() < deadline => thread::sleep(pause),
                Ok(status) => return status,
                Err(_) => return None,
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Ends the program and those that it started, and waits for it. (Without Unix's process groups: the program
    /// alone. One that leaves its group by itself is out of reach.)
    pub(super) fn kill(&mut self) {
        if std::mem::replace(&mut self.reaped, true) {
            return;
        }
        #[cfg(unix)]
        if let Ok(id) = i32::try_from(self.process.id()) {
            use nix::sys::signal::{Signal, killpg};
            // Fails only where nobody is left.
            let _ = killpg(nix::unistd::Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    /// The end of its input asks it to end; what has not ended soon is killed. The threads end with the pipes.
    fn drop(&mut self) {
        self.requests = None;
        self.lines = None;
        if !self.reaped {
            self.wait_until(Instant::now() + GRACE);
        }
        self.kill();
    }
}

fn write_requests(mut input: ChildStdin, requests: &Receiver<Vec<u8>>) {
    for request in requests {
        // A program that does not read any more has ended or will be noticed by its silence.
        if input.write_all(&request).is_err() {
            return;
        }
    }
}

fn read_lines(output: ChildStdout, lines: &SyncSender<Line>) {
    let mut output = BufReader::with_capacity(64 << 10, output);
    loop {
        let mut line = Vec::new();
        let limit = MAX_ANSWER + 1;
        match (&mut output).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() as u64 == limit && line.last() != Some(&b'\n') => {
                let _ = lines.send(Line::TooLong);
                return;
            }
            Ok(_) => {
                if lines.send(Line::Text(line)).is_err() {
                    return;
                }
            }
        }
    }
}

fn keep_end(mut errors: impl Read, heard: &Mutex<Vec<u8>>) {
    let mut part = [0; 4096];
    loop {
        match errors.read(&mut part) {
            Ok(0) => return,
            Ok(count) => {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.extend_from_slice(&part[..count]);
                let surplus = heard.len().saturating_sub(COMPLAINTS);
                heard.drain(..surplus);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
