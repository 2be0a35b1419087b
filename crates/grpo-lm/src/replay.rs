//! Gradient checkpointing, layer by layer (arXiv:1604.06174): the way forward keeps each layer's input and nothing else; the way back
//! computes one layer again at a time.

use crate::{Decoder, Error, SharedPrompts, layer::Pass};
use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams},
    tensor::Tensor,
};

/// What the way back needs.
#[derive(Debug)]
pub struct Replay {
    decoder: Decoder,
    pass: Pass,
    tokens: Vec<u32>,
    /// Each layer's input, and the output of the last one as a leaf of a graph of its own.
    inputs: Vec<Tensor<2>>,
    top: Tensor<2>,
}

impl Decoder {
    /// [`Decoder::hidden`], differentiated by [`Replay::gradients`].
    ///
    /// # Errors
    /// As [`Decoder::hidden`].
    pub(crate) fn hidden_replayed(&self, batch: &SharedPrompts) -> Result<(Tensor<2>, Replay), Error> {
        let pass = self.pass(batch)?;
        let untracked = self.valid();
        let mut inputs = Vec::with_capacity(self.layers.len());
        let mut x = untracked.embed(&batch.tokens);
        for (at, layer) in untracked.layers.iter().enumerate() {
            inputs.push(x.clone());
            x = layer.forward(x, &pass, at, |_| ());
        }
        let top = x.autodiff().require_grad();
        let hidden = self.norm.forward(top.clone(), &self.plan);
        Ok((hidden, Replay { decoder: self.clone(), pass, tokens: batch.tokens.clone(), inputs, top }))
    }
}

impl Replay {
    /// The gradients of all parameters for a loss that depends on the hidden states.
    pub fn gradients(self, loss: &Tensor<1>) -> GradientsParams {
        let Self { decoder, pass, tokens, mut inputs, top } = self;
        let mut sum = GradientsAccumulator::new();
        let mut gradients = loss.backward();
        let mut upstream = top.grad_remove(&mut gradients);
        drop(top);
        sum.accumulate(&decoder, GradientsParams::from_grads(gradients, &decoder));
        for (at, layer) in decoder.layers.iter().enumerate().rev() {
            let (Some(input), Some(above)) = (inputs.pop(), upstream.take()) else { break };
            let input = input.autodiff().require_grad();
            let output = layer.forward(input.clone(), &pass, at, |_| ());
            let mut gradients = (output * above.autodiff()).sum().backward();
            upstream = input.grad_remove(&mut gradients);
            sum.accumulate(&decoder, GradientsParams::from_grads(gradients, layer));
        }
        if let Some(above) = upstream
            && decoder.embed_tokens.weight.val().is_require_grad()
        {
            let gradients = (decoder.embed(&tokens) * above.autodiff()).sum().backward();
            sum.accumulate(&decoder, GradientsParams::from_grads(gradients, &decoder.embed_tokens));
        }
        sum.grads()
    }
}
