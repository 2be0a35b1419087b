//! The right answer: finds the final answer of a completion, reads it as mathematics and compares.
//!
//! ```
//! use grpo_rewards::math::MathAnswer;
//! use grpo_rewards::{Reward, RewardSpec, Sample};
//!
//! let reward = RewardSpec::new(MathAnswer::default()).build()?;
//! let completion = r"Both roots count, so the answer is $\boxed{3 \pm \sqrt{2}}$.";
//! let score = reward.score(&Sample::new("", completion).with_reference(r"3-\sqrt2, 3+\sqrt2")).unwrap();
//! assert_eq!(score.value, 1.0);
//! assert_eq!(score.extracted.as_deref(), Some(r"3 \pm \sqrt{2}"));
//! assert_eq!(score.reason, r"`3 \pm \sqrt{2}` (in `\boxed{}`) equals 3-\sqrt2, 3+\sqrt2");
//! # Ok::<(), grpo_rewards::RewardError>(())
//! ```
//!
//! It goes in four steps, each in files of its own:
//!
//! 1. **Where the answer is** ([`find_answer`]): after `####`, in `\boxed{}`, after "the answer is", the last
//!    formula or number. The first place of [`MathAnswer::order`] that is there decides.
//! 2. **Reading** ([`parse_answer`]): plain text, Markdown and LaTeX become a tree. A text that is one number by
//!    the rules of [`number`](crate::number) is compared as there, without a tree.
//! 3. **Exact arithmetic**: both sides become fractions of polynomials with rational coefficients, in which the
//!    roots of primes, `i`, `π` and `e` are atoms that know their powers. This proves equality and, unless there
//!    are functions or nested roots, difference.
//! 4. **Trying**: what is left is computed for real values of the variables, the same twelve in every run, with
//!    a bound of the rounding error carried along. Equal are formulas that agree within it everywhere, and it
//!    must be below 1e-9 of the value at five points at least (see `probe.rs` for what that is worth).
//!
//! | understood | for example |
//! |---|---|
//! | numbers | `1,000`, `$42.50`, `1\frac{3}{4}`, `50\%` (0.5 and 50), `0.1\overline{6}`, `1101_2`, `3:4` |
//! | units | after a number, and ignored: `12 cm` is 12, `90^\circ` is 90 |
//! | formulas | `(x+1)^2`, `\frac{\sqrt{12}}{2}`, `\log_2 8`, `\sin 30^\circ`, `e^{i\pi}`, `\binom{5}{2}`, `5!` |
//! | several values | `1, 2 and 3`, `\{1, 2\}`, `3 \pm \sqrt{2}`: in any order; `(1, 2)`: in this order |
//! | intervals | `[0, 1)`, `x > 3`, `-2 < x \le 3`, `(-\infty, 1) \cup (3, \infty)`, `\mathbb{R}` |
//! | equations | `x = 5` is 5; `y = 2x + 3` is `2x - y = -3`, but not `z = 2x + 3` |
//! | matrices | `\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}` |
//! | words | `\text{even}`, `Tuesday`, `(B)`; without regard to case |
//!
//! Not understood, and so right only letter for letter: sums with `\sum`, integrals, limits, derivatives,
//! logic, geometry (`\triangle ABC`), times of day. Units are never converted.
//!
//! Everything is bounded ([`MAX_ANSWER`], [`MAX_DEPTH`] and the limits in the code): a megabyte of brackets or
//! `10^10^10` costs milliseconds, and what would cost more is wrong, with a reason that says so.

mod answer;
mod approx;
mod compare;
mod error;
mod exact;
mod expression;
mod factor;
mod formula;
mod lex;
mod names;
mod phrase;
mod place;
mod polynomial;
mod probe;
mod rational;
mod relation;
mod shape;
mod token;
mod tree;
mod words;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Comparison, equal, parse_answer};
pub use error::MathError;
pub use expression::MAX_DEPTH;
pub(crate) use formula::joins;
pub use place::{Place, find_answer};

use crate::number::Number;
use crate::spec::Settings;
use crate::text::{Part, PartFinder, quote};
use crate::{Reward, RewardError, Sample, Score};

/// An answer longer than this many bytes is refused unread. A matrix of nine fractions has about 200; it bounds
/// everything that comes after.
pub const MAX_ANSWER: usize = 1024;

/// Rewards a completion whose final answer is the reference, as mathematics (see the [module](self)).
///
/// The reference may be an answer (`\frac{1}{2}`) or a worked solution with `####` or `\boxed{}` in it. Not
/// applicable where there is no reference. A completion without a readable answer is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MathAnswer {
    /// Where to look for the answer: the first place that is present decides.
    /// Default: `["hash", "boxed", "phrase", "last"]`.
    pub order: Vec<Place>,
    /// How far decimals may be from the reference (absolute; see [`Number::matches`]). Default: 1e-6, the
    /// six decimals of Python's `math-verify`.
    pub tolerance: f64,
    /// The reward of a right answer. Default: 1.
    pub right: f64,
    /// The reward of a wrong answer. Default: 0.
    pub wrong: f64,
    /// Which part of the completion the answer is in. Default: the whole. A completion without the part is
    /// wrong.
    pub part: Part,
}

impl Default for MathAnswer {
    fn default() -> Self {
        let order = vec![Place::Hash, Place::Boxed, Place::Phrase, Place::Last];
        Self { order, tolerance: 1e-6, right: 1.0, wrong: 0.0, part: Part::Whole }
    }
}

impl Settings for MathAnswer {
    fn kind(&self) -> &'static str {
        "math"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.order.is_empty() {
            let fix = "name at least one of \"hash\", \"boxed\", \"phrase\", \"last_formula\", \"last_number\", \"last\"";
            return Err(RewardError::invalid("order", "is empty, so no answer would be found", fix));
        }
        let tolerance = crate::number::tolerance(self.tolerance)?;
        crate::spec::finite("right", self.right)?;
        crate::spec::finite("wrong", self.wrong)?;
        Ok(Box::new(Verifier { settings: self.clone(), tolerance, part: self.part.finder()? }))
    }
}

struct Verifier {
    settings: MathAnswer,
    tolerance: Number,
    part: PartFinder,
}

impl Reward for Verifier {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        // A reference may be a whole worked solution, as in GSM8K and MATH.
        let written = sample.reference?.trim();
        let reference = find_answer(written, &[Place::Hash, Place::Boxed]).map_or(written, |(_, text)| text);
        if reference.is_empty() {
            return None;
        }
        let MathAnswer { right, wrong, .. } = self.settings;
        let completion = match self.part.find(sample.completion) {
            Ok(completion) => completion,
            Err(why) => return Some(Score::new(wrong, why)),
        };
        let Some((place, text)) = find_answer(&completion, &self.settings.order) else {
            return Some(Score::new(wrong, "no answer found"));
        };
        let comparison = answer::compare(text, reference, &self.tolerance);
        let value = if comparison == Comparison::Equal { right } else { wrong };
        let (text, reference) = (quote(text), quote(reference));
        let place = place.describe();
        let reason = match comparison {
            Comparison::Equal => format!("`{text}` ({place}) equals {reference}"),
            Comparison::Different => format!("`{text}` ({place}) is not {reference}"),
            Comparison::Unknown => format!("`{text}` ({place}) is too large to be compared with {reference}"),
            Comparison::Unreadable(error) => format!("`{text}` ({place}) {error}"),
        };
        Some(Score::new(value, reason).with_extracted(text))
    }
}
