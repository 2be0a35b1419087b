//! A learning record store behind HTTP.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use grpo_rewards::http::{Endpoint, HttpError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::iri::segment;
use super::read::Page;
use super::send::{Failure, Store};
use super::statement::Version;
use super::{Timestamp, Uuid, XapiError};

/// Where a learning record store is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LrsConfig {
    /// Its address, the part before `/statements`. Needed.
    pub url: String,
    /// The user for basic authentication. Default: none, and no password is sent.
    pub user: Option<String>,
    /// The environment variable that holds the password. Default: `GRPO_LRS_PASSWORD`.
    pub password_env: String,
    /// The version that is spoken. Default: `1.0.3`.
    pub version: Version,
    /// Seconds that one attempt may take. Default: 60.
    pub timeout: f64,
    /// Attempts after the first one where the store doesn't work for the moment. Default: 4.
    pub retries: u32,
    /// Seconds before the second attempt; each further wait is twice as long. Default: 0.5.
    pub first_wait: f64,
}

impl Default for LrsConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: None,
            password_env: "GRPO_LRS_PASSWORD".into(),
            version: Version::default(),
            timeout: 60.0,
            retries: 4,
            first_wait: 0.5,
        }
    }
}

/// Which statements a store is asked for. Everything is `None` by default: all that it shows to this user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatementQuery {
    /// Stored after this moment.
    pub since: Option<Timestamp>,
    /// Stored at this moment or before.
    pub until: Option<Timestamp>,
    /// With this verb.
    pub verb: Option<String>,
    /// About this activity.
    pub activity: Option<String>,
    /// Of this session.
    pub registration: Option<Uuid>,
    /// How many a page may have; the store may give fewer.
    pub limit: Option<u32>,
}

/// A learning record store.
///
/// ```no_run
/// use grpo_edu::assessment::xapi::{Batches, Lrs, LrsConfig, Spool};
///
/// let config = LrsConfig {
///     url: "http://localhost:8100/xAPI".into(),
///     user: Some("grpo".into()),
///     ..LrsConfig::default()
/// };
/// let store = Lrs::connect(&config)?;
/// let report = Spool::open("runs/monday/xapi")?.send(&store, &Batches::default())?;
/// println!("{} sent, {} refused", report.sent, report.refused);
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lrs {
    endpoint: Endpoint,
}

impl Lrs {
    /// Gets ready to speak to a store. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`XapiError::Setting`] for an address that can't be one, for times that can't be waited, and where the variable with the password
    /// isn't set.
    pub fn connect(config: &LrsConfig) -> Result<Self, XapiError> {
        let refuse = |key, value: String, need| XapiError::Setting { key, value, need };
        let address = format!("{}/statements", config.url.trim_end_matches('/'));
        let need_url = "the address before /statements, such as http://localhost:8100/xAPI";
        let mut endpoint =
            Endpoint::new(&address).map_err(|error| refuse("url", error.to_string(), need_url))?;
        let seconds = |key, value: f64| match Duration::try_from_secs_f64(value) {
            Ok(duration) if !duration.is_zero() => Ok(duration),
            _ => Err(refuse(key, value.to_string(), "a number of seconds above 0")),
        };
        endpoint.timeout = seconds("timeout", config.timeout)?;
        endpoint.first_wait = seconds("first_wait", config.first_wait)?;
        endpoint.retries = config.retries;
        endpoint.headers.push(("X-Experience-API-Version".into(), config.version.header().into()));
        endpoint.headers.push(("Accept".into(), "application/json".into()));
        if let Some(user) = &config.user {
            let need = "the name of an environment variable with the password of `user`";
            let password = std::env::var(&config.password_env).map_err(|error| {
                refuse("password_env", format!("{:?} ({error})", config.password_env), need)
            })?;
            endpoint.basic_auth = Some((user.clone(), password));
        }
        endpoint.validate().map_err(|error| {
            refuse("user", error.to_string(), "a name and a password that HTTP can carry")
        })?;
        Ok(Self { endpoint })
    }

    /// Asks for statements, page after page, and gives each page to `take`; how many there were.
    ///
    /// # Errors
    ///
    /// [`XapiError::Unavailable`], [`XapiError::Denied`], [`XapiError::Answer`], and those of `take`.
    pub fn read(
        &self,
        query: &StatementQuery,
        mut take: impl FnMut(Vec<Map<String, Value>>) -> Result<(), XapiError>,
    ) -> Result<usize, XapiError> {
        let (mut path, mut seen, mut count) = (query.text(), HashSet::new(), 0);
        loop {
            let page = Page::parse(&self.get(&path)?)?;
            count += page.statements.len();
            take(page.statements)?;
            let Some(more) = page.more else { return Ok(count) };
            path = self.beside(&more)?;
            if !seen.insert(path.clone()) {
                return Err(XapiError::Answer {
                    problem: format!("its pages go round in circles at `{more}`"),
                });
            }
        }
    }

    /// Writes statements as JSON lines, which [`histories`](super::histories) and `grpo edu fit` read; how many there were.
    ///
    /// # Errors
    ///
    /// As [`Lrs::read`], and [`XapiError::File`] where `out`, called `name`, can't be written.
    pub fn download(
        &self,
        query: &StatementQuery,
        out: &mut dyn Write,
        name: &str,
    ) -> Result<usize, XapiError> {
        let failed = |error| XapiError::file(name.as_ref(), error);
        let count = self.read(query, |page| {
            page.into_iter().try_for_each(|one| writeln!(out, "{}", Value::Object(one)).map_err(failed))
        })?;
        out.flush().map_err(failed)?;
        Ok(count)
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.endpoint.get(path).map(|reply| reply.body).map_err(failure)
    }

    /// The path of a further page: by xAPI without scheme and host, and else on this very host.
    fn beside(&self, more: &str) -> Result<String, XapiError> {
        let scheme = self.endpoint.url.find("://").map_or(0, |place| place + 3);
        let host =
            self.endpoint.url[scheme..].find('/').map_or(self.endpoint.url.len(), |place| scheme + place);
        let path = more.strip_prefix(&self.endpoint.url[..host]).unwrap_or(more);
        if path.starts_with(['/', '?']) {
            return Ok(path.to_string());
        }
        Err(XapiError::Answer {
            problem: format!("its next page is at `{more}`, which isn't on the same host"),
        })
    }
}

impl StatementQuery {
    fn text(&self) -> String {
        let pairs = [
            ("since", self.since.map(|at| at.to_string())),
            ("until", self.until.map(|at| at.to_string())),
            ("verb", self.verb.clone()),
            ("activity", self.activity.clone()),
            ("registration", self.registration.map(|id| id.to_string())),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ];
        let pairs = pairs.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", segment(&value?))));
        format!("?ascending=true{}", pairs.collect::<String>())
    }
}

impl Store for Lrs {
    fn store(&self, statements: &str) -> Result<(), Failure> {
        let reply = self.endpoint.post("application/json", statements.as_bytes()).map_err(failure)?;
        let status = reply.status;
        if reply.body.trim_ascii().is_empty() {
            return Ok(());
        }
        // By xAPI a list of ids. A store that takes a part of a list only says so in an object (ralph's `partialSuccess`); anything
        // else doesn't come from a store.
        match serde_json::from_slice(&reply.body) {
            Ok(Value::Array(_)) => Ok(()),
            Ok(Value::Object(report)) if report.contains_key("rejected") => match report["rejected"].as_u64()
            {
                Some(0) => Ok(()),
                _ => Err(Failure::Refused { status, reason: Value::Object(report).to_string() }),
            },
            _ => Err(Failure::Denied { status, reason: "the answer is no list of ids".into() }),
        }
    }

    fn find(&self, id: &str) -> Result<Option<Map<String, Value>>, Failure> {
        let body = match self.endpoint.get(&format!("?statementId={}", segment(id))) {
            Ok(reply) => reply.body,
            Err(error) if error.status() == Some(404) => return Ok(None),
            Err(error) => return Err(failure(error)),
        };
        match serde_json::from_slice(&body) {
            // By xAPI the statement itself; ralph gives a page with it.
            Ok(Value::Object(found)) if found.contains_key("statements") => {
                Ok(Page::parse(&body).ok().and_then(|page| page.statements.into_iter().next()))
            }
            Ok(Value::Object(found)) => Ok(Some(found)),
            _ => Ok(None),
        }
    }
}

/// What a failed exchange means for the statements.
fn failure(error: HttpError) -> Failure {
    let reason = error.to_string();
    if error.is_temporary() {
        return Failure::Unavailable { reason };
    }
    match error.status() {
        Some(status @ (300..=399 | 401..=407 | 410 | 415 | 426)) => Failure::Denied { status, reason },
        Some(status @ 400..=499) => Failure::Refused { status, reason },
        Some(_) | None => Failure::Unavailable { reason },
    }
}
