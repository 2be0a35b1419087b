//! xAPI (1.0.3 and 2.0): answers and sessions as statements, into a file or a learning record store, and back as learner histories.
//!
//! | to | use |
//! |---|---|
//! | make statements of marked answers and finished sessions | [`Recorder`] |
//! | append them to a file of JSON lines | [`StatementFile`] |
//! | send them to a learning record store, waiting on disk until it has them | [`Spool`] and `Lrs` (feature `http`) |
//! | check anybody's statement against the specification | [`validate()`] |
//! | read statements as training data | [`histories`], or [`ResponseLog::from_xapi`](crate::knowledge::ResponseLog::from_xapi) |
//!
//! Ids are made of run, session and step: exporting the same answer again gives the same statement, which a file or a store takes once.
//!
//! Sources: [Experience API 1.0.3](https://github.com/adlnet/xAPI-Spec), parts two (Data) and three (Communication); IEEE
//! 9274.1.1-2023 (xAPI 2.0).
//!
//! ```
//! use grpo_edu::assessment::xapi::{Learner, Recorder, SessionInfo, Timestamp, XapiConfig, statements};
//!
//! let recorder = Recorder::new(XapiConfig { base: "https://school.example/".into(), ..XapiConfig::default() })?;
//! let learner = Learner::Mail("ada@school.example".into());
//! let session = recorder.session(SessionInfo { run: "2026-05", session: "7", learner, assessment: "powers" })?;
//! let statement = session.initialized(Timestamp::from_unix(1_780_000_000, 0)?)?;
//!
//! let line = statement.value()?.to_string();
//! assert_eq!(statements(&line, "one line")?[0].value["object"]["id"], "https://school.example/assessments/powers");
//! # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
//! ```

mod error;
mod file;
mod history;
mod iri;
mod lines;
#[cfg(feature = "http")]
mod lrs;
mod pattern;
mod read;
mod record;
mod send;
mod spool;
pub mod statement;
mod time;
mod uuid;
mod validate;

pub use error::XapiError;
pub use file::StatementFile;
pub use history::{Answer, Details, Histories, History, histories};
pub(crate) use history::{Answers, answers, no_details};
#[cfg(feature = "http")]
pub use lrs::{Lrs, LrsConfig, StatementQuery};
pub use read::{FoundStatement, LONGEST_TEXT, Page, statements};
pub use record::{Answered, Finished, Learner, Recorder, Session, SessionInfo, XapiConfig};
pub use send::{Batches, Failure, SendReport, Store};
pub use spool::Spool;
pub use statement::{Score, Statement, Version};
pub use time::Timestamp;
pub use uuid::Uuid;
pub use validate::validate;
