use crate::Error;
use grpo_core::AdvantageEstimator;
use grpo_core::ppo::{Gae, generalized_advantages};
use serde::{Deserialize, Serialize};

/// How the rewards of sessions become advantages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// By comparison with the other sessions of the group: GRPO.
    Group(GroupCredit),
    /// By comparison with what a critic expected: PPO.
    Critic(CriticCredit),
}

/// Credit within groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupCredit {
    /// What is subtracted from a session's worth, and what it is divided by.
    pub advantages: AdvantageEstimator,
    /// Whether a step is judged by what came after it ([`AdvantageEstimator::estimate_to_go`]) instead of by the whole session.
    pub to_go: bool,
    /// γ: how much less the next step's reward counts, for `to_go`.
    pub discount: f64,
}

impl Default for GroupCredit {
    /// GRPO's: the whole session.
    fn default() -> Self {
        Self { advantages: AdvantageEstimator::default(), to_go: false, discount: 1.0 }
    }
}

/// Credit by a critic: generalised advantages ([Schulman et al. 2016](https://arxiv.org/abs/1506.02438)), whitened over the step, and the
/// critic's loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CriticCredit {
    /// γ: how much less the next step's reward counts.
    pub discount: f64,
    /// λ: 0 trusts the critic after one step, 1 never.
    pub lambda: f64,
    /// Weight of the critic's loss beside the policy's.
    pub value_weight: f64,
    /// How far a prediction may move from the one before the update, in units of value, before its gradient ends.
    pub value_clip: f64,
}

impl Default for CriticCredit {
    /// PPO's usual values (CleanRL, Stable-Baselines3), without discounting: sessions are short.
    fn default() -> Self {
        Self { discount: 1.0, lambda: 0.95, value_weight: 0.5, value_clip: 0.2 }
    }
}

/// What a critic's credit is for episodes, row by row and step by step.
pub(crate) struct Judged {
    /// Generalised advantages, whitened over all steps of all rows.
    pub(crate) advantages: Vec<Vec<f64>>,
    /// What the critic should have said.
    pub(crate) returns: Vec<Vec<f64>>,
}

impl CriticCredit {
    /// Credit for episodes, given each one's rewards and what the critic said before each of its steps. An episode that a limit cut off is
    /// over as well: its length is part of the task, and what is left of it is in the observation.
    pub(crate) fn judge(&self, rewards: &[Vec<f64>], values: &[Vec<f64>]) -> Result<Judged, Error> {
        let (mut advantages, mut returns) = (Vec::new(), Vec::with_capacity(rewards.len()));
        for (rewards, values) in rewards.iter().zip(values) {
            let (all, steps) = (vec![true; rewards.len()], rewards.len().max(1));
            let gae = generalized_advantages(rewards, values, &all, steps, self.discount, self.lambda)?;
            advantages.extend(gae.advantages);
            returns.push(gae.returns);
        }
        let all = vec![true; advantages.len()];
        let whitened = Gae { advantages, returns: Vec::new() }.whitened(&all)?;
        let mut rest = whitened.into_iter();
        let advantages = returns.iter().map(|steps| rest.by_ref().take(steps.len()).collect()).collect();
        Ok(Judged { advantages, returns })
    }
}

impl Credit {
    /// `grpo` or `ppo`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Group(_) => "grpo",
            Self::Critic(_) => "ppo",
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let share = |key: &str, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(Error::setting(key, format!("is {value}"), "use a number from 0 to 1")),
        };
        let positive = |key: &str, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(Error::setting(key, format!("is {value}"), "use a positive number")),
        };
        match self {
            Self::Group(group) => {
                share("credit.group.discount", group.discount)?;
                if group.discount != 1.0 && !group.to_go {
                    let fix = "leave it at 1, or set `to_go`: a whole session isn't discounted";
                    return Err(Error::setting(
                        "credit.group.discount",
                        format!("is {}", group.discount),
                        fix,
                    ));
                }
                Ok(group.advantages.validate()?)
            }
            Self::Critic(critic) => {
                share("credit.critic.discount", critic.discount)?;
                share("credit.critic.lambda", critic.lambda)?;
                positive("credit.critic.value_weight", critic.value_weight)?;
                positive("credit.critic.value_clip", critic.value_clip)
            }
        }
    }
}
