//! Assessment formats: questions that come with their own scoring, and records of how they were answered.
//!
//! Whatever format a question was written in, it becomes an [`Item`]: it says what to ask ([`Item::prompt`]), reads an answer out
//! of a completion and scores it by its own rules ([`Item::mark`]), and describes itself for records ([`Item::definition`]).
//!
//! | module | reads |
//! |---|---|
//! | [`qti`] | QTI 2.1, 2.2 and 3.0 items and content packages |
//! | [`gift`] | Moodle's GIFT |
//! | [`table`] | question banks as CSV |
//! | [`xapi`] | writes and reads xAPI statements |
//!
//! [`interaction`] holds what all of them share: the kinds of places where an answer is asked for. [`answer`] says how they are shown
//! and how a completion is read, [`bank`] how questions of the last two are scored.

pub mod answer;
pub mod bank;
pub mod gift;
pub mod interaction;
mod item;
pub mod qti;
pub mod table;
pub mod xapi;

pub use interaction::{Choice, Interaction, Response};
pub use item::{Definition, Item, Marked, Style};
