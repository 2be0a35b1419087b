//! Composition: weights, missing rewards, rewards that fail, order.

use grpo_rewards::{Evaluation, Outcome, RewardError, RewardSet, Sample, Score, reward_fn};

fn constant(name: &str, value: f64) -> impl grpo_rewards::Reward + use<> {
    reward_fn(name, move |_| Some(Score::new(value, "constant")))
}

#[test]
fn missing_rewards_are_skipped_as_trl_does() {
    let even = reward_fn("even", |s| (s.tokens.len() % 2 == 0).then(|| Score::new(1.0, "even")));
    let long = reward_fn("long", |s| (s.tokens.len() > 2).then(|| Score::new(3.0, "long")));
    let set = RewardSet::new().with(0.5, even).unwrap().with(2.0, long).unwrap();
    let tokens = [0; 4];
    let samples: Vec<_> = (1..=4).map(|n| Sample::new("", "text").with_tokens(&tokens[..n])).collect();
    let Evaluation { combined, columns } = set.evaluate(&samples);
    assert_eq!(combined, [None, Some(0.5), Some(6.0), Some(6.5)]);
    assert_eq!(columns[0].values().collect::<Vec<_>>(), [None, Some(1.0), None, Some(1.0)]);
    assert_eq!(columns[1].mean(), Some(3.0));
    assert_eq!(columns[1].std(), Some(0.0));
    assert_eq!(columns[0].failures(), 0, "not applicable is no failure");
}

#[test]
fn mean_and_unbiased_deviation() {
    let length = reward_fn("length", |s| Some(Score::new(s.completion.len() as f64, "length")));
    let result =
        RewardSet::new().with(1.0, length).unwrap().evaluate(&["", "aa", "aaaa"].map(|c| Sample::new("", c)));
    assert_eq!(result.columns[0].mean(), Some(2.0));
    assert_eq!(result.columns[0].std(), Some(2.0));
    let one = RewardSet::new().with(1.0, constant("one", 1.0)).unwrap().evaluate(&[Sample::new("", "")]);
    assert_eq!(one.columns[0].std(), None);
    assert_eq!(one.columns[0].mean(), Some(1.0));
}

#[test]
fn a_reward_that_fails_costs_its_own_episode_only() {
    let touchy = reward_fn("touchy", |s| match s.completion {
        "panic" => panic!("cannot stand {:?}", s.completion),
        "index" => {
            let none: [f64; 0] = [];
            Some(Score::new(none[s.completion.len()], "never"))
        }
        "odd" => std::panic::panic_any(7),
        "nan" => Some(Score::new(f64::NAN, "not a number")),
        "inf" => Some(Score::new(f64::INFINITY, "too much")),
        _ => Some(Score::new(1.0, "fine")),
    });
    let set = RewardSet::new().with(1.0, touchy).unwrap().with(1.0, constant("other", 0.25)).unwrap();
    let result = set.evaluate(&["a", "panic", "index", "nan", "inf", "b", "odd"].map(|c| Sample::new("", c)));
    assert_eq!(result.combined, [1.25, 0.25, 0.25, 0.25, 0.25, 1.25, 0.25].map(Some));
    assert_eq!(result.failures(), 5);
    assert_eq!(result.failure_share(), 5.0 / 7.0, "of the reward that fails most often");
    let touchy = result.column("touchy").unwrap();
    let reasons: Vec<_> = touchy.outcomes.iter().map(Outcome::reason).collect();
    assert!(
        reasons[1].starts_with("panicked at ") && reasons[1].ends_with("cannot stand \"panic\""),
        "{}",
        reasons[1]
    );
    assert!(reasons[1].contains("set.rs"), "{}", reasons[1]);
    assert!(reasons[2].contains("index out of bounds"), "{}", reasons[2]);
    assert_eq!(reasons[3], "no score: not a number");
    assert_eq!(reasons[4], "returned inf, not a finite number");
    assert!(reasons[6].ends_with("without a message"), "{}", reasons[6]);
    assert_eq!(touchy.mean(), Some(1.0));
    let (name, episode, why) = result.first_failure().unwrap();
    assert_eq!((name, episode), ("touchy", 1));
    assert!(why.contains("cannot stand"));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let thirds = reward_fn("thirds", |s| Some(Score::new(s.completion.len() as f64 / 3.0, "thirds")));
    let set = RewardSet::new().with(0.1, thirds).unwrap().with(0.7, constant("c", 1.0 / 7.0)).unwrap();
    let texts: Vec<String> = (0..1000).map(|n| "x".repeat(n % 37)).collect();
    let samples: Vec<_> = texts.iter().map(|text| Sample::new("", text)).collect();
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| set.evaluate(&samples))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(4));
    assert_eq!(one.columns[0].outcomes[36].value(), Some(12.0), "in the order of the samples");
}

#[test]
fn names_and_weights_are_checked() {
    let set = RewardSet::new().with(1.0, constant("a", 1.0)).unwrap();
    let twice = set.with(1.0, constant("a", 2.0)).err().unwrap();
    assert_eq!(twice, RewardError::DuplicateName("a".into()));
    for weight in [f64::NAN, f64::INFINITY] {
        assert!(RewardSet::new().with(weight, constant("a", 1.0)).is_err());
    }
    let metric = RewardSet::new().with(0.0, constant("metric", 5.0)).unwrap();
    let result = metric.evaluate(&[Sample::new("", "")]);
    assert_eq!(result.combined, [Some(0.0)]);
    assert_eq!(result.columns[0].mean(), Some(5.0));
    assert_eq!(RewardSet::new().evaluate(&[Sample::new("", "")]).combined, [None]);
}
