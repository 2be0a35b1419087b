//! Where in a completion the answer stands.

use serde::{Deserialize, Serialize};

use super::formula::last_formula;
use super::phrase::after_phrase;
use crate::number;

/// What marks the final answer in a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// The rest of the line after the last `####` (GSM8K).
    Hash,
    /// The last `\boxed{}` (or `\fbox{}`) whose braces balance, the outermost of nested ones (MATH). Boxes with
    /// nothing but `and`, `or`, a comma or dollar signs between them are one answer.
    Boxed,
    /// In the last `<answer>` tag, or what follows the last "the answer is", "final answer:", "**Answer**" and
    /// the like, up to the end of the clause.
    Phrase,
    /// The last formula between dollar signs, `\(..\)` or `\[..\]`; formulas joined by `and`, `or` or commas are
    /// one answer.
    LastFormula,
    /// The last number of the text.
    LastNumber,
    /// The last formula or the last number, whichever ends later.
    Last,
}

impl Place {
    /// How a person would say it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Hash => "after `####`",
            Self::Boxed => "in `\\boxed{}`",
            Self::Phrase => "after \"answer\"",
            Self::LastFormula => "the last formula",
            Self::LastNumber => "the last number",
            Self::Last => "the last formula or number",
        }
    }

    fn find(self, text: &str) -> Option<&str> {
        match self {
            Self::Hash => number::after_hash(text),
            Self::Boxed => number::boxes(text),
            Self::Phrase => after_phrase(text),
            Self::LastFormula => last_formula(text).map(|range| &text[range]),
            Self::LastNumber => number::last_in_prose(text).map(|(number, _)| number),
            Self::Last => last(text),
        }
    }
}

/// The first place of `order` that the text has decides, whatever stands there. `None` where it has none.
///
/// Takes time linear in the text.
///
/// ```
/// use grpo_rewards::math::{Place, find_answer};
/// let order = [Place::Boxed, Place::Phrase, Place::Last];
/// assert_eq!(find_answer(r"So $\boxed{\frac{1}{2}}$.", &order), Some((Place::Boxed, r"\frac{1}{2}")));
/// assert_eq!(find_answer("The answer is $x^2$, as claimed.", &order), Some((Place::Phrase, "$x^2$")));
/// assert_eq!(find_answer("Hence $a = 3$ in 2 steps.", &order), Some((Place::Last, "2")));
/// assert_eq!(find_answer("I do not know.", &order), None);
/// ```
pub fn find_answer<'a>(text: &'a str, order: &[Place]) -> Option<(Place, &'a str)> {
    order.iter().find_map(|place| Some((*place, place.find(text)?)))
}

fn last(text: &str) -> Option<&str> {
    let formula = last_formula(text);
    let end = formula.as_ref().map_or(0, |range| range.end);
    // A number after the formula counts; one inside it does not.
    let after = &text[end..];
    let number = if after.is_empty() { None } else { number::last_in_prose(after).map(|(number, _)| number) };
    match (number, formula) {
        (Some(number), _) => Some(number),
        (None, Some(range)) => Some(&text[range]),
        (None, None) => None,
    }
}
