//! Tags, question answering and code blocks against other people's implementations.

use grpo_rewards::text::{NormalizedMatch, Outside, Partial, Tags, TokenF1, code_fences};
use grpo_rewards::{Reward, RewardKind, RewardSpec, Sample};
use serde::Deserialize;

#[derive(Deserialize)]
struct File<T> {
    rows: Vec<T>,
}

fn rows<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<T> {
    serde_json::from_str::<File<T>>(text).unwrap().rows
}

fn build(kind: impl Into<RewardKind>) -> Box<dyn Reward> {
    RewardSpec::new(kind).build().unwrap()
}

fn value(reward: &dyn Reward, completion: &str, reference: &str) -> f64 {
    reward.score(&Sample::new("", completion).with_reference(reference)).unwrap().value
}

#[derive(Deserialize)]
struct Tagged {
    completion: String,
    think: f64,
    tag_count: f64,
}

#[test]
fn tags_equal_trl_and_open_r1() {
    let think =
        Tags { tags: vec!["think".into()], outside: Outside::After, min_content: 0, ..Tags::default() };
    let think = build(think);
    let exact = build(Tags::default());
    let lines = build(Tags { partial: Partial::Lines, ..Tags::default() });
    let rows: Vec<Tagged> = rows(include_str!("fixtures/tags.json"));
    let (mut well, mut part) = (0, 0);
    for Tagged { completion, think: want, tag_count } in &rows {
        assert_eq!(value(&*think, completion, ""), *want, "{completion:?}");
        well += u32::from(*want == 1.0);
        let got = value(&*lines, completion, "");
        if value(&*exact, completion, "") == 1.0 {
            assert_eq!(got, 1.0, "{completion:?}");
        } else {
            // Where the form is not right, one tag less than all of them is the most.
            assert_eq!(got, tag_count.min(0.75), "{completion:?}");
            part += u32::from(*tag_count > 0.0);
        }
    }
    assert!(rows.len() > 500 && well > 50 && part > 100, "{} {well} {part}", rows.len());
}

#[derive(Deserialize)]
struct Answered {
    answer: String,
    reference: String,
    exact: f64,
    f1: f64,
    differs: Option<String>,
}

#[test]
fn question_answering_equals_squad() {
    let (exact, f1) = (build(NormalizedMatch::default()), build(TokenF1::default()));
    let rows: Vec<Answered> = rows(include_str!("fixtures/squad.json"));
    for row in &rows {
        let got = (value(&*exact, &row.answer, &row.reference), value(&*f1, &row.answer, &row.reference));
        match &row.differs {
            None => {
                assert_eq!(got.0, row.exact, "{:?} for {:?}", row.answer, row.reference);
                assert!((got.1 - row.f1).abs() < 1e-12, "{:?} for {:?}: {got:?}", row.answer, row.reference);
            }
            Some(reason) => {
                assert_eq!((row.exact, got), (0.0, (1.0, 1.0)), "{:?}: {reason}", row.answer);
            }
        }
    }
    assert!(rows.len() >= 50);
}

#[test]
fn code_fences_equal_commonmark() {
    let rows: Vec<(String, Vec<(String, String)>)> = rows(include_str!("fixtures/fences.json"));
    let mut seen = 0;
    for (text, want) in &rows {
        let got: Vec<(String, String)> = code_fences(text)
            .map(|fence| {
                // A line ends in one character there.
                let code = fence.code().replace("\r\n", "\n");
                (fence.info.to_owned(), code)
            })
            .collect();
        assert_eq!(got, *want, "{text:?}");
        seen += want.len();
    }
    assert!(rows.len() > 1000 && seen > 500, "{} {seen}", rows.len());
}
