//! Weights on disk: `model.safetensors`, or shards with an index, in `f32`, `f16` or `bf16`.

use crate::{
    Decoder, DecoderConfig, Error,
    family::Plan,
    tensors::{Disk, Entry, named, transposed, write},
    weights::Weights,
};
use burn::{
    module::Param,
    tensor::{DType, Device, Tensor, TensorData},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FILE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Loads the weights of a model folder into a decoder of the given shape, in memory as `dtype`.
///
/// # Errors
/// When a file is missing or malformed, a tensor is missing, unknown, or has another shape than the configuration says.
pub fn load_weights(
    folder: &Path,
    config: &DecoderConfig,
    dtype: DType,
    device: &Device,
) -> Result<Decoder, Error> {
    let files = Files::open(folder)?;
    let mut reader = Reader { files, asked: BTreeSet::new(), dtype, device };
    let decoder = Decoder::build(Plan::of(config)?, &mut reader)?;
    reader.refuse_the_rest(config)?;
    Ok(decoder)
}

/// The tensors of a model folder, whatever file they are in.
struct Files {
    /// The file that says what there is: the index, or the only file.
    path: PathBuf,
    tensors: BTreeMap<String, Entry>,
}

impl Files {
    fn open(folder: &Path) -> Result<Self, Error> {
        let (single, index) = (folder.join(FILE), folder.join(INDEX));
        if single.is_file() || !index.is_file() {
            let tensors = Disk::open(&single)?.entries().map(|e| (e.name.clone(), e.clone())).collect();
            return Ok(Self { path: single, tensors });
        }
        Self::sharded(folder, index)
    }

    fn sharded(folder: &Path, path: PathBuf) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Json { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path).map_err(Error::read(&path))?;
        let index: Value = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        let map = index.get("weight_map").and_then(Value::as_object);
        let map =
            map.ok_or_else(|| refuse("`weight_map` is missing; it names the file of each tensor".into()))?;
        let mut shards: BTreeMap<&str, Disk> = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for (name, file) in map {
            let file = file
                .as_str()
                .filter(|file| !file.contains(['/', '\\']))
                .ok_or_else(|| refuse(format!("{name} is in {file}, which isn't the name of a file")))?;
            if !shards.contains_key(file) {
                shards.insert(file, Disk::open(&folder.join(file))?);
            }
            let entry = shards[file].entry(name).ok_or_else(|| Error::Weights {
                path: folder.join(file),
                reason: format!("{name} is missing, which {INDEX} says is here"),
            })?;
            tensors.insert(name.clone(), entry.clone());
        }
        // What a shard holds beside is as much a mistake as a tensor without a place.
        for disk in shards.values() {
            for entry in disk.entries() {
                tensors.entry(entry.name.clone()).or_insert_with(|| entry.clone());
            }
        }
        Ok(Self { path, tensors })
    }
}

/// Weights from files.
struct Reader<'a> {
    files: Files,
    asked: BTreeSet<String>,
    dtype: DType,
    device: &'a Device,
}

impl Reader<'_> {
    /// The values of a tensor, which must have this shape.
    fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        self.asked.insert(name.to_string());
        let entry = self.files.tensors.get(name).ok_or_else(|| {
            let missing = "is missing, which config.json says there is";
            Error::Weights { path: self.files.path.clone(), reason: format!("{name} {missing}") }
        })?;
        if entry.shape != shape {
            let reason = format!("{name} has shape {:?}, but config.json says {shape:?}", entry.shape);
            return Err(Error::Weights { path: entry.path.to_path_buf(), reason });
        }
        entry.read()
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let data = TensorData::new(values, shape).convert_dtype(self.dtype);
        Param::from_tensor(Tensor::from_data(data, (self.device, self.dtype)))
    }

    /// A tied checkpoint may carry the head a second time; anything else that is left over is a mistake.
    fn refuse_the_rest(&self, config: &DecoderConfig) -> Result<(), Error> {
        let expected = |name: &str| {
            (config.is_tied() && name == "lm_head.weight") || name.ends_with("rotary_emb.inv_freq")
        };
        let left =
            self.files.tensors.values().filter(|e| !self.asked.contains(&e.name) && !expected(&e.name));
        let left: Vec<&Entry> = left.collect();
        match left.first() {
            None => Ok(()),
            Some(entry) => Err(Error::Weights {
                path: entry.path.to_path_buf(),
                reason: format!(
                    "{} has no place in this architecture ({} such tensors in all)",
                    entry.name,
                    left.len()
                ),
            }),
        }
    }
}

impl Weights for Reader<'_> {
    fn table(&mut self, name: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Error> {
        let values = self.values(name, &shape)?;
        Ok(self.tensor(values, shape))
    }

    fn projection(&mut self, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Param<Tensor<2>>, Error> {
        let values = self.values(name, &[outputs, inputs])?;
        Ok(self.tensor(transposed(&values, inputs), [inputs, outputs]))
    }

    fn vector(&mut self, name: &str, len: usize, _: f32) -> Result<Param<Tensor<1>>, Error> {
        let values = self.values(name, &[len])?;
        Ok(self.tensor(values, [len]))
    }
}

/// Writes `model.safetensors` with the names and the layout of Hugging Face's files, as `f32`. Adapters are merged into the weights.
///
/// # Errors
/// When the file can't be written.
pub fn save_weights(decoder: &Decoder, folder: &Path) -> Result<(), Error> {
    let tensors = named(&decoder.merged())
        .into_iter()
        .map(|tensor| {
            let bare = ["lm_head"].iter().any(|head| tensor.name.starts_with(head));
            let name = if bare { tensor.name.clone() } else { format!("model.{}", tensor.name) };
            tensor.renamed(name)
        })
        .collect();
    write(&folder.join(FILE), tensors)
}
