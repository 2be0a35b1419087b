//! `grpo score`: rewards on completions that are there already, before anything is trained with them.

use crate::args;
use crate::failure::{Classify, Failure};
use crate::recipe::Source;
use crate::words::{count, thousands};
use anyhow::{Context, anyhow};
use grpo_rewards::{Evaluation, Outcome, RewardSet, RewardSpec, Sample};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

/// Rows that are scored together where a reward looks at one at a time.
const ROWS_AT_ONCE: usize = 1024;

/// `grpo score`.
pub(crate) fn run(args: &args::Score) -> Result<ExitCode, Failure> {
    let rewards = RewardSet::from_specs(&specs(args).bad_input()?).bad_input()?;
    let mut reader = Reader::open(args).bad_input()?;
    // Groups must not be torn apart.
    let at_once = if rewards.per_episode() { ROWS_AT_ONCE } else { usize::MAX };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut totals = Totals::default();
    loop {
        let rows = reader.rows(at_once).bad_input()?;
        if rows.is_empty() {
            break;
        }
        let samples: Vec<Sample<'_>> = rows.iter().map(Row::sample).collect();
        let evaluation = rewards.evaluate(&samples);
        for row in 0..rows.len() {
            serde_json::to_writer(&mut out, &line(&evaluation, row))
                .map_err(io::Error::from)
                .while_running()?;
            out.write_all(b"\n").while_running()?;
        }
        out.flush().while_running()?;
        totals.add(&evaluation);
    }
    let _ = writeln!(io::stderr(), "{}", totals.in_words());
    Ok(ExitCode::SUCCESS)
}

fn specs(args: &args::Score) -> anyhow::Result<Vec<RewardSpec>> {
    match &args.recipe {
        Some(name) => Source::find(Some(name))?.rewards(),
        None => args.reward.iter().map(|text| spec(text)).collect(),
    }
}

/// A kind by its name, or a table as in a recipe.
fn spec(text: &str) -> anyhow::Result<RewardSpec> {
    let table = match text.trim_start().starts_with('{') {
        true => text.to_owned(),
        false => format!("{{ kind = {} }}", toml::Value::String(text.trim().to_owned())),
    };
    #[derive(serde::Deserialize)]
    struct Wrapped {
        reward: RewardSpec,
    }
    let wrapped: Wrapped = toml::from_str(&format!("reward = {table}"))
        .map_err(|error| anyhow!("--reward {text}: {}", error.message().trim_end()))?;
    Ok(wrapped.reward)
}

/// A row of the file.
struct Row {
    prompt: String,
    completion: String,
    reference: Option<String>,
    truncated: bool,
    tokens: Vec<u32>,
    group: usize,
    fields: Map<String, Value>,
}

impl Row {
    fn sample(&self) -> Sample<'_> {
        let sample = Sample::new(&self.prompt, &self.completion).with_truncated(self.truncated);
        let sample = sample.with_tokens(&self.tokens).with_group(self.group).with_fields(&self.fields);
        match &self.reference {
            Some(reference) => sample.with_reference(reference),
            None => sample,
        }
    }
}

/// Rows, one after the other.
struct Reader<'a> {
    args: &'a args::Score,
    name: String,
    lines: Box<dyn BufRead>,
    line: usize,
    groups: HashMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn open(args: &'a args::Score) -> anyhow::Result<Self> {
        let (name, lines): (_, Box<dyn BufRead>) = if args.file == Path::new("-") {
            ("the standard input".into(), Box::new(io::stdin().lock()))
        } else {
            let file =
                File::open(&args.file).with_context(|| format!("can't read {}", args.file.display()))?;
            (args.file.display().to_string(), Box::new(BufReader::new(file)))
        };
        Ok(Self { args, name, lines, line: 0, groups: HashMap::new() })
    }

    /// The next rows, at most so many; none at the end. Empty lines are passed over.
    fn rows(&mut self, most: usize) -> anyhow::Result<Vec<Row>> {
        let (mut rows, mut text) = (Vec::new(), String::new());
        while rows.len() < most {
            text.clear();
            self.line += 1;
            let read = self.lines.read_line(&mut text);
            if read.with_context(|| format!("{}, line {}: can't be read as UTF-8", self.name, self.line))?
                == 0
            {
                break;
            }
            if self.line == 1 && text.starts_with('\u{feff}') {
                text.remove(0);
            }
            if !text.trim().is_empty() {
                rows.push(self.row(&text).with_context(|| format!("{}, line {}", self.name, self.line))?);
            }
        }
        Ok(rows)
    }

    fn row(&mut self, text: &str) -> anyhow::Result<Row> {
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| anyhow!("not a JSON object ({error})"))?;
        let args::Score { completion_field, reference_field, prompt_field, .. } = self.args;
        let completion = self::text(&fields, completion_field)?;
        let prompt = self::text(&fields, prompt_field)?;
        let Some(completion) = completion else {
            return Err(anyhow!("no field `{completion_field}`; name another one with --completion-field"));
        };
        let group = match (fields.get("group"), &prompt) {
            // A run's own samples number their groups anew in each step.
            (Some(group), _) => format!("group {group} of {}", fields.get("step").unwrap_or(&Value::Null)),
            (None, Some(prompt)) => format!("prompt {prompt}"),
            (None, None) => format!("line {}", self.line),
        };
        // A run's own samples say how a completion ended; `truncated` is what others write.
        let finish = fields.get("finish").and_then(Value::as_str) == Some("truncated");
        let next = self.groups.len();
        Ok(Row {
            truncated: finish || boolean(&fields, "truncated")?,
            tokens: tokens(&fields)?,
            group: *self.groups.entry(group).or_insert(next),
            reference: self::text(&fields, reference_field)?,
            prompt: prompt.unwrap_or_default(),
            completion,
            fields,
        })
    }
}

/// A text, or a number as it is written.
fn text(fields: &Map<String, Value>, name: &str) -> anyhow::Result<Option<String>> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(anyhow!("`{name}` is {other}; it must be a text or a number")),
    }
}

fn boolean(fields: &Map<String, Value>, name: &str) -> anyhow::Result<bool> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(anyhow!("`{name}` is {other}; it must be true or false")),
    }
}

/// Token ids, where the row has them. In a run's samples, `tokens` is their number: that says nothing of which they are.
fn tokens(fields: &Map<String, Value>) -> anyhow::Result<Vec<u32>> {
    let Some(Value::Array(ids)) = fields.get("tokens") else { return Ok(Vec::new()) };
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids: Option<Vec<u32>> = ids.iter().map(id).collect();
    ids.ok_or_else(|| anyhow!("`tokens` must be a list of token ids: whole numbers, 0 or more"))
}

fn line(evaluation: &Evaluation, row: usize) -> Value {
    if let [only] = evaluation.columns.as_slice() {
        let mut said = said(&only.outcomes[row]);
        // The weight of a single reward is part of the recipe too.
        said.insert("score".into(), json!(evaluation.combined[row]));
        return Value::Object(said);
    }
    let each =
        evaluation.columns.iter().map(|column| (column.name.clone(), said(&column.outcomes[row]).into()));
    json!({ "score": evaluation.combined[row], "rewards": each.collect::<Map<String, Value>>() })
}

fn said(outcome: &Outcome) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("score".into(), json!(outcome.value()));
    said.insert("extracted".into(), json!(outcome.score().and_then(|score| score.extracted.as_ref())));
    said.insert("reason".into(), json!(outcome.reason()));
    if matches!(outcome, Outcome::Failed(_)) {
        said.insert("failed".into(), json!(true));
    }
    said
}

/// What all rows came to.
#[derive(Default)]
struct Totals {
    rows: usize,
    scored: usize,
    sum: f64,
    failures: usize,
}

impl Totals {
    fn add(&mut self, evaluation: &Evaluation) {
        self.rows += evaluation.combined.len();
        self.scored += evaluation.combined.iter().flatten().count();
        self.sum += evaluation.combined.iter().flatten().sum::<f64>();
        self.failures += evaluation.failures();
    }

    fn in_words(&self) -> String {
        let mut words = count(self.rows, "row", "rows");
        if self.scored > 0 {
            // Not "-0.0000" for a sum of small penalties.
            let mean = self.sum / self.scored as f64;
            words += &format!(", mean score {:.4}", if mean.abs() < 5e-5 { 0.0 } else { mean });
        }
        if self.scored < self.rows {
            words += &format!(", {} without a score", thousands(self.rows - self.scored));
        }
        if self.failures > 0 {
            words += &format!(", {} (see `failed`)", count(self.failures, "failure", "failures"));
        }
        words
    }
}
