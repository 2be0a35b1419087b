//! Which part of a completion a reward looks at.

use std::borrow::Cow;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::fence::code_fences;
use super::json::find_json;
use crate::RewardError;

/// Which part of a completion a reward looks at, so that every verifier can judge the answer and leave the
/// working alone. A completion that does not have the part is wrong.
///
/// In a recipe: `part = "answer_tag"`, or with a name of one's own `part = { tag = "solution" }`.
///
/// ```
/// use grpo_rewards::text::Part;
/// let part = Part::AnswerTag.finder()?;
/// assert_eq!(part.find("<think>6 * 7</think><answer> 42 </answer>").as_deref(), Ok("42"));
/// assert_eq!(part.find("42").unwrap_err(), "no `<answer>` with its `</answer>`");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// What the last `<answer>` and `</answer>` enclose.
    AnswerTag,
    /// What follows the last `</think>`, as in TRL's `reasoning_accuracy_reward`.
    AfterThink,
    /// The last line that is not blank.
    LastLine,
    /// The code of the last closed code block (see [`code_fences`]).
    CodeFence,
    /// The JSON in it: all of the completion where that is JSON; else the last code block marked as `json`;
    /// else the last object or array that is valid and has at most 256 KiB (up to three that are not JSON may
    /// follow it).
    Json,
    /// What the last `<name>` and `</name>` enclose.
    Tag(String),
    /// What follows the last appearance of a text.
    After(String),
    /// The code of the last closed code block of that language.
    Fence(String),
    /// The last match of a regular expression: its first group, where it has one.
    Regex(String),
}

impl Part {
    /// Checks the part and prepares to look for it.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] for `part` where a name is empty or a pattern cannot be used.
    pub fn finder(&self) -> Result<PartFinder, RewardError> {
        let named = |text: &str, fix: &str| match text.trim().is_empty() {
            true => Err(RewardError::invalid("part", "names an empty text", fix)),
            false => Ok(text.to_owned()),
        };
        Ok(PartFinder(match self {
            Self::Whole => Finder::Whole,
            Self::AnswerTag => Finder::tag("answer"),
            Self::AfterThink => Finder::After("</think>".into()),
            Self::LastLine => Finder::LastLine,
            Self::CodeFence => Finder::Fence(None),
            Self::Json => Finder::Json,
            Self::Tag(name) => {
                super::tags::check_name("part", name)?;
                Finder::tag(name)
            }
            Self::After(text) => Finder::After(named(text, "use a text such as \"</think>\"")?),
            Self::Fence(language) => {
                Finder::Fence(Some(named(language, "use a language such as \"python\"")?))
            }
            Self::Regex(pattern) => {
                named(pattern, "write a regular expression")?;
                Finder::Regex(super::pattern::compile("part", pattern)?)
            }
        }))
    }
}

/// A [`Part`], ready to be looked for.
#[derive(Clone, Debug)]
pub struct PartFinder(Finder);

#[derive(Clone, Debug)]
enum Finder {
    Whole,
    LastLine,
    Json,
    Between { open: String, close: String },
    After(String),
    Fence(Option<String>),
    Regex(Regex),
}

impl Finder {
    fn tag(name: &str) -> Self {
        Self::Between { open: format!("<{name}>"), close: format!("</{name}>") }
    }
}

impl PartFinder {
    /// The part of the completion, white space at both ends left out (but for the whole, which is left as it
    /// is), in time linear in the completion.
    ///
    /// # Errors
    /// What is missing, in words for a person.
    pub fn find<'a>(&self, completion: &'a str) -> Result<Cow<'a, str>, String> {
        match &self.0 {
            Finder::Whole => Ok(Cow::Borrowed(completion)),
            Finder::LastLine => {
                let line = completion.trim_end().lines().next_back().map(str::trim);
                Ok(Cow::Borrowed(line.filter(|line| !line.is_empty()).ok_or("there is no text")?))
            }
            Finder::Json => find_json(completion).map(trimmed),
            Finder::Between { open, close } => {
                let missing = || format!("no `{open}` with its `{close}`");
                let (before, _) = completion.rsplit_once(close.as_str()).ok_or_else(missing)?;
                let (_, inside) = before.rsplit_once(open.as_str()).ok_or_else(missing)?;
                Ok(Cow::Borrowed(inside.trim()))
            }
            Finder::After(text) => {
                let rest = completion.rsplit_once(text.as_str()).map(|(_, rest)| Cow::Borrowed(rest.trim()));
                rest.ok_or_else(|| format!("`{text}` is missing"))
            }
            Finder::Fence(language) => {
                let wanted = |found: &str| {
                    language.as_ref().is_none_or(|language| language.eq_ignore_ascii_case(found))
                };
                let fence =
                    code_fences(completion).filter(|fence| fence.closed && wanted(fence.language())).last();
                fence.map(|fence| trimmed(fence.code())).ok_or_else(|| match language {
                    Some(language) => format!("no closed code block of language `{language}`"),
                    None => "no closed code block".into(),
                })
            }
            Finder::Regex(pattern) => {
                // Groups are only worked out for the match that counts: that takes several times as long.
                let last = pattern.find_iter(completion).last();
                let last = last.and_then(|last| pattern.captures_at(completion, last.start()));
                let found = last.and_then(|groups| groups.get(1).or_else(|| groups.get(0)));
                found
                    .map(|found| Cow::Borrowed(found.as_str().trim()))
                    .ok_or_else(|| format!("nothing matches `{}`", pattern.as_str()))
            }
        }
    }

    /// Whether it is all of the completion.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.0, Finder::Whole)
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
