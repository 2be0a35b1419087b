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
mod client {
    use super::{HubName, Kind, MAIN, SCHEME, Show};
    use anyhow::{Context, anyhow};
    use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
    use hf_hub::api::{Progress, RepoInfo};
    use hf_hub::{Cache, Repo, RepoType};
    use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::io::{self, IsTerminal, Write as _};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    /// Where the hub is, unless `HF_ENDPOINT` says otherwise.
    const ENDPOINT: &str = "https://huggingface.co";

    /// Without these there is no model.
    const CONFIG: &str = "config.json";
    const TOKENIZER: &str = "tokenizer.json";

    /// These are taken along where they exist. Some aren't read, but a trained model is written with them again.
    const OTHERS: [&str; 8] = [
        "generation_config.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "tokenizer.model",
    ];

    /// The weights in one file, or the list of the files they are in.
    const WEIGHTS: &str = "model.safetensors";
    const INDEX: &str = "model.safetensors.index.json";

    /// How data may end: what is read are JSON lines.
    const DATA: [&str; 3] = [".jsonl", ".ndjson", ".json"];

    /// How often a file is asked for when the connection breaks. Each time goes on where the last one stopped.
    const ATTEMPTS: u32 = 4;

    /// A list of files is at most this long, in bytes. The hub's largest data sets have some hundred thousand files.
    const LONGEST_LISTING: u64 = 64 << 20;

    /// The hub as it is set up for this person.
    pub(super) struct Hub {
        pub(super) endpoint: String,
        pub(super) cache: PathBuf,
        pub(super) token: Option<String>,
        pub(super) offline: bool,
        /// How long to wait before a file is asked for again; then twice as long, and so on.
        pub(super) pause: Duration,
    }

    /// Why the hub gave nothing.
    enum Trouble {
        /// It wasn't reached, or the connection broke.
        Unreachable(String),
        /// It answered with an error.
        Refused {
            status: u16,
            /// Its own word for it, where it gives one.
            code: String,
        },
        /// What it answered isn't understood.
        Strange(String),
        /// The cache can't be written, or the like.
        Here(String),
    }

    /// The files of one commit of a repository.
    struct Listing {
        commit: String,
        files: BTreeSet<String>,
    }

    impl Hub {
        /// As the environment has it.
        pub(super) fn from_env() -> anyhow::Result<Self> {
            // The variables are plain text; what isn't can't be meant.
            Self::from_variables(|name| std::env::var(name).ok(), std::env::home_dir())
        }

        pub(super) fn from_variables(
            variable: impl Fn(&str) -> Option<String>,
            home: Option<PathBuf>,
        ) -> anyhow::Result<Self> {
            let set = |name: &str| variable(name).map(|v| v.trim().to_string()).filter(|v| !v.is_empty());
            let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
            let endpoint = endpoint.trim_end_matches('/').to_string();
            if host(&endpoint).is_none() {
                return Err(anyhow!(
                    "HF_ENDPOINT is {endpoint:?}; it must be an address as in https://huggingface.co, or not be set"
                ));
            }
            let hf_home = set("HF_HOME")
                .map(PathBuf::from)
                .or_else(|| set("XDG_CACHE_HOME").map(|c| Path::new(&c).join("huggingface")))
                .or_else(|| home.map(|home| home.join(".cache").join("huggingface")));
            let cache = set("HF_HUB_CACHE")
                .map(PathBuf::from)
                .or_else(|| hf_home.as_ref().map(|home| home.join("hub")))
                .context("there is no home folder to keep downloads in: set HF_HOME to a folder")?;
            let cache =
                std::path::absolute(&cache).with_context(|| format!("HF_HOME: {}", cache.display()))?;
            let token_file =
                set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| hf_home.map(|home| home.join("token")));
            let from_file = || std::fs::read_to_string(token_file.as_ref()?).ok();
            let token = set("HF_TOKEN").or_else(from_file).map(|token| token.trim().to_string());
            let token = token.filter(|token| !token.is_empty());
            if token.as_ref().is_some_and(|token| !token.chars().all(|c| c.is_ascii_graphic())) {
                // Without the token itself: messages end up in logs.
                return Err(anyhow!(
                    "the hub's token (HF_TOKEN, or the file token in HF_HOME) has blanks or other odd characters; get one at \
                     {endpoint}/settings/tokens"
                ));
            }
            let offline = set("HF_HUB_OFFLINE").or_else(|| set("TRANSFORMERS_OFFLINE"));
            let offline = offline.is_some_and(|value| {
                ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
            });
            Ok(Self { endpoint, cache, token, offline, pause: Duration::from_secs(1) })
        }

        /// See [`super::model_folder`].
        pub(super) fn model_folder(&self, name: &HubName, show: Show) -> anyhow::Result<PathBuf> {
            if name.kind == Some(Kind::Dataset) {
                return Err(anyhow!("{name} is a repository of data, but a model is needed here"));
            }
            let session = Session { hub: self, name, kind: Kind::Model, show };
            session.get(Session::cached_model, Session::fetch_model)
        }

        /// See [`super::data_file`].
        pub(super) fn data_file(&self, name: &HubName, show: Show) -> anyhow::Result<PathBuf> {
            if name.kind == Some(Kind::Model) {
                return Err(anyhow!("{name} is a repository of models, but data is needed here"));
            }
            if !name.path.is_empty() && !is_data(&name.path) {
                return Err(anyhow!(
                    "{name}: data must be JSON lines in a file whose name ends with {}; convert the file first",
                    DATA.join(", ")
                ));
            }
            let session = Session { hub: self, name, kind: Kind::Dataset, show };
            session.get(Session::cached_data, Session::fetch_data)
        }
    }

    /// What is wanted from the hub this time.
    struct Session<'a> {
        hub: &'a Hub,
        name: &'a HubName,
        kind: Kind,
        show: Show,
    }

    impl Session<'_> {
        /// From the hub; where that can't be asked, from the cache.
        fn get(
            &self,
            cached: impl Fn(&Self) -> Option<PathBuf>,
            fetch: impl Fn(&Self, &Listing) -> anyhow::Result<PathBuf>,
        ) -> anyhow::Result<PathBuf> {
            if self.hub.offline {
                return cached(self).ok_or_else(|| {
                    anyhow!(
                        "{}: not, or not wholly, in the cache {}, and HF_HUB_OFFLINE forbids to ask the hub: unset it once, or \
                         set HF_HOME to where it was downloaded",
                        self.name,
                        self.hub.cache.display()
                    )
                });
            }
            let trouble = match self.listing() {
                Ok(listing) => return fetch(self, &listing),
                Err(trouble) => trouble,
            };
            match cached(self).filter(|_| trouble.may_pass()) {
                Some(path) => {
                    let host = self.host();
                    self.say(&format!("note: {host} can't be asked; taking {} from the cache", self.name));
                    Ok(path)
                }
                None => Err(self.explain(trouble, None)),
            }
        }

        /// Asks which files there are.
        fn listing(&self) -> Result<Listing, Trouble> {
            let request = self.api()?.repo(self.repo(&self.name.revision)).info_request();
            let answer = request
                .config()
                // An answer with an error says more in its headers than its number does.
                .http_status_as_error(false)
                .timeout_connect(Some(Duration::from_secs(15)))
                .timeout_global(Some(Duration::from_secs(120)))
                .build()
                .call();
            let mut answer = answer.map_err(Trouble::from)?;
            if !answer.status().is_success() {
                let code = answer.headers().get("x-error-code").and_then(|code| code.to_str().ok());
                return Err(Trouble::Refused {
                    status: answer.status().as_u16(),
                    code: code.unwrap_or_default().to_string(),
                });
            }
            let text = answer.body_mut().with_config().limit(LONGEST_LISTING).read_to_string()?;
            let info: RepoInfo = serde_json::from_str(&text)
                .map_err(|e| Trouble::Strange(format!("the list of files can't be read: {e}")))?;
            // It becomes a path.
            if info.sha.is_empty() || !info.sha.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Err(Trouble::Strange(format!("{:?} is no commit", info.sha)));
            }
            Ok(Listing {
                commit: info.sha,
                files: info.siblings.into_iter().map(|file| file.rfilename).collect(),
            })
        }

        /// Downloads what a model consists of: first what is small, last what makes the folder a whole one.
        fn fetch_model(&self, listing: &Listing) -> anyhow::Result<PathBuf> {
            for needed in [CONFIG, TOKENIZER] {
                if !listing.files.contains(&self.in_repository(needed)) {
                    return Err(self.lacks(needed, listing));
                }
            }
            let there = |file: &&str| listing.files.contains(&self.in_repository(file));
            let weights = [WEIGHTS, INDEX].into_iter().find(there);
            let weights = weights.ok_or_else(|| self.lacks(WEIGHTS, listing))?;
            for file in [CONFIG, TOKENIZER].into_iter().chain(OTHERS.into_iter().filter(there)) {
                self.fetch(&self.in_repository(file), listing)?;
            }
            let path = self.fetch(&self.in_repository(weights), listing)?;
            if weights == INDEX {
                let shards = shards(&path).ok_or_else(|| {
                    anyhow!("{}: {INDEX} doesn't say which files the weights are in", self.name)
                })?;
                for shard in &shards {
                    let shard = self.in_repository(shard);
                    if !listing.files.contains(&shard) {
                        return Err(anyhow!("{}: {INDEX} names {shard}, which isn't there", self.name));
                    }
                    self.fetch(&shard, listing)?;
                }
            }
            self.remember(listing);
            Ok(self.within(self.snapshot(&listing.commit)))
        }

        /// Downloads one file of data.
        fn fetch_data(&self, listing: &Listing) -> anyhow::Result<PathBuf> {
            let path = &self.name.path;
            if !listing.files.contains(path) {
                let found: Vec<&str> =
                    listing.files.iter().map(String::as_str).filter(|file| is_data(file)).take(8).collect();
                let problem = match path.as_str() {
                    "" => "it names a whole repository, but one file is needed".to_string(),
                    path => format!("there is no file {path}"),
                };
                let fix = match found.as_slice() {
                    [] => "the repository has no JSON lines at all: convert its data to a file of them, and name that".into(),
                    found => format!("add one to {SCHEME}datasets/{}/: {}", self.name.repository, found.join(", ")),
                };
                return Err(anyhow!("{}: {problem}; {fix}", self.name));
            }
            let file = self.fetch(path, listing)?;
            self.remember(listing);
            Ok(file)
        }

        /// One file of a commit, downloaded if it isn't there.
        fn fetch(&self, file: &str, listing: &Listing) -> anyhow::Result<PathBuf> {
            let path = self.snapshot(&listing.commit).join(file);
            if path.is_file() {
                return Ok(path);
            }
            // By the commit, so that all files belong together even if someone changes the branch meanwhile.
            let repo = self.repo(&listing.commit);
            let repo = self.api().map(|api| api.repo(repo)).map_err(|t| self.explain(t, Some(file)))?;
            let mut attempt = 1;
            loop {
                let trouble = match self.attempt(&repo, file, &path) {
                    Ok(()) => return Ok(path),
                    Err(trouble) => trouble,
                };
                if attempt == ATTEMPTS || !trouble.may_pass() {
                    return Err(self.explain(trouble, Some(file)));
                }
                std::thread::sleep(self.hub.pause * 2u32.pow(attempt - 1));
                attempt += 1;
            }
        }

        /// `hf-hub` goes on with what an earlier attempt left, but looks neither whether the server did the same nor whether the
        /// end was reached: what has the wrong length is thrown away.
        fn attempt(&self, repo: &ApiRepo, file: &str, path: &Path) -> Result<(), Trouble> {
            let bar = Bar { show: self.show, size: Cell::new(None), bar: Cell::new(None) };
            let result = repo.download_with_progress(file, &bar);
            if let Some(bar) = bar.bar.take() {
                bar.finish_and_clear();
            }
            let found = match result {
                Ok(found) => found,
                Err(error) => {
                    if leaves_rubbish(&error) {
                        self.forget_part(repo, file)?;
                        return Err(Trouble::Unreachable("an earlier download was broken".into()));
                    }
                    return Err(error.into());
                }
            };
            let (length, size) = (std::fs::metadata(&found)?.len(), bar.size.get());
            if size.is_some_and(|size| size as u64 != length) {
                // The file itself, not only the link in the snapshot.
                std::fs::remove_file(found.canonicalize()?)?;
                if found.is_symlink() {
                    std::fs::remove_file(&found)?;
                }
                return Err(Trouble::Unreachable(format!(
                    "it arrived with {length} bytes instead of {}",
                    size.unwrap_or_default()
                )));
            }
            if found != path {
                return Err(Trouble::Strange("it is another commit than was asked for".into()));
            }
            Ok(())
        }

        /// Removes what an earlier download left.
        fn forget_part(&self, repo: &ApiRepo, file: &str) -> Result<(), Trouble> {
            let etag = self.api()?.metadata(&repo.url(file))?.etag().to_string();
            let part = Cache::new(self.hub.cache.clone()).repo(self.repo(MAIN)).blob_path(&etag);
            match std::fs::remove_file(part.with_extension("part")) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
                _ => Ok(()),
            }
        }

        /// Notes which commit the revision was, for when the hub can't be asked. Losing that is no reason to fail.
        fn remember(&self, listing: &Listing) {
            let cache = Cache::new(self.hub.cache.clone());
            let _ = cache.repo(self.repo(&self.name.revision)).create_ref(&listing.commit);
        }

        /// The snapshot that the revision was when the hub was last asked.
        fn cached_snapshot(&self) -> Option<PathBuf> {
            let snapshots = self.snapshot("");
            let reference = snapshots.parent()?.join("refs").join(&self.name.revision);
            // A revision without a note may be a commit.
            let commit = match std::fs::read_to_string(reference) {
                Ok(commit) => commit.trim().to_string(),
                Err(_) => self.name.revision.clone(),
            };
            Some(self.snapshot(&commit)).filter(|folder| folder.is_dir())
        }

        /// The model in the cache, if it is whole.
        fn cached_model(&self) -> Option<PathBuf> {
            let folder = self.within(self.cached_snapshot()?);
            let there = |file: &str| folder.join(file).is_file();
            let weights = || {
                there(WEIGHTS) || shards(&folder.join(INDEX)).is_some_and(|all| all.iter().all(|s| there(s)))
            };
            (there(CONFIG) && there(TOKENIZER) && weights()).then_some(folder)
        }

        /// The file in the cache.
        fn cached_data(&self) -> Option<PathBuf> {
            Some(self.cached_snapshot()?.join(&self.name.path)).filter(|file| file.is_file())
        }

        fn api(&self) -> Result<Api, Trouble> {
            // Not its `new` or `from_env`, which panic where there is no home folder. The pauses and repeats are ours: its own ask
            // for the wrong part of a file that an earlier download began.
            let builder = ApiBuilder::from_cache(Cache::new(self.hub.cache.clone()))
                .with_endpoint(self.hub.endpoint.clone())
                .with_token(self.hub.token.clone())
                .with_user_agent("grpo", env!("CARGO_PKG_VERSION"));
            Ok(builder.build()?)
        }

        fn repo(&self, revision: &str) -> Repo {
            let kind = match self.kind {
                Kind::Model => RepoType::Model,
                Kind::Dataset => RepoType::Dataset,
            };
            Repo::with_revision(self.name.repository.clone(), kind, revision.to_string())
        }

        fn snapshot(&self, commit: &str) -> PathBuf {
            Cache::new(self.hub.cache.clone()).repo(self.repo(MAIN)).pointer_path(commit)
        }

        /// The model's folder in a snapshot.
        fn within(&self, snapshot: PathBuf) -> PathBuf {
            match self.name.path.as_str() {
                // Joined with nothing, a path would end with a slash.
                "" => snapshot,
                folder => snapshot.join(folder),
            }
        }

        /// A file of the model as the repository calls it.
        fn in_repository(&self, file: &str) -> String {
            match self.name.path.as_str() {
                "" => file.to_string(),
                folder => format!("{folder}/{file}"),
            }
        }

        fn host(&self) -> &str {
            host(&self.hub.endpoint).unwrap_or(&self.hub.endpoint)
        }

        fn say(&self, line: &str) {
            if self.show == Show::Stderr {
                let _ = writeln!(io::stderr(), "{line}");
            }
        }

        /// What a repository that isn't the model looked for may be instead.
        fn lacks(&self, file: &str, listing: &Listing) -> anyhow::Error {
            let name = self.name;
            let ends = |end: &str| listing.files.iter().any(|file| file.ends_with(end));
            let elsewhere = listing.files.iter().find_map(|f| f.strip_suffix("/config.json"));
            let (root, repository) = (name.path.is_empty(), &name.repository);
            let hint = match file {
                CONFIG if ends("adapter_config.json") => {
                    "it is an adapter: merge it into its base model, and save that as a folder".into()
                }
                CONFIG if root && elsewhere.is_some() => {
                    let folder = elsewhere.unwrap_or_default();
                    format!("models lie in its folders: name one, as in {SCHEME}{repository}/{folder}")
                }
                CONFIG if ends(".gguf") => {
                    "GGUF files can't be read: take the repository they were made from".into()
                }
                TOKENIZER => "save the tokenizer with Python's transformers, as \
                              AutoTokenizer.from_pretrained(...).save_pretrained(...), into a folder with the model"
                    .into(),
                WEIGHTS if ends(".bin") || ends(".pt") || ends(".pth") => {
                    "its weights are pickled, which can run code when read: save them with Python's transformers, as \
                     save_pretrained(...), or look for a revision with safetensors"
                        .into()
                }
                _ => format!("a model needs {CONFIG}, {TOKENIZER} and {WEIGHTS}: take another repository"),
            };
            anyhow!("{name}: it has no {file}; {hint}")
        }

        /// In words for the person.
        fn explain(&self, trouble: Trouble, file: Option<&str>) -> anyhow::Error {
            let (name, host, endpoint) = (self.name, self.host(), &self.hub.endpoint);
            let repository = &name.repository;
            let place = match self.kind {
                Kind::Model => format!("{endpoint}/{repository}"),
                Kind::Dataset => format!("{endpoint}/datasets/{repository}"),
            };
            let about = match file {
                Some(file) => format!("{name}, {file}"),
                None => name.to_string(),
            };
            let known = self.hub.token.is_some();
            let (status, code) = match trouble {
                Trouble::Refused { status, code } => (status, code),
                Trouble::Unreachable(reason) if file.is_some() => {
                    return anyhow!(
                        "{about}: the download broke off ({reason}); say the same again, and it goes on where it stopped"
                    );
                }
                Trouble::Unreachable(reason) => {
                    return anyhow!(
                        "{about}: {host} can't be reached ({reason}), and the cache {} doesn't have it; check the network, set \
                         HTTPS_PROXY for a proxy or HF_ENDPOINT for a mirror, or download the files elsewhere and name them",
                        self.hub.cache.display()
                    );
                }
                Trouble::Strange(reason) => {
                    return anyhow!(
                        "{about}: {host} doesn't answer as the hub does ({reason}); check HF_ENDPOINT, or download the files \
                         yourself and name them"
                    );
                }
                Trouble::Here(reason) => {
                    return anyhow!(
                        "{about}: {reason} (in the cache {}; HF_HOME names another)",
                        self.hub.cache.display()
                    );
                }
            };
            let settings = format!("{endpoint}/settings/tokens");
            // Whoever may see the list of files and not the files has conditions to accept.
            let gated = code == "GatedRepo" || (file.is_some() && matches!(status, 401 | 403));
            match status {
                401 | 403 if gated && known => anyhow!(
                    "{about}: the account of your token has no access ({status}): accept the conditions at {place}, wait for its \
                     owners if they decide by hand, and let the token read gated repositories ({settings})"
                ),
                401 | 403 if gated => anyhow!(
                    "{about}: it has conditions ({status}): sign in, accept them at {place}, and set HF_TOKEN to a token of that \
                     account ({settings})"
                ),
                404 if code == "RevisionNotFound" => anyhow!(
                    "{about}: it has no revision {:?}; its branches and tags are at {place}/tree/{MAIN}",
                    name.revision
                ),
                404 if file.is_some() => anyhow!("{about}: it has no such file; see {place}/tree/{MAIN}"),
                // The hub doesn't tell strangers whether a private repository exists.
                401 | 403 | 404 if known => anyhow!(
                    "{about}: there is no {place}, or your token can't see it ({status}); check the spelling, and the token at \
                     {settings}"
                ),
                401 | 403 | 404 => anyhow!(
                    "{about}: there is no {place}, or it is private ({status}); check the spelling. If it is there, accept its \
                     conditions and set HF_TOKEN to a token of your account ({settings})"
                ),
                429 if known => {
                    anyhow!("{about}: {host} has had too many questions (429); wait some minutes")
                }
                429 => anyhow!(
                    "{about}: {host} has had too many questions (429); wait some minutes, or set HF_TOKEN ({settings})"
                ),
                500.. => anyhow!("{about}: {host} is out of order ({status}); try later"),
                _ => anyhow!("{about}: {host} refused ({status})"),
            }
        }
    }

    impl Trouble {
        /// Whether it may be better another time.
        fn may_pass(&self) -> bool {
            match self {
                Self::Unreachable(_) => true,
                Self::Refused { status, .. } => *status == 429 || *status >= 500,
                Self::Strange(_) | Self::Here(_) => false,
            }
        }
    }

    impl From<ureq::Error> for Trouble {
        fn from(error: ureq::Error) -> Self {
            match error {
                ureq::Error::StatusCode(status) => Self::Refused { status, code: String::new() },
                ureq::Error::HostNotFound => Self::Unreachable("there is no such host".into()),
                ureq::Error::Io(e) => e.into(),
                e @ (ureq::Error::Timeout(_)
                | ureq::Error::ConnectionFailed
                | ureq::Error::ConnectProxyFailed(_)
                | ureq::Error::InvalidProxyUrl
                | ureq::Error::Tls(_)
                | ureq::Error::Rustls(_)) => Self::Unreachable(e.to_string()),
                other => Self::Strange(other.to_string()),
            }
        }
    }

    impl From<io::Error> for Trouble {
        fn from(error: io::Error) -> Self {
            if error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>()) {
                return match error.into_inner().map(|inner| inner.downcast::<ureq::Error>()) {
                    Some(Ok(inner)) if !matches!(*inner, ureq::Error::Io(_)) => (*inner).into(),
                    Some(Ok(inner)) => Self::Unreachable(inner.to_string()),
                    _ => Self::Unreachable("the connection broke".into()),
                };
            }
            use io::ErrorKind as Kind;
            match error.kind() {
                Kind::StorageFull
                | Kind::QuotaExceeded
                | Kind::FileTooLarge
                | Kind::PermissionDenied
                | Kind::ReadOnlyFilesystem
                | Kind::NotFound
                | Kind::AlreadyExists
                | Kind::NotADirectory
                | Kind::IsADirectory => Self::Here(error.to_string()),
                _ => Self::Unreachable(error.to_string()),
            }
        }
    }

    impl From<ApiError> for Trouble {
        fn from(error: ApiError) -> Self {
            match error {
                ApiError::RequestError(e) => (*e).into(),
                ApiError::IoError(e) => e.into(),
                ApiError::LockAcquisition(_) => {
                    Self::Here("another program is downloading it now; wait for that to end".into())
                }
                other => Self::Strange(other.to_string()),
            }
        }
    }

    /// Whether a download can't go on with what an earlier one left: it is too long, or the server has nothing behind it.
    fn leaves_rubbish(error: &ApiError) -> bool {
        match error {
            ApiError::InvalidResume => true,
            ApiError::RequestError(e) => matches!(**e, ureq::Error::StatusCode(416)),
            _ => false,
        }
    }

    /// The host of an address, with its port.
    fn host(address: &str) -> Option<&str> {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
        let host = rest.split('/').next()?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c);
        (!host.is_empty() && !address.contains(odd)).then_some(host)
    }

    fn is_data(file: &str) -> bool {
        DATA.iter().any(|end| file.ends_with(end))
    }

    /// The files that an index names, each once. They are plain names: what an index says becomes a path.
    fn shards(index: &Path) -> Option<BTreeSet<String>> {
        let index: serde_json::Value = serde_json::from_slice(&std::fs::read(index).ok()?).ok()?;
        let files = index.get("weight_map")?.as_object()?.values();
        let plain = |file: &&str| super::check_path(file, "file").is_ok() && !file.contains('/');
        let files: Option<BTreeSet<String>> =
            files.map(|file| file.as_str().filter(plain).map(String::from)).collect();
        files.filter(|files| !files.is_empty())
    }

    /// Shows one download, and notes how long the file is.
    struct Bar {
        show: Show,
        size: Cell<Option<usize>>,
        bar: Cell<Option<ProgressBar>>,
    }

    impl Progress for &Bar {
        /// Called twice for one download.
        fn init(&mut self, size: usize, filename: &str) {
            if self.size.replace(Some(size)).is_some() || self.show == Show::Quiet {
                return;
            }
            if !io::stderr().is_terminal() {
                let _ = writeln!(io::stderr(), "downloading {filename} ({})", HumanBytes(size as u64));
                return;
            }
            let template = "{prefix} {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}, {eta} left";
            // A template that can't be read leaves indicatif's own style.
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(size as u64).with_style(style).with_prefix(filename.to_string());
            self.bar.set(Some(bar));
        }

        fn update(&mut self, size: usize) {
            if let Some(bar) = self.bar.take() {
                bar.inc(size as u64);
                self.bar.set(Some(bar));
            }
        }

        fn finish(&mut self) {}
    }
}

#[cfg(test)]
mod name_tests {
    use super::*;

    fn parsed(text: &str) -> (Option<Kind>, String, String, String) {
        let name: HubName = text.parse().unwrap();
        assert_eq!(name.to_string().parse::<HubName>().unwrap(), name, "{text}");
        (name.kind, name.repository, name.revision, name.path)
    }

    #[test]
    fn names_have_their_parts() {
        let parts = |kind, a: &str, b: &str, c: &str| (kind, a.to_string(), b.to_string(), c.to_string());
        assert_eq!(parsed("hf://o/n"), parts(None, "o/n", "main", ""));
        assert_eq!(parsed("hf://o/n/"), parts(None, "o/n", "main", ""));
        assert_eq!(parsed("hf://o/n-1.5B@v1.0"), parts(None, "o/n-1.5B", "v1.0", ""));
        assert_eq!(parsed("hf://o/n@a%2Fb/sub/x"), parts(None, "o/n", "a/b", "sub/x"));
        assert_eq!(parsed("hf://o/n@refs/pr/5"), parts(None, "o/n", "refs/pr/5", ""));
        assert_eq!(parsed("hf://o/n@refs/pr/5/sub"), parts(None, "o/n", "refs/pr/5", "sub"));
        assert_eq!(
            parsed("hf://datasets/o/n/main/train.jsonl"),
            parts(Some(Kind::Dataset), "o/n", "main", "main/train.jsonl")
        );
        assert_eq!(parsed("hf://models/o/n"), parts(Some(Kind::Model), "o/n", "main", ""));
        assert!(is_hub_name("hf://") && !is_hub_name("models/hf") && !is_hub_name("./hf:/o/n"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        let reason = |text: &str| text.parse::<HubName>().unwrap_err().to_string();
        assert!(reason("o/n").contains("doesn't begin with hf://"));
        assert!(reason("hf://").contains("the owner is missing"));
        assert!(reason("hf://gpt2").contains("the name is missing"));
        assert!(reason("hf:///n").contains("the owner is missing"));
        assert!(reason("hf://o//x").contains("the name is missing"));
        assert!(reason("hf://datasets/o").contains("the name is missing"));
        assert!(reason("hf://spaces/o/n").contains("a space holds neither"));
        assert!(reason("hf://../n").contains("can't be the owner"));
        assert!(reason("hf://o/a--b").contains("can't be the name"));
        assert!(reason("hf://o/n b").contains("can't be the name"));
        assert!(reason("hf://o/n@").contains("the revision \"\" has an empty part"));
        assert!(reason("hf://o/n@%2F..%2Fx").contains("the revision"));
        assert!(reason("hf://o/n/../../x").contains("the path \"../../x\" has"));
        assert!(reason("hf://o/n/a b.jsonl").contains("the path has ' '"));
        assert!(reason("hf://o/n/a?b").contains("the path has '?'"));
        assert!(reason("hf://o/n//x").contains("empty part"));
    }

    #[cfg(not(feature = "hub"))]
    #[test]
    fn without_the_feature_a_name_is_refused() {
        let name: HubName = "hf://o/n@v1".parse().unwrap();
        let error = model_folder(&name, Show::Quiet).unwrap_err().to_string();
        assert!(error.starts_with("hf://o/n@v1 needs the feature `hub`: build with"), "{error}");
        assert!(error.ends_with("or download the folder and name it"), "{error}");
        assert!(data_file(&name, Show::Stderr).unwrap_err().to_string().ends_with("the file and name it"));
    }
}

/// Against a server on this machine that answers as the hub does.
#[cfg(all(test, feature = "hub"))]
mod tests {
    use super::client::Hub;
    use super::{HubName, Show};
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex, MutexGuard};
    use std::time::Duration;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// What the server has and does.
    #[derive(Default)]
    struct State {
        /// `models/o/n` and the like, with files.
        repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
        /// Status and code that a list of files is answered with.
        listing_refused: Option<(u16, &'static str)>,
        /// Status that a file is answered with.
        file_refused: Option<u16>,
        /// How many times a large file breaks off in the middle.
        breaks: usize,
        /// Whether the start that is asked for is ignored.
        whole: bool,
        /// Requests: address, range and authorization.
        seen: Vec<String>,
    }

    struct Server {
        state: Arc<Mutex<State>>,
        endpoint: String,
        folder: tempfile::TempDir,
    }

    impl Server {
        fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            let state = Arc::new(Mutex::new(State::default()));
            let (shared, address) = (state.clone(), endpoint.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    // A client that hangs up is its own affair.
                    let _ = answer(stream, &mut shared.lock().unwrap(), &address);
                }
            });
            Self { state, endpoint, folder: tempfile::tempdir().unwrap() }
        }

        fn with_model(files: &[(&str, &[u8])]) -> Self {
            let server = Self::start();
            server.add("models/o/n", files);
            server
        }

        fn add(&self, repository: &str, files: &[(&str, &[u8])]) {
            let files = files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
            self.state().repositories.insert(repository.into(), files);
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap()
        }

        fn hub(&self) -> Hub {
            Hub {
                endpoint: self.endpoint.clone(),
                cache: self.folder.path().join("hub"),
                token: None,
                offline: false,
                pause: Duration::ZERO,
            }
        }

        fn model(&self, name: &str) -> anyhow::Result<PathBuf> {
            self.hub().model_folder(&named(name), Show::Quiet)
        }

        fn model_error(&self) -> String {
            self.model("hf://o/n").unwrap_err().to_string()
        }
    }

    fn named(name: &str) -> HubName {
        name.parse().unwrap()
    }

    /// One request and its answer; then the connection ends.
    fn answer(mut stream: TcpStream, state: &mut State, endpoint: &str) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let mut headers = BTreeMap::new();
        for line in lines {
            match line?.split_once(": ") {
                Some((key, value)) => headers.insert(key.to_ascii_lowercase(), value.to_string()),
                None => break,
            };
        }
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let address = request.split(' ').nth(1).unwrap_or_default().to_string();
        let (range, token) = (header("range"), header("authorization"));
        state.seen.push(format!("{address} {range} {token}").trim_end().to_string());
        let mut reply = |status: u16, headers: &[String], length: usize, body: &[u8]| {
            let head = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n");
            stream.write_all(head.as_bytes())?;
            for header in headers {
                stream.write_all(format!("{header}\r\n").as_bytes())?;
            }
            stream.write_all(b"\r\n")?;
            stream.write_all(body)
        };
        let refusal = |code: &str| vec![format!("x-error-code: {code}")];
        if let Some(rest) = address.strip_prefix("/api/") {
            if let Some((status, code)) = state.listing_refused {
                return reply(status, &refusal(code), 0, b"");
            }
            let (repository, revision) = rest.split_once("/revision/").unwrap_or((rest, ""));
            let Some(files) = state.repositories.get(repository) else {
                return reply(401, &refusal("RepoNotFound"), 0, b"");
            };
            if !["main", "a%2Fb", COMMIT].contains(&revision) {
                return reply(404, &refusal("RevisionNotFound"), 0, b"");
            }
            let siblings: Vec<_> = files.keys().map(|f| serde_json::json!({ "rfilename": f })).collect();
            let text = serde_json::json!({ "id": "o/n", "sha": COMMIT, "siblings": siblings }).to_string();
            return reply(200, &[], text.len(), text.as_bytes());
        }
        let far = address.starts_with("/elsewhere/");
        let path = address.trim_start_matches("/elsewhere").trim_start_matches('/');
        let path = if path.starts_with("datasets/") { path.to_string() } else { format!("models/{path}") };
        let (repository, file) = path.split_once(&format!("/resolve/{COMMIT}/")).unwrap_or(("", ""));
        let bytes = state.repositories.get(repository).and_then(|files| files.get(file));
        let Some(bytes) = bytes else { return reply(404, &refusal("EntryNotFound"), 0, b"") };
        if let Some(status) = state.file_refused {
            return reply(status, &[], 0, b"");
        }
        let etag = file.replace('/', "-");
        let large = file.ends_with(".safetensors");
        if large && !far {
            let headers = [
                format!("x-repo-commit: {COMMIT}"),
                format!("x-linked-etag: \"{etag}\""),
                format!("Location: {endpoint}/elsewhere{address}"),
            ];
            return reply(302, &headers, 0, b"");
        }
        let (from, to) = range.trim_start_matches("bytes=").split_once('-').unwrap_or(("0", ""));
        let from = if state.whole { 0 } else { from.parse().unwrap_or(0) };
        let to = to.parse().map_or(bytes.len(), |to: usize| to + 1);
        if from >= bytes.len() {
            return reply(416, &[], 0, b"");
        }
        let part = &bytes[from..to];
        let headers = [
            format!("x-repo-commit: {COMMIT}"),
            format!("etag: \"{etag}\""),
            format!("Content-Range: bytes {from}-{}/{}", to - 1, bytes.len()),
        ];
        if large && to > 1 && state.breaks > 0 {
            state.breaks -= 1;
            return reply(206, &headers, part.len(), &part[..part.len() / 2]);
        }
        reply(206, &headers, part.len(), part)
    }

    const SMALL: [(&str, &[u8]); 6] = [
        ("README.md", b"not taken"),
        ("config.json", b"{}"),
        ("model.safetensors", b"0123456789"),
        ("pytorch_model.bin", b"not taken"),
        ("tokenizer.json", b"{\"a\":1}"),
        ("tokenizer_config.json", b"{ }"),
    ];

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_model_is_downloaded_once() {
        let server = Server::with_model(&SMALL);
        let folder = server.model("hf://o/n").unwrap();
        assert_eq!(
            folder,
            server.folder.path().join("hub").join("models--o--n").join("snapshots").join(COMMIT)
        );
        let expected = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
        assert_eq!(files(&folder), expected);
        assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"0123456789");
        let asked = std::mem::take(&mut server.state().seen);
        assert!(asked.iter().all(|line| !line.contains("Bearer")), "{asked:?}");

        assert_eq!(server.model("hf://o/n").unwrap(), folder);
        assert_eq!(std::mem::take(&mut server.state().seen), ["/api/models/o/n/revision/main"]);

        // Offline, under the branch and under the commit, and nothing is asked.
        let offline = Hub { offline: true, ..server.hub() };
        for name in ["hf://o/n", &format!("hf://models/o/n@{COMMIT}")] {
            assert_eq!(offline.model_folder(&named(name), Show::Quiet).unwrap(), folder);
        }
        let error = offline.model_folder(&named("hf://o/n@v2"), Show::Quiet).unwrap_err().to_string();
        assert!(error.contains("HF_HUB_OFFLINE forbids"), "{error}");
        assert!(server.state().seen.is_empty());

        // While the hub is out of order, or isn't there.
        server.state().listing_refused = Some((503, ""));
        assert_eq!(server.model("hf://o/n").unwrap(), folder);
        let gone = Hub { endpoint: "http://127.0.0.1:1".into(), ..server.hub() };
        assert_eq!(gone.model_folder(&named("hf://o/n"), Show::Quiet).unwrap(), folder);
        // But not when it says no.
        server.state().listing_refused = Some((403, "GatedRepo"));
        assert!(server.model_error().contains("accept them at"));
    }

    #[test]
    fn weights_in_several_files_come_all() {
        let index =
            br#"{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors"}}"#;
        let files: [(&str, &[u8]); 5] = [
            ("sub/config.json", b"{}"),
            ("sub/tokenizer.json", b"{}!"),
            ("sub/model.safetensors.index.json", index),
            ("sub/m-1.safetensors", b"one"),
            ("sub/m-2.safetensors", b"two"),
        ];
        let server = Server::with_model(&files);
        let folder = server.model("hf://o/n@a%2Fb/sub").unwrap();
        assert!(folder.ends_with(Path::new(COMMIT).join("sub")));
        assert_eq!(std::fs::read(folder.join("m-2.safetensors")).unwrap(), b"two");
        let offline = Hub { offline: true, ..server.hub() };
        assert_eq!(offline.model_folder(&named("hf://o/n@a%2Fb/sub"), Show::Quiet).unwrap(), folder);
        // A model without one of its files is none.
        std::fs::remove_file(folder.join("m-2.safetensors")).unwrap();
        assert!(offline.model_folder(&named("hf://o/n@a%2Fb/sub"), Show::Quiet).is_err());

        let error = server.model_error();
        assert!(
            error.contains("no config.json; models lie in its folders: name one, as in hf://o/n/sub"),
            "{error}"
        );
        server.add("models/o/n", &files[..4]);
        let error = server.model("hf://o/n/sub").unwrap_err().to_string();
        assert!(error.contains("names sub/m-2.safetensors, which isn't there"), "{error}");
    }

    #[test]
    fn an_index_leads_nowhere_else() {
        for file in ["../m.safetensors", "/etc/passwd", "a/b", ""] {
            let index = serde_json::json!({ "weight_map": { "a": file } }).to_string();
            let server = Server::with_model(&[
                ("config.json", b"{}"),
                ("tokenizer.json", b"{}!"),
                ("model.safetensors.index.json", index.as_bytes()),
            ]);
            let error = server.model_error();
            assert!(error.contains("doesn't say which files"), "{error}");
        }
    }

    #[test]
    fn a_broken_download_goes_on() {
        let server = Server::with_model(&SMALL);
        server.state().breaks = 2;
        let folder = server.model("hf://o/n").unwrap();
        assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"0123456789");
        let asked = server.state().seen.join("\n");
        assert!(asked.contains("bytes=5-") && asked.contains("bytes=7-"), "{asked}");
    }

    #[test]
    fn a_download_that_stays_broken_is_told() {
        let server = Server::with_model(&SMALL);
        server.state().breaks = 100;
        let error = server.model_error();
        assert!(error.starts_with("hf://o/n, model.safetensors: the download broke off"), "{error}");
    }

    #[test]
    fn what_has_the_wrong_length_is_thrown_away() {
        // A server that begins anew where the rest was asked for.
        let server = Server::with_model(&SMALL);
        server.state().breaks = 1;
        server.state().whole = true;
        let folder = server.model("hf://o/n").unwrap();
        assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"0123456789");

        // Left by someone else: all of it, or more.
        for rubbish in ["0123456789", "0123456789abc"] {
            let server = Server::with_model(&SMALL);
            let blobs = server.folder.path().join("hub").join("models--o--n").join("blobs");
            std::fs::create_dir_all(&blobs).unwrap();
            std::fs::write(blobs.join("model.part"), rubbish).unwrap();
            let folder = server.model("hf://o/n").unwrap();
            assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"0123456789");
        }
    }

    #[test]
    fn a_token_goes_along() {
        let server = Server::with_model(&SMALL);
        let hub = Hub { token: Some("hf_x".into()), ..server.hub() };
        hub.model_folder(&named("hf://o/n"), Show::Quiet).unwrap();
        let seen = server.state().seen.clone();
        assert!(seen[0].ends_with("Bearer hf_x"), "{seen:?}");
    }

    #[test]
    fn refusals_say_what_to_do() {
        let server = Server::with_model(&SMALL);
        let with_token = |server: &Server| {
            let hub = Hub { token: Some("hf_x".into()), ..server.hub() };
            hub.model_folder(&named("hf://o/n"), Show::Quiet).unwrap_err().to_string()
        };
        // The list of a gated repository is open, its files are not.
        server.state().file_refused = Some(401);
        let error = server.model_error();
        assert!(
            error.starts_with("hf://o/n, config.json: it has conditions (401): sign in, accept them at"),
            "{error}"
        );
        assert!(error.contains("/o/n, and set HF_TOKEN to a token"), "{error}");
        server.state().file_refused = Some(403);
        assert!(with_token(&server).contains("the account of your token has no access (403)"));
        server.state().file_refused = None;

        let error = server.model("hf://o/unknown").unwrap_err().to_string();
        assert!(error.contains("/o/unknown, or it is private (401); check the spelling"), "{error}");
        let error = server.model("hf://o/n@v9").unwrap_err().to_string();
        assert!(error.contains("it has no revision \"v9\""), "{error}");
        server.state().listing_refused = Some((404, "RepoNotFound"));
        assert!(with_token(&server).contains("or your token can't see it (404)"));
        server.state().listing_refused = Some((429, ""));
        assert!(server.model_error().contains("too many questions (429)"));
        server.state().listing_refused = Some((502, ""));
        assert!(server.model_error().contains("is out of order (502); try later"));
        server.state().listing_refused = Some((418, ""));
        assert!(server.model_error().contains("refused (418)"));

        let error = server.model("hf://datasets/o/n").unwrap_err().to_string();
        assert!(error.contains("is a repository of data"), "{error}");
    }

    #[test]
    fn a_hub_that_is_not_there_is_named() {
        let server = Server::start();
        let gone = Hub { endpoint: "http://127.0.0.1:1".into(), ..server.hub() };
        let error = gone.model_folder(&named("hf://o/n"), Show::Quiet).unwrap_err().to_string();
        assert!(error.starts_with("hf://o/n: 127.0.0.1:1 can't be reached ("), "{error}");
        assert!(error.contains("HF_ENDPOINT for a mirror"), "{error}");
        let gone = Hub { endpoint: "http://no-such-host.invalid".into(), ..server.hub() };
        let error = gone.model_folder(&named("hf://o/n"), Show::Quiet).unwrap_err().to_string();
        assert!(error.contains("no-such-host.invalid can't be reached"), "{error}");
    }

    #[test]
    fn a_cache_that_can_not_be_written_is_named() {
        let server = Server::with_model(&SMALL);
        let file = server.folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let hub = Hub { cache: file, ..server.hub() };
        let error = hub.model_folder(&named("hf://o/n"), Show::Quiet).unwrap_err().to_string();
        assert!(error.contains("HF_HOME names another"), "{error}");
    }

    #[test]
    fn what_is_no_model_is_told() {
        let error = |files: &[(&str, &[u8])]| Server::with_model(files).model_error();
        assert!(error(&[("a.gguf", b"x")]).contains("it has no config.json; GGUF files"));
        assert!(error(&[("adapter_config.json", b"x")]).contains("it is an adapter"));
        assert!(error(&[("x", b"x")]).contains("take another repository"));
        assert!(error(&SMALL[..4]).contains("it has no tokenizer.json; save the tokenizer"));
        let pickled = error(&[SMALL[1], SMALL[3], SMALL[4]]);
        assert!(pickled.contains("it has no model.safetensors; its weights are pickled"), "{pickled}");
    }

    #[test]
    fn data_is_one_file() {
        let server = Server::start();
        server.add("datasets/o/d", &[("a/train.jsonl", b"{}\n"), ("b.parquet", b"x"), ("c.jsonl", b"{ }")]);
        let get = |name: &str| server.hub().data_file(&named(name), Show::Quiet);
        let file = get("hf://datasets/o/d/a/train.jsonl").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"{}\n");
        assert!(file.ends_with(Path::new(COMMIT).join("a").join("train.jsonl")));
        assert_eq!(get("hf://o/d/a/train.jsonl").unwrap(), file);
        let offline = Hub { offline: true, ..server.hub() };
        assert_eq!(offline.data_file(&named("hf://o/d/a/train.jsonl"), Show::Quiet).unwrap(), file);
        assert!(offline.data_file(&named("hf://o/d/c.jsonl"), Show::Quiet).is_err());

        let error = |name: &str| get(name).unwrap_err().to_string();
        let all = "add one to hf://datasets/o/d/: a/train.jsonl, c.jsonl";
        assert!(error("hf://o/d").contains("names a whole repository") && error("hf://o/d").contains(all));
        assert!(error("hf://o/d/x.jsonl").contains(&format!("there is no file x.jsonl; {all}")));
        assert!(error("hf://o/d/b.parquet").contains("data must be JSON lines"));
        assert!(error("hf://models/o/d/c.jsonl").contains("is a repository of models"));
        assert!(error("hf://o/unknown/c.jsonl").contains("/datasets/o/unknown, or it is private"));
    }

    #[test]
    fn the_environment_is_read_as_python_does() {
        let from = |set: &[(&str, &str)]| {
            let set: BTreeMap<String, String> =
                set.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            Hub::from_variables(|name| set.get(name).cloned(), Some("/home/me".into()))
        };
        let cache = |set: &[(&str, &str)]| from(set).unwrap().cache;
        if cfg!(unix) {
            assert_eq!(cache(&[]), Path::new("/home/me/.cache/huggingface/hub"));
            assert_eq!(cache(&[("XDG_CACHE_HOME", "/c")]), Path::new("/c/huggingface/hub"));
            assert_eq!(cache(&[("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Path::new("/h/hub"));
            assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/x")]), Path::new("/x"));
        }
        assert!(cache(&[("HF_HOME", "here")]).is_absolute());
        let hub = from(&[("HF_ENDPOINT", "https://mirror.example/ "), ("HF_TOKEN", " hf_x\n")]).unwrap();
        assert_eq!((hub.endpoint.as_str(), hub.token.as_deref()), ("https://mirror.example", Some("hf_x")));
        assert_eq!(from(&[]).unwrap().endpoint, "https://huggingface.co");
        for (value, offline) in [("1", true), ("True", true), ("0", false), ("", false)] {
            assert_eq!(from(&[("HF_HUB_OFFLINE", value)]).unwrap().offline, offline);
        }
        let error = |set| from(set).err().unwrap().to_string();
        assert!(error(&[("HF_ENDPOINT", "mirror.example")]).contains("HF_ENDPOINT is \"mirror.example\""));
        let odd = error(&[("HF_TOKEN", "hf_ secret")]);
        assert!(odd.contains("HF_TOKEN") && !odd.contains("secret"), "{odd}");
        assert!(Hub::from_variables(|_| None, None).err().unwrap().to_string().contains("set HF_HOME"));

        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "hf_file\n").unwrap();
        let path = home.path().to_str().unwrap();
        assert_eq!(from(&[("HF_HOME", path)]).unwrap().token.as_deref(), Some("hf_file"));
        assert_eq!(from(&[("HF_HOME", path), ("HF_TOKEN", "hf_x")]).unwrap().token.as_deref(), Some("hf_x"));
    }
}
