//! Multiple choice: finds the option that was chosen.

mod find;
mod options;

use regex::Regex;
use serde::{Deserialize, Serialize};

use self::find::{Found, Phrases};
use self::options::Options;
use super::excerpt::quote;
use super::part::{Part, PartFinder};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion chooses the option of the reference, 0 where it chooses another one, two at once, or
/// none. Not applicable without a reference.
///
/// The options are lettered from A, or as the row says: its field `choices` is a list of texts, or a table of
/// `text` and `label` (as the data sets MMLU and ARC have them). An option may then be named by its text as well.
/// The reference is a letter, an index or a text; a row whose reference fits two options fails with a reason
/// instead of being guessed at ([`Self::reference_as`] settles it).
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::MultipleChoice};
/// let reward = RewardSpec::new(MultipleChoice::default()).build()?;
/// let score = |completion| reward.score(&Sample::new("", completion).with_reference("B")).unwrap();
/// assert_eq!(score("A dog is no fish, so the answer is (B).").value, 1.0);
/// assert_eq!(score("It could be either.\nAnswer: A or B").reason, "`A or B` (after \"answer\") names A and B");
/// assert_eq!(score("A dog is no fish.").reason, "no choice found");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultipleChoice {
    /// How many options there are where the row has no `choices`, 2 to 26. Default: 5, A to E.
    pub letters: usize,
    /// Where to look for the choice, first things first. Default: all, in the order of [`ChoiceMark`].
    pub order: Vec<ChoiceMark>,
    /// What the reference is. Default: told by its look.
    pub reference_as: ReferenceAs,
    /// The index of the first option, 0 or 1, where the reference is an index. Default: 0.
    pub first_index: usize,
    /// Which part of the completion is searched. Default: the whole.
    pub part: Part,
}

/// What marks the choice in a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChoiceMark {
    /// The rest of the line after the last `####`. Where it is present it decides, readable or not.
    Hash,
    /// The last `\boxed{}`. Where it is present it decides, readable or not.
    Boxed,
    /// The last "the answer is B", "Answer: (B)", "I choose option B" or "B is correct", in the last 128 KiB of the
    /// completion.
    Phrase,
    /// The last line, where it is just a choice: `B`, `(B)`, `B.`, `B) its text`, or the text of an option.
    LastLine,
    /// The first line, where it is just a choice.
    FirstLine,
}

/// What the reference of a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceAs {
    /// A letter, an index or the text of an option, whichever it can be. A row where it can be two things that
    /// name different options is refused.
    #[default]
    Auto,
    /// The letter (label) of an option.
    Letter,
    /// The index of an option, counted from `first_index`.
    Index,
    /// The text of an option.
    Text,
}

impl Default for MultipleChoice {
    fn default() -> Self {
        use ChoiceMark::{Boxed, FirstLine, Hash, LastLine, Phrase};
        Self {
            letters: 5,
            order: vec![Hash, Boxed, Phrase, LastLine, FirstLine],
            reference_as: ReferenceAs::default(),
            first_index: 0,
            part: Part::default(),
        }
    }
}

impl Settings for MultipleChoice {
    fn kind(&self) -> &'static str {
        "multiple_choice"
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if !(2..=26).contains(&self.letters) {
            let problem = format!("is {}", self.letters);
            return Err(RewardError::invalid("letters", problem, "use 2 to 26; 4 stands for A to D"));
        }
        if self.order.is_empty() {
            let fix = "name at least one of \"hash\", \"boxed\", \"phrase\", \"last_line\", \"first_line\"";
            return Err(RewardError::invalid("order", "is empty, so no choice would be found", fix));
        }
        if self.first_index > 1 {
            let problem = format!("is {}", self.first_index);
            return Err(RewardError::invalid("first_index", problem, "count from 0 or from 1"));
        }
        let phrases = Phrases::new()?;
        Ok(Box::new(Checker { settings: self.clone(), part: self.part.finder()?, phrases }))
    }
}

struct Checker {
    settings: MultipleChoice,
    part: PartFinder,
    phrases: Phrases,
}

impl Checker {
    fn judge(&self, found: &Found<'_>, right: usize, options: &Options<'_>) -> Score {
        let place = found.mark.describe();
        let text = quote(found.text);
        match found.chosen.as_slice() {
            [] => Score::new(0.0, format!("`{text}` ({place}) is not an option")),
            [one] if *one == right => {
                Score::new(1.0, format!("`{text}` ({place}) is {}, the right one", options.label(*one)))
            }
            [one] => {
                let (label, right) = (options.label(*one), options.label(right));
                Score::new(0.0, format!("`{text}` ({place}) is {label}, not {right}"))
            }
            several => {
                let labels: Vec<&str> = several.iter().map(|index| options.label(*index)).collect();
                Score::new(0.0, format!("`{text}` ({place}) names {}", labels.join(" and ")))
            }
        }
        .with_extracted(match found.chosen.as_slice() {
            [one] => options.label(*one).to_owned(),
            _ => text,
        })
    }
}

impl Reward for Checker {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let reference = sample.reference?;
        let prepared = Options::of(sample, self.settings.letters).and_then(|options| {
            let right =
                options.reference(reference, self.settings.reference_as, self.settings.first_index)?;
            Ok((options, right))
        });
        let (options, right) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => return Some(Score::failed(why)),
        };
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        let found = self.settings.order.iter().find_map(|mark| mark.find(&text, &options, &self.phrases));
        Some(match found {
            Some(found) => self.judge(&found, right, &options),
            None => Score::new(0.0, "no choice found"),
        })
    }
}

/// A pattern of ours, not of a configuration.
fn pattern(pattern: &str) -> Result<Regex, RewardError> {
    super::pattern::compile("order", pattern)
}
