//! Models and data from the Hugging Face hub, named `hf://owner/name`.
//!
//! With the feature `hub` files come through the `hf-hub` crate into the cache that Python's `huggingface_hub` uses as well: what
//! one has downloaded the other finds. Without it a name is understood, and refused with what to do.
//!
//! | variable | what |
//! |---|---|
//! | `HF_ENDPOINT` | the hub, `https://huggingface.co` by default |
//! | `HF_HUB_CACHE` | the cache; else `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub` |
//! | `HF_TOKEN` | who asks; else what the file `HF_TOKEN_PATH` holds, or `token` in `HF_HOME`, from `hf auth login` |
//! | `HF_HUB_OFFLINE` | with `1` only the cache is looked at |
//! | `HTTPS_PROXY` | a proxy |

use anyhow::anyhow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What a name on the hub begins with.
const SCHEME: &str = "hf://";

/// Whether a text that may be a path is meant as a name on the hub.
pub(crate) fn is_hub_name(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// A repository on the hub, or a file or folder in it: `hf://[datasets/]owner/name[@revision][/path]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HubName {
    /// Said with `models/` or `datasets/`; else whoever uses the name knows.
    kind: Option<Kind>,
    /// `owner/name`.
    repository: String,
    /// A branch, a tag or a commit.
    revision: String,
    /// Within the repository; empty for its root.
    path: String,
}

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Dataset,
}

/// The branch that is meant where none is named.
const MAIN: &str = "main";

impl FromStr for HubName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason: String| {
            anyhow!(
                "{text}: {reason}; a name on the hub looks like hf://owner/name or hf://datasets/owner/name/train.jsonl"
            )
        };
        let rest =
            text.strip_prefix(SCHEME).ok_or_else(|| wrong(format!("it doesn't begin with {SCHEME}")))?;
        let (kind, rest) = match rest.split_once('/') {
            Some(("datasets", rest)) => (Some(Kind::Dataset), rest),
            Some(("models", rest)) => (Some(Kind::Model), rest),
            Some(("spaces", _)) => return Err(wrong("a space holds neither a model nor data".into())),
            _ => (None, rest),
        };
        let (owner, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let end = rest.find(['/', '@']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        for (part, what) in [(owner, "owner"), (name, "name")] {
            check_part(part, what).map_err(wrong)?;
        }
        let (revision, path) = match rest.strip_prefix('@') {
            Some(rest) => split_revision(rest),
            None => (MAIN.to_string(), rest.strip_prefix('/').unwrap_or(rest)),
        };
        check_path(&revision, "revision").map_err(wrong)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() {
            check_path(path, "path").map_err(wrong)?;
        }
        Ok(Self { kind, repository: format!("{owner}/{name}"), revision, path: path.to_string() })
    }
}

/// The hub's rule for the name of an owner or a repository. `--` would moreover be ambiguous in the cache, which has it between the
/// two.
fn check_part(part: &str, what: &str) -> Result<(), String> {
    if part.is_empty() {
        return Err(format!("the {what} is missing"));
    }
    let allowed = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let at_the_edge = part.starts_with(['-', '.']) || part.ends_with(['-', '.']);
    if !allowed || at_the_edge || part.contains("--") || part.contains("..") || part.len() > 96 {
        return Err(format!(
            "{part:?} can't be the {what}: there may be letters, digits, - _ and ., no - or . at an end, and none twice in a row"
        ));
    }
    Ok(())
}

/// A revision or a path becomes part of an address and of a path in the cache: nothing may lead out of there, or need escaping,
/// which `hf-hub` doesn't do.
fn check_path(path: &str, what: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+=,/".contains(c);
    if let Some(c) = path.chars().find(|&c| !allowed(c)) {
        return Err(format!(
            "the {what} has {c:?}, but only letters, digits and - _ . + = , / can be in it: download the file yourself, and name it"
        ));
    }
    match path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        true => Err(format!("the {what} {path:?} has an empty part, or . or ..")),
        false => Ok(()),
    }
}

/// What stands behind `@`, split into revision and path. A branch with a slash is written with `%2F`, but the two kinds of
/// references that the hub itself makes, `refs/pr/N` and `refs/convert/FORMAT`, as they are.
fn split_revision(text: &str) -> (String, &str) {
    let parts = match text.starts_with("refs/pr/") || text.starts_with("refs/convert/") {
        true => 3,
        false => 1,
    };
    let end = text.match_indices('/').nth(parts - 1).map_or(text.len(), |(at, _)| at);
    let (revision, path) = text.split_at(end);
    (revision.replace("%2F", "/").replace("%2f", "/"), path.strip_prefix('/').unwrap_or(path))
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            None => "",
            Some(Kind::Model) => "models/",
            Some(Kind::Dataset) => "datasets/",
        };
        write!(f, "{SCHEME}{kind}{}", self.repository)?;
        if self.revision != MAIN {
            let as_is = self.revision.starts_with("refs/");
            let revision = if as_is { self.revision.clone() } else { self.revision.replace('/', "%2F") };
            write!(f, "@{revision}")?;
        }
        match self.path.as_str() {
            "" => Ok(()),
            path => write!(f, "/{path}"),
        }
    }
}

/// Whether downloads are shown on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// A bar per file on a terminal, else a line per file.
    Stderr,
    /// Not at all.
    Quiet,
}

/// The folder in the hub's cache with the files of a model, which are downloaded if they aren't there.
///
/// # Errors
/// Says in one sentence what the hub, the network or the repository lacks, and what to do.
#[cfg(feature = "hub")]
pub(crate) fn model_folder(name: &HubName, show: Show) -> anyhow::Result<PathBuf> {
    client::Hub::from_env()?.model_folder(name, show)
}

/// A file of JSON lines in the hub's cache, which is downloaded if it isn't there. The repository is one of data, whether the name
/// begins with `datasets/` or not.
///
/// # Errors
/// As [`model_folder`].
#[cfg(feature = "hub")]
pub(crate) fn data_file(name: &HubName, show: Show) -> anyhow::Result<PathBuf> {
    client::Hub::from_env()?.data_file(name, show)
}

/// Refuses.
///
/// # Errors
/// Always: this build has no feature `hub`.
#[cfg(not(feature = "hub"))]
pub(crate) fn model_folder(name: &HubName, _: Show) -> anyhow::Result<PathBuf> {
    Err(not_built_in(name, "folder"))
}

/// Refuses.
///
/// # Errors
/// Always: this build has no feature `hub`.
#[cfg(not(feature = "hub"))]
pub(crate) fn data_file(name: &HubName, _: Show) -> anyhow::Result<PathBuf> {
    Err(not_built_in(name, "file"))
}

#[cfg(not(feature = "hub"))]
fn not_built_in(name: &HubName, what: &str) -> anyhow::Error {
    anyhow!(
        "{name} needs the feature `hub`: build with `cargo build --release --features hub`, or download the {what} and name it"
    )
}

/// What talks to the hub.
#[cfg(feature = "hub")]
mod client;

#[cfg(test)]
mod name_tests;

/// Against a server on this machine that answers as the hub does.
#[cfg(all(test, feature = "hub"))]
mod tests;
