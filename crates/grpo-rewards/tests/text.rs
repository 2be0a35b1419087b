//! The checkable text rewards, row by row.

use grpo_rewards::{RewardSpec, Sample, Score};

fn score(spec: &str, sample: &Sample<'_>) -> Option<Score> {
    let spec: RewardSpec = serde_json::from_str(spec).unwrap();
    spec.build().unwrap().score(sample)
}

/// The value of a completion and the reason for it.
fn scored(spec: &str, completion: &str) -> (f64, String) {
    let score = score(spec, &Sample::new("", completion)).unwrap();
    (score.value, score.reason.into_owned())
}

fn scored_for(spec: &str, completion: &str, reference: &str) -> (f64, String) {
    let score = score(spec, &Sample::new("", completion).with_reference(reference)).unwrap();
    (score.value, score.reason.into_owned())
}

#[track_caller]
fn check(spec: &str, rows: &[(&str, f64)]) {
    for (completion, want) in rows {
        let (got, reason) = scored(spec, completion);
        assert!((got - want).abs() < 1e-12, "{completion:?}: {got}, not {want} ({reason})");
    }
}

#[test]
fn format() {
    let plain = r#"{ "kind": "format" }"#;
    check(
        plain,
        &[
            ("6 * 7 = 42\n#### 42", 1.0),
            ("6 * 7 = 42 #### 42  \n", 1.0),
            ("work\n#### -1,234.5", 1.0),
            ("work\n#### $7", 1.0),
            ("work\n#### 3/4", 1.0),
            ("work\n#### 42%", 1.0),
            ("#### 42", 0.0),
            ("\n#### 42", 0.0),
            ("work\n#### 42\n#### 42", 0.0),
            ("work\n#### 42 apples", 0.0),
            ("work\n#### 42\nmore", 0.0),
            ("work\n#### 12,34", 0.0),
            ("work\n####", 0.0),
            ("work 42", 0.0),
            ("", 0.0),
        ],
    );
    assert_eq!(scored(plain, "a\n#### 1\n#### 1").1, "`####` appears 2 times");
    assert_eq!(scored(plain, "a 42").1, "`####` is missing");
    assert_eq!(scored(plain, "a #### b").1, "what follows `####` is not just an answer");
    let cut = Sample::new("", "work\n#### 4").with_truncated(true);
    let cut = score(plain, &cut).unwrap();
    assert_eq!((cut.value, &*cut.reason), (0.0, "cut off by the length limit"));
    check(
        r#"{ "kind": "format", "marker": "Answer:", "answer": "[A-D]", "min_working": 4 }"#,
        &[("because\nAnswer: C", 1.0), ("abc\nAnswer: C", 0.0), ("because\nAnswer: E", 0.0)],
    );
}

#[test]
fn exact_match() {
    let value = |spec: &str, completion: &str, reference: &str| {
        score(spec, &Sample::new("", completion).with_reference(reference)).unwrap().value
    };
    let strict = r#"{ "kind": "exact_match" }"#;
    assert_eq!(value(strict, " Paris\n", "Paris"), 1.0);
    assert_eq!(value(strict, "paris", "Paris"), 0.0);
    let loose = r#"{ "kind": "exact_match", "ignore_case": true, "collapse_whitespace": true, "ignore_punctuation": true }"#;
    assert_eq!(value(loose, "the  city, of PARIS.", "The city of Paris"), 1.0);
    assert_eq!(value(loose, "the city of Rome", "The city of Paris"), 0.0);
    assert_eq!(value(loose, "STRASSE", "straße"), 1.0, "full case folding");
    assert_eq!(value(loose, "cafe\u{301}", "cafe"), 0.0, "an accent is no punctuation");
    let same = r#"{ "kind": "exact_match", "ignore_compatibility": true, "ignore_articles": true }"#;
    assert_eq!(value(same, "the cafe\u{301} ﬁn", "a café fin"), 1.0);
    assert_eq!(value(same, "café", "Café"), 0.0);
    assert_eq!(scored_for(strict, "Rome", "Paris").1, "is not the reference");
    let tagged = r#"{ "kind": "exact_match", "part": "answer_tag" }"#;
    assert_eq!(
        scored_for(tagged, "<answer>Ro\u{202e}me</answer>", "x").1,
        "`Ro\u{fffd}me` is not the reference"
    );
    assert_eq!(scored_for(tagged, "<answer> </answer>", "x").1, "nothing is not the reference");
    let long = "x".repeat(1 << 15);
    assert_eq!(value(strict, &long, &long), 1.0);
    assert_eq!(value(loose, &long, &long), 1.0, "the reference is as long");
    assert_eq!(scored_for(loose, &long, "x").1, "has 32768 bytes, far more than the reference");
    assert_eq!(score(strict, &Sample::new("", "Paris")), None, "no reference");
}

#[test]
fn regex() {
    check(r#"{ "kind": "regex", "pattern": "do(g|ve)s?" }"#, &[("two dogs", 1.0), ("a cat", 0.0)]);
    check(
        r#"{ "kind": "regex", "pattern": "yes|no", "whole": true }"#,
        &[(" yes\n", 1.0), ("no", 1.0), ("yes or no", 0.0), ("yes no", 0.0)],
    );
}

#[test]
fn cosine_length_goes_by_any_verifier() {
    let spec = r#"{ "kind": "cosine_length", "max_tokens": 4, "verifier": { "kind": "multiple_choice" } }"#;
    let value = |completion: &str, reference: &str| {
        score(spec, &Sample::new("", completion).with_reference(reference).with_tokens(&[0, 0])).unwrap()
    };
    assert!((value("Answer: B", "B").value - 0.75).abs() < 1e-12);
    assert!((value("Answer: C", "B").value + 0.75).abs() < 1e-12);
    assert_eq!(value("Answer: C", "B").reason, "2 of 4 tokens; `C` (after \"answer\") is C, not B");
    assert!(value("Answer: C", "?").value.is_nan(), "the verifier cannot use the row");
}

#[test]
fn letters() {
    let share = r#"{ "kind": "letter_share", "letter": "e" }"#;
    check(share, &[("Eve", 2.0 / 3.0), ("e e. e!", 1.0), ("abc", 0.0), ("", 0.0), ("123", 0.0)]);
    assert_eq!(scored(share, "Eve").1, "2 of 3 letters");
    check(r#"{ "kind": "letter_share", "letter": "e", "min_letters": 4 }"#, &[("eee", 0.0), ("eeee", 1.0)]);
    check(r#"{ "kind": "letter_share", "letter": "É" }"#, &[("éa", 0.5)]);
    let initial = r#"{ "kind": "initial_share", "letter": "s" }"#;
    check(initial, &[("Sam saw a snake", 0.75), ("", 0.0), ("'s' is", 0.5), ("as is", 0.0)]);
    check(
        r#"{ "kind": "initial_share", "letter": "s", "min_words": 3 }"#,
        &[("so so", 0.0), ("so so so", 1.0)],
    );
}

#[test]
fn sentences() {
    let spec = r#"{ "kind": "words_per_sentence", "target": 4, "tolerance": 1 }"#;
    check(
        spec,
        &[
            ("One two three four. One two three.", 1.0),
            ("One two.", 0.75),
            ("One two three four five six.", 0.75),
            ("a b c d e f g h i j k l.", 0.0),
            ("...!?", 0.0),
            ("", 0.0),
        ],
    );
    assert_eq!(scored(spec, "One two. Three.").1, "1.5 words per sentence, target 4");
}

#[test]
fn keywords() {
    let text = "The dog's friend is a CAT.";
    let value = |need: &str, words: &str| {
        scored(&format!(r#"{{ "kind": "keywords", "words": {words}, "need": "{need}" }}"#), text).0
    };
    assert_eq!(value("any", r#"["cat", "bird"]"#), 1.0);
    assert_eq!(value("any", r#"["do", "bird"]"#), 0.0, "whole words only");
    assert_eq!(value("all", r#"["cat", "bird"]"#), 0.0);
    assert_eq!(value("all", r#"["cat", "Dog's"]"#), 1.0);
    assert_eq!(value("share", r#"["cat", "bird"]"#), 0.5);
    assert_eq!(value("none", r#"["cat", "bird"]"#), 0.0);
    assert_eq!(value("none", r#"["bird"]"#), 1.0);
}

#[test]
fn lengths_and_repetition() {
    check(
        r#"{ "kind": "length", "target": 4, "unit": "words" }"#,
        &[("one two three four", 1.0), ("one two", 0.5), ("", 0.0), ("a b c d e f g h i", 0.0)],
    );
    check(
        r#"{ "kind": "length", "target": 2, "tolerance": 1, "unit": "characters" }"#,
        &[("éàü", 1.0), ("éàüx", 0.5)],
    );
    check(
        r#"{ "kind": "repetition", "ngram": 2, "items": "words" }"#,
        &[("The dog the DOG the dog", -0.6), ("a b c", 0.0), ("", 0.0)],
    );
    for spec in [
        r#"{ "kind": "length", "target": 4 }"#,
        r#"{ "kind": "repetition" }"#,
        r#"{ "kind": "soft_overlong", "max_tokens": 9, "cache_tokens": 2 }"#,
    ] {
        assert_eq!(score(spec, &Sample::new("", "text")), None, "{spec}: tokens are not known");
        assert!(score(spec, &Sample::new("", "")).is_some(), "{spec}: no text, no tokens");
    }
}
