//! `suspects.jsonl`: completions that beat their group while the check beside the reward fails. Of them, the page shows those of the
//! highest rewards.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::Path;

use serde::Deserialize;

use super::samples::Text;
use super::text::{count, counted, escape, escape_attribute, percent, short};
use super::{Error, curves::Stage, groups, jsonl};

/// The most completions that the page shows.
const MOST: usize = 20;
/// From which share on the head of the page speaks of it.
const WORTH_A_NOTE: f64 = 0.1;

/// What the page shows of the file, the highest rewards first.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    pub(super) cut: Option<usize>,
    total: u64,
    shown: Vec<Suspect>,
}

/// A completion, by its reward, then by its step: the newest of equal ones first.
#[derive(Debug)]
struct Suspect {
    reward: f64,
    line: usize,
    row: Line,
}

#[derive(Debug, Deserialize)]
struct Line {
    step: u64,
    prompt: String,
    completion: String,
    reference: Option<String>,
    #[serde(default)]
    rewards: BTreeMap<String, Option<f64>>,
    #[serde(default)]
    reasons: BTreeMap<String, Option<String>>,
    reward: Option<f64>,
    check: Option<f64>,
    check_reason: Option<String>,
}

impl PartialEq for Suspect {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Suspect {}

impl PartialOrd for Suspect {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Suspect {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.reward.total_cmp(&other.reward).then(self.line.cmp(&other.line))
    }
}

impl Suspects {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let (mut total, mut highest) = (0, BinaryHeap::new());
        let read = jsonl::for_each(path, |line, row: Line| {
            total += 1;
            highest.push(Reverse(Suspect { reward: row.reward.unwrap_or(f64::NEG_INFINITY), line, row }));
            if highest.len() > MOST {
                highest.pop();
            }
            Ok(())
        })?;
        // Ascending in `Reverse` is the highest first.
        let shown = highest.into_sorted_vec().into_iter().map(|Reverse(suspect)| suspect).collect();
        Ok(Self { cut: read.and_then(|read| read.cut), total, shown })
    }
}

/// What the head of the page says where much of what is reinforced fails the check.
pub(super) fn note(grpo: &Stage) -> Option<String> {
    let (_, share) = grpo.last("guard/suspects").filter(|(_, share)| *share >= WORTH_A_NOTE)?;
    Some(format!(
        "In the last step, {} of the completions that beat their group fail the check beside the reward: see \u{201c}Rewarded, but the \
         check fails\u{201d} for what the reward pays for.",
        percent(share)
    ))
}

/// The section, where the run had a check.
pub(super) fn section(suspects: &Suspects, grpo: &Stage) -> String {
    if suspects.total == 0 && grpo.last("guard/check").is_none() {
        return String::new();
    }
    let mut out = String::from("<section>\n<h2>Rewarded, but the check fails</h2>\n");
    if suspects.total == 0 {
        return out
            + "<p>No completion beat its group while the check beside the reward failed, in any step.</p>\n</section>\n";
    }
    let shown = match suspects.shown.len() as u64 {
        shown if shown == suspects.total => "all shown".to_owned(),
        shown => format!("the {} of the highest rewards shown", count(shown)),
    };
    out += &format!(
        "<p>Completions that were made more probable although the check, which is no part of the reward, says that they are wrong. {} in \
         suspects.jsonl, {shown}. Where they look alike, the reward pays for something that was not meant: mend the reward. A few are \
         usual while a reward also pays for form.</p>\n",
        counted(suspects.total, "completion"),
    );
    out += "<table class=\"completions\">\n<thead><tr><th scope=\"col\">Completion</th><th scope=\"col\" class=\"num\">Reward</th>\
            <th scope=\"col\" class=\"num\">Check</th></tr></thead>\n<tbody>\n";
    suspects.shown.iter().for_each(|suspect| out += &row(suspect));
    out + "</tbody>\n</table>\n</section>\n"
}

fn row(Suspect { line, row, .. }: &Suspect) -> String {
    let text = |text: &str| groups::text_of(&Text::new(text, *line), "suspects.jsonl");
    let mut out = format!(
        "<tr><td class=\"said\"><details><summary>step {}: <bdi>{}</bdi></summary>{}</details>{}",
        count(row.step),
        escape(&groups::teaser(&row.prompt)),
        text(&row.prompt),
        text(&row.completion)
    );
    if let Some(reference) = &row.reference {
        out += &format!("<span class=\"reason\">expected: {}</span>", escape(&groups::teaser(reference)));
    }
    out += &format!(
        "</td><td class=\"num\" data-label=\"{}\"><b>{}</b>",
        escape_attribute("Reward"),
        number(row.reward)
    );
    for (name, value) in &row.rewards {
        let why = row.reasons.get(name).and_then(Option::as_deref).unwrap_or_default();
        out += &format!(
            "<span class=\"reason\">{} {}: {}</span>",
            escape(name),
            escape(&value.map_or_else(|| "none".into(), short)),
            escape(why)
        );
    }
    out += &format!(
        "</td><td class=\"num\" data-label=\"{}\"><b>{}</b>",
        escape_attribute("Check"),
        number(row.check)
    );
    let why = row.check_reason.as_deref().unwrap_or_default();
    out + &format!("<span class=\"reason\">{}</span></td></tr>\n", escape(why))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "none".into(), |value| escape(&short(value)))
}
