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
//! | `tags` | [`text::Tags`] | `<think>` and `<answer>`, in order, each once |
//! | `exact_match` | [`text::ExactMatch`] | the reference itself |
//! | `normalized_match` | [`text::NormalizedMatch`] | the reference but for case, punctuation, articles (SQuAD) |
//! | `f1` | [`text::TokenF1`] | the reference's words (SQuAD) |
//! | `multiple_choice` | [`text::MultipleChoice`] | the reference's option |
//! | `regex` | [`text::Pattern`] | a match, in linear time |
//! | `json_schema` | [`text::JsonSchema`] | JSON that fits a schema |
//! | `code_fence` | [`text::CodeBlock`] | exactly one code block of a language |
//! | `language` | [`text::Language`] | a certain human language |
//! | `keywords` | [`text::Keywords`] | certain words |
//! | `letter_share`, `initial_share` | [`text::LetterShare`], [`text::InitialShare`] | much of a letter |
//! | `words_per_sentence` | [`text::WordsPerSentence`] | sentences of a wanted length |
//! | `length` | [`length::TargetLength`] | a wanted length |
//! | `cosine_length` | [`length::CosineLength`] | right and short (wrong and short costs most) |
//! | `soft_overlong` | [`length::SoftOverlong`] | never: -1 to 0 near the length limit (DAPO) |
//! | `repetition` | [`repetition::Repetition`] | never: -1 to 0 for repeated n-grams |
//! | `diversity` | [`diversity::Diversity`] | a completion unlike the others of its group |
//! | `sum`, `product`, `gate`, `first`, `clip`, `normalized`, `rank`, `pass_at_k` | [`compose`] | rewards made of others |
//! | `item` | [`item::ItemScore`] | what the question itself says, where it judges its own answers |
//! | `process` | [`external::ChildProcess`] | what another program says |
//! | `http` | [`external::HttpService`] | what a service says (with the feature `http`) |
//!
//! Those that judge an answer take a [`text::Part`]: what of the completion they look at (`part = "answer_tag"`).
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
//!
//! What a whole session of teaching is worth (learning gain, time, hints...) is the subject of [`shaping`].

pub mod compose;
pub mod diversity;
mod error;
pub mod external;
mod guard;
#[cfg(feature = "http")]
pub mod http;
pub mod item;
pub mod length;
pub mod math;
mod ngram;
pub mod number;
pub mod repetition;
mod reward;
pub mod schema;
mod set;
pub mod shaping;
mod spec;
pub mod text;
mod watch;

pub use error::RewardError;
pub use reward::{Assess, Reward, Sample, Score, reward_fn};
pub use set::{Column, Evaluation, Outcome, RewardSet};
pub use spec::{RewardKind, RewardSpec};
