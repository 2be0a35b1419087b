//! Where episodes come from.
//!
//! This room sits between the questions and the objective:
//!
//! ```text
//! Question ──► rollout ──► Group of G episodes ──► rewards ──► advantages ──► objective
//! ```
//!
//! It holds the contracts that a policy signs, and nothing about any particular policy:
//!
//! * [`Policy`] can be differentiated: the log-probability of given actions in given states;
//! * [`Sampler`] can act: one [`Group`] of G [`Episode`]s per prompt;
//! * [`Environment`] is what a tutoring policy acts in, [`Agent`] how it acts, and [`play`] plays their sessions together;
//! * [`Streams`] are the random numbers: every draw is keyed by (seed, step, prompt, sample), so a resumed
//!   run, another micro-batch size or another order of prompts draws the same ones;
//! * [`Experience`] is one optimizer step's worth of episodes, cut into micro-batches on group boundaries.
//!
//! ```
//! use grpo_rollout::{Sampling, Streams};
//! use rand_chacha::rand_core::RngCore;
//!
//! let sampling = Sampling { temperature: 0.8, ..Sampling::default() };
//! sampling.validate().unwrap();
//!
//! let streams = Streams::new(7);
//! let first = streams.stream(0, 3, 1).next_u64();
//! assert_eq!(first, streams.stream(0, 3, 1).next_u64()); // the same key draws the same number
//! assert_ne!(first, streams.stream(0, 3, 2).next_u64()); // another sample of the same prompt does not
//! ```

pub mod adaptive;
mod environment;
mod episode;
mod error;
mod experience;
mod policy;
mod sampling;
mod session_states;
mod sessions;
mod streams;

pub use environment::{Environment, Transition};
pub use episode::{Episode, FinishReason, Group};
pub use error::Error;
pub use experience::{Experience, MicroBatch};
pub use policy::{Evaluation, Policy, Sampler};
pub use sampling::{Choice, DrawRules, Drawer, Sampling, Support, choose};
pub use session_states::{SessionBatch, SessionStates};
pub use sessions::{Agent, Play, Record, Sessions, play};
pub use streams::Streams;
