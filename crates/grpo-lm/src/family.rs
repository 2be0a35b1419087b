//! What the families of decoders do differently. One decoder computes all of them.

use crate::{DecoderConfig, Error, rope::Rope};
use serde_json::Value;

/// The architectures that are computed, as `config.json` names them.
const KNOWN: [(&str, Family); 4] = [
    ("LlamaForCausalLM", Family::Llama),
    ("Qwen2ForCausalLM", Family::Qwen2),
    ("Qwen3ForCausalLM", Family::Qwen3),
    ("Gemma3ForCausalLM", Family::Gemma3),
];

/// A family of decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Llama 2 and 3 (arXiv:2307.09288, arXiv:2407.21783), SmolLM2 (arXiv:2502.02737).
    Llama,
    /// Qwen2 and Qwen2.5 (arXiv:2407.10671): biases on queries, keys and values.
    Qwen2,
    /// Qwen3 (arXiv:2505.09388): normalised queries and keys.
    Qwen3,
    /// The text model of Gemma 3 (arXiv:2503.19786).
    Gemma3,
}

/// The activation of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// GELU by the hyperbolic tangent (arXiv:1606.08415).
    GeluTanh,
}

/// How attention works in one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LayerPlan {
    /// Keys further back than this are not seen.
    pub(crate) window: Option<usize>,
    /// Which of [`Plan::ropes`] turns queries and keys.
    pub(crate) rope: usize,
}

/// Everything that decides the computation besides the weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) family: Family,
    pub(crate) vocab: usize,
    pub(crate) hidden: usize,
    pub(crate) inner: usize,
    pub(crate) query_heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_width: usize,
    pub(crate) context: usize,
    pub(crate) epsilon: f64,
    /// Added to the weights of norms.
    pub(crate) norm_offset: f64,
    /// What embeddings are multiplied by.
    pub(crate) embedding_scale: Option<f64>,
    /// What scores of attention are multiplied by.
    pub(crate) attention_scale: f64,
    pub(crate) activation: Activation,
    /// Biases on queries, keys and values; on the projection out of attention; in the gated block.
    pub(crate) qkv_bias: bool,
    pub(crate) output_bias: bool,
    pub(crate) mlp_bias: bool,
    /// Whether queries and keys are normalised head by head.
    pub(crate) qk_norm: bool,
    /// Whether what attention and the gated block add is normalised, too.
    pub(crate) sandwich: bool,
    pub(crate) tied: bool,
    pub(crate) layers: Vec<LayerPlan>,
    pub(crate) ropes: Vec<Rope>,
}

impl Family {
    /// By the first of `architectures`.
    pub(crate) fn of(config: &DecoderConfig) -> Result<Self, Error> {
        let name = config.architectures.first().map_or("empty", String::as_str);
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, family)| *family).ok_or_else(|| {
            let known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
            Error::Config {
                key: "architectures",
                value: format!("{name:?}"),
                reason: format!("known architectures: {}", known.join(", ")),
            }
        })
    }
}

impl Plan {
    /// What `config.json` says, with the family's own defaults.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what would be right.
    pub(crate) fn of(config: &DecoderConfig) -> Result<Self, Error> {
        let family = Family::of(config)?;
        let gemma = family == Family::Gemma3;
        let width = config.head_width();
        let scalar =
            config.query_pre_attn_scalar.as_ref().filter(|_| gemma).and_then(serde_json::Number::as_f64);
        let scalar = scalar.unwrap_or(width as f64);
        if !(scalar > 0.0 && scalar.is_finite()) {
            let (value, reason) = (scalar.to_string(), "it must be positive".into());
            return Err(Error::Config { key: "query_pre_attn_scalar", value, reason });
        }
        let activation = match config.activation(family) {
            "silu" => Activation::Silu,
            "gelu_pytorch_tanh" => Activation::GeluTanh,
            other => {
                let own = gemma && config.hidden_activation.is_some();
                return Err(Error::Config {
                    key: if own { "hidden_activation" } else { "hidden_act" },
                    value: format!("{other:?}"),
                    reason: "known are silu and gelu_pytorch_tanh".into(),
                });
            }
        };
        let own_bias = config.attention_bias.unwrap_or(false);
        Ok(Self {
            family,
            vocab: config.vocab_size,
            hidden: config.hidden_size,
            inner: config.intermediate_size,
            query_heads: config.num_attention_heads,
            kv_heads: config.kv_heads(),
            head_width: width,
            context: config.max_position_embeddings,
            epsilon: config.rms_norm_eps,
            norm_offset: if gemma { 1.0 } else { 0.0 },
            embedding_scale: gemma.then(|| (config.hidden_size as f64).sqrt()),
            attention_scale: scalar.powf(-0.5),
            activation,
            qkv_bias: own_bias || family == Family::Qwen2,
            output_bias: own_bias && family != Family::Qwen2,
            mlp_bias: config.mlp_bias && family == Family::Llama,
            qk_norm: gemma || family == Family::Qwen3,
            sandwich: gemma,
            tied: config.is_tied(),
            layers: layers(config, family)?,
            ropes: ropes(config, family)?,
        })
    }
}

impl Plan {
    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        let (h, d) = (self.hidden, self.head_width);
        let (q, kv) = (self.query_heads * d, self.kv_heads * d);
        let on = usize::from;
        let attention = 2 * h * (q + kv) + on(self.qkv_bias) * (q + 2 * kv) + on(self.output_bias) * h;
        let mlp = 3 * h * self.inner + on(self.mlp_bias) * (2 * self.inner + h);
        let norms = h * if self.sandwich { 4 } else { 2 } + on(self.qk_norm) * 2 * d;
        let tables = self.vocab * h * if self.tied { 1 } else { 2 };
        tables + self.layers.len() * (attention + mlp + norms) + h
    }
}

/// Which layers look back how far, and by which frequencies.
fn layers(config: &DecoderConfig, family: Family) -> Result<Vec<LayerPlan>, Error> {
    let count = config.num_hidden_layers;
    let gemma = family == Family::Gemma3;
    let windowed = gemma || (family != Family::Llama && config.use_sliding_window);
    let sliding: Vec<bool> = match &config.layer_types {
        Some(kinds) if kinds.len() == count => kinds
            .iter()
            .map(|kind| match kind.as_str() {
                "full_attention" => Ok(false),
                "sliding_attention" => Ok(true),
                other => Err(Error::Config {
                    key: "layer_types",
                    value: format!("{other:?}"),
                    reason: "known are full_attention and sliding_attention".into(),
                }),
            })
            .collect::<Result<_, _>>()?,
        Some(kinds) => {
            return Err(Error::Config {
                key: "layer_types",
                value: format!("a list of {}", kinds.len()),
                reason: format!("it must have one entry for each of the {count} layers"),
            });
        }
        // Every sixth layer sees everything.
        None if gemma => {
            let every = config.sliding_window_pattern.unwrap_or(6).max(1);
            (1..=count).map(|layer| !layer.is_multiple_of(every)).collect()
        }
        None => (0..count).map(|layer| windowed && layer >= config.max_window_layers.unwrap_or(28)).collect(),
    };
    if sliding.contains(&true) && !windowed {
        let reason =
            "layer_types has sliding_attention, which Gemma computes, and Qwen where this is true".into();
        return Err(Error::Config {
            key: "use_sliding_window",
            value: config.use_sliding_window.to_string(),
            reason,
        });
    }
    let window = config.sliding_window.filter(|_| windowed);
    if sliding.contains(&true) && window.is_none_or(|w| w == 0) {
        return Err(Error::Config {
            key: "sliding_window",
            value: config.sliding_window.map_or("missing".into(), |w| w.to_string()),
            reason: "layers with sliding attention need a window of at least 1 token".into(),
        });
    }
    Ok(sliding
        .into_iter()
        .map(|slides| LayerPlan { window: window.filter(|_| slides), rope: usize::from(slides && gemma) })
        .collect())
}

/// One set of frequencies; Gemma has another one for layers with a window.
fn ropes(config: &DecoderConfig, family: Family) -> Result<Vec<Rope>, Error> {
    let (width, context) = (config.head_width(), config.max_position_embeddings);
    // transformers 5 moved both theta and scaling into `rope_parameters`; Gemma has one such table for each kind of layer.
    let table = |kind: &str| match &config.rope_parameters {
        Some(tables) if tables.get(kind).is_some() => tables.get(kind),
        Some(table) if table.get("rope_theta").is_some() => Some(table),
        _ => None,
    };
    let rope = |kind: &str, theta: f64, scaling: Option<&Value>| {
        let table = table(kind);
        let theta = table.and_then(|t| t.get("rope_theta")).and_then(Value::as_f64).unwrap_or(theta);
        if !(theta > 0.0 && theta.is_finite()) {
            let reason = "it must be positive".into();
            return Err(Error::Config { key: "rope_theta", value: theta.to_string(), reason });
        }
        Rope::new(width, theta, scaling.filter(|s| !s.is_null()).or(table), context)
    };
    let own = if family == Family::Gemma3 { 1e6 } else { 1e4 };
    let theta = config.rope_theta.unwrap_or(own);
    let mut ropes = vec![rope("full_attention", theta, config.rope_scaling.as_ref())?];
    if family == Family::Gemma3 {
        ropes.push(rope("sliding_attention", config.rope_local_base_freq.unwrap_or(1e4), None)?);
    }
    Ok(ropes)
}
