//! A reward behind an address: batches are sent by HTTP POST.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Text;
use super::batches::{batch_size, counted, seconds};
use crate::spec::Settings;
use crate::{Reward, RewardError};

/// The most requests at a time.
const MAX_PARALLEL: usize = 64;

/// A service that gives the scores: a batch is one POST of JSON, the answer its body (see [the module](super)).
/// Needs the feature `http`.
///
/// Requests that fail for the moment (no connection, no answer in time, status 408, 425, 429, 500, 502, 503, 504)
/// are sent again after 0.5 s, 1 s, 2 s..., or after the time that the service asks for. If a batch fails all the
/// same for a reason that may lie in one sample (status 400, 413, 422 or 500, no answer in time, an answer that
/// cannot be used), its samples are asked one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpService {
    /// The address: `http://localhost:8000/score`. Without user and password: it is written into files.
    pub url: String,
    /// Seconds that one attempt may take. Default: 60.
    #[serde(default = "default_time_limit")]
    pub time_limit: f64,
    /// How often a request is sent again. Default: 3.
    #[serde(default = "default_retries")]
    pub retries: u32,
    /// Seconds before a request is sent again for the first time; doubles every time. Default: 0.5.
    #[serde(default = "default_first_wait")]
    pub first_wait: f64,
    /// How many samples one request holds at most. Default: 64.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Whether the episodes of a group are always in one request (see
    /// [`ChildProcess::whole_groups`](super::ChildProcess::whole_groups)). Default: false.
    #[serde(default)]
    pub whole_groups: bool,
    /// How many requests are on their way at the same time, 1 to 64. Default: 4.
    #[serde(default = "default_parallel")]
    pub parallel: usize,
    /// Further headers. Those that usually carry a secret (`Authorization`, `X-API-Key`...) must come from the
    /// environment: `Authorization = { env = "JUDGE_TOKEN", prefix = "Bearer " }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Text>,
}

fn default_time_limit() -> f64 {
    60.0
}

fn default_retries() -> u32 {
    3
}

fn default_first_wait() -> f64 {
    0.5
}

fn default_batch_size() -> usize {
    64
}

fn default_parallel() -> usize {
    4
}

impl HttpService {
    /// An address with the default limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            time_limit: default_time_limit(),
            retries: default_retries(),
            first_wait: default_first_wait(),
            batch_size: default_batch_size(),
            whole_groups: false,
            parallel: default_parallel(),
            headers: BTreeMap::new(),
        }
    }

    /// The headers, with what comes from the environment.
    fn read_headers(&self) -> Result<Vec<(String, String)>, RewardError> {
        let read = |(name, text): (&String, &Text)| {
            let key = format!("headers.{name}");
            if matches!(text, Text::Plain(_)) && is_secret(name) {
                let fix = "name an environment variable that holds it: { env = \"NAME\" }";
                return Err(RewardError::invalid(&key, "would be written into the run folder", fix));
            }
            let value = text.read().map_err(|missing| {
                let fix = "set it before grpo is started, or take the header out";
                RewardError::invalid(&key, missing.to_string(), fix)
            })?;
            Ok((name.clone(), value))
        };
        self.headers.iter().map(read).collect()
    }
}

/// Headers that carry credentials by their definition or by wide custom.
fn is_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    ["authorization", "cookie", "api-key", "apikey", "token", "secret", "password"]
        .iter()
        .any(|part| header.contains(part))
}

impl Settings for HttpService {
    fn kind(&self) -> &'static str {
        "http"
    }

    /// Checks the settings and reads the environment. Nothing is sent before the first batch.
    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        seconds("time_limit", self.time_limit)?;
        seconds("first_wait", self.first_wait)?;
        counted("parallel", self.parallel, MAX_PARALLEL)?;
        batch_size(self.batch_size)?;
        self.connect(self.read_headers()?)
    }
}

#[cfg(not(feature = "http"))]
impl HttpService {
    fn connect(&self, _: Vec<(String, String)>) -> Result<Box<dyn Reward>, RewardError> {
        let problem = "`http` is not part of this build";
        Err(RewardError::invalid("kind", problem, "build with the feature `http` (cargo: --features http)"))
    }
}
