//! What is said to a reward outside this program, and what it may answer. See [the module](super).

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::MAX_BATCH;
use crate::{Outcome, Sample, Score};

/// Keys of a sample that are always there; a field of the row with one of these names is not sent.
const OWN_KEYS: [&str; 6] = ["prompt", "completion", "reference", "truncated", "tokens", "group"];

/// A batch as one line of JSON, line break included.
pub(super) fn encode(id: u64, samples: &[Sample<'_>]) -> Result<Vec<u8>, String> {
    let request = Request { id, samples: samples.iter().map(Row).collect() };
    let mut line = serde_json::to_vec(&request).map_err(|error| format!("not written as JSON: {error}"))?;
    line.push(b'\n');
    Ok(line)
}

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    samples: Vec<Row<'a>>,
}

struct Row<'a>(&'a Sample<'a>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sample = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("prompt", sample.prompt)?;
        map.serialize_entry("completion", sample.completion)?;
        map.serialize_entry("reference", &sample.reference)?;
        map.serialize_entry("truncated", &sample.truncated)?;
        map.serialize_entry("tokens", &sample.token_count())?;
        map.serialize_entry("group", &sample.group)?;
        for (name, value) in sample.fields.into_iter().flatten() {
            if !OWN_KEYS.contains(&name.as_str()) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// What an answer turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Reading {
    /// One outcome for each sample.
    Scores(Vec<Outcome>),
    /// The answer to an earlier request, which came after all.
    Earlier,
    /// Nothing that can be used; the text says why.
    Wrong(String),
}

/// Reads the answer to request `id`. An answer without `id` is taken where `id_needed` is false: by HTTP it
/// belongs to its request anyway.
pub(super) fn decode(answer: &[u8], id: u64, count: usize, id_needed: bool) -> Reading {
    let answer: Answer = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(error) => return Reading::Wrong(malformed(answer, &error)),
    };
    match answer.id {
        Some(other) if other < id => return Reading::Earlier,
        Some(other) if other != id => {
            return Reading::Wrong(format!("the answer has `id` {other}, the request {id}"));
        }
        None if id_needed => return Reading::Wrong(format!("the answer has no `id`; the request's is {id}")),
        Some(_) | None => {}
    }
    match (answer.scores, answer.error) {
        (_, Some(error)) => Reading::Wrong(error),
        (None, None) => Reading::Wrong("the answer has neither `scores` nor `error`".into()),
        (Some(Scores(scores)), None) if scores.len() != count => {
            Reading::Wrong(format!("the answer has {} scores for {count} samples", scores.len()))
        }
        (Some(Scores(scores)), None) => Reading::Scores(scores.into_iter().map(Entry::outcome).collect()),
    }
}

fn malformed(answer: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(400)]);
    let start: String = text.trim().chars().take(80).collect();
    if start.is_empty() {
        return "the answer is an empty line".into();
    }
    let rest = if text.trim().chars().nth(80).is_some() { "..." } else { "" };
    let hint = if answer.windows(3).any(|part| part == b"NaN" || part == b"Inf") {
        "; JSON has no NaN and no infinity: answer null for \"not applicable\" or {\"error\": \"why\"}"
    } else {
        ""
    };
    format!("not an answer: `{start}{rest}` ({error}{hint})")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: Option<u64>,
    scores: Option<Scores>,
    error: Option<String>,
}

struct Scores(Vec<Entry>);

/// One sample's part of an answer.
enum Entry {
    NotApplicable,
    Score(f64),
    Details(Details),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    /// The outer level: whether the key is there; the inner one: whether the reward is applicable.
    #[serde(default, deserialize_with = "present")]
    score: Option<Option<Number>>,
    reason: Option<String>,
    extracted: Option<String>,
    error: Option<String>,
}

/// A number, or true (1) and false (0), which is what comparisons give in most languages.
struct Number(f64);

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Number>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Entry {
    fn outcome(self) -> Outcome {
        match self {
            Self::NotApplicable => Outcome::NotApplicable,
            Self::Score(value) => scored(value, None, None),
            Self::Details(Details { score, reason, extracted, error }) => match (error, score) {
                (Some(error), _) => Outcome::Failed(error),
                (None, Some(Some(Number(value)))) => scored(value, reason, extracted),
                (None, Some(None)) => Outcome::NotApplicable,
                (None, None) => Outcome::Failed("the answer's object has neither `score` nor `error`".into()),
            },
        }
    }
}

fn scored(value: f64, reason: Option<String>, extracted: Option<String>) -> Outcome {
    let reason = reason.map_or("no reason given".into(), Into::into);
    Outcome::from_score(Some(Score { value, reason, extracted }))
}

impl<'de> Deserialize<'de> for Scores {
    /// By hand, so that an endless list is not read to its end.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Scores;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scores")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scores, A::Error> {
                let mut scores = Vec::new();
                while let Some(score) = list.next_element()? {
                    if scores.len() == MAX_BATCH {
                        return Err(A::Error::custom(format!("more than {MAX_BATCH} scores")));
                    }
                    scores.push(score);
                }
                Ok(Scores(scores))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, null, or an object with `score`")
            }

            fn visit_unit<E>(self) -> Result<Entry, E> {
                Ok(Entry::NotApplicable)
            }

            fn visit_bool<E>(self, right: bool) -> Result<Entry, E> {
                Ok(Entry::Score(f64::from(u8::from(right))))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Entry, E> {
                Ok(Entry::Score(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Entry, E> {
                Ok(Entry::Score(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Entry, E> {
                Ok(Entry::Score(value as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                Details::deserialize(MapAccessDeserializer::new(map)).map(Entry::Details)
            }
        }
        deserializer.deserialize_any(One)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Entry::deserialize(deserializer)? {
            Entry::Score(value) => Ok(Self(value)),
            Entry::NotApplicable | Entry::Details(_) => Err(D::Error::custom("`score` is not a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with a few bytes changed, cut out or doubled: read or refused, never a wrong number of outcomes.
    #[test]
    fn damaged_answers_are_read_or_refused() {
        const MARKS: &[u8] = b"\0\xff\"{}[],:0-9eEn\\u";
        let whole = br#"{"id": 7, "scores": [1.5, null, true, {"score": 0.25, "reason": "\u00fc", "extracted": "x"}]}"#;
        assert!(matches!(decode(whole, 7, 4, true), Reading::Scores(_)));
        let mut state = 1_u64;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let (mut read, mut refused) = (0, 0);
        for _ in 0..50_000 {
            let mut answer = whole.to_vec();
            for _ in 0..=draw(3) {
                let at = draw(answer.len());
                match draw(3) {
                    0 => answer[at] = MARKS[draw(MARKS.len())],
                    1 => drop(answer.drain(at..(at + draw(8)).min(answer.len()))),
                    _ => answer.extend_from_within(at..),
                }
            }
            match decode(&answer, 7, 4, true) {
                Reading::Scores(outcomes) => {
                    assert_eq!(outcomes.len(), 4);
                    assert!(outcomes.iter().filter_map(Outcome::value).all(f64::is_finite));
                    read += 1;
                }
                Reading::Wrong(why) => {
                    assert!(!why.is_empty() && why.len() < 1000, "{why}");
                    refused += 1;
                }
                Reading::Earlier => {}
            }
        }
        assert!(read > 1000 && refused > 10_000, "{read} read, {refused} refused");
    }
}
