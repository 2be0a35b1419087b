use crate::{Decoder, DecoderConfig, Error};
use burn::{
    store::{
        BurnToPyTorchAdapter, FloatCastAdapter, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter,
        SafetensorsStore,
    },
    tensor::{DType, Device},
};
use std::path::Path;

const FILE: &str = "model.safetensors";

/// Loads `model.safetensors` of a model folder into a decoder of the given shape, as `f32`.
///
/// # Errors
/// When the file is missing or malformed, a tensor is missing, unknown, or has another shape than the configuration says.
pub fn load_weights(folder: &Path, config: &DecoderConfig, device: &Device) -> Result<Decoder, Error> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(Error::Io {
            action: "can't read",
            path,
            source: std::io::Error::new(std::io::ErrorKind::NotFound, "no such file"),
        });
    }
    let mut decoder = Decoder::init(config, 0, device);
    let mut store = SafetensorsStore::from_file(&path)
        .with_key_remapping(r"^model\.", "")
        .with_from_adapter(PyTorchToBurnAdapter.chain(FloatCastAdapter::to(DType::F32)))
        .validate(false)
        .allow_partial(true);
    let refuse = |reason: String| Error::Weights { path: path.clone(), reason };
    let result = decoder.load_from(&mut store).map_err(|e| refuse(e.to_string()))?;
    if let Some(error) = result.errors.first() {
        return Err(refuse(error.to_string()));
    }
    if let Some((name, _)) = result.missing.first() {
        return Err(refuse(format!("{} is missing ({} in all)", hub_name(name), result.missing.len())));
    }
    // A tied checkpoint may carry the head a second time; anything else that is left over is a mistake.
    let expected = |name: &str| {
        (config.tie_word_embeddings && name == "lm_head.weight") || name.ends_with("rotary_emb.inv_freq")
    };
    let unused: Vec<&String> = result.unused.iter().filter(|name| !expected(name)).collect();
    if let Some(name) = unused.first() {
        return Err(refuse(format!(
            "{name} has no place in this architecture ({} such tensors in all)",
            unused.len()
        )));
    }
    Ok(decoder)
}

/// Writes `model.safetensors` with the names and the layout of Hugging Face's Llama.
///
/// # Errors
/// When the file can't be written.
pub fn save_weights(decoder: &Decoder, folder: &Path) -> Result<(), Error> {
    let path = folder.join(FILE);
    let mut store = SafetensorsStore::from_file(&path)
        .with_to_adapter(BurnToPyTorchAdapter)
        .with_key_remapping(r"^(embed_tokens|layers|norm)\.", "model.$1.")
        .clear_metadata()
        .metadata("format", "pt")
        .overwrite(true);
    decoder.save_into(&mut store).map_err(|e| Error::Io {
        action: "can't write",
        path,
        source: std::io::Error::other(e.to_string()),
    })
}

/// burn's name of a tensor, as the file has it.
fn hub_name(name: &str) -> String {
    let name = match name.strip_suffix("norm.gamma") {
        Some(stem) => format!("{stem}norm.weight"),
        None => name.to_string(),
    };
    if name.starts_with("lm_head") { name } else { format!("model.{name}") }
}
