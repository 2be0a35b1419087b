use crate::{Error, OptimizerConfig};
use grpo_core::{AdvantageEstimator, KlPlacement, Objective, Scale};
use grpo_lm::{ChatConfig, LoraConfig};
use grpo_rewards::{RewardKind, RewardSet, RewardSpec};
use grpo_rollout::Sampling;
use grpo_rollout::adaptive::{AdaptiveConfig, GroupSizes, Membership};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

mod checks;
mod data;
mod evaluation;
mod guard;
mod model;
mod records;
mod stages;
mod text;

pub use data::{BankConfig, CsvConfig, DataConfig, DataFile, JsonlConfig};
pub use evaluation::{EvaluationConfig, Metric};
pub use guard::GuardConfig;
pub use model::{ModelConfig, ModelFolder, RandomModel, WeightType};
pub use records::RecordsConfig;
pub use stages::{GrpoConfig, ImitationConfig};

pub(crate) use checks::{at_least_one, check_name, rate};
pub(crate) use text::{changes_applied, parse, written};

/// Everything that decides a run. `config.toml` in the run folder is this value written out in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run folder.
    pub name: String,
    /// Decides initial weights, questions, their order, and every draw of every rollout.
    #[serde(default)]
    pub seed: u64,
    /// Where questions come from.
    pub data: DataConfig,
    /// What is trained.
    pub model: ModelConfig,
    /// A low-rank adapter that is trained instead of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// Questions are put as messages of a conversation, by the model's own template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatConfig>,
    /// Stage 1: supervised training on worked solutions. Left out, training starts with GRPO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imitation: Option<ImitationConfig>,
    /// Stage 2: GRPO.
    pub grpo: GrpoConfig,
    /// How groups are formed: which questions, how often, compared with whom. By default everything adaptive is off.
    #[serde(default)]
    pub adaptive: AdaptiveConfig,
    /// How completions are drawn during GRPO.
    #[serde(default)]
    pub sampling: Sampling,
    /// How rewards become advantages.
    #[serde(default)]
    pub advantages: AdvantageEstimator,
    /// What is minimised.
    #[serde(default)]
    pub objective: Objective,
    /// AdamW, for both stages; each starts with a fresh state.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// What a completion is worth in training: a weighted sum.
    pub rewards: Vec<RewardSpec>,
    /// The held-out evaluation.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// The check of training completions beside their reward.
    #[serde(default)]
    pub guard: GuardConfig,
    /// Records of the last evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsConfig>,
    /// Steps between two checkpoints of a run; 0 saves only at the end of a stage and on an interrupt.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: usize,
}

fn checkpoint_every() -> usize {
    50
}

impl Recipe {
    /// Parses and checks a recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with line and key for what isn't a recipe, [`Error::Setting`] for impossible values.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let recipe: Self = parse(text)?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads, changes and checks a recipe. `changes` are `key=value` pairs with dotted keys, as in
    /// `grpo.group_size=8`; values are TOML, and what isn't TOML is taken as text.
    ///
    /// # Errors
    /// As [`Recipe::from_toml`]; a change names its key.
    pub fn with_changes(text: &str, changes: &[String]) -> Result<Self, Error> {
        Self::from_toml(&changes_applied(text, changes)?)
    }

    /// The recipe written out in full.
    ///
    /// # Errors
    /// When a value can't be written as TOML (a seed above 2^63).
    pub fn to_toml(&self) -> Result<String, Error> {
        written(self)
    }

    /// Takes relative paths as relative to `base`, the recipe's folder.
    pub fn resolve_paths(&mut self, base: &Path) {
        let resolve = |path: &mut PathBuf| {
            if path.is_relative() {
                *path = base.join(&path);
            }
        };
        self.data.paths_mut().into_iter().for_each(resolve);
        for spec in self.reward_specs_mut() {
            // Without a working directory, nothing relative can be found anyway.
            let _ = spec.kind.make_paths_absolute();
        }
        if let ModelConfig::Folder(folder) = &mut self.model {
            resolve(&mut folder.path);
        }
    }

    /// The rewards, and those that are metrics.
    fn reward_specs_mut(&mut self) -> impl Iterator<Item = &mut RewardSpec> {
        let metrics = std::iter::once(&mut self.evaluation.metric).chain(&mut self.guard.metric);
        let metrics = metrics.filter_map(|metric| match metric {
            Metric::Score(spec) => Some(spec),
            Metric::FinalText => None,
        });
        self.rewards.iter_mut().chain(metrics)
    }

    /// Checks every value and every combination.
    ///
    /// # Errors
    /// Names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        check_name(&self.name, self.seed)?;
        self.data.validate()?;
        self.model.validate()?;
        if let Some(imitation) = &self.imitation {
            imitation.validate()?;
        }
        self.grpo.validate()?;
        self.sampling.validate()?;
        if self.sampling.temperature == 0.0 {
            return Err(Error::setting(
                "sampling.temperature",
                "is 0",
                "greedy completions of one prompt are all equal, so nothing could be learnt: use for instance 1.0",
            ));
        }
        self.validate_model()?;
        self.validate_groups()?;
        self.advantages.validate()?;
        self.objective.validate()?;
        self.validate_penalties()?;
        self.optimizer.validate()?;
        RewardSet::from_specs(&self.rewards)?;
        self.validate_groups_of_rewards()?;
        self.evaluation.validate()?;
        self.guard.validate()?;
        self.records.as_ref().map_or(Ok(()), RecordsConfig::validate)
    }

    /// The adapter and the types of weights beside the other settings.
    fn validate_model(&self) -> Result<(), Error> {
        let own = |error: grpo_lm::Error| match error {
            grpo_lm::Error::Config { key, value, reason } => {
                Error::setting(key, format!("is {value}"), reason)
            }
            other => other.into(),
        };
        self.lora.as_ref().map_or(Ok(()), |lora| lora.validate().map_err(own))?;
        match (&self.model, &self.lora) {
            (ModelConfig::Random(_), Some(_)) => Err(Error::setting(
                "lora",
                "is set beside `model.start = \"random\"`",
                "an adapter needs weights that are worth keeping: use start = \"folder\"",
            )),
            (ModelConfig::Folder(folder), None)
                if !matches!(folder.dtype, WeightType::Auto | WeightType::F32) =>
            {
                Err(Error::setting(
                    "model.dtype",
                    "is narrower than f32, but all weights are trained",
                    "use \"f32\", or train an adapter ([lora])",
                ))
            }
            (ModelConfig::Random(_), None) if self.chat.is_some() => Err(Error::setting(
                "chat",
                "is set, but a model with random weights has no chat template",
                "leave [chat] out",
            )),
            _ => Ok(()),
        }?;
        if self.objective.kl.is_some_and(|kl| kl.exact) && !self.sampling.is_plain() {
            return Err(Error::setting(
                "objective.kl.exact",
                "is set beside sampling rules that leave tokens out or penalise them",
                "the exact divergence is that of whole distributions: leave it out, or the rules in [sampling]",
            ));
        }
        Ok(())
    }

    /// Rewards that need groups of a certain size.
    fn validate_groups_of_rewards(&self) -> Result<(), Error> {
        for (index, spec) in self.rewards.iter().enumerate() {
            if let RewardKind::PassAtK(credit) = &spec.kind
                && credit.k > self.grpo.group_size
            {
                let problem =
                    format!("is {}, more than `grpo.group_size` = {}", credit.k, self.grpo.group_size);
                return Err(Error::setting(
                    format!("rewards[{index}].k"),
                    problem,
                    "use at most the size of a group",
                ));
            }
        }
        Ok(())
    }

    /// Group formation beside the other settings.
    fn validate_groups(&self) -> Result<(), Error> {
        self.adaptive.validate()?;
        let (prompts, group) = (self.grpo.prompts_per_step, self.grpo.group_size);
        if let GroupSizes::Neyman { min_size, max_size } = self.adaptive.groups
            && !(min_size..=max_size).contains(&group)
        {
            let problem = format!("has bounds {min_size} to {max_size}, but `grpo.group_size` is {group}");
            let fix = "that is the mean size of a group: put it between the bounds";
            return Err(Error::setting("adaptive.groups.neyman", problem, fix));
        }
        if let Some(dynamic) = self.adaptive.dynamic
            && (prompts as f64 * dynamic.max_oversampling) < (prompts + 1) as f64
        {
            let problem =
                format!("is {}, which for {prompts} prompts is no group more", dynamic.max_oversampling);
            return Err(Error::setting(
                "adaptive.dynamic.max_oversampling",
                problem,
                "use a larger number, for instance 3",
            ));
        }
        if let Membership::Cluster { .. } = self.adaptive.membership {
            let fix =
                "questions have no learners: use \"question\" or a `difficulty`; clusters are for tutors";
            return Err(Error::setting("adaptive.membership", "is a `cluster` of learners", fix));
        }
        if self.adaptive.replay.is_some() && self.grpo.iterations == 1 && self.objective.proximal.is_some() {
            let fix = "leave one of them out";
            return Err(Error::setting("adaptive.replay", "is set beside `objective.proximal`", fix));
        }
        Ok(())
    }

    /// Penalties that would be something else than they seem beside the other settings.
    fn validate_penalties(&self) -> Result<(), Error> {
        let from_reward = self.objective.kl.is_some_and(|kl| kl.placement == KlPlacement::Reward);
        if from_reward && matches!(self.advantages.scale, Scale::Group | Scale::GroupPopulation) {
            return Err(Error::setting(
                "objective.kl.placement",
                "is \"reward\", but each group's rewards are divided by their own standard deviation",
                "that cancels beta wherever answers are equally good: set `advantages.scale` to \"batch\" or \"none\"",
            ));
        }
        if self.objective.proximal.is_some() && self.grpo.iterations == 1 {
            return Err(Error::setting(
                "objective.proximal",
                "is set, but `grpo.iterations` is 1",
                "in the first pass the policy is the one that sampled, so that only rounding would be punished: use at least 2 iterations",
            ));
        }
        Ok(())
    }
}
