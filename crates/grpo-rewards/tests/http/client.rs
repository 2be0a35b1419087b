//! The HTTP client against a server that fails in every way.

use std::time::{Duration, Instant, SystemTime};

use grpo_rewards::http::{Endpoint, HttpError};

use crate::server::{Act, Server};

fn ok(body: &str) -> Act {
    Act::Reply(200, "", body.as_bytes().to_vec())
}

/// Quick enough for tests: waits of 20, 40, 80 ms.
fn endpoint(server: &Server, path: &str) -> Endpoint {
    let mut endpoint = Endpoint::new(format!("{}{path}", server.url)).unwrap();
    endpoint.first_wait = Duration::from_millis(20);
    endpoint.timeout = Duration::from_secs(5);
    endpoint
}

#[test]
fn a_post_carries_body_headers_and_credentials() {
    let server = Server::start(|_, _| Act::Reply(201, "X-Page: 7\r\nX-Page: 8\r\n", b"made".to_vec()));
    let mut endpoint = endpoint(&server, "/xapi/statements?a=b");
    endpoint.headers.push(("X-Version".into(), "1.0.3".into()));
    endpoint.basic_auth = Some(("user".into(), "p:ss wörd".into()));
    let reply = endpoint.post("application/json", b"[1]").unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (201, b"made".as_slice()));
    assert_eq!(reply.header("X-PAGE"), Some("7"));
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "x-page").count(), 2);
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /xapi/statements?a=b HTTP/1.1");
    assert_eq!(request.body, b"[1]");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-version"), Some("1.0.3"));
    // printf 'user:p:ss wörd' | base64
    assert_eq!(request.header("authorization"), Some("Basic dXNlcjpwOnNzIHfDtnJk"));
    assert!(request.header("user-agent").unwrap().starts_with("grpo/"));
}

#[test]
fn a_get_asks_beside_the_address() {
    let server = Server::start(|_, request| ok(&request.line));
    let endpoint = endpoint(&server, "/xapi/statements?a=b");
    let line = |path| String::from_utf8(endpoint.get(path).unwrap().body).unwrap();
    assert_eq!(line(""), "GET /xapi/statements?a=b HTTP/1.1");
    assert_eq!(line("?limit=2"), "GET /xapi/statements?limit=2 HTTP/1.1");
    assert_eq!(line("/xapi/more/17?x=%20"), "GET /xapi/more/17?x=%20 HTTP/1.1");
    for path in ["more", "http://elsewhere.example/x", "@elsewhere.example/"] {
        let error = endpoint.get(path).unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{error}");
    }
    assert!(matches!(endpoint.get("/a b"), Err(HttpError::Url { .. })));
    // What looks like another host stays a path on this one.
    assert_eq!(line("//elsewhere.example/x"), "GET //elsewhere.example/x HTTP/1.1");
}

#[test]
fn what_fails_for_a_while_is_asked_again_after_doubling_waits() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let server = Server::start(move |number, _| match number {
            0..3 => Act::Reply(status, "", b"busy".to_vec()),
            _ => ok("done"),
        });
        let reply = endpoint(&server, "/").post("text/plain", b"x").unwrap();
        assert_eq!(reply.body, b"done");
        let times: Vec<Instant> = server.requests().iter().map(|request| request.at).collect();
        for (gap, least) in times.windows(2).zip([20, 40, 80]) {
            let gap = gap[1] - gap[0];
            assert!(gap >= Duration::from_millis(least), "{gap:?} is less than {least} ms");
            assert!(gap < Duration::from_secs(5), "{gap:?}");
        }
        assert_eq!(times.len(), 4);
    }
}

#[test]
fn what_goes_on_failing_says_so() {
    let body = format!("all\n  workers\u{7} are {}", "busy ".repeat(1000));
    let server = Server::start(move |_, _| Act::Reply(503, "", body.clone().into_bytes()));
    let mut endpoint = endpoint(&server, "/score?key=SECRET");
    endpoint.retries = 2;
    let error = endpoint.post("text/plain", b"x").unwrap_err();
    assert_eq!(server.requests().len(), 3);
    assert!(error.is_temporary() && error.status() == Some(503));
    let HttpError::Status { body, attempts: 3, .. } = &error else { panic!("{error}") };
    assert_eq!(body.chars().count(), 200);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "{}/score?... answered with status 503 after 3 attempts: all workers are busy busy",
            server.url
        )),
        "{text}"
    );
    assert!(!text.contains("SECRET"));
}

#[test]
fn other_failures_are_final() {
    for status in [400, 401, 403, 404, 405, 409, 413, 418, 422, 501, 505] {
        let server = Server::start(move |_, _| Act::Reply(status, "", b"no".to_vec()));
        let error = endpoint(&server, "/").post("text/plain", b"x").unwrap_err();
        assert_eq!(error.to_string(), format!("{}/ answered with status {status}: no", server.url));
        assert_eq!(error.status(), Some(status));
        assert!(!error.is_temporary());
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |number, _| match number {
            0 => Act::Reply(status, "Location: https://user:pw@elsewhere.example/new?key=SECRET\r\n", vec![]),
            _ => ok("followed"),
        });
        let mut endpoint = endpoint(&server, "/old");
        endpoint.basic_auth = Some(("a".into(), "b".into()));
        let error = endpoint.post("text/plain", b"x").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("it has moved to `https://elsewhere.example/new?...`"), "{text}");
        assert!(!text.contains("pw") && !text.contains("SECRET"), "{text}");
        assert_eq!((error.status(), server.requests().len()), (Some(status), 1));
    }
}

#[test]
fn a_service_may_say_when_to_come_back() {
    let server = Server::start(|number, _| match number {
        0 => Act::Reply(429, "Retry-After: 1\r\n", vec![]),
        _ => ok("done"),
    });
    endpoint(&server, "/").post("text/plain", b"x").unwrap();
    let times: Vec<Instant> = server.requests().iter().map(|request| request.at).collect();
    assert!(times[1] - times[0] >= Duration::from_secs(1));

    // As a date, two seconds from now (whole seconds: at least one).
    let soon = httpdate(SystemTime::now() + Duration::from_secs(2));
    let header: &'static str = Box::leak(format!("Retry-After: {soon}\r\n").into_boxed_str());
    let server = Server::start(move |number, _| match number {
        0 => Act::Reply(503, header, vec![]),
        _ => ok("done"),
    });
    endpoint(&server, "/").post("text/plain", b"x").unwrap();
    let times: Vec<Instant> = server.requests().iter().map(|request| request.at).collect();
    assert!(times[1] - times[0] >= Duration::from_millis(800), "{:?}", times[1] - times[0]);

    // Too long to wait for, and what is no time at all.
    let server = Server::start(|_, _| Act::Reply(503, "Retry-After: 3600\r\n", vec![]));
    let error = endpoint(&server, "/").post("text/plain", b"x").unwrap_err();
    assert!(error.to_string().ends_with("answered with status 503 and asks to wait 3600 s"), "{error}");
    assert_eq!(server.requests().len(), 1);
    let server = Server::start(|number, _| match number {
        0 => Act::Reply(503, "Retry-After: whenever\r\n", vec![]),
        _ => ok("done"),
    });
    assert!(endpoint(&server, "/").get("").is_ok());
}

/// A date as HTTP writes it, by a way of its own: `date` knows calendars.
fn httpdate(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let out = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%a, %d %b %Y %H:%M:%S GMT"])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn silence_ends_at_the_time_limit() {
    let server = Server::start(|_, _| Act::Hang(Duration::from_secs(3)));
    let mut endpoint = endpoint(&server, "/");
    endpoint.timeout = Duration::from_millis(200);
    endpoint.retries = 1;
    let started = Instant::now();
    let error = endpoint.post("text/plain", b"x").unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(error.is_temporary());
    let text = error.to_string();
    assert!(text.contains("did not answer within 0.2 s after 2 attempts"), "{text}");

    // An answer that begins and never ends.
    let server = Server::start(|number, _| match number {
        0 => Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()),
        _ => ok("whole"),
    });
    let mut half = endpoint.clone();
    half.url.clone_from(&server.url);
    assert_eq!(half.get("").unwrap().body, b"whole");
}

#[test]
fn a_service_that_is_not_there_says_so() {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut endpoint = Endpoint::new(format!("http://127.0.0.1:{port}/x")).unwrap();
    endpoint.first_wait = Duration::from_millis(5);
    let error = endpoint.post("text/plain", b"x").unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { attempts: 4, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("cannot be reached after 4 attempts: ") && text.contains("refused"), "{text}");
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_opened_again() {
    let server = Server::start(|_, _| Act::ReplyAndClose(200, b"once".to_vec()));
    let mut endpoint = endpoint(&server, "/");
    for _ in 0..5 {
        assert_eq!(endpoint.post("text/plain", b"x").unwrap().body, b"once");
        std::thread::sleep(Duration::from_millis(20));
    }
    endpoint.retries = 0;
    assert!(endpoint.post("text/plain", b"x").is_ok());
    let open = Server::start(|_, _| ok("open"));
    endpoint.url.clone_from(&open.url);
    for _ in 0..5 {
        assert!(endpoint.get("").is_ok());
    }
}

#[test]
fn answers_have_a_largest_size() {
    let server = Server::start(|_, _| Act::Reply(200, "", vec![b'x'; 100_000]));
    let mut endpoint = endpoint(&server, "/");
    assert_eq!(endpoint.get("").unwrap().body.len(), 100_000);
    endpoint.body_limit = 99_999;
    let error = endpoint.get("").unwrap_err();
    assert!(error.to_string().contains("is larger than 99999 bytes"), "{error}");
    // A large body the other way.
    let server = Server::start(|_, request| ok(&request.body.len().to_string()));
    let mut endpoint = endpoint.clone();
    endpoint.url.clone_from(&server.url);
    assert_eq!(endpoint.post("text/plain", &vec![b'x'; 20_000_000]).unwrap().body, b"20000000");
}

#[test]
fn what_is_no_http_is_refused() {
    let server = Server::start(|_, _| Act::Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()));
    let error = endpoint(&server, "/").post("text/plain", b"x").unwrap_err();
    assert!(matches!(error, HttpError::Exchange { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn addresses_are_checked() {
    for (url, part) in [
        ("ftp://host/x", "it is neither http nor https"),
        ("host:8000/x", ""),
        ("localhost", "it is neither http nor https"),
        ("", ""),
        ("http://", ""),
        ("http://user:SECRET@host/x", "it holds a user or a password"),
        ("https://SECRET@host", "it holds a user or a password"),
        ("http://ho st/", ""),
        ("http://host:99999/", ""),
    ] {
        let error = Endpoint::new(url).expect_err(url);
        assert!(matches!(error, HttpError::Url { .. }), "{url}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains("SECRET"), "{text}");
    }
    assert!(Endpoint::new("HTTPS://Example.org").is_ok());
    assert!(Endpoint::new("http://[::1]:8000/x").is_ok());
}

#[test]
fn headers_are_checked_and_secrets_stay_in() {
    let mut endpoint = Endpoint::new("http://127.0.0.1:9/x?key=SECRET").unwrap();
    for (name, value, part) in [
        ("X-A", "SECRET\nX-B: 1", "its value has characters other than visible ASCII"),
        ("X A", "SECRET", "that is no name of a header"),
        ("", "SECRET", "that is no name of a header"),
        ("Content-Length", "3", "it follows from the request itself"),
        ("content-type", "a/b", "it follows from the request itself"),
    ] {
        endpoint.headers = vec![(name.into(), value.into())];
        let text = endpoint.post("text/plain", b"").unwrap_err().to_string();
        assert!(text.contains(part) && !text.contains("SECRET"), "{text}");
    }
    endpoint.headers = vec![("X-A".into(), "1".into()), ("x-a".into(), "2".into())];
    assert!(endpoint.validate().unwrap_err().to_string().contains("given twice"));
    endpoint.headers = vec![("Authorization".into(), "Bearer SECRET".into())];
    endpoint.basic_auth = Some(("user".into(), "SECRET".into()));
    assert!(endpoint.validate().unwrap_err().to_string().contains("given beside `basic_auth`"));
    let shown = format!("{endpoint:?}");
    assert!(!shown.contains("SECRET") && shown.contains("Authorization"), "{shown}");
    endpoint.headers.clear();
    assert!(endpoint.validate().is_ok());
    endpoint.basic_auth = Some(("us:er".into(), "x".into()));
    assert!(endpoint.validate().unwrap_err().to_string().contains("has a colon"));
}
