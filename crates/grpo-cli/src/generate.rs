use crate::failure::{Classify, Failure};
use crate::{args, model};
use anyhow::{Context, anyhow};
use grpo_rollout::{Sampling, Streams};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// New tokens, where neither the person nor the context says less.
const DEFAULT_TOKENS: usize = 256;

/// `grpo generate`: completions go to stdout while they are decoded.
pub(crate) fn run(args: &args::Generate) -> Result<ExitCode, Failure> {
    let folder = model::ModelFolder::find(&args.model).bad_input()?;
    let device = model::device(&args.device)?;
    let model = folder.load(&device)?;
    let prompt =
        model.tokenizer().encode_prompt(&args.prompt).context("the prompt can't be used").bad_input()?;
    let temperature = args.temperature.unwrap_or(if args.samples > 1 { 1.0 } else { 0.0 });
    let max_new_tokens =
        new_tokens(args.max_new_tokens, prompt.len(), model.config().max_position_embeddings).bad_input()?;
    let sampling = Sampling { temperature, max_new_tokens, ..Sampling::default() };
    sampling.validate().bad_input()?;
    model::warn_of_unknown_words(&model, &prompt);

    let mut out = io::stdout();
    for sample in 0..args.samples {
        if args.samples > 1 {
            let gap = if sample == 0 { "" } else { "\n" };
            writeln!(out, "{gap}--- {} of {}", sample + 1, args.samples).while_running()?;
        }
        let (mut written, mut at_start) = (Ok(()), true);
        let rng = Streams::new(args.seed).stream(0, 0, sample);
        model
            .stream(&prompt, &sampling, rng, |piece| {
                // What parts the completion from the prompt needn't be shown.
                let piece = if at_start { piece.trim_start() } else { piece };
                at_start &= piece.is_empty();
                written = out.write_all(piece.as_bytes()).and_then(|()| out.flush());
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .while_running()?;
        written.and_then(|()| writeln!(out)).while_running()?;
    }
    Ok(ExitCode::SUCCESS)
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
