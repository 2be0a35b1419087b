//! Adaptive group formation: which questions are asked, how many completions each gets, which episodes are compared, and which
//! groups are replaced or used again.
//!
//! GRPO learns from differences within groups, so a group whose answers are all right (or all wrong) is wasted work.
//! Each part of this module is one way to waste less, and each is off by default:
//!
//! | part | what it decides |
//! |---|---|
//! | [`Curriculum`] | which questions may be asked at a step |
//! | [`Selection`] | which of them are asked: as given, or Thompson sampling over running solve rates ([`Difficulty`]) |
//! | [`GroupSizes`] | how many completions each prompt gets under a fixed budget ([`allocate`]) |
//! | [`Membership`] | which episodes are compared: by question, by learner cluster ([`Clusters`]), by difficulty band |
//! | [`Refill`] | groups without spread are replaced by others |
//! | [`Replay`] | informative groups are used again for some steps |
//!
//! ```
//! use grpo_rollout::adaptive::{Adaptive, AdaptiveConfig, GroupSizes, Prompt, Selection};
//!
//! let config = AdaptiveConfig {
//!     selection: Selection::Thompson,
//!     groups: GroupSizes::Neyman { min_size: 2, max_size: 12 },
//!     ..AdaptiveConfig::default()
//! };
//! let mut adaptive = Adaptive::new(config, 7)?;
//! let candidates: Vec<Prompt> = (0..6).map(Prompt::new).collect();
//! for step in 0..20 {
//!     let asked: Vec<Prompt> =
//!         adaptive.choose(step, &candidates, 4)?.into_iter().map(|i| candidates[i].clone()).collect();
//!     let sizes = adaptive.sizes(step, &asked, 32)?;
//!     for (prompt, &size) in asked.iter().zip(&sizes) {
//!         // Only question 2 is neither hopeless nor trivial.
//!         let reward = |sample: usize| match prompt.id {
//!             2 => (sample % 2) as f64,
//!             id => f64::from(id > 2),
//!         };
//!         let rewards: Vec<f64> = (0..size).map(reward).collect();
//!         adaptive.observe(step, prompt.id, &rewards)?;
//!     }
//! }
//! assert_eq!(adaptive.choose(20, &candidates, 1)?, [2]);
//! assert_eq!(adaptive.sizes(20, &candidates[2..4], 14)?, [11, 3]);
//! # Ok::<(), grpo_rollout::Error>(())
//! ```

mod allocation;
mod beta;
mod clusters;
mod config;
mod curriculum;
mod difficulty;
mod dynamic;
mod membership;
mod replay;

pub use allocation::{GroupSizes, allocate};
pub use clusters::Clusters;
pub use config::AdaptiveConfig;
pub use curriculum::Curriculum;
pub use difficulty::{Difficulty, DifficultyConfig, DifficultyState, Estimate, Posterior, Selection};
pub use dynamic::{Discarded, DynamicSampling, Refill, Tally, Verdict, has_spread};
pub use membership::{ClusterCount, Comparison, Membership};
pub use replay::{Evict, Replay, ReplayConfig, ReplayCounts, ReplayState, Stored};

use crate::{Error, Streams};
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// What group formation has to know about a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The question, under the same number at every step: a hash of its text, or its place in a list.
    pub id: u64,
    /// How hard it is, in `[0, 1]`, where the data say so.
    pub difficulty: Option<f64>,
    /// Features of the learner, the same number for all; only read by [`Membership::Cluster`].
    pub features: Vec<f64>,
}

impl Prompt {
    /// A question of unknown difficulty, without a learner.
    pub fn new(id: u64) -> Self {
        Self { id, difficulty: None, features: Vec::new() }
    }
}

/// Adaptive group formation of one run.
///
/// Every draw is keyed by the seed, the step and the question: neither the order of the candidates nor an interruption changes what is
/// drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptive {
    config: AdaptiveConfig,
    seed: u64,
    difficulty: Difficulty,
    clusters: Option<Clusters>,
    dynamic: Tally,
}

/// What has to be saved to go on exactly. (What can be replayed is saved apart: [`ReplayState`].)
///
/// The format must keep every bit of an `f64`; `serde_json` does so with its feature `float_roundtrip`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveState {
    /// Running solve rates.
    pub difficulty: DifficultyState,
    /// The clusters of learners that were fitted last.
    pub clusters: Option<Clusters>,
    /// What dynamic sampling did in all steps so far.
    pub dynamic: Tally,
}

impl Adaptive {
    /// The start of a run.
    ///
    /// # Errors
    /// [`Error::Setting`] for a configuration that can't work.
    pub fn new(config: AdaptiveConfig, seed: u64) -> Result<Self, Error> {
        config.validate()?;
        let difficulty = Difficulty::new(config.difficulty)?;
        Ok(Self { config, seed, difficulty, clusters: None, dynamic: Tally::default() })
    }

    /// The configuration.
    pub fn config(&self) -> &AdaptiveConfig {
        &self.config
    }

    /// The running solve rates.
    pub fn difficulty(&self) -> &Difficulty {
        &self.difficulty
    }

    /// Chooses `count` of the candidate questions: indices into `candidates`. The curriculum says which may be asked, the selection which
    /// of those are. With neither, these are the first ones in the order given.
    ///
    /// To replace groups within a step, pass the candidates that haven't been asked yet: their draws are the same as before, so all
    /// rounds together choose as one larger round would.
    ///
    /// # Errors
    /// [`Error::Count`] for fewer candidates than `count`, [`Error::Value`] for a difficulty outside of `[0, 1]`, [`Error::Step`] when a
    /// later step was observed.
    pub fn choose(&self, step: u64, candidates: &[Prompt], count: usize) -> Result<Vec<usize>, Error> {
        if candidates.len() < count {
            return Err(Error::Count { what: "candidate questions", got: candidates.len(), want: count });
        }
        if self.config.curriculum == Curriculum::None && self.config.selection == Selection::Given {
            return Ok((0..count).collect());
        }
        let eligible = self.eligible(step, candidates, count)?;
        let prompts: Vec<&Prompt> = eligible.iter().map(|&i| &candidates[i]).collect();
        let streams = Streams::new(self.seed);
        let chosen = match self.config.selection {
            Selection::Thompson => self.difficulty.thompson(&streams, step, &prompts, count)?,
            Selection::Given => {
                let draw = |prompt: &Prompt| streams.stream(step, prompt.id, UNIFORM).next_u64();
                let mut order: Vec<(u64, u64, usize)> =
                    prompts.iter().enumerate().map(|(i, prompt)| (draw(prompt), prompt.id, i)).collect();
                order.sort_unstable();
                order.into_iter().take(count).map(|(_, _, i)| i).collect()
            }
        };
        Ok(chosen.into_iter().map(|i| eligible[i]).collect())
    }

    fn eligible(&self, step: u64, candidates: &[Prompt], count: usize) -> Result<Vec<usize>, Error> {
        let curriculum = self.config.curriculum;
        if curriculum == Curriculum::None {
            return Ok((0..candidates.len()).collect());
        }
        let difficulty = |prompt: &Prompt| {
            let known = prompt.difficulty.filter(|_| matches!(curriculum, Curriculum::Linear { .. }));
            match known {
                Some(value) if !(0.0..=1.0).contains(&value) => Err(Error::Value {
                    what: format!("the difficulty of question {}", prompt.id),
                    value,
                    reason: "give a number from 0 (easy) to 1 (hard)",
                }),
                Some(value) => Ok(value),
                None => Ok(1.0 - self.difficulty.posterior(step, prompt.id)?.solve_rate()),
            }
        };
        let difficulties = candidates.iter().map(difficulty).collect::<Result<Vec<f64>, Error>>()?;
        Ok(curriculum.eligible(step, &difficulties, count))
    }

    /// How many completions each prompt gets; `budget` in all.
    ///
    /// # Errors
    /// [`Error::Budget`] when the budget can't be shared out within the bounds, [`Error::Step`] when a later step was observed.
    pub fn sizes(&self, step: u64, prompts: &[Prompt], budget: usize) -> Result<Vec<usize>, Error> {
        match self.config.groups {
            GroupSizes::Uniform => allocate(budget, &vec![0.0; prompts.len()], 1, budget.max(1)),
            GroupSizes::Neyman { min_size, max_size } => {
                let deviation =
                    |prompt: &Prompt| Ok(self.difficulty.posterior(step, prompt.id)?.variance.sqrt());
                let signals = prompts.iter().map(deviation).collect::<Result<Vec<f64>, Error>>()?;
                allocate(budget, &signals, min_size, max_size)
            }
        }
    }

    /// Which episodes of the step are compared with each other, given the prompts and the episodes of each. Clusters learners anew when it is
    /// time.
    ///
    /// # Errors
    /// [`Error::Count`] when there isn't one size per prompt, or learners have different numbers of features; [`Error::Value`] for a
    /// feature that isn't finite; [`Error::Clustering`] when k-means fails; [`Error::Step`] when a later step was seen.
    pub fn members(&mut self, step: u64, prompts: &[Prompt], sizes: &[usize]) -> Result<Comparison, Error> {
        if prompts.len() != sizes.len() {
            return Err(Error::Count { what: "sizes of groups", got: sizes.len(), want: prompts.len() });
        }
        match self.config.membership {
            Membership::Question => Ok(Comparison::by_question(sizes)),
            Membership::Difficulty { bands } => {
                let band = |prompt: &Prompt| {
                    Ok(membership::band(self.difficulty.posterior(step, prompt.id)?.solve_rate(), bands))
                };
                let labels = prompts.iter().map(band).collect::<Result<Vec<usize>, Error>>()?;
                let places: Vec<Vec<f64>> = (0..bands).map(|band| vec![band as f64]).collect();
                Comparison::by_label(&labels, &places, sizes)
            }
            Membership::Cluster { clusters: asked, every } => {
                let learners: Vec<&[f64]> = prompts.iter().map(|p| p.features.as_slice()).collect();
                let clusters = match &self.clusters {
                    Some(clusters) if clusters.serve(step, asked, every)? => clusters,
                    _ => {
                        let fitted = Clusters::fit(&Streams::new(self.seed), step, &learners, asked)?;
                        self.clusters.insert(fitted)
                    }
                };
                let labels = clusters.assign(&learners)?;
                let comparison = Comparison::by_label(&labels, &clusters.centroids, sizes)?;
                Ok(Comparison { clusters: Some(clusters.count()), ..comparison })
            }
        }
    }

    /// Takes note of the rewards of one group of a question, those of groups that are thrown away included. Without a part that needs running
    /// solve rates, nothing is recorded.
    ///
    /// # Errors
    /// As [`Difficulty::observe`].
    pub fn observe(&mut self, step: u64, id: u64, rewards: &[f64]) -> Result<(), Error> {
        if self.config.tracks_difficulty() { self.difficulty.observe(step, id, rewards) } else { Ok(()) }
    }

    /// The search for a step's `target` informative groups; `None` when dynamic sampling is off.
    pub fn refill(&self, target: usize) -> Option<Refill> {
        self.config.dynamic.map(|dynamic| Refill::validated(target, dynamic))
    }

    /// Adds a finished search to what dynamic sampling did so far.
    pub fn record(&mut self, refill: &Refill) {
        self.dynamic.add(&refill.tally());
    }

    /// An empty replay buffer; `None` when replay is off.
    pub fn replay<G>(&self) -> Option<Replay<G>> {
        self.config.replay.map(|replay| Replay::validated(replay, self.seed))
    }

    /// What has to be saved, and what happened so far.
    pub fn state(&self) -> AdaptiveState {
        AdaptiveState {
            difficulty: self.difficulty.state(),
            clusters: self.clusters.clone(),
            dynamic: self.dynamic,
        }
    }

    /// Goes on from a saved state. On an error, nothing has changed.
    ///
    /// # Errors
    /// [`Error::State`] when it doesn't fit the configuration, or its numbers can't be.
    pub fn restore(&mut self, state: AdaptiveState) -> Result<(), Error> {
        state.clusters.iter().try_for_each(Clusters::check_state)?;
        self.difficulty.restore(state.difficulty)?;
        (self.clusters, self.dynamic) = (state.clusters, state.dynamic);
        Ok(())
    }
}

/// The stream of a question's uniform draw, out of the way of the samples' numbers.
const UNIFORM: u64 = u64::from_be_bytes(*b"selected");
