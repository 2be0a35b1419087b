//! The parts that tutors are made of.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData, activation::sigmoid},
};
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;

/// A linear layer with a bias.
#[derive(Module, Debug)]
pub(super) struct Dense {
    /// `[inputs, outputs]`.
    pub(super) weight: Param<Tensor<2>>,
    pub(super) bias: Param<Tensor<1>>,
}

impl Dense {
    /// `[rows, outputs]` from `[rows, inputs]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze_dim(0)
    }
}

/// The gated recurrent unit. Columns: r, z, n.
#[derive(Module, Debug)]
pub(super) struct Recall {
    pub(super) input: Dense,
    /// `[memory, 3 memory]`.
    pub(super) recurrent: Param<Tensor<2>>,
}

impl Recall {
    pub(super) fn width(&self) -> usize {
        self.recurrent.val().dims()[0]
    }

    /// One step, from the input's part `[sessions, 3 memory]`.
    pub(super) fn step(&self, input: Tensor<2>, memory: Tensor<2>) -> Tensor<2> {
        let width = self.width();
        let own = memory.clone().matmul(self.recurrent.val());
        let part = |x: &Tensor<2>, which: usize| x.clone().narrow(1, which * width, width);
        let reset = sigmoid(part(&input, 0) + part(&own, 0));
        let update = sigmoid(part(&input, 1) + part(&own, 1));
        let new = (part(&input, 2) + reset * part(&own, 2)).tanh();
        new.clone() + update * (memory - new)
    }
}

/// Random weights from the host, so that one seed gives the same network on every device.
pub(super) struct Weights<'a> {
    rng: rand_chacha::ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    /// `part` keeps networks of one seed apart.
    pub(super) fn new(seed: u64, part: u64, device: &'a Device) -> Self {
        Self { rng: Streams::new(seed).stream(u64::MAX, 0, part), device }
    }

    /// Uniform with the variance `gain² / inputs`.
    pub(super) fn matrix(&mut self, inputs: usize, outputs: usize, gain: f64) -> Param<Tensor<2>> {
        let bound = gain * (3.0 / inputs as f64).sqrt();
        let mut draw = || bound * (2.0 * (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 1.0);
        let values: Vec<f32> = (0..inputs * outputs).map(|_| draw() as f32).collect();
        Param::from_tensor(Tensor::from_data(TensorData::new(values, [inputs, outputs]), self.device))
    }

    pub(super) fn dense(&mut self, inputs: usize, outputs: usize, gain: f64) -> Dense {
        let bias = Param::from_tensor(Tensor::zeros([outputs], self.device));
        Dense { weight: self.matrix(inputs, outputs, gain), bias }
    }
}
