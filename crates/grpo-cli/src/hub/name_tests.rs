use super::*;

fn parsed(text: &str) -> (Option<Kind>, String, String, String) {
    let name: HubName = text.parse().unwrap();
    assert_eq!(name.to_string().parse::<HubName>().unwrap(), name, "{text}");
    (name.kind, name.repository, name.revision, name.path)
}

#[test]
fn names_have_their_parts() {
    let parts = |kind, a: &str, b: &str, c: &str| (kind, a.to_string(), b.to_string(), c.to_string());
    assert_eq!(parsed("hf://o/n"), parts(None, "o/n", "main", ""));
    assert_eq!(parsed("hf://o/n/"), parts(None, "o/n", "main", ""));
    assert_eq!(parsed("hf://o/n-1.5B@v1.0"), parts(None, "o/n-1.5B", "v1.0", ""));
    assert_eq!(parsed("hf://o/n@a%2Fb/sub/x"), parts(None, "o/n", "a/b", "sub/x"));
    assert_eq!(parsed("hf://o/n@refs/pr/5"), parts(None, "o/n", "refs/pr/5", ""));
    assert_eq!(parsed("hf://o/n@refs/pr/5/sub"), parts(None, "o/n", "refs/pr/5", "sub"));
    assert_eq!(
        parsed("hf://datasets/o/n/main/train.jsonl"),
        parts(Some(Kind::Dataset), "o/n", "main", "main/train.jsonl")
    );
    assert_eq!(parsed("hf://models/o/n"), parts(Some(Kind::Model), "o/n", "main", ""));
    assert!(is_hub_name("hf://") && !is_hub_name("models/hf") && !is_hub_name("./hf:/o/n"));
}

#[test]
fn what_is_no_name_is_refused_with_the_reason() {
    let reason = |text: &str| text.parse::<HubName>().unwrap_err().to_string();
    assert!(reason("o/n").contains("doesn't begin with hf://"));
    assert!(reason("hf://").contains("the owner is missing"));
    assert!(reason("hf://gpt2").contains("the name is missing"));
    assert!(reason("hf:///n").contains("the owner is missing"));
    assert!(reason("hf://o//x").contains("the name is missing"));
    assert!(reason("hf://datasets/o").contains("the name is missing"));
    assert!(reason("hf://spaces/o/n").contains("a space holds neither"));
    assert!(reason("hf://../n").contains("can't be the owner"));
    assert!(reason("hf://o/a--b").contains("can't be the name"));
    assert!(reason("hf://o/n b").contains("can't be the name"));
    assert!(reason("hf://o/n@").contains("the revision \"\" has an empty part"));
    assert!(reason("hf://o/n@%2F..%2Fx").contains("the revision"));
    assert!(reason("hf://o/n/../../x").contains("the path \"../../x\" has"));
    assert!(reason("hf://o/n/a b.jsonl").contains("the path has ' '"));
    assert!(reason("hf://o/n/a?b").contains("the path has '?'"));
    assert!(reason("hf://o/n//x").contains("empty part"));
}

#[cfg(not(feature = "hub"))]
#[test]
fn without_the_feature_a_name_is_refused() {
    let name: HubName = "hf://o/n@v1".parse().unwrap();
    let error = model_folder(&name, Show::Quiet).unwrap_err().to_string();
    assert!(error.starts_with("hf://o/n@v1 needs the feature `hub`: build with"), "{error}");
    assert!(error.ends_with("or download the folder and name it"), "{error}");
    assert!(data_file(&name, Show::Stderr).unwrap_err().to_string().ends_with("the file and name it"));
}
