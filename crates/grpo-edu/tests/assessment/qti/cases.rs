//! Scores of completions.

use std::collections::BTreeMap;

use grpo_edu::assessment::{Item, Response};
use serde::Deserialize;

use super::{folder, item, items};

#[derive(Deserialize)]
struct Cases {
    items: Vec<ItemCases>,
}

#[derive(Deserialize)]
struct ItemCases {
    item: String,
    min: f64,
    max: f64,
    solution: Option<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    completion: String,
    /// What each response variable holds; `None` for NULL.
    responses: BTreeMap<String, Option<Vec<String>>>,
    score: Option<f64>,
}

fn cases() -> Vec<ItemCases> {
    let path = folder().join("cases.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str::<Cases>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).items
}

/// A response as QTI writes the values of a variable.
fn written(response: &Response) -> Vec<String> {
    match response {
        Response::Chosen(ids) | Response::Ordered(ids) => ids.clone(),
        Response::Pairs(pairs) => pairs.iter().map(|(a, b)| format!("{a} {b}")).collect(),
        Response::Text(text) => vec![text.clone()],
        Response::Number(number, _) => vec![number.to_string()],
        Response::Point(x, y) => vec![format!("{x} {y}")],
        other => panic!("{other:?} isn't a response of QTI"),
    }
}

#[test]
fn every_item_has_cases() {
    let mut named: Vec<String> = cases().into_iter().map(|cases| cases.item).collect();
    named.sort();
    assert_eq!(named, items().into_iter().map(|(name, _)| name).collect::<Vec<_>>());
}

#[test]
fn completions_score_what_the_items_say() {
    for expected in cases() {
        let item = item(&expected.item);
        for case in expected.cases {
            let place = format!("{} {:?}", expected.item, case.completion);
            let marked = item.mark(&case.completion);
            assert_eq!(marked.score, case.score, "{place}: {}", marked.reason);
            // A score beyond the item's ends is the end of that answer.
            let score = case.score.unwrap_or(expected.min);
            let ends = (expected.min.min(score), expected.max.max(score));
            assert_eq!((marked.min, marked.max), ends, "{place}");
            // Held variables are those of answers that were read, in whatever order the interactions stand.
            let mut held: Vec<Vec<String>> = case.responses.into_values().flatten().collect();
            let mut read: Vec<Vec<String>> = marked.responses.iter().flatten().map(written).collect();
            held.sort();
            read.sort();
            // An answer that was read may still be refused (too many choices): then the variable is NULL, and the reason says why.
            let refused = marked.reason.contains('(') && held.len() < read.len();
            let nothing = read.iter().all(|values| values.is_empty()) && held.is_empty();
            assert!(
                held == read || refused || nothing,
                "{place}: {read:?} read, {held:?} expected: {}",
                marked.reason
            );
        }
    }
}

#[test]
fn solutions_earn_the_full_score() {
    for expected in cases() {
        let item = item(&expected.item);
        assert_eq!(item.solution(), expected.solution, "{}", expected.item);
        if let Some(solution) = expected.solution {
            let marked = item.mark(&solution);
            assert_eq!(marked.score, Some(expected.max), "{}: {}", expected.item, marked.reason);
            assert_eq!(marked.success(), Some(true), "{}", expected.item);
        }
    }
}

#[test]
fn responses_are_scored_as_completions_are() {
    for expected in cases() {
        let item = item(&expected.item);
        for case in expected.cases {
            let marked = item.mark(&case.completion);
            assert_eq!(
                item.score(marked.responses).score,
                case.score,
                "{} {:?}",
                expected.item,
                case.completion
            );
        }
    }
}

#[test]
fn reasons_say_what_happened() {
    for (name, completion, reason) in [
        ("choice-single.xml", "#### B", "right: 1 of 1"),
        ("choice-single.xml", "#### A", "wrong: 0 of 1"),
        ("choice-single.xml", "", "no answer: 0 of 1 (no answer found)"),
        ("choice-multiple.xml", "#### B, E", "partly right: 1.5 of 2"),
        ("match.xml", "#### 1-C, 2-C", "no answer: 0 of 4 (`oslo` is used more often than it may be (1))"),
        ("two-places.xml", "#### 1: 3; 3: A", "no answer"),
        ("slider.xml", "#### 300", "no answer: 0 of 1 (300 isn't on the scale from 0 to 200)"),
        ("essay.xml", "A walk.", "not scored: the item has no response processing"),
    ] {
        let found = item(name).mark(completion).reason;
        if name == "two-places.xml" {
            assert_eq!(found, "wrong: 0 of 3 (place 2: no answer found)");
        } else {
            assert_eq!(found, reason, "{name} {completion}");
        }
    }
}
