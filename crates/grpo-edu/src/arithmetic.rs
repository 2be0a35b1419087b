//! Word problems in arithmetic: the seeded generator of questions behind the embedded recipe.
//!
//! A problem is a short story of one or two steps, a worked solution in one fixed form, and the answer:
//!
//! ```text
//! Mia buys 7 pens for 8 coins each and a bag for 5 coins. How many coins does she pay?
//! 7 * 8 = 56 , 56 + 5 = 61 #### 61
//! ```
//!
//! The generator is made for models small enough to be trained from scratch on a CPU: a vocabulary of a
//! few hundred tokens with one token per number, questions of at most 26 words, all numbers within
//! `0..=99`, products and quotients within the multiplication table. [`ArithmeticConfig`] makes the
//! arithmetic harder or easier without changing the vocabulary's words.
//!
//! [`Arithmetic::problem`] is a pure function of configuration, seed and index. Whether a question belongs
//! to training, validation or the held-out set is decided by a stable hash of its text ([`Split::of`]), so
//! the sets are disjoint for every seed, and a question held out today is held out tomorrow.

mod templates;
mod working;

use crate::draws::{Draws, SeededDraws};
use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use templates::{BOXES, FOODS, PEOPLE, Pronoun, TEMPLATES, THINGS, Template};
use working::{MOST_NUMBERS, Operator, Working};

/// Punctuation that stands directly behind a word in a question.
const PUNCTUATION: [char; 3] = ['.', ',', '?'];

/// What stands before the final answer in every solution.
pub const FINAL_MARK: &str = "####";

/// How hard the arithmetic is. The defaults are for a model of about a million parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArithmeticConfig {
    /// Largest number anywhere, in questions, workings and answers; `10..=99`, 99 by default.
    pub max_number: u32,
    /// Largest number that is added or taken away; `2..=max_number`, 20 by default. (Paying with a note
    /// is the exception: the price that is taken from it may be any number.)
    pub max_addend: u32,
    /// Largest factor, divisor and quotient; `3..=9`, 9 by default.
    pub max_factor: u32,
    /// Share of problems with two steps; `0.0..=1.0`, 0.5 by default.
    pub two_step_share: f64,
    /// Share of two-step problems whose solution is written in one expression, `7 * 8 + 5 = 61`, instead of step by step,
    /// `7 * 8 = 56 , 56 + 5 = 61`; `0.0..=1.0`, 0 by default. Both are right, but an imitator that writes all at once has to
    /// calculate two steps in its head.
    pub at_once_share: f64,
}

impl Default for ArithmeticConfig {
    fn default() -> Self {
        Self { max_number: 99, max_addend: 20, max_factor: 9, two_step_share: 0.5, at_once_share: 0.0 }
    }
}

impl ArithmeticConfig {
    /// Checks that every template has problems under this configuration.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] names the first key outside the range given at its field.
    pub fn validate(&self) -> Result<(), EduError> {
        let within = |key, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(EduError::Config {
                    key,
                    value: value.to_string(),
                    need: format!("between {low} and {high}"),
                })
            }
        };
        within("max_number", self.max_number, 10, 99)?;
        within("max_addend", self.max_addend, 2, self.max_number)?;
        within("max_factor", self.max_factor, 3, 9)?;
        for (key, value) in [("two_step_share", self.two_step_share), ("at_once_share", self.at_once_share)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(EduError::Config {
                    key,
                    value: value.to_string(),
                    need: "between 0 and 1".into(),
                });
            }
        }
        Ok(())
    }
}

/// A question with its worked solution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The question in plain words.
    pub question: String,
    /// The working, then `####`, then the answer; tokens are separated by single spaces.
    pub solution: String,
    /// The answer; never negative.
    pub answer: i64,
    /// The name of the story behind the question, for example `change from a note`.
    pub template: String,
    /// How many steps the working has, 1 or 2.
    pub steps: u8,
}

/// Which set a question belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// 90 % of all questions.
    Train,
    /// 5 %: for choices made while training.
    Validation,
    /// 5 %: for the number that is reported.
    HeldOut,
}

impl Split {
    /// The set of a question: FNV-1a (64 bits) of its bytes modulo 20, 0 is held out, 1 is validation.
    pub fn of(question: &str) -> Self {
        match fnv1a(question.as_bytes()) % 20 {
            0 => Self::HeldOut,
            1 => Self::Validation,
            _ => Self::Train,
        }
    }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923): fixed for ever, unlike the standard library's hasher.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The generator: a configuration and a seed.
///
/// ```
/// use grpo_edu::{Arithmetic, ArithmeticConfig, Split};
///
/// let arithmetic = Arithmetic::new(ArithmeticConfig::default(), 42)?;
/// let held_out = arithmetic.distinct(Split::HeldOut, 500)?;
/// let first_training_problem = arithmetic.problems(Split::Train).next();
/// assert_eq!(held_out.len(), 500);
/// assert!(held_out.iter().all(|problem| Split::of(&problem.question) == Split::HeldOut));
/// assert!(first_training_problem.is_some_and(|problem| problem.solution.contains("####")));
/// # Ok::<(), grpo_edu::EduError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Arithmetic {
    config: ArithmeticConfig,
    seed: u64,
}

impl Arithmetic {
    /// A generator for a checked configuration.
    ///
    /// # Errors
    ///
    /// Those of [`ArithmeticConfig::validate`].
    pub fn new(config: ArithmeticConfig, seed: u64) -> Result<Self, EduError> {
        config.validate()?;
        Ok(Self { config, seed })
    }

    /// The configuration in force.
    pub fn config(&self) -> &ArithmeticConfig {
        &self.config
    }

    /// Problem number `index` of this seed's stream. It does not depend on any other index; the same
    /// question may come again at another index.
    ///
    /// One step or two is drawn first, then the template, each equally likely, then the numbers, every
    /// combination that the working allows equally likely, then the words, then how the solution is written.
    pub fn problem(&self, index: u64) -> Problem {
        let mut draws = SeededDraws::new("arithmetic", self.seed, index);
        let steps = if draws.unit() < self.config.two_step_share { 2 } else { 1 };
        let of_length = || TEMPLATES.iter().filter(|template| template.working.len() == steps);
        let place = draws.integer(0, of_length().count() as i64 - 1) as usize;
        let template = of_length().nth(place).unwrap_or(&TEMPLATES[0]);

        let (numbers, working) = self.numbers(template, &mut draws);
        let question = Words::draw(&mut draws).fill(template.text, numbers);
        let at_once = steps == 2 && draws.unit() < self.config.at_once_share;
        Problem {
            question,
            solution: if at_once { working.at_once() } else { working.solution() },
            answer: working.answer(),
            template: template.name.into(),
            steps: template.working.len() as u8,
        }
    }

    /// Draws numbers until the working allows them. Every template has allowed numbers under every
    /// valid configuration (tested at its corners), so this ends.
    fn numbers(&self, template: &Template, draws: &mut SeededDraws) -> ([i64; MOST_NUMBERS], Working) {
        loop {
            let mut numbers = [0; MOST_NUMBERS];
            for (number, domain) in numbers.iter_mut().zip(template.numbers) {
                let places = domain.places(&self.config);
                *number = domain.value(draws.integer(*places.start(), *places.end()));
            }
            if let Some(working) = Working::new(template.working, numbers, &self.config) {
                return (numbers, working);
            }
        }
    }

    /// The endless stream of problems whose question belongs to `split`, in the order of their index.
    /// Questions may repeat; [`Self::distinct`] gives a set without repetitions.
    pub fn problems(&self, split: Split) -> impl Iterator<Item = Problem> + '_ {
        (0..).map(|index| self.problem(index)).filter(move |problem| Split::of(&problem.question) == split)
    }

    /// The first `count` problems of the stream whose questions differ from each other.
    ///
    /// # Errors
    ///
    /// [`EduError::TooFewQuestions`] when they do not turn up within 10,000 + 200 × `count` draws, which
    /// happens only when `count` comes near to all there are.
    pub fn distinct(&self, split: Split, count: usize) -> Result<Vec<Problem>, EduError> {
        let most = 10_000 + 200 * count as u64;
        let mut seen = HashSet::with_capacity(count);
        let mut found = Vec::with_capacity(count);
        for index in 0..most {
            if found.len() == count {
                break;
            }
            let problem = self.problem(index);
            if Split::of(&problem.question) == split && seen.insert(fnv1a(problem.question.as_bytes())) {
                found.push(problem);
            }
        }
        if found.len() < count {
            return Err(EduError::TooFewQuestions { wanted: count, found: found.len(), draws: most });
        }
        Ok(found)
    }

    /// How many different questions each template has under this configuration, by name: the number of
    /// allowed number combinations (counted one by one) times the number of ways to fill in the words.
    pub fn distinct_questions(&self) -> Vec<(&'static str, u64)> {
        TEMPLATES
            .iter()
            .map(|template| {
                let mut numbers = [0; MOST_NUMBERS];
                let combinations = self.count(template, &mut numbers, 0);
                (template.name, combinations * Words::choices(template.text))
            })
            .collect()
    }

    fn count(&self, template: &Template, numbers: &mut [i64; MOST_NUMBERS], slot: usize) -> u64 {
        let Some(domain) = template.numbers.get(slot) else {
            return Working::new(template.working, *numbers, &self.config).is_some().into();
        };
        let mut total = 0;
        for place in domain.places(&self.config) {
            numbers[slot] = domain.value(place);
            total += self.count(template, numbers, slot + 1);
        }
        total
    }

    /// Every token that can occur in a question or a solution, as [`tokens`] splits them: words as they
    /// are written, punctuation, the numbers `0..=max_number`, operators, `=` and `####`. Sorted by bytes
    /// and free of repetitions, so that it depends on nothing but the configuration.
    pub fn vocabulary(&self) -> Vec<String> {
        let mut all: BTreeSet<String> = (0..=self.config.max_number).map(|n| n.to_string()).collect();
        let mut add = |token: &str| {
            all.insert(token.into());
        };
        ["=", ",", "(", ")", FINAL_MARK].into_iter().for_each(&mut add);
        Operator::ALL.iter().for_each(|operator| add(operator.sign()));
        [THINGS, FOODS, BOXES].into_iter().flatten().for_each(|word| add(word));
        for (name, pronoun) in PEOPLE {
            [name, pronoun.lower(), pronoun.upper()].into_iter().for_each(&mut add);
        }
        for template in TEMPLATES {
            let fixed = tokens(template.text).filter(|token| !token.starts_with('{'));
            fixed.for_each(&mut add);
        }
        all.into_iter().collect()
    }
}

/// Splits a question or a solution into its tokens: at white space, with `.`, `,` and `?` behind a word
/// as tokens of their own. `####` stays one token.
///
/// ```
/// let tokens: Vec<_> = grpo_edu::arithmetic::tokens("Is it 7, Mia? #### 7").collect();
/// assert_eq!(tokens, ["Is", "it", "7", ",", "Mia", "?", "####", "7"]);
/// ```
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| {
        let end = word.trim_end_matches(PUNCTUATION).len();
        let (stem, marks) = word.split_at(end);
        // The marks are ASCII: one byte each.
        let marks = (0..marks.len()).filter_map(move |at| marks.get(at..at + 1));
        Some(stem).filter(|stem| !stem.is_empty()).into_iter().chain(marks)
    })
}

/// The words chosen for one question.
struct Words {
    people: [(&'static str, Pronoun); 3],
    thing: &'static str,
    food: &'static str,
    boxes: &'static str,
}

impl Words {
    /// Draws all slots, used or not: a template's text never changes which draws are made.
    fn draw(draws: &mut SeededDraws) -> Self {
        let mut pick = |list: &[&'static str]| list[draws.integer(0, list.len() as i64 - 1) as usize];
        let (thing, food, boxes) = (pick(THINGS), pick(FOODS), pick(BOXES));
        let chosen = draws.sample(PEOPLE.len(), 3);
        Self { people: [0, 1, 2].map(|place| PEOPLE[chosen[place]]), thing, food, boxes }
    }

    /// The template's text with every slot filled.
    fn fill(&self, text: &str, numbers: [i64; MOST_NUMBERS]) -> String {
        let mut filled = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            match slot {
                "a" => filled.push_str(&numbers[0].to_string()),
                "b" => filled.push_str(&numbers[1].to_string()),
                "c" => filled.push_str(&numbers[2].to_string()),
                "name" => filled.push_str(self.people[0].0),
                "friend" => filled.push_str(self.people[1].0),
                "third" => filled.push_str(self.people[2].0),
                "they" => filled.push_str(self.people[0].1.lower()),
                "They" => filled.push_str(self.people[0].1.upper()),
                "thing" => filled.push_str(self.thing),
                "food" => filled.push_str(self.food),
                "boxes" => filled.push_str(self.boxes),
                // A slot that does not exist stays visible; a test looks for braces in every template.
                _ => filled.extend(["{", slot, "}"]),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// In how many ways the slots for words in `text` can be filled.
    fn choices(text: &str) -> u64 {
        let lists = [("{thing}", THINGS), ("{food}", FOODS), ("{boxes}", BOXES)];
        let words = lists.iter().filter(|(slot, _)| text.contains(slot)).map(|(_, list)| list.len());
        // Three different people: the second has one choice fewer than the first.
        let people = ["{name}", "{friend}", "{third}"].into_iter().filter(|slot| text.contains(slot));
        let people = people.enumerate().map(|(before, _)| PEOPLE.len() - before);
        words.chain(people).map(|choices| choices as u64).product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_gives_the_published_values() {
        // Test vectors of the reference implementation.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn templates_are_well_formed() {
        let names: BTreeSet<_> = TEMPLATES.iter().map(|template| template.name).collect();
        assert_eq!(names.len(), TEMPLATES.len(), "two templates share a name");
        for template in TEMPLATES {
            let numbers = ["{a}", "{b}", "{c}"].map(|slot| template.text.matches(slot).count());
            let expected = [0, 1, 2].map(|slot| usize::from(slot < template.numbers.len()));
            assert_eq!(numbers, expected, "{}: each number stands in the text once", template.name);
            assert!((1..=2).contains(&template.working.len()), "{}", template.name);
            let filled = Words::draw(&mut SeededDraws::new("test", 0, 0)).fill(template.text, [2, 3, 4]);
            assert!(!filled.contains(['{', '}']), "{filled}");
            let they = template.text.find("{they}").or(template.text.find("{They}"));
            assert!(they.is_none() || template.text.find("{name}") < they, "{}", template.name);
        }
        for steps in [1, 2] {
            assert!(TEMPLATES.iter().filter(|template| template.working.len() == steps).count() >= 7);
        }
    }
}
