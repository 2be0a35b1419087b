//! Sends answers to a learning record store, and reads them back as learner histories and as a log to fit knowledge models to.
//!
//! ```sh
//! export GRPO_LRS_PASSWORD=...
//! cargo run --release -p grpo-edu --features http --example xapi_lrs -- send http://localhost:8100/xAPI grpo spool 20
//! cargo run --release -p grpo-edu --features http --example xapi_lrs -- read http://localhost:8100/xAPI grpo answers.jsonl
//! ```
//!
//! `send` records so many sessions of three simulated learners, puts them into the spool folder and sends what waits there: with 0
//! sessions only what an earlier call couldn't send. `read` writes all statements to a file that `grpo edu fit` takes.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grpo_edu::assessment::xapi::{
    Answered, Batches, Finished, Learner, Lrs, LrsConfig, Recorder, Score, Session, SessionInfo, Spool,
    Statement, StatementQuery, Timestamp, XapiConfig, XapiError, histories,
};
use grpo_edu::assessment::{Definition, Interaction, Marked, Response};
use grpo_edu::knowledge::{Columns, ResponseLog};

const QUESTIONS: u64 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["send", url, user, spool, sessions] => send(&connect(url, user)?, spool, sessions.parse()?),
        ["read", url, user, file] => read(&connect(url, user)?, file),
        _ => Err("use: xapi_lrs send URL USER SPOOL SESSIONS, or: xapi_lrs read URL USER FILE".into()),
    }
}

/// The password comes from the environment: arguments can be seen by everybody on the machine.
fn connect(url: &str, user: &str) -> Result<Lrs, XapiError> {
    Lrs::connect(&LrsConfig { url: url.into(), user: Some(user.into()), retries: 2, ..LrsConfig::default() })
}

fn send(store: &Lrs, folder: &str, sessions: u64) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    // A second run must not have the ids of the first one.
    let run = format!("example-{}", now.as_nanos());
    let recorder = Recorder::new(XapiConfig::default())?;
    let mut spool = Spool::open(folder)?;
    for number in 0..sessions {
        let learner = ["ada", "bob", "cyd"][(number % 3) as usize];
        let info = SessionInfo {
            run: &run,
            session: &number.to_string(),
            learner: Learner::Id(learner.into()),
            assessment: "times tables",
        };
        let begin = now + Duration::from_secs(100 * number);
        spool.push(&record(&recorder.session(info)?, number, begin)?)?;
    }
    println!("{} statements wait in {folder}", spool.waiting()?);
    match spool.send(store, &Batches::default()) {
        Ok(report) => println!("{} sent, {} refused", report.sent, report.refused),
        Err(error) => {
            println!("{} statements still wait in {folder}", spool.waiting()?);
            return Err(error.into());
        }
    }
    Ok(())
}

/// One session: a beginning, ten answers, an end.
fn record(session: &Session<'_>, number: u64, begin: Duration) -> Result<Vec<Statement>, XapiError> {
    let at = |seconds: u64| {
        let at = begin + Duration::from_secs(seconds);
        Timestamp::from_unix(at.as_secs() as i64, at.subsec_nanos())
    };
    let mut statements = vec![session.initialized(at(0)?)?];
    let mut right = 0;
    for step in 0..QUESTIONS {
        let (a, b) = (2 + step, 3 + (7 * number + step) % 8);
        // Larger products are harder, and later sessions go better.
        let is_right = a * b < 20 + 2 * number + (number + step) % 30;
        right += u64::from(is_right);
        let given = if is_right { a * b } else { a * b + 1 };
        let item = Definition {
            id: format!("{a}x{b}"),
            name: format!("{a} × {b}"),
            description: format!("What is {a} × {b}?"),
            interactions: vec![Interaction::Number],
            correct: vec![Some(Response::Number((a * b) as f64, (a * b).to_string()))],
        };
        let marked = Marked {
            responses: vec![Some(Response::Number(given as f64, given.to_string()))],
            score: Some(f64::from(u8::from(is_right))),
            min: 0.0,
            max: 1.0,
            reason: format!("{given} is {}", if is_right { "right" } else { "wrong" }),
        };
        statements.push(session.answered(&Answered {
            step,
            item: &item,
            marked: &marked,
            skill: Some(&format!("times {a}")),
            at: at(5 * (step + 1))?,
            took: Some(Duration::from_secs(5)),
        })?);
    }
    let share = right as f64 / QUESTIONS as f64;
    let score =
        Score { scaled: Some(share), raw: Some(right as f64), min: Some(0.0), max: Some(QUESTIONS as f64) };
    statements.push(session.finished(&Finished {
        at: at(5 * QUESTIONS)?,
        score: Some(score),
        passed: Some(share >= 0.5),
        took: Some(Duration::from_secs(5 * QUESTIONS)),
    })?);
    Ok(statements)
}

fn read(store: &Lrs, path: &str) -> Result<(), Box<dyn Error>> {
    // All statements: ralph's file backend (5.1.0) finds none where it is asked for a verb.
    let query = StatementQuery::default();
    let count = store.download(&query, &mut BufWriter::new(File::create(path)?), path)?;
    println!("{count} statements in {path}");
    let text = std::fs::read_to_string(path)?;
    let recorder = Recorder::new(XapiConfig::default())?;
    for history in histories(&text, path)?.learners {
        let right = history.answers.iter().filter(|answer| answer.correct).count();
        let last =
            history.answers.last().and_then(|answer| recorder.item_of(&answer.item)).unwrap_or_default();
        println!("{}: {right} of {} right, the last one {last}", history.learner, history.answers.len());
    }
    let log = ResponseLog::from_file(path, &Columns::default())?;
    println!("{} answers of {} learners to {} skills", log.len(), log.learners().len(), log.skills().len());
    Ok(())
}
