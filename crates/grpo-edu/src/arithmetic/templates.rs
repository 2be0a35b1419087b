//! The stories behind the questions: a table of templates and the words that fill them.
//!
//! A template's text has slots in braces: `{name}`, `{friend}` and `{third}` are three different people,
//! `{they}` is the pronoun of `{name}` (`{They}` at the start of a sentence), `{thing}`, `{food}` and
//! `{boxes}` come from the lists below, `{a}`, `{b}` and `{c}` are numbers of at least 2, so that every
//! counted noun is a plural. The working says how the answer follows from the numbers; which numbers are
//! possible follows from the working alone.

use super::working::{Domain, Operand, Operator, Step};
use Domain::{Addend, Factor, Note, Number};
use Operand::{A, B, C, Last};
use Operator::{Divide, Minus, Plus, Times};

/// One kind of story.
#[derive(Debug)]
pub(super) struct Template {
    /// The name a problem reports.
    pub(super) name: &'static str,
    /// The question with its slots.
    pub(super) text: &'static str,
    /// Where `{a}`, `{b}` and `{c}` come from.
    pub(super) numbers: &'static [Domain],
    /// The calculation, one or two steps.
    pub(super) working: &'static [Step],
}

/// People and the pronoun that goes with each.
pub(super) const PEOPLE: &[(&str, Pronoun)] = &[
    ("Mia", Pronoun::She),
    ("Leo", Pronoun::He),
    ("Ana", Pronoun::She),
    ("Tom", Pronoun::He),
    ("Zoe", Pronoun::She),
    ("Ben", Pronoun::He),
    ("Eva", Pronoun::She),
    ("Sam", Pronoun::He),
    ("Ida", Pronoun::She),
    ("Max", Pronoun::He),
    ("Lea", Pronoun::She),
    ("Jon", Pronoun::He),
];

/// The pronoun that stands for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pronoun {
    She,
    He,
}

impl Pronoun {
    /// Inside a sentence.
    pub(super) fn lower(self) -> &'static str {
        match self {
            Self::She => "she",
            Self::He => "he",
        }
    }

    /// At the start of a sentence.
    pub(super) fn upper(self) -> &'static str {
        match self {
            Self::She => "She",
            Self::He => "He",
        }
    }
}

/// What one buys, packs, finds and compares.
pub(super) const THINGS: &[&str] =
    &["pens", "books", "cups", "balls", "cards", "stamps", "toys", "hats", "rings", "shells"];

/// What one shares, eats and bakes with.
pub(super) const FOODS: &[&str] = &["apples", "plums", "eggs", "nuts", "pears", "lemons", "dates", "figs"];

/// What things are packed in.
pub(super) const BOXES: &[&str] = &["boxes", "bags", "drawers", "baskets"];

const fn step(left: Operand, operator: Operator, right: Operand) -> Step {
    Step { left, operator, right }
}

/// Every template. A new one needs nothing but a row here; the tests check it.
pub(super) const TEMPLATES: &[Template] = &[
    // One step.
    Template {
        name: "buying",
        text: "{name} buys {a} {thing} for {b} coins each. How many coins does {they} pay?",
        numbers: &[Factor, Factor],
        working: &[step(A, Times, B)],
    },
    Template {
        name: "sharing",
        text: "{name} shares {a} {food} equally among {b} friends. How many {food} does each friend get?",
        numbers: &[Number, Factor],
        working: &[step(A, Divide, B)],
    },
    Template {
        name: "distance",
        text: "{name} walks {a} km and then rides {b} km. How many km is that in total?",
        numbers: &[Number, Addend],
        working: &[step(A, Plus, B)],
    },
    Template {
        name: "change",
        text: "Lunch costs {a} coins. {name} pays with a note of {b} coins. How many coins does {they} get back?",
        numbers: &[Number, Note],
        working: &[step(B, Minus, A)],
    },
    Template {
        name: "time",
        text: "{name} plays for {a} minutes and then reads for {b} minutes. How many minutes is that in total?",
        numbers: &[Number, Addend],
        working: &[step(A, Plus, B)],
    },
    Template {
        name: "age",
        text: "{name} is {a} years old. {friend} is {b} years younger. How old is {friend}?",
        numbers: &[Number, Addend],
        working: &[step(A, Minus, B)],
    },
    Template {
        name: "saving",
        text: "{name} saves {a} coins every week. How many coins does {they} have after {b} weeks?",
        numbers: &[Factor, Factor],
        working: &[step(A, Times, B)],
    },
    Template {
        name: "packing",
        text: "{name} puts {a} {thing} in each of {b} {boxes}. How many {thing} is that in total?",
        numbers: &[Factor, Factor],
        working: &[step(A, Times, B)],
    },
    Template {
        name: "filling",
        text: "{name} puts {a} {thing} in {boxes} of {b}. How many {boxes} does {they} need?",
        numbers: &[Number, Factor],
        working: &[step(A, Divide, B)],
    },
    Template {
        name: "eating",
        text: "{name} has {a} {food} and eats {b} of them. How many {food} are left?",
        numbers: &[Number, Addend],
        working: &[step(A, Minus, B)],
    },
    Template {
        name: "finding",
        text: "{name} has {a} {thing} and finds {b} more. How many {thing} does {they} have now?",
        numbers: &[Number, Addend],
        working: &[step(A, Plus, B)],
    },
    Template {
        name: "comparing",
        text: "{name} has {a} {thing} and {friend} has {b} {thing}. How many more {thing} does {name} have?",
        numbers: &[Number, Addend],
        working: &[step(A, Minus, B)],
    },
    Template {
        name: "recipe",
        text: "Each cake needs {a} {food}. How many {food} does {name} need for {b} cakes?",
        numbers: &[Factor, Factor],
        working: &[step(A, Times, B)],
    },
    Template {
        name: "reading",
        text: "A book has {a} pages. {name} reads {b} pages every day. How many days does {they} need for it?",
        numbers: &[Number, Factor],
        working: &[step(A, Divide, B)],
    },
    // Two steps.
    Template {
        name: "buying with a bag",
        text: "{name} buys {a} {thing} for {b} coins each and a bag for {c} coins. How many coins does {they} pay?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Plus, C)],
    },
    Template {
        name: "change from a note",
        text: "{name} buys {a} {thing} for {b} coins each and pays with a note of {c} coins. \
               How many coins does {they} get back?",
        numbers: &[Factor, Factor, Note],
        working: &[step(A, Times, B), step(C, Minus, Last)],
    },
    Template {
        name: "packing with a rest",
        text: "{name} has {a} {boxes} with {b} {thing} each and {c} {thing} more. \
               How many {thing} is that in total?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Plus, C)],
    },
    Template {
        name: "eating from bags",
        text: "{name} fills {a} bags with {b} {food} each. {friend} eats {c} {food}. How many {food} are left?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Minus, C)],
    },
    Template {
        name: "spending",
        text: "{name} saves {a} coins every week for {b} weeks and then spends {c} coins. How many coins are left?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Minus, C)],
    },
    Template {
        name: "riding",
        text: "{name} rides {a} km every day for {b} days and then walks {c} km. How many km is that in total?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Plus, C)],
    },
    Template {
        name: "three ages",
        text: "{name} is {a} years old. {friend} is {b} years older and {third} is {c} years younger than {friend}. \
               How old is {third}?",
        numbers: &[Number, Addend, Addend],
        working: &[step(A, Plus, B), step(Last, Minus, C)],
    },
    Template {
        name: "sharing what was found",
        text: "{name} has {a} {food} and finds {b} more. {They} shares them equally among {c} friends. \
               How many {food} does each friend get?",
        numbers: &[Number, Addend, Factor],
        working: &[step(A, Plus, B), step(Last, Divide, C)],
    },
    Template {
        name: "eating a share",
        text: "{name} shares {a} {food} equally among {b} friends. Each friend eats {c} {food}. \
               How many {food} does each friend have left?",
        numbers: &[Number, Factor, Factor],
        working: &[step(A, Divide, B), step(Last, Minus, C)],
    },
    Template {
        name: "pages left",
        text: "A book has {a} pages. {name} reads {b} pages on Monday and {c} pages on Tuesday. \
               How many pages are left?",
        numbers: &[Number, Addend, Addend],
        working: &[step(A, Minus, B), step(Last, Minus, C)],
    },
    Template {
        name: "bus",
        text: "A bus has {a} people on board. At the next stop {b} get off and {c} get on. \
               How many people are on board now?",
        numbers: &[Number, Addend, Addend],
        working: &[step(A, Minus, B), step(Last, Plus, C)],
    },
    Template {
        name: "times as many",
        text: "{name} has {a} {thing} and {friend} has {b} times as many. How many {thing} is that in total?",
        numbers: &[Factor, Factor],
        working: &[step(A, Times, B), step(Last, Plus, A)],
    },
    Template {
        name: "getting and losing",
        text: "{name} has {a} {thing} and gets {b} more from {friend}. Then {they} loses {c} {thing}. \
               How many {thing} are left?",
        numbers: &[Number, Addend, Addend],
        working: &[step(A, Plus, B), step(Last, Minus, C)],
    },
    Template {
        name: "baking",
        text: "Each cake needs {a} {food}. {name} bakes {b} cakes and has {c} {food} left. \
               How many {food} did {they} start with?",
        numbers: &[Factor, Factor, Addend],
        working: &[step(A, Times, B), step(Last, Plus, C)],
    },
];
