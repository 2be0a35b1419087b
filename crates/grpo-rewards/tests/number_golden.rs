//! The number verifier against what other checkers say (`fixtures/textrewards.json`).

use grpo_rewards::number::RightNumber;
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
    expected: bool,
    ambiguous: bool,
    note: Option<String>,
}

#[test]
fn agrees_wherever_the_answer_is_not_a_matter_of_policy() {
    let file: File = serde_json::from_str(include_str!("fixtures/textrewards.json")).unwrap();
    assert!(file.cases.len() >= 84);
    let reward = RewardSpec::new(RightNumber::default()).build().unwrap();
    let (mut passed, mut policy, mut wrong) = (0, (0, 0), Vec::new());
    for case in &file.cases {
        let sample = Sample::new("", &case.completion).with_reference(&case.reference);
        let score = reward.score(&sample).expect("every reference of the file is a number");
        let agrees = (score.value == 1.0) == case.expected;
        let Case { id, category, completion, reference, .. } = case;
        let line = format!("{id} ({category}): {completion:?} against {reference:?}: {}", score.reason);
        match (case.ambiguous, agrees) {
            (false, true) => passed += 1,
            (false, false) => wrong.push(line),
            (true, true) => policy.0 += 1,
            (true, false) => {
                policy.1 += 1;
                println!("differs by policy: {line} ({})", case.note.as_deref().unwrap_or("no note"));
            }
        }
    }
    println!("{passed} rows agree; of the ambiguous rows {} agree and {} differ", policy.0, policy.1);
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
