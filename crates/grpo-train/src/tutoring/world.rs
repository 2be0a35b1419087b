use crate::Error;
use grpo_edu::{EduError, Layout, students::Recorded};
use grpo_rollout::Environment;
use rand_chacha::ChaCha8Rng;

use super::Role;

/// What a learner is drawn for. The same index gives other learners for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be taught in training.
    Training,
    /// To tune what a tutor is compared with.
    Tuning,
    /// To be examined with; nobody learns from them.
    Examination,
}

impl Purpose {
    /// The name of the stream that learners are drawn from.
    pub fn domain(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Tuning => "tuning",
            Self::Examination => "examination",
        }
    }
}

/// Where sessions come from: a kind of learner and a task.
pub trait World: Sync {
    /// A session with one learner.
    type Session: Environment<Error = EduError> + Recorded + Sync + Send;

    /// A session with learner `index` that has just begun.
    ///
    /// # Errors
    /// When no such learner can be drawn.
    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<Self::Session, EduError>;

    /// How observations and actions are laid out.
    fn layout(&self) -> Layout;

    /// Names of the actions.
    fn actions(&self) -> Vec<String>;

    /// No session is longer.
    fn max_steps(&self) -> usize;

    /// What a session is worth, in words.
    fn measure(&self) -> &'static str;

    /// Whether the tutor is shown what is inside of the learner.
    fn shows_inside(&self) -> bool {
        false
    }

    /// Tutors to compare with, tuned on learners of [`Purpose::Tuning`] where they have something to tune.
    ///
    /// # Errors
    /// When one can't be made.
    fn rivals(&self, seed: u64) -> Result<Vec<Rival<Self::Session>>, Error>;
}

/// A tutor that learns nothing.
pub struct Rival<S> {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Teaches: from the start of a session, the learner's luck and draws of its own to the reward of each step.
    pub teach: Teach<S>,
}

/// How a [`Rival`] teaches one session.
pub type Teach<S> =
    Box<dyn Fn(&S, &mut ChaCha8Rng, &mut ChaCha8Rng) -> Result<Vec<f64>, EduError> + Sync + Send>;

impl<S: Environment<Error = EduError>> Rival<S> {
    /// A tutor that makes one choice after another. `begin` makes a new one for each session, which may remember what it wants.
    pub fn choosing<C: FnMut(&S, &mut ChaCha8Rng) -> usize>(
        name: impl Into<String>,
        role: Role,
        begin: impl Fn(&S) -> C + Sync + Send + 'static,
    ) -> Self {
        let teach = move |start: &S, luck: &mut ChaCha8Rng, draws: &mut ChaCha8Rng| {
            let (mut session, mut choose) = (start.clone(), begin(start));
            let mut rewards = Vec::new();
            loop {
                let transition = session.step(choose(&session, draws), luck)?;
                rewards.push(transition.reward);
                if transition.done {
                    return Ok(rewards);
                }
            }
        };
        Self { name: name.into(), role, teach: Box::new(teach) }
    }
}

/// Any action that is allowed, each equally likely.
pub(super) fn any_allowed<S: Environment<Error = EduError> + 'static>(name: &str) -> Rival<S> {
    Rival::choosing(name, Role::Baseline, |_: &S| {
        |session: &S, draws: &mut ChaCha8Rng| {
            let mut allowed = vec![true; session.actions()];
            session.allow(&mut allowed);
            let weights: Vec<f64> = allowed.into_iter().map(|ok| f64::from(u8::from(ok))).collect();
            grpo_edu::Draws::weighted(draws, &weights)
        }
    })
}
