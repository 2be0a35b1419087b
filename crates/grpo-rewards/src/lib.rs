//! What an answer is worth: verifiers for text, and several of them as one reward.
//!
//! A wrong reward trains a wrong policy, silently. So every reward here gives a number *and* a reason that a
//! person can read, says when it does not apply instead of guessing, and costs nothing but its own episode
//! when it fails. Plain Rust over strings and numbers: no tensor library is needed.
//!
//! | `kind` | settings | 1 (or more) for |
//! |---|---|---|
//! | `number` | [`number::RightNumber`] | a final answer that is the reference's number, compared exactly |
//! | `math` | [`math::MathAnswer`] | a final answer that is the reference, as mathematics |
//! | `format` | [`text::Format`] | working, then `#### 42`, once |
//! | `exact_match` | [`text::ExactMatch`] | the reference itself |
//! | `regex` | [`text::Pattern`] | a match, in linear time |
//! | `keywords` | [`text::Keywords`] | certain words |
//! | `letter_share`, `initial_share` | [`text::LetterShare`], [`text::InitialShare`] | much of a letter |
//! | `words_per_sentence` | [`text::WordsPerSentence`] | sentences of a wanted length |
//! | `length` | [`length::TargetLength`] | a wanted length |
//! | `cosine_length` | [`length::CosineLength`] | right and short (wrong and short costs most) |
//! | `soft_overlong` | [`length::SoftOverlong`] | never: -1 to 0 near the length limit (DAPO) |
//! | `item` | [`item::ItemScore`] | what the question itself says, where it judges its own answers |
//! | `repetition` | [`repetition::Repetition`] | never: -1 to 0 for repeated n-grams |
//!
//! A recipe lists [`RewardSpec`]s, [`RewardSet`] adds them up, [`reward_fn`] makes a reward of a closure:
//!
//! ```
//! use grpo_rewards::{RewardSet, RewardSpec, Sample};
//!
//! let specs: Vec<RewardSpec> = serde_json::from_str(
//!     r#"[{ "kind": "number" }, { "kind": "format", "weight": 0.2 }]"#,
//! )?;
//! let rewards = RewardSet::from_specs(&specs)?;
//!
//! let question = "Ann has 6 boxes of 7 pens. How many pens?";
//! let answers = ["6 * 7 = 42\n#### 42", "It is 42", "6 + 7 = 13\n#### 13"];
//! let samples = answers.map(|answer| Sample::new(question, answer).with_reference("42"));
//! let result = rewards.evaluate(&samples);
//!
//! assert_eq!(result.combined, [Some(1.2), Some(1.0), Some(0.2)]);
//! assert_eq!(result.columns[0].outcomes[2].reason(), "`13` (after `####`) is not 42");
//! assert_eq!(result.columns[1].mean(), Some(2.0 / 3.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod guard;
pub mod item;
pub mod length;
pub mod math;
pub mod number;
pub mod repetition;
mod reward;
mod set;
mod spec;
pub mod text;

pub use error::RewardError;
pub use reward::{Assess, Reward, Sample, Score, reward_fn};
pub use set::{Column, Evaluation, Outcome, RewardSet};
pub use spec::{RewardKind, RewardSpec};
