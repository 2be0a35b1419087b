use crate::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The shape of a Llama decoder, as Hugging Face's `config.json` has it.
///
/// Unknown keys of a `config.json` are kept out of the way; the ones read here decide the computation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecoderConfig {
    /// Model class; `LlamaForCausalLM` is the one this crate computes.
    #[serde(default = "architectures")]
    pub architectures: Vec<String>,
    /// Family name that `transformers` selects the class by.
    #[serde(default = "model_type")]
    pub model_type: String,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the SwiGLU block.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key-value heads (grouped-query attention); divides the query heads.
    #[serde(default)]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; `hidden_size / num_attention_heads` when absent.
    #[serde(default)]
    pub head_dim: Option<usize>,
    /// Positions the model has been made for.
    pub max_position_embeddings: usize,
    /// Epsilon of the RMS norms.
    #[serde(default = "rms_norm_eps")]
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default = "rope_theta")]
    pub rope_theta: f64,
    /// Frequency scaling of long-context models; not computed yet, so anything but null is refused.
    #[serde(default)]
    pub rope_scaling: Option<serde_json::Value>,
    /// Newer `transformers` releases keep theta here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_parameters: Option<serde_json::Value>,
    /// Whether the output head is the embedding matrix.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Whether attention projections have biases; not computed yet.
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether the SwiGLU projections have biases; not computed yet.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Activation of the gate.
    #[serde(default = "hidden_act")]
    pub hidden_act: String,
    /// First token of a text.
    #[serde(default)]
    pub bos_token_id: Option<u32>,
    /// Last token of a text, or several.
    #[serde(default)]
    pub eos_token_id: Option<serde_json::Value>,
    /// Type of the weights on disk.
    #[serde(default = "dtype", alias = "torch_dtype")]
    pub dtype: String,
}

fn architectures() -> Vec<String> {
    vec!["LlamaForCausalLM".into()]
}
fn model_type() -> String {
    "llama".into()
}
fn rms_norm_eps() -> f64 {
    1e-6
}
fn rope_theta() -> f64 {
    10_000.0
}
fn hidden_act() -> String {
    "silu".into()
}
fn dtype() -> String {
    "float32".into()
}

impl DecoderConfig {
    /// A Llama of the given shape with tied embeddings; everything else has Hugging Face's defaults.
    pub fn llama(
        vocab_size: usize,
        hidden_size: usize,
        intermediate_size: usize,
        layers: usize,
        heads: usize,
        kv_heads: usize,
        context: usize,
    ) -> Self {
        Self {
            architectures: architectures(),
            model_type: model_type(),
            vocab_size,
            hidden_size,
            intermediate_size,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            num_key_value_heads: Some(kv_heads),
            head_dim: None,
            max_position_embeddings: context,
            rms_norm_eps: rms_norm_eps(),
            rope_theta: rope_theta(),
            rope_scaling: None,
            rope_parameters: None,
            tie_word_embeddings: true,
            attention_bias: false,
            mlp_bias: false,
            hidden_act: hidden_act(),
            bos_token_id: None,
            eos_token_id: None,
            dtype: dtype(),
        }
    }

    /// Reads and checks `config.json` of a model folder.
    ///
    /// # Errors
    /// When the file is missing or malformed, or names what this crate doesn't compute.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(Error::read(&path))?;
        let mut config: Self = serde_json::from_str(&text)
            .map_err(|e| Error::Json { path: path.clone(), reason: e.to_string() })?;
        config.adopt_rope_parameters();
        // Whatever the file holds, weights are loaded, and therefore written again, as `f32`.
        config.dtype = dtype();
        config.validate().map_err(|e| Error::Json { path, reason: e.to_string() })?;
        Ok(config)
    }

    /// transformers 5 moved `rope_theta` into `rope_parameters`, whose `rope_type` takes the place of
    /// `rope_scaling`.
    fn adopt_rope_parameters(&mut self) {
        let Some(parameters) = self.rope_parameters.take() else { return };
        if let Some(theta) = parameters.get("rope_theta").and_then(serde_json::Value::as_f64) {
            self.rope_theta = theta;
        }
        let kind = parameters.get("rope_type").and_then(serde_json::Value::as_str).unwrap_or("default");
        if kind != "default" {
            self.rope_scaling = Some(parameters);
        }
    }

    /// Refuses shapes that don't fit together and features that are not computed.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse =
            |key, value: String, reason: &str| Err(Error::Config { key, value, reason: reason.into() });
        match self.architectures.first().map(String::as_str) {
            Some("LlamaForCausalLM") => {}
            other => {
                return refuse(
                    "architectures",
                    format!("{:?}", other.unwrap_or("empty")),
                    "known architectures: LlamaForCausalLM",
                );
            }
        }
        for (key, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.kv_heads()),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if value == 0 {
                return refuse(key, "0".into(), "it must be at least 1");
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.kv_heads()) {
            return refuse(
                "num_key_value_heads",
                self.kv_heads().to_string(),
                "it must divide num_attention_heads",
            );
        }
        if self.head_dim.is_none() && !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return refuse(
                "num_attention_heads",
                self.num_attention_heads.to_string(),
                "it must divide hidden_size (or give head_dim)",
            );
        }
        if self.head_width() < 2 || !self.head_width().is_multiple_of(2) {
            return refuse("head_dim", self.head_width().to_string(), "rotary embedding needs an even width");
        }
        if !(self.rms_norm_eps > 0.0 && self.rms_norm_eps.is_finite()) {
            return refuse("rms_norm_eps", self.rms_norm_eps.to_string(), "it must be positive");
        }
        if !(self.rope_theta > 0.0 && self.rope_theta.is_finite()) {
            return refuse("rope_theta", self.rope_theta.to_string(), "it must be positive");
        }
        if let Some(scaling) = &self.rope_scaling
            && !scaling.is_null()
        {
            return refuse("rope_scaling", scaling.to_string(), "only null is computed");
        }
        if self.attention_bias {
            return refuse("attention_bias", "true".into(), "only false is computed");
        }
        if self.mlp_bias {
            return refuse("mlp_bias", "true".into(), "only false is computed");
        }
        if self.hidden_act != "silu" {
            return refuse("hidden_act", self.hidden_act.clone(), "only silu is computed");
        }
        Ok(())
    }

    /// Number of key-value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of one head.
    pub fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> usize {
        let (h, d) = (self.hidden_size, self.head_width());
        let attention = 2 * h * d * (self.num_attention_heads + self.kv_heads());
        let layer = attention + 3 * h * self.intermediate_size + 2 * h;
        let embeddings = self.vocab_size * h * if self.tie_word_embeddings { 1 } else { 2 };
        embeddings + self.num_hidden_layers * layer + h
    }
}
