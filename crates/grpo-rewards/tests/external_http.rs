//! The settings of rewards behind an address, with and without the feature `http` (the rest is in `http/`).

use grpo_rewards::{RewardKind, RewardSpec};

#[test]
fn settings_are_checked_and_written_back() {
    for (text, message) in [
        ("time_limit = 0", "`time_limit`: is 0; use a number of seconds above 0"),
        ("first_wait = -1", "`first_wait`: is -1"),
        ("parallel = 0", "`parallel`: is 0; use 1 to 64"),
        ("batch_size = 100000", "`batch_size`: is 100000; use 1 to 65536"),
        (
            "headers = { Authorization = \"Bearer SECRET\" }",
            "`headers.Authorization`: would be written into the run folder; name an environment variable",
        ),
        ("headers = { X-Api-Key = \"SECRET\" }", "`headers.X-Api-Key`: would be written into the run folder"),
        (
            "headers = { Authorization = { env = \"GRPO_TEST_NOT_SET\" } }",
            "`headers.Authorization`: the environment variable `GRPO_TEST_NOT_SET` is not set; set it before",
        ),
    ] {
        let text = format!("kind = \"http\"\nurl = \"http://127.0.0.1:9\"\n{text}");
        let spec: RewardSpec = toml::from_str(&text).expect(&text);
        let error = spec.validate().expect_err(&text).to_string();
        assert!(error.contains(message) && !error.contains("SECRET"), "{text:?} gives {error:?}");
    }
    for (text, part) in [
        ("", "missing field `url`"),
        ("url = \"http://a\"\nheaders = { X = 3 }", "expected a text, or `{ env = \"NAME\" }`"),
        (
            "url = \"http://a\"\nheaders = { X = { enw = \"A\" } }",
            "unknown field `enw`, expected `env` or `prefix`",
        ),
    ] {
        let error =
            toml::from_str::<RewardSpec>(&format!("kind = \"http\"\n{text}")).expect_err(text).to_string();
        assert!(error.contains(part), "{text:?} gives {error:?}");
    }
    let text = "kind = \"http\"\nurl = \"http://a\"\n\
                headers = { X-Model = \"judge\", Authorization = { env = \"PATH\", prefix = \"Bearer \" } }";
    let spec: RewardSpec = toml::from_str(text).unwrap();
    let RewardKind::HttpService(service) = &spec.kind else { panic!("not the kind that was asked for") };
    let path = std::env::var("PATH").unwrap();
    assert_eq!(service.headers["Authorization"].read().unwrap(), format!("Bearer {path}"));
    let written = toml::to_string(&spec).unwrap();
    assert!(written.contains("PATH") && !written.contains(&path), "{written}");
    assert_eq!(toml::from_str::<RewardSpec>(&written).unwrap(), spec);
}

#[cfg(not(feature = "http"))]
#[test]
fn without_the_feature_the_kind_is_refused() {
    let error = RewardSpec::new(grpo_rewards::external::HttpService::new("http://127.0.0.1:9"))
        .validate()
        .unwrap_err();
    let want =
        "`kind`: `http` is not part of this build; build with the feature `http` (cargo: --features http)";
    assert_eq!(error.to_string(), want);
}
