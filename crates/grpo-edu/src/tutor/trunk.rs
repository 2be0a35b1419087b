//! What a tutor makes of its observations before anything is decided.

use super::layers::{Dense, Recall, Weights};
use super::{Layout, TutorConfig};
use burn::{
    module::Module,
    tensor::{Tensor, activation::silu},
};

/// The network below the scores and the values.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a tutor has one or two of them, and burn's modules can't be boxed
pub(super) enum Trunk {
    /// One network for the observation as a whole.
    Whole(Whole),
    /// The same network for every item.
    Items(Items),
}

/// What a trunk makes of observations.
pub(super) struct Thought {
    /// `[rows, hidden]`, or item by item `[rows * items, hidden]`.
    pub(super) each: Tensor<2>,
    rows: usize,
}

impl Thought {
    /// States.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// `[rows, hidden]`: the mean over the items, where there are items.
    pub(super) fn whole(&self) -> Tensor<2> {
        let [all, hidden] = self.each.dims();
        if all == self.rows {
            return self.each.clone();
        }
        self.each.clone().reshape([self.rows, all / self.rows, hidden]).mean_dim(1).squeeze_dim(1)
    }
}

/// Two layers, and a recurrent memory between them if it was asked for.
#[derive(Module, Debug)]
pub(super) struct Whole {
    read: Dense,
    recall: Option<Recall>,
    think: Dense,
}

/// Two layers for each item; the second also sees the mean over all items and what belongs to none.
#[derive(Module, Debug)]
pub(super) struct Items {
    read: Dense,
    think: Dense,
}

impl Trunk {
    pub(super) fn new(config: &TutorConfig, layout: Layout, weights: &mut Weights<'_>) -> Self {
        let TutorConfig { hidden, memory, .. } = *config;
        match layout {
            Layout::Whole { features, .. } => {
                let read = weights.dense(features, hidden, 1.0);
                let recall = (memory > 0).then(|| Recall {
                    input: weights.dense(hidden, 3 * memory, 1.0),
                    recurrent: weights.matrix(memory, 3 * memory, 1.0),
                });
                Self::Whole(Whole { read, recall, think: weights.dense(hidden + memory, hidden, 1.0) })
            }
            Layout::Items { per_item, rest, .. } => Self::Items(Items {
                read: weights.dense(per_item, hidden, 1.0),
                think: weights.dense(2 * hidden + rest, hidden, 1.0),
            }),
        }
    }

    /// The width of the recurrent memory, if there is one.
    pub(super) fn memory(&self) -> Option<usize> {
        match self {
            Self::Whole(whole) => whole.recall.as_ref().map(Recall::width),
            Self::Items(_) => None,
        }
    }

    /// One step of many sessions, observations `[sessions, features]`.
    pub(super) fn step(&self, observations: Tensor<2>, memory: &mut Option<Tensor<2>>) -> Thought {
        let [rows, _] = observations.dims();
        let each = match self {
            Self::Whole(whole) => whole.step(observations, memory),
            Self::Items(items) => items.forward(observations),
        };
        Thought { each, rows }
    }

    /// Whole sessions, observations `[sessions, steps, features]`; a row of the thought is a step of a session.
    pub(super) fn sessions(&self, observations: Tensor<3>) -> Thought {
        let [sessions, steps, features] = observations.dims();
        let each = match self {
            Self::Whole(whole) => whole.sessions(observations),
            Self::Items(items) => items.forward(observations.reshape([sessions * steps, features])),
        };
        Thought { each, rows: sessions * steps }
    }
}

impl Whole {
    fn step(&self, observations: Tensor<2>, memory: &mut Option<Tensor<2>>) -> Tensor<2> {
        let read = silu(self.read.forward(observations));
        let known = match (&self.recall, memory.take()) {
            (Some(recall), Some(before)) => {
                let now = recall.step(recall.input.forward(read.clone()), before);
                *memory = Some(now.clone());
                Tensor::cat(vec![read, now], 1)
            }
            _ => read,
        };
        silu(self.think.forward(known))
    }

    fn sessions(&self, observations: Tensor<3>) -> Tensor<2> {
        let [sessions, steps, features] = observations.dims();
        let read = silu(self.read.forward(observations.reshape([sessions * steps, features])));
        let Some(recall) = &self.recall else { return silu(self.think.forward(read)) };
        let width = recall.width();
        let inputs = recall.input.forward(read.clone()).reshape([sessions, steps, 3 * width]);
        let mut memory = Tensor::zeros([sessions, width], &inputs.device());
        let mut memories = Vec::with_capacity(steps);
        for step in 0..steps {
            memory = recall.step(inputs.clone().narrow(1, step, 1).squeeze_dim(1), memory);
            memories.push(memory.clone().unsqueeze_dim::<3>(1));
        }
        let memories = Tensor::cat(memories, 1).reshape([sessions * steps, width]);
        silu(self.think.forward(Tensor::cat(vec![read, memories], 1)))
    }
}

impl Items {
    /// `[rows * items, hidden]` from `[rows, items * per_item + rest]`.
    fn forward(&self, observations: Tensor<2>) -> Tensor<2> {
        let ([rows, features], [per_item, hidden]) = (observations.dims(), self.read.weight.val().dims());
        let rest = self.think.weight.val().dims()[0] - 2 * hidden;
        let items = (features - rest) / per_item;
        let own = observations.clone().narrow(1, 0, items * per_item).reshape([rows * items, per_item]);
        let read = silu(self.read.forward(own));
        // V [h_i, g, rest] in two parts: what all items share goes through its share of V once, not once for each item.
        let shared = read.clone().reshape([rows, items, hidden]).mean_dim(1).squeeze_dim::<2>(1);
        let shared = match rest {
            0 => shared,
            _ => Tensor::cat(vec![shared, observations.narrow(1, items * per_item, rest)], 1),
        };
        let weight = self.think.weight.val();
        let own = read.matmul(weight.clone().narrow(0, 0, hidden)).reshape([rows, items, hidden]);
        let shared =
            shared.matmul(weight.narrow(0, hidden, hidden + rest)) + self.think.bias.val().unsqueeze_dim(0);
        silu((own + shared.unsqueeze_dim::<3>(1)).reshape([rows * items, hidden]))
    }
}
