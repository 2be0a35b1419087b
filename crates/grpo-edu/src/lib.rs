//! The educational domain of `grpo`: questions to learn from, and simulated learners to teach.
//!
//! - [`arithmetic`]: a seeded generator of word problems with worked solutions and a stable division
//!   into training, validation and held-out questions.
//! - [`students`]: simulated learners whose next exercise a tutor chooses, ported from published
//!   simulators and checked against their recorded traces.
//! - [`assessment`]: questions that come with their own scoring (QTI, GIFT, tables) and records of answers (xAPI).
//! - [`knowledge`]: models of what learners know, fitted to logs of their answers (knowledge tracing, item response theory).
//! - [`tutor`]: a policy that chooses the next exercise, to be trained on them.
//! - [`draws`]: the counter-based random streams that everything here draws from.
//!
//! A session of a simulated learner can be cloned: sessions that start as clones and share their draws differ
//! by the tutor's choices alone, which is what a group of episodes needs.
//!
//! ```
//! use grpo_edu::{Arithmetic, ArithmeticConfig};
//!
//! let problem = Arithmetic::new(ArithmeticConfig::default(), 1)?.problem(0);
//! println!("{}\n{}", problem.question, problem.solution);
//! assert!(problem.solution.ends_with(&format!("#### {}", problem.answer)));
//! # Ok::<(), grpo_edu::EduError>(())
//! ```

pub mod arithmetic;
pub mod assessment;
mod brief;
pub mod draws;
mod error;
pub mod knowledge;
#[cfg(feature = "tutors")]
pub mod students;
#[cfg(feature = "tutors")]
pub mod tutor;

pub use arithmetic::{Arithmetic, ArithmeticConfig, Problem, Split};
pub use draws::{Draws, SeededDraws};
pub use error::EduError;
#[cfg(feature = "tutors")]
pub use tutor::{Critic, Layout, Tutor, TutorConfig};
