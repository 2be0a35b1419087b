//! A tutor: a policy that reads what happened in a session and chooses the next exercise.

use burn::{
    module::{Module, Param},
    tensor::{
        Device, Int, Tensor, TensorData,
        activation::{sigmoid, silu},
    },
};
use grpo_rollout::{Agent, Error, Evaluation, Policy, SessionStates, Streams};
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// The shape of a [`Tutor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TutorConfig {
    /// Width of the layers that read an observation.
    pub hidden: usize,
    /// Width of the recurrent memory; 0 for a tutor that decides by the present observation alone.
    pub memory: usize,
}

impl Default for TutorConfig {
    fn default() -> Self {
        Self { hidden: 128, memory: 0 }
    }
}

/// A network from observations to scores of every exercise, with a recurrent memory of the session or without:
///
/// ```text
/// e_t = silu(W o_t + b)                                     o_t: what is seen before step t
/// r_t, z_t = σ(W_r e_t + U_r m_{t−1}), σ(W_z e_t + U_z m_{t−1})            gated recurrent unit (Cho et al. 2014, arXiv:1406.1078)
/// n_t = tanh(W_n e_t + r_t · U_n m_{t−1}),     m_t = (1 − z_t) · n_t + z_t · m_{t−1}
/// scores_t = W' silu(V [e_t, m_t] + c)
/// ```
///
/// Actions that aren't allowed have the probability 0.
#[derive(Module, Debug)]
pub struct Tutor {
    read: Dense,
    recall: Option<Recall>,
    think: Dense,
    score: Dense,
}

#[derive(Module, Debug)]
struct Dense {
    /// `[inputs, outputs]`.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Dense {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze_dim(0)
    }
}

/// The gated recurrent unit. Columns: r, z, n.
#[derive(Module, Debug)]
struct Recall {
    input: Dense,
    /// `[memory, 3 memory]`.
    recurrent: Param<Tensor<2>>,
}

impl Recall {
    fn width(&self) -> usize {
        self.recurrent.val().dims()[0]
    }

    /// One step, from the input's part `[sessions, 3 memory]`.
    fn step(&self, input: Tensor<2>, memory: Tensor<2>) -> Tensor<2> {
        let width = self.width();
        let own = memory.clone().matmul(self.recurrent.val());
        let part = |x: &Tensor<2>, which: usize| x.clone().narrow(1, which * width, width);
        let reset = sigmoid(part(&input, 0) + part(&own, 0));
        let update = sigmoid(part(&input, 1) + part(&own, 1));
        let new = (part(&input, 2) + reset * part(&own, 2)).tanh();
        new.clone() + update * (memory - new)
    }
}

impl Tutor {
    /// A tutor with random weights for an environment with so many features and actions. The numbers come from the host, so one
    /// seed gives the same tutor on every device.
    pub fn new(config: TutorConfig, features: usize, actions: usize, seed: u64, device: &Device) -> Self {
        let mut weights = Weights::new(seed, device);
        let TutorConfig { hidden, memory } = config;
        let read = weights.dense(features, hidden, 1.0);
        let recall = (memory > 0).then(|| Recall {
            input: weights.dense(hidden, 3 * memory, 1.0),
            recurrent: weights.matrix(memory, 3 * memory, 1.0),
        });
        let think = weights.dense(hidden + memory, hidden, 1.0);
        // Small, so that the first choices are close to uniform.
        let score = weights.dense(hidden, actions, 0.1);
        Self { read, recall, think, score }
    }

    /// Scores `[sessions * steps, actions]` of whole sessions, observations `[sessions, steps, features]`.
    fn scores(&self, observations: Tensor<3>) -> Tensor<2> {
        let [sessions, steps, features] = observations.dims();
        let read = silu(self.read.forward(observations.reshape([sessions * steps, features])));
        let Some(recall) = &self.recall else { return self.decide(read) };
        let width = recall.width();
        let inputs = recall.input.forward(read.clone()).reshape([sessions, steps, 3 * width]);
        let mut memory = Tensor::zeros([sessions, width], &inputs.device());
        let mut memories = Vec::with_capacity(steps);
        for step in 0..steps {
            memory = recall.step(inputs.clone().narrow(1, step, 1).squeeze_dim(1), memory);
            memories.push(memory.clone().unsqueeze_dim::<3>(1));
        }
        let memories = Tensor::cat(memories, 1).reshape([sessions * steps, width]);
        self.decide(Tensor::cat(vec![read, memories], 1))
    }

    fn decide(&self, known: Tensor<2>) -> Tensor<2> {
        self.score.forward(silu(self.think.forward(known)))
    }
}

impl Agent for Tutor {
    /// `[sessions, memory]`.
    type Memory = Option<Tensor<2>>;

    fn device(&self) -> Device {
        self.score.bias.val().device()
    }

    fn begin(&self, sessions: usize) -> Option<Tensor<2>> {
        self.recall.as_ref().map(|recall| Tensor::zeros([sessions, recall.width()], &self.device()))
    }

    fn act(&self, observations: Tensor<2>, memory: &mut Option<Tensor<2>>) -> Result<Tensor<2>, Error> {
        let read = silu(self.read.forward(observations));
        let known = match (&self.recall, memory.take()) {
            (Some(recall), Some(before)) => {
                let now = recall.step(recall.input.forward(read.clone()), before);
                *memory = Some(now.clone());
                Tensor::cat(vec![read, now], 1)
            }
            _ => read,
        };
        Ok(self.decide(known))
    }
}

impl Policy for Tutor {
    type States = SessionStates;

    fn evaluate(&self, states: &SessionStates, actions: Tensor<2, Int>) -> Result<Evaluation, Error> {
        evaluate(self.scores(states.observations.clone()), states, actions)
    }
}

/// A tutor that judges every item by the same network, for environments whose items differ by what happened to them and nothing else
/// (spaced repetition): what it learns about one item it knows about all of them.
///
/// An observation must be `items * per_item` numbers, item by item, and a rest that belongs to the session as a whole.
///
/// ```text
/// h_i = silu(W o_i + b),     g = mean_i h_i                        o_i: what is seen of item i
/// score_i = w · silu(V [h_i, g, rest] + c)
/// ```
#[derive(Module, Debug)]
pub struct ItemTutor {
    read: Dense,
    think: Dense,
    score: Dense,
}

impl ItemTutor {
    /// A tutor with random weights that sees `per_item` numbers of each item and `rest` of the session. The same weights serve any
    /// number of items.
    pub fn new(hidden: usize, per_item: usize, rest: usize, seed: u64, device: &Device) -> Self {
        let mut weights = Weights::new(seed, device);
        Self {
            read: weights.dense(per_item, hidden, 1.0),
            think: weights.dense(2 * hidden + rest, hidden, 1.0),
            score: weights.dense(hidden, 1, 0.1),
        }
    }

    /// `[rows, items]` from `[rows, items * per_item + rest]`.
    fn scores(&self, observations: Tensor<2>) -> Tensor<2> {
        let ([rows, features], [per_item, hidden]) = (observations.dims(), self.read.weight.val().dims());
        let rest = self.think.weight.val().dims()[0] - 2 * hidden;
        let items = (features - rest) / per_item;
        let own = observations.clone().narrow(1, 0, items * per_item).reshape([rows * items, per_item]);
        let read = silu(self.read.forward(own)).reshape([rows, items, hidden]);
        let all = read.clone().mean_dim(1).expand([rows, items, hidden]);
        let rest =
            observations.narrow(1, items * per_item, rest).unsqueeze_dim::<3>(1).expand([rows, items, rest]);
        let known = Tensor::cat(vec![read, all, rest], 2);
        let width = known.dims()[2];
        self.score
            .forward(silu(self.think.forward(known.reshape([rows * items, width]))))
            .reshape([rows, items])
    }
}

impl Agent for ItemTutor {
    /// The observation says all there is.
    type Memory = ();

    fn device(&self) -> Device {
        self.score.bias.val().device()
    }

    fn begin(&self, _: usize) {}

    fn act(&self, observations: Tensor<2>, (): &mut ()) -> Result<Tensor<2>, Error> {
        Ok(self.scores(observations))
    }
}

impl Policy for ItemTutor {
    type States = SessionStates;

    fn evaluate(&self, states: &SessionStates, actions: Tensor<2, Int>) -> Result<Evaluation, Error> {
        let [sessions, steps, features] = states.observations.dims();
        let scores = self.scores(states.observations.clone().reshape([sessions * steps, features]));
        evaluate(scores, states, actions)
    }
}

/// Log-probabilities and entropies of actions, those that aren't allowed left out. `scores` is `[sessions * steps, actions]`.
fn evaluate(scores: Tensor<2>, states: &SessionStates, actions: Tensor<2, Int>) -> Result<Evaluation, Error> {
    let scores = scores.reshape(states.allowed.dims());
    let scores = scores.mask_fill(states.allowed.clone().bool_not(), f32::NEG_INFINITY);
    let statistics =
        grpo_core::token_statistics(scores, actions, 1.0).map_err(|e| Error::Policy(e.to_string()))?;
    Ok(Evaluation { log_probs: statistics.log_probs, entropy: statistics.entropies })
}

/// Random weights from the host.
struct Weights<'a> {
    rng: rand_chacha::ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    fn new(seed: u64, device: &'a Device) -> Self {
        Self { rng: Streams::new(seed).stream(u64::MAX, 0, 0), device }
    }

    /// Uniform with the variance `gain² / inputs`.
    fn matrix(&mut self, inputs: usize, outputs: usize, gain: f64) -> Param<Tensor<2>> {
        let bound = gain * (3.0 / inputs as f64).sqrt();
        let mut draw = || bound * (2.0 * (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 1.0);
        let values: Vec<f32> = (0..inputs * outputs).map(|_| draw() as f32).collect();
        Param::from_tensor(Tensor::from_data(TensorData::new(values, [inputs, outputs]), self.device))
    }

    fn dense(&mut self, inputs: usize, outputs: usize, gain: f64) -> Dense {
        let bias = Param::from_tensor(Tensor::zeros([outputs], self.device));
        Dense { weight: self.matrix(inputs, outputs, gain), bias }
    }
}
