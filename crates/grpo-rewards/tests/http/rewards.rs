//! Rewards behind an address, against a server that does what the test says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use grpo_rewards::external::HttpService;
use grpo_rewards::{Outcome, Reward, RewardSpec, Sample};
use serde_json::{Value, json};

use crate::server::{Act, Request, Server};

fn service(server: &Server) -> HttpService {
    HttpService { first_wait: 0.01, time_limit: 5.0, ..HttpService::new(format!("{}/score", server.url)) }
}

fn build(settings: HttpService) -> Box<dyn Reward> {
    RewardSpec::new(settings).build().unwrap()
}

fn ok(body: &Value) -> Act {
    Act::Reply(200, "", body.to_string().into_bytes())
}

/// The length of each completion.
fn lengths(request: &Request) -> Act {
    let request = request.json();
    let length = |sample: &Value| json!(sample["completion"].as_str().unwrap().chars().count());
    let scores: Vec<_> = request["samples"].as_array().unwrap().iter().map(length).collect();
    ok(&json!({ "id": request["id"], "scores": scores }))
}

fn samples<'a>(completions: &[&'a str]) -> Vec<Sample<'a>> {
    completions.iter().map(|completion| Sample::new("q", completion)).collect()
}

fn values(outcomes: &[Outcome]) -> Vec<Option<f64>> {
    outcomes.iter().map(Outcome::value).collect()
}

#[track_caller]
fn all_failed(outcomes: &[Outcome], part: &str) {
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        assert!(outcome.reason().contains(part), "{:?} lacks {part:?}", outcome.reason());
    }
}

#[test]
fn batches_go_out_in_parallel_and_come_back_in_order() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|number, request| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Earlier batches take longer.
        std::thread::sleep(Duration::from_millis(200_u64.saturating_sub(20 * number as u64).max(5)));
        NOW.fetch_sub(1, Ordering::SeqCst);
        lengths(request)
    });
    let reward = build(HttpService { batch_size: 7, parallel: 3, ..service(&server) });
    let texts: Vec<String> = (0..100).map(|n| "ü".repeat(n)).collect();
    let all: Vec<_> = texts.iter().map(|text| Sample::new("q", text)).collect();
    let want: Vec<_> = (0..100).map(|n| Some(f64::from(n))).collect();
    assert_eq!(values(&reward.score_batch(&all)), want);
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 15);
    assert!(requests.iter().all(|request| request.line == "POST /score HTTP/1.1"));
    assert!(requests.iter().all(|request| request.header("content-type") == Some("application/json")));
}

#[test]
fn an_answer_needs_no_id_but_may_not_have_another_one() {
    let server = Server::start(|_, _| ok(&json!({ "scores": [{ "score": 0.5, "reason": "so so" }, null] })));
    let outcomes = build(service(&server)).score_batch(&samples(&["a", "b"]));
    assert_eq!(outcomes[0].reason(), "so so");
    assert_eq!(outcomes[1], Outcome::NotApplicable);
    for id in [0, 77] {
        let server = Server::start(move |_, _| ok(&json!({ "id": id, "scores": [1] })));
        all_failed(&build(service(&server)).score_batch(&samples(&["a"])), "id`");
    }
}

#[test]
fn failures_for_a_while_are_bridged() {
    let server = Server::start(|number, request| match number {
        0 => Act::Reply(500, "", b"oops".to_vec()),
        1 => Act::Raw(vec![]),
        _ => lengths(request),
    });
    assert_eq!(values(&build(service(&server)).score_batch(&samples(&["ab"]))), [Some(2.0)]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_sample_that_the_service_cannot_bear_costs_its_own_score() {
    for status in [400, 413, 422, 500] {
        let server = Server::start(move |_, request| {
            if String::from_utf8_lossy(&request.body).contains("bad") {
                return Act::Reply(status, "", b"cannot judge bad".to_vec());
            }
            lengths(request)
        });
        let outcomes = build(service(&server)).score_batch(&samples(&["a", "bad", "ccc"]));
        assert_eq!(values(&outcomes), [Some(1.0), None, Some(3.0)]);
        assert!(outcomes[1].reason().contains(&format!("answered with status {status}")), "{outcomes:?}");
        assert!(outcomes[1].reason().ends_with("cannot judge bad"), "{outcomes:?}");
    }
}

#[test]
fn a_sample_that_gets_no_answer_costs_its_own_score() {
    let server = Server::start(|_, request| {
        if String::from_utf8_lossy(&request.body).contains("bad") {
            return Act::Hang(Duration::from_secs(10));
        }
        lengths(request)
    });
    let reward = build(HttpService { time_limit: 0.5, retries: 1, ..service(&server) });
    let outcomes = reward.score_batch(&samples(&["a", "bad", "ccc"]));
    assert_eq!(values(&outcomes), [Some(1.0), None, Some(3.0)]);
    assert!(outcomes[1].reason().contains("did not answer within 0.5 s after 2 attempts"), "{outcomes:?}");
}

#[test]
fn a_broken_service_is_not_asked_for_ever() {
    let server = Server::start(|_, _| Act::Reply(500, "", b"broken".to_vec()));
    let reward = build(HttpService { retries: 1, ..service(&server) });
    let all = samples(&["a"; 20]);
    let outcomes = reward.score_batch(&all);
    all_failed(&outcomes, "broken");
    all_failed(&outcomes[3..], "not asked again after too many failures");
    // The batch and three samples, each with one repetition; then one try for a batch.
    assert_eq!(server.requests().len(), 8);
    all_failed(&reward.score_batch(&all), "answered with status 500 after 2 attempts: broken");
    assert_eq!(server.requests().len(), 10);
    for status in [401, 404] {
        let server = Server::start(move |_, _| Act::Reply(status, "", vec![]));
        all_failed(&build(service(&server)).score_batch(&all), &format!("answered with status {status}"));
        assert_eq!(server.requests().len(), 1, "the same for every sample");
    }
}

#[test]
fn answers_that_cannot_be_used_say_why() {
    for (answer, part) in [
        ("<html>It works!</html>", "not an answer: `<html>It works!</html>` (expected value"),
        ("{\"scores\": [NaN, 1]}", "JSON has no NaN"),
        ("{\"scores\": [1, 2, 3, 4, 5]}", "the answer has 5 scores for "),
        ("{\"error\": \"no such model\"}", ": no such model"),
        ("", "the answer is an empty line"),
    ] {
        let server = Server::start(move |_, _| Act::Reply(200, "", answer.as_bytes().to_vec()));
        all_failed(&build(service(&server)).score_batch(&samples(&["a", "b"])), part);
    }
    let server = Server::start(|_, _| Act::Reply(200, "", vec![b' '; (16 << 20) + 1]));
    all_failed(&build(service(&server)).score_batch(&samples(&["a"])), "is larger than 16777216 bytes");
}

#[test]
fn silence_and_absence_are_failures_in_time() {
    let server = Server::start(|_, _| Act::Hang(Duration::from_secs(5)));
    let started = Instant::now();
    let limits = HttpService { time_limit: 0.1, retries: 1, ..service(&server) };
    all_failed(
        &build(limits).score_batch(&samples(&["a", "b"])),
        "did not answer within 0.1 s after 2 attempts",
    );
    assert!(started.elapsed() < Duration::from_secs(3));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody =
        HttpService { first_wait: 0.01, ..HttpService::new(format!("http://127.0.0.1:{port}/?key=SECRET")) };
    let outcomes = build(nobody).score_batch(&samples(&["a"]));
    all_failed(&outcomes, "cannot be reached after 4 attempts");
    assert!(!outcomes[0].reason().contains("SECRET"));
}

#[test]
fn headers_come_from_the_environment() {
    let server = Server::start(|_, request| lengths(request));
    let headers = json!({ "X-Model": "judge", "Authorization": { "env": "PATH", "prefix": "Bearer " } });
    let headers = serde_json::from_value(headers).unwrap();
    build(HttpService { headers, ..service(&server) }).score_batch(&samples(&["a"]));
    let request = &server.requests()[0];
    let want = format!("Bearer {}", std::env::var("PATH").unwrap());
    assert_eq!(request.header("authorization"), Some(want.as_str()));
    assert_eq!(request.header("x-model"), Some("judge"));
    let headers = serde_json::from_value(json!({ "X Model": "judge" })).unwrap();
    let error = RewardSpec::new(HttpService { headers, ..service(&server) }).validate().unwrap_err();
    assert!(error.to_string().starts_with("`headers.X Model`: cannot be sent: "), "{error}");
}

#[test]
fn the_address_is_checked() {
    for (url, part) in [
        ("localhost:8000", "`url`: `localhost:8000` cannot be used: "),
        ("http://a:SECRET@b/", "it holds a user or a password"),
    ] {
        let error = RewardSpec::new(HttpService::new(url)).validate().unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("SECRET"), "{error}");
        assert!(error.ends_with("; write http://HOST/PATH or https://HOST/PATH"), "{error}");
    }
}

#[test]
fn the_python_example_judges() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/python-rewards/judge_server.py");
    let Ok(mut server) = Command::new("python3").arg(path).arg("0").stdout(Stdio::piped()).spawn() else {
        println!("SKIPPED: no python3");
        return;
    };
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let reward = build(HttpService { batch_size: 2, ..HttpService::new(url) });
    let outcomes = reward.score_batch(&samples(&["one two", "", "drei Äpfel 🙂", &"w ".repeat(50)]));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(values(&outcomes), [Some(0.1), Some(0.0), Some(0.15), Some(1.0)]);
    assert_eq!(outcomes[0].reason(), "2 words, 20 are wanted");
}
