//! xAPI: statements of others.

use grpo_edu::EduError;
use grpo_edu::assessment::xapi::{Page, Statement, Timestamp, histories, statements, validate};
use grpo_edu::knowledge::ResponseLog;
use serde_json::Value;

use crate::budget::within;
use crate::input;

/// A file of statements, or an answer of a learning record store.
pub fn xapi(data: &[u8]) {
    let bytes = input::grown(data);
    let text = input::text(data);
    let found = within("statements", || statements(&text, "log.jsonl"));
    match &found {
        Ok(found) => found.iter().for_each(|one| check_statement(Value::Object(one.value.clone()))),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("log.jsonl") && message.len() < 1000, "{message}");
        }
    }
    if let Err(error) = within("a page", || Page::parse(&bytes)) {
        assert!(error.to_string().len() < 1000, "{error}");
    }
    if let Some(moment) = text.lines().next().and_then(Timestamp::parse) {
        let written = moment.to_string();
        assert_eq!(Timestamp::parse(&written), Some(moment), "{written}");
    }
    check_histories(&text, found.is_ok());
}

/// Everything that a store accepts can be written again.
fn check_statement(value: Value) {
    let verdict = within("validation", || validate(&value));
    if let Err(error) = &verdict {
        assert!(error.to_string().len() < 1000, "{error}");
    }
    if let Ok(statement) = serde_json::from_value::<Statement>(value)
        && verdict.is_ok()
        && let Ok(written) = statement.value()
    {
        let again: Statement = serde_json::from_value(written).expect("what was written is read");
        assert_eq!(again, statement);
    }
}

/// A response log looks at less than a history, so it reads whatever a history reads.
fn check_histories(text: &str, is_read: bool) {
    let read = within("histories", || histories(text, "log.jsonl"));
    let log = within("a response log", || ResponseLog::parse_xapi(text, "log.jsonl"));
    match (read, log) {
        (Ok(read), Ok(log)) => {
            let answers: usize = read.learners.iter().map(|learner| learner.answers.len()).sum();
            assert_eq!((answers, read.skipped), (log.len(), log.skipped()));
            assert_eq!(read.learners.len(), log.learners().len());
        }
        (Ok(read), Err(EduError::EmptyLog { .. })) => assert!(read.learners.is_empty()),
        (Ok(_), Err(error)) => panic!("histories are read, but a log is refused: {error}"),
        (Err(error), _) => {
            let message = error.to_string();
            assert!(message.starts_with("log.jsonl") && message.len() < 1000, "{message}");
            return;
        }
    }
    assert!(is_read, "histories are read where statements are refused");
}
