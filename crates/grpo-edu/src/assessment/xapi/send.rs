//! Sending what waits in a spool, so that one bad statement doesn't hold up the others and nothing is lost.

use serde_json::{Map, Value};

use super::read::{at, text_at};
use super::spool::Waiting;
use super::time::parse_duration;
use super::{Spool, Timestamp, XapiError};

/// Something that keeps statements: `Lrs` (feature `http`), or a stand-in for it.
pub trait Store {
    /// Stores a JSON list of statements: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    fn store(&self, statements: &str) -> Result<(), Failure>;

    /// The statement with this id, if there is one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    fn find(&self, id: &str) -> Result<Option<Map<String, Value>>, Failure>;
}

/// Why a store didn't do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Something about the statements isn't as the store wants it; others may be (400, 409, 413, 422).
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the store says.
        reason: String,
    },
    /// The store wants nothing from whoever asks, or isn't there (401, 403, 404).
    Denied {
        /// The HTTP status.
        status: u16,
        /// What the store says.
        reason: String,
    },
    /// The store doesn't work, or can't be reached (5xx, 429, no connection).
    Unavailable {
        /// What happened.
        reason: String,
    },
}

/// How much is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Statements in a request. Default: 50.
    pub statements: usize,
    /// Bytes in a request; a single statement may be larger. Default: 1 MiB.
    pub bytes: usize,
    /// After how many refused statements in a row, with none accepted, sending ends: then the fault isn't theirs. Default: 100.
    pub refused_in_a_row: usize,
}

impl Default for Batches {
    fn default() -> Self {
        Self { statements: 50, bytes: 1 << 20, refused_in_a_row: 100 }
    }
}

/// What became of the statements that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendReport {
    /// Statements that the store has now.
    pub sent: usize,
    /// Those among them that a single request found there already.
    pub known: usize,
    /// Statements that the store refused; they are in [`Spool::refused_file`].
    pub refused: usize,
}

impl Spool {
    /// Sends everything that waits, in order and in batches.
    ///
    /// A batch that the store refuses is halved until the statements at fault stand alone. Of such a one the store is asked whether it
    /// has it already, the same in everything that matters: then it counts as sent. Else it goes to [`Spool::refused_file`] with the
    /// store's reason. Progress is written to disk after every request.
    ///
    /// # Errors
    ///
    /// [`XapiError::Unavailable`] and [`XapiError::Denied`]: what wasn't sent waits for the next call. [`XapiError::AllRefused`];
    /// [`XapiError::File`].
    pub fn send(&mut self, store: &dyn Store, batches: &Batches) -> Result<SendReport, XapiError> {
        let mut report = SendReport::default();
        loop {
            let batch = self.next(batches.statements.max(1), batches.bytes)?;
            if batch.is_empty() {
                self.tidy()?;
                return Ok(report);
            }
            self.send_batch(&batch, store, batches, &mut report)?;
        }
    }

    fn send_batch(
        &mut self,
        batch: &[Waiting],
        store: &dyn Store,
        batches: &Batches,
        report: &mut SendReport,
    ) -> Result<(), XapiError> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let Some(end) = part.last().map(|last| last.end) else { continue };
            let Err(failure) = store.store(&list(part)) else {
                report.sent += part.len();
                self.record(end)?;
                continue;
            };
            match (failure, part) {
                (Failure::Refused { status, reason }, [one]) => {
                    self.settle(one, status, &reason, store, report)?;
                    self.record(end)?;
                    if report.sent == 0 && report.refused >= batches.refused_in_a_row {
                        let path = self.refused_file().display().to_string();
                        return Err(XapiError::AllRefused { refused: report.refused, reason, path });
                    }
                }
                (Failure::Refused { .. }, _) => {
                    // The first half first: what is recorded must be sent from the beginning on.
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (other, _) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// A single statement was refused: the store has it already, or it is kept with the reason.
    fn settle(
        &mut self,
        one: &Waiting,
        status: u16,
        reason: &str,
        store: &dyn Store,
        report: &mut SendReport,
    ) -> Result<(), XapiError> {
        let own: Option<Map<String, Value>> = serde_json::from_str(&one.json).ok();
        let id = own.as_ref().and_then(|own| text_at(own, &["id"]));
        let stored = match id.map(|id| store.find(id)) {
            Some(Ok(stored)) => stored,
            // A question that the store doesn't understand isn't answered with yes.
            Some(Err(Failure::Refused { .. })) | None => None,
            Some(Err(other)) => return Err(other.into()),
        };
        if own.zip(stored).is_some_and(|(own, stored)| is_same(&own, &stored)) {
            report.sent += 1;
            report.known += 1;
            return Ok(());
        }
        report.refused += 1;
        self.keep_refused(&one.json, status, reason)
    }
}

impl From<Failure> for XapiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { status, reason } | Failure::Denied { status, reason } => {
                Self::Denied { status, reason }
            }
            Failure::Unavailable { reason } => Self::Unavailable { reason },
        }
    }
}

fn list(statements: &[Waiting]) -> String {
    let texts: Vec<&str> = statements.iter().map(|one| one.json.as_str()).collect();
    format!("[{}]", texts.join(","))
}

/// Whether a stored statement says what ours does. A store may add to it and write it in other ways (xAPI 1.0.3, Data, 2.3.1).
fn is_same(own: &Map<String, Value>, stored: &Map<String, Value>) -> bool {
    let number = |path: &[&str]| {
        let of = |statement| at(statement, path).and_then(Value::as_f64);
        of(own) == of(stored)
    };
    let value = |path: &[&str]| at(own, path) == at(stored, path);
    let text = |path: &[&str]| {
        // UUIDs and addresses may change their case.
        let of = |statement| text_at(statement, path).map(str::to_lowercase);
        of(own) == of(stored)
    };
    let moment = |path: &[&str]| {
        // A store may keep milliseconds only.
        let of = |statement| text_at(statement, path).and_then(Timestamp::parse);
        match (of(own), of(stored)) {
            (Some(own), Some(stored)) => {
                own.seconds() == stored.seconds() && own.nanos() / 1_000_000 == stored.nanos() / 1_000_000
            }
            (own, _) => own.is_none(),
        }
    };
    let duration = |path: &[&str]| {
        let of = |statement| text_at(statement, path).map(parse_duration);
        match (of(own), of(stored)) {
            (Some(Some(own)), Some(Some(stored))) => {
                own.months == stored.months && (own.seconds - stored.seconds).abs() < 0.011
            }
            (own, stored) => own == stored,
        }
    };
    let ids: [&[&str]; 6] = [
        &["id"],
        &["actor", "mbox"],
        &["actor", "mbox_sha1sum"],
        &["actor", "account", "homePage"],
        &["object", "id"],
        &["context", "registration"],
    ];
    let exact: [&[&str]; 5] = [
        &["actor", "account", "name"],
        &["verb", "id"],
        &["result", "success"],
        &["result", "completion"],
        &["result", "response"],
    ];
    let scores = ["scaled", "raw", "min", "max"];
    ids.into_iter().all(text)
        && exact.into_iter().all(value)
        && scores.into_iter().all(|key| number(&["result", "score", key]))
        && duration(&["result", "duration"])
        && moment(&["timestamp"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_statement_may_look_different() {
        let own = json!({
            "id": "ABCDEF00-0000-5000-8000-000000000000",
            "actor": {"mbox": "mailto:a@example.org"},
            "verb": {"id": "v"},
            "object": {"id": "http://example.org/q"},
            "result": {"score": {"raw": 1.0}, "success": true, "duration": "PT1.504S"},
            "timestamp": "2026-01-31T12:00:00.123456Z",
        });
        let mut stored = own.clone();
        stored["id"] = json!("abcdef00-0000-5000-8000-000000000000");
        stored["actor"]["objectType"] = json!("Agent");
        stored["result"]["score"]["raw"] = json!(1);
        stored["result"]["duration"] = json!("PT1.5S");
        stored["timestamp"] = json!("2026-01-31T14:00:00.123+02:00");
        stored["stored"] = json!("2026-01-31T12:00:01Z");
        let map = |value: &Value| value.as_object().unwrap().clone();
        assert!(is_same(&map(&own), &map(&stored)));
        for (path, other) in [
            ("/actor/mbox", json!("mailto:b@example.org")),
            ("/result/score/raw", json!(2)),
            ("/result/success", json!(false)),
            ("/result/duration", json!("PT2S")),
            ("/timestamp", json!("2026-01-31T12:00:00.124Z")),
            ("/object/id", json!("http://example.org/r")),
        ] {
            let mut different = stored.clone();
            *different.pointer_mut(path).unwrap() = other;
            assert!(!is_same(&map(&own), &map(&different)), "{path}");
        }
    }
}
