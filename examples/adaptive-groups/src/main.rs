//! Which ways to form groups help? GRPO on arithmetic with each of them on and off. See the README.

use anyhow::{Context, Result, bail};
use clap::Parser;
use grpo_edu::{Arithmetic, ArithmeticConfig, Split};
use grpo_train::tutoring::Interval;
use grpo_train::{Machine, Recipe, Silent, train};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// GRPO on arithmetic with different ways to form groups, at equal numbers of completions.
#[derive(Parser)]
struct Args {
    /// Runs of each way, with seeds of their own
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Groups that are sampled in each run, those that are thrown away included
    #[arg(long, default_value_t = 960)]
    groups: usize,
    /// The folder for everything that is written; it must not exist. Default: runs/adaptive-groups, with --quick a temporary one
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only the ways whose name contains this, beside everything off
    #[arg(long)]
    only: Option<String>,
    /// A few steps, to see that it works
    #[arg(long)]
    quick: bool,
}

/// Ways to form groups: a name and what is changed in the recipe.
const WAYS: [(&str, &[&str]); 9] = [
    ("everything off", &[]),
    ("bands of difficulty", &["adaptive.membership={ difficulty = { bands = 4 } }"]),
    ("Thompson sampling", &["adaptive.selection=thompson"]),
    ("sizes by signal (2 to 16)", &["adaptive.groups={ neyman = { min_size = 2, max_size = 16 } }"]),
    // Judged after every step, since its steps take different numbers of groups.
    ("dynamic sampling", &["adaptive.dynamic={ max_oversampling = 3.0 }", "evaluation.every=1"]),
    ("replay", &["adaptive.replay={ capacity = 64, max_staleness = 4, share = 0.25 }"]),
    ("curriculum, easy first", &["adaptive.curriculum={ linear = { start = 0.5, end = 1.0, steps = 40 } }"]),
    ("curriculum, half solved", &["adaptive.curriculum={ adaptive = { target = 0.5, share = 0.5 } }"]),
    (
        "Thompson and sizes",
        &["adaptive.selection=thompson", "adaptive.groups={ neyman = { min_size = 2, max_size = 16 } }"],
    ),
];

/// Questions of each step, completions of each.
const PROMPTS: usize = 16;
const GROUP: usize = 8;

fn main() -> Result<()> {
    let args = Args::parse();
    let out = args.out.clone().unwrap_or_else(|| match args.quick {
        true => std::env::temp_dir().join(format!("adaptive-groups-{}", std::process::id())),
        false => "runs/adaptive-groups".into(),
    });
    if out.exists() {
        bail!("{} exists: choose another --out", out.display());
    }
    fs::create_dir_all(&out)?;
    let out = out.canonicalize()?;
    let host = grpo_device::from_env()?;
    let machine = Machine {
        name: grpo_device::describe(&host),
        workers: grpo_device::workers(&host),
        is_gpu: grpo_device::is_gpu(&host),
        device: host,
        peak_rss: grpo_device::peak_rss_bytes,
    };
    let (questions, held_out) = if args.quick { (40, 20) } else { (400, 400) };
    write_questions(&out, questions, held_out)?;

    // A model that imitates worked solutions, and is still mediocre. All runs begin with it.
    let imitator = include_str!("../../../recipes/arithmetic.toml");
    let few = if args.quick { "imitation.steps=4" } else { "imitation.stop_at_accuracy=0.4" };
    let imitator = Recipe::with_changes(
        imitator,
        &[few.into(), "grpo.steps=1".into(), "evaluation.questions=64".into()],
    )?;
    run(&imitator, &out.join("imitation"), &machine)?;

    let (seeds, groups) = if args.quick { (2, 4 * PROMPTS) } else { (args.seeds, args.groups) };
    let mut rows: Vec<(&str, Vec<f64>)> = Vec::new();
    let wanted = |way: &str| args.only.as_ref().is_none_or(|only| way.contains(only.as_str()));
    for (way, changes) in WAYS.into_iter().filter(|(way, changes)| changes.is_empty() || wanted(way)) {
        let mut accuracies = Vec::new();
        for seed in 1..=seeds {
            let folder = out.join(format!("{}-{seed}", way.replace([' ', ',', '(', ')'], "-")));
            let mut changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            changes.push(format!("seed={seed}"));
            run(&Recipe::with_changes(&recipe(&out, groups / PROMPTS), &changes)?, &folder, &machine)?;
            accuracies.push(accuracy_within(&folder, groups)?);
        }
        eprintln!("{way}: {:.1} %", 100.0 * Interval::of(&accuracies).mean);
        rows.push((way, accuracies));
    }
    print(&rows, groups);
    Ok(())
}

/// GRPO from the imitator on the list of questions, with a constant learning rate, so that a run can be cut off anywhere.
fn recipe(out: &Path, steps: usize) -> String {
    let every = (steps / 12).max(1);
    format!(
        r#"
name = "adaptive-groups"
checkpoint_every = 0
[data]
format = "jsonl"
path = {train:?}
held_out = {test:?}
[model]
start = "folder"
path = {model:?}
[grpo]
steps = {steps}
prompts_per_step = {PROMPTS}
group_size = {GROUP}
micro_batch_size = 64
learning_rate = 3e-4
decay = "constant"
[sampling]
max_new_tokens = 20
[objective]
aggregate = "token_mean"
[optimizer]
beta2 = 0.99
weight_decay = 0.01
[[rewards]]
kind = "number"
[evaluation]
every = {every}
questions = 400
questions_on_the_way = 400
"#,
        train = out.join("train.jsonl"),
        test = out.join("held-out.jsonl"),
        model = out.join("imitation/model"),
    )
}

fn run(recipe: &Recipe, folder: &Path, machine: &Machine) -> Result<()> {
    train(recipe, folder, machine, &mut Silent, &AtomicBool::new(false))
        .with_context(|| folder.display().to_string())?;
    Ok(())
}

/// Held-out accuracy of the last evaluation before more than `groups` groups were sampled.
fn accuracy_within(folder: &Path, groups: usize) -> Result<f64> {
    let (mut sampled, mut last) = (0, None);
    for line in fs::read_to_string(folder.join("metrics.jsonl"))?.lines() {
        let line: Value = serde_json::from_str(line)?;
        sampled += line["groups/sampled"].as_u64().map_or(PROMPTS, |n| n as usize);
        if sampled > groups {
            break;
        }
        last = line["eval/accuracy"].as_f64().or(last);
    }
    last.with_context(|| format!("{}: no evaluation within {groups} groups", folder.display()))
}

/// Two lists of the generator's questions, one to train on and one to be judged by.
fn write_questions(out: &Path, train: usize, held_out: usize) -> Result<()> {
    let arithmetic = Arithmetic::new(
        ArithmeticConfig {
            max_number: 30,
            max_addend: 9,
            two_step_share: 0.65,
            at_once_share: 0.75,
            ..ArithmeticConfig::default()
        },
        1,
    )?;
    for (name, split, count) in [("train", Split::Train, train), ("held-out", Split::HeldOut, held_out)] {
        let line =
            |p: grpo_edu::Problem| json!({ "question": p.question, "final": p.answer, "answer": p.solution });
        let lines: Vec<String> =
            arithmetic.distinct(split, count)?.into_iter().map(|p| line(p).to_string()).collect();
        fs::write(out.join(format!("{name}.jsonl")), lines.join("\n") + "\n")?;
    }
    Ok(())
}

fn print(rows: &[(&str, Vec<f64>)], groups: usize) {
    let base = &rows[0].1;
    println!("held-out accuracy after {} completions, {} seeds\n", groups * GROUP, base.len());
    println!("{:<28} {:>9} {:>16} {:>24}", "groups", "accuracy", "95 % interval", "against everything off");
    for (way, accuracies) in rows {
        let own = t_interval(accuracies);
        let lead: Vec<f64> = accuracies.iter().zip(base).map(|(own, base)| own - base).collect();
        let lead = t_interval(&lead);
        println!(
            "{way:<28} {:>7.1} % {:>16} {:>24}",
            100.0 * own.mean,
            format!("± {:.1}", 100.0 * own.half_width),
            if way == &rows[0].0 {
                String::new()
            } else {
                format!("{:+.1} ± {:.1}", 100.0 * lead.mean, 100.0 * lead.half_width)
            }
        );
    }
}

/// With Student's t for so few seeds.
fn t_interval(values: &[f64]) -> Interval {
    const T: [f64; 10] = [f64::INFINITY, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
    let normal = Interval::of(values);
    let t = T.get(values.len().saturating_sub(1)).copied().unwrap_or(1.96);
    Interval { half_width: normal.half_width / 1.96 * t, ..normal }
}
