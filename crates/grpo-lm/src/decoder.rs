use crate::{
    DecoderConfig, Error, SharedPrompts,
    attention::{Attention, Heads, OwnKeys, PromptKeys, Shape},
};
use burn::{
    module::{Module, Param},
    nn::{Embedding, Linear, RmsNorm, RmsNormConfig},
    tensor::{Device, Int, Tensor, TensorData, activation::silu},
};
use grpo_core::LinearHead;
use grpo_rollout::Streams;
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// The SwiGLU block (arXiv:2002.05202): `down(silu(gate(x)) * up(x))`.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.down_proj.forward(silu(self.gate_proj.forward(x.clone())) * self.up_proj.forward(x))
    }
}

/// One pre-norm transformer layer.
#[derive(Module, Debug)]
pub(crate) struct Layer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: Mlp,
}

/// A Llama decoder. Field names are those of Hugging Face's checkpoints.
#[derive(Module, Debug)]
pub struct Decoder {
    embed_tokens: Embedding,
    layers: Vec<Layer>,
    norm: RmsNorm,
    /// `None`: the head is the embedding matrix.
    lm_head: Option<Linear>,
}

/// Keys and values of a set of prompts, and the last hidden state of each.
pub(crate) struct Prefill {
    /// Per layer.
    pub(crate) keys: Vec<PromptKeys>,
    /// Normalised hidden state of each prompt's last token, `[prompts, hidden]`.
    pub(crate) last: Tensor<2>,
}

impl Decoder {
    /// Random weights: normal with standard deviation `1 / sqrt(inputs)`, the projections back into the residual stream
    /// scaled down by `1 / sqrt(2 * layers)` (GPT-2), embeddings `0.1`. The numbers come from the host, so one seed
    /// gives the same weights on every device.
    pub fn init(config: &DecoderConfig, seed: u64, device: &Device) -> Self {
        let mut draw = Normal::new(seed);
        let (h, d) = (config.hidden_size, config.head_width());
        let (q, kv, inner) =
            (config.num_attention_heads * d, config.kv_heads() * d, config.intermediate_size);
        let embedding_std = 0.1;
        let residual = (2.0 * config.num_hidden_layers as f64).powf(-0.5);
        let mut matrix = |rows: usize, columns: usize, std: f64| {
            Param::from_tensor(Tensor::from_data(
                TensorData::new(draw.take(rows * columns, std), [rows, columns]),
                device,
            ))
        };
        let embed_tokens = Embedding { weight: matrix(config.vocab_size, h, embedding_std) };
        let mut linear = |inputs: usize, outputs: usize, scale: f64| Linear {
            weight: matrix(inputs, outputs, scale * (inputs as f64).powf(-0.5)),
            bias: None,
        };
        let norm = || RmsNormConfig::new(h).with_epsilon(config.rms_norm_eps).init(device);
        let layers = (0..config.num_hidden_layers)
            .map(|_| Layer {
                input_layernorm: norm(),
                self_attn: Attention {
                    q_proj: linear(h, q, 1.0),
                    k_proj: linear(h, kv, 1.0),
                    v_proj: linear(h, kv, 1.0),
                    o_proj: linear(q, h, residual),
                },
                post_attention_layernorm: norm(),
                mlp: Mlp {
                    gate_proj: linear(h, inner, 1.0),
                    up_proj: linear(h, inner, 1.0),
                    down_proj: linear(inner, h, residual),
                },
            })
            .collect();
        let lm_head = (!config.tie_word_embeddings).then(|| linear(h, config.vocab_size, 1.0));
        Self { embed_tokens, layers, norm: norm(), lm_head }.materialize()
    }

    /// Logits of every prompt token, `[prompts * prompt_len, vocab]` (padding included).
    ///
    /// # Errors
    /// When a token is beyond the vocabulary or a position beyond the context.
    pub fn prompt_logits(&self, batch: &SharedPrompts, config: &DecoderConfig) -> Result<Tensor<2>, Error> {
        let (hidden, _) = self.hidden(batch, config)?;
        Ok(self.head(hidden.narrow(0, 0, batch.prompts() * batch.prompt_len)))
    }

    /// Normalised hidden states that predict every completion token, `[rows, targets, hidden]`: the first of each row is that of
    /// its prompt's last token.
    ///
    /// # Errors
    /// When a token is beyond the vocabulary or a position beyond the context.
    pub fn completion_hidden(
        &self,
        batch: &SharedPrompts,
        config: &DecoderConfig,
    ) -> Result<Tensor<3>, Error> {
        let (hidden, _) = self.hidden(batch, config)?;
        let rows = batch.predicting_rows();
        let count = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), &hidden.device());
        Ok(hidden.select(0, rows).reshape([batch.rows(), batch.targets, config.hidden_size]))
    }

    /// Computes prompts once, for decoding.
    pub(crate) fn prefill(&self, batch: &SharedPrompts, config: &DecoderConfig) -> Result<Prefill, Error> {
        let (hidden, keys) = self.hidden(batch, config)?;
        let rows: Vec<i32> = batch
            .prompt_lengths
            .iter()
            .enumerate()
            .map(|(prompt, length)| (prompt * batch.prompt_len + length - 1) as i32)
            .collect();
        let count = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), &hidden.device());
        Ok(Prefill { keys, last: hidden.select(0, rows) })
    }

    /// One decoding step: the normalised hidden states after `tokens` (one for each row), `[rows, hidden]`.
    pub(crate) fn decode(
        &self,
        tokens: &[u32],
        shape: &Shape,
        prompts: &[PromptKeys],
        own: &mut [OwnKeys],
        config: &DecoderConfig,
    ) -> Tensor<2> {
        let heads = heads(config);
        let mut x = self.embed(tokens);
        for ((layer, prompt), own) in self.layers.iter().zip(prompts).zip(own) {
            let attended =
                layer.self_attn.decode(layer.input_layernorm.forward(x.clone()), heads, shape, prompt, own);
            x = x + attended;
            x = x.clone() + layer.mlp.forward(layer.post_attention_layernorm.forward(x));
        }
        self.norm.forward(x)
    }

    /// The output head, for log-probabilities without logits.
    pub fn linear_head(&self) -> LinearHead {
        match &self.lm_head {
            Some(head) => LinearHead::new(head.weight.val().transpose()),
            None => LinearHead::new(self.embed_tokens.weight.val()),
        }
    }

    /// Output head: `[tokens, hidden]` to `[tokens, vocab]`.
    pub(crate) fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        match &self.lm_head {
            Some(head) => head.forward(hidden),
            None => hidden.matmul(self.embed_tokens.weight.val().transpose()),
        }
    }

    /// The device the weights are on.
    pub fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    fn embed(&self, tokens: &[u32]) -> Tensor<2> {
        let ids: Vec<i32> = tokens.iter().map(|&t| t as i32).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, tokens.len()]), &self.device());
        self.embed_tokens.forward(ids).squeeze_dim(0)
    }

    /// Normalised hidden states of all tokens of the batch, `[tokens, hidden]`, and the prompts' keys per layer.
    fn hidden(
        &self,
        batch: &SharedPrompts,
        config: &DecoderConfig,
    ) -> Result<(Tensor<2>, Vec<PromptKeys>), Error> {
        check(batch, config)?;
        let heads = heads(config);
        let shape = Shape::new(batch, heads, config.rope_theta, &self.device());
        let mut x = self.embed(&batch.tokens);
        let mut keys = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (attended, prompt) =
                layer.self_attn.forward(layer.input_layernorm.forward(x.clone()), heads, &shape);
            keys.push(prompt);
            x = x + attended;
            x = x.clone() + layer.mlp.forward(layer.post_attention_layernorm.forward(x));
        }
        Ok((self.norm.forward(x), keys))
    }
}

pub(crate) fn heads(config: &DecoderConfig) -> Heads {
    Heads { query: config.num_attention_heads, kv: config.kv_heads(), width: config.head_width() }
}

fn check(batch: &SharedPrompts, config: &DecoderConfig) -> Result<(), Error> {
    let (positions, prompt) = batch.longest();
    if positions > config.max_position_embeddings {
        let tokens = batch.prompt_lengths[prompt];
        return Err(Error::Rollout(grpo_rollout::Error::Context {
            prompt,
            tokens,
            // The last token of a completion takes no position.
            new: positions - tokens + usize::from(batch.targets > 0),
            context: config.max_position_embeddings,
        }));
    }
    if let Some(at) = batch.tokens.iter().position(|&t| t as usize >= config.vocab_size) {
        let prompt_tokens = batch.prompts() * batch.prompt_len;
        let prompt = if at < prompt_tokens {
            at / batch.prompt_len
        } else {
            (at - prompt_tokens) / batch.steps / batch.rows_per_prompt
        };
        return Err(Error::Rollout(grpo_rollout::Error::Token {
            prompt,
            id: batch.tokens[at],
            last: config.vocab_size as u32 - 1,
        }));
    }
    Ok(())
}

/// Normal draws from the host (Box–Muller on a counter-based stream).
struct Normal {
    rng: ChaCha8Rng,
}

impl Normal {
    fn new(seed: u64) -> Self {
        // A stream of its own: no rollout uses step `u64::MAX`.
        Self { rng: Streams::new(seed).stream(u64::MAX, 0, 0) }
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
