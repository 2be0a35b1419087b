//! Options of a list, by letter (or number) or by text.

use std::collections::{HashMap, HashSet};

use super::show::label;
use super::text::{bare, brief, normal, trim};
use super::{Choice, Unreadable};

/// How the options of a list are labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// A, B, ... Z, AA, ...
    Letters,
    /// 1, 2, ...
    Numbers,
}

impl Labels {
    pub(super) fn of(self, index: usize) -> String {
        match self {
            Self::Letters => label(index),
            Self::Numbers => (index + 1).to_string(),
        }
    }

    /// The place that a label names, in a list of any length. Labels of several letters must be capital: `no` is a word.
    pub(super) fn index(self, text: &str) -> Option<usize> {
        match self {
            Self::Letters if text.len() == 1 => letters(&text.to_ascii_uppercase()),
            Self::Letters => letters(text),
            Self::Numbers if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse::<usize>().ok()?.checked_sub(1)
            }
            Self::Numbers => None,
        }
    }
}

/// Counts in base 26 without a zero: A is 0, Z is 25, AA is 26. No list has a label of more than four letters.
fn letters(text: &str) -> Option<usize> {
    let capital = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    capital.then(|| text.bytes().fold(0, |sum, byte| sum * 26 + usize::from(byte - b'A') + 1) - 1)
}

/// What stands for "nothing of the list": the first of these that isn't the text of an option.
const NOTHING: [&str; 3] = ["none", "-", "()"];

/// A list to choose from, ready to be looked up.
pub(super) struct Options<'a> {
    choices: &'a [Choice],
    labels: Labels,
    /// By normalised text: the option, or `None` where several have this text.
    texts: HashMap<String, Option<usize>>,
}

impl<'a> Options<'a> {
    pub(super) fn new(choices: &'a [Choice], labels: Labels) -> Self {
        let mut texts = HashMap::with_capacity(choices.len());
        for (index, choice) in choices.iter().enumerate() {
            let text = normal(&choice.text);
            if !text.is_empty() {
                texts.entry(text).and_modify(|found| *found = None).or_insert(Some(index));
            }
        }
        Self { choices, labels, texts }
    }

    /// What is written for nothing of the list.
    pub(super) fn nothing(&self) -> Option<&'static str> {
        NOTHING.into_iter().find(|word| !self.texts.contains_key(*word))
    }

    pub(super) fn is_nothing(&self, text: &str) -> bool {
        let text = normal(bare(text));
        let text = text.strip_suffix('.').unwrap_or(&text);
        NOTHING.contains(&text) && !self.texts.contains_key(text)
    }

    pub(super) fn id(&self, index: usize) -> String {
        self.choices[index].id.clone()
    }

    /// The option with this label, if the list has one.
    pub(super) fn labelled(&self, text: &str) -> Option<usize> {
        self.labels.index(text).filter(|index| *index < self.choices.len())
    }

    pub(super) fn refuse(&self, found: &str) -> Unreadable {
        Unreadable::NotAnOption {
            found: brief(found),
            first: self.labels.of(0),
            last: self.labels.of(self.choices.len().saturating_sub(1)),
        }
    }

    /// One option: `B`, `(B)`, `option B`, `B) Paris` or `Paris`.
    pub(super) fn one(&self, text: &str) -> Result<usize, Unreadable> {
        let inner = bare(text);
        if let Some(index) = self.labelled(without_brackets(inner)) {
            return Ok(index);
        }
        if let Some(found) = self.by_text(inner) {
            return found;
        }
        match self.label_and_text(inner) {
            Some(found) => found,
            None => Err(self.refuse(text)),
        }
    }

    fn by_text(&self, text: &str) -> Option<Result<usize, Unreadable>> {
        let text = normal(text);
        let found = self.texts.get(&text).or_else(|| self.texts.get(text.strip_suffix('.')?))?;
        let why = "several options have this text";
        Some(found.ok_or_else(|| Unreadable::Ambiguous { found: brief(&text), why }))
    }

    /// `B) Paris`, where both must mean the same.
    fn label_and_text(&self, text: &str) -> Option<Result<usize, Unreadable>> {
        let (left, right) = text.split_once([')', '.', ':', '-'])?;
        let index = self.labelled(without_brackets(left))?;
        let right = bare(right);
        let (by_text, own) = (self.by_text(right)?, normal(&self.choices[index].text));
        Some(match by_text {
            Ok(other) if other == index => Ok(index),
            // Of several options with the same text, the letter says which.
            Err(_) if own == normal(right) => Ok(index),
            _ => Err(Unreadable::Contradiction { found: brief(text) }),
        })
    }

    /// Several options: `A, C`, `A and C`, `AC` or their texts. In the order written, repeats included.
    pub(super) fn list(&self, text: &str) -> Result<Vec<usize>, Unreadable> {
        let inner = bare(text);
        if self.is_nothing(inner) {
            return Ok(Vec::new());
        }
        if let Some(list) = self.label_list(inner) {
            return Ok(list);
        }
        let whole = self.one(inner);
        if matches!(whole, Err(Unreadable::Ambiguous { .. } | Unreadable::Contradiction { .. })) {
            return whole.map(|index| vec![index]);
        }
        let refusal = whole.as_ref().err().cloned();
        let mut readings: HashSet<Vec<usize>> = whole.ok().into_iter().map(|index| vec![index]).collect();
        readings.extend(self.run(inner));
        readings.extend(self.split(inner.split(';')));
        readings.extend(self.split(inner.split([',', ';'])));
        readings.extend(self.split(inner.split([',', ';']).flat_map(|part| part.split(" and "))));
        let several = readings.len() > 1;
        match (readings.into_iter().next(), refusal) {
            (Some(_), _) if several => {
                let why = "it can be divided into options in several ways; use their letters";
                Err(Unreadable::Ambiguous { found: brief(text), why })
            }
            (Some(list), _) => Ok(list),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(self.refuse(text)),
        }
    }

    /// All parts as options; `None` where one isn't. `A, B, and C` has an "and" of no meaning.
    fn split<'b>(&self, parts: impl Iterator<Item = &'b str>) -> Option<Vec<usize>> {
        let parts = parts.map(|part| trim(part).strip_prefix("and ").unwrap_or(part));
        let parts = parts.filter(|part| !trim(part).is_empty());
        let list = parts.map(|part| self.one(part).ok()).collect::<Option<Vec<_>>>()?;
        (!list.is_empty()).then_some(list)
    }

    /// Labels and nothing else: `A, C`, `A and C`, `B > A > C`.
    fn label_list(&self, text: &str) -> Option<Vec<usize>> {
        let text = text.replace("->", ",");
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '>' | '→');
        let words = text.split(separator).map(bare).filter(|word| !matches!(*word, "" | "and" | "then"));
        let list = words.map(|word| self.labelled(without_brackets(word))).collect::<Option<Vec<_>>>()?;
        (!list.is_empty()).then_some(list)
    }

    /// Capital letters without anything between them: `ACD`.
    fn run(&self, text: &str) -> Option<Vec<usize>> {
        let possible = self.labels == Labels::Letters && text.len() > 1 && self.choices.len() <= 26;
        if !possible || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let list: Vec<usize> = text.bytes().map(|byte| usize::from(byte - b'A')).collect();
        let distinct = list.iter().collect::<HashSet<_>>().len() == list.len();
        (distinct && list.iter().all(|index| *index < self.choices.len())).then_some(list)
    }
}

/// `(B)`, `B.`, `B)`, `option B`: the label inside.
fn without_brackets(text: &str) -> &str {
    let text = text.split_once(' ').map_or(text, |(word, rest)| {
        let named =
            ["option", "choice", "answer", "letter"].iter().any(|name| word.eq_ignore_ascii_case(name));
        if named { rest } else { text }
    });
    let text = trim(text).trim_end_matches(['.', ':']);
    let inner = text.strip_prefix(['(', '[']).unwrap_or(text);
    bare(inner.strip_suffix([')', ']']).unwrap_or(inner))
}
