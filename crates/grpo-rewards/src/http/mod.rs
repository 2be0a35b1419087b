//! A small client for services that are asked again when they fail for a while: rewards by HTTP, stores of
//! learning records.
//!
//! An [`Endpoint`] is an address with what every request to it carries. Attempts that fail for the moment (no
//! connection, no answer in time, status 408, 425, 429, 500, 502, 503 or 504) are repeated after waits that
//! double, or after the time that the service asks for (`Retry-After`). Any other status of failure is final. So a
//! request may reach the service more than once: send what does no harm twice.
//!
//! ```no_run
//! use grpo_rewards::http::Endpoint;
//!
//! let mut store = Endpoint::new("https://lrs.example.org/xapi/statements")?;
//! store.headers.push(("X-Experience-API-Version".into(), "1.0.3".into()));
//! store.basic_auth = Some(("grpo".into(), std::env::var("LRS_PASSWORD").unwrap_or_default()));
//! let reply = store.post("application/json", br#"[]"#)?;
//! assert_eq!(reply.status, 200);
//! # Ok::<(), grpo_rewards::http::HttpError>(())
//! ```

mod address;
mod certificates;
mod error;

use std::time::{Duration, SystemTime};
use std::{fmt, io, thread};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Method, Request, Response, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use address::{beside, is_this_machine, parse, shown, without_secrets};
pub use error::HttpError;
use error::{is_temporary_status, quoted};

/// The longest wait between two attempts. A service that asks for more is not asked again.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Connections kept open between requests, for as many threads as ask at the same time.
const IDLE_CONNECTIONS: usize = 64;

/// Headers that follow from the request itself.
const OWN_HEADERS: [&str; 4] = ["content-length", "content-type", "transfer-encoding", "host"];

/// An address, and how it is asked. Requests may be sent from several threads at once; connections are kept
/// open between them. A proxy is used where the environment names one (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`),
/// except for this machine itself. `https` trusts the authorities that browsers trust, or those in the file that
/// `SSL_CERT_FILE` names.
///
/// The values of headers and the password do not appear in errors or in the `Debug` form.
#[derive(Clone)]
pub struct Endpoint {
    /// The address, without user and password.
    pub url: String,
    /// Further headers of every request, as name and value.
    pub headers: Vec<(String, String)>,
    /// User and password of HTTP's basic authentication.
    pub basic_auth: Option<(String, String)>,
    /// How long one attempt may take, from the connection to the answer's last byte. Default: 60 s.
    pub timeout: Duration,
    /// How often a request is repeated after an attempt that failed for the moment. Default: 3.
    pub retries: u32,
    /// The wait before the first repetition; it doubles every time, up to [`LONGEST_WAIT`]. Default: 0.5 s.
    pub first_wait: Duration,
    /// The size an answer's body may have, in bytes. Default: 16 MiB.
    pub body_limit: u64,
    agent: Agent,
}

/// An answer with a status of success (200 to 299).
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names (in small letters) and values, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`Endpoint::body_limit`] bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, capital or small.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Endpoint")
            .field("url", &without_secrets(&self.url))
            .field("headers", &names)
            .field("basic_auth", &self.basic_auth.as_ref().map(|(user, _)| user))
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .field("first_wait", &self.first_wait)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An address with the defaults. Nothing is sent yet.
    ///
    /// # Errors
    /// [`HttpError::Url`] for anything but `http://HOST...` and `https://HOST...`, and for an address that holds a
    /// password: addresses are written into files and messages. [`HttpError::Certificates`] where `https` cannot
    /// trust anybody.
    pub fn new(url: impl Into<String>) -> Result<Self, HttpError> {
        let url = url.into();
        // Files are read only where somebody has to be trusted.
        let encrypted = parse(&url)?.scheme_str() == Some("https");
        let tls = if encrypted { certificates::trusted()? } else { TlsConfig::default() };
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("grpo/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            url,
            headers: Vec::new(),
            basic_auth: None,
            timeout: Duration::from_secs(60),
            retries: 3,
            first_wait: Duration::from_millis(500),
            body_limit: 16 << 20,
            agent,
        })
    }

    /// Sends a body to the address and waits for the answer.
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn post(&self, content_type: &str, body: &[u8]) -> Result<Reply, HttpError> {
        let content_type = header_value("content-type", content_type)?;
        self.exchange(&Method::POST, parse(&self.url)?, Some((content_type, body)))
    }

    /// Asks for a path on the same host: `/xapi/statements?limit=10` replaces the address's own path and query,
    /// `?limit=10` its query only, and an empty text asks for the address itself.
    ///
    /// # Errors
    /// [`HttpError::Url`] where the text is none of these; [`HttpError`], after the last attempt.
    pub fn get(&self, path_and_query: &str) -> Result<Reply, HttpError> {
        self.exchange(&Method::GET, beside(&self.url, path_and_query)?, None)
    }

    /// The address as messages may show it: without what follows `?`, where keys are often handed over.
    pub fn shown_url(&self) -> String {
        without_secrets(&self.url)
    }

    /// Checks the address and the headers without sending anything.
    ///
    /// # Errors
    /// [`HttpError::Url`] and [`HttpError::Header`].
    pub fn validate(&self) -> Result<(), HttpError> {
        parse(&self.url)?;
        self.header_map().map(drop)
    }

    /// Attempts until one is final.
    fn exchange(
        &self,
        method: &Method,
        uri: Uri,
        body: Option<(HeaderValue, &[u8])>,
    ) -> Result<Reply, HttpError> {
        let mut headers = self.header_map()?;
        let (content_type, body) = body.unzip();
        if let Some(content_type) = content_type {
            headers.insert(ureq::http::header::CONTENT_TYPE, content_type);
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (failure, retry_after) = match self.attempt(method, &uri, &headers, body, attempts) {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            if !failure.is_temporary() || attempts > self.retries {
                return Err(failure);
            }
            match self.wait_before(attempts, retry_after) {
                Ok(wait) => thread::sleep(wait),
                Err(too_long) => return Err(with_asked_wait(failure, too_long)),
            }
        }
    }

    /// One attempt; a failure comes with how long the service asks to be left alone.
    fn attempt(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        attempts: u32,
    ) -> Result<Reply, (HttpError, Option<Duration>)> {
        let failed = |error| (self.failure(uri, error, attempts), None);
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(map) = request.headers_mut() {
            map.clone_from(headers);
        }
        let sent = match body {
            Some(body) => request.body(body).map_err(ureq::Error::from).and_then(|r| self.send(r)),
            None => request.body(()).map_err(ureq::Error::from).and_then(|r| self.send(r)),
        };
        let mut response = sent.map_err(failed)?;
        let body = response.body_mut().with_config().limit(self.body_limit).read_to_vec().map_err(failed)?;
        self.judge(uri, &response, body, attempts)
    }

    fn send<B: ureq::AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, ureq::Error> {
        let direct = is_this_machine(request.uri());
        let config = self.agent.configure_request(request).timeout_global(Some(self.timeout));
        let config = if direct { config.proxy(None) } else { config };
        self.agent.run(config.build())
    }

    /// What a status means.
    fn judge(
        &self,
        uri: &Uri,
        response: &Response<Body>,
        body: Vec<u8>,
        attempts: u32,
    ) -> Result<Reply, (HttpError, Option<Duration>)> {
        let url = shown(uri);
        let status = response.status().as_u16();
        match status {
            200..=299 => Ok(Reply { status, headers: listed(response.headers()), body }),
            300..=399 => {
                let location =
                    response.headers().get(LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
                let location = without_secrets(&String::from_utf8_lossy(location));
                Err((HttpError::Moved { url, status, location }, None))
            }
            _ => {
                let asked = is_temporary_status(status).then(|| retry_after(response.headers())).flatten();
                let body = quoted(&body);
                Err((HttpError::Status { url, status, body, attempts, asked_wait: None }, asked))
            }
        }
    }

    /// How long to wait before the next attempt, or what the service asks for where that is too long.
    fn wait_before(&self, attempts: u32, asked: Option<Duration>) -> Result<Duration, Duration> {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let own = self.first_wait.saturating_mul(doubled).min(LONGEST_WAIT);
        match asked {
            Some(asked) if asked > LONGEST_WAIT => Err(asked),
            Some(asked) => Ok(own.max(asked)),
            None => Ok(own),
        }
    }

    fn failure(&self, uri: &Uri, error: ureq::Error, attempts: u32) -> HttpError {
        let url = shown(uri);
        match error {
            ureq::Error::Timeout(_) => HttpError::Timeout { url, limit: self.timeout, attempts },
            // What the other side shows is wrong and stays so: above all a certificate that nobody vouches for.
            ureq::Error::Io(problem) if problem.kind() == io::ErrorKind::InvalidData => {
                let problem =
                    format!("{problem} (`SSL_CERT_FILE` can name a file with the certificates to trust)");
                HttpError::Exchange { url, problem }
            }
            ureq::Error::Io(problem) => {
                HttpError::Unreachable { url, problem: problem.to_string(), attempts }
            }
            problem @ (ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::ConnectProxyFailed(_)
            | ureq::Error::BodyStalled) => {
                HttpError::Unreachable { url, problem: problem.to_string(), attempts }
            }
            ureq::Error::BodyExceedsLimit(limit) => HttpError::TooLarge { url, limit },
            problem => HttpError::Exchange { url, problem: problem.to_string() },
        }
    }

    fn header_map(&self) -> Result<HeaderMap, HttpError> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let refused = |problem: &str| HttpError::Header { name: name.clone(), problem: problem.into() };
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| refused("that is no name of a header; use letters, digits and `-`"))?;
            if OWN_HEADERS.contains(&key.as_str()) {
                return Err(refused("it follows from the request itself; leave it out"));
            }
            if map.insert(key, header_value(name, value)?).is_some() {
                return Err(refused("it is given twice; keep one of the two"));
            }
        }
        if let Some((user, password)) = &self.basic_auth {
            let refused = |problem: &str| HttpError::Header {
                name: AUTHORIZATION.to_string(),
                problem: problem.into(),
            };
            if user.contains(':') {
                return Err(refused("the user's name has a colon, which basic authentication cannot carry"));
            }
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            if map.insert(AUTHORIZATION, header_value("authorization", &value)?).is_some() {
                return Err(refused("it is given beside `basic_auth`; keep one of the two"));
            }
        }
        Ok(map)
    }
}

fn with_asked_wait(failure: HttpError, wait: Duration) -> HttpError {
    match failure {
        HttpError::Status { url, status, body, attempts, .. } => {
            HttpError::Status { url, status, body, attempts, asked_wait: Some(wait) }
        }
        other => other,
    }
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, HttpError> {
    // The value itself stays out of the message: it may be a password.
    let mut value = HeaderValue::from_str(value).map_err(|_| HttpError::Header {
        name: name.into(),
        problem: "its value has characters other than visible ASCII and spaces (a line break?)".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Retry-After` in either form: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
