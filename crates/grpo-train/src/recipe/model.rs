use crate::Error;
use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "start", rename_all = "snake_case")]
pub enum ModelConfig {
    /// A Llama decoder with random weights and a word tokenizer made from the data's vocabulary.
    Random(RandomModel),
    /// A model folder in Hugging Face layout.
    Folder(ModelFolder),
}

/// Shape of a decoder that is trained from random weights. The output head is tied to the embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomModel {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the SwiGLU block.
    pub intermediate_size: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads.
    pub kv_heads: usize,
    /// Positions.
    pub context: usize,
}

/// A model folder in Hugging Face layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
    /// Type of the weights in memory.
    #[serde(default)]
    pub dtype: WeightType,
}

impl ModelFolder {
    /// The defaults for a folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), dtype: WeightType::Auto }
    }
}

/// Type of a model's weights in memory. What is trained is always kept in `f32`; the frozen weights beside an adapter may be narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightType {
    /// `bf16` for frozen weights on a GPU that computes with it, else `f32`.
    #[default]
    Auto,
    /// Single precision.
    F32,
    /// Half precision with the range of `f32`.
    Bf16,
    /// Half precision.
    F16,
}

impl WeightType {
    /// What it is on a device; `frozen` says that the weights aren't trained.
    ///
    /// # Errors
    /// When the device doesn't compute with it.
    pub(crate) fn on(self, device: &Device, is_gpu: bool, frozen: bool) -> Result<DType, Error> {
        let supported = |dtype| device.supports_dtype(dtype);
        let dtype = match self {
            Self::Auto if frozen && is_gpu && supported(DType::BF16) => DType::BF16,
            Self::Auto | Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        };
        if supported(dtype) {
            return Ok(dtype);
        }
        let problem = format!("is {dtype:?}, which this device doesn't compute with");
        Err(Error::setting("model.dtype", problem, "use \"auto\" or \"f32\""))
    }
}

impl ModelConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Random(model) => model.config(1).validate().map_err(|e| match e {
                grpo_lm::Error::Config { key, value, reason } => {
                    Error::setting(format!("model.{}", own_key(key)), format!("is {value}"), reason)
                }
                other => other.into(),
            }),
            Self::Folder(_) => Ok(()),
        }
    }
}

/// The recipe's key for one of `config.json`.
fn own_key(key: &str) -> &str {
    match key {
        "num_hidden_layers" => "layers",
        "num_attention_heads" => "heads",
        "num_key_value_heads" => "kv_heads",
        "max_position_embeddings" => "context",
        same => same,
    }
}

impl RandomModel {
    /// As a decoder configuration.
    pub fn config(&self, vocab_size: usize) -> grpo_lm::DecoderConfig {
        grpo_lm::DecoderConfig::llama(
            vocab_size,
            self.hidden_size,
            self.intermediate_size,
            self.layers,
            self.heads,
            self.kv_heads,
            self.context,
        )
    }
}
