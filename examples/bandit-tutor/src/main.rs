//! A small network learns with GRPO to choose the right exercise for a learner's state. See the README.

mod learner;
mod tutor;

use anyhow::{Context, Result, ensure};
use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, TensorData},
};
use clap::Parser;
use grpo_rollout::{Environment, Play, Record, Streams, play};
use grpo_train::GrpoLearner;
use learner::{EXERCISES, LEVELS, Learner, SKILLS};
use std::time::Instant;
use tutor::Tutor;

/// A tutor learns by trial and error which exercise helps a learner most.
#[derive(Parser)]
struct Args {
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A short training that fails unless the tutor becomes much better
    #[arg(long)]
    quick: bool,
}

/// Learners that are taught in one step.
const LEARNERS: usize = 16;
/// Learners the tutor is judged on; it never teaches them.
const JUDGED: usize = 500;
// Names of random streams: every draw has its own.
const WEIGHTS: u64 = u64::MAX;
const JUDGES: u64 = u64::MAX - 1;

fn main() -> Result<()> {
    let args = Args::parse();
    let device = grpo_device::from_env()?.autodiff();
    let streams = Streams::new(args.seed);
    let tutor = Tutor::new(SKILLS.len(), 32, EXERCISES, &mut streams.stream(WEIGHTS, 0, 0), &device);
    let judged: Vec<Learner> =
        (0..JUDGED).map(|i| Learner::random(&mut streams.stream(JUDGES, i as u64, 0))).collect();

    let mut learner = GrpoLearner::new(tutor);
    (learner.learning_rate, learner.epsilon, learner.group_size) = (0.001, 0.2, 16);
    let before = Verdict::of(&learner.policy, &judged, &device)?;

    let start = Instant::now();
    let steps = if args.quick { 400 } else { 6000 };
    for step in 0..steps {
        let reward = teach(&mut learner, &streams, step, &device)
            .with_context(|| format!("step {} of {steps}", step + 1))?;
        if !args.quick && (step + 1) % 1000 == 0 {
            println!("step {:4}: learners gained {reward:.3} on average", step + 1);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = Verdict::of(&learner.policy, &judged, &device)?;

    println!("\n{JUDGED} learners the tutor has never taught, after {steps} steps ({seconds:.1} s):\n");
    println!("                                   before    after     best");
    println!(
        "right exercise chosen            {:7.1} % {:6.1} %  100.0 %",
        100.0 * before.right,
        100.0 * after.right
    );
    println!(
        "expected gain of the choice      {:9.3} {:8.3} {:8.3}",
        before.gain, after.gain, after.best_gain
    );
    println!("\nmastery of {:<22} chosen before   chosen after    right", SKILLS.join(", "));
    for (i, one) in judged.iter().enumerate().take(6) {
        let [a, b, c] = one.mastery();
        println!(
            "  {a:.2}, {b:.2}, {c:.2}                 {:<15} {:<15} {}",
            name(before.choices[i]),
            name(after.choices[i]),
            name(one.right_exercise())
        );
    }
    if args.quick {
        let share = (after.gain - before.gain) / (after.best_gain - before.gain);
        ensure!(share > 0.5, "only {:.0} % of the possible improvement was learnt", 100.0 * share);
        println!("\n{:.0} % of the possible improvement was learnt", 100.0 * share);
    }
    Ok(())
}

/// One step of GRPO: every learner tries 16 exercises in the same state, and the tutor moves towards those that taught more than
/// the others did. Returns the mean reward.
fn teach(learner: &mut GrpoLearner<Tutor>, streams: &Streams, step: u64, device: &Device) -> Result<f64> {
    let learners: Vec<Learner> =
        (0..LEARNERS).map(|i| Learner::random(&mut streams.stream(step, i as u64, u64::MAX))).collect();
    let how = Play { group_size: learner.group_size, max_steps: 1, temperature: 1.0 };
    let sessions = play(&learner.policy.valid(), &learners, how, streams, step)?;

    let episodes = sessions.records.len();
    let states: Vec<f32> = sessions.records.iter().flat_map(|r| r.observations.clone()).collect();
    let rewards: Vec<f64> = sessions.records.iter().map(Record::reward).collect();
    let (actions, old): (Vec<i32>, Vec<f32>) = sessions
        .groups
        .iter()
        .flat_map(|g| &g.episodes)
        .map(|e| (e.actions[0] as i32, e.log_probs[0]))
        .unzip();
    let states = Tensor::<2>::from_data(TensorData::new(states, [episodes, SKILLS.len()]), device);
    let actions = Tensor::<2, Int>::from_data(TensorData::new(actions, [episodes, 1]), device);
    let old = Tensor::<2>::from_data(TensorData::new(old, [episodes, 1]), &device.clone().without_autodiff());
    learner.update_policy(&states, actions, &rewards, old)?;
    Ok(rewards.iter().sum::<f64>() / episodes as f64)
}

/// What the tutor thinks of every exercise for every learner.
fn scores(tutor: &Tutor, learners: &[Learner], device: &Device) -> Result<Vec<Vec<f32>>> {
    let mut states = vec![0.0; learners.len() * SKILLS.len()];
    learners.iter().zip(states.chunks_mut(SKILLS.len())).for_each(|(one, row)| one.observe(row));
    let data = TensorData::new(states, [learners.len(), SKILLS.len()]);
    let states = Tensor::<2>::from_data(data, &device.clone().without_autodiff());
    let scores = tutor.valid().log_probs(states).into_data().convert::<f32>();
    let scores = scores.try_into_vec::<f32>().context("the scores can't be read")?;
    Ok(scores.chunks(EXERCISES).map(<[f32]>::to_vec).collect())
}

/// How good the tutor's most probable choices are.
struct Verdict {
    choices: Vec<usize>,
    /// Share of right ones.
    right: f64,
    /// Mean expected gain.
    gain: f64,
    /// Mean expected gain of the right exercises.
    best_gain: f64,
}

impl Verdict {
    fn of(tutor: &Tutor, learners: &[Learner], device: &Device) -> Result<Self> {
        let best = |scores: &Vec<f32>| {
            (0..EXERCISES).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or_default()
        };
        let choices: Vec<usize> = scores(tutor, learners, device)?.iter().map(best).collect();
        let mean = |value: &dyn Fn(&Learner, usize) -> f64| {
            learners.iter().zip(&choices).map(|(l, &c)| value(l, c)).sum::<f64>() / learners.len() as f64
        };
        Ok(Self {
            right: mean(&|l, c| f64::from(u8::from(c == l.right_exercise()))),
            gain: mean(&|l, c| l.expected_gain(c)),
            best_gain: mean(&|l, _| l.expected_gain(l.right_exercise())),
            choices,
        })
    }
}

fn name(exercise: usize) -> String {
    format!("{} {:.2}", SKILLS[exercise / LEVELS.len()], LEVELS[exercise % LEVELS.len()])
}
