use crate::{OptimizerConfig, Update, recipe::rate};
use burn::{
    module::Module,
    optim::ModuleOptimizer,
    tensor::{Int, Tensor},
};
use grpo_core::{AdvantageEstimator, Clip, LossInputs, Objective, Scale, Surrogate, column};
use grpo_rollout::Policy;

/// GRPO as introductions write it down: a policy, a learning rate, an ε, a group size.
///
/// ```text
/// A_i = (r_i - mean(r)) / std(r)                       over the group
/// L   = -1/G Σ_i min(ratio_i A_i, clip(ratio_i, 1-ε, 1+ε) A_i),      ratio_i = π(a_i|s_i) / π_old(a_i|s_i)
/// ```
///
/// The policy is any [`Module`] that signs [`Policy`]; its parameters must be on an autodiff device. The optimizer is Adam
/// (AdamW without decay).
pub struct GrpoLearner<P: Module> {
    /// The policy being trained.
    pub policy: P,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// The range that ratios are clipped to is `1 ± epsilon`.
    pub epsilon: f64,
    /// Episodes compared with each other.
    pub group_size: usize,
    optimizer: ModuleOptimizer,
}

impl<P: Module> GrpoLearner<P> {
    /// A learner with the textbook's settings: learning rate 0.001, ε 0.2, groups of 16.
    pub fn new(policy: P) -> Self {
        Self {
            policy,
            learning_rate: 0.001,
            epsilon: 0.2,
            group_size: 16,
            optimizer: OptimizerConfig::default().init(),
        }
    }

    /// Advantages of whole groups, one after another: `rewards` is `[groups * group_size]`, and so is the result. A group whose rewards are
    /// all equal gets zeros.
    ///
    /// # Errors
    /// When the rewards don't divide into groups or aren't finite.
    pub fn compute_group_advantages(&self, rewards: &[f64]) -> Result<Vec<f64>, crate::Error> {
        let estimator = AdvantageEstimator { scale: Scale::Group, ..AdvantageEstimator::default() };
        Ok(estimator.estimate(rewards, self.group_size)?.values)
    }
}

impl<P: Module + Policy> GrpoLearner<P> {
    /// One optimizer step on `[groups * group_size]` episodes of one action each; returns the loss before it.
    ///
    /// `actions` and `old_log_probs` are `[episodes, steps]`; a reward belongs to a whole episode.
    ///
    /// # Errors
    /// When numbers don't fit together, or the loss or its gradient is not finite: the policy is then unchanged.
    pub fn update_policy(
        &mut self,
        states: &P::States,
        actions: Tensor<2, Int>,
        rewards: &[f64],
        old_log_probs: Tensor<2>,
    ) -> Result<f64, crate::Error> {
        rate("learning_rate", self.learning_rate)?;
        let advantages = self.compute_group_advantages(rewards)?;
        let [episodes, steps] = actions.dims();
        if episodes != rewards.len() {
            let count = grpo_rollout::Error::Count { what: "actions", got: episodes, want: rewards.len() };
            return Err(count.into());
        }
        let mut objective = Objective::grpo();
        objective.kl = None;
        objective.surrogate =
            Surrogate::Clip(Clip { low: self.epsilon, high: self.epsilon, ..Clip::default() });
        objective.validate()?;
        let log_probs = self.policy.log_prob(states, actions)?;
        let device = log_probs.device().without_autodiff();
        let mask = Tensor::<2, Int>::ones([episodes, steps], &device).bool();
        let weights = objective.aggregate.row_weights(&vec![steps; episodes]);
        let mut inputs =
            LossInputs::new(log_probs, column(&advantages, &device), mask, column(&weights, &device));
        inputs.old_log_probs = Some(old_log_probs);
        let outputs = objective.loss(inputs)?;

        let mut update = Update::default();
        update.add(&self.policy, Update::gradients(&self.policy, &outputs.loss));
        let loss = f64::from(outputs.loss.into_scalar::<f32>());
        let (policy, rate) = (self.policy.clone(), self.learning_rate);
        let (policy, _) =
            update.apply_finite(policy, &mut self.optimizer, rate, f64::INFINITY, loss, ("grpo", 0))?;
        self.policy = policy;
        Ok(loss)
    }
}
