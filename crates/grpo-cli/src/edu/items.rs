//! `grpo edu items`: a question bank as a policy reads it, and answers to it marked.

use crate::args;
use crate::failure::{Classify, Failure};
use crate::words::count;
use anyhow::{Context, anyhow};
use grpo_edu::assessment::{Item, Style};
use grpo_train::{Bank, BankConfig, CsvConfig, DataConfig, bank_items};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn run(args: &args::EduItems) -> Result<ExitCode, Failure> {
    let format = args.format.unwrap_or_else(|| args::DataFormat::of(&args.bank));
    let config = match format {
        args::DataFormat::Csv => DataConfig::Csv(CsvConfig::new(&args.bank)),
        args::DataFormat::Gift => DataConfig::Gift(BankConfig::new(&args.bank)),
        args::DataFormat::Qti => DataConfig::Qti(BankConfig::new(&args.bank)),
        args::DataFormat::Jsonl => {
            let fix =
                "give QTI (.zip, .xml, a folder), GIFT (.gift) or a table (.csv), or say which with --format";
            return Err(anyhow!("{} is no question bank; {fix}", args.bank.display())).bad_input();
        }
    };
    let Bank { items, notes } = bank_items(&config).bad_input()?;
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    match &args.answers {
        Some(answers) => mark(&items, answers),
        None => show(&items, if args.markdown { Style::Markdown } else { Style::Plain }),
    }
}

fn show(items: &[Arc<dyn Item>], style: Style) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    for item in items {
        let worth = item.mark("");
        let points = match worth.score {
            Some(_) => format!("{} to {} points", worth.min, worth.max),
            None => "not scored".into(),
        };
        let title = item.title().map(|title| format!(" \u{201c}{title}\u{201d}")).unwrap_or_default();
        let right = item.solution().unwrap_or_else(|| "(not said)".into());
        let text = format!(
            "---- {}{title}, {points}\n{}\n\nright: {right}\n\n",
            item.id(),
            item.prompt(style).trim_end()
        );
        out.write_all(text.as_bytes()).while_running()?;
    }
    let scored = items.iter().filter(|item| item.mark("").score.is_some()).count();
    eprintln!("{}, {scored} of them scored", count(items.len(), "item", "items"));
    Ok(ExitCode::SUCCESS)
}

/// A line for each answer, in order.
fn mark(items: &[Arc<dyn Item>], path: &Path) -> Result<ExitCode, Failure> {
    let by_id: HashMap<&str, &Arc<dyn Item>> = items.iter().map(|item| (item.id(), item)).collect();
    let (name, lines): (_, Box<dyn BufRead>) = if path == Path::new("-") {
        ("the standard input".into(), Box::new(io::stdin().lock()))
    } else {
        let file = File::open(path).with_context(|| format!("can't read {}", path.display())).bad_input()?;
        (path.display().to_string(), Box::new(BufReader::new(file)))
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (index, line) in lines.lines().enumerate() {
        let place = || format!("{name}, line {}", index + 1);
        let line = line.with_context(place).bad_input()?;
        if line.trim().is_empty() {
            continue;
        }
        let marked = answer(&line, &by_id).with_context(place).bad_input()?;
        serde_json::to_writer(&mut out, &marked).map_err(io::Error::from).while_running()?;
        out.write_all(b"\n").while_running()?;
    }
    out.flush().while_running()?;
    Ok(ExitCode::SUCCESS)
}

fn answer(line: &str, items: &HashMap<&str, &Arc<dyn Item>>) -> anyhow::Result<Value> {
    let row: Value = serde_json::from_str(line).map_err(|error| anyhow!("not a JSON object ({error})"))?;
    let text = |field: &str| {
        row.get(field).and_then(Value::as_str).ok_or_else(|| anyhow!("no field `{field}` with a text"))
    };
    let (id, completion) = (text("item")?, text("completion")?);
    let item = items.get(id).ok_or_else(|| anyhow!("the bank has no item {id:?}"))?;
    let marked = item.mark(completion);
    Ok(json!({
        "item": id,
        "score": marked.score,
        "max": marked.max,
        "success": marked.success(),
        "reason": marked.reason,
    }))
}
