use crate::{
    Error, Stage,
    folder::{replace_folder, restore, write_atomically},
};
use burn::{
    module::Module,
    optim::ModuleOptimizer,
    store::{BurnpackStore, ModuleSnapshot},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs;
use std::path::Path;

/// Where a run stands, as `checkpoint/state.json` has it. The weights and the optimizer's state lie beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The stage that runs.
    pub stage: Stage,
    /// Steps of that stage that are done.
    pub step: usize,
    /// Steps of both stages that are done.
    pub total_steps: usize,
    /// Completion tokens sampled, those of groups that were thrown away included.
    pub tokens: u64,
    /// Seconds so far.
    pub seconds: f64,
    /// Held-out accuracies so far.
    pub eval: Evals,
    /// Held-out questions that were too long for the model's context and so counted as wrong.
    pub too_long: usize,
    /// The device's name, as [`Machine`](crate::Machine) has it.
    pub device: String,
    /// Whether all is done.
    pub finished: bool,
    /// Length of `metrics.jsonl`.
    pub metrics_bytes: u64,
    /// Length of `samples.jsonl`.
    pub samples_bytes: u64,
    /// Length of `suspects.jsonl`.
    #[serde(default)]
    pub suspects_bytes: u64,
}

/// Held-out accuracies before and after the stages.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Evals {
    /// Of the model as it began.
    pub initial: Option<f64>,
    /// After imitation; null without such a stage.
    pub imitation: Option<f64>,
    /// After GRPO.
    pub r#final: Option<f64>,
}

impl State {
    /// The start of a run.
    pub(crate) fn new(first: Stage, device: &str) -> Self {
        Self {
            stage: first,
            step: 0,
            total_steps: 0,
            tokens: 0,
            seconds: 0.0,
            eval: Evals::default(),
            too_long: 0,
            device: device.into(),
            finished: false,
            metrics_bytes: 0,
            samples_bytes: 0,
            suspects_bytes: 0,
        }
    }

    /// Reads `checkpoint/state.json` of a run. Takes the old checkpoint back first where the run died while it was replaced.
    ///
    /// # Errors
    /// When there is no checkpoint or it is malformed.
    pub fn of_run(run: &Path) -> Result<Self, Error> {
        restore(&run.join("checkpoint"))?;
        load(&run.join("checkpoint"))
    }
}

/// The weights of a checkpoint.
pub(crate) struct Trained<'a, M> {
    /// What is trained.
    pub(crate) module: &'a M,
    /// What it is compared with, if that must be kept.
    pub(crate) reference: Option<&'a M>,
    /// What the paths of the parameters that are kept contain; all are kept without it.
    pub(crate) part: Option<&'static str>,
}

impl<'a, M> Trained<'a, M> {
    /// All parameters of one module.
    pub(crate) fn whole(module: &'a M) -> Self {
        Self { module, reference: None, part: None }
    }
}

/// Writes a checkpoint into the run folder: where it stands, the weights, the optimizer's state, and what `more` adds. The old one stays until the new one
/// is complete.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn save<M: Module>(
    run: &Path,
    state: &impl Serialize,
    weights: &Trained<'_, M>,
    optimizer: &ModuleOptimizer,
    more: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    replace_folder(&run.join("checkpoint"), |folder| {
        save_module(weights.module, &folder.join("model.bpk"), weights.part)?;
        if let Some(reference) = weights.reference {
            save_module(reference, &folder.join("reference.bpk"), weights.part)?;
        }
        let path = folder.join("optimizer.bpk");
        optimizer.save(&path).map_err(|e| Error::io("write", &path)(std::io::Error::other(e.to_string())))?;
        let path = folder.join("state.json");
        let text = serde_json::to_string_pretty(state).map_err(|e| Error::io("write", &path)(e.into()))?;
        write_atomically(&path, text.as_bytes())?;
        more(folder)
    })
}

/// Reads `state.json` of a checkpoint.
pub(crate) fn load<S: DeserializeOwned>(checkpoint: &Path) -> Result<S, Error> {
    let path = checkpoint.join("state.json");
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    serde_json::from_str(&text).map_err(|e| Error::Resume { path, problem: e.to_string() })
}

/// Reads the optimizer's state of a checkpoint.
pub(crate) fn load_optimizer(fresh: ModuleOptimizer, checkpoint: &Path) -> Result<ModuleOptimizer, Error> {
    let path = checkpoint.join("optimizer.bpk");
    fresh.load(&path).map_err(|e| Error::Resume { path, problem: e.to_string() })
}

/// Restores weights (with their parameter ids, which the optimizer's state is keyed by) into a module of the same shape.
///
/// `part` is what the paths of those that the file holds contain; it holds all without one.
pub(crate) fn load_module<M: Module>(
    module: &mut M,
    path: &Path,
    part: Option<&'static str>,
) -> Result<(), Error> {
    let refuse = |problem: String| Error::Resume { path: path.into(), problem };
    if !path.is_file() {
        return Err(refuse("no such file".into()));
    }
    let store = BurnpackStore::from_file(path);
    let mut store = match part {
        Some(part) => store.with_regex(&part.replace('.', r"\.")).allow_partial(true),
        None => store,
    };
    let result = module.load_from(&mut store).map_err(|e| refuse(e.to_string()))?;
    let wanted = |path: &str| part.is_none_or(|part| path.contains(part));
    if !result.errors.is_empty() || result.missing.iter().any(|(path, _)| wanted(path)) {
        return Err(refuse(format!("it doesn't fit the model: {result}")));
    }
    Ok(())
}

pub(crate) fn save_module<M: Module>(
    module: &M,
    path: &Path,
    part: Option<&'static str>,
) -> Result<(), Error> {
    let store = BurnpackStore::from_file(path).overwrite(true);
    let mut store = match part {
        Some(part) => store.with_regex(&part.replace('.', r"\.")),
        None => store,
    };
    module.save_into(&mut store).map_err(|e| Error::io("write", path)(std::io::Error::other(e.to_string())))
}
