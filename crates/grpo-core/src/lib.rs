//! The mathematics of Group Relative Policy Optimization (GRPO) on [burn](https://burn.dev) tensors, and
//! nothing else.
//!
//! GRPO trains a policy by letting it answer the same question several times, scoring the answers, and
//! raising the probability of those that beat their own group. This crate is the part between the scores and
//! the optimizer:
//!
//! ```text
//!  rewards ──► advantages ──► ratio ──► surrogate ──► KL penalty ──► aggregate ──► loss
//!  [groups,    A = (r − mean)  r = π_θ   −min(r·A,     + β·k3         Σ w·L          + diagnostics
//!   G]           / (std + ε)     / π_old   clip(r)·A)
//!    └── host ──┘ └──────────────────── [episodes, steps], on the device ───────────────────┘
//! ```
//!
//! # The shortest useful program
//!
//! One optimizer step on a model of one's own: two questions, two answers each, three steps per answer. Ten lines of it are this
//! crate's; `examples/custom-loop` is a whole program of that kind.
//!
//! ```
//! use burn::{nn::LinearConfig, optim::{AdamWConfig, GradientsParams}, tensor::{Bool, Distribution, Int, Tensor}};
//! use grpo_core::{AdvantageEstimator, LossInputs, Objective, token_log_probs};
//!
//! # fn main() -> Result<(), grpo_core::Error> {
//! # let device = grpo_device::from_env().expect("a device").autodiff();
//! let mut policy = LinearConfig::new(8, 5).init(&device); // any burn module that gives logits
//! let mut optimizer = AdamWConfig::new().init();
//! let states = Tensor::<3>::random([4, 3, 8], Distribution::Default, &device);
//! let actions = Tensor::<2, Int>::from_data([[1, 0, 4], [2, 2, 0], [3, 1, 1], [0, 4, 2]], &device); // as sampled
//! let mask = Tensor::<2, Bool>::from_data([[true, true, true], [true, true, false], [true; 3], [true; 3]], &device);
//!
//! let objective = Objective::dapo();
//! let advantages = AdvantageEstimator::default().estimate(&[1.0, 0.0, 0.5, 0.5], 2)?; // rewards, groups of two
//! let log_probs = token_log_probs(policy.forward(states), actions, 1.0)?;
//! let weights = objective.aggregate.weights(mask.clone());
//! let outputs = objective.loss(LossInputs::new(log_probs, advantages.to_tensor(&device), mask, weights))?;
//! println!("share of clipped steps: {}", outputs.diagnostics.read()?.clip_region);
//!
//! let gradients = GradientsParams::from_grads(outputs.loss.backward(), &policy);
//! policy = optimizer.step(1e-3, policy, gradients);
//! # let _ = policy; Ok(()) }
//! ```
//!
//! # The objective
//!
//! With `r` the importance ratio, `A` the advantage, `w` the weights of the steps and `1[mask]` the steps
//! that are the policy's own:
//!
//! ```text
//! loss = Σ_it w_it · 1[mask_it] · ( policy(r_it, A_it) + β · kl_it + β' · kl'_it )  −  η · Σ_it u_it · H_it
//! ```
//!
//! [`Objective`] has one field per choice, and every choice is independent of the others:
//!
//! | axis | type | choices |
//! |---|---|---|
//! | ratio | [`RatioLevel`] | per token; per answer, length-normalised (GSPO), with token gradients, or the plain product |
//! | surrogate | [`Surrogate`] | PPO clip (asymmetric, two-sided, dual), CISPO, SAPO, VESPO, GMPO, DPPO, REINFORCE, unclipped |
//! | KL | [`KlPenalty`] | k1, \|k1\|, k2, k3, exact; straight-through; importance-weighted; capped; in the loss or out of the reward |
//! | proximal | [`ProximalPenalty`] | the same estimators against the old policy, at all or at chosen steps |
//! | aggregate | [`Aggregate`] | mean of means, token mean, sum over a constant, mean of sums |
//! | advantages (before) | [`AdvantageEstimator`] | group mean, leave-one-out, length-weighted, best of k; scaled by group, batch, non-zero rewards or not |
//! | group weights (before) | [`AdvantageScaling`](advantage::scaling::AdvantageScaling) | by difficulty, mastery, any positive signal, staleness; bounded, mean 1 |
//! | off-policy (beside) | [`correction`], [`entropy`] | importance weights, rejection, off-policy mask, high-entropy and covariance masks |
//! | log-probabilities (before) | [`log_prob`] | from logits, or from hidden states and output head without them |
//!
//! Published algorithms are named points in that space, from [`Objective::grpo`] to [`Objective::vespo`]; the
//! table in [`presets`] shows them with their papers, and where implementations differ.
//!
//! # Micro-batches
//!
//! The weights are made once for the whole optimizer step. A micro-batch takes its rows of them, its losses
//! add up to the loss of the step, and its gradients to the step's gradient: splitting a batch, padding it
//! further or reordering it changes nothing.
//!
//! ```
//! use grpo_core::{Aggregate, column};
//! # let device = grpo_device::from_env().expect("a device");
//!
//! let lengths = [3, 2, 3, 3];                                   // active steps of every episode of the step
//! let weights = Aggregate::SequenceMean.row_weights(&lengths);
//! let first_half = column(&weights[..2], &device);              // [rows, 1], for the first micro-batch
//! # assert_eq!(first_half.dims(), [2, 1]);
//! ```
//!
//! Its [`Diagnostics`] stay on the device; [`merge`](Diagnostics::merge) them and [`read`](Diagnostics::read)
//! them once per step.
//!
//! # What to rely on
//!
//! * Padding may hold anything, NaN and infinities included: inputs are selected by the mask before any
//!   arithmetic, and gradients outside it are exactly zero. A batch with an empty mask has loss zero and
//!   gradient zero.
//! * Log-ratios are bounded before `exp`, and [`Metrics::bound_hits`] counts how often the bound was reached.
//! * Shapes are checked, never broadcast silently: [`Error::Shape`] names the argument.
//! * No I/O, no clock, no global state: the device is that of the tensors, and everything runs on any backend. Log-probabilities
//!   are an operation of this crate's own on the backends among its features (`flex` by default, `ndarray`, `wgpu` for Vulkan and
//!   Metal too, `cuda`, `rocm`), and composed of burn's elsewhere.
//! * Formulas are compared with numbers computed by TRL and verl (`tests/golden`), those that neither has (DPPO, the
//!   plain product of ratios, the exact divergence) with numbers worked out by hand, and gradients with finite
//!   differences.
#![forbid(unsafe_code)]

pub mod advantage;
pub mod aggregate;
pub mod correction;
pub mod diagnostics;
pub mod entropy;
mod error;
pub mod kl;
pub mod log_prob;
mod mask;
pub mod objective;
pub mod ppo;
pub mod presets;
pub mod ratio;
#[doc(hidden)] // for the other crates of this workspace
pub mod simd;
pub mod surrogate;

pub use advantage::{AdvantageEstimator, Advantages, Baseline, Reward, Scale, StepAdvantages};
pub use aggregate::{Aggregate, StepTotals};
pub use correction::{
    CorrectionLevel, ImportanceCorrection, Outside, Rejection, RejectionLevel, SamplerGap, off_policy_keep,
    sampler_gap,
};
pub use diagnostics::{Diagnostics, Metrics};
pub use error::Error;
pub use kl::{KlEstimator, KlPenalty, KlPlacement, ProximalPenalty};
pub use log_prob::{
    EpisodeRules, LinearHead, LogitRules, Support, Tiles, TokenStatistics, linear_kl, linear_log_probs,
    linear_log_probs_under, token_entropies, token_kl, token_log_probs, token_statistics,
};
pub use mask::column;
pub use objective::{LossInputs, LossOutputs, Objective};
pub use ratio::RatioLevel;
pub use surrogate::{Cispo, Clip, Dppo, Gmpo, Sapo, Surrogate, Vespo};

/// The README's program, which is a doc test of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadmeDoctests;
