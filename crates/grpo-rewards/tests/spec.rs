//! Rewards as a recipe writes them.

use grpo_rewards::{RewardError, RewardKind, RewardSet, RewardSpec};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Recipe {
    rewards: Vec<RewardSpec>,
}

const RECIPE: &str = r#"
[[rewards]]
kind = "number"

[[rewards]]
kind = "format"
weight = 0.2

[[rewards]]
kind = "regex"
name = "polite"
pattern = "(?i)please"

[[rewards]]
kind = "soft_overlong"
max_tokens = 96
cache_tokens = 16
weight = 1

[[rewards]]
kind = "keywords"
words = ["dog", "cat"]
need = "share"
weight = 0
"#;

#[test]
fn a_recipe_is_read_and_written_back_in_full() {
    let recipe: Recipe = toml::from_str(RECIPE).unwrap();
    let names: Vec<_> = recipe.rewards.iter().map(|spec| (spec.name().to_owned(), spec.weight)).collect();
    let want = [("number", 1.0), ("format", 0.2), ("polite", 1.0), ("soft_overlong", 1.0), ("keywords", 0.0)];
    assert_eq!(names, want.map(|(name, weight)| (name.to_owned(), weight)));
    let RewardKind::Number(number) = &recipe.rewards[0].kind else {
        panic!("not the kind that was asked for")
    };
    assert_eq!(number.tolerance, 1e-6);

    let written = toml::to_string(&recipe).unwrap();
    assert!(written.contains("tolerance = ") && written.contains("marker = \"####\""), "{written}");
    assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), recipe);
    let set = RewardSet::from_specs(&recipe.rewards).unwrap();
    assert_eq!(set.names().map(|(name, _)| name).collect::<Vec<_>>()[2], "polite");
}

#[test]
fn settings_of_every_kind_survive_being_written() {
    for text in [
        "kind = \"tags\"\ntags = [\"work\"]\noutside = \"after\"\npartial = \"lines\"\nopened = true",
        "kind = \"exact_match\"\npart = { tag = \"final\" }\nignore_compatibility = true",
        "kind = \"normalized_match\"\npart = \"answer_tag\"",
        "kind = \"f1\"\npart = { regex = \"x=(.*)\" }",
        "kind = \"multiple_choice\"\norder = [\"hash\", \"last_line\"]\nreference_as = \"index\"\nfirst_index = 1",
        "kind = \"json_schema\"\npart = \"whole\"\n[schema]\ntype = [\"object\", \"null\"]\n[schema.properties.a]\nminimum = 1.5",
        "kind = \"json_schema\"",
        "kind = \"code_fence\"\nlanguages = [\"rust\", \"rs\"]",
        "kind = \"language\"\nlanguage = \"en\"\namong = [\"de\"]\nmin_confidence = 0.5",
        "kind = \"language\"",
        "kind = \"cosine_length\"\nmax_tokens = 64\nverifier = { kind = \"multiple_choice\", part = \"answer_tag\" }",
        "kind = \"cosine_length\"\nmax_tokens = 64",
    ] {
        let spec: RewardSpec = toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        spec.validate().unwrap();
        let written = toml::to_string(&spec).unwrap();
        assert_eq!(toml::from_str::<RewardSpec>(&written).unwrap(), spec, "{written}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, part) in [
        ("kind = \"nmber\"", "unknown variant `nmber`, expected one of `number`"),
        ("weight = 1.0", "missing field `kind`"),
        (
            "kind = \"number\"\ntolerence = 1",
            "unknown field `tolerence`, expected one of `order`, `tolerance`",
        ),
        ("kind = \"number\"\ntolerance = \"small\"", "invalid type: string \"small\", expected f64"),
        ("kind = \"number\"\nweight = \"big\"", "`weight` must be a finite number, not `\"big\"`"),
        ("kind = \"number\"\nweight = inf", "`weight` must be a finite number"),
        ("kind = \"number\"\nname = 3", "`name` must be a text, not `3`"),
        ("kind = \"number\"\norder = [\"end\"]", "unknown variant `end`"),
        (
            "kind = \"math\"\norder = [\"end\"]",
            "unknown variant `end`, expected one of `hash`, `boxed`, `phrase`",
        ),
        ("kind = \"regex\"", "missing field `pattern`"),
        ("kind = \"letter_share\"\nletter = \"ab\"", "expected a character"),
    ] {
        let error = toml::from_str::<RewardSpec>(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text:?} gives {error:?} without {part:?}");
    }
}

#[test]
fn impossible_values_name_the_key_and_the_fix() {
    for (text, message) in [
        (
            "kind = \"number\"\norder = []",
            "`order`: is empty, so no answer would be found; name at least one of",
        ),
        ("kind = \"number\"\ntolerance = -1", "`tolerance`: -1 is not a distance; use a number from 0 up"),
        (
            "kind = \"math\"\norder = []",
            "`order`: is empty, so no answer would be found; name at least one of",
        ),
        ("kind = \"math\"\ntolerance = -1", "`tolerance`: -1 is not a distance; use a number from 0 up"),
        ("kind = \"format\"\nmarker = \" \"", "`marker`: is empty; name the text before the answer"),
        ("kind = \"format\"\nanswer = \"(\"", "`answer`: is not a usable pattern"),
        ("kind = \"regex\"\npattern = \"(\"", "`pattern`: is not a usable pattern"),
        ("kind = \"regex\"\npattern = \"(?=a)\"", "look-around"),
        ("kind = \"regex\"\npattern = \"((a{1000}){1000}){1000}\"", "size limit"),
        ("kind = \"regex\"\npattern = \"\"", "`pattern`: is empty"),
        ("kind = \"soft_overlong\"\nmax_tokens = 0\ncache_tokens = 0", "`max_tokens`: is 0"),
        (
            "kind = \"soft_overlong\"\nmax_tokens = 8\ncache_tokens = 9",
            "`cache_tokens`: 9 is more than `max_tokens` = 8",
        ),
        ("kind = \"length\"\ntarget = 0", "`target`: is 0; use a number above 0"),
        ("kind = \"length\"\ntarget = 5\ntolerance = -1", "`tolerance`: is -1"),
        ("kind = \"cosine_length\"\nmax_tokens = 0", "`max_tokens`: is 0"),
        ("kind = \"repetition\"\nngram = 0", "`ngram`: is 0; use 1 to 64"),
        ("kind = \"repetition\"\nmax_penalty = 1", "`max_penalty`: 1 would reward repetition"),
        ("kind = \"letter_share\"\nletter = \"3\"", "`letter`: '3' is not a letter"),
        ("kind = \"initial_share\"\nletter = \" \"", "`letter`: ' ' is not a letter"),
        ("kind = \"words_per_sentence\"\ntarget = -3", "`target`: is -3"),
        ("kind = \"keywords\"\nwords = []", "`words`: is empty"),
        ("kind = \"keywords\"\nwords = [\"a\", \"two words\"]", "`words[1]`: \"two words\" is not one word"),
        ("kind = \"keywords\"\nwords = [\"a\", \"A\"]", "`words[1]`: \"A\" is listed twice"),
        ("kind = \"tags\"\ntags = []", "`tags`: has 0 names; name 1 to 8 tags"),
        ("kind = \"tags\"\ntags = [\"a\", \"<b>\"]", "`tags[1]`: \"<b>\" cannot name a tag"),
        ("kind = \"tags\"\ntags = [\"a\", \"a\"]", "`tags[1]`: \"a\" is listed twice"),
        ("kind = \"exact_match\"\npart = { after = \"\" }", "`part`: names an empty text"),
        ("kind = \"multiple_choice\"\nletters = 1", "`letters`: is 1; use 2 to 26"),
        ("kind = \"multiple_choice\"\norder = []", "`order`: is empty, so no choice would be found"),
        ("kind = \"multiple_choice\"\nfirst_index = 2", "`first_index`: is 2; count from 0 or from 1"),
        (
            "kind = \"json_schema\"\nschema = { typ = 1 }",
            "`schema`: at `#/typ`: is no keyword of JSON Schema",
        ),
        ("kind = \"json_schema\"\nschema = \"no-such.json\"", "`schema`: no-such.json cannot be read"),
        ("kind = \"code_fence\"\nlanguages = [\"a b\"]", "`languages[0]`: \"a b\" is more than one word"),
        ("kind = \"language\"\nlanguage = \"xx\"", "`language`: \"xx\" is not a language that can be told"),
        ("kind = \"language\"\namong = [\"de\", \"?\"]", "`among[1]`: \"?\" is not a language"),
        ("kind = \"language\"\nmin_script = 2", "`min_script`: is 2; use a share from 0 to 1"),
        (
            "kind = \"cosine_length\"\nmax_tokens = 9\nverifier = { kind = \"regex\", pattern = \"(\" }",
            "`verifier.pattern`: is not a usable pattern",
        ),
        ("kind = \"exact_match\"\nname = \"a/b\"", "`name`: \"a/b\" cannot name a metric"),
    ] {
        let spec: RewardSpec = toml::from_str(text).expect(text);
        let error = spec.validate().expect_err(text).to_string();
        assert!(error.contains(message), "{text:?} gives {error:?} without {message:?}");
    }
    let weight = RewardSpec::new(grpo_rewards::text::ExactMatch::default()).weighted(f64::NAN);
    assert!(weight.validate().unwrap_err().to_string().starts_with("`weight`: "));
}

#[test]
fn a_list_says_which_of_its_rewards_is_wrong() {
    let recipe: Recipe =
        toml::from_str("[[rewards]]\nkind = \"number\"\n[[rewards]]\nkind = \"repetition\"\nngram = 100\n")
            .unwrap();
    let error = RewardSet::from_specs(&recipe.rewards).err().unwrap();
    assert!(error.to_string().starts_with("`rewards[1].ngram`: is 100"), "{error}");
    let twice: Recipe =
        toml::from_str("[[rewards]]\nkind = \"number\"\n[[rewards]]\nkind = \"number\"\n").unwrap();
    let error = RewardSet::from_specs(&twice.rewards).err().unwrap();
    assert_eq!(error, RewardError::DuplicateName("number".into()));
    assert_eq!(RewardSet::from_specs(&[]).err().unwrap(), RewardError::Empty);
}
