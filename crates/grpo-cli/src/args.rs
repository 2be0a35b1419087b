mod edu;
mod score;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint, value_parser};
use clap_complete::Shell;
use grpo_device::DeviceName;
use std::path::{Path, PathBuf};

#[cfg(feature = "http")]
pub(crate) use edu::Store;
pub(crate) use edu::{Edu, EduCommand, EduFetch, EduFit, EduItems, EduSend};
pub(crate) use score::Score;

/// Trains language models by Group Relative Policy Optimization, and evaluates and uses them.
#[derive(Debug, Parser)]
#[command(name = "grpo", version, arg_required_else_help = true, after_help = FIRST_STEPS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  grpo train                     a small model learns word problems, on the CPU
  grpo eval RUN/model            what it is worth on questions it hasn't seen
  grpo generate RUN/model \"...\"  ask it something
  grpo train --help              recipes, settings, the files of a run

Exit codes: 0 done, 1 something failed on the way, 2 bad input (nothing was
written), 130 interrupted (all is saved).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model by a recipe.
    Train(Train),
    /// Measure a model's accuracy with greedy decoding.
    Eval(Eval),
    /// Score completions in a file by a reward, without a model: one line of JSON per row.
    Score(Score),
    /// Let a model complete a prompt, token by token.
    Generate(Generate),
    /// Time whole training steps on a model: one line of JSON.
    #[command(after_help = BENCH)]
    Bench(Bench),
    /// List the devices that this build and this machine have.
    #[command(after_help = DEVICES)]
    Devices,
    /// Compare algorithms on the same tasks with the same budget.
    Compare(Compare),
    /// Make the training steps of one memory measurement, for `compare`, and print the result as JSON.
    #[command(hide = true)]
    MeasureMemory {
        /// What is measured, as JSON.
        request: String,
        #[command(flatten)]
        device: Device,
    },
    /// Write a run's report.html again from its other files.
    Report(Report),
    /// Work with learners' answers.
    Edu(Edu),
    /// Print completions for a shell.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const TRAIN: &str = "\
Examples:
  grpo train
      the embedded recipe `arithmetic`
  grpo train my.toml --seed 2 --out runs/second
      a recipe of your own
  grpo train --steps 50 --set grpo.group_size=8
      other values; the keys are those of a run's config.toml
  grpo train stories.toml --model models/small
      start from a model folder in Hugging Face layout
  grpo train --resume runs/second
      go on with a run that was interrupted

A run writes into one folder and never overwrites one:
  config.toml    the recipe with every value in force, a recipe itself
  metrics.jsonl  a line per step: reward, entropy, KL, clip ratios, times...
  samples.jsonl  sampled groups: prompt, completion, rewards, advantage
  summary.json   accuracies before and after the stages, seconds, memory
  report.html    all of it to look at, in one file
  model/         config.json, model.safetensors, tokenizer.json: for
                 `grpo generate`, `grpo eval` and Python's transformers
  adapter/       of a recipe with [lora]: the adapter alone, for Python's peft
  checkpoint/    what --resume goes on from

The first Ctrl-C finishes the step, writes everything and says how to go on;
the second ends the program at once.";

#[derive(Debug, Args)]
#[command(after_long_help = TRAIN, after_help = "More with --help: examples, and the files of a run.")]
pub(crate) struct Train {
    /// A recipe: a TOML file, or the name of an embedded one (arithmetic). Paths in a file are relative to its folder.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) recipe: Option<String>,
    #[command(flatten)]
    pub(crate) device: Device,
    /// Decides initial weights, questions and every draw. The same seed on the same CPU backend gives the same numbers.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed())]
    pub(crate) seed: Option<u64>,
    /// GRPO steps.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) steps: Option<usize>,
    /// The run's folder, which must not exist. Default: runs/RECIPE-TIME.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Start from this model folder instead of the recipe's `model`. With the feature `hub` also hf://OWNER/NAME.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: Option<PathBuf>,
    /// Change a value of the recipe, for instance grpo.learning_rate=1e-4. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) changes: Vec<String>,
    /// Only look whether all of it would work, and what it would take: loads the recipe, the data and the model, computes one small
    /// micro-batch, and prints the plan. Nothing is written.
    #[arg(long)]
    pub(crate) check: bool,
    /// Show only the result.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Go on with an interrupted run, with the settings in its config.toml and on the device it was on.
    #[arg(
        long,
        value_name = "RUN_DIR",
        value_hint = ValueHint::DirPath,
        conflicts_with_all = ["recipe", "seed", "steps", "out", "model", "changes", "check"]
    )]
    pub(crate) resume: Option<PathBuf>,
}

const EVAL: &str = "\
Examples:
  grpo eval runs/first
      the questions that the run itself held out
  grpo eval runs/first --data arithmetic --seed 7
      others from the generator's held-out set
  grpo eval models/small --data gsm8k-test.jsonl
      a file with `question` and `final` in every line
  grpo eval models/small --data mine.jsonl --question-field problem

A line without the final field is judged by what stands after `####` in its
`answer`. Questions too long for the model's context count as wrong, and their
number is said.";

#[derive(Debug, Args)]
#[command(after_long_help = EVAL, after_help = "More with --help: examples.")]
pub(crate) struct Eval {
    /// A model folder in Hugging Face layout, or the folder of a run.
    #[arg(value_name = "MODEL_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// `arithmetic`, or a file: JSON lines or a question bank. Default: what the model's run held out.
    #[arg(long, value_name = "arithmetic|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) data: Option<PathBuf>,
    /// What the file is. Default: what its name ends with (.csv; .gift or .txt; .xml, .zip or a folder for QTI), else JSON lines.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<DataFormat>,
    /// Questions to ask, at most. Default: all of a file, or as many as the run asked.
    #[arg(long, value_name = "N")]
    pub(crate) questions: Option<usize>,
    /// Length of an answer in tokens, at most.
    #[arg(long, value_name = "N")]
    pub(crate) max_new_tokens: Option<usize>,
    /// What counts as right. Default: the run's own verifier if it has one; else the run's metric for its own questions, and
    /// `item` for question banks, `number` for others.
    #[arg(long)]
    pub(crate) metric: Option<MetricName>,
    /// Field with the question.
    #[arg(long, value_name = "NAME", default_value = "question")]
    pub(crate) question_field: String,
    /// Field with the final answer.
    #[arg(long, value_name = "NAME", default_value = "final")]
    pub(crate) final_field: String,
    /// The prompt; `{question}` is replaced. Default: the run's own, else the question alone.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt_template: Option<String>,
    /// Seed of the generated questions. Default: the run's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) device: Device,
}

/// What a file of questions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// JSON lines.
    Jsonl,
    /// A question bank as a table.
    Csv,
    /// A question bank in Moodle's GIFT.
    Gift,
    /// QTI: a content package, an item, or a folder of items.
    Qti,
}

impl DataFormat {
    /// By the name of a file.
    pub(crate) fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            _ if path.is_dir() => Self::Qti,
            Some("csv") => Self::Csv,
            Some("gift" | "txt") => Self::Gift,
            Some("xml" | "zip") => Self::Qti,
            _ => Self::Jsonl,
        }
    }
}

/// What counts as right in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// The text after the last `####` is the final answer, character for character, and the answer ended by itself.
    FinalText,
    /// The answer's number is the right one, however it is written (1,000 = 1000.0).
    Number,
}

const GENERATE: &str = "\
Examples:
  grpo generate runs/first \"Jon buys 7 balls for 4 coins each. How many coins does he pay?\"
  grpo generate models/stories \"Once upon a time\" --temperature 0.8
  grpo generate models/stories \"Once upon a time\" --samples 4 --seed 7
  grpo generate models/smollm2 --chat \"What is the capital of France?\"
  grpo generate models/smollm2 --chat
      a conversation: a message a line; an empty line or Ctrl-D ends it";

#[derive(Debug, Args)]
#[command(after_long_help = GENERATE, after_help = "More with --help: examples.")]
pub(crate) struct Generate {
    /// A model folder in Hugging Face layout, or the folder of a run.
    #[arg(value_name = "MODEL_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// What the model goes on from. Without it, a conversation begins: every line of the standard input is a message.
    pub(crate) prompt: Option<String>,
    /// Length of the completion in tokens, at most. Default: 256, or what the context leaves.
    #[arg(long, value_name = "N")]
    pub(crate) max_new_tokens: Option<usize>,
    /// 0 always takes the most probable token, 1 draws as the model believes. Default: 0 for one sample, 1 for several.
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) temperature: Option<f64>,
    /// Seed of the draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Completions of the prompt.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) samples: u64,
    /// Keep only the K most probable tokens of each step.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) top_k: usize,
    /// Keep only the most probable tokens whose probabilities add up to P.
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    pub(crate) top_p: f64,
    /// Keep only tokens at least P times as probable as the most probable one.
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub(crate) min_p: f64,
    /// Make tokens that have occurred less probable; 1 is off.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(crate) repetition_penalty: f64,
    /// End when the completion contains this text. May be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) device: Device,
}

const BENCH: &str = "\
Each step answers the prompts, scores the answers, and updates the model by AdamW; nothing is written. The first step warms
up and isn't counted.

Example:
  grpo bench models/small --prompts 4 --group 8 --prompt-len 32 --new-tokens 64 --steps 6";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A model folder in Hugging Face layout, or the folder of a run.
    #[arg(value_name = "MODEL_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// Prompts of a step.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) prompts: usize,
    /// Completions of a prompt.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) group: usize,
    /// Tokens of a prompt.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) prompt_len: usize,
    /// Tokens of a completion; none ends before.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) new_tokens: usize,
    /// Steps, the first included.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) steps: usize,
    /// Completions that go through the model together in the update. Default: those of one prompt, of two for a small model.
    #[arg(long, value_name = "N")]
    pub(crate) micro_batch: Option<usize>,
    /// Compute layers again on the way back instead of keeping what they computed.
    #[arg(long)]
    pub(crate) checkpointing: bool,
    /// Train a low-rank adapter of this rank instead of all parameters.
    #[arg(long, value_name = "RANK")]
    pub(crate) lora: Option<usize>,
    /// Micro-batches that are computed at the same time. Default: the number of cores on a CPU, 1 on a GPU.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) device: Device,
}

const COMPARE: &str = "\
Examples:
  grpo compare
      the embedded recipe `compare-kss`: GRPO, Dr. GRPO, RLOO and PPO teach
  grpo compare --quick
      the same in a minute, to see that it works; its numbers say little
  grpo compare mine.toml --set seeds=3 --out comparisons/first
  grpo compare --resume comparisons/first
      go on with a comparison that was interrupted

A comparison writes into one folder:
  config.toml      the recipe with every value in force
  runs.jsonl       every run that is done: what --resume goes on from
  comparison.json  all of it
  comparison.html  all of it to look at
  comparison.md    its tables, for a text";

#[derive(Debug, Args)]
#[command(after_long_help = COMPARE, after_help = "More with --help: examples, and the files.")]
pub(crate) struct Compare {
    /// A recipe: a TOML file, or the name of an embedded one (compare-kss).
    #[arg(value_hint = ValueHint::FilePath, default_value = "compare-kss")]
    pub(crate) recipe: String,
    #[command(flatten)]
    pub(crate) device: Device,
    /// The short form: few steps, few seeds, nothing tuned.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The folder, which must not exist. Default: runs/RECIPE-TIME.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Change a value of the recipe, for instance seeds=3. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) changes: Vec<String>,
    /// Go on with an interrupted comparison, with the settings in its config.toml.
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        conflicts_with_all = ["quick", "out", "changes"]
    )]
    pub(crate) resume: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The folder of a run.
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
}

/// TOML's integers end at 2^63, and a run's config.toml holds the seed.
fn seed() -> RangedU64ValueParser {
    value_parser!(u64).range(..=i64::MAX.unsigned_abs())
}

/// How a model is asked.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Put the prompt as a message of a conversation, by the model's own chat template. Default: as its run did.
    #[arg(long)]
    pub(crate) chat: bool,
    /// The system message of the conversation; implies --chat.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Put the prompt as it is, whatever its run did.
    #[arg(long, conflicts_with_all = ["chat", "system"])]
    pub(crate) plain: bool,
    /// An adapter for the model, as Python's peft writes it (adapter_config.json, adapter_model.safetensors).
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) adapter: Option<PathBuf>,
}

/// The choice of a device.
#[derive(Debug, Args)]
pub(crate) struct Device {
    /// auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm; cuda:1 is the second GPU of that kind. `grpo devices`
    /// lists what there is. Default: the environment variable GRPO_DEVICE, else auto.
    #[arg(long = "device", value_name = "NAME")]
    pub(crate) name: Option<DeviceName>,
}

const DEVICES: &str = "\
Backends are cargo features. flex and ndarray (the CPU) are built in; the others are added when building:
  cargo run --release --features cuda -- devices";

const COMPLETIONS: &str = "\
Examples:
  grpo completions bash > ~/.local/share/bash-completion/completions/grpo
  grpo completions zsh > ~/.zfunc/_grpo
  grpo completions fish > ~/.config/fish/completions/grpo.fish";
