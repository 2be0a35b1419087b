//! The form of a completion: tags and code blocks.

use grpo_rewards::{RewardSpec, Sample};

/// Value, reason and what was extracted.
fn judge(spec: &str, sample: &Sample<'_>) -> (f64, String, Option<String>) {
    let reward = serde_json::from_str::<RewardSpec>(spec).unwrap().build().unwrap();
    let score = reward.score(sample).unwrap();
    (score.value, score.reason.into_owned(), score.extracted)
}

#[track_caller]
fn check(spec: &str, rows: &[(&str, f64, &str)]) {
    for (completion, value, reason) in rows {
        let got = judge(spec, &Sample::new("", completion));
        assert!((got.0 - value).abs() < 1e-12 && got.1 == *reason, "{completion:?}: {got:?}");
    }
}

const RIGHT: &str = "the tags in order, each once";

#[test]
fn tags_in_order_each_once() {
    check(
        r#"{ "kind": "tags" }"#,
        &[
            ("<think>6 * 7</think><answer>42</answer>", 1.0, RIGHT),
            ("\n<think>\n6 * 7\n</think>\n\n<answer>\n42\n</answer>\n", 1.0, RIGHT),
            ("", 0.0, "`<think>` is missing"),
            ("<think>a</think>", 0.0, "`<answer>` is missing"),
            ("<think>a</think><answer>b", 0.0, "`</answer>` is missing"),
            ("<think>a<answer>b</answer>", 0.0, "`</think>` is missing"),
            ("<think>a</think><think>b</think><answer>c</answer>", 0.0, "`<think>` appears more than once"),
            ("<think>a</think></think><answer>c</answer>", 0.0, "`</think>` appears more than once"),
            ("<answer>b</answer><think>a</think>", 0.0, "`<answer>` is out of order, before `<think>`"),
            ("<think>a<answer>b</answer></think>", 0.0, "`<answer>` is out of order, before `</think>`"),
            ("<think>a<answer>b</think>c</answer>", 0.0, "`<answer>` is out of order, before `</think>`"),
            ("</think>a<think><answer>b</answer>", 0.0, "`</think>` is out of order, before `<think>`"),
            ("Well: <think>a</think><answer>b</answer>", 0.0, "text before `<think>`"),
            ("<think>a</think>so<answer>b</answer>", 0.0, "text before `<answer>`"),
            ("<think>a</think><answer>b</answer>.", 0.0, "text after `</answer>`"),
            ("<think> \n</think><answer>b</answer>", 0.0, "nothing in `<think>`"),
            ("<think>a</think><answer></answer>", 0.0, "nothing in `<answer>`"),
            ("<Think>a</Think><answer>b</answer>", 0.0, "`<think>` is missing"),
        ],
    );
    let cut = Sample::new("", "<think>a</think><answer>b</answer>").with_truncated(true);
    assert_eq!(judge(r#"{ "kind": "tags" }"#, &cut).1, "cut off by the length limit");
}

#[test]
fn settings_of_tags() {
    check(
        r#"{ "kind": "tags", "tags": ["plan", "work", "final"], "min_content": 2 }"#,
        &[
            ("<plan>ab</plan> <work>cd</work> <final>ef</final>", 1.0, RIGHT),
            ("<plan>ab</plan> <work>c</work> <final>ef</final>", 0.0, "too little in `<work>`"),
        ],
    );
    check(
        r#"{ "kind": "tags", "tags": ["think"], "outside": "after" }"#,
        &[
            ("<think>a</think> and </think> more", 1.0, RIGHT),
            (" <think>a</think>", 0.0, "does not begin with `<think>`"),
            ("<think>a</think><think>", 0.0, "`<think>` appears more than once"),
            ("<think></think>b", 0.0, "nothing in `<think>`"),
        ],
    );
    check(
        r#"{ "kind": "tags", "opened": true }"#,
        &[
            ("6 * 7</think><answer>42</answer>", 1.0, RIGHT),
            ("</think><answer>42</answer>", 0.0, "nothing in `<think>`"),
            ("<think>a</think><answer>42</answer>", 0.0, "`<think>` is opened again, after the prompt did"),
        ],
    );
    check(
        r#"{ "kind": "tags", "partial": "tags" }"#,
        &[
            ("<think>a</think><answer>b</answer>", 1.0, RIGHT),
            ("<think>a</think>b", 0.5, "`<answer>` is missing; 2 of 4 tags are right"),
            ("b<think>a</think><answer>b</answer>", 0.75, "text before `<think>`; 3 of 4 tags are right"),
            ("b", 0.0, "`<think>` is missing; 0 of 4 tags are right"),
        ],
    );
    check(
        r#"{ "kind": "tags", "partial": "tags", "opened": true }"#,
        &[("a</think>b", 1.0 / 3.0, "`<answer>` is missing; 1 of 3 tags are right")],
    );
}

#[test]
fn exactly_one_code_block() {
    let python = r#"{ "kind": "code_fence", "languages": ["python", "py"] }"#;
    check(
        python,
        &[
            ("```python\nprint(1)\n```", 1.0, "one code block"),
            ("So:\n~~~~ PY\nprint(1)\n~~~~\nand\n```sh\nls\n```", 1.0, "one code block"),
            ("print(1)", 0.0, "no code block"),
            ("```\nprint(1)\n```", 0.0, "a code block without a language"),
            ("```rust\n1\n```", 0.0, "no code block of the wanted language, but one of `rust`"),
            ("```python\n1\n```\n```py\n2\n```", 0.0, "2 code blocks, not one"),
            ("```python\nprint(1)", 0.0, "the code block is not closed"),
            ("```python\n \n```", 0.0, "the code block is empty"),
        ],
    );
    let got = judge(python, &Sample::new("", "```python\nprint(1)\n\nx = 2\n```"));
    assert_eq!(got.2.as_deref(), Some("print(1)\n\nx = 2"));
    check(
        r#"{ "kind": "code_fence" }"#,
        &[
            ("```\n1\n```", 1.0, "one code block"),
            ("```\n1\n```\n```sh\nls\n```", 0.0, "2 code blocks, not one"),
        ],
    );
    check(r#"{ "kind": "code_fence", "languages": [""] }"#, &[("```\n1\n```", 1.0, "one code block")]);
}
