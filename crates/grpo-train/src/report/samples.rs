//! `samples.jsonl`: what the policy wrote. Read twice, as a stream: first to learn which steps were
//! sampled, then to keep the groups of the few steps that the page shows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::text::cut;
use super::{Error, jsonl};

/// The most groups of one step that the page shows.
const MOST_GROUPS: usize = 6;
/// The most completions of one group that the page shows.
const MOST_COMPLETIONS: usize = 32;
/// The most characters of one text that the page shows.
const MOST_CHARACTERS: usize = 4000;

/// The sampled groups that the page shows, and how many there are in all.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) found: bool,
    pub(super) cut: Option<usize>,
    /// Completions in the file.
    pub(super) total: u64,
    /// Different steps in the file.
    pub(super) sampled_steps: u64,
    /// The first, a middle and the last of them.
    pub(super) steps: Vec<SampledStep>,
}

#[derive(Debug)]
pub(super) struct SampledStep {
    pub(super) step: u64,
    pub(super) name: &'static str,
    /// Completions of this step in the file.
    pub(super) total: u64,
    pub(super) groups: Vec<Group>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) index: u64,
    pub(super) prompt: Text,
    pub(super) reference: Option<Text>,
    pub(super) completions: Vec<Completion>,
    /// Completions of this group in the file.
    pub(super) total: u64,
}

#[derive(Debug)]
pub(super) struct Completion {
    pub(super) text: Text,
    pub(super) finish: Option<String>,
    pub(super) tokens: Option<u64>,
    pub(super) rewards: BTreeMap<String, Option<f64>>,
    pub(super) reasons: BTreeMap<String, Option<String>>,
    pub(super) reward: Option<f64>,
    pub(super) advantage: Option<f64>,
}

/// The beginning of a text, with what is left out of it.
#[derive(Debug, PartialEq)]
pub(super) struct Text {
    pub(super) shown: String,
    pub(super) left_out: usize,
    /// The line of the file that holds all of it.
    pub(super) line: usize,
}

impl Text {
    pub(super) fn new(text: &str, line: usize) -> Self {
        let (shown, left_out) = cut(text, MOST_CHARACTERS);
        Self { shown: shown.to_owned(), left_out, line }
    }
}

/// Of a line, only its step: the rest is skipped without being kept.
#[derive(Deserialize)]
struct StepOnly {
    step: u64,
}

#[derive(Deserialize)]
struct Line {
    step: u64,
    group: u64,
    prompt: String,
    completion: String,
    reference: Option<String>,
    finish: Option<String>,
    tokens: Option<u64>,
    #[serde(default)]
    rewards: BTreeMap<String, Option<f64>>,
    reasons: Option<BTreeMap<String, Option<String>>>,
    reward: Option<f64>,
    advantage: Option<f64>,
}

impl Samples {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut counts = BTreeMap::<u64, u64>::new();
        let read = jsonl::for_each(path, |_, line: StepOnly| {
            *counts.entry(line.step).or_default() += 1;
            Ok(())
        })?;
        let Some(read) = read else { return Ok(Self::default()) };

        let mut steps = Self::choose(&counts);
        jsonl::for_each(path, |number, line: Line| {
            if let Some(step) = steps.iter_mut().find(|step| step.step == line.step) {
                step.push(number, line);
            }
            Ok(())
        })?;
        let (total, sampled_steps) = (counts.values().sum(), counts.len() as u64);
        Ok(Self { found: true, cut: read.cut, total, sampled_steps, steps })
    }

    fn choose(counts: &BTreeMap<u64, u64>) -> Vec<SampledStep> {
        let last = counts.len().saturating_sub(1);
        let mut chosen = vec![(0, "First"), (counts.len() / 2, "Middle"), (last, "Last")];
        match counts.len() {
            0 => chosen.clear(),
            1 => chosen = vec![(0, "Only")],
            2 => chosen = vec![(0, "First"), (1, "Last")],
            _ => {}
        }
        let at = |(index, name)| {
            let (step, total) = counts.iter().nth(index)?;
            Some(SampledStep { step: *step, name, total: *total, groups: Vec::new() })
        };
        chosen.into_iter().filter_map(at).collect()
    }

    /// Completions that the page shows.
    pub(super) fn shown(&self) -> u64 {
        self.steps.iter().flat_map(|step| &step.groups).map(|group| group.completions.len() as u64).sum()
    }
}

impl SampledStep {
    fn push(&mut self, number: usize, line: Line) {
        let prompt = Text::new(&line.prompt, number);
        let same = |group: &Group| group.index == line.group && group.prompt.shown == prompt.shown;
        let place = match self.groups.iter().position(same) {
            Some(place) => place,
            None if self.groups.len() == MOST_GROUPS => return,
            None => {
                let reference = line.reference.as_deref().map(|text| Text::new(text, number));
                self.groups.push(Group {
                    index: line.group,
                    prompt,
                    reference,
                    completions: Vec::new(),
                    total: 0,
                });
                self.groups.len() - 1
            }
        };
        let group = &mut self.groups[place];
        group.total += 1;
        if group.completions.len() < MOST_COMPLETIONS {
            group.completions.push(Completion {
                text: Text::new(&line.completion, number),
                finish: line.finish,
                tokens: line.tokens,
                rewards: line.rewards,
                reasons: line.reasons.unwrap_or_default(),
                reward: line.reward,
                advantage: line.advantage,
            });
        }
    }
}
