//! Language-model policies.
//!
//! A [`LanguageModel`] is a decoder, its tokenizer and its stop tokens. It signs both contracts of `grpo-rollout`:
//! [`Sampler`](grpo_rollout::Sampler) (decode G completions of each prompt together) and
//! [`Policy`](grpo_rollout::Policy) (log-probabilities of given completions, differentiable).
//!
//! Both go through one forward pass that computes *every prompt once for all completions that share it*: the rows of
//! prompts and completions stand in one matrix `[tokens, hidden]` for the linear layers, and the attention of a
//! completion reads the keys of its prompt where they are ([`SharedPrompts`]). A group of 16 completions of 12 tokens
//! after a prompt of 30 thus costs 206 tokens instead of 656, in decoding and in training alike, and the gradient
//! is exactly that of the sixteen separate sequences.
//!
//! ```no_run
//! use grpo_lm::LanguageModel;
//! use grpo_rollout::{Sampler, Sampling, Streams};
//!
//! let device = grpo_device::from_env().unwrap();
//! let model = LanguageModel::load("models/stories260k".as_ref(), &device).unwrap();
//! let prompt = model.tokenizer().encode_prompt("Once upon a time").unwrap();
//! let groups = model.sample(&[prompt], 4, &Sampling::default(), &Streams::new(0), 0).unwrap();
//! for episode in &groups[0].episodes {
//!     println!("{}", model.tokenizer().decode(&episode.actions).unwrap());
//! }
//! ```

mod adapter;
mod chat;
mod checkpoint;
mod config;
mod decode;
mod decoder;
mod dropout;
mod error;
mod family;
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
mod kernel;
mod layer;
mod model;
mod ops;
mod projection;
mod replay;
mod rope;
mod shared_prompts;
mod tensors;
mod tokenizer;
mod weights;

pub use adapter::LoraConfig;
pub use chat::{ChatError, ChatTemplate, Message};
pub use checkpoint::{load_weights, save_weights};
pub use config::DecoderConfig;
pub use decode::CACHE_BYTES;
pub use decoder::Decoder;
pub use error::Error;
pub use model::{ChatConfig, LanguageModel};
pub use replay::Replay;
pub use shared_prompts::SharedPrompts;
pub use tokenizer::Tokenizer;
