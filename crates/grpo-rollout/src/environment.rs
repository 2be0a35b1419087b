/// What one step of one session brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition<O> {
    /// What the tutor sees next.
    pub observation: O,
    /// Reward of this step.
    pub reward: f64,
    /// Whether the session is over.
    pub done: bool,
}

/// A world a tutoring policy acts in, for instance one simulated learner.
///
/// The contract only: nothing samples from environments yet, and `grpo-edu`'s students keep methods of their own until then.
///
/// Cloning an environment gives a session of the *same* learner in the *same* state: that is how a group of G
/// sessions starts (common random numbers).
pub trait Environment: Clone {
    /// What the tutor sees.
    type Observation;
    /// What can go wrong: an action that doesn't exist, a session that is over.
    type Error;

    /// Number of actions; an action is an index below it.
    fn actions(&self) -> usize;

    /// What the tutor sees now.
    fn observe(&self) -> Self::Observation;

    /// Takes one action.
    ///
    /// # Errors
    /// When the action doesn't exist or the session is over.
    fn step(&mut self, action: usize) -> Result<Transition<Self::Observation>, Self::Error>;
}
