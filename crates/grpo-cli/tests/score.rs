//! `grpo score`: rewards on a file of completions.

mod common;

use common::{assert_code, grpo, run, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

fn write(folder: &Path, rows: &[Value]) {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(folder.join("answers.jsonl"), lines.join("\n")).unwrap();
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_line_for_every_row_in_order() {
    let folder = tempdir().unwrap();
    // More rows than are scored together.
    let rows: Vec<Value> = (0..2500)
        .map(|n| json!({ "completion": format!("so \\boxed{{\\frac{{{n}}}{{2}}}}"), "reference": format!("{}", 0.5 * f64::from(n)) }))
        .collect();
    write(folder.path(), &rows);
    let out = run(folder.path(), &["score", "--reward", "math", "answers.jsonl"]);
    assert_code(&out, 0);
    let scored = lines(&stdout(&out));
    assert_eq!(scored.len(), 2500);
    for (n, line) in scored.iter().enumerate() {
        assert_eq!(line["score"], 1.0, "{line}");
        assert_eq!(line["extracted"], format!("\\frac{{{n}}}{{2}}"));
        assert!(line["reason"].as_str().unwrap().contains("equals"), "{line}");
    }
    assert_eq!(stderr(&out), "2,500 rows, mean score 1.0000\n");
}

#[test]
fn rewards_see_all_fields_of_a_row() {
    let folder = tempdir().unwrap();
    write(
        folder.path(),
        &[
            json!({ "completion": "The answer is B.", "reference": "Paris", "choices": ["Rome", "Paris"] }),
            json!({ "completion": "The answer is A.", "reference": "Paris", "choices": ["Rome", "Paris"] }),
            json!({ "completion": "The answer is A." }),
            json!({ "completion": "A", "reference": "nowhere", "choices": ["Rome", "Paris"] }),
        ],
    );
    let out = run(folder.path(), &["score", "--reward", "multiple_choice", "answers.jsonl"]);
    assert_code(&out, 0);
    let scored = lines(&stdout(&out));
    let scores: Vec<&Value> = scored.iter().map(|line| &line["score"]).collect();
    assert_eq!(scores, [&json!(1.0), &json!(0.0), &Value::Null, &Value::Null]);
    assert_eq!((&scored[2]["failed"], &scored[3]["failed"]), (&Value::Null, &json!(true)), "{scored:?}");
    assert!(stderr(&out).contains("2 without a score, 1 failure"), "{}", stderr(&out));
}

#[test]
fn several_rewards_and_groups() {
    let folder = tempdir().unwrap();
    write(
        folder.path(),
        &[
            json!({ "prompt": "a", "completion": "42", "reference": 42 }),
            json!({ "prompt": "b", "completion": "41", "reference": 41 }),
            json!({ "prompt": "a", "completion": "41", "reference": 42 }),
            json!({ "prompt": "b", "completion": "7", "reference": 41, "group": "a" }),
        ],
    );
    let rank = "{ kind = \"rank\", of = { kind = \"number\" }, weight = 0.5 }";
    let out = run(folder.path(), &["score", "--reward", "number", "--reward", rank, "answers.jsonl"]);
    assert_code(&out, 0);
    let scored = lines(&stdout(&out));
    assert_eq!((&scored[0]["score"], &scored[2]["score"]), (&json!(1.5), &json!(0.0)));
    assert_eq!(scored[0]["rewards"]["rank"]["score"], 1.0);
    // Alone in their groups: only the other reward applies.
    assert_eq!((&scored[1]["score"], &scored[3]["score"]), (&json!(1.0), &json!(0.0)));
    assert_eq!(scored[1]["rewards"]["rank"]["reason"], "not applicable");

    fs::write(folder.path().join("mine.toml"), "[[rewards]]\nkind = \"number\"\nweight = 3\n").unwrap();
    let out = run(folder.path(), &["score", "--recipe", "mine.toml", "answers.jsonl"]);
    assert_eq!(lines(&stdout(&out))[0]["score"], 3.0);
}

#[test]
fn the_standard_input_is_read_as_well() {
    let folder = tempdir().unwrap();
    let mut child = grpo(folder.path())
        .args(["score", "--reward", "number", "--completion-field", "text", "--reference-field", "gold", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"text\": \"7\", \"gold\": 7}\n\n{\"text\": \"8\", \"gold\": \"7\"}\n")
        .unwrap();
    let scored = lines(&stdout(&child.wait_with_output().unwrap()));
    assert_eq!(scored.iter().map(|line| line["score"].clone()).collect::<Vec<_>>(), [json!(1.0), json!(0.0)]);
}

#[test]
fn what_cannot_be_scored_names_its_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("answers.jsonl");
    for (text, arguments, message) in [
        (
            "{\"completion\": \"1\"}\n{}",
            &["--reward", "number"][..],
            "answers.jsonl, line 2: no field `completion`",
        ),
        ("{\"completion\": 3}\n[]", &["--reward", "number"], "line 2: not a JSON object"),
        (
            "{\"completion\": [1]}",
            &["--reward", "number"],
            "line 1: `completion` is [1]; it must be a text or a number",
        ),
        (
            "{\"completion\": \"\", \"tokens\": [-1]}",
            &["--reward", "number"],
            "line 1: `tokens` must be a list of token ids",
        ),
        ("", &["--reward", "mth"], "unknown variant `mth`, expected one of `number`, `math`"),
        ("", &["--reward", "{ kind = \"regex\" }"], "missing field `pattern`"),
        ("", &["--reward", "{ kind = \"regex\", pattern = \"(\" }"], "is not a usable pattern"),
        ("", &["--recipe", "none.toml"], "can't read the recipe none.toml"),
    ] {
        fs::write(&file, text).unwrap();
        let out = run(folder.path(), &[&["score"], arguments, &["answers.jsonl"]].concat());
        assert_code(&out, 2);
        assert!(stderr(&out).contains(message), "{text}: {}", stderr(&out));
    }
    let out = run(folder.path(), &["score", "--reward", "number", "missing.jsonl"]);
    assert_code(&out, 2);
    assert!(stderr(&out).contains("can't read missing.jsonl"), "{}", stderr(&out));
}
