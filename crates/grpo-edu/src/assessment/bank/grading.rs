//! How a question is scored, and whether that makes sense.

use super::choices;
use super::pattern::Pattern;
use crate::assessment::{Interaction, Response};

/// A question with more answers than this is refused.
pub(crate) const MAX_ANSWERS: usize = 1000;

/// An answer and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Credit {
    /// The option (plain text), or the pattern of a short answer: `*` stands for any characters, `\*` for an asterisk.
    pub text: String,
    /// Its share of the full score, from -1 to 1.
    pub share: f64,
    /// What a learner who gives it is told.
    pub feedback: Option<String>,
}

/// Which numbers an answer stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Every answer, a number or not.
    Any,
    /// Numbers that are at most `tolerance` away from `answer`.
    Near {
        /// The number.
        answer: f64,
        /// How far away another one may be.
        tolerance: f64,
    },
    /// Numbers from `low` to `high`, both included.
    Between {
        /// The lowest.
        low: f64,
        /// The highest.
        high: f64,
    },
}

impl Range {
    /// Whether it holds the number. As in Moodle, the ends are widened by 1e-14 of the answer (at least of 1), the precision to which
    /// decimals can be trusted.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::Any => true,
            Self::Near { answer, tolerance } => {
                (number - answer).abs() <= tolerance + 1e-14 * answer.abs().max(1.0)
            }
            Self::Between { low, high } => {
                let slack = 1e-14 * low.abs().max(high.abs()).max(1.0);
                low - slack <= number && number <= high + slack
            }
        }
    }

    /// A number in the middle of it.
    fn middle(self) -> f64 {
        match self {
            Self::Any => 0.0,
            Self::Near { answer, .. } => answer,
            // Halved before they are added, which can't overflow.
            Self::Between { low, high } => low / 2.0 + high / 2.0,
        }
    }
}

/// Numbers and what they are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Which numbers.
    pub range: Range,
    /// Their share of the full score, from -1 to 1.
    pub share: f64,
    /// What a learner who gives one of them is told.
    pub feedback: Option<String>,
}

/// How a question is scored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Grading {
    /// One option may be chosen and earns its share, which can be below 0.
    One {
        /// The options.
        options: Vec<Credit>,
    },
    /// Any number of options may be chosen; their shares are added up, and the sum is kept between 0 and 1.
    Several {
        /// The options.
        options: Vec<Credit>,
    },
    /// True or false.
    Truth {
        /// What is right.
        right: bool,
        /// What a learner is told after a wrong answer.
        if_wrong: Option<String>,
        /// What a learner is told after a right answer.
        if_right: Option<String>,
    },
    /// A text earns the share of the first pattern that matches it.
    Short {
        /// The patterns.
        answers: Vec<Credit>,
        /// Whether capital and small letters differ.
        case: bool,
    },
    /// A number earns the share of the first range that holds it.
    Numbers {
        /// The ranges.
        accepted: Vec<Accepted>,
    },
    /// Each source with its partner earns an equal share.
    Match {
        /// What needs a partner.
        sources: Vec<String>,
        /// The partners, each text once; some may belong to no source.
        targets: Vec<String>,
        /// For each source, the place of its partner.
        partners: Vec<usize>,
    },
    /// A long text that isn't scored.
    Essay,
    /// A text that asks for nothing.
    Description,
}

impl Grading {
    /// Whether an answer has a score.
    pub fn is_scored(&self) -> bool {
        !matches!(self, Self::Essay | Self::Description)
    }

    /// The lowest share that an answer can earn, at most 0.
    pub fn lowest(&self) -> f64 {
        match self {
            Self::One { options } | Self::Short { answers: options, .. } => {
                options.iter().map(|option| option.share).fold(0.0, f64::min)
            }
            Self::Numbers { accepted } => accepted.iter().map(|range| range.share).fold(0.0, f64::min),
            Self::Several { .. }
            | Self::Truth { .. }
            | Self::Match { .. }
            | Self::Essay
            | Self::Description => 0.0,
        }
    }

    /// How many answers or options it lists.
    fn size(&self) -> usize {
        match self {
            Self::One { options } | Self::Several { options } => options.len(),
            Self::Short { answers, .. } => answers.len(),
            Self::Numbers { accepted } => accepted.len(),
            Self::Match { sources, targets, .. } => sources.len().max(targets.len()),
            Self::Truth { .. } | Self::Essay | Self::Description => 0,
        }
    }

    /// What is asked for, options in the order written.
    pub(super) fn interaction(&self) -> Option<Interaction> {
        let credits = |options: &[Credit]| choices(options.iter().map(|option| option.text.as_str()));
        Some(match self {
            Self::One { options } => Interaction::Choice { choices: credits(options), max: 1 },
            Self::Several { options } => Interaction::Choice { choices: credits(options), max: 0 },
            Self::Truth { .. } => Interaction::Truth,
            Self::Short { .. } => Interaction::Text,
            Self::Numbers { .. } => Interaction::Number,
            Self::Match { sources, targets, .. } => Interaction::Match {
                sources: choices(sources.iter().map(String::as_str)),
                targets: choices(targets.iter().map(String::as_str)),
            },
            Self::Essay => Interaction::Essay,
            Self::Description => return None,
        })
    }

    /// Whether the question can be answered and its full score be earned; else what is wrong and what would fix it.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.size() > MAX_ANSWERS {
            let found = self.size();
            return Err(format!(
                "it has {found} answers, but at most {MAX_ANSWERS} are read; divide the question"
            ));
        }
        match self {
            Self::One { options } => {
                two(options.len(), "options")?;
                full(options.iter().map(|option| option.share))
            }
            Self::Several { options } => {
                two(options.len(), "options")?;
                let sum: f64 = options.iter().map(|option| option.share.max(0.0)).sum();
                if (sum - 1.0).abs() < 1e-6 {
                    return Ok(());
                }
                let percent = (sum * 1e4).round() / 100.0;
                Err(format!(
                    "the shares of the right options add up to {percent}%, but they must add up to 100%"
                ))
            }
            Self::Short { answers, .. } => full(answers.iter().map(|answer| answer.share)),
            Self::Numbers { accepted } => full(accepted.iter().map(|range| range.share)),
            Self::Match { sources, targets, .. } => {
                if sources.is_empty() {
                    return Err("no pair has a left side: write pairs as `=left -> right`".into());
                }
                two(targets.len(), "different right sides")
            }
            Self::Truth { .. } | Self::Essay | Self::Description => Ok(()),
        }
    }

    /// Responses that should earn the full score, in the order in which they are preferred.
    pub(super) fn candidates(&self, interaction: &Interaction) -> Vec<Response> {
        let full = |share: f64| share >= 1.0;
        match self {
            Self::One { options } => {
                let right = options.iter().position(|option| full(option.share));
                right.map(|place| Response::Chosen(vec![id(place)])).into_iter().collect()
            }
            Self::Several { options } => {
                let Interaction::Choice { choices, .. } = interaction else { return Vec::new() };
                let right = |id: &String| {
                    place(id).and_then(|place| options.get(place)).is_some_and(|o| o.share > 0.0)
                };
                vec![Response::Chosen(choices.iter().map(|choice| choice.id.clone()).filter(right).collect())]
            }
            Self::Truth { right, .. } => vec![Response::Truth(*right)],
            Self::Short { answers, .. } => {
                let right = answers.iter().filter(|answer| full(answer.share));
                right.map(|answer| Response::Text(Pattern::new(&answer.text).example())).collect()
            }
            Self::Numbers { accepted } => {
                let right = accepted.iter().filter(|range| full(range.share));
                right
                    .map(|range| range.range.middle())
                    .map(|number| Response::Number(number, number.to_string()))
                    .collect()
            }
            Self::Match { partners, .. } => {
                let pairs = partners.iter().enumerate().map(|(source, target)| (id(source), id(*target)));
                vec![Response::Pairs(pairs.collect())]
            }
            Self::Essay | Self::Description => Vec::new(),
        }
    }
}

fn full(mut shares: impl Iterator<Item = f64>) -> Result<(), String> {
    match shares.any(|share| share >= 1.0) {
        true => Ok(()),
        false => Err("no answer earns 100%: give the right one the full score".into()),
    }
}

fn two(found: usize, what: &str) -> Result<(), String> {
    match found {
        0 | 1 => Err(format!("it has {found} {what}, but there must be at least two to choose from")),
        _ => Ok(()),
    }
}

/// The identifier of the option at a place.
pub(super) fn id(place: usize) -> String {
    (place + 1).to_string()
}

/// The place of the option with this identifier.
pub(super) fn place(id: &str) -> Option<usize> {
    id.parse::<usize>().ok()?.checked_sub(1)
}
