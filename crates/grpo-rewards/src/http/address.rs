//! Addresses: what is accepted, and what messages may show.

use std::net::IpAddr;

use ureq::http::Uri;

use super::HttpError;

pub(super) fn parse(url: &str) -> Result<Uri, HttpError> {
    let refused = |problem: &str| HttpError::Url { url: without_secrets(url), problem: problem.into() };
    let uri: Uri = url.parse().map_err(|error| refused(&format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(refused("it is neither http nor https"));
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err(refused("it holds a user or a password, which belong into `basic_auth` or a header"))
        }
        Some(authority) if authority.port().is_none() && authority.as_str() != authority.host() => {
            Err(refused("its port is not a number up to 65535"))
        }
        Some(authority) if !authority.host().is_empty() => Ok(uri),
        _ => Err(refused("it names no host")),
    }
}

/// The address of a path on the same host as `url`.
pub(super) fn beside(url: &str, path_and_query: &str) -> Result<Uri, HttpError> {
    let own = parse(url)?;
    let target = match path_and_query.as_bytes().first() {
        None => return Ok(own),
        Some(b'/') => path_and_query.to_owned(),
        Some(b'?') => format!("{}{path_and_query}", own.path()),
        Some(_) => {
            let problem = "a path beside it begins with `/` or `?`".to_owned();
            return Err(HttpError::Url { url: without_secrets(path_and_query), problem });
        }
    };
    let mut parts = own.into_parts();
    let refused = |problem: String| HttpError::Url { url: without_secrets(path_and_query), problem };
    parts.path_and_query = Some(target.parse().map_err(|error| refused(format!("{error}")))?);
    Uri::from_parts(parts).map_err(|error| refused(error.to_string()))
}

/// Nobody's proxy leads to `localhost`.
pub(super) fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

pub(super) fn shown(uri: &Uri) -> String {
    without_secrets(&uri.to_string())
}

/// An address as messages may show it: keys are often handed over as `user:password@` or behind `?`.
pub(super) fn without_secrets(url: &str) -> String {
    let (address, query) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], "?..."),
        None => (url, ""),
    };
    let (scheme, rest) = address.split_at(address.find("://").map_or(0, |at| at + 3));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{host}{path}{query}")
}
