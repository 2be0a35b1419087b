//! Rewards outside this program: a child process (`kind = "process"`) or a service (`kind = "http"`), so that Python
//! rewards and language models that judge can be used without Rust.
//!
//! # The protocol
//!
//! A request is one JSON object: a line on the program's standard input, or the body of a POST. It holds a
//! number and a batch of samples:
//!
//! ```json
//! {"id": 7, "samples": [{"prompt": "2 + 2 =", "completion": "#### 4", "reference": "4", "truncated": false,
//!                        "tokens": 3, "group": 0, "choices": ["3", "4"]}]}
//! ```
//!
//! | key | |
//! |---|---|
//! | `prompt`, `completion` | the question as the policy saw it, and its answer |
//! | `reference` | the known answer, or null |
//! | `truncated` | whether the length limit cut the completion off |
//! | `tokens` | the completion's length in tokens, or null where it is not known |
//! | `group` | samples with the same number answer the same prompt |
//! | any other | the further fields of the row of data, under their own names (not those named above) |
//!
//! The answer is one JSON object as well, on one line of the standard output, or as the body of a reply with
//! status 200. It repeats `id` (by HTTP it may be left out) and has one entry per sample, in their order:
//!
//! ```json
//! {"id": 7, "scores": [1.0]}
//! ```
//!
//! | entry | means |
//! |---|---|
//! | `1.0`, `true` | the score (true is 1, false 0) |
//! | `null` | not applicable: the reward has nothing to say about this sample |
//! | `{"score": 0.5, "reason": "half right", "extracted": "4"}` | a score, why, and what was judged (both optional) |
//! | `{"error": "the judge timed out"}` | no score for this sample; recorded as failed with this reason |
//!
//! `{"id": 7, "error": "why"}` fails the whole batch. An answer is at most 16 MiB. A program writes nothing else to its
//! standard output; its error output is kept, and the last lines of it stand in the reasons of failures.
//!
//! ```
//! use grpo_rewards::external::ChildProcess;
//! use grpo_rewards::{RewardSet, RewardSpec};
//!
//! let spec: RewardSpec = serde_json::from_str(
//!     r#"{ "kind": "process", "command": ["python3", "reward.py"], "time_limit": 10 }"#,
//! )?;
//! assert_eq!(spec.kind, ChildProcess { time_limit: 10.0, ..ChildProcess::new(["python3", "reward.py"]) }.into());
//! let set = RewardSet::from_specs(&[spec])?; // nothing is started before the first batch
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batches;
mod child;
#[cfg(feature = "http")]
mod client;
mod process;
mod protocol;
mod secret;
mod service;

pub use process::ChildProcess;
pub use secret::{FromEnv, MissingText, Text};
pub use service::HttpService;

use crate::{Outcome, Score};
use batches::Unit;

/// The largest answer to one request, in bytes.
const MAX_ANSWER: u64 = 16 << 20;
/// The most samples in one request.
const MAX_BATCH: usize = 65_536;

/// The outcomes of batches, back in the order of the samples.
fn in_order(
    count: usize,
    batches: &[&[Unit]],
    outcomes: impl IntoIterator<Item = Vec<Outcome>>,
) -> Vec<Outcome> {
    let mut ordered = vec![Outcome::Failed("it was not asked".into()); count];
    let places = batches.iter().flat_map(|batch| batch.iter().flatten());
    for (&place, outcome) in places.zip(outcomes.into_iter().flatten()) {
        if let Some(slot) = ordered.get_mut(place) {
            *slot = outcome;
        }
    }
    ordered
}

/// The outcome of a single sample as a reward's answer.
fn single(outcomes: Vec<Outcome>) -> Option<Score> {
    match outcomes.into_iter().next() {
        Some(Outcome::Scored(score)) => Some(score),
        Some(Outcome::Failed(why)) => Some(Score::failed(why)),
        Some(Outcome::NotApplicable) | None => None,
    }
}
