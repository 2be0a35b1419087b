//! An agent learns to pay exact amounts in as few coins as it can. The model, the sampling and the loop are this file's own; from
//! `grpo-core` come the advantages, the log-probabilities and the loss. See the README.

mod purse;

use anyhow::{Context, Result, ensure};
use burn::{
    module::{Module, Param},
    optim::{AdamWConfig, GradientsParams},
    tensor::{Bool, Device, Int, Tensor, TensorData, activation::relu},
};
use clap::Parser;
use grpo_core::{AdvantageEstimator, LinearHead, LossInputs, Objective, linear_log_probs};
use purse::{ACTIONS, AMOUNTS, Payment, STATE, STOP};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::time::Instant;

/// An agent learns by trial and error to pay amounts in coins.
#[derive(Parser)]
struct Args {
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A short training that fails unless the agent becomes much better
    #[arg(long)]
    quick: bool,
}

const HIDDEN: usize = 64;
/// Amounts of one step, and tries at each.
const PROMPTS: usize = 32;
const GROUP: usize = 16;

/// Two layers. A burn module like any other: `grpo-core` never sees it.
#[derive(Module, Debug)]
struct Agent {
    input: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    /// `[actions, hidden]`: the output head.
    output: Param<Tensor<2>>,
}

impl Agent {
    fn new(rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let mut matrix = |rows: usize, columns: usize, size: f32| {
            let values: Vec<f32> = (0..rows * columns).map(|_| size * (2.0 * uniform(rng) - 1.0)).collect();
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), device))
        };
        let (input, output) = (matrix(STATE, HIDDEN, 0.3), matrix(ACTIONS, HIDDEN, 0.1));
        Self { input, output, bias: Param::from_tensor(Tensor::zeros([HIDDEN], device)) }
    }

    /// Hidden states `[rows, hidden]` of states `[rows, state]`.
    fn hidden(&self, states: Tensor<2>) -> Tensor<2> {
        relu(states.matmul(self.input.val()) + self.bias.val().unsqueeze_dim(0))
    }

    /// Logits of every action for every state, on the host.
    fn logits(&self, states: &[f32]) -> Result<Vec<Vec<f32>>> {
        let device = self.output.val().device();
        let data = TensorData::new(states.to_vec(), [states.len() / STATE, STATE]);
        let logits = self.hidden(Tensor::from_data(data, &device)).matmul(self.output.val().transpose());
        Ok(logits.try_into_vec_as::<f32>()?.chunks(ACTIONS).map(<[f32]>::to_vec).collect())
    }
}

/// One try at an amount: the states that the agent saw, what it did, and how probable that was.
struct Episode {
    payment: Payment,
    states: Vec<f32>,
    actions: Vec<i32>,
    log_probs: Vec<f32>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = grpo_device::from_env()?.autodiff();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut agent = Agent::new(&mut rng, &device);
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.0).init();
    let before = judge(&agent)?;

    let start = Instant::now();
    let steps = if args.quick { 150 } else { 800 };
    for step in 1..=steps {
        let (loss, reward) = loss(&agent, &mut rng, &device)?;
        let gradients = GradientsParams::from_grads(loss.backward(), &agent);
        agent = optimizer.step(3e-3, agent, gradients);
        if step % 100 == 0 && !args.quick {
            println!("step {step:4}: mean reward {reward:6.3}");
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = judge(&agent)?;

    println!("\nall {AMOUNTS} amounts, the most probable actions, after {steps} steps ({seconds:.1} s):\n");
    println!("                          before    after   best");
    println!("paid exactly             {:5.1} %  {:5.1} %  100 %", 100.0 * before.exact, 100.0 * after.exact);
    println!(
        "in the fewest coins      {:5.1} %  {:5.1} %  100 %",
        100.0 * before.fewest,
        100.0 * after.fewest
    );
    for amount in [7, 13, 38] {
        println!("{}", after.payments[amount - 1]);
    }
    ensure!(after.exact > before.exact + 0.3, "the agent has not become much better");
    Ok(())
}

/// The loss of one step of GRPO and the mean reward: sample groups, compare, weigh.
fn loss(agent: &Agent, rng: &mut ChaCha8Rng, device: &Device) -> Result<(Tensor<1>, f64)> {
    let amounts: Vec<usize> = (0..PROMPTS).map(|_| 1 + rng.next_u32() as usize % AMOUNTS).collect();
    let starts = amounts.iter().flat_map(|&amount| std::iter::repeat_n(Payment::new(amount), GROUP));
    let episodes = play(&agent.valid(), starts.collect(), |logits| sample(logits, rng))?;
    let rewards: Vec<f64> = episodes.iter().map(|e| e.payment.reward()).collect();

    // From here on, grpo-core. Episodes are rows, padded to the longest.
    let host = device.clone().without_autodiff();
    let (rows, lengths): (usize, Vec<usize>) =
        (episodes.len(), episodes.iter().map(|e| e.actions.len()).collect());
    let steps = lengths.iter().copied().max().context("no episodes")?;
    let padded = |values: &[f32], width: usize| {
        let mut values = values.to_vec();
        values.resize(steps * width, 0.0);
        values
    };
    let numbers = |pick: &dyn Fn(&Episode) -> Vec<f32>| {
        Tensor::<1>::from_floats(&*episodes.iter().flat_map(pick).collect::<Vec<f32>>(), &host)
    };
    let states = numbers(&|e| padded(&e.states, STATE)).reshape([rows * steps, STATE]);
    let old = numbers(&|e| padded(&e.log_probs, 1)).reshape([rows, steps]);
    let actions: Vec<i32> =
        episodes.iter().flat_map(|e| (0..steps).map(|t| e.actions.get(t).copied().unwrap_or(0))).collect();
    let actions = Tensor::<2, Int>::from_data(TensorData::new(actions, [rows, steps]), &host);
    let mask: Vec<bool> = lengths.iter().flat_map(|&l| (0..steps).map(move |t| t < l)).collect();
    let mask = Tensor::<2, Bool>::from_data(TensorData::new(mask, [rows, steps]), &host);

    let objective = Objective::dapo();
    let advantages = AdvantageEstimator::default().estimate(&rewards, GROUP)?;
    let hidden = agent.hidden(states).reshape([rows, steps, HIDDEN]);
    let policy = linear_log_probs(hidden, &LinearHead::new(agent.output.val()), actions, 1.0)?;
    let weights = objective.aggregate.weights(mask.clone());
    let inputs = LossInputs {
        old_log_probs: Some(old),
        ..LossInputs::new(policy.log_probs, advantages.to_tensor(&host), mask, weights)
    };
    Ok((objective.loss(inputs)?.loss, advantages.reward_mean))
}

/// Plays payments to their end, all of them together. `choose` picks an action by its logits and says its log-probability.
fn play(
    agent: &Agent,
    payments: Vec<Payment>,
    mut choose: impl FnMut(&[f32]) -> (usize, f32),
) -> Result<Vec<Episode>> {
    let mut episodes: Vec<Episode> = payments
        .into_iter()
        .map(|payment| Episode { payment, states: Vec::new(), actions: Vec::new(), log_probs: Vec::new() })
        .collect();
    loop {
        let mut going: Vec<&mut Episode> = episodes.iter_mut().filter(|e| !e.payment.is_over()).collect();
        if going.is_empty() {
            return Ok(episodes);
        }
        let states: Vec<f32> = going.iter().flat_map(|e| e.payment.state()).collect();
        for ((episode, logits), state) in
            going.iter_mut().zip(agent.logits(&states)?).zip(states.chunks(STATE))
        {
            let (action, log_prob) = choose(&logits);
            episode.states.extend_from_slice(state);
            episode.actions.push(action as i32);
            episode.log_probs.push(log_prob);
            episode.payment.act(action);
        }
    }
}

/// Draws an action from the softmax of its logits.
fn sample(logits: &[f32], rng: &mut ChaCha8Rng) -> (usize, f32) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().map(|x| (x - most).exp()).sum();
    let mut left = uniform(rng) * total;
    let drawn = logits.iter().position(|x| {
        left -= (x - most).exp();
        left < 0.0
    });
    let action = drawn.unwrap_or(STOP);
    (action, logits[action] - most - total.ln())
}

/// From 0 to 1.
fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// How well the agent pays when it does what it thinks best.
struct Verdict {
    exact: f64,
    fewest: f64,
    /// What it pays for each amount.
    payments: Vec<String>,
}

fn judge(agent: &Agent) -> Result<Verdict> {
    let best = |logits: &[f32]| {
        let action = (0..ACTIONS).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(STOP);
        (action, 0.0)
    };
    let episodes = play(&agent.valid(), (1..=AMOUNTS).map(Payment::new).collect(), best)?;
    let share = |right: fn(&Payment) -> bool| {
        episodes.iter().filter(|e| right(&e.payment)).count() as f64 / episodes.len() as f64
    };
    Ok(Verdict {
        exact: share(Payment::is_exact),
        fewest: share(Payment::is_fewest),
        payments: episodes.iter().map(|e| e.payment.to_string()).collect(),
    })
}
