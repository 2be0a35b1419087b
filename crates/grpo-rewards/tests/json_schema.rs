//! JSON schemas against Python's `jsonschema`, and JSON in completions.

use grpo_rewards::schema::Schema;
use grpo_rewards::{Outcome, RewardSpec, Sample, Score};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Golden {
    values: Vec<Value>,
    verdicts: Vec<(Value, String)>,
}

#[test]
fn equals_python() {
    let Golden { values, verdicts } =
        serde_json::from_str(include_str!("fixtures/json_schema.json")).unwrap();
    for (schema, verdicts) in &verdicts {
        let compiled = Schema::new(schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert_eq!(verdicts.len(), values.len());
        for (value, verdict) in values.iter().zip(verdicts.chars()) {
            let got = compiled.check(value);
            assert_eq!(got.is_ok(), verdict == '1', "{schema} on {value}: {got:?}");
        }
    }
    assert!(verdicts.len() * values.len() > 3000);
}

#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Value,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    data: Value,
    valid: bool,
}

/// The official test suite (MIT), from the folder `tests/draft2020-12` of it that JSON_SCHEMA_SUITE names. What is
/// not supported must be refused; everything else must be right.
#[test]
#[ignore = "needs JSON_SCHEMA_SUITE"]
fn the_official_suite() {
    let folder = std::env::var("JSON_SCHEMA_SUITE").unwrap();
    let (mut right, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for group in serde_json::from_str::<Vec<Group>>(&text).unwrap() {
            let name = format!("{}: {}", path.file_name().unwrap().display(), group.description);
            match Schema::new(&group.schema) {
                Err(error) => refused.push(format!("{name}: {error}")),
                Ok(schema) => {
                    for test in group.tests {
                        let got = schema.check(&test.data);
                        assert_eq!(got.is_ok(), test.valid, "{name}: {}: {got:?}", test.description);
                        right += 1;
                    }
                }
            }
        }
    }
    refused.sort();
    println!("{right} right, {} schemas refused:\n{}", refused.len(), refused.join("\n"));
    assert!(right > 800);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (schema, want) in [
        (json!(3), "in the schema at `#`: is not a schema; use a table, or true or false"),
        (json!({ "minLenght": 3 }), "at `#/minLenght`: is no keyword of JSON Schema; correct it"),
        (json!({ "type": "int" }), "at `#/type`: is `\"int\"`; use null, boolean"),
        (json!({ "properties": { "a": { "type": 3 } } }), "at `#/properties/a/type`: is `3`"),
        (json!({ "items": [true] }), "at `#/items`: is a list, as in older drafts; use `prefixItems`"),
        (json!({ "$ref": "https://example.org/s" }), "refers to another document, `https://example.org/s`"),
        (json!({ "$ref": "file:///etc/passwd" }), "nothing is fetched"),
        (json!({ "$ref": "#/$defs/a" }), "refers to `#/$defs/a`, which does not exist"),
        (json!({ "$ref": "#a" }), "there is no such `$anchor`"),
        (json!({ "$ref": "#" }), "applies to a value by way of itself"),
        (
            json!({ "anyOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "not": { "$ref": "#" } } } }),
            "by way of itself",
        ),
        (json!({ "unevaluatedProperties": false }), "is not supported; use `additionalProperties`"),
        (json!({ "pattern": "(?=a)" }), "is not a usable pattern"),
        (json!({ "pattern": "((a{1000}){1000}){1000}" }), "size limit"),
        (json!({ "exclusiveMinimum": true }), "is `true`; use a number"),
        (json!({ "multipleOf": 0 }), "is not above 0"),
        (json!({ "minLength": -1 }), "is `-1`; use a whole number from 0 up"),
        (json!({ "required": "a" }), "is not a list of texts"),
        (json!({ "enum": 1 }), "is not a list"),
        (json!({ "allOf": [] }), "is not a list of schemas; use at least one"),
        (json!({ "properties": [] }), "is not a table"),
        (json!({ "$schema": "http://json-schema.org/draft-04/schema#" }), "a draft that is not supported"),
        (json!({ "properties": { "a": { "$id": "b" } } }), "is not supported below the top"),
    ] {
        let error = Schema::new(&schema).expect_err(&schema.to_string()).to_string();
        assert!(error.contains(want), "{schema} gives {error:?} without {want:?}");
    }
    let mut deep = json!({});
    for _ in 0..120 {
        deep = json!({ "not": deep });
    }
    assert!(Schema::new(&deep).is_ok());
    let mut deeper = json!({});
    for _ in 0..200 {
        deeper = json!({ "not": deeper });
    }
    assert!(Schema::new(&deeper).unwrap_err().to_string().contains("more than 128 deep"));
}

#[test]
fn faults_say_where_and_what() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 2, "pattern": "^A" },
            "tags": { "type": "array", "items": { "enum": ["red", "blue"] }, "uniqueItems": true, "maxItems": 2 },
            "size": { "anyOf": [{ "type": "string" }, { "type": "number", "maximum": 9, "multipleOf": 2 }] },
            "a/b": { "const": 1 },
            "odd": { "not": { "multipleOf": 2 } },
        },
        "required": ["name"],
        "additionalProperties": false,
        "propertyNames": { "maxLength": 5 },
        "maxProperties": 3,
    });
    let schema = Schema::new(&schema).unwrap();
    for (value, want) in [
        (json!([]), "a list is not an object"),
        (json!({}), "`name` is missing"),
        (json!({ "name": "B" }), "at `/name`: has 1 characters, fewer than 2"),
        (json!({ "name": "Bo" }), "at `/name`: \"Bo\" does not match `^A`"),
        (
            json!({ "name": "Ann", "tags": ["red", "green"] }),
            "at `/tags/1`: \"green\" is none of \"red\", \"blue\"",
        ),
        (json!({ "name": "Ann", "tags": ["red", "red"] }), "at `/tags`: \"red\" appears twice"),
        (json!({ "name": "Ann", "tags": ["red", "blue", "red"] }), "at `/tags`: has 3 items, more than 2"),
        (json!({ "name": "Ann", "size": null }), "at `/size`: null fits none of 2 alternatives"),
        (json!({ "name": "Ann", "size": 10 }), "at `/size`: 10 is more than 9"),
        (json!({ "name": "Ann", "size": 3 }), "at `/size`: 3 is not a multiple of 2"),
        (json!({ "name": "Ann", "a/b": 2 }), "at `/a~1b`: 2 is not 1"),
        (json!({ "name": "Ann", "odd": 4 }), "at `/odd`: 4 is what it must not be"),
        (json!({ "name": "Ann", "b": 4 }), "at `/b`: is not allowed"),
        (json!({ "name": "Ann", "longer": 4 }), "`longer` cannot be the name of a property"),
        (json!({ "name": "Ann", "a": 1, "b": 2, "c": 3 }), "has 4 properties, more than 3"),
    ] {
        let fault = schema.check(&value).expect_err(&value.to_string()).to_string();
        assert_eq!(fault, want, "{value}");
    }
}

#[test]
fn a_schema_that_branches_without_end_costs_bounded_time() {
    // Each level is checked twice for each time that the level above it is.
    let branch = json!({ "properties": { "a": { "$ref": "#" } }, "not": {} });
    let schema = json!({ "anyOf": [branch, branch] });
    let schema = Schema::new(&schema).unwrap();
    let mut value = json!({});
    for _ in 0..100 {
        value = json!({ "a": value });
    }
    let started = std::time::Instant::now();
    let fault = schema.check(&value).unwrap_err();
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert!(fault.to_string().contains("checking takes more than"), "{fault}");
    // A long chain of references is no danger for the stack.
    let mut definitions = Map::new();
    for index in 0..5000 {
        definitions.insert(format!("d{index}"), json!({ "$ref": format!("#/$defs/d{}", index + 1) }));
    }
    definitions.insert("d5000".into(), json!(true));
    let chain = Schema::new(&json!({ "$ref": "#/$defs/d0", "$defs": definitions })).unwrap();
    assert!(chain.check(&json!(1)).is_err());
}

fn score(spec: &Value, completion: &str, fields: &Value) -> Option<Score> {
    let reward = serde_json::from_value::<RewardSpec>(spec.clone()).unwrap().build().unwrap();
    reward.score(&Sample::new("", completion).with_fields(fields.as_object().unwrap()))
}

#[test]
fn a_completion_is_judged_by_the_json_in_it() {
    let spec = json!({ "kind": "json_schema", "schema": { "type": "object", "required": ["a"] } });
    let judge = |completion: &str| {
        let score = score(&spec, completion, &json!({})).unwrap();
        (score.value, score.reason.into_owned(), score.extracted)
    };
    assert_eq!(judge("{\"a\": 1}"), (1.0, "fits the schema".into(), Some("{\"a\": 1}".into())));
    assert_eq!(judge("So:\n```json\n{\"a\": 1}\n```\nDone {x}.").0, 1.0);
    assert_eq!(judge("{\"b\": 1}"), (0.0, "`a` is missing".into(), Some("{\"b\": 1}".into())));
    assert_eq!(judge("{\"a\": 1").1, "is not valid JSON: EOF while parsing an object at line 1 column 7");
    assert_eq!(judge("none"), (0.0, "no JSON found".into(), None));
    assert_eq!(judge("{\"a\": 1e999}").1, "is not valid JSON: number out of range at line 1 column 11");
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 18));
    assert!(judge(&long).1.starts_with("the JSON has 2621"), "{}", judge(&long).1);

    let whole = json!({ "kind": "json_schema", "part": "whole", "schema": { "type": "object" } });
    assert_eq!(score(&whole, "{} ", &json!({})).unwrap().value, 1.0);
    assert_eq!(score(&whole, "Sure: {}", &json!({})).unwrap().value, 0.0);
    let tagged = json!({ "kind": "json_schema", "part": "answer_tag", "schema": { "type": "array" } });
    assert_eq!(score(&tagged, "<answer>[1]</answer> {}", &json!({})).unwrap().value, 1.0);
}

#[test]
fn the_schema_may_come_from_a_file_or_the_row() {
    let path = std::env::temp_dir().join(format!("grpo-rewards-schema-{}.json", std::process::id()));
    std::fs::write(&path, "{ \"type\": \"array\" }").unwrap();
    let spec = json!({ "kind": "json_schema", "schema": path });
    assert_eq!(score(&spec, "[1]", &json!({})).unwrap().value, 1.0);
    assert_eq!(score(&spec, "{}", &json!({})).unwrap().value, 0.0);
    std::fs::write(&path, "{ \"type\": 3 }").unwrap();
    let build =
        || serde_json::from_value::<RewardSpec>(spec.clone()).unwrap().validate().unwrap_err().to_string();
    assert!(build().starts_with("`schema`: at `#/type` of "), "{}", build());
    std::fs::write(&path, "{").unwrap();
    assert!(
        build().contains("is not JSON: EOF while parsing an object at line 1 column 1; correct the file"),
        "{}",
        build()
    );
    std::fs::remove_file(&path).unwrap();
    assert!(build().contains("cannot be read"), "{}", build());

    let row = json!({ "kind": "json_schema" });
    assert_eq!(score(&row, "[1]", &json!({})), None, "neither recipe nor row has a schema");
    let field = json!({ "schema": { "type": "array" } });
    assert_eq!(score(&row, "[1]", &field).unwrap().value, 1.0);
    assert_eq!(score(&row, "{}", &field).unwrap().reason, "an object is not a list");
    let text = json!({ "schema": "{ \"type\": \"array\" }" });
    assert_eq!(score(&row, "[1]", &text).unwrap().value, 1.0);
    for (field, want) in [
        (json!({ "schema": "{" }), "no score: the row's `schema`: is not valid JSON"),
        (json!({ "schema": { "type": 1 } }), "no score: the row's `schema`: in the schema at `#/type`"),
        (json!({ "schema": { "$ref": "http://example.org" } }), "nothing is fetched"),
    ] {
        match Outcome::from_score(score(&row, "[1]", &field)) {
            Outcome::Failed(why) => assert!(why.contains(want), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
