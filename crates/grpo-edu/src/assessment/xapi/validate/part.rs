//! Parts of a statement and where they stand, and the formats of single values.

use std::fmt;

use serde_json::{Map, Value};

use crate::assessment::xapi::iri::is_iri;
use crate::assessment::xapi::time::parse_duration;
use crate::assessment::xapi::{Timestamp, Uuid, XapiError};

/// Where a part stands in its statement.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => write!(out, "{}", short(key)),
            Self::Key(parent, key) => write!(out, "{parent}.{}", short(key)),
            Self::Index(parent, place) => write!(out, "{parent}[{place}]"),
        }
    }
}

/// A part of a statement, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) value: &'a Value,
    pub(super) path: Path<'a>,
}

pub(super) type Check = Result<(), XapiError>;

/// At most eighty characters of a text, for messages.
pub(in crate::assessment::xapi) fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((place, _)) => format!("{}...", &text[..place]),
        None => text.to_string(),
    }
}

/// A value as a message shows it. A list or an object is only named: it may be of any size.
pub(in crate::assessment::xapi) fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("{:?}", short(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

impl<'a> Part<'a> {
    pub(super) fn refuse<T>(&self, problem: impl fmt::Display) -> Result<T, XapiError> {
        let path = match self.path {
            Path::Root => "the statement".to_string(),
            path => path.to_string(),
        };
        Err(XapiError::Invalid { path, problem: problem.to_string() })
    }

    pub(super) fn need<T>(&self, what: &str) -> Result<T, XapiError> {
        self.refuse(format_args!("is {}; it must be {what}", shown(self.value)))
    }

    /// The object, which isn't empty and has only these keys.
    pub(super) fn object(&self, keys: &[&str]) -> Result<&'a Map<String, Value>, XapiError> {
        let Value::Object(object) = self.value else { return self.need("an object") };
        if object.is_empty() {
            return self.refuse("is an empty object; leave it out");
        }
        match object.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(unknown) => {
                self.refuse(format_args!("has {:?}, which isn't one of {}", short(unknown), keys.join(", ")))
            }
            None => Ok(object),
        }
    }

    /// Checks what stands at a key, if something does; whether it does.
    pub(super) fn optional(
        &self,
        key: &str,
        check: impl FnOnce(Part<'_>) -> Check,
    ) -> Result<bool, XapiError> {
        let Some(value) = self.value.get(key) else { return Ok(false) };
        check(Part { value, path: Path::Key(&self.path, key) })?;
        Ok(true)
    }

    pub(super) fn required(&self, key: &str, check: impl FnOnce(Part<'_>) -> Check) -> Check {
        if self.optional(key, check)? {
            Ok(())
        } else {
            self.refuse(format_args!("has no `{key}`, which it needs"))
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, XapiError> {
        match self.value {
            Value::String(text) if !text.is_empty() => Ok(text),
            Value::String(_) => self.refuse("is empty; leave it out"),
            _ => self.need("a text"),
        }
    }

    pub(super) fn texts_like(&self, holds: impl FnOnce(&str) -> bool, what: &str) -> Check {
        if holds(self.text()?) { Ok(()) } else { self.need(what) }
    }

    pub(super) fn flag(&self) -> Check {
        if self.value.is_boolean() { Ok(()) } else { self.need("true or false") }
    }

    /// Checks every part of a list.
    pub(super) fn each(&self, mut check: impl FnMut(Part<'_>) -> Check) -> Check {
        let Value::Array(parts) = self.value else { return self.need("a list") };
        let mut parts = parts.iter().enumerate();
        parts.try_for_each(|(place, value)| check(Part { value, path: Path::Index(&self.path, place) }))
    }
}

pub(super) fn any_text(part: Part<'_>) -> Check {
    part.text().map(|_| ())
}

pub(super) fn flag(part: Part<'_>) -> Check {
    part.flag()
}

pub(super) fn iri(part: Part<'_>) -> Check {
    part.texts_like(is_iri, "an IRI with a scheme, such as https://example.org/q1")
}

pub(super) fn uuid(part: Part<'_>) -> Check {
    part.texts_like(|text| text.parse::<Uuid>().is_ok(), "a UUID")
}

pub(super) fn timestamp(part: Part<'_>) -> Check {
    let is_time = |text: &str| {
        // An offset of -00:00 says "unknown", which xAPI refuses.
        let unknown = ["-00", "-0000", "-00:00"].iter().any(|zone| text.ends_with(zone));
        Timestamp::parse(text).is_some() && !unknown
    };
    part.texts_like(is_time, "like 2026-01-31T12:00:00Z")
}

pub(super) fn duration(part: Part<'_>) -> Check {
    part.texts_like(|text| parse_duration(text).is_some(), "an ISO 8601 duration such as PT1M30.5S")
}

pub(super) fn one_of(part: Part<'_>, words: &[&str]) -> Check {
    part.texts_like(|text| words.contains(&text), &format!("one of {}", words.join(", ")))
}

/// A well-formed language tag (RFC 5646, section 2.1); whether its parts are registered isn't looked up.
pub(in crate::assessment::xapi) fn is_language(text: &str) -> bool {
    let mut subtags = text.split('-');
    let first = subtags.next().unwrap_or_default();
    let starts = first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (matches!(first.len(), 2..=8) || (matches!(first, "x" | "X" | "i" | "I") && text.len() > 2));
    starts
        && subtags
            .all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub(super) fn language(part: Part<'_>) -> Check {
    part.texts_like(is_language, "a language tag such as en or pt-BR")
}

pub(super) fn language_map(part: Part<'_>) -> Check {
    let Value::Object(texts) = part.value else { return part.need("an object of texts by language") };
    if texts.is_empty() {
        return part.refuse("is an empty object; leave it out");
    }
    for (tag, value) in texts {
        let text = Part { value, path: Path::Key(&part.path, tag) };
        if !is_language(tag) {
            return text.refuse("stands under a key that is no language tag; write one such as en or pt-BR");
        }
        text.text()?;
    }
    Ok(())
}

/// Extensions may hold anything, `null` too.
pub(super) fn extensions(part: Part<'_>) -> Check {
    let Value::Object(extensions) = part.value else { return part.need("an object") };
    match extensions.keys().find(|key| !is_iri(key)) {
        Some(key) => {
            part.refuse(format_args!("has the key {:?}, which must be an IRI with a scheme", short(key)))
        }
        None => Ok(()),
    }
}

/// `mailto:` and an address with something before and a domain behind its last `@`.
pub(in crate::assessment::xapi) fn is_mailbox(text: &str) -> bool {
    let address = text.strip_prefix("mailto:").and_then(|address| address.rsplit_once('@'));
    address.is_some_and(|(user, host)| {
        let plain =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        plain(user) && !user.contains('@') && plain(host) && !host.starts_with('.') && !host.ends_with('.')
    })
}
