//! A small language model learns to answer the items of a QTI package; its answers become xAPI statements. See the README.

mod bank;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use grpo_train::{Ending, Event, Machine, Observer, Recipe, Set, StepMetrics, Summary, train};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A small language model learns to answer the items of a QTI package.
#[derive(Parser)]
struct Args {
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder for the package and the run; it must not exist. Default: runs/question-bank, with --quick a temporary one
    #[arg(long)]
    out: Option<PathBuf>,
    /// A few steps, to see that it works
    #[arg(long)]
    quick: bool,
}

/// Items of each of the six kinds.
const OF_EACH_KIND: usize = 1000;

const QUICK: [&str; 8] = [
    "imitation.steps=6",
    "imitation.validate_every=3",
    "grpo.steps=3",
    "grpo.prompts_per_step=4",
    "grpo.group_size=4",
    "evaluation.every=2",
    "evaluation.questions=12",
    "evaluation.questions_on_the_way=6",
];

fn main() -> Result<()> {
    let args = Args::parse();
    let out = args.out.clone().unwrap_or_else(|| match args.quick {
        true => std::env::temp_dir().join(format!("question-bank-{}", std::process::id())),
        false => "runs/question-bank".into(),
    });
    if out.exists() {
        bail!("{} exists: choose another --out", out.display());
    }
    fs::create_dir_all(&out)?;
    let out = out.canonicalize()?;
    bank::write(&out.join("bank"), if args.quick { 15 } else { OF_EACH_KIND }, args.seed)?;

    let mut changes = vec![format!("seed={}", args.seed)];
    if args.quick {
        changes.extend(QUICK.map(String::from));
    }
    let mut recipe = Recipe::with_changes(include_str!("../recipe.toml"), &changes)?;
    recipe.resolve_paths(&out);
    let run = out.join("run");

    let host = grpo_device::from_env()?;
    let machine = Machine {
        name: grpo_device::describe(&host),
        workers: grpo_device::workers(&host),
        is_gpu: grpo_device::is_gpu(&host),
        device: host,
        peak_rss: grpo_device::peak_rss_bytes,
    };
    let Ending::Finished(summary) = train(&recipe, &run, &machine, &mut Told, &AtomicBool::new(false))?
    else {
        bail!("the run was interrupted");
    };
    let kinds = Kinds::of(&run.join("xapi.jsonl"))?;
    println!("\n{}", kinds.table());
    println!("{}", told(&summary));
    println!("package     {}", out.join("bank").display());
    println!("report      {}", run.join("report.html").display());
    println!("statements  {} ({} answers)", run.join("xapi.jsonl").display(), kinds.answers());
    if args.quick {
        ensure!(kinds.answers() == 12, "there should be a statement for each of the 12 held-out items");
        fs::remove_dir_all(&out)?;
    }
    Ok(())
}

/// Says how it goes, every now and then.
struct Told;

impl Observer for Told {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Stepped { stage, step, metrics } if step % 50 == 0 => match metrics {
                StepMetrics::Grpo(m) => println!("{} {step:4}: reward {:.3}", stage.name(), m.reward),
                StepMetrics::Imitation(m) => println!("{} {step:4}: loss {:.3}", stage.name(), m.loss),
                StepMetrics::Sessions(_) => {}
            },
            Event::Evaluated { set: Set::HeldOut, accuracy, questions, .. } => {
                println!("held-out items answered as a whole: {:.1} % of {questions}", 100.0 * accuracy);
            }
            _ => {}
        }
    }
}

fn told(summary: &Summary) -> String {
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    format!(
        "whole answers right: {} before, {} after imitation, {} after GRPO; {:.0} s",
        percent(summary.eval.initial),
        percent(summary.eval.imitation),
        percent(summary.eval.r#final),
        summary.seconds
    )
}

/// What the statements say of each kind of item: its name, how many were answered, the sum of their scaled scores.
struct Kinds(Vec<(String, usize, f64)>);

impl Kinds {
    fn of(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let mut kinds: Vec<(String, usize, f64)> = Vec::new();
        for line in text.lines() {
            let statement: Value = serde_json::from_str(line)?;
            let Some(scaled) = statement["result"]["score"]["scaled"].as_f64() else { continue };
            // The end of the session is scored as well.
            let Some(item) = statement["object"]["id"].as_str().and_then(|id| id.rsplit_once("/items/"))
            else {
                continue;
            };
            let kind = item.1.split('-').next().unwrap_or_default();
            match kinds.iter_mut().find(|(name, ..)| name == kind) {
                Some((_, count, sum)) => (*count, *sum) = (*count + 1, *sum + scaled),
                None => kinds.push((kind.to_owned(), 1, scaled)),
            }
        }
        kinds.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self(kinds))
    }

    fn answers(&self) -> usize {
        self.0.iter().map(|(_, count, _)| count).sum()
    }

    fn table(&self) -> String {
        let mut table = String::from("kind       held-out items   mean score\n");
        for (kind, count, sum) in &self.0 {
            table += &format!("{kind:<10} {count:>14} {:>12.3}\n", sum / *count as f64);
        }
        table
    }
}
