use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, from_args};
use minijinja::{AutoEscape, Environment, ErrorKind, State, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// One message of a conversation.
///
/// Keys other than `role` and `content` are refused when a message is read: a template might put them into the prompt (tool
/// calls, say), and a prompt without them would be another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the model's template knows.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// What the model is told about the whole conversation; most templates take it as the first message only.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: "system".into(), content: content.into() }
    }

    /// What the model is asked.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: "user".into(), content: content.into() }
    }

    /// What the model answered.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: "assistant".into(), content: content.into() }
    }
}

/// What can go wrong with a chat template, or with a conversation in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}: {reason}", line.map(|n| format!(", line {n}")).unwrap_or_default())]
#[non_exhaustive]
pub struct ChatError {
    /// The file of the model folder that the template is in.
    pub place: &'static str,
    /// The template's line, when there is one: the template's own, also where a JSON file holds it as one string.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

/// Where a template is.
const JINJA: &str = "chat_template.jinja";

/// Where it is otherwise, and where the special tokens are.
const CONFIG: &str = "chat_template of tokenizer_config.json";

/// Special tokens a template may name.
const SPECIAL_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The name of the only template of an environment; nobody sees it.
const NAME: &str = "chat";

/// How a model's conversations are written as text: a Jinja template as Hugging Face's tokenizers have it, rendered as
/// `apply_chat_template(..., tokenize=False)` of Python's `transformers` does.
///
/// The text holds the model's special tokens, the first of all texts (`<s>`, `<|begin_of_text|>`) included where the template
/// writes it: encode it with [`Tokenizer::encode`](crate::Tokenizer::encode), since
/// [`encode_prompt`](crate::Tokenizer::encode_prompt) may add that token once more.
/// A message that spells a special token becomes that token, as in Python.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    place: &'static str,
    /// What the template sees beside the messages.
    variables: BTreeMap<String, Value>,
}

impl ChatTemplate {
    /// The template of a model: the text of `chat_template.jinja` if the model has that file, else `chat_template` of
    /// `tokenizer_config.json` (a string, or a list of named templates of which `default` is taken). `None` if it has
    /// neither. The template sees the special tokens that `tokenizer_config` names (`bos_token`, `eos_token`, ...).
    ///
    /// # Errors
    /// When the template, or what `tokenizer_config` says of it, is malformed.
    pub fn from_files(
        jinja: Option<&str>,
        tokenizer_config: &serde_json::Value,
    ) -> Result<Option<Self>, ChatError> {
        let (place, source) = match jinja {
            Some(text) => (JINJA, text),
            None => match in_config(tokenizer_config)? {
                Some(text) => (CONFIG, text),
                None => return Ok(None),
            },
        };
        let environment = environment()
            .and_then(|mut environment| {
                environment.add_template_owned(NAME, without_generation(&unix_lines(source)))?;
                Ok(environment)
            })
            .map_err(|e| explain(place, &e))?;
        let mut variables = BTreeMap::from([
            // Defined and none, as in Python: templates ask `if tools` and `tools is not none`.
            ("tools".to_string(), Value::from(())),
            ("documents".to_string(), Value::from(())),
        ]);
        for name in SPECIAL_TOKENS {
            let token = match tokenizer_config.get(name) {
                None | Some(serde_json::Value::Null) => continue,
                Some(token) => token.as_str().or(token.get("content").and_then(|c| c.as_str())),
            };
            let token = token.ok_or_else(|| ChatError {
                place: "tokenizer_config.json",
                line: None,
                reason: format!("{name} is neither a string nor an object with the string `content`"),
            })?;
            variables.insert(name.to_string(), Value::from(token));
        }
        Ok(Some(Self { environment: Arc::new(environment), place, variables }))
    }

    /// The template with one more variable, such as `enable_thinking` for Qwen3, or a special token in place of the one that
    /// `tokenizer_config.json` names. `messages` and `add_generation_prompt` are [`render`](Self::render)'s own.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: &serde_json::Value) -> Self {
        self.variables.insert(name.into(), Value::from(Serde(value)));
        self
    }

    /// The template with a date, which is what `strftime_now` gives it (at midnight).
    ///
    /// `transformers` gives the present date, so that Llama 3.2's prompts change from day to day. Without this call
    /// `strftime_now` is undefined, and templates that test for that take a date of their own (`26 Jul 2024`).
    ///
    /// # Errors
    /// When there is no such day.
    pub fn with_date(mut self, year: u16, month: u8, day: u8) -> Result<Self, ChatError> {
        let date = Date { year, month, day };
        if year == 0 || !(1..=12).contains(&month) || !(1..=date.days_in_month()).contains(&day) {
            return Err(ChatError {
                place: self.place,
                line: None,
                reason: format!("{year}-{month}-{day} is not a date: give year, month and day of one"),
            });
        }
        let format = Value::from_function(move |format: &str| date.format(format));
        self.variables.insert("strftime_now".to_string(), format);
        Ok(self)
    }

    /// The text of a conversation. With `add_generation_prompt` it ends where the model's next answer begins.
    ///
    /// # Errors
    /// When there are no messages, the template refuses them (roles that don't alternate, say), or it uses what isn't known
    /// here.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, ChatError> {
        if messages.is_empty() {
            let reason = "the conversation has no messages: give at least one".to_string();
            return Err(ChatError { place: self.place, line: None, reason });
        }
        let mut context = self.variables.clone();
        context.insert("messages".to_string(), Value::from(Serde(messages)));
        context.insert("add_generation_prompt".to_string(), Value::from(add_generation_prompt));
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(Value::from(context)))
            .map_err(|e| explain(self.place, &e))
    }
}

/// The template that `tokenizer_config.json` holds, if any.
fn in_config(config: &serde_json::Value) -> Result<Option<&str>, ChatError> {
    let refuse = |reason: &str| Err(ChatError { place: CONFIG, line: None, reason: reason.to_string() });
    match config.get("chat_template") {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text)),
        Some(serde_json::Value::Array(named)) => {
            let default = named.iter().find(|t| t.get("name").is_some_and(|name| name == "default"));
            match default.map(|t| t.get("template").and_then(|text| text.as_str())) {
                Some(Some(text)) => Ok(Some(text)),
                Some(None) => refuse("the template named \"default\" has no string `template`"),
                None => refuse(
                    "several templates and none is named \"default\": put the one to use into chat_template.jinja",
                ),
            }
        }
        Some(_) => {
            refuse("neither a string nor a list of objects with `name` and `template`: write one of the two")
        }
    }
}

/// Jinja reads every kind of line end as `\n`.
fn unix_lines(source: &str) -> String {
    source.replace("\r\n", "\n").replace('\r', "\n")
}

/// `{% generation %}` blocks mark what a model has written, for masks. They change no text, so they become the other block
/// that changes none and has a scope of its own, `{% with %}`, on the same lines with the same dashes. A text in quotes that
/// holds `{% generation %}` would change too; none does.
fn without_generation(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start + 2);
        out.push_str(before);
        rest = tag;
        let Some(end) = tag.find("%}") else { break };
        let inside = &tag[..end];
        let name = inside.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        let other = match name {
            "generation" => "with",
            "endgeneration" => "endwith",
            _ => continue,
        };
        out.push_str(&inside.replacen(name, other, 1));
        rest = &tag[end..];
    }
    out + rest
}

/// Jinja as `transformers` sets it up.
fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(python_method);
    environment.add_filter("tojson", to_json);
    environment
        .add_filter("trim", |text: &Value, chars: Option<&str>| strip(&text.to_string(), chars, true, true));
    // minijinja can loop over none, Python can't.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_function("raise_exception", |reason: &Value| -> Result<Value, minijinja::Error> {
        let error = minijinja::Error::new(ErrorKind::InvalidOperation, reason.to_string());
        Err(error.with_source(Refused))
    });
    Ok(environment)
}

/// Marks an error as the template's own.
#[derive(Debug, thiserror::Error)]
#[error("raise_exception")]
struct Refused;

fn explain(place: &'static str, error: &minijinja::Error) -> ChatError {
    let refused = std::error::Error::source(error).is_some_and(|source| source.is::<Refused>());
    let reason = match error.detail() {
        Some(detail) if refused => format!("the template refuses this conversation: {detail}"),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    ChatError { place, line: error.line(), reason }
}

/// Methods of Python's strings, lists and dictionaries: what `minijinja-contrib` has, and here what it does otherwise than
/// Python or not at all.
fn python_method(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, minijinja::Error> {
    if let Some(text) = value.as_str() {
        match method {
            "strip" | "lstrip" | "rstrip" => {
                let (chars,): (Option<&str>,) = from_args(args)?;
                return Ok(Value::from(strip(text, chars, method != "rstrip", method != "lstrip")));
            }
            "removeprefix" => {
                let (prefix,): (&str,) = from_args(args)?;
                return Ok(Value::from(text.strip_prefix(prefix).unwrap_or(text)));
            }
            "removesuffix" => {
                let (suffix,): (&str,) = from_args(args)?;
                return Ok(Value::from(text.strip_suffix(suffix).unwrap_or(text)));
            }
            "title" => {
                let () = from_args(args)?;
                return Ok(Value::from(title(text)));
            }
            _ => {}
        }
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args).map_err(|e| {
        if e.kind() == ErrorKind::UnknownMethod && e.detail().is_none() {
            let reason = format!("{} has no method named {method} here", value.kind());
            return minijinja::Error::new(ErrorKind::UnknownMethod, reason);
        }
        e
    })
}

/// `str.strip`: `chars`, else white space, off the left and the right end.
fn strip(text: &str, chars: Option<&str>, left: bool, right: bool) -> String {
    let strips = |c: char| match chars {
        Some(chars) => chars.contains(c),
        // Python counts the four separators of ASCII as white space.
        None => c.is_whitespace() || ('\x1c'..='\x1f').contains(&c),
    };
    let text = if left { text.trim_start_matches(strips) } else { text };
    let text = if right { text.trim_end_matches(strips) } else { text };
    text.to_string()
}

/// `str.title`: a letter is large exactly if it follows no letter.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for c in text.chars() {
        if within {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        within = c.is_lowercase() || c.is_uppercase();
    }
    out
}

/// The filter `tojson` as `transformers` has it: Python's `json.dumps`, nothing escaped for HTML, letters beyond ASCII as they
/// are.
fn to_json(value: &Value, options: Kwargs) -> Result<String, minijinja::Error> {
    let refuse =
        |reason: String| minijinja::Error::new(ErrorKind::InvalidOperation, format!("tojson: {reason}"));
    if value.is_undefined() {
        return Err(refuse("the value is undefined".to_string()));
    }
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let (item, key) = match separators.as_deref() {
        None => (if indent.is_some() { "," } else { ", " }.to_string(), ": ".to_string()),
        Some([item, key]) => (item.clone(), key.clone()),
        Some(_) => return Err(refuse("separators must be two strings".to_string())),
    };
    let style = PythonJson {
        item,
        key,
        indent: indent.map(|width| " ".repeat(width)),
        ensure_ascii: ensure_ascii.unwrap_or(false),
        depth: 0,
        empty: true,
    };
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, style);
    let written = if sort_keys.unwrap_or(false) {
        // Objects of `serde_json` may keep the order in which they were filled.
        serde_json::to_value(value).map(sorted).and_then(|sorted| sorted.serialize(&mut writer))
    } else {
        value.serialize(&mut writer)
    };
    written.map_err(|e| refuse(e.to_string()))?;
    String::from_utf8(out).map_err(|e| refuse(e.to_string()))
}

/// The same value with every object's keys in order.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: BTreeMap<String, serde_json::Value> = fields.into_iter().collect();
            fields.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// JSON as Python's `json.dumps` writes it.
struct PythonJson {
    item: String,
    key: String,
    /// What one level adds to a line's start, if items have lines of their own.
    indent: Option<String>,
    ensure_ascii: bool,
    depth: usize,
    /// Whether the list or object that was opened last has no item yet.
    empty: bool,
}

impl PythonJson {
    fn open<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.empty = true;
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if !self.empty {
            self.new_line(writer)?;
        }
        self.empty = false;
        writer.write_all(bracket)
    }

    fn next<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(self.item.as_bytes())?;
        }
        self.empty = false;
        self.new_line(writer)
    }

    fn new_line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        match &self.indent {
            Some(indent) => writer.write_all(format!("\n{}", indent.repeat(self.depth)).as_bytes()),
            None => Ok(()),
        }
    }
}

impl serde_json::ser::Formatter for PythonJson {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.key.as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !self.ensure_ascii {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() && c != '\x7f' {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// A number as Python's `repr` writes it: the shortest digits that read back as the same, with an exponent below 1e-4 and
/// from 1e16 on.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>())) {
        Some((digits, Ok(exponent))) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        // Debug writes `1.0` where Display writes `1`; its own exponents begin where Python's do or later.
        _ => format!("{value:?}"),
    }
}

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy)]
struct Date {
    year: u16,
    month: u8,
    day: u8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Date {
    fn is_leap_year(self) -> bool {
        let by = |years: u16| self.year.is_multiple_of(years);
        by(4) && (!by(100) || by(400))
    }

    fn days_in_month(self) -> u8 {
        match self.month {
            2 => 28 + u8::from(self.is_leap_year()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(self) -> u32 {
        let before = (1..self.month).map(|month| u32::from(Self { month, ..self }.days_in_month()));
        before.sum::<u32>() + u32::from(self.day)
    }

    /// 0 is Sunday.
    fn weekday(self) -> usize {
        let past = u32::from(self.year) - 1;
        // 1 January of the year 1 was a Monday.
        ((past * 365 + past / 4 - past / 100 + past / 400 + self.day_of_year()) % 7) as usize
    }

    /// `strftime` at midnight, with English names.
    fn format(self, format: &str) -> Result<String, minijinja::Error> {
        let Self { year, month, day } = self;
        let (month_name, day_name) = (MONTHS[usize::from(month) - 1], WEEKDAYS[self.weekday()]);
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let code = chars.next();
            let plain = code == Some('-');
            let code = if plain { chars.next() } else { code };
            out += &match (code, plain) {
                (Some('d'), false) => format!("{day:02}"),
                (Some('d'), true) => day.to_string(),
                (Some('m'), false) => format!("{month:02}"),
                (Some('m'), true) => month.to_string(),
                (Some('j'), false) => format!("{:03}", self.day_of_year()),
                (Some('e'), false) => format!("{day:2}"),
                (Some('Y'), false) => year.to_string(),
                (Some('y'), false) => format!("{:02}", year % 100),
                (Some('b' | 'h'), false) => month_name[..3].to_string(),
                (Some('B'), false) => month_name.to_string(),
                (Some('a'), false) => day_name[..3].to_string(),
                (Some('A'), false) => day_name.to_string(),
                (Some('F'), false) => format!("{year}-{month:02}-{day:02}"),
                (Some('H' | 'M' | 'S'), false) => "00".to_string(),
                (Some('I'), false) => "12".to_string(),
                (Some('p'), false) => "AM".to_string(),
                (Some('T'), false) => "00:00:00".to_string(),
                (Some('%'), false) => "%".to_string(),
                _ => {
                    let reason = format!("strftime_now: {format:?} has a code that isn't known here");
                    return Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason));
                }
            };
        }
        Ok(out)
    }
}
