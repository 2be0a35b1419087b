//! What waits for a learning record store: nothing is lost, nothing bad holds up the rest, whatever breaks in between.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use grpo_edu::assessment::xapi::{
    Batches, Failure, Learner, Recorder, SessionInfo, Spool, Statement, Store, Timestamp, XapiConfig,
    XapiError,
};
use serde_json::{Map, Value};

/// A store in memory that takes lists whole or not at all, as xAPI wants it.
#[derive(Default)]
struct Memory {
    stored: RefCell<BTreeMap<String, Map<String, Value>>>,
    /// Sessions whose statements it refuses.
    refuses: Vec<String>,
    /// Statements in a list that are too many for it (413).
    too_many: Option<usize>,
    /// Requests after which it is gone.
    lives: Cell<Option<usize>>,
    /// Whether it is gone before or after it stored what came last.
    stores_last: bool,
    /// Whether it refuses what it has already instead of accepting it once more.
    is_strict: bool,
    requests: Cell<usize>,
}

fn text(statement: &Map<String, Value>, path: &str) -> String {
    let value =
        path.split('.').try_fold(&Value::Object(statement.clone()), |value, key| value.get(key)).cloned();
    value.and_then(|value| value.as_str().map(str::to_string)).unwrap_or_default()
}

impl Store for Memory {
    fn store(&self, statements: &str) -> Result<(), Failure> {
        self.requests.set(self.requests.get() + 1);
        let refuse = |status, reason: &str| Err(Failure::Refused { status, reason: reason.into() });
        let gone = Failure::Unavailable { reason: "gone".into() };
        let is_last = match self.lives.get() {
            Some(0) => return Err(gone),
            Some(lives) => {
                self.lives.set(Some(lives - 1));
                lives == 1
            }
            None => false,
        };
        if is_last && !self.stores_last {
            return Err(gone);
        }
        let Ok(list) = serde_json::from_str::<Vec<Map<String, Value>>>(statements) else {
            return refuse(400, "not a list");
        };
        if self.too_many.is_some_and(|many| list.len() >= many) {
            return refuse(413, "too large");
        }
        let mut stored = self.stored.borrow_mut();
        for statement in &list {
            if self.refuses.contains(&text(statement, "object.id")) {
                return refuse(400, "this assessment is unknown");
            }
            match stored.get(&text(statement, "id")) {
                Some(own) if self.is_strict || own != statement => {
                    return refuse(409, "there is one with this id");
                }
                _ => {}
            }
        }
        stored.extend(list.into_iter().map(|statement| (text(&statement, "id"), statement)));
        if is_last { Err(gone) } else { Ok(()) }
    }

    fn find(&self, id: &str) -> Result<Option<Map<String, Value>>, Failure> {
        Ok(self.stored.borrow().get(id).cloned())
    }
}

fn statement(number: usize, assessment: &str) -> Statement {
    let recorder = Recorder::new(XapiConfig::default()).unwrap();
    let (session, learner) = (number.to_string(), Learner::Id("ada".into()));
    let info = SessionInfo { run: "r", session: &session, learner, assessment };
    recorder.session(info).unwrap().initialized(Timestamp::from_unix(number as i64, 0).unwrap()).unwrap()
}

/// So many statements; those at the places of `bad` are of an assessment that a store may refuse.
fn batch(count: usize, bad: &[usize]) -> Vec<Statement> {
    (0..count).map(|number| statement(number, if bad.contains(&number) { "bad" } else { "good" })).collect()
}

fn refusing() -> Memory {
    Memory { refuses: vec!["https://example.org/grpo/assessments/bad".into()], ..Memory::default() }
}

fn batches(statements: usize) -> Batches {
    Batches { statements, ..Batches::default() }
}

fn refused(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("refused.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn everything_arrives_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path().join("new/folder")).unwrap();
    let store = Memory::default();
    assert_eq!(spool.send(&store, &Batches::default()).unwrap().sent, 0);
    spool.push(&batch(103, &[])).unwrap();
    assert_eq!(spool.waiting().unwrap(), 103);
    assert_eq!(spool.send(&store, &batches(10)).unwrap().sent, 103);
    assert_eq!((store.requests.get(), store.stored.borrow().len(), spool.waiting().unwrap()), (11, 103, 0));
    // By bytes: each statement has a few hundred.
    spool.push(&batch(5, &[])).unwrap();
    spool.send(&store, &Batches { bytes: 1, ..Batches::default() }).unwrap();
    assert_eq!(store.requests.get(), 16);
    assert_eq!(fs::metadata(folder.path().join("new/folder/queue.jsonl")).unwrap().len(), 0);
}

#[test]
fn one_bad_statement_holds_up_no_other() {
    for bad in [vec![0], vec![7], vec![31], vec![3, 4, 20], (0..32).step_by(2).collect()] {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        let store = refusing();
        spool.push(&batch(32, &bad)).unwrap();
        let report = spool.send(&store, &batches(32)).unwrap();
        assert_eq!((report.sent, report.known, report.refused), (32 - bad.len(), 0, bad.len()));
        assert_eq!(store.stored.borrow().len(), 32 - bad.len());
        let kept = refused(folder.path());
        let ids: Vec<_> =
            kept.iter().map(|line| line["statement"]["id"].as_str().unwrap().to_string()).collect();
        assert_eq!(ids, bad.iter().map(|place| statement(*place, "bad").id.to_string()).collect::<Vec<_>>());
        assert_eq!(
            (&kept[0]["status"], &kept[0]["reason"]),
            (&Value::from(400), &"this assessment is unknown".into())
        );
        // Halving: at most two requests for each halving of each bad one.
        assert!(store.requests.get() <= 1 + 2 * 5 * bad.len(), "{}", store.requests.get());
        assert_eq!(spool.waiting().unwrap(), 0);
    }
}

#[test]
fn a_list_that_is_too_large_is_halved() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    let store = Memory { too_many: Some(7), ..Memory::default() };
    spool.push(&batch(50, &[])).unwrap();
    assert_eq!(spool.send(&store, &batches(50)).unwrap().sent, 50);
    assert_eq!((store.stored.borrow().len(), refused(folder.path()).len()), (50, 0));
}

/// Whenever the store goes away, and whether or not it had stored what was sent last: afterwards it has everything, once.
#[test]
fn a_store_that_goes_away_loses_nothing() {
    for stores_last in [false, true] {
        for is_strict in [false, true] {
            for lives in 0..8 {
                let folder = tempfile::tempdir().unwrap();
                let mut store = refusing();
                (store.stores_last, store.is_strict) = (stores_last, is_strict);
                store.lives.set(Some(lives));
                let mut spool = Spool::open(folder.path()).unwrap();
                spool.push(&batch(30, &[13])).unwrap();
                let error = spool.send(&store, &batches(6)).unwrap_err();
                assert_eq!(error, XapiError::Unavailable { reason: "gone".into() });
                assert!(spool.waiting().unwrap() > 0);
                drop(spool);
                store.lives.set(None);
                let mut spool = Spool::open(folder.path()).unwrap();
                let report = spool.send(&store, &batches(6)).unwrap();
                assert_eq!((store.stored.borrow().len(), spool.waiting().unwrap()), (29, 0));
                assert_eq!(refused(folder.path()).len(), 1);
                assert!(report.known == 0 || is_strict);
            }
        }
    }
}

/// The process ends between the store's answer and the note of it: `sent.json` is the one from before.
#[test]
fn a_crash_before_the_note_sends_once_more() {
    for is_strict in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Memory { is_strict, ..Memory::default() };
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.push(&batch(10, &[])).unwrap();
        let queue = fs::read(folder.path().join("queue.jsonl")).unwrap();
        spool.send(&store, &batches(4)).unwrap();
        drop(spool);
        fs::write(folder.path().join("queue.jsonl"), &queue).unwrap();
        let line = queue.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        fs::write(folder.path().join("sent.json"), format!("{{\"bytes\":{line}}}")).unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        let report = spool.send(&store, &batches(4)).unwrap();
        assert_eq!((report.sent, report.known), (9, if is_strict { 9 } else { 0 }));
        assert_eq!((store.stored.borrow().len(), refused(folder.path()).len()), (10, 0));
    }
}

#[test]
fn half_a_statement_in_the_queue_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    Spool::open(folder.path()).unwrap().push(&batch(3, &[])).unwrap();
    let path = folder.path().join("queue.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    assert_eq!(spool.waiting().unwrap(), 2);
    spool.push(&batch(4, &[])[2..]).unwrap();
    let store = Memory::default();
    spool.send(&store, &Batches::default()).unwrap();
    assert_eq!(store.stored.borrow().len(), 4);
}

#[test]
fn another_statement_with_the_same_id_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&batch(5, &[])).unwrap();
    spool.send(&store, &Batches::default()).unwrap();
    // The same run and session, but another assessment.
    spool.push(&batch(8, &[2])).unwrap();
    let report = spool.send(&store, &Batches::default()).unwrap();
    assert_eq!((report.sent, report.refused, store.stored.borrow().len()), (7, 1, 8));
    let kept = refused(folder.path());
    assert_eq!(
        (&kept[0]["status"], &kept[0]["statement"]["object"]["definition"]["name"]["en"]),
        (&409.into(), &"bad".into())
    );
}

#[test]
fn a_store_that_refuses_everything_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = refusing();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&batch(100, &(0..100).collect::<Vec<_>>())).unwrap();
    let few = Batches { refused_in_a_row: 12, ..batches(10) };
    let error = spool.send(&store, &few).unwrap_err();
    assert!(
        matches!(&error, XapiError::AllRefused { refused: 12, reason, .. } if reason.contains("unknown")),
        "{error}"
    );
    assert_eq!((spool.waiting().unwrap(), refused(folder.path()).len()), (88, 12));
    struct Closed;
    impl Store for Closed {
        fn store(&self, _: &str) -> Result<(), Failure> {
            Err(Failure::Denied { status: 401, reason: "who are you".into() })
        }
        fn find(&self, _: &str) -> Result<Option<Map<String, Value>>, Failure> {
            unreachable!("nothing was refused")
        }
    }
    let error = spool.send(&Closed, &few).unwrap_err();
    assert!(matches!(error, XapiError::Denied { status: 401, .. }), "{error}");
    assert_eq!(spool.waiting().unwrap(), 88);
}

#[test]
fn a_folder_that_does_not_fit_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    assert!(Spool::open(folder.path()).unwrap_err().to_string().contains("in use by another process"));
    drop(spool);
    Spool::open(folder.path()).unwrap().push(&batch(2, &[])).unwrap();
    for (sent, problem) in [
        ("{\"bytes\":999999}", "999999 bytes were sent, but queue.jsonl has"),
        ("{\"bytes\":5}", "byte 5 of queue.jsonl isn't the end of a line"),
        ("{\"bytes\":-5}", "delete it, and everything in queue.jsonl is sent once more"),
        ("", "delete it"),
    ] {
        fs::write(folder.path().join("sent.json"), sent).unwrap();
        let error = Spool::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    fs::remove_file(folder.path().join("sent.json")).unwrap();
    // A line that somebody spoilt goes to the refused ones, the others arrive.
    let path = folder.path().join("queue.jsonl");
    let queue = fs::read_to_string(&path).unwrap();
    fs::write(&path, queue.replacen("{\"actor", "{actor", 1)).unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    let report = spool.send(&Memory::default(), &Batches::default()).unwrap();
    assert_eq!((report.sent, report.refused), (1, 1));
    assert!(refused(folder.path())[0]["statement"].as_str().unwrap().starts_with("{actor"));
}
