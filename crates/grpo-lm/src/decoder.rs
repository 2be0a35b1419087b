use crate::{
    DecoderConfig, Error, SharedPrompts,
    dropout::Dropout,
    family::Plan,
    layer::{Attention, Layer, Mlp, Norm, Pass, Step},
    ops::{KeyValues, Layout, Places},
    projection::Projection,
    weights::{Random, Weights},
};
use burn::{
    module::{Module, Param},
    tensor::{DType, Device, Int, Tensor, TensorData},
};
use grpo_core::LinearHead;
use std::sync::Arc;

/// A decoder of one of the known families. Field names are those of Hugging Face's checkpoints.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(crate) embed_tokens: Table,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Norm,
    /// `None`: the head is the embedding matrix.
    pub(crate) lm_head: Option<Projection>,
    #[module(skip)]
    pub(crate) plan: Arc<Plan>,
}

/// The embeddings.
#[derive(Module, Debug)]
pub(crate) struct Table {
    /// `[vocab, hidden]`.
    pub(crate) weight: Param<Tensor<2>>,
}

/// Keys and values of a set of prompts, and the last hidden state of each.
pub(crate) struct Prefill {
    /// Per layer, of all tokens of the prompts one after another.
    pub(crate) keys: Vec<KeyValues>,
    /// Normalised hidden state of each prompt's last token, `[prompts, hidden]`.
    pub(crate) last: Tensor<2>,
}

impl Decoder {
    /// Random weights: normal with standard deviation `1 / sqrt(inputs)`, the projections back into the residual stream
    /// scaled down by `1 / sqrt(2 * layers)` (GPT-2), embeddings `0.1`. The numbers come from the host, so one seed
    /// gives the same weights on every device.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn init(config: &DecoderConfig, seed: u64, device: &Device) -> Result<Self, Error> {
        config.validate()?;
        Self::build(Plan::of(config)?, &mut Random::new(seed, config.num_hidden_layers, device))
    }

    /// A decoder with weights from somewhere, asked for by the names that files have.
    pub(crate) fn build(plan: Plan, weights: &mut dyn Weights) -> Result<Self, Error> {
        let (h, d) = (plan.hidden, plan.head_width);
        let (q, kv, inner) = (plan.query_heads * d, plan.kv_heads * d, plan.inner);
        let embed_tokens = Table { weight: weights.table("model.embed_tokens.weight", [plan.vocab, h])? };
        let mut layers = Vec::with_capacity(plan.layers.len());
        for layer in 0..plan.layers.len() {
            let mut part = Part { weights, prefix: format!("model.layers.{layer}.") };
            let norm_weight = if plan.norm_offset == 0.0 { 1.0 } else { 0.0 };
            layers.push(Layer {
                self_attn: Attention {
                    q_proj: part.projection("self_attn.q_proj", [h, q], plan.qkv_bias)?,
                    k_proj: part.projection("self_attn.k_proj", [h, kv], plan.qkv_bias)?,
                    v_proj: part.projection("self_attn.v_proj", [h, kv], plan.qkv_bias)?,
                    o_proj: part.projection("self_attn.o_proj", [q, h], plan.output_bias)?,
                    q_norm: plan
                        .qk_norm
                        .then(|| part.norm("self_attn.q_norm", d, norm_weight))
                        .transpose()?,
                    k_norm: plan
                        .qk_norm
                        .then(|| part.norm("self_attn.k_norm", d, norm_weight))
                        .transpose()?,
                },
                mlp: Mlp {
                    gate_proj: part.projection("mlp.gate_proj", [h, inner], plan.mlp_bias)?,
                    up_proj: part.projection("mlp.up_proj", [h, inner], plan.mlp_bias)?,
                    down_proj: part.projection("mlp.down_proj", [inner, h], plan.mlp_bias)?,
                },
                input_layernorm: part.norm("input_layernorm", h, norm_weight)?,
                post_attention_layernorm: part.norm("post_attention_layernorm", h, norm_weight)?,
                pre_feedforward_layernorm: plan
                    .sandwich
                    .then(|| part.norm("pre_feedforward_layernorm", h, norm_weight))
                    .transpose()?,
                post_feedforward_layernorm: plan
                    .sandwich
                    .then(|| part.norm("post_feedforward_layernorm", h, norm_weight))
                    .transpose()?,
            });
        }
        let mut part = Part { weights, prefix: String::new() };
        let lm_head = (!plan.tied).then(|| part.projection("lm_head", [h, plan.vocab], false)).transpose()?;
        let norm = part.norm("model.norm", h, if plan.norm_offset == 0.0 { 1.0 } else { 0.0 })?;
        Ok(Self { embed_tokens, layers, norm, lm_head, plan: Arc::new(plan) })
    }

    /// Logits of every prompt token, `[tokens, vocab]`: prompt after prompt, without padding.
    ///
    /// # Errors
    /// When a token is beyond the vocabulary or a position beyond the context.
    pub fn prompt_logits(&self, batch: &SharedPrompts) -> Result<Tensor<2>, Error> {
        let hidden = self.hidden(batch)?;
        Ok(self.head(hidden.narrow(0, 0, batch.prompt_tokens())))
    }

    /// Normalised hidden states of all tokens of the batch, `[tokens, hidden]`.
    ///
    /// # Errors
    /// When a token is beyond the vocabulary or a position beyond the context.
    pub(crate) fn hidden(&self, batch: &SharedPrompts) -> Result<Tensor<2>, Error> {
        let pass = self.pass(batch)?;
        let mut x = self.embed(&batch.tokens);
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, &pass, at, |_| ());
        }
        Ok(self.norm.forward(x, &self.plan))
    }

    /// What the layers of a pass over a batch share.
    ///
    /// # Errors
    /// As [`Decoder::hidden`].
    pub(crate) fn pass(&self, batch: &SharedPrompts) -> Result<Pass, Error> {
        batch.check(&self.plan)?;
        Ok(Pass {
            layout: Layout::new(batch),
            rotations: self.plan.ropes.iter().map(|rope| rope.rotation(&batch.positions)).collect(),
            dropout: batch
                .dropout
                .as_ref()
                .map(|(share, tokens)| Dropout { share: *share, tokens: tokens.clone() }),
            plan: self.plan.clone(),
        })
    }

    /// Computes prompts once, for decoding.
    pub(crate) fn prefill(&self, batch: &SharedPrompts) -> Result<Prefill, Error> {
        let pass = self.pass(batch)?;
        let mut keys = Vec::with_capacity(self.layers.len());
        let mut x = self.embed(&batch.tokens);
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, &pass, at, |own| keys.push(own.clone()));
        }
        let ends = Places::new(batch.prompt_ends(), &x.device());
        Ok(Prefill { keys, last: self.norm.forward(x.select(0, ends.tensor()), &self.plan) })
    }

    /// One decoding step: the normalised hidden states after `tokens` (one for each row), `[rows, hidden]`.
    pub(crate) fn decode(
        &self,
        tokens: &[u32],
        step: &Step,
        prompts: &[KeyValues],
        own: &mut [KeyValues],
    ) -> Tensor<2> {
        let mut x = self.embed(tokens);
        for (at, ((layer, prompts), own)) in self.layers.iter().zip(prompts).zip(own).enumerate() {
            x = layer.decode(x, step, at, prompts, own);
        }
        self.norm.forward(x, &self.plan)
    }

    /// The output head, for log-probabilities without logits.
    pub fn linear_head(&self) -> LinearHead {
        match &self.lm_head {
            Some(head) => LinearHead::new(head.weight.val().transpose()),
            None => LinearHead::new(self.embed_tokens.weight.val()),
        }
    }

    /// Output head: `[tokens, hidden]` to `[tokens, vocab]`, as `f32`.
    pub(crate) fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(hidden, None),
            None => hidden.matmul(self.embed_tokens.weight.val().transpose()),
        };
        logits.cast(DType::F32)
    }

    /// The type of the weights in memory.
    pub fn dtype(&self) -> DType {
        self.norm.weight.val().dtype()
    }

    /// The device the weights are on.
    pub fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    /// `[tokens, hidden]`.
    pub(crate) fn embed(&self, tokens: &[u32]) -> Tensor<2> {
        let ids: Vec<i32> = tokens.iter().map(|&t| t as i32).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [tokens.len()]), &self.device());
        let x = self.embed_tokens.weight.val().select(0, ids);
        match self.plan.embedding_scale {
            Some(scale) => x.mul_scalar(scale),
            None => x,
        }
    }
}

/// The weights of one part of a decoder.
struct Part<'a> {
    weights: &'a mut dyn Weights,
    prefix: String,
}

impl Part<'_> {
    fn projection(&mut self, name: &str, shape: [usize; 2], biased: bool) -> Result<Projection, Error> {
        let name = format!("{}{name}", self.prefix);
        Ok(Projection {
            weight: self.weights.projection(&format!("{name}.weight"), shape)?,
            bias: biased.then(|| self.weights.vector(&format!("{name}.bias"), shape[1], 0.0)).transpose()?,
            lora: None,
        })
    }

    fn norm(&mut self, name: &str, width: usize, value: f32) -> Result<Norm, Error> {
        let name = format!("{}{name}.weight", self.prefix);
        Ok(Norm { weight: self.weights.vector(&name, width, value)? })
    }
}
