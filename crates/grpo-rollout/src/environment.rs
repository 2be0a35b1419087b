use rand_chacha::ChaCha8Rng;

/// What one step of one session brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// Reward of this step. The rewards of a session add up to what the session was worth.
    pub reward: f64,
    /// Whether the session is over.
    pub done: bool,
}

/// A world that a policy acts in step by step, for instance one simulated learner with a tutor.
///
/// Cloning an environment gives a session of the *same* learner in the *same* state: that is how the G sessions of a group start.
/// [`play`](crate::play) steps any number of sessions together.
pub trait Environment: Clone {
    /// What can go wrong: an action that doesn't exist, a session that is over.
    type Error: std::fmt::Display;

    /// Number of actions; an action is an index below it.
    fn actions(&self) -> usize;

    /// Number of features of an observation.
    fn features(&self) -> usize;

    /// Writes what the policy sees now into `features` (of [`Environment::features`] entries, all zero).
    fn observe(&self, features: &mut [f32]);

    /// Writes which actions may be taken now into `allowed` (of [`Environment::actions`] entries, all true). At least one must
    /// stay so.
    fn allow(&self, allowed: &mut [bool]) {
        let _ = allowed;
    }

    /// The time now, which never falls: sessions from one start are at the same point when their clocks are. `None` counts steps, which is
    /// right unless actions take different times.
    fn clock(&self) -> Option<u64> {
        None
    }

    /// Takes one action. Whatever is random about its outcome is drawn from `rng`.
    ///
    /// # Errors
    /// When the action doesn't exist or the session is over.
    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, Self::Error>;
}
