//! Fetching from the hub.

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
        let cache = std::path::absolute(&cache).with_context(|| format!("HF_HOME: {}", cache.display()))?;
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
        let offline = offline
            .is_some_and(|value| ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str()));
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
        let weights =
            || there(WEIGHTS) || shards(&folder.join(INDEX)).is_some_and(|all| all.iter().all(|s| there(s)));
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
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
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
