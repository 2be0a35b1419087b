//! Where in a completion the choice stands.

use regex::Regex;

use super::options::Options;
use super::{ChoiceMark, pattern};
use crate::RewardError;
use crate::number::{Marker, find_answer};

/// How many of the last phrases are read. Earlier ones are working.
const LAST_PHRASES: usize = 8;
/// How much of the end of a completion is searched for phrases, in bytes: all of what a policy writes, but not of
/// what is made to take long.
const SEARCHED: usize = 1 << 17;

/// A marked place of a completion, and the options that it names: none where it cannot be read, two or more
/// where it does not decide.
pub(super) struct Found<'t> {
    pub(super) mark: ChoiceMark,
    pub(super) text: &'t str,
    pub(super) chosen: Vec<usize>,
}

/// The phrases that announce a choice.
pub(super) struct Phrases {
    /// "the answer is", what follows.
    before: Regex,
    /// What comes before "is correct".
    after: Regex,
}

impl Phrases {
    pub(super) fn new() -> Result<Self, RewardError> {
        // ASCII throughout: so the engine needs no tables for other letters, and is fast on any text.
        let be = r"(?:\s+(?:is|was|must\s+be|should\s+be|would\s+be|will\s+be)\s*:?|\s*[:=])";
        let noun = r"(?:answer|choice|option|solution)(?:\*\*)?";
        let verb = r"(?:answer|choose|pick|select)\s+(?:is\s+)?(?:(?:option|choice|answer|letter)\s+)?";
        let before = format!(r"(?i-u)\b(?:{noun}{be}|{verb})(?:\*\*)?");
        let label = r"\(?\b[a-z0-9]{1,3}\b\)?(?:\*\*)?";
        let after = format!(
            r"(?i-u){label}\s+(?:is|must\s+be|would\s+be|seems)\s+(?:the\s+)?(?:correct|right|best|answer)\b"
        );
        Ok(Self { before: pattern(&before)?, after: pattern(&after)? })
    }

    /// The last phrase that names an option.
    fn last<'t>(&self, text: &'t str, options: &Options<'_>) -> Option<(&'t str, Vec<usize>)> {
        let text = &text[text.ceil_char_boundary(text.len().saturating_sub(SEARCHED))..];
        let line = |start: usize| text[start..].lines().next().unwrap_or("");
        let before = last_places(self.before.find_iter(text).map(|found| found.end()));
        let before = before.into_iter().rev().find_map(|start| {
            let place = line(start).trim();
            let chosen = options.read(place);
            (!chosen.is_empty()).then_some((start, place, chosen))
        });
        let after = last_places(self.after.find_iter(text).map(|found| found.start()));
        let after = after.into_iter().rev().find_map(|start| {
            let place = line(start).split_whitespace().next()?;
            let chosen = options.read(place);
            // "a is correct" may end a sentence about a thing; a capital names an option.
            let article = place.starts_with(char::is_lowercase);
            (!article && !chosen.is_empty()).then_some((start, place, chosen))
        });
        let last = before.into_iter().chain(after).max_by_key(|(start, ..)| *start)?;
        Some((last.1, last.2))
    }
}

/// The last few places.
fn last_places(places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut last = std::collections::VecDeque::with_capacity(LAST_PHRASES);
    for place in places {
        if last.len() == LAST_PHRASES {
            last.pop_front();
        }
        last.push_back(place);
    }
    last.into()
}

impl ChoiceMark {
    /// How a person would say it.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Hash => "after `####`",
            Self::Boxed => "in `\\boxed{}`",
            Self::Phrase => "after \"answer\"",
            Self::LastLine => "the last line",
            Self::FirstLine => "the first line",
        }
    }

    /// The place that this marks, where it is present.
    pub(super) fn find<'t>(
        self,
        text: &'t str,
        options: &Options<'_>,
        phrases: &Phrases,
    ) -> Option<Found<'t>> {
        let (place, chosen) = match self {
            Self::Hash => {
                let place = find_answer(text, &[Marker::Hash])?.text;
                (place, options.read(place))
            }
            Self::Boxed => {
                let place = find_answer(text, &[Marker::Boxed])?.text;
                (place, options.read(place))
            }
            Self::Phrase => phrases.last(text, options)?,
            Self::LastLine => named(text.trim_end().lines().next_back()?.trim(), options)?,
            Self::FirstLine => named(text.trim_start().lines().next()?.trim(), options)?,
        };
        Some(Found { mark: self, text: place, chosen })
    }
}

/// A line that is just a choice.
fn named<'t>(line: &'t str, options: &Options<'_>) -> Option<(&'t str, Vec<usize>)> {
    let chosen = options.read(line);
    (!chosen.is_empty()).then_some((line, chosen))
}
