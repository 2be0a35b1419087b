//! The math verifier on the rows of `fixtures/textrewards.json`: the floor.

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
    completion: String,
    reference: String,
    expected: bool,
    ambiguous: bool,
}

/// The rows that depend on policy on which this verifier has another one than the file proposes.
const OTHER_POLICY: &[&str] = &[];

#[test]
fn agrees_wherever_the_answer_is_not_a_matter_of_policy() {
    let file: File = serde_json::from_str(include_str!("fixtures/textrewards.json")).unwrap();
    assert!(file.cases.len() >= 84);
    let reward = RewardSpec::new(MathAnswer::default()).build().unwrap();
    let mut wrong = Vec::new();
    for Case { id, completion, reference, expected, ambiguous } in &file.cases {
        let score = reward.score(&Sample::new("", completion).with_reference(reference)).unwrap();
        let agrees = (score.value == 1.0) == *expected;
        let listed = OTHER_POLICY.contains(&id.as_str());
        if agrees == listed || listed && !ambiguous {
            wrong.push(format!("{id}: {completion:?} against {reference:?}: {}", score.reason));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
