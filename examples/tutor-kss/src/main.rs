//! A tutor learns with GRPO which exercise a simulated learner should do next. See the README.

use anyhow::{Result, ensure};
use burn::module::Module;
use clap::Parser;
use grpo_core::{Aggregate, Objective};
use grpo_edu::students::kss::{Baseline, Kss, KssConfig, KssEpisode, evaluate_beam};
use grpo_edu::{SeededDraws, Tutor, TutorConfig};
use grpo_rollout::{Play, Streams, play};
use grpo_train::{Credit, Decay, GroupCredit, OptimizerConfig, Schedule, SessionTrainer, Workers};
use std::time::Instant;

/// A tutor learns by trial and error which exercise a learner should do next.
#[derive(Parser)]
struct Args {
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The tutor isn't told what the learner wants to learn
    #[arg(long)]
    hide_targets: bool,
    /// Steps of training
    #[arg(long, default_value_t = 600)]
    steps: usize,
    /// Width of a recurrent memory of the session; 0 decides by the present observation alone
    #[arg(long, default_value_t = 0)]
    memory: usize,
    /// A short training that fails unless the tutor becomes much better
    #[arg(long)]
    quick: bool,
}

/// Exercises of a session.
const EXERCISES: usize = 20;
/// Learners of one step, and sessions with each.
const LEARNERS: usize = 64;
const GROUP: usize = 8;
/// Learners the tutor is judged on; it never teaches them.
const JUDGED: u64 = 2000;
/// Learners that the planner plans for, which takes it a while.
const PLANNED: u64 = 500;

fn main() -> Result<()> {
    let args = Args::parse();
    let host = grpo_device::from_env()?;
    let kss = Kss::new(KssConfig { targets_visible: !args.hide_targets, ..KssConfig::default() })?;
    // Learners to train with and learners to be judged on come from streams of different names.
    let learner = |domain: &str, seed: u64, index: u64| -> Result<KssEpisode> {
        Ok(KssEpisode::new(kss.reset(&mut SeededDraws::new(domain, seed, index))?, EXERCISES))
    };
    let judged = if args.quick { 500 } else { JUDGED };
    let exam: Vec<KssEpisode> = (0..judged).map(|i| learner("kss learner", 7, i)).collect::<Result<_>>()?;

    let steps = if args.quick { 60 } else { args.steps };
    let grpo = SessionTrainer {
        play: Play { group_size: GROUP, max_steps: EXERCISES, temperature: 1.0 },
        iterations: 1,
        minibatches: 1,
        micro_batch_size: LEARNERS * GROUP / 4,
        schedule: Schedule { peak: 1e-3, warmup: 0, steps, decay: Decay::Linear, floor: 0.1 },
        credit: Credit::Group(GroupCredit::default()),
        objective: Objective { aggregate: Aggregate::TokenMean, ..Objective::default() },
        optimizer: OptimizerConfig::default(),
    };
    grpo.validate()?;
    let config = TutorConfig { memory: args.memory, ..TutorConfig::default() };
    let mut tutor = Tutor::new(config, KssEpisode::LAYOUT, args.seed, &host.clone().autodiff())?;
    let mut optimizer = grpo.optimizer.init();
    let (streams, workers) = (Streams::new(args.seed), Workers::new(grpo_device::workers(&host))?);
    let before = Gain::of(&tutor, &exam)?;

    let start = Instant::now();
    for step in 0..steps {
        let starts = (0..LEARNERS as u64)
            .map(|i| learner("kss training", args.seed, step as u64 * LEARNERS as u64 + i))
            .collect::<Result<Vec<_>>>()?;
        let metrics = grpo.step(&mut tutor, &mut optimizer, &starts, &streams, step, &workers)?;
        if (step + 1) % 50 == 0 {
            println!(
                "step {:4}: gain {:.3}, entropy {:.2}, groups without spread {:2.0} %, {:4.0} s",
                step + 1,
                metrics.reward,
                metrics.entropy,
                100.0 * metrics.frac_reward_zero_std,
                start.elapsed().as_secs_f64()
            );
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = Gain::of(&tutor, &exam)?;

    println!(
        "\n{judged} learners the tutor has never taught, {EXERCISES} exercises each; targets {}; {steps} steps in {seconds:.0} s\n",
        if args.hide_targets { "hidden" } else { "visible" }
    );
    println!("tutor                              mean gain   95 % interval   all targets reached");
    let row = |name: &str, mean: f64, half_width: f64, all: f64| {
        println!("{name:<36} {mean:7.3}   ± {half_width:.3}         {:17.1} %", 100.0 * all);
    };
    for (name, baseline) in [
        ("any exercise", Baseline::Random),
        ("any legal exercise", Baseline::RandomLegal),
        ("greedy, looks inside the learner", Baseline::Greedy),
    ] {
        let result = baseline.evaluate(&kss, EXERCISES, 7, 0..judged)?;
        row(name, result.mean, result.half_width, result.all_reached);
    }
    let planned = evaluate_beam(&kss, EXERCISES, 100, 7, 0..judged.min(PLANNED))?;
    row("planner, looks inside (beam of 100)", planned.mean, planned.half_width, planned.all_reached);
    row("this tutor before training", before.mean, before.half_width, before.all);
    row("this tutor after training", after.mean, after.half_width, after.all);
    ensure!(after.mean > before.mean + 0.15, "the tutor has not become much better");
    Ok(())
}

/// What learners gain from the tutor's most probable choices: the share of their missing targets that they reach.
struct Gain {
    mean: f64,
    /// Half the width of the mean's 95 % interval.
    half_width: f64,
    /// Share of learners who reached all of them.
    all: f64,
}

impl Gain {
    fn of(tutor: &Tutor, exam: &[KssEpisode]) -> Result<Self> {
        let greedy = Play { group_size: 1, max_steps: EXERCISES, temperature: 0.0 };
        let sessions = play(&tutor.valid(), exam, greedy, &Streams::new(0), 0)?;
        let gains: Vec<f64> = sessions.records.iter().map(|record| record.end.session().reward()).collect();
        let count = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / count;
        let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let all =
            sessions.records.iter().filter(|record| record.end.session().is_done()).count() as f64 / count;
        Ok(Self { mean, half_width: 1.96 * (variance / count).sqrt(), all })
    }
}
