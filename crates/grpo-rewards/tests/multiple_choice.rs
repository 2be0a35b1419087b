//! Which option a completion chooses.

use grpo_rewards::{Outcome, RewardSpec, Sample, Score};
use serde_json::{Value, json};

fn score(spec: &Value, completion: &str, reference: &str, fields: &Value) -> Option<Score> {
    let reward = serde_json::from_value::<RewardSpec>(spec.clone()).unwrap().build().unwrap();
    let fields = fields.as_object().unwrap();
    reward.score(&Sample::new("", completion).with_reference(reference).with_fields(fields))
}

/// What is extracted from each completion: the label, several of them, or nothing.
#[track_caller]
fn extracts(fields: &Value, rows: &[(&str, &str)]) {
    for (completion, want) in rows {
        let score = score(&json!({ "kind": "multiple_choice" }), completion, "A", fields).unwrap();
        let got = match score.extracted.as_deref() {
            Some(label)
                if score.reason.contains(" is A, the right one") || score.reason.contains(", not A") =>
            {
                label
            }
            _ => score
                .reason
                .split(" names ")
                .nth(1)
                .unwrap_or(if score.reason.contains("is not an option") { "?" } else { "" }),
        };
        assert_eq!(got, *want, "{completion:?}: {} {:?}", score.reason, score.extracted);
        assert_eq!(score.value, f64::from(u8::from(*want == "A")), "{completion:?}");
    }
}

#[test]
fn letters() {
    extracts(
        &json!({}),
        &[
            ("#### B", "B"),
            ("A or C?\n#### (c)", "C"),
            ("#### Z", "?"),
            ("The answer is B\n#### dunno", "?"),
            ("so \\boxed{D}", "D"),
            ("so \\boxed{\\text{D}}.", "D"),
            ("so \\boxed{\\textbf{(D)}}.", "D"),
            ("The answer is (B).", "B"),
            ("The answer is: **B**", "B"),
            ("the correct answer is option B.", "B"),
            ("The correct option is B, because A dog is no fish.", "B"),
            ("Therefore, the best choice would be C.", "C"),
            ("**Answer: B**", "B"),
            ("**Answer:** B", "B"),
            ("Answer: B) Paris", "B"),
            ("Answer - B", "B"),
            ("answer: b", "B"),
            ("The answer is a.", "A"),
            ("The answer is a dog.", ""),
            ("The answer is A dog.", ""),
            ("Answer: A dog", ""),
            ("The answer is A because dogs bark.", "A"),
            ("The answer is A. Dogs bark.", "A"),
            ("The answer is A.I. and nothing else", ""),
            ("I choose B.", "B"),
            ("I pick option (C)", "C"),
            ("B is correct.", "B"),
            ("(b) is the right answer", "B"),
            ("a is correct in a sense", ""),
            ("A is not correct, so B", ""),
            ("The answer is not B", ""),
            ("The answer is A. No, wait: the answer is C.", "C"),
            ("The answer is A or B", "A and B"),
            ("The answer is B/C", "B and C"),
            ("Answer: A, B and D", "A and B and D"),
            ("The answer is B and B", "B"),
            ("B", "B"),
            ("Some work.\nB", "B"),
            ("Some work.\n\n  (B)  \n\n", "B"),
            ("Some work.\nB)", "B"),
            ("Some work.\nB.", "B"),
            ("Some work.\n**B.** Paris", "B"),
            ("Some work.\n- B", "B"),
            ("Some work.\n`B`", "B"),
            ("Some work.\n$B$", "B"),
            ("Some work.\nb", "B"),
            ("Some work.\nb) Paris", "B"),
            ("Some work.\na day", ""),
            ("A day at the sea", ""),
            ("A", "A"),
            ("A and C", "A and C"),
            ("I think so", ""),
            ("C'est la vie", ""),
            ("B-movies are fun", ""),
            ("E = mc^2", ""),
            ("C++", ""),
            ("F", ""),
            ("B\n\nBecause dogs bark at night.", "B"),
            ("B) Paris\nIt is the capital.", "B"),
            ("", ""),
            ("\0\u{202e}", ""),
        ],
    );
}

#[test]
fn texts_and_labels_of_the_row() {
    let cities = json!({ "choices": ["Lyon", "Paris", "The Hague", "A Coruña"] });
    extracts(
        &cities,
        &[
            ("The answer is Paris.", "B"),
            ("It must be one of them.\nthe hague", "C"),
            ("Answer: a coruña", "D"),
            ("#### Paris", "B"),
            ("#### Rome", "?"),
            ("\\boxed{Paris}", "B"),
            ("Answer: B) Paris", "B"),
            ("Answer: B) Lyon", "A and B"),
            ("Answer: (D) A Coruña", "D"),
            ("Answer: E", ""),
            ("Paris is nice", ""),
        ],
    );
    let numbered = json!({ "choices": { "text": ["two", "four"], "label": ["1", "2"] } });
    let judge = |completion: &str, reference: &str| {
        score(&json!({ "kind": "multiple_choice" }), completion, reference, &numbered).unwrap().value
    };
    assert_eq!(judge("The answer is 2", "2"), 1.0);
    assert_eq!(judge("The answer is (1)", "2"), 0.0);
    assert_eq!(judge("four", "2"), 1.0);
    assert_eq!(judge("The answer is 12", "1"), 0.0);
}

#[test]
fn references() {
    let cities = json!({ "choices": ["Lyon", "Paris", "Nice"] });
    let spec = json!({ "kind": "multiple_choice" });
    for reference in ["B", "b", "(B)", "B.", " B ", "1", "Paris", "paris."] {
        let score = score(&spec, "B", reference, &cities).unwrap();
        assert_eq!(
            (score.value, &*score.reason),
            (1.0, "`B` (the last line) is B, the right one"),
            "{reference:?}"
        );
    }
    let from_one = json!({ "kind": "multiple_choice", "reference_as": "index", "first_index": 1 });
    assert_eq!(score(&from_one, "A", "1", &cities).unwrap().value, 1.0);
    assert_eq!(score(&spec, "C", "2", &json!({})).unwrap().value, 1.0);
    let failed = |spec: &Value, reference: &str, fields: Value| match Outcome::from_score(score(
        spec, "B", reference, &fields,
    )) {
        Outcome::Failed(why) => why,
        other => panic!("{other:?}"),
    };
    let why = failed(&spec, "Rome", cities.clone());
    assert_eq!(why, "no score: the reference `Rome` names none of the options A, B, C");
    let turned = json!({ "choices": ["3", "2", "1"] });
    let why = failed(&spec, "1", turned.clone());
    assert_eq!(why, "no score: the reference `1` may mean option B or C; set `reference_as`");
    let by_text = json!({ "kind": "multiple_choice", "reference_as": "text" });
    assert_eq!(score(&by_text, "C", "1", &turned).unwrap().value, 1.0);
    assert!(failed(&from_one, "0", cities.clone()).contains("names none"));
    assert!(failed(&spec, "Lyon", json!({ "choices": ["Lyon", "Lyon"] })).contains("names none"));
    for (choices, want) in [
        (json!("Paris"), "the row's `choices` is `\"Paris\"`; use a list of texts"),
        (json!([]), "the row's `choices` has 0 entries; use 1 to 100"),
        (json!([["a"]]), "the row's `choices[0]` is `[\"a\"]`; use a text"),
        (json!({ "label": ["A"] }), "needs a list `text`"),
        (json!({ "text": ["x", "y"], "label": ["A"] }), "has 2 texts and 1 labels"),
        (json!({ "text": ["x"], "label": ["("] }), "has the label `(`; use a letter or a number"),
        (json!(vec!["x"; 27]), "the row has 27 choices, more than letters"),
    ] {
        let why = failed(&spec, "A", json!({ "choices": choices }));
        assert!(why.contains(want), "{why}");
    }
    let reward = serde_json::from_value::<RewardSpec>(spec).unwrap().build().unwrap();
    assert_eq!(reward.score(&Sample::new("", "B")), None, "no reference");
}

#[test]
fn settings_count() {
    let judge = |spec: Value, completion: &str| {
        score(&spec, completion, "A", &json!({})).unwrap().reason.into_owned()
    };
    assert_eq!(
        judge(json!({ "kind": "multiple_choice", "letters": 26 }), "Answer: Z"),
        "`Z` (after \"answer\") is Z, not A"
    );
    assert_eq!(
        judge(json!({ "kind": "multiple_choice", "order": ["hash"] }), "Answer: B"),
        "no choice found"
    );
    let order = json!({ "kind": "multiple_choice", "order": ["first_line", "last_line"] });
    assert_eq!(judge(order, "B\nC"), "`B` (the first line) is B, not A");
    let part = json!({ "kind": "multiple_choice", "part": "answer_tag" });
    assert_eq!(judge(part.clone(), "Answer: A <answer>B</answer>"), "`B` (the last line) is B, not A");
    assert_eq!(judge(part, "Answer: A"), "no `<answer>` with its `</answer>`");
}
