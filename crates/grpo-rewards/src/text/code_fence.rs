//! Exactly one code block.

use serde::{Deserialize, Serialize};

use super::excerpt::{keep, quote};
use super::fence::{CodeFence, code_fences};
use super::part::{Part, PartFinder};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion has exactly one fenced code block of the wanted language, closed and with something
/// in it; 0 otherwise. Blocks of other languages do not count.
///
/// Fences are read by [`code_fences`]. To judge the code itself, give another reward `part = "code_fence"` or
/// `part = { fence = "python" }`.
///
/// ````
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::CodeBlock};
/// let reward = RewardSpec::new(CodeBlock { languages: vec!["python".into()], ..Default::default() }).build()?;
/// let score = |completion| reward.score(&Sample::new("", completion)).unwrap();
/// assert_eq!(score("```python\nprint(42)\n```").value, 1.0);
/// assert_eq!(score("```python\nprint(42)").reason, "the code block is not closed");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ````
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeBlock {
    /// The language and its other names, capital or small: `["python", "py"]`. `""` stands for a block without
    /// a language. Default: none, which takes any block.
    pub languages: Vec<String>,
    /// Which part of the completion is looked at. Default: the whole.
    pub part: Part,
}

impl Settings for CodeBlock {
    fn kind(&self) -> &'static str {
        "code_fence"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        for (index, language) in self.languages.iter().enumerate() {
            if language.contains(char::is_whitespace) {
                let problem = format!("{language:?} is more than one word");
                let fix = "use the word after the fence, such as \"python\"";
                return Err(RewardError::invalid(&format!("languages[{index}]"), problem, fix));
            }
        }
        Ok(Box::new(Checker { languages: self.languages.clone(), part: self.part.finder()? }))
    }
}

struct Checker {
    languages: Vec<String>,
    part: PartFinder,
}

impl Checker {
    fn wants(&self, fence: &CodeFence<'_>) -> bool {
        let language = fence.language();
        self.languages.is_empty() || self.languages.iter().any(|wanted| wanted.eq_ignore_ascii_case(language))
    }
}

impl Reward for Checker {
    fn name(&self) -> &str {
        "code_fence"
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        let (mut count, mut found, mut other) = (0_usize, None, None);
        for fence in code_fences(&text) {
            if self.wants(&fence) {
                count += 1;
                found = Some(fence);
            } else {
                other = Some(fence.language());
            }
        }
        let Some(fence) = found else {
            return Some(Score::new(
                0.0,
                match other {
                    None => "no code block".to_owned(),
                    Some("") => "a code block without a language".to_owned(),
                    Some(other) => {
                        format!("no code block of the wanted language, but one of `{}`", quote(other))
                    }
                },
            ));
        };
        let code = fence.code();
        let fault = match count {
            2.. => Some(format!("{count} code blocks, not one")),
            _ if !fence.closed => Some("the code block is not closed".into()),
            _ if code.trim().is_empty() => Some("the code block is empty".into()),
            _ => None,
        };
        let score = match fault {
            None => Score::new(1.0, "one code block"),
            Some(fault) => Score::new(0.0, fault),
        };
        Some(score.with_extracted(keep(code.trim_end())))
    }
}
