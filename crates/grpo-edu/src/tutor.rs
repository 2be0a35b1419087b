//! A tutor: a policy that reads what happened in a session and chooses the next exercise.

mod layers;
mod trunk;

use crate::EduError;
use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};
use grpo_rollout::{Agent, Error, Evaluation, Policy, SessionStates};
use layers::{Dense, Weights};
use serde::{Deserialize, Serialize};
use trunk::{Thought, Trunk};

/// How observations and actions of an environment are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Every number and every action has a meaning of its own.
    Whole {
        /// Numbers of an observation.
        features: usize,
        /// Actions.
        actions: usize,
    },
    /// Items that differ by what happened to them and nothing else (spaced repetition). An observation is `items * per_item` numbers,
    /// item by item, and a rest that belongs to the session as a whole; the first actions are the items.
    Items {
        /// Items.
        items: usize,
        /// Numbers of each item.
        per_item: usize,
        /// Numbers of the session.
        rest: usize,
        /// Actions that are no items, after those that are.
        others: usize,
    },
}

/// Who expects what a session will still bring. GRPO needs nobody; PPO does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Critic {
    /// Nobody.
    #[default]
    None,
    /// One more output of the tutor's own network.
    Shared,
    /// A network of its own, of the same shape.
    Separate,
}

/// The shape of a [`Tutor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TutorConfig {
    /// Width of the layers.
    pub hidden: usize,
    /// Width of the recurrent memory; 0 for a tutor that decides by the present observation alone.
    pub memory: usize,
    /// Who expects what a session will still bring.
    pub critic: Critic,
}

impl Default for TutorConfig {
    fn default() -> Self {
        Self { hidden: 128, memory: 0, critic: Critic::None }
    }
}

impl TutorConfig {
    /// Checks the values for observations of this layout.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the key.
    pub fn validate(&self, layout: Layout) -> Result<(), EduError> {
        let refuse = |key, value: usize, need: &str| {
            Err(EduError::Config { key, value: value.to_string(), need: need.into() })
        };
        if self.hidden == 0 {
            return refuse("hidden", 0, "at least 1");
        }
        if self.memory > 0 && matches!(layout, Layout::Items { .. }) {
            return refuse("memory", self.memory, "0: what happened to each item is all in the observation");
        }
        Ok(())
    }
}

/// A network from observations to scores of every action.
///
/// With [`Layout::Whole`], with a recurrent memory of the session or without:
///
/// ```text
/// e_t = silu(W o_t + b)                                     o_t: what is seen before step t
/// r_t, z_t = σ(W_r e_t + U_r m_{t−1}), σ(W_z e_t + U_z m_{t−1})            gated recurrent unit (Cho et al. 2014, arXiv:1406.1078)
/// n_t = tanh(W_n e_t + r_t · U_n m_{t−1}),     m_t = (1 − z_t) · n_t + z_t · m_{t−1}
/// k_t = silu(V [e_t, m_t] + c),     scores_t = W' k_t + b'
/// ```
///
/// With [`Layout::Items`], every item is judged by the same network, so that what is learnt about one is known about all of them, and
/// the same weights serve any number of items:
///
/// ```text
/// h_i = silu(W o_i + b),     g = mean_i h_i                 o_i: what is seen of item i
/// k_i = silu(V [h_i, g, rest] + c),     score_i = w · k_i + b'
/// ```
///
/// and actions that are no items are scored from `mean_i k_i`. Actions that aren't allowed have the probability 0. The value of a state,
/// where there is a critic, is linear in `k_t` or `mean_i k_i` of the critic's network.
#[derive(Module, Debug)]
pub struct Tutor {
    trunk: Trunk,
    score: Dense,
    /// Scores of actions that are no items.
    others: Option<Dense>,
    critic: Option<Trunk>,
    value: Option<Dense>,
}

impl Tutor {
    /// A tutor with random weights. The numbers come from the host, so one seed gives the same tutor on every device, and the tutor's own
    /// weights are the same with every kind of critic.
    ///
    /// # Errors
    ///
    /// Those of [`TutorConfig::validate`].
    pub fn new(config: TutorConfig, layout: Layout, seed: u64, device: &Device) -> Result<Self, EduError> {
        config.validate(layout)?;
        let mut weights = Weights::new(seed, 0, device);
        let (outputs, others) = match layout {
            Layout::Whole { actions, .. } => (actions, 0),
            Layout::Items { others, .. } => (1, others),
        };
        let trunk = Trunk::new(&config, layout, &mut weights);
        // Small, so that the first choices are close to uniform.
        let score = weights.dense(config.hidden, outputs, 0.1);
        let others = (others > 0).then(|| weights.dense(config.hidden, others, 0.1));
        let mut weights = Weights::new(seed, 1, device);
        let critic = (config.critic == Critic::Separate).then(|| Trunk::new(&config, layout, &mut weights));
        let value = (config.critic != Critic::None).then(|| weights.dense(config.hidden, 1, 0.1));
        Ok(Self { trunk, score, others, critic, value })
    }

    /// Scores `[rows, actions]`.
    fn scores(&self, thought: &Thought) -> Tensor<2> {
        let scores = self.score.forward(thought.each.clone());
        if let Trunk::Whole(_) = self.trunk {
            return scores;
        }
        let rows = thought.rows();
        let [all, _] = scores.dims();
        let scores = scores.reshape([rows, all / rows]);
        match &self.others {
            Some(others) => Tensor::cat(vec![scores, others.forward(thought.whole())], 1),
            None => scores,
        }
    }

    /// What the critic expects at every step of whole sessions, `[sessions, steps]`; `None` without a critic. Alone, where the actions
    /// don't matter.
    pub fn values(&self, states: &SessionStates) -> Option<Tensor<2>> {
        self.value.as_ref()?;
        let own = self.critic.as_ref().unwrap_or(&self.trunk);
        self.judge(&own.sessions(states.observations.clone()), states)
    }

    fn judge(&self, thought: &Thought, states: &SessionStates) -> Option<Tensor<2>> {
        let [sessions, steps, _] = states.observations.dims();
        Some(self.value.as_ref()?.forward(thought.whole()).reshape([sessions, steps]))
    }

    /// [`Policy::evaluate`] and what the critic expects at every step, `[sessions, steps]`; `None` without a critic. One pass where the
    /// network is shared.
    ///
    /// # Errors
    ///
    /// As [`Policy::evaluate`].
    pub fn evaluate_with_values(
        &self,
        states: &SessionStates,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Option<Tensor<2>>), Error> {
        let thought = self.trunk.sessions(states.observations.clone());
        let values = match &self.critic {
            Some(_) => self.values(states),
            None => self.judge(&thought, states),
        };
        let scores = self.scores(&thought).reshape(states.allowed.dims());
        let scores = scores.mask_fill(states.allowed.clone().bool_not(), f32::NEG_INFINITY);
        let statistics =
            grpo_core::token_statistics(scores, actions, 1.0).map_err(|e| Error::Policy(e.to_string()))?;
        Ok((Evaluation { log_probs: statistics.log_probs, entropy: statistics.entropies }, values))
    }
}

impl Agent for Tutor {
    /// `[sessions, memory]`.
    type Memory = Option<Tensor<2>>;

    fn device(&self) -> Device {
        self.score.bias.val().device()
    }

    fn begin(&self, sessions: usize) -> Option<Tensor<2>> {
        self.trunk.memory().map(|width| Tensor::zeros([sessions, width], &self.device()))
    }

    fn act(&self, observations: Tensor<2>, memory: &mut Option<Tensor<2>>) -> Result<Tensor<2>, Error> {
        Ok(self.scores(&self.trunk.step(observations, memory)))
    }
}

impl Policy for Tutor {
    type States = SessionStates;

    fn evaluate(&self, states: &SessionStates, actions: Tensor<2, Int>) -> Result<Evaluation, Error> {
        Ok(self.evaluate_with_values(states, actions)?.0)
    }
}
