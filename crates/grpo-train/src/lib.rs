//! The training loop.
//!
//! [`train`] runs a [`Recipe`]: imitation of worked solutions first (if the recipe has that stage), then GRPO. Everything it
//! writes lies in one [`RunFolder`]; [`resume`] continues an interrupted run exactly where it stood, and on a CPU the result is
//! bit for bit that of an uninterrupted one.
//!
//! One GRPO step is four lines of the diagram in `grpo-rollout`: groups are sampled, judged, compared, and the policy is updated.
//! [`SessionTrainer`] is the same step on sessions with an environment, a tutor with simulated learners for instance.
//! For a loop of your own, [`GrpoLearner`] does the textbook's step on any policy, and [`Update`] is the optimizer step alone.
//!
//! ```
//! use burn::{module::Module, nn::{Linear, LinearConfig}, tensor::{Int, Tensor, activation::log_softmax}};
//! use grpo_rollout::{Error, Evaluation, Policy};
//! use grpo_train::GrpoLearner;
//!
//! #[derive(Module, Debug)]
//! struct Bandit { logits: Linear }
//!
//! impl Policy for Bandit {
//!     type States = Tensor<2>;
//!     fn evaluate(&self, states: &Tensor<2>, actions: Tensor<2, Int>) -> Result<Evaluation, Error> {
//!         let all = log_softmax(self.logits.forward(states.clone()), 1);
//!         let entropy = (all.clone() * all.clone().exp()).sum_dim(1).neg();
//!         Ok(Evaluation { log_probs: all.gather(1, actions), entropy })
//!     }
//! }
//!
//! let device = grpo_device::from_env()?.autodiff();
//! let mut learner = GrpoLearner::new(Bandit { logits: LinearConfig::new(2, 3).init(&device) });
//! let states = Tensor::<2>::ones([16, 2], &device);
//! let actions = Tensor::<1, Int>::arange(0..16, &device).remainder_scalar(3).unsqueeze_dim::<2>(1);
//! let old = learner.policy.evaluate(&states, actions.clone())?.log_probs.inner();
//! let rewards: Vec<f64> = (0..16).map(|i| if i % 3 == 0 { 1.0 } else { 0.0 }).collect(); // action 0 is right
//! for _ in 0..3 {
//!     learner.update_policy(&states, actions.clone(), &rewards, old.clone())?;
//! }
//! let new = learner.policy.evaluate(&states, actions)?.log_probs.inner();
//! assert!((new - old).into_data().to_vec::<f32>().unwrap()[0] > 0.0); // action 0 has become more probable
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bench;
pub mod comparing;
mod error;
mod evaluate;
mod folder;
mod forming;
mod gather;
mod grpo;
mod guard;
mod imitation;
mod judge;
mod learner;
mod memory;
mod metrics;
mod observer;
mod part;
mod parts;
mod plan;
mod questions;
mod recipe;
pub mod records;
pub mod report;
mod rollout;
mod rows;
mod run;
mod schedule;
mod sessions;
mod state;
mod summary;
pub mod tutoring;
mod update;
mod workers;

pub use bench::{Bench, BenchResult};
pub use error::Error;
pub use evaluate::{Accuracy, Answer, answer, evaluate};
pub use folder::RunFolder;
pub use learner::GrpoLearner;
pub use metrics::{GrpoMetrics, ImitationMetrics, SampleLine, Stage, StepMetrics};
pub use observer::{Event, Observer, Set, Silent};
pub use plan::{Plan, plan};
pub use questions::{Bank, BankQuestion, Question, Questions, bank_items};
pub use recipe::{
    BankConfig, CsvConfig, DataConfig, DataFile, EvaluationConfig, GrpoConfig, GuardConfig, ImitationConfig,
    JsonlConfig, Metric, ModelConfig, ModelFolder, RandomModel, Recipe, RecordsConfig, WeightType,
};
pub use run::{Ending, Machine, resume, train};
pub use schedule::{Decay, Schedule};
pub use sessions::{
    Appraiser, Credit, CriticCredit, GroupCredit, SessionMetrics, SessionPolicy, SessionTrainer,
};
pub use state::{Evals, State};
pub use summary::Summary;
pub use update::{OptimizerConfig, Update};
pub use workers::Workers;
