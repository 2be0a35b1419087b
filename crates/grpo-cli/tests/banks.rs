//! Question banks from the command line: shown, marked, trained on, evaluated with, and recorded.

mod common;

use common::{assert_code, run, stderr, stdout, train};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

const GIFT: &str = "// capitals, with a category that becomes the skill\n$CATEGORY: capitals\n\n\
    ::France::What is the capital of France? {=Paris ~Rome ~Oslo}\n\n\
    ::Italy::What is the capital of Italy? {=Rome ~Paris ~Oslo}\n\n\
    ::Norway::What is the capital of Norway? {=Oslo ~Paris ~Rome}\n\n\
    ::Sum::2 + 5 \\= {#7}\n\n::Even::8 is even. {TRUE}\n\n::Odd::8 is odd. {FALSE}\n\n::Why::Why? {}\n";

fn bank(folder: &Path) {
    fs::write(folder.join("bank.gift"), GIFT).unwrap();
}

#[test]
fn items_are_shown_and_marked() {
    let folder = tempdir().unwrap();
    bank(folder.path());
    let out = run(folder.path(), &["edu", "items", "bank.gift"]);
    assert_code(&out, 0);
    let text = stdout(&out);
    for part in ["What is the capital of France?", "Paris", "right: ####", "right: #### 7", "not scored"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(stderr(&out).contains("7 items, 6 of them scored"), "{}", stderr(&out));

    let answers = "{\"item\": \"Sum\", \"completion\": \"It is 7.\\n#### 7\"}\n{\"item\": \"France\", \"completion\": \"#### Rome\"}\n";
    fs::write(folder.path().join("answers.jsonl"), answers).unwrap();
    let out = run(folder.path(), &["edu", "items", "bank.gift", "--answers", "answers.jsonl"]);
    assert_code(&out, 0);
    let marked: Vec<Value> = stdout(&out).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&marked[0]["success"], &marked[1]["success"]), (&Value::Bool(true), &Value::Bool(false)));

    fs::write(folder.path().join("answers.jsonl"), "{\"item\": \"Spain\", \"completion\": \"\"}").unwrap();
    let out = run(folder.path(), &["edu", "items", "bank.gift", "--answers", "answers.jsonl"]);
    assert_code(&out, 2);
    assert!(
        stderr(&out).contains("answers.jsonl, line 1: the bank has no item \"Spain\""),
        "{}",
        stderr(&out)
    );
    let out = run(folder.path(), &["edu", "items", "answers.jsonl"]);
    assert!(stderr(&out).contains("answers.jsonl is no question bank"), "{}", stderr(&out));
}

const RECIPE: &str = "name = \"bank\"\n[data]\nformat = \"gift\"\npath = \"bank.gift\"\nheld_out_share = 0.4\n\
    [model]\nstart = \"random\"\nhidden_size = 32\nintermediate_size = 64\nlayers = 1\nheads = 2\nkv_heads = 1\ncontext = 96\n\
    [imitation]\nsteps = 3\nbatch_size = 8\nlearning_rate = 1e-3\n\
    [grpo]\nsteps = 2\nprompts_per_step = 2\ngroup_size = 4\nlearning_rate = 1e-3\n\
    [sampling]\nmax_new_tokens = 8\n[[rewards]]\nkind = \"item\"\n[records]\nlearner = \"ada\"\n";

#[test]
fn a_run_on_a_bank_leaves_records_that_a_model_of_skills_can_be_fitted_to() {
    let folder = tempdir().unwrap();
    bank(folder.path());
    fs::write(folder.path().join("bank.toml"), RECIPE).unwrap();
    let out = train(folder.path(), &["bank.toml", "--out", "run", "--quiet"]);
    assert_code(&out, 0);
    let statements: Vec<Value> = fs::read_to_string(folder.path().join("run/xapi.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verb =
        |statement: &Value| statement["verb"]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let verbs: Vec<String> = statements.iter().map(verb).collect();
    let answered = verbs.iter().filter(|verb| *verb == "answered").count();
    assert!(answered >= 1, "{verbs:?}");
    assert_eq!(
        (verbs.first().unwrap().as_str(), verbs.last().unwrap().as_str()),
        ("initialized", "completed")
    );
    for statement in &statements {
        assert_eq!(statement["actor"]["account"]["name"], "ada");
    }
    let out = run(folder.path(), &["eval", "run", "--data", "bank.gift", "--device", "flex"]);
    assert_code(&out, 0);
    let text = stdout(&out);
    assert!(text.contains("6 of bank.gift") && text.contains("metric     item"), "{text}");
    assert!(stderr(&out).contains("1 of 7 items are not scored"), "{}", stderr(&out));

    let out = run(folder.path(), &["edu", "fit", "run/xapi.jsonl", "--model", "irt1"]);
    assert!(
        stdout(&out).contains("1 learner") || stderr(&out).contains("can't be fitted"),
        "{}",
        stderr(&out)
    );
}

#[test]
fn a_tutor_run_records_its_sessions() {
    let folder = tempdir().unwrap();
    let sets = [
        "training.steps=2",
        "training.learners_per_step=4",
        "examination.learners=6",
        "examination.learners_on_the_way=2",
        "records={ learner = \"pupil\" }",
    ];
    let mut arguments = vec!["train", "tutor-kss", "--quiet", "--device", "flex", "--out", "tutor"];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    let out = run(folder.path(), &arguments);
    assert_code(&out, 0);
    let text = fs::read_to_string(folder.path().join("tutor/xapi.jsonl")).unwrap();
    assert_eq!(text.matches("verbs/completed").count(), 6);
    let out = run(folder.path(), &["edu", "fit", "tutor/xapi.jsonl", "--model", "bkt"]);
    assert_code(&out, 0);
    assert!(stdout(&out).contains("by 6 learners"), "{}", stdout(&out));
}

#[test]
fn mistakes_in_banks_are_named() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("bank.toml"), RECIPE).unwrap();
    let out = train(folder.path(), &["bank.toml", "--out", "run", "--quiet"]);
    assert_code(&out, 2);
    assert!(stderr(&out).contains("bank.toml, line 4: `data.path` names"), "{}", stderr(&out));
    fs::write(folder.path().join("bank.gift"), "What? {=a ~b\n").unwrap();
    let out = train(folder.path(), &["bank.toml", "--out", "run", "--quiet"]);
    assert_code(&out, 2);
    assert!(stderr(&out).contains("bank.gift") && stderr(&out).contains("line 1"), "{}", stderr(&out));
    for (set, message) in [
        ("data.style=\"html\"", "unknown variant `html`, expected `plain` or `markdown`"),
        ("data.source=\"gift\"", "`source` and `format` are two names of one key"),
        ("records.learner=\"\"", "`records.learner`: is empty"),
        ("records.xapi.base=\"no\"", "an IRI that ends in"),
    ] {
        let out = train(folder.path(), &["bank.toml", "--out", "run", "--set", set]);
        assert_code(&out, 2);
        assert!(stderr(&out).contains(message), "{set}: {}", stderr(&out));
    }
    assert!(!folder.path().join("run").exists());
}
