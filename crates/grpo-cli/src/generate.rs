use crate::failure::{Classify, Failure};
use crate::{args, model};
use anyhow::{Context, anyhow};
use grpo_lm::{LanguageModel, Message};
use grpo_rollout::{Sampling, Streams};
use std::io::{self, BufRead, IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// New tokens, where neither the person nor the context says less.
const DEFAULT_TOKENS: usize = 256;

/// `grpo generate`: completions go to stdout while they are decoded.
pub(crate) fn run(args: &args::Generate) -> Result<ExitCode, Failure> {
    let folder = model::ModelFolder::find(&args.model).bad_input()?;
    let device = model::device(&args.device)?;
    let model = folder.load(&args.asking, &device)?;
    let Some(prompt) = &args.prompt else { return converse(args, &model) };
    let prompt = model.encode_prompt(prompt).context("the prompt can't be used").bad_input()?;
    let sampling = sampling(args, &model, prompt.len()).bad_input()?;
    model::warn_of_unknown_words(&model, &prompt);
    for sample in 0..args.samples {
        if args.samples > 1 {
            let gap = if sample == 0 { "" } else { "\n" };
            writeln!(io::stdout(), "{gap}--- {} of {}", sample + 1, args.samples).while_running()?;
        }
        complete(&model, &prompt, &sampling, (args.seed, sample))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A conversation: every line is a message, and the answer goes into what is said next.
fn converse(args: &args::Generate, model: &LanguageModel) -> Result<ExitCode, Failure> {
    if !model.has_chat() {
        return Err(anyhow!("say what the model shall go on from, or have a conversation with --chat"))
            .bad_input();
    }
    let shown = io::stdin().is_terminal();
    let mut messages: Vec<Message> = Vec::new();
    let mut lines = io::stdin().lock().lines();
    loop {
        if shown {
            write!(io::stderr(), "> ").and_then(|()| io::stderr().flush()).while_running()?;
        }
        let Some(line) = lines.next().transpose().while_running()? else { break };
        if line.trim().is_empty() {
            break;
        }
        messages.push(Message::user(line.trim()));
        let prompt =
            model.encode_chat(&messages).context("the conversation can't be used").while_running()?;
        let sampling = sampling(args, model, prompt.len()).while_running()?;
        let answer = complete(model, &prompt, &sampling, (args.seed, messages.len() as u64))?;
        messages.push(Message::assistant(answer.trim()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Decodes one completion onto stdout; returns its text.
fn complete(
    model: &LanguageModel,
    prompt: &[u32],
    sampling: &Sampling,
    (seed, sample): (u64, u64),
) -> Result<String, Failure> {
    let mut out = io::stdout();
    let (mut written, mut text) = (Ok(()), String::new());
    model
        .stream(prompt, sampling, Streams::new(seed).stream(0, 0, sample), |piece| {
            // What parts the completion from the prompt needn't be shown.
            let piece = if text.is_empty() { piece.trim_start() } else { piece };
            text.push_str(piece);
            written = out.write_all(piece.as_bytes()).and_then(|()| out.flush());
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .while_running()?;
    written.and_then(|()| writeln!(out)).while_running()?;
    Ok(text)
}

fn sampling(args: &args::Generate, model: &LanguageModel, prompt: usize) -> anyhow::Result<Sampling> {
    let sampling = Sampling {
        temperature: args.temperature.unwrap_or(if args.samples > 1 { 1.0 } else { 0.0 }),
        max_new_tokens: new_tokens(args.max_new_tokens, prompt, model.config().max_position_embeddings)?,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        stop: args.stop.clone(),
        ..Sampling::default()
    };
    sampling.validate()?;
    Ok(sampling)
}

fn new_tokens(asked: Option<usize>, prompt: usize, context: usize) -> anyhow::Result<usize> {
    let left = context.saturating_sub(prompt);
    match asked {
        None if left > 0 => Ok(DEFAULT_TOKENS.min(left)),
        Some(asked) if asked <= left => Ok(asked),
        None => Err(anyhow!(
            "the prompt has {prompt} tokens and fills the model's context of {context}; shorten it"
        )),
        Some(asked) => Err(anyhow!(
            "--max-new-tokens {asked}: the prompt has {prompt} tokens and the model's context {context}, so that at most \
             {left} fit"
        )),
    }
}
