use crate::{ChatTemplate, DecoderConfig, Error};
use serde_json::{Value, json};
use std::path::Path;
use tokenizers::pre_tokenizers::whitespace::Whitespace;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Text to token ids and back, with the ids that end a completion.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    stop_tokens: Vec<u32>,
    /// The files of a model folder that belong to the tokenizer, byte for byte: a loaded checkpoint keeps its chat template and
    /// whatever else this crate doesn't read.
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Where a tokenizer is.
const TOKENIZER: &str = "tokenizer.json";

/// Where stop tokens are, if anywhere.
const GENERATION: &str = "generation_config.json";

/// What else may belong to it.
const OTHERS: [&str; 7] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
];

impl Tokenizer {
    /// A tokenizer that knows whole words: text is split at white space and around punctuation, and each word is one id. Numbers
    /// that are not among the words are spelt digit by digit (WordPiece with the continuation mark `~`, since `####` is a word of
    /// its own).
    ///
    /// Ids: `<unk>` 0, `<eos>` 1, the digits, the continuing digits, then the words in the given order; the digits may be among
    /// them.
    ///
    /// # Errors
    /// When a word occurs twice.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Tokenizer { path: None, reason };
        let digits = (0..10).map(|d| d.to_string()).chain((0..10).map(|d| format!("~{d}")));
        let is_digit = |w: &str| w.len() == 1 && w.bytes().all(|b| b.is_ascii_digit());
        let words = words.iter().map(AsRef::as_ref).filter(|w| !is_digit(w));
        let all =
            ["<unk>", "<eos>"].into_iter().map(str::to_string).chain(digits).chain(words.map(str::to_string));
        let mut vocab = serde_json::Map::new();
        for (id, word) in all.enumerate() {
            if vocab.insert(word.clone(), json!(id)).is_some() {
                return Err(refuse(format!("the word {word:?} occurs twice")));
            }
        }
        let special = |id: u32, content: &str| {
            json!({ "id": id, "content": content, "special": true, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false })
        };
        let file = json!({
            "version": "1.0",
            "added_tokens": [special(0, "<unk>"), special(1, "<eos>")],
            "pre_tokenizer": { "type": "Whitespace" },
            "decoder": { "type": "WordPiece", "prefix": "~", "cleanup": false },
            "model": { "type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "~",
                       "max_input_chars_per_word": 100, "vocab": vocab },
        });
        let inner = tokenizers::Tokenizer::from_bytes(file.to_string()).map_err(|e| refuse(e.to_string()))?;
        let names = json!({ "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
                            "eos_token": "<eos>", "pad_token": "<eos>" });
        let generation = json!({ "eos_token_id": [1], "pad_token_id": 1 });
        let text = inner.to_string(true).map_err(|e| refuse(e.to_string()))?;
        let files = vec![
            (TOKENIZER, text.into_bytes()),
            (OTHERS[0], format!("{names:#}\n").into_bytes()),
            (GENERATION, format!("{generation:#}\n").into_bytes()),
        ];
        Ok(Self { inner, stop_tokens: vec![1], files })
    }

    /// The words of a text as [`Tokenizer::from_words`] splits it: at white space and around punctuation.
    ///
    /// # Errors
    /// When the text can't be split.
    pub fn words(text: &str) -> Result<Vec<String>, Error> {
        let refuse = |e: tokenizers::Error| Error::Tokenizer { path: None, reason: e.to_string() };
        let mut split = PreTokenizedString::from(text);
        Whitespace.pre_tokenize(&mut split).map_err(refuse)?;
        let words = split.get_splits(OffsetReferential::Original, OffsetType::Byte);
        Ok(words.into_iter().map(|(word, ..)| word.to_owned()).collect())
    }

    /// Reads `tokenizer.json` of a model folder. Stop tokens come from `generation_config.json`, else from `config.json`
    /// (`eos_token_id`, one id or a list).
    ///
    /// # Errors
    /// When a file is missing or malformed, or the tokenizer has more ids than the vocabulary.
    pub fn load(folder: &Path, config: &DecoderConfig) -> Result<Self, Error> {
        let path = folder.join(TOKENIZER);
        let bytes = std::fs::read(&path).map_err(Error::read(&path))?;
        let refuse =
            |e: tokenizers::Error| Error::Tokenizer { path: Some(path.clone()), reason: e.to_string() };
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(refuse)?;
        // Left over from somebody's training; here, as in `transformers`, a prompt is what it is.
        inner.with_truncation(None).map_err(refuse)?;
        inner.with_padding(None);
        let mut files = vec![(TOKENIZER, bytes)];
        let mut generation = Value::Null;
        for name in [GENERATION].into_iter().chain(OTHERS) {
            let path = folder.join(name);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::read(path)(e)),
            };
            if name.ends_with(".json") {
                // What isn't read here is passed on, but not if it is broken.
                let value = serde_json::from_slice(&bytes)
                    .map_err(|e| Error::Json { path: path.clone(), reason: e.to_string() })?;
                if name == GENERATION {
                    generation = value;
                }
            }
            files.push((name, bytes));
        }
        let (generation_path, config_path) = (folder.join(GENERATION), folder.join("config.json"));
        let stops = generation
            .get("eos_token_id")
            .filter(|v| !v.is_null())
            .map(|ids| (ids, &generation_path))
            .or(config.eos_token_id.as_ref().map(|ids| (ids, &config_path)));
        let stop_tokens = match stops {
            None => Vec::new(),
            Some((value, path)) => stop_ids(value).ok_or_else(|| Error::Json {
                path: path.clone(),
                reason: format!("eos_token_id is {value}: use one token id or a list of them"),
            })?,
        };
        let tokenizer = Self { inner, stop_tokens, files };
        tokenizer
            .check_fits(config.vocab_size)
            .map_err(|e| Error::Json { path: config_path, reason: e.to_string() })?;
        Ok(tokenizer)
    }

    /// Writes `tokenizer.json` and the files beside it, those of a loaded folder byte for byte.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            std::fs::write(&path, bytes).map_err(Error::write(&path))?;
        }
        Ok(())
    }

    /// The chat template of `chat_template.jinja`, else of `tokenizer_config.json`; none where the model has none.
    ///
    /// # Errors
    /// When it isn't one.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>, Error> {
        let file =
            |name: &str| self.files.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.as_slice());
        let jinja = file("chat_template.jinja").map(String::from_utf8_lossy);
        // The file was parsed when it was read.
        let config = file("tokenizer_config.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
        Ok(ChatTemplate::from_files(jinja.as_deref(), &config.unwrap_or(Value::Null))?)
    }

    /// Token ids of a prompt, with the special tokens that the tokenizer puts at a text's start.
    ///
    /// # Errors
    /// When the tokenizer fails or the text has no tokens.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.encode_with(text, true)
    }

    /// Token ids of a text that stands alone after a prompt: no special tokens.
    ///
    /// # Errors
    /// When the tokenizer fails or the text has no tokens.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.encode_with(text, false)
    }

    fn encode_with(&self, text: &str, special: bool) -> Result<Vec<u32>, Error> {
        let refuse = |reason: String| Error::Tokenizer { path: None, reason };
        let encoding = self.inner.encode(text, special).map_err(|e| refuse(e.to_string()))?;
        if encoding.is_empty() {
            return Err(refuse(format!("{text:?} has no tokens")));
        }
        Ok(encoding.get_ids().to_vec())
    }

    /// Text of token ids, special tokens left out.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.inner.decode(ids, true).map_err(|e| Error::Tokenizer { path: None, reason: e.to_string() })
    }

    /// Text of token ids, special tokens included.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn decode_all(&self, ids: &[u32]) -> Result<String, Error> {
        self.inner.decode(ids, false).map_err(|e| Error::Tokenizer { path: None, reason: e.to_string() })
    }

    /// Text that `completion` adds after `prompt`: the whole is decoded, because some decoders strip a text's first space.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn decode_completion(&self, prompt: &[u32], completion: &[u32]) -> Result<String, Error> {
        let before = self.decode(prompt)?;
        let all = self.decode(&[prompt, completion].concat())?;
        match all.strip_prefix(&before) {
            Some(text) => Ok(text.to_string()),
            // A decoder that rewrites the seam: the completion alone is the best there is.
            None => self.decode(completion),
        }
    }

    /// Ids that end a completion.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Whether there are no ids.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub(crate) fn check_fits(&self, vocab_size: usize) -> Result<(), Error> {
        let largest = self.inner.get_vocab(true).into_values().max().unwrap_or(0);
        if largest as usize >= vocab_size {
            return Err(Error::Config {
                key: "vocab_size",
                value: vocab_size.to_string(),
                reason: format!("the tokenizer's ids go up to {largest}"),
            });
        }
        Ok(())
    }
}

fn stop_ids(value: &Value) -> Option<Vec<u32>> {
    let id = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
    match value {
        Value::Array(ids) => ids.iter().map(id).collect(),
        one => id(one).map(|id| vec![id]),
    }
}
