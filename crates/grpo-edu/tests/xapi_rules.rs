//! The rules of statements against other people's verdicts and numbers.

use std::collections::BTreeMap;

use grpo_edu::assessment::xapi::{
    Answered, Learner, Recorder, SessionInfo, Timestamp, XapiConfig, histories, validate,
};
use grpo_edu::assessment::{Definition, Interaction, Marked};
use serde::Deserialize;
use serde_json::{Value, json};

/// `oracle/xapi.py golden` wrote it with ralph-malph, rfc3987, pydantic and Python's uuid.
#[derive(Deserialize)]
struct Golden {
    statement: Value,
    rows: Vec<Row>,
    iris: Vec<Iri>,
    durations: Vec<Seconds>,
    times: Vec<Seconds>,
    base: String,
    sessions: Vec<Ids>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    spec: bool,
    ralph: bool,
    differs: Option<String>,
    set: BTreeMap<String, Value>,
    gone: Vec<String>,
}

#[derive(Deserialize)]
struct Iri {
    text: String,
    is_iri: bool,
}

#[derive(Deserialize)]
struct Seconds {
    text: String,
    seconds: f64,
}

#[derive(Deserialize)]
struct Ids {
    run: String,
    session: String,
    registration: String,
    initialized: String,
    answered: Vec<String>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/xapi.json")).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds, 250_000_000).unwrap()
}

/// The statement of a row: the whole one with something set or gone.
fn changed(whole: &Value, row: &Row) -> Value {
    let mut statement = whole.clone();
    let changes = row.set.iter().map(|(path, value)| (path, Some(value.clone())));
    for (path, value) in changes.chain(row.gone.iter().map(|path| (path, None))) {
        let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut parents = parents.split('.').filter(|parent| !parent.is_empty());
        let Some(place) = parents.try_fold(&mut statement, |place, parent| place.get_mut(parent)) else {
            continue;
        };
        match value {
            Some(value) => place[key] = value,
            None => {
                place.as_object_mut().unwrap().remove(key);
            }
        }
    }
    statement
}

#[test]
fn verdicts_are_those_of_the_specification_and_of_ralph() {
    let golden = golden();
    for row in &golden.rows {
        let verdict = validate(&changed(&golden.statement, row));
        assert_eq!(verdict.is_ok(), row.spec, "{}: {verdict:?}", row.name);
        assert_eq!(row.ralph != row.spec, row.differs.is_some(), "{}", row.name);
    }
    assert!(golden.rows.iter().filter(|row| !row.spec && !row.ralph).count() >= 50);
}

#[test]
fn a_refusal_names_the_path() {
    let golden = golden();
    let table = [
        ("result.score.scaled", json!(1.5), "`result.score.scaled` is 1.5; it must be from -1 to 1"),
        ("result.score.raw", json!(7), "`result.score.raw` is 7; it must be at most `max`, 2"),
        ("result.mark", json!(1), "`result` has \"mark\", which isn't one of score, success"),
        ("context.registration", json!("x"), "`context.registration` is \"x\"; it must be a UUID"),
        (
            "object.definition.choices",
            json!([{"id": "a"}, {"id": "b c"}]),
            "`object.definition.choices[1].id` is \"b c\"",
        ),
        (
            "actor",
            json!({"name": "Ada"}),
            "`actor` has 0 of mbox, mbox_sha1sum, openid, account; an agent has exactly one",
        ),
        ("verb", json!({}), "`verb` is an empty object; leave it out"),
        ("timestamp", Value::Null, "`timestamp` is null; it must be a text"),
    ];
    for (path, value, expected) in table {
        let row = Row {
            name: path.into(),
            spec: false,
            ralph: false,
            differs: None,
            set: BTreeMap::from([(path.to_string(), value)]),
            gone: vec![],
        };
        let error = validate(&changed(&golden.statement, &row)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(validate(&json!([1])).unwrap_err().to_string().contains("`the statement` is a list"));
}

#[test]
fn addresses_durations_times_and_ids_are_those_of_python() {
    let golden = golden();
    for iri in &golden.iris {
        let mut statement = golden.statement.clone();
        statement["object"]["id"] = json!(iri.text);
        let verdict = validate(&statement);
        assert_eq!(verdict.is_ok(), iri.is_iri, "{:?}: {verdict:?}", iri.text);
    }
    for time in &golden.times {
        let at = Timestamp::parse(&time.text).unwrap();
        let seconds = at.seconds() as f64 + f64::from(at.nanos()) / 1e9;
        assert!((seconds - time.seconds).abs() < 1e-6, "{}: {seconds}", time.text);
    }
    for duration in &golden.durations {
        let mut statement = golden.statement.clone();
        statement["result"]["duration"] = json!(duration.text);
        statement["result"]["success"] = json!(true);
        let read = histories(&statement.to_string(), "t").unwrap();
        assert_eq!(read.learners[0].answers[0].details.seconds, Some(duration.seconds), "{}", duration.text);
    }
    let recorder = Recorder::new(XapiConfig { base: golden.base, ..XapiConfig::default() }).unwrap();
    let item = Definition { id: "q".into(), interactions: vec![Interaction::Text], ..Definition::default() };
    let marked = Marked { responses: vec![None], score: None, min: 0.0, max: 1.0, reason: String::new() };
    for ids in &golden.sessions {
        let info = SessionInfo {
            run: &ids.run,
            session: &ids.session,
            learner: Learner::Anonymous,
            assessment: "a",
        };
        let session = recorder.session(info).unwrap();
        assert_eq!(session.registration().to_string(), ids.registration);
        assert_eq!(session.initialized(at(0)).unwrap().id.to_string(), ids.initialized);
        for (step, id) in ids.answered.iter().enumerate() {
            let step = step as u64;
            let answered =
                Answered { step, item: &item, marked: &marked, skill: None, at: at(0), took: None };
            assert_eq!(session.answered(&answered).unwrap().id.to_string(), *id);
        }
    }
}
