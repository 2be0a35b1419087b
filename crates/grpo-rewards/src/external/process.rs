//! A reward in another program, spoken to by lines of JSON.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::batches::{self, Exchange, Failure, Patience, Then, batch_size, seconds, units};
use super::child::{Child, Silence};
use super::protocol::{Reading, decode, encode};
use super::{MAX_ANSWER, single};
use crate::spec::Settings;
use crate::{Outcome, Reward, RewardError, Sample, Score};

/// A program that gives the scores: it reads one line of JSON for each batch and writes one (see
/// [the module](super)).
///
/// It is started at the first batch and kept running. If it ends, it is started again and asked once more; if it
/// does not answer in time, it is ended and started again. If a batch fails all the same, its samples are asked
/// one by one, so that a sample that the program cannot bear costs its own score only. What failed for good is
/// recorded as [`Outcome::Failed`] with what the program wrote to its error output last. A batch takes at most
/// `restarts + 3` times the two limits together, however the program behaves; and after a batch of several samples
/// without any answer, the next ones are tried only once, until one is answered.
///
/// It inherits the environment, with `PYTHONUNBUFFERED=1` and `PYTHONUTF8=1` unless they are set: a Python program
/// then answers at once and reads UTF-8 everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildProcess {
    /// The program and its arguments: `["python3", "reward.py"]`. No shell reads them; paths are those of the
    /// folder in which grpo was started.
    pub command: Vec<String>,
    /// Seconds until the answer to one request. Default: 60.
    #[serde(default = "default_time_limit")]
    pub time_limit: f64,
    /// Seconds that the first answer after a start may take longer (imports, loading a model). Default: 30.
    #[serde(default = "default_start_limit")]
    pub start_limit: f64,
    /// How many samples one request holds at most. Default: 64.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Whether the episodes of a group are always in one request, for rewards that compare them; a request
    /// then holds at least one group, whatever `batch_size` says. Default: false.
    #[serde(default)]
    pub whole_groups: bool,
    /// How often the program may be started again during one batch. Default: 3.
    #[serde(default = "default_restarts")]
    pub restarts: u32,
    /// Further environment variables of the program. They are written into the run folder as they stand here:
    /// pass secrets by the environment of grpo itself, which the program inherits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

fn default_time_limit() -> f64 {
    60.0
}

fn default_start_limit() -> f64 {
    30.0
}

fn default_batch_size() -> usize {
    64
}

fn default_restarts() -> u32 {
    3
}

impl ChildProcess {
    /// A program with its arguments and the default limits.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            time_limit: default_time_limit(),
            start_limit: default_start_limit(),
            batch_size: default_batch_size(),
            whole_groups: false,
            restarts: default_restarts(),
            env: BTreeMap::new(),
        }
    }
}

impl Settings for ChildProcess {
    fn kind(&self) -> &'static str {
        "process"
    }

    /// Checks the settings. The program itself starts with the first batch.
    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.command.first().is_none_or(|program| program.trim().is_empty()) {
            let fix = "name a program and its arguments, for example [\"python3\", \"reward.py\"]";
            return Err(RewardError::invalid("command", "names no program", fix));
        }
        if let Some(index) = self.command.iter().position(|part| part.contains('\0')) {
            let problem = "has a NUL character, which no argument can hold";
            return Err(RewardError::invalid(&format!("command[{index}]"), problem, "take it out"));
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let problem = format!("{name:?} cannot be set as an environment variable");
                let fix = "use a name without `=`, and no NUL characters";
                return Err(RewardError::invalid("env", problem, fix));
            }
        }
        batch_size(self.batch_size)?;
        let limits = Limits {
            answer: seconds("time_limit", self.time_limit)?,
            start: match self.start_limit {
                0.0 => Duration::ZERO,
                limit => seconds("start_limit", limit)?,
            },
        };
        let state = Mutex::new(State { child: None, fresh: true, last_id: 0 });
        Ok(Box::new(Program { settings: self.clone(), limits, state, hopeless: AtomicBool::new(false) }))
    }
}

#[derive(Clone, Copy)]
struct Limits {
    answer: Duration,
    start: Duration,
}

/// The reward itself. One request at a time: several threads wait for each other.
struct Program {
    settings: ChildProcess,
    limits: Limits,
    state: Mutex<State>,
    hopeless: AtomicBool,
}

struct State {
    child: Option<Child>,
    /// Whether the program has not answered yet since it was started.
    fresh: bool,
    last_id: u64,
}

impl Reward for Program {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        single(self.score_batch(std::slice::from_ref(sample)))
    }

    fn per_episode(&self) -> bool {
        !self.settings.whole_groups
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        let units = units(samples, self.settings.whole_groups);
        let batches = batches::batches(&units, self.settings.batch_size);
        let outcomes = batches.iter().map(|batch| batches::score(self, samples, batch));
        super::in_order(samples.len(), &batches, outcomes)
    }
}

impl Exchange for Program {
    fn ask(&self, samples: &[Sample<'_>]) -> Result<Vec<Outcome>, Failure> {
        // A thread that panicked in here left a program behind that the next request notices.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_id += 1;
        let id = state.last_id;
        let request =
            encode(id, samples).map_err(|why| Failure { why, then: Then::GiveUp, costly: false })?;
        let limit =
            self.limits.answer + if self.start(&mut state)? { self.limits.start } else { Duration::ZERO };
        let Some(child) = state.child.as_mut() else { return Err(self.not_started("it is not there")) };
        match exchange(child, request, id, samples.len(), Instant::now() + limit) {
            Ok(Reading::Scores(outcomes)) => {
                state.fresh = false;
                Ok(outcomes)
            }
            Ok(Reading::Earlier) => Err(self.wrong("the answer belongs to an earlier request")),
            Ok(Reading::Wrong(why)) => Err(self.wrong(&why)),
            Err(silence) => {
                child.kill();
                let failure = self.silent(silence, child, limit);
                state.child = None;
                Err(failure)
            }
        }
    }

    fn patience(&self) -> Patience {
        let failures = self.settings.restarts;
        let once = self.limits.answer + self.limits.start;
        Patience { failures, time: once.saturating_mul(failures.saturating_add(1)) }
    }

    fn hopeless(&self) -> &AtomicBool {
        &self.hopeless
    }
}

/// One request and its answer. Late answers to earlier requests are passed over.
fn exchange(
    child: &mut Child,
    request: Vec<u8>,
    id: u64,
    count: usize,
    deadline: Instant,
) -> Result<Reading, Silence> {
    child.send(request)?;
    loop {
        match decode(&child.line(deadline)?, id, count, true) {
            // A flood of them must not put the end of its time off.
            Reading::Earlier if Instant::now() >= deadline => return Err(Silence::Late),
            Reading::Earlier => {}
            reading => return Ok(reading),
        }
    }
}

impl Program {
    /// Starts the program where it does not run. Answers whether it still has to show that it works.
    fn start(&self, state: &mut State) -> Result<bool, Failure> {
        if state.child.is_none() {
            let mut command = self.command();
            state.child =
                Some(Child::start(&mut command).map_err(|error| self.not_started(&error.to_string()))?);
            state.fresh = true;
        }
        Ok(state.fresh)
    }

    fn command(&self) -> Command {
        let mut parts = self.settings.command.iter();
        let mut command = Command::new(parts.next().map(String::as_str).unwrap_or_default());
        command.args(parts);
        for (name, value) in [("PYTHONUNBUFFERED", "1"), ("PYTHONUTF8", "1")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        command.envs(&self.settings.env);
        command
    }

    /// The command as messages show it.
    fn shown(&self) -> String {
        let line = self.settings.command.join(" ");
        let start: String = line.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if start.len() < line.len() { format!("`{start}...`") } else { format!("`{start}`") }
    }

    fn not_started(&self, problem: &str) -> Failure {
        let program = self.settings.command.first().map(String::as_str).unwrap_or_default();
        let why = format!(
            "{} cannot be started: {problem}; check that `{program}` is installed and in PATH, or give its path \
             in `command`",
            self.shown(),
        );
        Failure { why, then: Then::GiveUp, costly: true }
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure { why: format!("{}: {why}", self.shown()), then: Then::Split, costly: false }
    }

    fn silent(&self, silence: Silence, child: &Child, limit: Duration) -> Failure {
        let name = self.shown();
        let (why, then) = match silence {
            Silence::Ended(how) => (format!("{name} {how}"), Then::Again),
            Silence::Late => {
                let complaints = child.complaints();
                let last = if complaints.is_empty() { String::new() } else { format!(": {complaints}") };
                let limit = limit.as_secs_f64();
                let why = format!(
                    "{name} did not answer within {limit} s and was ended (does it flush its output?){last}"
                );
                (why, Then::Split)
            }
            Silence::TooLong => {
                (format!("{name} wrote a line of more than {MAX_ANSWER} bytes and was ended"), Then::Split)
            }
            Silence::Deaf => (format!("{name} does not read its input and was ended"), Then::Split),
        };
        Failure { why, then, costly: true }
    }
}
