use super::{Curriculum, DifficultyConfig, DynamicSampling, GroupSizes, Membership, ReplayConfig, Selection};
use crate::Error;
use serde::{Deserialize, Serialize};

/// How groups are formed. By default everything is off: the prompts as they are given, groups of one size, every question's
/// episodes compared with each other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveConfig {
    /// Which episodes are compared with each other.
    pub membership: Membership,
    /// Which of the candidate questions are asked.
    pub selection: Selection,
    /// How many completions each prompt gets.
    pub groups: GroupSizes,
    /// How the running solve rates are kept.
    pub difficulty: DifficultyConfig,
    /// Which questions may be asked at which step.
    pub curriculum: Curriculum,
    /// Groups without spread are replaced; off if absent.
    pub dynamic: Option<DynamicSampling>,
    /// Informative groups are used again; off if absent.
    pub replay: Option<ReplayConfig>,
}

impl AdaptiveConfig {
    /// Refuses values, and combinations of values, that can't work.
    ///
    /// # Errors
    /// [`Error::Setting`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        self.membership.validate()?;
        self.groups.validate()?;
        self.difficulty.validate()?;
        self.curriculum.validate()?;
        self.dynamic.iter().try_for_each(DynamicSampling::validate)?;
        self.replay.iter().try_for_each(ReplayConfig::validate)?;
        let by_question = self.membership == Membership::Question;
        if self.dynamic.is_some() && !by_question {
            return Err(setting(
                "dynamic",
                "set",
                "a group is replaced by its question, so use `membership = \"question\"`, or leave `dynamic` out",
            ));
        }
        if let GroupSizes::Neyman { min_size: 1, .. } = self.groups
            && by_question
        {
            return Err(setting(
                "groups.neyman.min_size",
                1,
                "with `membership = \"question\"` an episode is compared with others of its question: use at least 2",
            ));
        }
        Ok(())
    }

    /// Whether anything asks for running solve rates. If not, nothing is recorded.
    pub fn tracks_difficulty(&self) -> bool {
        matches!(self.membership, Membership::Difficulty { .. })
            || self.selection == Selection::Thompson
            || matches!(self.groups, GroupSizes::Neyman { .. })
            || self.curriculum != Curriculum::None
    }
}

pub(super) fn setting(key: &'static str, value: impl ToString, reason: &'static str) -> Error {
    Error::Setting { key, value: value.to_string(), reason }
}
