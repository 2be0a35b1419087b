//! Rewards made of others: what recipes write, and what it comes to.

use grpo_rewards::compose::{pass_at_k, pass_at_k_credit};
use grpo_rewards::{Evaluation, Outcome, RewardError, RewardSet, RewardSpec, Sample};

fn set(text: &str) -> RewardSet {
    let spec: RewardSpec = toml::from_str(text).unwrap();
    let written = toml::to_string(&spec).unwrap();
    assert_eq!(toml::from_str::<RewardSpec>(&written).unwrap(), spec, "{written}");
    RewardSet::from_specs(&[spec]).unwrap()
}

fn values(evaluation: &Evaluation) -> Vec<Option<f64>> {
    evaluation.columns[0].values().collect()
}

fn reason(evaluation: &Evaluation, row: usize) -> &str {
    evaluation.columns[0].outcomes[row].reason()
}

const WORKED: &str = "6 * 7 = 42\n#### 42";

#[test]
fn a_gate_gives_no_credit_without_the_form() {
    let gate = set(
        "kind = \"gate\"\ncondition = { kind = \"format\" }\nreward = { kind = \"number\", weight = 2 }\notherwise = -0.5",
    );
    let samples = [WORKED, "42", "6 * 7 = 41\n#### 41"].map(|c| Sample::new("", c).with_reference("42"));
    let result = gate.evaluate(&samples);
    assert_eq!(values(&result), [Some(2.0), Some(-0.5), Some(0.0)]);
    assert_eq!(reason(&result, 0), "`42` (after `####`) equals 42");
    assert_eq!(reason(&result, 1), "format does not hold: `####` is missing");
    // The reward does not apply without a reference, and then neither does the gate.
    assert_eq!(values(&gate.evaluate(&[Sample::new("", WORKED)])), [None]);
}

#[test]
fn sums_and_products_take_the_parts_that_apply() {
    let parts = "of = [{ kind = \"exact_match\", weight = 0.5 }, { kind = \"regex\", pattern = \"a\", weight = 3 }, { kind = \"regex\", \
                 name = \"b\", pattern = \"b\" }]";
    let (sum, product) =
        (set(&format!("kind = \"sum\"\n{parts}")), set(&format!("kind = \"product\"\n{parts}")));
    let samples = [Sample::new("", "ab"), Sample::new("", "ab").with_reference("ab"), Sample::new("", "a")];
    let result = sum.evaluate(&samples);
    assert_eq!(values(&result), [Some(4.0), Some(4.5), Some(3.0)]);
    assert_eq!(
        reason(&result, 1),
        "exact_match: is the reference; regex: matches the pattern; b: matches the pattern"
    );
    assert_eq!(values(&product.evaluate(&samples)), [Some(3.0), Some(1.5), Some(0.0)]);
    let none = set("kind = \"product\"\nof = [{ kind = \"exact_match\" }, { kind = \"number\" }]");
    assert_eq!(values(&none.evaluate(&samples[..1])), [None]);
}

#[test]
fn the_first_that_applies_counts() {
    let first = set(
        "kind = \"first\"\nof = [{ kind = \"number\" }, { kind = \"exact_match\", weight = 0.5 }, { kind = \"keywords\", \
                     words = [\"yes\"] }]",
    );
    let result = first.evaluate(&[
        Sample::new("", "42").with_reference("42"),
        Sample::new("", "Paris").with_reference("Paris"),
        Sample::new("", "yes"),
    ]);
    assert_eq!(values(&result), [Some(1.0), Some(0.5), Some(1.0)]);
    assert_eq!(reason(&result, 1), "exact_match: is the reference");
}

#[test]
fn values_are_clipped_and_said_to_be() {
    let clip = set("kind = \"clip\"\nmin = -1\nmax = 0.75\nof = { kind = \"letter_share\", letter = \"a\" }");
    let result = clip.evaluate(&[Sample::new("", "aaaa"), Sample::new("", "ab")]);
    assert_eq!(values(&result), [Some(0.75), Some(0.5)]);
    assert_eq!(reason(&result, 0), "4 of 4 letters; 1 counts as 0.75");
    assert_eq!(reason(&result, 1), "1 of 2 letters");
}

#[test]
fn normalized_rewards_remember_all_batches_and_can_be_resumed() {
    let text = "kind = \"normalized\"\nof = { kind = \"letter_share\", letter = \"a\" }";
    let texts = ["aaaa", "aaab", "aabb", "abbb", "bbbb", "aaaa", "ab", "aabb"];
    let samples: Vec<Sample<'_>> = texts.iter().map(|text| Sample::new("", text)).collect();
    let whole = set(text);
    let first = values(&whole.evaluate(&samples[..3]));
    // 1, 3/4 and 1/2: mean 3/4, unbiased standard deviation 1/4.
    for (value, expected) in first.iter().zip([1.0, 0.0, -1.0]) {
        assert!((value.unwrap() - expected).abs() < 1e-12, "{first:?}");
    }
    let state = whole.state();
    let rest = whole.evaluate(&samples[3..]);
    // Against all eight values, computed directly.
    let shares = [1.0, 0.75, 0.5, 0.25, 0.0, 1.0, 0.5, 0.5];
    let mean = shares.iter().sum::<f64>() / 8.0;
    let std = (shares.iter().map(|share: &f64| (share - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
    for (value, share) in values(&rest).iter().zip(&shares[3..]) {
        assert!((value.unwrap() - (share - mean) / std).abs() < 1e-12);
    }
    let resumed = set(text);
    let state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    resumed.restore(&state).unwrap();
    assert_eq!(resumed.evaluate(&samples[3..]), rest, "bit for bit");
    assert!(set("kind = \"number\"").state().is_empty());
    // Back to the beginning.
    resumed.restore(&serde_json::Map::new()).unwrap();
    assert_eq!(values(&resumed.evaluate(&samples[..3])), first);
    let wrong = serde_json::from_str("{ \"normalized\": { \"own\": 3, \"parts\": [null] } }").unwrap();
    assert!(set(text).restore(&wrong).unwrap_err().starts_with("normalized: `normalized`: "));
}

#[test]
fn equal_values_are_at_no_distance() {
    let text = "kind = \"normalized\"\nof = { kind = \"letter_share\", letter = \"a\" }";
    let thirds = vec![Sample::new("", "aab"); 300];
    assert!(values(&set(text).evaluate(&thirds)).iter().all(|value| *value == Some(0.0)));
}

#[test]
fn ranks_are_places_within_the_group() {
    let rank = set("kind = \"rank\"\nof = { kind = \"letter_share\", letter = \"a\" }");
    let texts = [("ab", 0), ("aaab", 7), ("aaaa", 0), ("bbbb", 0), ("b", 7), ("ba", 0), ("aaaa", 9)];
    let samples = texts.map(|(text, group)| Sample::new("", text).with_group(group));
    let result = rank.evaluate(&samples);
    // Group 0 has 1/2, 1, 0, 1/2: places 2.5, 4, 1 and 2.5 of four.
    assert_eq!(values(&result), [Some(0.5), Some(1.0), Some(1.0), Some(0.0), Some(0.0), Some(0.5), None]);
    assert_eq!(reason(&result, 0), "1 of 2 letters; place 2.5 of 4 from below");
    let mut shuffled = samples;
    shuffled.reverse();
    let mut back = values(&rank.evaluate(&shuffled));
    back.reverse();
    assert_eq!(back, values(&result));
}

#[test]
fn diversity_is_what_others_lack() {
    let diversity = set("kind = \"diversity\"\nngram = 1");
    let texts = [("one two", 1), ("one two", 1), ("one three four", 1), ("alone", 2), ("", 1)];
    let result = diversity.evaluate(&texts.map(|(text, group)| Sample::new("", text).with_group(group)));
    let found = values(&result);
    // Of the three others of the first, two have "one" and one has "two".
    let expected = [Some(0.5), Some(0.5), Some(7.0 / 9.0), None, Some(0.0)];
    for (value, expected) in found.iter().zip(expected) {
        assert_eq!(value.is_some(), expected.is_some());
        assert!((value.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{found:?}");
    }
    assert_eq!(reason(&result, 4), "shorter than 1 items");
}

#[test]
fn pass_at_k_counts_subsets() {
    // Against all subsets of size k.
    for n in 1_usize..=9 {
        for right in 0..=n {
            for k in 1..=n {
                let subsets = (0_u32..1 << n).filter(|subset| subset.count_ones() as usize == k);
                let (mut all, mut passed) = (0.0, 0.0);
                for subset in subsets {
                    all += 1.0;
                    passed += f64::from(u8::from(subset & ((1 << right) - 1) != 0));
                }
                let estimate = pass_at_k(n, right, k).unwrap();
                assert!((estimate - passed / all).abs() < 1e-12, "{n} {right} {k}");
            }
        }
    }
    assert_eq!((pass_at_k(4, 2, 0), pass_at_k(4, 2, 5), pass_at_k(4, 5, 2)), (None, None, None));
}

#[test]
fn pass_at_k_credit_is_an_unbiased_gradient() {
    // Answers are right with probability p = σ(θ); d log p(x)/dθ is 1 - p for a right answer and -p for a wrong one. The expected sum
    // of credit times that must be the derivative of pass@k = 1 - (1 - p)^k.
    for (n, k) in [(1, 1), (4, 1), (4, 2), (8, 3), (8, 8), (16, 5)] {
        for p in [0.05_f64, 0.3, 0.5, 0.9] {
            let (mut expected, mut probability) = (0.0, (1.0 - p).powi(n as i32));
            for right in 0..=n {
                let (of_right, of_wrong) = pass_at_k_credit(n, right, k).unwrap();
                let wrong = (n - right) as f64;
                expected += probability * (right as f64 * of_right * (1.0 - p) - wrong * of_wrong * p);
                probability *= wrong / (right + 1) as f64 * p / (1.0 - p);
            }
            let derivative = k as f64 * (1.0 - p).powi(k as i32 - 1) * p * (1.0 - p);
            assert!(
                (expected - derivative).abs() < 1e-12,
                "n = {n}, k = {k}, p = {p}: {expected} {derivative}"
            );
        }
    }
}

#[test]
fn pass_at_k_gives_credit_by_group() {
    let credit = set("kind = \"pass_at_k\"\nk = 2\nof = { kind = \"number\" }");
    let answers = [("42", 0), ("41", 0), ("42", 1), ("42", 1), ("40", 0), ("42", 5)];
    let samples = answers.map(|(text, group)| Sample::new("", text).with_reference("42").with_group(group));
    let result = credit.evaluate(&samples);
    // One of three: a right answer 2/3; a wrong one 2/3 times the chance that its one companion is right, 1/2.
    let third = 2.0 / 3.0;
    let expected = [Some(third), Some(third / 2.0), Some(1.0), Some(1.0), Some(third / 2.0), None];
    for (value, expected) in values(&result).iter().zip(expected) {
        assert!((value.unwrap_or(-1.0) - expected.unwrap_or(-1.0)).abs() < 1e-12);
    }
    assert_eq!(
        result.columns[0].outcomes[5],
        Outcome::Failed("the group has 1 scored answers, fewer than k = 2".into())
    );
}

#[test]
fn a_part_that_fails_fails_its_own_episode() {
    // Credit for groups of one fails; the other parts do not hide it.
    let failing = "{ kind = \"pass_at_k\", k = 2, of = { kind = \"regex\", pattern = \"a\" } }";
    for text in [
        format!("kind = \"sum\"\nof = [{failing}, {{ kind = \"regex\", pattern = \"a\" }}]"),
        format!("kind = \"first\"\nof = [{failing}, {{ kind = \"regex\", pattern = \"a\" }}]"),
        format!("kind = \"gate\"\ncondition = {failing}\nreward = {{ kind = \"regex\", pattern = \"a\" }}"),
        format!("kind = \"clip\"\nmax = 1\nof = {failing}"),
    ] {
        let groups = [1, 2, 2];
        let result = set(&text).evaluate(&groups.map(|group| Sample::new("", "a").with_group(group)));
        assert_eq!(result.failures(), 1, "{text}");
        assert!(reason(&result, 0).contains("fewer than k = 2"), "{}", reason(&result, 0));
        assert!(result.columns[0].outcomes[1].value().is_some());
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let refused = |text: &str| {
        RewardSet::from_specs(&[toml::from_str(text).unwrap()]).err().map(|error| error.to_string()).unwrap()
    };
    for (text, message) in [
        ("kind = \"sum\"\nof = []", "`rewards[0].of`: is empty; list at least one reward"),
        (
            "kind = \"product\"\nof = [{ kind = \"number\" }, { kind = \"regex\", pattern = \"(\" }]",
            "`rewards[0].of[1].pattern`: is not a usable pattern",
        ),
        (
            "kind = \"gate\"\ncondition = { kind = \"rank\", of = { kind = \"number\", order = [] } }\nreward = { kind = \"format\" }",
            "`rewards[0].condition.of.order`: is empty",
        ),
        ("kind = \"clip\"\nof = { kind = \"format\" }", "`rewards[0].min`: and `max` are missing"),
        (
            "kind = \"clip\"\nmin = 1\nmax = 0\nof = { kind = \"format\" }",
            "`rewards[0].min`: 1 is above `max` = 0",
        ),
        ("kind = \"pass_at_k\"\nk = 0\nof = { kind = \"format\" }", "`rewards[0].k`: is 0"),
        ("kind = \"diversity\"\nngram = 65", "`rewards[0].ngram`: is 65"),
    ] {
        assert!(refused(text).starts_with(message), "{text}: {}", refused(text));
    }
    let twice: Vec<RewardSpec> = vec![toml::from_str("kind = \"format\"").unwrap(); 2];
    assert_eq!(RewardSet::from_specs(&twice).err(), Some(RewardError::DuplicateName("format".into())));
}
