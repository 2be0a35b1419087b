//! How a question is shown to somebody who answers in text, and how the answer is read.
//!
//! Options get letters, and gaps and the left sides of pairs get numbers ([`show`]); a line says how to answer ([`instructions`]);
//! [`read`] turns the final part of a completion into responses, and [`write()`] does the opposite.
//!
//! The final part is what follows the last `####`; without one, the content of the last `\boxed{}`; without that, what follows the
//! last "Answer:" or "the answer is"; without that, the last line that isn't empty. The first of these that is present decides,
//! even where nothing can be read in it.
//!
//! | asked for | form | also read |
//! |---|---|---|
//! | one of a list | `B` | `b`, `(B)`, `B.`, `option B`, `B) Paris`, `Paris` |
//! | several of a list | `A, C` | `A and C`, `AC`, `Rome; Paris` |
//! | an order | `B, A, C` | `B > A > C`, `BAC`, the texts |
//! | pairs | `1-B, 2-A` | `1 -> B`, `B-1`, `1: B`, `cat -> cat food` |
//! | true or false | `true` | `T`, `yes`, `F`, `no` |
//! | a number | `4.5` | what [`Number`](grpo_rewards::number::Number) reads |
//! | a point | `120,80` | `(120, 80)`, `120 80` |
//! | a text | `Paris` | `"Paris"` (a JSON string, which can hold anything) |
//! | several places | `1: B; 2: Paris` | one place a line; `B; Paris` |
//! | nothing of a list | `none` | `-` |
//!
//! Nothing is guessed: an answer that can be understood in two ways, or in none, is [`Unreadable`] and says why. Letters, which are
//! what was asked for, come before texts: in a list of grades, `B` is the second option, whatever its text. Reading takes time
//! linear in the completion.
//!
//! ```
//! use grpo_edu::assessment::{Choice, Interaction, Response, Style, answer};
//!
//! let cities = ["Rome", "Paris", "Oslo"].map(|city| Choice { id: city.to_lowercase(), text: city.into() });
//! let question = [Interaction::Choice { choices: cities.to_vec(), max: 1 }];
//! assert_eq!(answer::show(&question[0], 0, Style::Plain), "A. Rome\nB. Paris\nC. Oslo");
//! assert_eq!(answer::instructions(&question, Style::Plain), "Answer with one letter after ####.");
//!
//! let paris = Response::Chosen(vec!["paris".into()]);
//! assert_eq!(answer::read(&question, "It has the Louvre.\n#### B"), [Ok(paris.clone())]);
//! assert_eq!(answer::write(&question, &[Some(paris)]).as_deref(), Some("#### B"));
//!
//! let both = answer::read(&question, "#### A or B").remove(0).unwrap_err();
//! assert_eq!(both.to_string(), "`A or B` is none of the options (A to C)");
//! ```

mod find;
mod kinds;
mod options;
mod pairs;
mod several;
mod show;
mod text;
mod write;

pub use show::{gap, instructions, label, show};
pub use write::write;

use super::{Choice, Interaction, Response};

/// An answer in one place longer than this many bytes isn't read (long texts, [`Interaction::Essay`], are read whatever their
/// length).
pub const MAX_ANSWER: usize = 4096;

/// Why an answer can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There is nothing where an answer is looked for.
    #[error("no answer found")]
    Nothing,
    /// The final part is longer than any answer.
    #[error("the answer has {found} bytes, and at most {MAX_ANSWER} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Neither a letter (or number) of the list nor the text of an option.
    #[error("`{found}` is none of the options ({first} to {last})")]
    NotAnOption {
        /// What was written.
        found: String,
        /// The first label of the list.
        first: String,
        /// The last label of the list.
        last: String,
    },
    /// More than one way to understand it.
    #[error("`{found}` can mean more than one thing: {why}")]
    Ambiguous {
        /// What was written.
        found: String,
        /// In which ways it can be understood.
        why: &'static str,
    },
    /// A letter with the text of another option.
    #[error("`{found}` has the letter of one option and the text of another")]
    Contradiction {
        /// What was written.
        found: String,
    },
    /// More options than may be chosen.
    #[error("{found} options are chosen, but at most {wanted} may be")]
    TooMany {
        /// How many were chosen.
        found: usize,
        /// How many may be.
        wanted: usize,
    },
    /// The same place twice in an order, or two answers to the same question.
    #[error("`{found}` occurs twice")]
    Repeated {
        /// What occurs twice.
        found: String,
    },
    /// Something else than pairs.
    #[error("`{found}` isn't a list of pairs such as `1-B, 2-A`")]
    NotPairs {
        /// What was written.
        found: String,
    },
    /// Something else than true or false.
    #[error("`{found}` is neither true nor false")]
    NotTruth {
        /// What was written.
        found: String,
    },
    /// Something else than a point.
    #[error("`{found}` isn't a point such as `120,80`")]
    NotPoint {
        /// What was written.
        found: String,
    },
    /// A number of a place that the question doesn't have.
    #[error("there is no place `{found}`: they are numbered 1 to {last}")]
    NoSuchPlace {
        /// The number found.
        found: String,
        /// How many places there are.
        last: usize,
    },
    /// More answers than places.
    #[error("there are more answers than the {wanted} places")]
    MoreAnswers {
        /// How many places there are.
        wanted: usize,
    },
    /// Several answers without numbers, and not as many as there are places.
    #[error("{found} answers without numbers, but there are {wanted} places: write `1: ...; 2: ...`")]
    Count {
        /// How many answers there are.
        found: usize,
        /// How many places there are.
        wanted: usize,
    },
}

/// Reads the responses out of a completion: one result for each interaction.
///
/// A number that can't be read is a [`Response::Text`], as [`Interaction::Number`] says. Choices come in the order of their list,
/// pairs in the order of their numbers. An order or a list of pairs may be incomplete: what it is worth is for the item to say.
///
/// Where an essay is the only interaction, it is the whole completion.
pub fn read(interactions: &[Interaction], completion: &str) -> Vec<Result<Response, Unreadable>> {
    match interactions {
        [] => Vec::new(),
        [Interaction::Essay] => match text::trim(completion) {
            "" => vec![Err(Unreadable::Nothing)],
            essay => vec![Ok(Response::Text(essay.into()))],
        },
        [only] => {
            let part = find::final_part(completion).map(|part| part.first_line());
            vec![part.ok_or(Unreadable::Nothing).and_then(|part| kinds::read(only, part))]
        }
        several => several::read(several, find::final_part(completion)),
    }
}

/// Reads the answer of one interaction, which stands alone in `part`.
pub(super) fn read_part(interaction: &Interaction, part: &str) -> Result<Response, Unreadable> {
    kinds::read(interaction, part)
}
