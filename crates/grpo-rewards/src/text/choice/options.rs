//! The options of a question, and how an answer or a reference names one.

use std::borrow::Cow;

use serde_json::Value;

use super::ReferenceAs;
use crate::Sample;
use crate::text::excerpt::quote;
use crate::text::normal::Normal;
use crate::text::references::plain;

/// More options than anybody has asked for; it bounds the time for one completion.
const MAX_OPTIONS: usize = 100;
/// How many bytes of a marked place are read: no choice is longer.
const MAX_CHOICE: usize = 2000;

/// The options of a question.
pub(super) struct Options<'a> {
    labels: Vec<Cow<'a, str>>,
    /// The texts of the options in the form in which they are compared; empty where they are not known.
    texts: Vec<String>,
}

impl<'a> Options<'a> {
    /// The row's own options, or that many letters.
    pub(super) fn of(sample: &Sample<'a>, letters: usize) -> Result<Self, String> {
        let (labels, texts) = match sample.field("choices") {
            None | Some(Value::Null) => (None, Vec::new()),
            Some(Value::Array(texts)) => (None, list("choices", texts)?),
            Some(Value::Object(table)) => match (table.get("text"), table.get("label")) {
                (Some(Value::Array(texts)), None) => (None, list("choices.text", texts)?),
                (Some(Value::Array(texts)), Some(Value::Array(labels))) => {
                    (Some(list("choices.label", labels)?), list("choices.text", texts)?)
                }
                _ => {
                    return Err("the row's `choices` needs a list `text`, and may have a list `label`".into());
                }
            },
            Some(other) => {
                let other = quote(&other.to_string());
                return Err(format!("the row's `choices` is `{other}`; use a list of texts"));
            }
        };
        let count = if texts.is_empty() { letters } else { texts.len() };
        let labels = match labels {
            Some(labels) if labels.len() != count => {
                return Err(format!("the row's `choices` has {count} texts and {} labels", labels.len()));
            }
            Some(labels) => labels,
            None if count > 26 => {
                return Err(format!(
                    "the row has {count} choices, more than letters; add a list `label` to them"
                ));
            }
            None => ('A'..='Z').take(count).map(|letter| Cow::Owned(letter.to_string())).collect(),
        };
        if let Some(label) =
            labels.iter().find(|label| label.is_empty() || label.chars().any(|c| !c.is_alphanumeric()))
        {
            return Err(format!(
                "the row's `choices` has the label `{}`; use a letter or a number",
                quote(label)
            ));
        }
        Ok(Self { labels, texts: texts.iter().map(|text| Normal::SQUAD.form(text).into_owned()).collect() })
    }

    pub(super) fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("", |label| label)
    }

    /// Which option the reference names.
    pub(super) fn reference(&self, text: &str, read: ReferenceAs, first: usize) -> Result<usize, String> {
        let bare = text.trim().trim_matches(['(', ')', '[', ']', '.', ':', ' ']);
        let letter = || self.labelled(bare);
        let index =
            || bare.parse::<usize>().ok()?.checked_sub(first).filter(|index| *index < self.labels.len());
        let worded = || self.worded(text);
        let mut readings: Vec<usize> = match read {
            // Where labels are numbers, a number is a label.
            ReferenceAs::Auto => [letter().or_else(index), worded()].into_iter().flatten().collect(),
            ReferenceAs::Letter => letter().into_iter().collect(),
            ReferenceAs::Index => index().into_iter().collect(),
            ReferenceAs::Text => worded().into_iter().collect(),
        };
        readings.sort_unstable();
        readings.dedup();
        let shown = quote(text);
        match readings.as_slice() {
            [one] => Ok(*one),
            [] => {
                Err(format!("the reference `{shown}` names none of the options {}", self.labels.join(", ")))
            }
            several => {
                let labels: Vec<&str> = several.iter().map(|index| self.label(*index)).collect();
                let options = labels.join(" or ");
                Err(format!("the reference `{shown}` may mean option {options}; set `reference_as`"))
            }
        }
    }

    /// The option with that label, capital or small.
    fn labelled(&self, text: &str) -> Option<usize> {
        self.labels.iter().position(|label| label.eq_ignore_ascii_case(text))
    }

    /// The option with that text. Of two with the same text none is meant.
    fn worded(&self, text: &str) -> Option<usize> {
        let form = Normal::SQUAD.form(text);
        let mut fitting =
            (0..self.texts.len()).filter(|index| !form.is_empty() && self.texts[*index] == form);
        let first = fitting.next();
        if fitting.next().is_some() { None } else { first }
    }

    /// The options that a marked place names; none where it cannot be read as a choice.
    pub(super) fn read(&self, text: &str) -> Vec<usize> {
        let text = text[..text.floor_char_boundary(MAX_CHOICE)].trim();
        let bare = undecorated(text);
        // An option's text may itself begin as a choice does ("A, B and C"): so the whole is compared first.
        if let Some(index) = self.worded(text).filter(|_| bare.len() > 1 || self.labelled(bare).is_none()) {
            return vec![index];
        }
        let Some((first, mut rest)) = self.leading(bare) else { return Vec::new() };
        let mut chosen = vec![first];
        while let Some((next, after)) = another(rest).and_then(|rest| self.leading(rest)) {
            if !chosen.contains(&next) {
                chosen.push(next);
            }
            rest = after;
        }
        if !ends_a_choice(rest) {
            return Vec::new();
        }
        // `B) Lyon`, where Lyon is C.
        if let Some(index) =
            self.worded(rest.trim_start_matches([')', ']', '.', ':', '-', '–', '—', ' ', '*']))
            && !chosen.contains(&index)
        {
            chosen.push(index);
        }
        chosen.sort_unstable();
        chosen
    }

    /// The label that a text begins with, and what follows it. A small letter must stand by itself: "a" may be
    /// an article.
    fn leading<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let text = undecorated_start(text);
        let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let index = self.labelled(word)?;
        let small = word.starts_with(char::is_lowercase);
        let alone = rest.trim_matches(['*', '_', '$', '`', ')', ']', '}', '.', ' ', '"', '\'']).is_empty();
        (!small || alone || rest.starts_with([')', ']'])).then_some((index, rest))
    }
}

fn list<'a>(key: &str, values: &'a [Value]) -> Result<Vec<Cow<'a, str>>, String> {
    if values.is_empty() || values.len() > MAX_OPTIONS {
        return Err(format!("the row's `{key}` has {} entries; use 1 to {MAX_OPTIONS}", values.len()));
    }
    let read = |(index, value)| {
        plain(value).ok_or_else(|| format!("the row's `{key}[{index}]` is `{value}`; use a text"))
    };
    values.iter().enumerate().map(read).collect()
}

/// Without the brackets, quotation marks and emphasis around it.
fn undecorated(text: &str) -> &str {
    undecorated_start(text).trim_end_matches(|c: char| c.is_whitespace() || "*_$`\"'”’.!".contains(c))
}

fn undecorated_start(text: &str) -> &str {
    let mut text = text;
    loop {
        let bare = text.trim_start_matches(|c: char| c.is_whitespace() || "*_$`\"'“‘([{:".contains(c));
        let bare = ["\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\(", "\\[", "- ", "• ", "> "]
            .into_iter()
            .find_map(|wrapper| bare.strip_prefix(wrapper))
            .or_else(|| {
                ["option ", "choice ", "letter ", "answer "]
                    .into_iter()
                    .find_map(|word| strip_word(bare, word))
            })
            .unwrap_or(bare);
        if bare.len() == text.len() {
            return bare;
        }
        text = bare;
    }
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    start.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// What follows where a further choice is named: "B and C", "B/C", "B, C".
fn another(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches([')', ']', '}', '*', '"', ' ']);
    let after = rest.strip_prefix([',', '/', '&', '+', ';']).unwrap_or(rest).trim_start();
    let joined = ["and ", "or ", "nor "].into_iter().find_map(|word| strip_word(after, word));
    joined.or_else(|| (after.len() < rest.len()).then_some(after))
}

/// Whether a label with that after it was meant as a choice: not "A dog".
fn ends_a_choice(rest: &str) -> bool {
    let Some(first) = rest.chars().next() else { return true };
    if !first.is_whitespace() {
        // Not "A.I.", "B-movie", "C'est".
        let after = rest[first.len_utf8()..].chars().next();
        let closes = !after.is_some_and(char::is_alphanumeric);
        return ")]}*_`\"”’$\\".contains(first) || closes && ".:,;!?—–".contains(first);
    }
    let rest = rest.trim_start();
    let word = rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    // Punctuation: `B - its text`, `B (its text)`.
    word.is_empty() && !rest.starts_with(|c: char| c.is_alphanumeric() || "=+*/^".contains(c))
        || ["because", "since", "as", "for", "due", "which", "with", "given"].contains(&word)
}
