//! The part of a completion that a reward looks at, in every reward that has one.

use grpo_rewards::text::Part;
use grpo_rewards::{Reward, RewardSpec, Sample};
use serde::Deserialize;

#[derive(Deserialize)]
struct Holder {
    part: Part,
}

/// The part as a recipe writes it.
fn part(toml: &str) -> Part {
    toml::from_str::<Holder>(&format!("part = {toml}")).unwrap_or_else(|error| panic!("{toml}: {error}")).part
}

#[test]
fn each_part() {
    const CODE: &str = "Text\n```py\none\n```\n~~~\ntwo\n~~~\n```py\nthree";
    for (toml, text, want) in [
        (r#""whole""#, " a\n", Ok(" a\n")),
        (r#""answer_tag""#, "<answer>1</answer> <answer> 2 </answer> x", Ok("2")),
        (r#""answer_tag""#, "<answer>1 <answer> 2 </answer>", Ok("2")),
        (r#""answer_tag""#, "</answer><answer>", Err("no `<answer>` with its `</answer>`")),
        (r#""after_think""#, "<think>a</think> b </think>\n c ", Ok("c")),
        (r#""after_think""#, "<think>a", Err("`</think>` is missing")),
        (r#""last_line""#, "a\n b \r\n\n", Ok("b")),
        (r#""last_line""#, " \n", Err("there is no text")),
        (r#""code_fence""#, CODE, Ok("two")),
        (r#""code_fence""#, "none", Err("no closed code block")),
        (r#"{ fence = "PY" }"#, CODE, Ok("one")),
        (r#"{ fence = "rust" }"#, CODE, Err("no closed code block of language `rust`")),
        (r#""json""#, "So {\"a\": 1}.", Ok("{\"a\": 1}")),
        (r#""json""#, "So", Err("no JSON found")),
        (r#"{ tag = "solution" }"#, "<solution>x</solution>", Ok("x")),
        (r#"{ after = "Final:" }"#, "Final: 1 Final: 2", Ok("2")),
        (r#"{ regex = "x=(\\d+)" }"#, "x=1, x=22, y=3", Ok("22")),
        (r#"{ regex = "\\d+" }"#, "x=1, x=22, y=3", Ok("3")),
        (r#"{ regex = "z" }"#, "x", Err("nothing matches `z`")),
    ] {
        let found = part(toml).finder().unwrap();
        let found = found.find(text);
        assert_eq!(found.as_deref().map_err(String::as_str), want, "{toml} of {text:?}");
    }
}

#[test]
fn parts_that_cannot_be_are_refused() {
    for (toml, want) in [
        (r#"{ tag = "<a>" }"#, "`part`: \"<a>\" cannot name a tag"),
        (r#"{ tag = "" }"#, "`part`: \"\" cannot name a tag"),
        (r#"{ after = " " }"#, "`part`: names an empty text"),
        (r#"{ fence = "" }"#, "`part`: names an empty text"),
        (r#"{ regex = "(" }"#, "`part`: is not a usable pattern"),
    ] {
        let error = part(toml).finder().expect_err(toml).to_string();
        assert!(error.starts_with(want), "{error}");
    }
    let error = toml::from_str::<Holder>("part = \"anwser_tag\"").err().unwrap().to_string();
    assert!(error.contains("unknown variant `anwser_tag`, expected one of `whole`, `answer_tag`"), "{error}");
}

#[test]
fn every_reward_that_has_a_part_looks_there() {
    for (spec, inside, fields) in [
        (r#"{ "kind": "exact_match" }"#, "Paris", "{}"),
        (r#"{ "kind": "normalized_match" }"#, "Paris", "{}"),
        (r#"{ "kind": "f1" }"#, "Paris", "{}"),
        (r#"{ "kind": "regex", "pattern": "Paris", "whole": true }"#, "Paris", "{}"),
        (r#"{ "kind": "multiple_choice" }"#, "Paris", r#"{ "choices": ["Rome", "Paris"] }"#),
        (r#"{ "kind": "json_schema" }"#, "\"Paris\"", r#"{ "schema": { "const": "Paris" } }"#),
        (r#"{ "kind": "code_fence" }"#, "\n```\nx\n```\n", "{}"),
        (
            r#"{ "kind": "language", "language": "fr" }"#,
            "Paris est la capitale de la France et sa ville la plus grande.",
            "{}",
        ),
    ] {
        let mut spec: serde_json::Value = serde_json::from_str(spec).unwrap();
        let fields = serde_json::from_str(fields).unwrap();
        spec["part"] = serde_json::json!({ "tag": "a" });
        let reward = serde_json::from_value::<RewardSpec>(spec.clone()).unwrap().build().unwrap();
        let score = |completion: &str| {
            let sample = Sample::new("", completion).with_reference("Paris").with_fields(&fields);
            reward.score(&sample).unwrap_or_else(|| panic!("{spec}"))
        };
        let outside = "Rather Rome and nothing else, or so they say in all of the books that I have read.\n";
        let right = score(&format!("{outside}<a>{inside}</a>{outside}"));
        assert_eq!(right.value, 1.0, "{spec}: {}", right.reason);
        assert!(right.extracted.is_some(), "{spec} says what it judged");
        let wrong = score(&format!("<a>{outside}</a>{inside}"));
        assert!(wrong.value < 0.5, "{spec}: {}", wrong.reason);
        let missing = score(inside);
        assert_eq!((missing.value, &*missing.reason), (0.0, "no `<a>` with its `</a>`"), "{spec}");
    }
}

#[test]
fn any_of_several_references() {
    let fields = serde_json::from_str(r#"{ "references": ["Den Haag", "The Hague", 42] }"#).unwrap();
    for (kind, rows) in [
        ("exact_match", [("The Hague", 1.0), ("42", 1.0), ("Hague", 0.0), ("'s-Gravenhage", 0.0)]),
        ("normalized_match", [("the hague!", 1.0), ("hague", 1.0), ("42.", 1.0), ("Haag", 0.0)]),
        ("f1", [("The Hague", 1.0), ("Haag", 2.0 / 3.0), ("in Den Haag", 0.8), ("Rome", 0.0)]),
    ] {
        let reward = serde_json::from_str::<RewardSpec>(&format!("{{ \"kind\": \"{kind}\" }}")).unwrap();
        let reward = reward.build().unwrap();
        for (completion, want) in rows {
            let got = reward.score(&Sample::new("", completion).with_fields(&fields)).unwrap();
            assert!(
                (got.value - want).abs() < 1e-12,
                "{kind} of {completion:?}: {} {}",
                got.value,
                got.reason
            );
        }
        let both = Sample::new("", "Rome").with_reference("Rome").with_fields(&fields);
        assert_eq!(reward.score(&both).unwrap().value, 1.0, "the reference counts as well");
        let bad = serde_json::from_str(r#"{ "references": [["x"]] }"#).unwrap();
        let bad = reward.score(&Sample::new("", "Rome").with_fields(&bad)).unwrap();
        assert!(
            bad.value.is_nan() && bad.reason.starts_with("the row's `references[0]` is `[\"x\"]`"),
            "{}",
            bad.reason
        );
        assert_eq!(reward.score(&Sample::new("", "Rome")), None);
    }
}
