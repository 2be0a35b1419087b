use crate::Error;
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use std::f64::consts::TAU;
use std::sync::{Arc, OnceLock};

/// Frequencies of a rotary position embedding (RoFormer, arXiv:2104.09864), in the arrangement of Hugging Face's models: feature
/// `i` of the first half of a head is rotated with feature `i` of the second half by the angle `position * frequency[i]`, and
/// `frequency[i]` is `theta^(-2i / head_dim)`, or what a model that was stretched to a longer context makes of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rope {
    /// `head_dim / 2` of them, in radians per position.
    frequencies: Vec<f64>,
    /// What sine and cosine are multiplied by; 1 but for YaRN.
    magnitude: f64,
}

/// The keys of `rope_scaling` (or of `rope_parameters`, as transformers 5 has it).
struct Keys<'a> {
    values: &'a Value,
}

impl Keys<'_> {
    fn number(&self, key: &str) -> Option<f64> {
        self.values.get(key).and_then(Value::as_f64)
    }

    fn needed(&self, key: &str) -> Result<f64, Error> {
        self.number(key)
            .filter(|x| x.is_finite() && *x > 0.0)
            .ok_or_else(|| self.refuse(format!("{key} must be a positive number")))
    }

    fn refuse(&self, reason: String) -> Error {
        Error::Config { key: "rope_scaling", value: self.values.to_string(), reason }
    }

    fn kind(&self) -> &str {
        let kind = self.values.get("rope_type").or_else(|| self.values.get("type"));
        kind.and_then(Value::as_str).unwrap_or("default")
    }
}

impl Rope {
    /// Frequencies for heads of `width` features; `scaling` is `rope_scaling` of a `config.json` and `context` its
    /// `max_position_embeddings`.
    ///
    /// # Errors
    /// [`Error::Config`] for a kind that isn't computed, or a key that it lacks.
    pub(crate) fn new(
        width: usize,
        theta: f64,
        scaling: Option<&Value>,
        context: usize,
    ) -> Result<Self, Error> {
        let frequencies = (0..width / 2).map(|i| theta.powf(-2.0 * i as f64 / width as f64));
        let rope = Self { frequencies: frequencies.collect(), magnitude: 1.0 };
        let Some(values) = scaling.filter(|s| !s.is_null()) else { return Ok(rope) };
        let keys = Keys { values };
        match keys.kind() {
            "default" => Ok(rope),
            "linear" => {
                let factor = keys.needed("factor")?;
                Ok(rope.map(|f| f / factor))
            }
            "llama3" => rope.llama3(&keys),
            "yarn" => rope.yarn(&keys, width, theta, context),
            _ => Err(keys.refuse("known kinds are default, linear, llama3 and yarn".into())),
        }
    }

    fn map(self, of: impl FnMut(f64) -> f64) -> Self {
        Self { frequencies: self.frequencies.into_iter().map(of).collect(), ..self }
    }

    /// Llama 3.1 (arXiv:2407.21783; `_compute_llama3_parameters` in transformers): waves longer than the old context are
    /// stretched, short ones stay, and those between are blended.
    fn llama3(self, keys: &Keys) -> Result<Self, Error> {
        let factor = keys.needed("factor")?;
        let (low, high) = (keys.needed("low_freq_factor")?, keys.needed("high_freq_factor")?);
        let old = keys.needed("original_max_position_embeddings")?;
        if high <= low {
            return Err(keys.refuse("high_freq_factor must be larger than low_freq_factor".into()));
        }
        Ok(self.map(|f| {
            let waves = old * f / TAU; // of this frequency in the old context
            if waves > high {
                f
            } else if waves < low {
                f / factor
            } else {
                let smooth = (waves - low) / (high - low);
                (1.0 - smooth) * f / factor + smooth * f
            }
        }))
    }

    /// YaRN (arXiv:2309.00071; `_compute_yarn_parameters` in transformers).
    fn yarn(self, keys: &Keys, width: usize, theta: f64, context: usize) -> Result<Self, Error> {
        let factor = keys.needed("factor")?;
        let old = keys.number("original_max_position_embeddings").unwrap_or(context as f64);
        let (fast, slow) =
            (keys.number("beta_fast").unwrap_or(32.0), keys.number("beta_slow").unwrap_or(1.0));
        if ["mscale", "mscale_all_dim"].iter().any(|key| keys.values.get(key).is_some()) {
            return Err(keys.refuse("mscale is not computed".into()));
        }
        let magnitude = keys.number("attention_factor").unwrap_or(0.1 * factor.ln() + 1.0);
        // The feature that turns so often within the old context.
        let turning = |turns: f64| width as f64 * (old / (turns * TAU)).ln() / (2.0 * theta.ln());
        let whole = keys.values.get("truncate").and_then(Value::as_bool).unwrap_or(true);
        let (low, high) = match (turning(fast), turning(slow)) {
            (low, high) if whole => (low.floor(), high.ceil()),
            both => both,
        };
        let (low, high) = (low.max(0.0), high.min(width as f64 - 1.0));
        let high = if low == high { high + 0.001 } else { high };
        let mut at = 0.0;
        let blended = self.map(|f| {
            let ramp = ((at - low) / (high - low)).clamp(0.0, 1.0);
            at += 1.0;
            f / factor * ramp + f * (1.0 - ramp)
        });
        Ok(Self { magnitude: if factor > 1.0 { magnitude } else { 1.0 }, ..blended })
    }

    /// Sines and cosines for the given positions.
    pub(crate) fn rotation(&self, positions: &[usize]) -> Rotation {
        let half = self.frequencies.len();
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for &position in positions {
            for frequency in &self.frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push((c * self.magnitude) as f32);
                sin.push((s * self.magnitude) as f32);
            }
        }
        Rotation { cos: cos.into(), sin: sin.into(), half, tensors: Arc::default() }
    }
}

/// Sines and cosines of the angles of some tokens.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    /// `[tokens, head_dim / 2]`
    pub(crate) cos: Arc<[f32]>,
    /// `[tokens, head_dim / 2]`
    pub(crate) sin: Arc<[f32]>,
    half: usize,
    /// The same on a device, `[tokens, 1, head_dim / 2]`: once for all layers.
    tensors: Arc<OnceLock<[Tensor<3>; 2]>>,
}

impl Rotation {
    /// Cosines and sines, `[tokens, 1, head_dim / 2]`.
    pub(crate) fn tables(&self, device: &Device) -> [Tensor<3>; 2] {
        let table = |values: &Arc<[f32]>| {
            let data = TensorData::new(values.to_vec(), [values.len() / self.half, 1, self.half]);
            Tensor::from_data(data, device)
        };
        self.tensors.get_or_init(|| [table(&self.cos), table(&self.sin)]).clone()
    }
}
