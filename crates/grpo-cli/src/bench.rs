use crate::failure::{Classify, Failure};
use crate::{args, model};
use grpo_lm::LoraConfig;
use grpo_train::{Bench, Machine};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// `grpo bench`: one line of JSON, with the keys of `benches/peers/trl_baseline.py`.
pub(crate) fn run(args: &args::Bench, started: Instant) -> Result<ExitCode, Failure> {
    let folder = model::ModelFolder::find(&args.model).bad_input()?;
    let device = model::device(&args.device)?;
    let name = grpo_device::describe(&device);
    let workers = args.workers.unwrap_or_else(|| grpo_device::workers(&device));
    let is_gpu = grpo_device::is_gpu(&device);
    let machine = Machine { device, name, is_gpu, workers, peak_rss: grpo_device::peak_rss_bytes };
    let bench = Bench {
        model: folder.path().to_path_buf(),
        prompts: args.prompts,
        group: args.group,
        prompt_len: args.prompt_len,
        new_tokens: args.new_tokens,
        steps: args.steps,
        checkpointing: args.checkpointing,
        lora: args.lora.map(|rank| LoraConfig { rank, alpha: 2.0 * rank as f64, ..LoraConfig::default() }),
        micro_batch: args.micro_batch,
    };
    let result = bench.run(&machine, started).while_running()?;
    let line = serde_json::to_string(&result).while_running()?;
    writeln!(io::stdout(), "{line}").while_running()?;
    Ok(ExitCode::SUCCESS)
}
