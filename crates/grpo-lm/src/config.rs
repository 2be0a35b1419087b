use crate::{
    Error,
    family::{Family, Plan},
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The shape of a decoder, as Hugging Face's `config.json` has it.
///
/// Keys that this crate doesn't read are kept, and written again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecoderConfig {
    /// Model class, which decides the computation: `LlamaForCausalLM`, `Qwen2ForCausalLM`, `Qwen3ForCausalLM` or `Gemma3ForCausalLM`.
    #[serde(default = "architectures")]
    pub architectures: Vec<String>,
    /// Family name that `transformers` selects the class by.
    #[serde(default = "model_type")]
    pub model_type: String,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the gated block.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key-value heads (grouped-query attention); divides the query heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; the family's own when absent, mostly `hidden_size / num_attention_heads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Positions the model has been made for.
    pub max_position_embeddings: usize,
    /// Epsilon of the RMS norms.
    #[serde(default = "rms_norm_eps")]
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// Frequency scaling of long-context models: linear, llama3 or yarn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_scaling: Option<serde_json::Value>,
    /// Newer `transformers` releases keep both here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_parameters: Option<serde_json::Value>,
    /// Base of the rotary frequencies in Gemma's layers with a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_local_base_freq: Option<f64>,
    /// Whether the output head is the embedding matrix; by default only Gemma's is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_word_embeddings: Option<bool>,
    /// Whether attention projections have biases; Qwen2's first three always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_bias: Option<bool>,
    /// Whether the projections of the gated block have biases.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Activation of the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_act: Option<String>,
    /// The same, as Gemma has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_activation: Option<String>,
    /// Scores of Gemma's attention are divided by the root of this. Kept as it was written: `transformers` takes 256, but not 256.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_pre_attn_scalar: Option<serde_json::Number>,
    /// How far layers with sliding attention look back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<usize>,
    /// Whether Qwen uses it.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// The first of Qwen's layers that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_window_layers: Option<usize>,
    /// Every how manieth of Gemma's layers sees everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window_pattern: Option<usize>,
    /// The same, layer by layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<String>>,
    /// First token of a text.
    #[serde(default)]
    pub bos_token_id: Option<u32>,
    /// Last token of a text, or several.
    #[serde(default)]
    pub eos_token_id: Option<serde_json::Value>,
    /// Type of the weights on disk.
    #[serde(default = "dtype", alias = "torch_dtype")]
    pub dtype: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
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
            rope_theta: Some(10_000.0),
            rope_scaling: None,
            rope_parameters: None,
            rope_local_base_freq: None,
            tie_word_embeddings: Some(true),
            attention_bias: Some(false),
            mlp_bias: false,
            hidden_act: Some("silu".into()),
            hidden_activation: None,
            query_pre_attn_scalar: None,
            sliding_window: None,
            use_sliding_window: false,
            max_window_layers: None,
            sliding_window_pattern: None,
            layer_types: None,
            bos_token_id: None,
            eos_token_id: None,
            dtype: dtype(),
            other: serde_json::Map::new(),
        }
    }

    /// Reads and checks `config.json` of a model folder.
    ///
    /// # Errors
    /// When the file is missing or malformed, or names what this crate doesn't compute.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(Error::read(&path))?;
        let refuse = |e: serde_json::Error| Error::Json { path: path.clone(), reason: e.to_string() };
        let mut values: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(refuse)?;
        // Two spellings of one thing, and nothing said.
        if values.contains_key("dtype") {
            values.remove("torch_dtype");
        }
        values.retain(|key, value| {
            !(value.is_null()
                && ["dtype", "torch_dtype", "mlp_bias", "use_sliding_window", "rms_norm_eps"]
                    .contains(&key.as_str()))
        });
        let mut config: Self = serde_json::from_value(values.into()).map_err(refuse)?;
        // Whatever the file holds, weights are loaded, and therefore written again, as `f32`.
        config.dtype = dtype();
        config.validate().map_err(|e| Error::Json { path, reason: e.to_string() })?;
        Ok(config)
    }

    /// Refuses shapes that don't fit together and features that are not computed.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse =
            |key, value: String, reason: &str| Err(Error::Config { key, value, reason: reason.into() });
        let family = Family::of(self)?;
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
        for key in ["final_logit_softcapping", "attn_logit_softcapping"] {
            if let Some(value) = self.other.get(key).filter(|v| !v.is_null()) {
                return refuse(key, value.to_string(), "only null is computed");
            }
        }
        if self.other.get("use_bidirectional_attention").is_some_and(|v| v == true) {
            return refuse("use_bidirectional_attention", "true".into(), "only causal attention is computed");
        }
        if self.mlp_bias && family != Family::Llama {
            return refuse("mlp_bias", "true".into(), "only Llama's is computed");
        }
        Plan::of(self).map(|_| ())
    }

    /// Number of key-value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of one head.
    pub fn head_width(&self) -> usize {
        // transformers' own defaults.
        let own = match self.architectures.first().map(String::as_str) {
            Some("Qwen3ForCausalLM") => Some(128),
            Some("Gemma3ForCausalLM") => Some(256),
            _ => None,
        };
        self.head_dim.or(own).unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Number of parameters.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn parameters(&self) -> Result<usize, Error> {
        self.validate()?;
        Ok(Plan::of(self)?.parameters())
    }

    /// Whether the output head is the embedding matrix.
    pub fn is_tied(&self) -> bool {
        let gemma = self.architectures.first().is_some_and(|name| name.starts_with("Gemma"));
        self.tie_word_embeddings.unwrap_or(gemma)
    }

    /// The gate's activation.
    pub(crate) fn activation(&self, family: Family) -> &str {
        match family {
            Family::Gemma3 => self
                .hidden_activation
                .as_deref()
                .or(self.hidden_act.as_deref())
                .unwrap_or("gelu_pytorch_tanh"),
            _ => self.hidden_act.as_deref().unwrap_or("silu"),
        }
    }
}
