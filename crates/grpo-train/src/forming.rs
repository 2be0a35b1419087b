//! The groups of a GRPO step: which questions are asked, how often, which groups are learnt from, and who is compared with whom.

use crate::folder::write_atomically;
use crate::{Error, Question, questions::fnv};
use grpo_core::{AdvantageEstimator, Advantages};
use grpo_rollout::Group;
use grpo_rollout::adaptive::{Adaptive, AdaptiveConfig, AdaptiveState, Prompt, Replay, ReplayState};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::Path;

/// Files of a checkpoint.
const STATE: &str = "adaptive.json";
const REPLAY: &str = "replay.json";

/// Candidates for each question that is asked, where something chooses among them.
const CANDIDATES: usize = 4;

/// Adaptive group formation of a run, with the groups that may be replayed.
#[derive(Debug, Clone)]
pub(crate) struct Former {
    pub(crate) adaptive: Adaptive,
    replay: Option<Replay<Kept>>,
}

/// A group that may be replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) question: u64,
    pub(crate) prompt: Vec<u32>,
    /// With the log-probabilities of the policy that sampled it, so that the ratio is to that policy.
    pub(crate) group: Group,
    pub(crate) rewards: Vec<Option<f64>>,
}

impl Former {
    /// The start of a run.
    pub(crate) fn new(config: &AdaptiveConfig, seed: u64) -> Result<Self, Error> {
        let adaptive = Adaptive::new(config.clone(), seed)?;
        Ok(Self { replay: adaptive.replay(), adaptive })
    }

    /// Questions that a step may have to choose from, where it asks `count`.
    pub(crate) fn pool(&self, count: usize) -> usize {
        let config = self.adaptive.config();
        let chooses = config.selection != Default::default() || config.curriculum != Default::default();
        let dynamic = config.dynamic.map_or(1.0, |dynamic| dynamic.max_oversampling);
        let most = (count as f64 * dynamic).ceil() as usize;
        most.max(if chooses { CANDIDATES * count } else { count })
    }

    /// Groups from earlier steps that are learnt from once more beside `fresh` new ones.
    pub(crate) fn replayed(&mut self, step: usize, fresh: usize) -> Result<Vec<Kept>, Error> {
        let Some(replay) = &mut self.replay else { return Ok(Vec::new()) };
        let drawn = replay.draw(step as u64, fresh)?;
        Ok(drawn.into_iter().map(|stored| stored.group.clone()).collect())
    }

    /// Keeps new groups for later steps, those that could teach something.
    pub(crate) fn keep(&mut self, step: usize, groups: impl IntoIterator<Item = Kept>) -> Result<(), Error> {
        let Some(replay) = &mut self.replay else { return Ok(()) };
        for kept in groups {
            let rewards: Vec<f64> = kept.rewards.iter().copied().flatten().collect();
            if grpo_rollout::adaptive::has_spread(&rewards) {
                let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
                let variance = rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / rewards.len() as f64;
                replay.store(step as u64, variance.sqrt(), kept)?;
            }
        }
        Ok(())
    }

    /// Advantages of a step's groups, each compared with those that membership says. In the order of the episodes.
    pub(crate) fn advantages(
        &mut self,
        estimator: &AdvantageEstimator,
        step: usize,
        prompts: &[Prompt],
        rewards: &[Option<f64>],
        sizes: &[usize],
        lengths: &[usize],
    ) -> Result<Advantages, Error> {
        let members = self.adaptive.members(step as u64, prompts, sizes)?;
        let off = || {
            Error::from(grpo_rollout::Error::Count {
                what: "rewards",
                got: rewards.len(),
                want: sizes.iter().sum(),
            })
        };
        let (own, long) =
            (members.gather(rewards).ok_or_else(off)?, members.gather(lengths).ok_or_else(off)?);
        let mut advantages = estimator.estimate_groups(&own, &members.sizes(), Some(&long))?;
        advantages.values = members.scatter(&advantages.values).ok_or_else(off)?;
        advantages.compared = members.scatter(&advantages.compared).ok_or_else(off)?;
        Ok(advantages)
    }

    /// Writes what is to be known to go on.
    pub(crate) fn save(&self, checkpoint: &Path) -> Result<(), Error> {
        write(&checkpoint.join(STATE), &self.adaptive.state())?;
        self.replay.as_ref().map_or(Ok(()), |replay| write(&checkpoint.join(REPLAY), replay.state()))
    }

    /// Goes on from a checkpoint.
    pub(crate) fn restore(&mut self, checkpoint: &Path) -> Result<(), Error> {
        let state: AdaptiveState = read(&checkpoint.join(STATE))?;
        self.adaptive.restore(state)?;
        if let Some(replay) = &mut self.replay {
            let state: ReplayState<Kept> = read(&checkpoint.join(REPLAY))?;
            replay.restore(state)?;
        }
        Ok(())
    }
}

impl Question {
    /// The question under the same number wherever it is asked: a hash of its prompt, mixed.
    pub(crate) fn id(&self) -> u64 {
        let hash = fnv(&self.prompt);
        (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
    }

    /// As group formation knows it.
    pub(crate) fn as_prompt(&self) -> Prompt {
        Prompt { difficulty: self.difficulty, ..Prompt::new(self.id()) }
    }
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(value).map_err(|e| Error::io("write", path)(e.into()))?;
    write_atomically(path, text.as_bytes())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text).map_err(|e| Error::Resume { path: path.into(), problem: e.to_string() })
}
