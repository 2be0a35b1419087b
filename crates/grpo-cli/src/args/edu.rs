use super::DataFormat;
use clap::{Args, Subcommand, ValueHint};
use grpo_edu::knowledge::ModelKind;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Edu {
    #[command(subcommand)]
    pub(crate) command: EduCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EduCommand {
    /// Fit a knowledge model to a log of answers.
    Fit(EduFit),
    /// Show the items of a question bank as a policy reads them, or mark answers to them.
    Items(EduItems),
    /// Send xAPI statements to a learning record store.
    Send(EduSend),
    /// Get xAPI statements from a learning record store.
    Fetch(EduFetch),
}

const EDU_FIT: &str = "\
Examples:
  grpo edu fit answers.csv --model bkt
      how each skill is learnt, from a table with the columns learner, skill
      and correct (0, 1, true or false), each learner's answers in order
  grpo edu fit answers.csv --model bkt --out tutor.json
      and write the model, for a tutor to be trained on
  grpo edu fit marks.csv --model irt2 --learner-column pupil --item-column q
      how hard each item is and how telling; other names of columns
  grpo edu fit statements.jsonl --model bkt
      xAPI statements with the verb `answered`: JSON lines, or an array

Models:
  bkt     Bayesian knowledge tracing: prior, learn, guess and slip of each skill
  irt1    item response theory: difficulty of each item (Rasch)
  irt2    and its discrimination
  irt3    and its guess";

#[derive(Debug, Args)]
#[command(after_long_help = EDU_FIT, after_help = "More with --help: examples, and the models.")]
pub(crate) struct EduFit {
    /// Answers: a table (.csv) or xAPI statements (.json, .jsonl).
    #[arg(value_name = "LOG", value_hint = ValueHint::FilePath)]
    pub(crate) log: PathBuf,
    /// bkt, irt1, irt2 or irt3.
    #[arg(long, value_name = "KIND")]
    pub(crate) model: ModelKind,
    /// Write the model to this file, which must not exist.
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Column with who answered.
    #[arg(long, value_name = "NAME", default_value = "learner")]
    pub(crate) learner_column: String,
    /// Column with the skill.
    #[arg(long, value_name = "NAME", default_value = "skill")]
    pub(crate) skill_column: String,
    /// Column with whether the answer was right.
    #[arg(long, value_name = "NAME", default_value = "correct")]
    pub(crate) correct_column: String,
    /// Column with the item. Default: `item` if there is one, else the skill.
    #[arg(long, value_name = "NAME")]
    pub(crate) item_column: Option<String>,
    /// Seed of the random starts of bkt. The same seed gives the same numbers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

const EDU_ITEMS: &str = "\
Examples:
  grpo edu items bank.zip
      each item of a QTI package: its prompt, the right answer, what it is worth
  grpo edu items bank.gift --markdown
      of Moodle's GIFT, as Markdown
  grpo edu items bank.csv --answers answers.jsonl
      marks answers: lines with an `item` and a `completion` give lines with
      `score`, `max`, `success` and `reason`";

#[derive(Debug, Args)]
#[command(after_long_help = EDU_ITEMS, after_help = "More with --help: examples.")]
pub(crate) struct EduItems {
    /// A question bank: QTI (.zip, .xml, a folder), GIFT (.gift, .txt) or a table (.csv).
    #[arg(value_name = "BANK", value_hint = ValueHint::AnyPath)]
    pub(crate) bank: PathBuf,
    /// What the file is. Default: what its name ends with.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<DataFormat>,
    /// Write the items as Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Mark these answers: JSON lines with `item` and `completion`, or `-` for the standard input.
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) answers: Option<PathBuf>,
}

const EDU_SEND: &str = "\
Examples:
  export GRPO_LRS_PASSWORD=...
  grpo edu send runs/first/xapi.jsonl --lrs http://localhost:8100/xAPI --user grpo
      what can't be sent now waits in runs/first/xapi.jsonl.spool; the same
      command goes on with it

A statement that the store refuses doesn't stop the others: it is kept in the
spool's refused.jsonl with the store's reason. Sending twice does no harm.";

#[derive(Debug, Args)]
#[command(after_long_help = EDU_SEND, after_help = "More with --help: examples.")]
pub(crate) struct EduSend {
    /// Statements: JSON lines, as a run's xapi.jsonl.
    #[arg(value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) statements: PathBuf,
    #[command(flatten)]
    pub(crate) store: Store,
    /// The folder where unsent statements wait. Default: FILE.jsonl.spool.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) spool: Option<PathBuf>,
}

const EDU_FETCH: &str = "\
Examples:
  grpo edu fetch --lrs http://localhost:8100/xAPI --user grpo --out answers.jsonl
  grpo edu fit answers.jsonl --model bkt";

#[derive(Debug, Args)]
#[command(after_long_help = EDU_FETCH, after_help = "More with --help: examples.")]
pub(crate) struct EduFetch {
    #[command(flatten)]
    pub(crate) store: Store,
    /// Write the statements to this file, which must not exist: JSON lines.
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

/// A learning record store.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// Its address, the part before /statements.
    #[arg(long = "lrs", value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: String,
    /// The user of basic authentication; the password is in the environment variable GRPO_LRS_PASSWORD.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The version of xAPI that is spoken.
    #[arg(long, value_name = "VERSION", default_value = "1.0.3", value_parser = ["1.0.3", "2.0.0"])]
    pub(crate) xapi_version: String,
}
