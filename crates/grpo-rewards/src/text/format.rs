//! Working first, then the answer after its marker, once.

use std::borrow::Cow;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion shows some working and then ends with the marker and an answer, exactly once;
/// 0 otherwise. The reason names the first condition that is not met.
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::Format};
/// let format = RewardSpec::new(Format::default()).build()?;
/// let score = |completion| format.score(&Sample::new("", completion)).unwrap();
/// assert_eq!(score("6 * 7 = 42\n#### 42").value, 1.0);
/// assert_eq!(score("#### 42").reason, "no working before `####`");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Format {
    /// What announces the answer. Default: `####`.
    pub marker: String,
    /// A regular expression that everything after the marker must match as a whole, white space at both ends
    /// left out. Default: a number such as `42`, `-1,234.5`, `$7`, `3/4` or `42%`.
    pub answer: String,
    /// How many characters other than white space must come before the marker. Default: 1.
    pub min_working: usize,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            marker: "####".into(),
            answer: r"[-+]?\$?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?(/[0-9]+)?%?".into(),
            min_working: 1,
        }
    }
}

impl Settings for Format {
    fn kind(&self) -> &'static str {
        "format"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.marker.trim().is_empty() {
            return Err(RewardError::invalid(
                "marker",
                "is empty",
                "name the text before the answer, such as \"####\"",
            ));
        }
        let answer = super::pattern::compile("answer", &format!(r"\A(?:{})\z", self.answer))?;
        Ok(Box::new(Checker { settings: self.clone(), answer }))
    }
}

struct Checker {
    settings: Format,
    answer: Regex,
}

impl Checker {
    fn fault(&self, sample: &Sample<'_>) -> Option<Cow<'static, str>> {
        let Format { marker, min_working, .. } = &self.settings;
        let times = sample.completion.matches(marker).count();
        if times > 1 {
            return Some(format!("`{marker}` appears {times} times").into());
        }
        let Some((working, answer)) = sample.completion.split_once(marker) else {
            return Some(format!("`{marker}` is missing").into());
        };
        let shown = working.chars().filter(|c| !c.is_whitespace()).take(*min_working).count();
        if shown < *min_working {
            let amount = if shown == 0 { "no" } else { "too little" };
            return Some(format!("{amount} working before `{marker}`").into());
        }
        if !self.answer.is_match(answer.trim()) {
            return Some(format!("what follows `{marker}` is not just an answer").into());
        }
        sample.truncated.then_some(Cow::Borrowed("cut off by the length limit"))
    }
}

impl Reward for Checker {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        Some(match self.fault(sample) {
            None => Score::new(1.0, "working, then the answer, once"),
            Some(fault) => Score::new(0.0, fault),
        })
    }
}
