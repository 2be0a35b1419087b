//! The math verifier against Python's `math-verify` on pairs of completion and reference
//! (`fixtures/math_pairs.json`, written by `oracle/math_verify.py`), and against the truth of them.

use std::collections::BTreeMap;

use grpo_rewards::math::MathAnswer;
use grpo_rewards::{RewardSpec, Sample};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    category: String,
    completion: String,
    reference: String,
    /// What a person says, where a person can.
    truth: Option<bool>,
    math_verify: bool,
}

/// Part of the rows on which both must agree, for each of the two styles.
const FLOOR: f64 = 0.98;

#[test]
fn agrees_with_math_verify_except_where_listed() {
    let file: File = serde_json::from_str(include_str!("fixtures/math_pairs.json")).unwrap();
    let listed: BTreeMap<String, String> =
        serde_json::from_str(include_str!("fixtures/math_differs.json")).unwrap();
    assert!(file.cases.len() > 1000, "the corpus is there: {} rows", file.cases.len());
    let reward = RewardSpec::new(MathAnswer::default()).build().unwrap();
    let mut styles: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut surprises, mut wrong, mut differing) = (Vec::new(), Vec::new(), 0);
    for case in &file.cases {
        let score = reward.score(&Sample::new("", &case.completion).with_reference(&case.reference)).unwrap();
        let right = score.value == 1.0;
        let (style, _) = case.id.split_once('-').unwrap();
        let count = styles.entry(style).or_default();
        count.1 += 1;
        count.0 += usize::from(right == case.math_verify);
        let Case { id, category, completion, reference, truth, math_verify } = case;
        let line = format!(
            "{id} ({category}): {completion:?} against {reference:?}: {}; math-verify says {math_verify}, truth {truth:?}",
            score.reason
        );
        differing += usize::from(right != *math_verify);
        if (right != *math_verify) != listed.contains_key(id) {
            surprises.push(line.clone());
        }
        if truth.is_some_and(|truth| truth != right) {
            wrong.push(line);
        }
    }
    for (style, (agreeing, all)) in &styles {
        println!("{style}: {agreeing} of {all} rows agree with math-verify");
    }
    println!("{differing} rows differ, {} are against the truth:\n{}", wrong.len(), wrong.join("\n"));
    assert!(surprises.is_empty(), "{} rows:\n{}", surprises.len(), surprises.join("\n"));
    assert!(styles.len() == 2, "both styles are there");
    for (style, (agreeing, all)) in styles {
        assert!(agreeing as f64 >= FLOOR * all as f64, "{style}: {agreeing} of {all}");
    }
}
