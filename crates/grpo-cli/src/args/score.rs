use clap::{Args, ValueHint};
use std::path::PathBuf;

const SCORE: &str = "\
Examples:
  grpo score --reward math answers.jsonl
      {\"completion\": \"... so \\\\boxed{42}\", \"reference\": \"42\"} and so on
  grpo score --reward '{ kind = \"regex\", pattern = \"(?i)please\" }' answers.jsonl
      a reward with settings, as a recipe writes them
  grpo score --recipe my.toml answers.jsonl
      all rewards of a recipe, and what they come to together
  grpo score --reward number runs/first/samples.jsonl
      the samples of a run, by another reward
  ... | grpo score --reward json_schema -
      what comes in by the standard input

Every row has a `completion`. Most rewards want a `reference`; others want
further fields, such as `choices`. Rows with the same `group` (or the same
`prompt`) are one group.

Every row gives a line, in order:
  score      the value; null where the reward doesn't apply, or failed
  extracted  the part of the completion that was judged; null where it is no part
  reason     why
  failed     true where the reward could not judge
With several rewards, `score` is their weighted sum, and `rewards` holds each.";

/// `grpo score`.
#[derive(Debug, Args)]
#[command(after_long_help = SCORE, after_help = "More with --help: examples, and what comes out.")]
pub(crate) struct Score {
    /// JSON lines, or `-` for the standard input.
    #[arg(value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// A reward: its kind, or a table `{ kind = "...", ... }` as in a recipe. May be given several times.
    #[arg(long, value_name = "REWARD", required_unless_present = "recipe", conflicts_with = "recipe")]
    pub(crate) reward: Vec<String>,
    /// The rewards of this recipe: a TOML file, or the name of an embedded one.
    #[arg(long, value_name = "RECIPE", value_hint = ValueHint::FilePath)]
    pub(crate) recipe: Option<String>,
    /// Field with the completion.
    #[arg(long, value_name = "NAME", default_value = "completion")]
    pub(crate) completion_field: String,
    /// Field with the known answer: a text or a number.
    #[arg(long, value_name = "NAME", default_value = "reference")]
    pub(crate) reference_field: String,
    /// Field with the prompt.
    #[arg(long, value_name = "NAME", default_value = "prompt")]
    pub(crate) prompt_field: String,
}
