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
    assert_eq!(folder, server.folder.path().join("hub").join("models--o--n").join("snapshots").join(COMMIT));
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
        let set: BTreeMap<String, String> = set.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
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
