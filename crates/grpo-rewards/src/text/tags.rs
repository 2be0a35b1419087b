//! Working and answer between tags: in order, each once.

use std::collections::HashSet;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion consists of the tags, in order, each exactly once and none within another, with
/// something in each and nothing but white space around them; 0 otherwise. The reason names the first
/// condition that is not met. For an answer after a marker such as `####` see [`Format`](super::Format).
///
/// The tags hold a completion together and say nothing about what is in them: judge the answer by another
/// reward with `part = "answer_tag"`.
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::Tags};
/// let tags = RewardSpec::new(Tags::default()).build()?;
/// let score = |completion| tags.score(&Sample::new("", completion)).unwrap();
/// assert_eq!(score("<think>6 * 7</think>\n<answer>42</answer>").value, 1.0);
/// assert_eq!(score("<answer>42</answer>").reason, "`<think>` is missing");
/// assert_eq!(score("Well, <think>6 * 7</think><answer>42</answer>").reason, "text before `<think>`");
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tags {
    /// The names of the tags, in order. Default: `["think", "answer"]`.
    pub tags: Vec<String>,
    /// What may stand outside of the tags. Default: nothing.
    pub outside: Outside,
    /// How many characters other than white space each tag must hold. Default: 1.
    pub min_content: usize,
    /// Whether the prompt has opened the first tag already, as some chat templates do: the completion then
    /// begins inside of it. Default: no.
    pub opened: bool,
    /// What a completion in another form gets. Default: nothing.
    pub partial: Partial,
}

/// What may stand outside of the tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// White space only. A completion that was cut off by the length limit has no end, and gets 0.
    #[default]
    Nothing,
    /// Anything after the last tag, closing tags too, but no tag is opened again. The completion begins with
    /// the first tag, without white space before it. With `tags = ["think"]` and `min_content = 0` this is
    /// TRL's `think_format_reward`.
    After,
}

/// What a completion gets whose tags are not all as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partial {
    /// 0.
    #[default]
    Nothing,
    /// The share of opening and closing tags that appear exactly once, wherever they stand. If all of them
    /// do, one is taken off: the full 1 is for the right form.
    Tags,
    /// The same, where an opening tag ends its line and a closing one has a line of its own (the first and the
    /// last may have something on the side that faces out). The `tag_count_reward` of open-r1
    /// (Hugging Face 2025, `src/open_r1/rewards.py`), but that it gives 1 for tags so placed in whatever order.
    Lines,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            tags: vec!["think".into(), "answer".into()],
            outside: Outside::default(),
            min_content: 1,
            opened: false,
            partial: Partial::default(),
        }
    }
}

/// More tags than anybody has used; it bounds the time for one completion.
const MAX_TAGS: usize = 8;

impl Settings for Tags {
    fn kind(&self) -> &'static str {
        "tags"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if !(1..=MAX_TAGS).contains(&self.tags.len()) {
            let problem = format!("has {} names", self.tags.len());
            let fix = format!("name 1 to {MAX_TAGS} tags, such as [\"think\", \"answer\"]");
            return Err(RewardError::invalid("tags", problem, fix));
        }
        let mut seen = HashSet::new();
        for (index, name) in self.tags.iter().enumerate() {
            let key = format!("tags[{index}]");
            check_name(&key, name)?;
            if !seen.insert(name) {
                return Err(RewardError::invalid(&key, format!("{name:?} is listed twice"), "remove one"));
            }
        }
        let marks: Vec<String> =
            self.tags.iter().flat_map(|name| [format!("<{name}>"), format!("</{name}>")]).collect();
        let finders = marks.iter().map(|mark| super::pattern::compile("tags", &regex::escape(mark)));
        let finders = finders.collect::<Result<_, _>>()?;
        let lines = match self.partial {
            Partial::Lines => on_lines(&marks)?,
            Partial::Nothing | Partial::Tags => Vec::new(),
        };
        Ok(Box::new(Checker { settings: self.clone(), marks, finders, lines }))
    }
}

/// Refuses what cannot be the name of a tag.
pub(super) fn check_name(key: &str, name: &str) -> Result<(), RewardError> {
    let rest = name.strip_prefix(|c: char| c.is_ascii_alphabetic());
    if rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))) {
        return Ok(());
    }
    let problem = format!("{name:?} cannot name a tag");
    Err(RewardError::invalid(key, problem, "use a name without brackets, such as \"answer\""))
}

/// Every mark with the line breaks that belong to it; the first and the last need none on their outer side.
fn on_lines(marks: &[String]) -> Result<Vec<Regex>, RewardError> {
    let last = marks.len() - 1;
    let needle = |(index, mark): (usize, &String)| {
        let before = if index > 0 { "\n" } else { "" };
        let after = if index < last { "\n" } else { "" };
        super::pattern::compile("tags", &regex::escape(&format!("{before}{mark}{after}")))
    };
    marks.iter().enumerate().map(needle).collect()
}

struct Checker {
    settings: Tags,
    /// Opening and closing tag of every name in turn.
    marks: Vec<String>,
    finders: Vec<Regex>,
    lines: Vec<Regex>,
}

/// Where a mark appears first, and whether it appears again.
#[derive(Clone, Copy)]
struct Seen {
    start: usize,
    end: usize,
    again: bool,
}

impl Checker {
    /// Every mark's appearances. The one that the prompt has opened stands before the completion.
    fn seen(&self, completion: &str) -> Vec<Option<Seen>> {
        let first_two = |(index, finder): (usize, &Regex)| {
            let mut found = finder.find_iter(completion);
            if index == 0 && self.settings.opened {
                return Some(Seen { start: 0, end: 0, again: found.next().is_some() });
            }
            let first = found.next()?;
            Some(Seen { start: first.start(), end: first.end(), again: found.next().is_some() })
        };
        self.finders.iter().enumerate().map(first_two).collect()
    }

    fn fault(&self, sample: &Sample<'_>, seen: &[Option<Seen>]) -> Option<String> {
        let mut places = Vec::with_capacity(seen.len());
        for (index, (mark, seen)) in self.marks.iter().zip(seen).enumerate() {
            // Where anything may follow, closing tags may come again.
            let once = self.settings.outside == Outside::Nothing || index.is_multiple_of(2);
            match seen {
                None => return Some(format!("`{mark}` is missing")),
                Some(Seen { again: true, .. }) if self.settings.opened && index == 0 => {
                    return Some(format!("`{mark}` is opened again, after the prompt did"));
                }
                Some(Seen { again: true, .. }) if once => {
                    return Some(format!("`{mark}` appears more than once"));
                }
                Some(seen) => places.push(*seen),
            }
        }
        if self.settings.outside == Outside::After && places[0].start > 0 {
            return Some(format!("does not begin with `{}`", self.marks[0]));
        }
        if let Some(fault) = self.misplaced(sample.completion, &places) {
            return Some(fault);
        }
        (self.settings.outside == Outside::Nothing && sample.truncated)
            .then(|| "cut off by the length limit".into())
    }

    /// Walks along the marks: only blanks outside of the tags, enough inside.
    fn misplaced(&self, completion: &str, places: &[Seen]) -> Option<String> {
        let mut at = 0;
        for (index, (mark, place)) in self.marks.iter().zip(places).enumerate() {
            let opens = index.is_multiple_of(2);
            // Where closing tags may come again, the first one after its opening tag counts.
            let again = if opens { None } else { completion[at..].find(mark.as_str()) };
            let start = again.map_or(place.start, |offset| at + offset);
            let Some(passed) = completion.get(at..start) else {
                return Some(format!("`{mark}` comes too early"));
            };
            let mut later = self.marks.iter().zip(places).skip(index + 1);
            if let Some((inner, _)) = later.find(|(_, place)| (at..start).contains(&place.start)) {
                return Some(format!("`{inner}` is out of order, before `{mark}`"));
            }
            let needed = self.settings.min_content;
            let amount = passed.chars().filter(|c| !c.is_whitespace()).take(needed.max(1)).count();
            if opens && amount > 0 {
                return Some(format!("text before `{mark}`"));
            }
            if !opens && amount < needed {
                let amount = if amount == 0 { "nothing" } else { "too little" };
                return Some(format!("{amount} in `{}`", self.marks[index - 1]));
            }
            at = again.map_or(place.end, |_| start + mark.len());
        }
        let follows = self.settings.outside == Outside::Nothing && !completion[at..].trim().is_empty();
        follows.then(|| format!("text after `{}`", self.marks.last().map_or("", String::as_str)))
    }

    /// How many of the marks are as they should be, and of how many.
    fn share(&self, completion: &str, seen: &[Option<Seen>]) -> Option<(usize, usize)> {
        let skip = usize::from(self.settings.opened);
        let right = match self.settings.partial {
            Partial::Nothing => return None,
            Partial::Tags => seen.iter().skip(skip).flatten().filter(|seen| !seen.again).count(),
            Partial::Lines => {
                let once = |needle: &&Regex| needle.find_iter(completion).take(2).count() == 1;
                self.lines.iter().skip(skip).filter(once).count()
            }
        };
        let all = self.marks.len() - skip;
        Some((right.min(all - 1), all))
    }
}

impl Reward for Checker {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let seen = self.seen(sample.completion);
        let Some(fault) = self.fault(sample, &seen) else {
            return Some(Score::new(1.0, "the tags in order, each once"));
        };
        Some(match self.share(sample.completion, &seen) {
            None => Score::new(0.0, fault),
            Some((right, all)) => {
                Score::new(right as f64 / all as f64, format!("{fault}; {right} of {all} tags are right"))
            }
        })
    }
}
