//! Rewards that never come back.

use std::time::{Duration, Instant};

use grpo_rewards::{Outcome, Reward, RewardSet, Sample, Score, reward_fn};

fn sleepy() -> impl Reward + use<> {
    reward_fn("sleepy", |sample| {
        if sample.completion == "sleep" {
            std::thread::sleep(Duration::from_secs(60));
        }
        Some(Score::new(sample.completion.len() as f64, "awake"))
    })
}

#[test]
fn an_endless_reward_costs_its_own_episode_only() {
    let set = RewardSet::new().with(1.0, sleepy()).unwrap().with_time_limit(Duration::from_millis(200));
    // More sleepers than threads: each that is given up is replaced.
    let texts: Vec<String> =
        (0..40).map(|n| if n % 8 == 3 { "sleep".to_owned() } else { "x".repeat(n) }).collect();
    let samples: Vec<Sample<'_>> = texts.iter().map(|text| Sample::new("", text)).collect();
    let begin = Instant::now();
    let result = set.evaluate(&samples);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    for (n, outcome) in result.columns[0].outcomes.iter().enumerate() {
        match n % 8 {
            3 => assert_eq!(*outcome, Outcome::Failed("took longer than 0.2 s".into())),
            _ => assert_eq!(outcome.value(), Some(n as f64), "{n}"),
        }
    }
    assert_eq!(result.failures(), 5);
}

#[test]
fn all_of_a_sample_reaches_the_thread() {
    let all = reward_fn("all", |sample| {
        let field = sample.field("weight").and_then(serde_json::Value::as_f64);
        assert_eq!((sample.prompt, sample.reference, sample.truncated), ("p", Some("r"), true));
        Some(Score::new(
            field? + sample.tokens.len() as f64 + sample.group as f64,
            sample.completion.to_owned(),
        ))
    });
    let fields = serde_json::from_str("{ \"weight\": 0.5 }").unwrap();
    let sample = Sample::new("p", "c").with_reference("r").with_truncated(true).with_tokens(&[1, 2]);
    let sample = sample.with_fields(&fields).with_group(10);
    let result = RewardSet::new().with(1.0, all).unwrap().evaluate(&[sample]);
    assert_eq!(result.columns[0].outcomes[0], Outcome::Scored(Score::new(12.5, "c")));
}
