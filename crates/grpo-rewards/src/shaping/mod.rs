//! What a session of teaching is worth: learning outcomes as rewards.
//!
//! An environment fills a [`Session`]: what was practised, what was answered, how long it took, what the
//! learner knew before and after. [`Measures`] make a column of numbers of each of them, and [`Objectives`]
//! make one reward of several columns. On the way, [`PotentialShaping`] pays steps without changing what is
//! best.
//!
//! | `kind` | settings | range | better |
//! |---|---|---|---|
//! | `learning_gain` | [`LearningGain`] | up to 1; -1 to 1 as normalised change | more |
//! | `mastery` | [`MasteryReached`] | 0 to 1 | more |
//! | `time_to_mastery` | [`TimeToMastery`] | 0 to 1 | less |
//! | `retention` | [`Retention`] | up to 1, or somewhat more | more |
//! | `time_on_task` | [`TimeOnTask`] | 0 up | either |
//! | `hint_cost` | [`HintCost`] | 0 to 1 | less |
//! | `frustration` | [`Frustration`] | 0 to 1 | less |
//! | `pacing` | [`Pacing`] | 0 to 1 | less |
//! | `zone` | [`Zone`] | 0 to 1 | more |
//! | `prerequisites` | [`PrerequisiteCoverage`] | 0 to 1 | more |
//!
//! A measure that is not applicable is missing, not 0. What an outcome *is* comes first (gain, mastery,
//! retention); how a session
//! *felt* (zone, pacing, frustration) is a means, and a tutor that is paid for it alone will deliver it without
//! teaching.
//!
//! ```
//! use grpo_rewards::shaping::{Combiner, Measures, Objectives, Session};
//!
//! let measures = Measures::from_specs(&serde_json::from_str::<Vec<_>>(
//!     r#"[{ "kind": "learning_gain" }, { "kind": "hint_cost" }]"#,
//! )?)?;
//! let objectives: Objectives = serde_json::from_str(
//!     r#"{ "weighted": [{ "column": "learning_gain" }, { "column": "hint_cost", "weight": -0.2 }] }"#,
//! )?;
//! objectives.check(&measures)?;
//!
//! let sessions: Vec<Session> = serde_json::from_str(
//!     r#"[{ "skills": 1, "initial_score": 0.2, "final_score": 0.6, "steps": [{ "skill": 0, "hints": 3 }] },
//!         { "skills": 1, "initial_score": 0.2, "final_score": 0.6, "steps": [{ "skill": 0, "hints": 0 }] }]"#,
//! )?;
//! let rewards = Combiner::new(objectives)?.combine(&measures.evaluate(&sessions), &[0, 0])?;
//! assert!((rewards[0].unwrap() - 0.3).abs() < 1e-12);
//! assert!((rewards[1].unwrap() - 0.5).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod combiner;
mod effort;
mod gain;
mod lagrange;
mod mastery;
mod measure;
mod objectives;
pub mod pareto;
pub mod potential;
mod prerequisites;
mod session;
mod strain;
mod zone;

pub use combiner::{Combiner, DualStep};
pub use effort::{HintCost, TimeOnTask};
pub use gain::{GainFormula, LearningGain, Retention, RetentionOf};
pub use lagrange::Lagrange;
pub use mastery::{Clock, Counted, MasteryReached, TimeToMastery};
pub use measure::{Better, Measure, MeasureKind, MeasureSpec, Measures};
pub use objectives::{Constrained, Limit, Objectives, ParetoRank, Term};
pub use potential::{Ending, Potential, PotentialShaping, shaping_rewards};
pub use prerequisites::{MetBy, PrerequisiteCoverage, Prerequisites};
pub use session::{Delayed, MOST_SKILLS, Session, SessionRecord, Step};
pub use strain::{Frustration, Jump, Pacing};
pub use zone::{Shape, Zone};
