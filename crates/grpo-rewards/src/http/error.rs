//! What can go wrong between here and a service.

use std::path::PathBuf;
use std::time::Duration;

/// How many characters of an answer's body an error quotes.
const QUOTED: usize = 200;

/// A request that got no usable answer. Addresses are named without credentials and without what follows `?`;
/// values of headers are never named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Not an address that a request can be sent to.
    #[error("`{url}` cannot be used: {problem}; write http://HOST/PATH or https://HOST/PATH")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A header, or the user of the basic authentication, cannot be sent.
    #[error("the header `{name}` cannot be sent: {problem}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The file that says whom to trust cannot be used.
    #[error("the file `{}` of `SSL_CERT_FILE` cannot be used: {problem}; name a file of certificates in PEM form, or \
             unset the variable", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The service answered with a status of failure.
    #[error("{url} answered with status {status}{}{}{}", after(*attempts), wait(*asked_wait), quote(body))]
    Status {
        /// The address.
        url: String,
        /// The last answer's status, 400 to 599.
        status: u16,
        /// The first 200 characters of the last answer's body, on one line.
        body: String,
        /// How often the request was sent.
        attempts: u32,
        /// For how long the service asked to be left alone, where that was longer than a retry waits.
        asked_wait: Option<Duration>,
    },
    /// The service has moved. Not followed: a POST would become a GET on the way, and credentials would go to
    /// whoever the answer names.
    #[error(
        "{url} answered with status {status}: it has moved to `{location}`; use that address if it is right"
    )]
    Moved {
        /// The address.
        url: String,
        /// The status, 300 to 399.
        status: u16,
        /// Where to, as the service says.
        location: String,
    },
    /// No connection, or one that broke.
    #[error("{url} cannot be reached{}: {problem}; check that the service runs and listens there", after(*attempts))]
    Unreachable {
        /// The address.
        url: String,
        /// The system's message.
        problem: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// No complete answer in time.
    #[error(
        "{url} did not answer within {} s{}; allow more time or ask for less at once",
        limit.as_secs_f64(), after(*attempts)
    )]
    Timeout {
        /// The address.
        url: String,
        /// The time one attempt may take.
        limit: Duration,
        /// How often it was tried.
        attempts: u32,
    },
    /// An answer that is larger than it may be.
    #[error("the answer of {url} is larger than {limit} bytes; ask for less at once")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An exchange that failed in a way that another attempt would not mend: encryption, a malformed answer.
    #[error("the exchange with {url} failed: {problem}")]
    Exchange {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
}

impl HttpError {
    /// The status, where the service gave one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::Moved { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same request may succeed at another time: the service could not be reached, was too slow,
    /// overloaded or broken. Everything else needs another request or another configuration.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => is_temporary_status(*status),
            Self::Url { .. }
            | Self::Header { .. }
            | Self::Certificates { .. }
            | Self::Moved { .. }
            | Self::TooLarge { .. }
            | Self::Exchange { .. } => false,
        }
    }
}

/// Statuses after which the same request is sent again.
pub(super) fn is_temporary_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The first characters of a body, on one line.
pub(super) fn quoted(body: &[u8]) -> String {
    // Four bytes hold any character: what lies behind cannot be quoted.
    let head = String::from_utf8_lossy(&body[..body.len().min(4 * QUOTED)]);
    let line = head.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect()
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() }
}

fn wait(asked: Option<Duration>) -> String {
    asked.map_or_else(String::new, |wait| format!(" and asks to wait {} s", wait.as_secs()))
}

fn quote(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(": {body}") }
}
