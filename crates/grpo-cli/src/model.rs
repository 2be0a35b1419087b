//! What `eval` and `generate` open: a device, and a model folder with what its run says about it.

use crate::failure::{Classify, Failure};
use crate::{args, hub};
use anyhow::{Context, anyhow};
use burn::tensor::Device;
use grpo_lm::{ChatConfig, LanguageModel};
use grpo_train::Recipe;
use std::path::{Path, PathBuf};

/// Opens the device that was asked for on the command line, else in the environment, else the best there is.
pub(crate) fn device(asked: &args::Device) -> Result<Device, Failure> {
    match &asked.name {
        Some(name) => grpo_device::open(name).context("--device"),
        None if in_environment() => grpo_device::from_env().map_err(Into::into),
        None => grpo_device::open(&grpo_device::DeviceName::Auto).map_err(Into::into),
    }
    .bad_input()
}

/// Whether a device was asked for at all.
pub(crate) fn asked(asked: &args::Device) -> bool {
    asked.name.is_some() || in_environment()
}

fn in_environment() -> bool {
    std::env::var_os(grpo_device::VARIABLE).is_some_and(|v| !v.is_empty())
}

/// A model folder.
pub(crate) struct ModelFolder {
    path: PathBuf,
}

impl ModelFolder {
    /// Takes the folder of a model, or that of a run for the model in it.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Self> {
        let text = path.to_string_lossy();
        if hub::is_hub_name(&text) {
            return Ok(Self { path: hub::model_folder(&text.parse()?, hub::Show::Stderr)? });
        }
        if !path.exists() {
            return Err(anyhow!(
                "{}: no such folder; give a model folder in Hugging Face layout, or the folder of a run",
                path.display()
            ));
        }
        let candidates = [path.to_path_buf(), path.join("model")];
        let found = candidates.into_iter().find(|folder| folder.join("config.json").is_file());
        found.map(|path| Self { path }).ok_or_else(|| {
            anyhow!(
                "{}: not a model folder; it must hold config.json, model.safetensors and tokenizer.json",
                path.display()
            )
        })
    }

    /// Loads the model, as its run or the command line says that it is asked.
    pub(crate) fn load(&self, asking: &args::Asking, device: &Device) -> Result<LanguageModel, Failure> {
        let mut model = LanguageModel::load(&self.path, device)
            .with_context(|| format!("the model in {} can't be loaded", self.path.display()))
            .bad_input()?;
        if let Some(folder) = &asking.adapter {
            if self.recipe().is_some_and(|recipe| recipe.lora.is_some()) {
                return Err(anyhow!(
                    "{} has its run's adapter merged into it already; give --adapter with the model that the run began with",
                    self.path.display()
                ))
                .bad_input();
            }
            model = model
                .load_adapter(folder)
                .with_context(|| format!("the adapter in {} can't be used", folder.display()))
                .bad_input()?;
        }
        let of_run = self.recipe().and_then(|recipe| recipe.chat);
        let asked = asking.chat || asking.system.is_some();
        let chat = match of_run.or(asked.then(ChatConfig::default)) {
            Some(chat) if !asking.plain => chat,
            _ => return Ok(model),
        };
        let system = asking.system.clone().or(chat.system.clone());
        model.with_chat(&ChatConfig { system, ..chat }).bad_input()
    }

    /// The recipe of the run that made it, if it still lies in that run's folder.
    pub(crate) fn recipe(&self) -> Option<Recipe> {
        let folder = self.path.canonicalize().ok()?;
        let text = std::fs::read_to_string(folder.parent()?.join("config.toml")).ok()?;
        Recipe::from_toml(&text)
            .inspect_err(|e| {
                let file = folder.with_file_name("config.toml");
                let _ = std::io::Write::write_fmt(
                    &mut std::io::stderr(),
                    format_args!("note: {} can't be read and is not looked at: {e}\n", file.display()),
                );
            })
            .ok()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Says on stderr how much of a prompt the tokenizer doesn't know.
pub(crate) fn warn_of_unknown_words(model: &LanguageModel, ids: &[u32]) {
    let Some(unknown) = model.tokenizer().id("<unk>") else { return };
    let count = ids.iter().filter(|&&id| id == unknown).count();
    if count > 0 {
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("note: {count} of the prompt's {} tokens are unknown to this model\n", ids.len()),
        );
    }
}
