//! Where the weights of a decoder come from.

use crate::Error;
use burn::{
    module::Param,
    tensor::{Device, Tensor, TensorData},
};
use grpo_rollout::Streams;
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// A source of weights by the names that files have.
pub(crate) trait Weights {
    /// A table whose rows are looked up, `[rows, columns]`.
    fn table(&mut self, name: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Error>;

    /// A linear map, `[inputs, outputs]`; files hold the transpose.
    fn projection(&mut self, name: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Error>;

    /// A bias or the weights of a norm; a fresh one holds `value` everywhere.
    fn vector(&mut self, name: &str, len: usize, value: f32) -> Result<Param<Tensor<1>>, Error>;
}

/// Fresh weights.
pub(crate) struct Random<'a> {
    normal: Normal,
    layers: usize,
    device: &'a Device,
}

impl<'a> Random<'a> {
    pub(crate) fn new(seed: u64, layers: usize, device: &'a Device) -> Self {
        Self { normal: Normal::new(seed), layers, device }
    }

    fn matrix(&mut self, shape: [usize; 2], std: f64) -> Param<Tensor<2>> {
        let values = self.normal.take(shape[0] * shape[1], std);
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }
}

impl Weights for Random<'_> {
    fn table(&mut self, _: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Error> {
        Ok(self.matrix(shape, 0.1))
    }

    fn projection(&mut self, name: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Error> {
        // What is added to the residual stream grows with the number of layers.
        let residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
        let scale = if residual { (2.0 * self.layers as f64).powf(-0.5) } else { 1.0 };
        Ok(self.matrix(shape, scale * (shape[0] as f64).powf(-0.5)))
    }

    fn vector(&mut self, _: &str, len: usize, value: f32) -> Result<Param<Tensor<1>>, Error> {
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(vec![value; len], [len]), self.device)))
    }
}

/// Draws from the host: normal ones (Box–Muller on a counter-based stream).
pub(crate) struct Normal {
    rng: ChaCha8Rng,
}

impl Normal {
    pub(crate) fn new(seed: u64) -> Self {
        // A stream of its own: no rollout uses step `u64::MAX`.
        Self { rng: Streams::new(seed).stream(u64::MAX, 0, 0) }
    }

    /// Uniform draws in ±`bound`.
    pub(crate) fn uniform(&mut self, count: usize, bound: f64) -> Vec<f32> {
        let draw = |x: u64| ((x >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * bound;
        (0..count).map(|_| draw(self.rng.next_u64()) as f32).collect()
    }

    fn take(&mut self, count: usize, std: f64) -> Vec<f32> {
        // (0, 1]: the logarithm stays finite.
        let mut uniform = || ((self.rng.next_u64() >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
        let mut out = Vec::with_capacity(count + 1);
        while out.len() < count {
            let radius = (-2.0 * uniform().ln()).sqrt() * std;
            let (sin, cos) = (std::f64::consts::TAU * uniform()).sin_cos();
            out.extend([(radius * cos) as f32, (radius * sin) as f32]);
        }
        out.truncate(count);
        out
    }
}
