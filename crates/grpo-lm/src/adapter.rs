//! Low-rank adapters (LoRA, arXiv:2106.09685), as Python's `peft` keeps them: `adapter_config.json` and
//! `adapter_model.safetensors`.

use crate::{
    Decoder, Error,
    projection::{Lora, Projection},
    tensors::{Disk, Named, write},
    weights::Normal,
};
use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What `peft` puts before the names of a model's modules.
const PREFIX: &str = "base_model.model.";

/// The projections of a layer, in the order that they are numbered.
const PROJECTIONS: [&str; 7] = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
];

/// A low-rank adapter: which projections get one, and how large it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraConfig {
    /// Rank of the factors.
    pub rank: usize,
    /// The adapter's part is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Whether it is scaled by `alpha / sqrt(rank)` instead (rsLoRA, arXiv:2312.03732).
    pub rslora: bool,
    /// Share of an adapter's inputs that are left out in training.
    pub dropout: f64,
    /// Names of projections (`q_proj`, `mlp.down_proj`, a full path), or `all-linear`: all of the layers'.
    pub target_modules: Vec<String>,
}

impl Default for LoraConfig {
    /// As in TRL's examples: rank 16, alpha 32, all linear maps of the layers ("LoRA Without Regret", Schulman 2025).
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0, rslora: false, dropout: 0.0, target_modules: vec!["all-linear".into()] }
    }
}

impl LoraConfig {
    /// Refuses values that can't work.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse =
            |key, value: String, reason: &str| Err(Error::Config { key, value, reason: reason.into() });
        if self.rank == 0 {
            return refuse("lora.rank", "0".into(), "use at least 1, for instance 16");
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return refuse(
                "lora.alpha",
                self.alpha.to_string(),
                "use a positive number, for instance twice the rank",
            );
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("lora.dropout", self.dropout.to_string(), "use a number in [0, 1)");
        }
        if self.target_modules.is_empty() {
            return refuse(
                "lora.target_modules",
                "empty".into(),
                "name at least one, or use [\"all-linear\"]",
            );
        }
        Ok(())
    }

    /// What the adapter's part is multiplied by.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rslora { rank.sqrt() } else { rank }
    }

    fn targets(&self, path: &str) -> bool {
        self.target_modules.iter().any(|t| {
            t == "all-linear" || path == t || path.strip_suffix(t.as_str()).is_some_and(|p| p.ends_with('.'))
        })
    }
}

impl Decoder {
    /// The projections of the layers with their paths and numbers.
    fn projections(&mut self) -> impl Iterator<Item = (String, usize, &mut Projection)> {
        self.layers.iter_mut().enumerate().flat_map(|(at, layer)| {
            let (a, m) = (&mut layer.self_attn, &mut layer.mlp);
            let parts = [
                &mut a.q_proj,
                &mut a.k_proj,
                &mut a.v_proj,
                &mut a.o_proj,
                &mut m.gate_proj,
                &mut m.up_proj,
                &mut m.down_proj,
            ];
            parts.into_iter().zip(PROJECTIONS).enumerate().map(move |(which, (projection, name))| {
                (format!("model.layers.{at}.{name}"), at * PROJECTIONS.len() + which, projection)
            })
        })
    }

    /// The same weights, frozen, with a fresh adapter to be trained: A is uniform in ±1/√inputs (Kaiming, as `peft` draws it) and B is zero, so
    /// that nothing changes at first.
    ///
    /// # Errors
    /// When the configuration makes no sense or names projections that the decoder doesn't have.
    pub fn with_adapter(self, config: &LoraConfig, seed: u64) -> Result<Self, Error> {
        config.validate()?;
        let device = self.device();
        let mut draws = Normal::new(seed);
        self.adapted(config, |_, [inputs, outputs]| {
            let bound = (inputs as f64).powf(-0.5);
            let a = draws.uniform(inputs * config.rank, bound);
            Ok([
                matrix(a, [inputs, config.rank], &device),
                matrix(vec![0.0; config.rank * outputs], [config.rank, outputs], &device),
            ])
        })
    }

    /// Puts factors beside the projections that are meant.
    fn adapted(
        self,
        config: &LoraConfig,
        mut factors: impl FnMut(&str, [usize; 2]) -> Result<[Tensor<2>; 2], Error>,
    ) -> Result<Self, Error> {
        // An adapter that is there makes room for this one.
        let mut decoder = self.without_adapter().no_grad();
        let mut unused: BTreeSet<&str> = config.target_modules.iter().map(String::as_str).collect();
        for (path, place, projection) in decoder.projections() {
            if !config.targets(&path) {
                continue;
            }
            unused.retain(|t| !(*t == "all-linear" || path == *t || path.ends_with(&format!(".{t}"))));
            let [a, b] = factors(&path, projection.weight.val().dims())?;
            let [a, b] = [a, b].map(Param::from_tensor);
            projection.lora = Some(Lora { a, b, scale: config.scale(), place });
        }
        match unused.first() {
            None => Ok(decoder),
            Some(name) => Err(Error::Config {
                key: "lora.target_modules",
                value: format!("{name:?}"),
                reason: format!(
                    "the model has no such projection; known are {}, or all-linear",
                    PROJECTIONS.join(", ")
                ),
            }),
        }
    }

    /// Whether there is an adapter.
    pub fn has_adapter(&self) -> bool {
        self.layers.iter().any(|layer| {
            let (a, m) = (&layer.self_attn, &layer.mlp);
            [&a.q_proj, &a.k_proj, &a.v_proj, &a.o_proj, &m.gate_proj, &m.up_proj, &m.down_proj]
                .iter()
                .any(|p| p.lora.is_some())
        })
    }

    /// The same decoder with its adapter switched off: the policy that training began with.
    pub fn without_adapter(&self) -> Self {
        let mut decoder = self.clone();
        decoder.projections().for_each(|(_, _, projection)| projection.lora = None);
        decoder
    }

    /// The same decoder with its adapter added to the weights: `W + scale · A B`.
    pub fn merged(&self) -> Self {
        let mut decoder = self.clone();
        for (_, _, projection) in decoder.projections() {
            if projection.lora.is_some() {
                let id = projection.weight.id;
                projection.weight = Param::initialized(id, projection.merged());
                projection.lora = None;
            }
        }
        decoder
    }

    /// Number of parameters that are trained.
    pub fn trained_params(&self) -> usize {
        if !self.has_adapter() {
            return self.num_params();
        }
        let count = |x: &Param<Tensor<2>>| x.val().dims().iter().product::<usize>();
        let mut decoder = self.clone();
        decoder.projections().filter_map(|(_, _, p)| p.lora.as_ref().map(|l| count(&l.a) + count(&l.b))).sum()
    }
}

fn matrix(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Reads an adapter folder of `peft` and puts it beside the weights of a decoder, which are frozen.
///
/// # Errors
/// When a file is missing or malformed, asks for what isn't computed, or doesn't fit the decoder.
pub(crate) fn load(decoder: Decoder, folder: &Path) -> Result<(Decoder, LoraConfig), Error> {
    let path = folder.join(CONFIG);
    let text = std::fs::read_to_string(&path).map_err(Error::read(&path))?;
    let refuse = |reason: String| Error::Json { path: path.clone(), reason };
    let value: Map<String, Value> = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    let config = from_peft(&value).map_err(refuse)?;
    let disk = Disk::open(&folder.join(WEIGHTS))?;
    let weights = folder.join(WEIGHTS);
    let mut unused: BTreeSet<String> = disk.entries().map(|e| e.name.clone()).collect();
    let device = decoder.device();
    let decoder = decoder.adapted(&config, |module, [inputs, outputs]| {
        let mut factor = |which: &str, [rows, columns]: [usize; 2]| {
            let name = format!("{PREFIX}{module}.lora_{which}.weight");
            let refuse = |reason: String| Error::Weights { path: weights.clone(), reason };
            let entry = disk.entry(&name).ok_or_else(|| refuse(format!("{name} is missing")))?;
            if entry.shape != [rows, columns] {
                return Err(refuse(format!(
                    "{name} has shape {:?}, but {:?} fits",
                    entry.shape,
                    [rows, columns]
                )));
            }
            unused.remove(&name);
            let values = crate::tensors::transposed(&entry.read()?, columns);
            Ok(matrix(values, [columns, rows], &device))
        };
        Ok([factor("A", [config.rank, inputs])?, factor("B", [outputs, config.rank])?])
    });
    let decoder = decoder.map_err(|error| match error {
        // What can't be configured was configured in this file.
        Error::Config { .. } => Error::Json { path: path.clone(), reason: error.to_string() },
        other => other,
    })?;
    match unused.first() {
        None => Ok((decoder, config)),
        Some(name) => Err(Error::Weights {
            path: folder.join(WEIGHTS),
            reason: format!("{name} has no place ({} such tensors in all)", unused.len()),
        }),
    }
}

/// `adapter_config.json`, of which everything that would change the computation must be known.
fn from_peft(value: &Map<String, Value>) -> Result<LoraConfig, String> {
    let off = |key: &str| match value.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::String(text)) => text == "none" || text.is_empty(),
        Some(_) => false,
    };
    for key in [
        "alora_invocation_tokens",
        "alpha_pattern",
        "arrow_config",
        "bias",
        "exclude_modules",
        "fan_in_fan_out",
        "kasa_config",
        "layer_replication",
        "layers_to_transform",
        "lora_bias",
        "modules_to_save",
        "rank_pattern",
        "target_parameters",
        "trainable_token_indices",
        "use_bdlora",
        "use_dora",
        "use_qalora",
    ] {
        if !off(key) {
            return Err(format!("{key} is {}: it is not computed", value[key]));
        }
    }
    let kind = value.get("peft_type").and_then(Value::as_str).unwrap_or_default();
    if kind != "LORA" {
        return Err(format!("peft_type is {kind:?}: only LORA is computed"));
    }
    let rank = value.get("r").and_then(Value::as_u64).ok_or("r is missing or not a whole number")?;
    let alpha =
        value.get("lora_alpha").and_then(Value::as_f64).ok_or("lora_alpha is missing or not a number")?;
    let targets = match value.get("target_modules") {
        Some(Value::String(name)) if name == "all-linear" => Some(vec![name.clone()]),
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().map(str::to_string)).collect(),
        _ => None,
    };
    let targets = targets.ok_or_else(|| {
        let found = value.get("target_modules").map_or("missing".into(), Value::to_string);
        format!("target_modules is {found}: a list of names or \"all-linear\" can be read")
    })?;
    let config = LoraConfig {
        rank: rank as usize,
        alpha,
        rslora: value.get("use_rslora").and_then(Value::as_bool).unwrap_or(false),
        dropout: value.get("lora_dropout").and_then(Value::as_f64).unwrap_or(0.0),
        target_modules: targets,
    };
    config.validate().map_err(|e| e.to_string())?;
    Ok(config)
}

/// Writes an adapter folder that `peft` reads.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn save(decoder: &Decoder, config: &LoraConfig, base: &str, folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
    let (mut tensors, mut modules) = (Vec::new(), Vec::new());
    for (path, _, projection) in decoder.clone().projections() {
        let Some(lora) = &projection.lora else { continue };
        for (which, factor) in [("A", &lora.a), ("B", &lora.b)] {
            tensors.push(Named::projection(format!("{PREFIX}{path}.lora_{which}.weight"), factor.val()));
        }
        modules.push(path);
    }
    // `peft` would read `all-linear` as a choice still to be made.
    let all = config.target_modules.iter().any(|t| t == "all-linear");
    let targets = if all { modules } else { config.target_modules.clone() };
    let text = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "use_rslora": config.rslora,
        "lora_dropout": config.dropout,
        "target_modules": targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
    });
    let path = folder.join(CONFIG);
    std::fs::write(&path, format!("{text:#}\n")).map_err(Error::write(&path))?;
    write(&folder.join(WEIGHTS), tensors)
}
