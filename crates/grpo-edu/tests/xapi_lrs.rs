//! The client of learning record stores, against a small one that speaks HTTP.
#![cfg(feature = "http")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use grpo_edu::assessment::xapi::{
    Batches, Learner, Lrs, LrsConfig, Recorder, SessionInfo, Spool, Statement, StatementQuery, Store,
    Timestamp, Version, XapiConfig, XapiError, histories, statement,
};
use serde_json::{Value, json};

/// `PATH` is the one variable that every test process has: its value is the password here.
const PASSWORD: &str = "PATH";

struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

type Reply = (u16, String);

/// Answers every request, each on its own connection, until the process ends; its address, and what was asked.
fn serve(mut answer: impl FnMut(&Request) -> Reply + Send + 'static) -> (String, Arc<Mutex<Vec<Request>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/xAPI", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(request) = read(&stream) else { continue };
            let (status, body) = answer(&request);
            log.lock().unwrap().push(request);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
        }
    });
    (url, asked)
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_string());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim().into(), headers, body: String::from_utf8(body).ok()? })
}

fn connect(url: &str, version: Version) -> Lrs {
    Lrs::connect(&LrsConfig {
        url: url.into(),
        user: Some("grpo".into()),
        password_env: PASSWORD.into(),
        version,
        retries: 2,
        first_wait: 0.01,
        timeout: 5.0,
    })
    .unwrap()
}

fn batch(count: usize) -> Vec<Statement> {
    let recorder = Recorder::new(XapiConfig::default()).unwrap();
    let one = |number: usize| {
        let (session, learner) = (number.to_string(), Learner::Id("ada".into()));
        let info = SessionInfo { run: "r", session: &session, learner, assessment: "a" };
        recorder.session(info).unwrap().initialized(Timestamp::from_unix(number as i64, 0).unwrap()).unwrap()
    };
    (0..count).map(one).collect()
}

fn ids(body: &str) -> Vec<String> {
    let list: Vec<Value> = serde_json::from_str(body).unwrap();
    list.iter().map(|statement| statement["id"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_batch_is_one_request_with_its_headers() {
    let (url, asked) = serve(|request| (200, json!(ids(&request.body)).to_string()));
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&batch(25)).unwrap();
    // With or without a slash behind it.
    spool
        .send(&connect(&format!("{url}/"), Version::V2), &Batches { statements: 10, ..Batches::default() })
        .unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked.iter().map(|one| ids(&one.body).len()).collect::<Vec<_>>(), [10, 10, 5]);
    let (line, headers) = (&asked[0].line, &asked[0].headers);
    assert_eq!(line, "POST /xAPI/statements HTTP/1.1");
    assert_eq!(headers["x-experience-api-version"], "2.0.0");
    assert_eq!(headers["content-type"], "application/json");
    // `grpo:` in base64.
    assert!(headers["authorization"].starts_with("Basic Z3Jwbzo"));
    let (url, asked) = serve(|_| (204, String::new()));
    spool.push(&batch(1)).unwrap();
    spool.send(&connect(&url, Version::V1), &Batches::default()).unwrap();
    assert_eq!(asked.lock().unwrap()[0].headers["x-experience-api-version"], "1.0.3");
}

#[test]
fn a_store_that_is_down_for_a_while_is_asked_again() {
    let mut calls = 0;
    let (url, asked) = serve(move |_| {
        calls += 1;
        // 503, 429, then well; and then down for longer than the client is patient.
        match calls {
            1 => (503, "busy".into()),
            2 => (429, "slowly".into()),
            3 => (200, "[]".into()),
            4..=6 => (500, "broken".into()),
            _ => (204, String::new()),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let store = connect(&url, Version::V1);
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&batch(15)).unwrap();
    let ten = Batches { statements: 10, ..Batches::default() };
    let error = spool.send(&store, &ten).unwrap_err();
    assert!(matches!(&error, XapiError::Unavailable { reason } if reason.contains("500")), "{error}");
    assert_eq!((asked.lock().unwrap().len(), spool.waiting().unwrap()), (6, 5));
    drop(spool);
    let mut spool = Spool::open(folder.path()).unwrap();
    assert_eq!(spool.send(&store, &ten).unwrap().sent, 5);
    assert_eq!(ids(&asked.lock().unwrap()[6].body), ids(&json!(batch(15)[10..]).to_string()));
    // Nobody listens.
    let error = Store::store(&connect("http://127.0.0.1:1/xAPI", Version::V1), "[]").unwrap_err();
    assert!(format!("{error:?}").starts_with("Unavailable"), "{error:?}");
}

#[test]
fn refused_ones_are_found_by_halving_and_known_ones_by_asking() {
    let all = batch(16);
    let (bad, known, other) = (all[3].id.to_string(), all[9].clone(), all[12].id.to_string());
    let (known_id, known_json) = (known.id.to_string(), known.value().unwrap());
    let hit = [bad.clone(), known_id.clone(), other.clone()];
    let (url, asked) = serve(move |request| {
        if request.line.starts_with("GET") {
            // The one is stored as it is, of the other something else; the third isn't there.
            return match &request.line {
                line if line.contains(&known_id) => (200, known_json.to_string()),
                line if line.contains(&other) => (200, json!({"statements": [known_json]}).to_string()),
                _ => (404, "none".into()),
            };
        }
        match ids(&request.body).iter().find(|id| hit.contains(id)) {
            Some(id) if *id == bad => (400, "this one is bad".into()),
            Some(_) => (409, "there is one with this id".into()),
            None => (200, "[]".into()),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&all).unwrap();
    let report = spool.send(&connect(&url, Version::V1), &Batches::default()).unwrap();
    assert_eq!((report.sent, report.known, report.refused), (14, 1, 2));
    let kept = std::fs::read_to_string(spool.refused_file()).unwrap();
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(kept.iter().map(|one| one["status"].as_u64().unwrap()).collect::<Vec<_>>(), [400, 409]);
    assert!(kept[0]["reason"].as_str().unwrap().contains("this one is bad"));
    assert_eq!(kept[0]["statement"]["id"], json!(all[3].id));
    let asked = asked.lock().unwrap();
    let gets: Vec<_> =
        asked.iter().filter(|one| one.line.starts_with("GET")).map(|one| one.line.clone()).collect();
    assert_eq!(gets.len(), 3);
    assert_eq!(gets[0], format!("GET /xAPI/statements?statementId={} HTTP/1.1", all[3].id));
}

#[test]
fn what_is_no_store_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&batch(4)).unwrap();
    for (status, body) in
        [(200, "<html>welcome</html>"), (200, "{}"), (401, "no"), (403, "no"), (404, "no"), (302, "")]
    {
        let (url, asked) = serve(move |_| (status, body.into()));
        let error = spool.send(&connect(&url, Version::V1), &Batches::default()).unwrap_err();
        assert!(matches!(error, XapiError::Denied { status: found, .. } if found == status), "{error}");
        assert_eq!((asked.lock().unwrap().len(), spool.waiting().unwrap()), (1, 4), "{status} {body}");
    }
}

/// ralph with `partialSuccess` takes what it can of a list and says 200; for what it has already, it says 400.
#[test]
fn a_store_that_takes_lists_in_part_loses_nothing() {
    let all = batch(8);
    let bad = all[5].id.to_string();
    let mut stored: BTreeMap<String, Value> = BTreeMap::new();
    let (url, _) = serve(move |request| {
        if let Some((_, id)) = request.line.split_once("statementId=") {
            let id = id.split(' ').next().unwrap_or_default();
            let found: Vec<&Value> = stored.get(id).into_iter().collect();
            return (200, json!({"statements": found}).to_string());
        }
        let list: Vec<Value> = serde_json::from_str(&request.body).unwrap();
        let fresh = |one: &&Value| one["id"] != bad && !stored.contains_key(one["id"].as_str().unwrap());
        let fresh: Vec<Value> = list.iter().filter(fresh).cloned().collect();
        let rejected = list.iter().filter(|one| one["id"] == bad).count();
        let report = json!({"inserted": fresh.len(), "rejected": rejected, "ids": [], "errors": []});
        let status = if fresh.is_empty() { 400 } else { 200 };
        stored.extend(fresh.into_iter().map(|one| (one["id"].as_str().unwrap().to_string(), one)));
        (status, report.to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.push(&all).unwrap();
    let report = spool.send(&connect(&url, Version::V1), &Batches::default()).unwrap();
    assert_eq!((report.sent, report.refused), (7, 1));
}

#[test]
fn pages_are_followed_to_the_end() {
    let answered = |number: usize| {
        json!({
            "actor": {"mbox": "mailto:ada@example.org"},
            "verb": {"id": statement::ANSWERED},
            "object": {"id": format!("https://example.org/q{number}")},
            "result": {"success": number.is_multiple_of(2)},
            "timestamp": Timestamp::from_unix(number as i64, 0).unwrap().to_string(),
        })
    };
    let (url, asked) = serve(move |request| {
        let from: usize = match request.line.split_once("from=") {
            Some((_, rest)) => rest.split(' ').next().unwrap().parse().unwrap(),
            None => 0,
        };
        let page: Vec<Value> = (from..(from + 10).min(25)).map(answered).collect();
        let more =
            if from + 10 < 25 { format!("/xAPI/statements?from={}", from + 10) } else { String::new() };
        (200, json!({"statements": page, "more": more}).to_string())
    });
    let store = connect(&url, Version::V1);
    let query = StatementQuery {
        since: Some(Timestamp::from_unix(0, 0).unwrap()),
        verb: Some(statement::ANSWERED.into()),
        limit: Some(10),
        ..StatementQuery::default()
    };
    let mut text = Vec::new();
    assert_eq!(store.download(&query, &mut text, "t").unwrap(), 25);
    let read = histories(std::str::from_utf8(&text).unwrap(), "t").unwrap();
    assert_eq!((read.learners.len(), read.learners[0].answers.len()), (1, 25));
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked[0].line,
        "GET /xAPI/statements?ascending=true&since=1970-01-01T00%3A00%3A00.000Z\
         &verb=http%3A%2F%2Fadlnet.gov%2Fexpapi%2Fverbs%2Fanswered&limit=10 HTTP/1.1"
    );
    assert_eq!(asked[2].line, "GET /xAPI/statements?from=20 HTTP/1.1");
}

#[test]
fn bad_pages_are_refused() {
    for (body, problem) in [
        (json!({"statements": [], "more": "/xAPI/statements?again"}).to_string(), "go round in circles"),
        (
            json!({"statements": [], "more": "http://elsewhere.example/"}).to_string(),
            "isn't on the same host",
        ),
        (json!({"statements": [7]}).to_string(), "`statements[0]` is 7"),
        ("[".repeat(1 << 20), "not JSON"),
    ] {
        let (url, _) = serve(move |_| (200, body.clone()));
        let error = connect(&url, Version::V1).read(&StatementQuery::default(), |_| Ok(())).unwrap_err();
        assert!(matches!(error, XapiError::Answer { .. }) && error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn settings_are_checked() {
    let good = LrsConfig { url: "http://localhost/xAPI".into(), ..LrsConfig::default() };
    Lrs::connect(&good).unwrap();
    let user = Some("grpo".to_string());
    for (config, key) in [
        (LrsConfig { url: String::new(), ..good.clone() }, "url"),
        (LrsConfig { url: "ftp://localhost/".into(), ..good.clone() }, "url"),
        (LrsConfig { url: "http://grpo:secret@localhost/".into(), ..good.clone() }, "url"),
        (LrsConfig { timeout: 0.0, ..good.clone() }, "timeout"),
        (LrsConfig { first_wait: f64::NAN, ..good.clone() }, "first_wait"),
        (
            LrsConfig { user: user.clone(), password_env: "NO_SUCH_VARIABLE_HERE".into(), ..good.clone() },
            "password_env",
        ),
        (LrsConfig { user: Some("a:b".into()), password_env: PASSWORD.into(), ..good.clone() }, "user"),
    ] {
        let error = Lrs::connect(&config).unwrap_err();
        assert!(matches!(error, XapiError::Setting { key: found, .. } if found == key), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(serde_json::from_value::<LrsConfig>(json!({"address": "x"})).is_err());
    let read: LrsConfig = serde_json::from_value(json!({"url": "x", "version": "2.0.0"})).unwrap();
    assert_eq!(read.version, Version::V2);
}
