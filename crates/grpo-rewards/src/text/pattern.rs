//! A regular expression, matched in linear time.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::excerpt::keep;
use super::part::{Part, PartFinder};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where a regular expression matches the completion, 0 where it does not.
///
/// The syntax is that of the `regex` crate (no look-around, no back-references), whose time is linear in the
/// completion whatever the pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// The regular expression. `(?i)` ignores case, `(?s)` lets `.` match line breaks.
    pub pattern: String,
    /// Whether it must match all of what it looks at (white space at both ends left out) rather than any part.
    /// Default: any part.
    #[serde(default)]
    pub whole: bool,
    /// Which part of the completion it looks at. Default: the whole.
    #[serde(default)]
    pub part: Part,
}

impl Settings for Pattern {
    fn kind(&self) -> &'static str {
        "regex"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        // An empty pattern matches everything: surely not what was meant.
        if self.pattern.is_empty() {
            return Err(RewardError::invalid("pattern", "is empty", "write a regular expression"));
        }
        let anchored = format!(r"\A(?:{})\z", self.pattern);
        let regex = compile("pattern", if self.whole { &anchored } else { &self.pattern })?;
        Ok(Box::new(Matcher { regex, whole: self.whole, part: self.part.finder()? }))
    }
}

struct Matcher {
    regex: Regex,
    whole: bool,
    part: PartFinder,
}

impl Reward for Matcher {
    fn name(&self) -> &str {
        "regex"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        let text = if self.whole { text.trim() } else { &text };
        Some(match self.regex.find(text) {
            Some(found) => Score::new(1.0, "matches the pattern").with_extracted(keep(found.as_str())),
            None => Score::new(0.0, "does not match the pattern"),
        })
    }
}

/// Compiles a pattern of a configuration, with bounded memory.
pub(super) fn compile(key: &str, pattern: &str) -> Result<Regex, RewardError> {
    RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| {
        let fix = "correct the regular expression (syntax of Rust's `regex` crate: no look-around)";
        RewardError::invalid(key, format!("is not a usable pattern: {error}"), fix)
    })
}
