//! What rewards remember of earlier steps, in a checkpoint.

use crate::{Error, folder::write_atomically};
use grpo_rewards::RewardSet;
use std::path::Path;

const FILE: &str = "rewards.json";

/// Writes what the rewards remember; nothing for rewards without a memory.
pub(crate) fn save(rewards: &RewardSet, checkpoint: &Path) -> Result<(), Error> {
    let state = rewards.state();
    if state.is_empty() {
        return Ok(());
    }
    let path = checkpoint.join(FILE);
    let text = serde_json::to_string(&state).map_err(|e| Error::io("write", &path)(e.into()))?;
    write_atomically(&path, text.as_bytes())
}

/// Goes on from a checkpoint.
pub(crate) fn restore(rewards: &RewardSet, checkpoint: &Path) -> Result<(), Error> {
    let path = checkpoint.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let refuse = |problem: String| Error::Resume { path: path.clone(), problem };
    let state = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    rewards.restore(&state).map_err(refuse)
}
