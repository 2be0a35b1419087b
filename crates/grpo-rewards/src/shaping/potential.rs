//! Rewards on the way that leave the best policy as it is.
//!
//! Learning shows at the end of a session, and a tutor would like to hear earlier which step brought it. A
//! bonus for every step that looks good is paid for looking good: a tutor collects it again and again
//! instead of teaching. Potential-based shaping (Ng, Harada and Russell 1999, "Policy invariance under
//! reward transformations") adds
//!
//! ```text
//! F(s, s') = γ Φ(s') - Φ(s)        with Φ = 0 once the episode is over
//! ```
//!
//! instead. Over an episode this adds up to `-Φ(start)`, whatever is done, so that the order of policies
//! stays the same. The second half of the line matters: where the last state keeps its potential, an
//! episode is paid `γᵀ Φ(end)` for where it ends, and the best policy changes (Grześ 2017, "Reward shaping
//! in episodic reinforcement learning"). An episode that a limit on its length ends is over too, as long as
//! nothing estimates what would have come after it.
//!
//! What it does for GRPO follows. The episodes of a group begin in the same state, so that with γ = 1 their
//! returns all change by the same number: **advantages for whole episodes stay exactly as they were**, and
//! shaping is of no use there. It is where a step is judged by what came after it: its return is `G - Φ(s)`
//! then, and the potential serves as the baseline that a critic would otherwise have to learn.

use serde::{Deserialize, Serialize};

use super::mastery::check_threshold;
use super::session::Session;
use crate::RewardError;
use crate::spec::finite;

/// How a list of potentials ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The episode is over, by itself or by a limit: its last state's potential counts as 0.
    #[default]
    Over,
    /// It is a piece of an episode whose rest is estimated from the last state, as a critic does.
    GoesOn,
}

/// `γ Φ(s') - Φ(s)` for each step. `potentials` are those of the states before each step and after the last
/// one, `[steps + 1]`; the result has one entry per step. Nothing for fewer than two states.
///
/// ```
/// use grpo_rewards::shaping::{Ending, shaping_rewards};
/// assert_eq!(shaping_rewards(&[0.25, 0.5, 0.75], 1.0, Ending::Over), [0.25, -0.5]);
/// assert_eq!(shaping_rewards(&[0.25, 0.5, 0.75], 1.0, Ending::GoesOn), [0.25, 0.25]);
/// ```
pub fn shaping_rewards(potentials: &[f64], discount: f64, ending: Ending) -> Vec<f64> {
    let last = potentials.len().saturating_sub(2);
    let after = |step: usize, potential: f64| match ending {
        Ending::Over if step == last => 0.0,
        Ending::Over | Ending::GoesOn => potential,
    };
    let steps = potentials.windows(2).enumerate();
    steps.map(|(step, pair)| discount * after(step, pair[1]) - pair[0]).collect()
}

/// How promising a state is, from 0 to 1: a function of what is known of the learner, and of nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Potential {
    /// The mean mastery of all skills.
    #[default]
    MeanMastery,
    /// The share of skills whose mastery is at least this, above 0 up to 1.
    MasteredAt(f64),
}

impl Potential {
    fn of(self, mastery: f64) -> f64 {
        match self {
            Self::MeanMastery => mastery,
            Self::MasteredAt(threshold) => f64::from(u8::from(mastery >= threshold)),
        }
    }
}

/// The table `[shaping]` of a recipe: potential-based shaping by a learner's mastery.
///
/// ```
/// use grpo_rewards::shaping::{PotentialShaping, Session, SessionRecord, Step};
///
/// let shaping = PotentialShaping { weight: 2.0, ..PotentialShaping::default() };
/// let learnt = |mastery| Step { mastery: vec![(0, mastery)], ..Step::default() };
/// let session = Session::new(SessionRecord {
///     initial_mastery: vec![0.25],
///     steps: vec![learnt(0.5), learnt(0.75)],
///     ..SessionRecord::new(1)
/// })?;
/// assert_eq!(shaping.rewards(&session), Some(vec![0.5, -1.0]));
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PotentialShaping {
    /// What is promising. Default: the mean mastery of all skills.
    pub potential: Potential,
    /// The factor of the potential, in units of the reward: what full mastery is worth. Default: 1.
    pub weight: f64,
    /// γ, above 0 up to 1: the same as the training's, or the guarantee is void. Default: 1.
    pub discount: f64,
}

impl Default for PotentialShaping {
    fn default() -> Self {
        Self { potential: Potential::default(), weight: 1.0, discount: 1.0 }
    }
}

impl PotentialShaping {
    /// Checks every value.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the key and what would fix it.
    pub fn validate(&self) -> Result<(), RewardError> {
        finite("weight", self.weight)?;
        if !(self.discount > 0.0 && self.discount <= 1.0) {
            let fix = "use a number above 0, at most 1, the same as the training's";
            return Err(RewardError::invalid("discount", format!("is {}", self.discount), fix));
        }
        match self.potential {
            Potential::MeanMastery => Ok(()),
            Potential::MasteredAt(threshold) => {
                check_threshold(threshold).map_err(|error| error.within("potential.mastered_at"))
            }
        }
    }

    /// The weighted potential of a learner with this mastery, `[skills]`; 0 where there is no skill.
    pub fn potential(&self, mastery: &[f64]) -> f64 {
        let sum: f64 = mastery.iter().map(|&mastery| self.potential.of(mastery)).sum();
        self.weight * sum / mastery.len().max(1) as f64
    }

    /// The weighted potentials before each step and after the last one, `[steps + 1]`; `None` where mastery
    /// is not known.
    ///
    /// Takes time for what the steps changed, not for all skills at each step.
    pub fn potentials(&self, session: &Session) -> Option<Vec<f64>> {
        let mut mastery = session.initial_mastery()?.to_vec();
        let skills = mastery.len().max(1) as f64;
        let mut sum: f64 = mastery.iter().map(|&mastery| self.potential.of(mastery)).sum();
        let mut potentials = vec![self.weight * sum / skills];
        for step in session.steps() {
            for &(skill, after) in &step.mastery {
                sum += self.potential.of(after) - self.potential.of(mastery[skill]);
                mastery[skill] = after;
            }
            potentials.push(self.weight * sum / skills);
        }
        Some(potentials)
    }

    /// What is added to each step's reward, `[steps]`; the session is over after its last step. `None`
    /// where mastery is not known.
    pub fn rewards(&self, session: &Session) -> Option<Vec<f64>> {
        Some(shaping_rewards(&self.potentials(session)?, self.discount, Ending::Over))
    }
}
