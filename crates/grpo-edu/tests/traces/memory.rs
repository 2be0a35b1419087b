//! EFC, HLR and DASH: ten recorded episodes each, with the random, Leitner and threshold tutors.

use super::{assert_all_close, assert_close, recording};
use grpo_edu::Draws;
use grpo_edu::students::memory::{
    AnyItem, Dash, Efc, Hlr, Leitner, Memory, MemoryConfig, MemoryModel, MemoryReward, MemoryStudent,
    MemoryTutor, Review, Threshold, WINDOWS, window_weight,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize)]
struct Recording<P> {
    episodes: Vec<Episode<P>>,
}

#[derive(Deserialize)]
struct Episode<P> {
    episode: usize,
    items: usize,
    n_steps: usize,
    delay: Value,
    reward: MemoryReward,
    policy: String,
    policy_parameter: Option<f64>,
    parameters: P,
    tutor_phantom: Option<Asked>,
    mean_reward: Option<f64>,
    steps: Vec<Step>,
}

/// One review and the draws in it.
#[derive(Deserialize, Clone)]
struct Asked {
    item: usize,
    u: f64,
    outcome: u8,
    delay: u32,
}

#[derive(Deserialize)]
struct Step {
    #[serde(flatten)]
    asked: Asked,
    recall_before: Option<f64>,
    time: u64,
    step: usize,
    obs: (usize, u8, u64, u32),
    recall: Vec<Option<f64>>,
    reward: Option<f64>,
    done: bool,
    queue_p: Option<Vec<f64>>,
    queue: Option<usize>,
    tutor_recall: Option<Vec<Option<f64>>>,
    tutor_time: Option<u64>,
}

/// DASH as it was recorded, with the constants it was run with.
#[derive(Deserialize)]
struct RecordedDash {
    #[serde(flatten)]
    student: Dash,
    windows: usize,
    window_size: usize,
    weight_correct: Vec<f64>,
    weight_attempts: Vec<f64>,
}

#[derive(Deserialize)]
struct RecordedHlr {
    init_last_review: Vec<f64>,
    coefficients: Vec<f64>,
}

/// The draws of one review, or of one choice.
#[derive(Default)]
struct Recorded {
    units: Vec<f64>,
    integers: Vec<(i64, i64, i64)>,
    queue: Option<(Vec<f64>, usize)>,
}

impl Recorded {
    /// Those of a review; the item too when the environment chooses it among `items`.
    fn review(asked: &Asked, items: Option<usize>, delay: (u32, u32)) -> Self {
        let mut integers = vec![];
        if let Some(items) = items {
            integers.push((0, items as i64 - 1, asked.item as i64));
        }
        if delay.0 != delay.1 {
            integers.push((delay.0.into(), delay.1.into(), asked.delay.into()));
        }
        Self { units: vec![asked.u], integers, queue: None }
    }

    fn assert_used(&self) {
        assert!(self.units.is_empty() && self.integers.is_empty() && self.queue.is_none(), "unused draws");
    }
}

impl Draws for Recorded {
    fn unit(&mut self) -> f64 {
        assert_eq!(self.units.len(), 1, "one uniform draw too many");
        self.units.remove(0)
    }

    fn integer(&mut self, low: i64, high: i64) -> i64 {
        let (recorded_low, recorded_high, value) = self.integers.remove(0);
        assert_eq!((low, high), (recorded_low, recorded_high), "another range");
        value
    }

    fn weighted(&mut self, weights: &[f64]) -> usize {
        let (probabilities, queue) = self.queue.take().expect("a recorded choice of a queue");
        assert_all_close(weights, &probabilities, "probabilities of the queues");
        queue
    }
}

/// What was recorded as `null` is not a number or infinite.
fn assert_recall(found: &[f64], recorded: &[Option<f64>], what: &str) {
    let finite: Vec<f64> = found.iter().map(|&x| if x.is_finite() { x } else { f64::NAN }).collect();
    let recorded: Vec<f64> = recorded.iter().map(|x| x.unwrap_or(f64::NAN)).collect();
    assert_all_close(&finite, &recorded, what);
}

/// Replays every episode of a file, and returns how many there were by tutor.
fn replay<P: DeserializeOwned>(
    file: &str,
    model: MemoryModel,
    student: impl Fn(P, usize) -> MemoryStudent,
) -> Vec<String> {
    let mut policies = vec![];
    for episode in recording::<Recording<P>>(file).episodes {
        let what = format!("{file}, episode {}", episode.episode);
        let delay = match &episode.delay {
            Value::Array(range) => {
                let end = |place: usize| range[place].as_u64().expect("a whole delay") as u32;
                (end(0), end(1))
            }
            constant => {
                let constant = constant.as_u64().expect("a whole delay") as u32;
                (constant, constant)
            }
        };
        let memory = Memory::new(MemoryConfig {
            model,
            items: episode.items,
            steps: episode.n_steps,
            min_delay: delay.0,
            max_delay: delay.1,
            reward: episode.reward,
            ..MemoryConfig::default()
        })
        .expect("a valid configuration");
        let student = Arc::new(student(episode.parameters, episode.n_steps));

        let mut any = AnyItem::new(episode.items);
        let parameter = episode.policy_parameter.unwrap_or_default();
        let mut leitner = Leitner::new(episode.items, parameter).expect("a probability");
        let mut threshold = Threshold::new(&memory, &student, parameter).expect("the same student");
        match &episode.tutor_phantom {
            Some(phantom) => {
                let mut draws = Recorded::review(phantom, Some(episode.items), delay);
                threshold.reset(&mut draws);
                draws.assert_used();
                let first = threshold.copy().expect("a copy").last();
                let Review { item, correct, delay, .. } = first;
                let recorded = (phantom.item, phantom.outcome == 1, phantom.delay);
                assert_eq!((item, correct, delay), recorded, "{what}: the phantom review");
            }
            None => assert_ne!(episode.policy, "threshold", "{what}"),
        }
        leitner.reset(&mut Recorded::default());
        any.reset(&mut Recorded::default());

        let (first, rest) = episode.steps.split_first().expect("a first review");
        let mut draws = Recorded::review(&first.asked, Some(episode.items), delay);
        let mut session = memory.reset(&student, &mut draws).expect("the same student");
        draws.assert_used();
        check(&session, first, &what);

        let mut total = 0.0;
        for recorded in rest {
            let what = format!("{what}, step {}", recorded.step);
            let item = recorded.asked.item;
            match episode.policy.as_str() {
                "leitner" => {
                    leitner.update(session.last());
                    let queue = recorded.queue_p.clone().zip(recorded.queue);
                    let mut draws = Recorded { queue, ..Default::default() };
                    assert_eq!(leitner.choose(&mut draws), item, "{what}");
                }
                "threshold" => {
                    threshold.update(session.last());
                    let copy = threshold.copy().expect("a copy");
                    assert_eq!(Some(copy.time()), recorded.tutor_time, "{what}");
                    let recall = copy.recall();
                    assert_recall(&recall, recorded.tutor_recall.as_deref().expect("a recall"), &what);
                    // The choice may hinge on the last bit: as good as the best is good enough.
                    let distance = |item: usize| (recall[item] - parameter).abs();
                    let chosen = threshold.choose(&mut Recorded::default());
                    assert!(
                        (distance(chosen) - distance(item)).abs() <= 1e-12,
                        "{what}: {chosen}, not {item}"
                    );
                }
                "random" => {
                    any.update(session.last());
                    let integers = vec![(0, episode.items as i64 - 1, item as i64)];
                    assert_eq!(any.choose(&mut Recorded { integers, ..Default::default() }), item, "{what}");
                }
                other => panic!("{what}: an unknown tutor {other}"),
            }

            let before = session.recall()[item];
            assert_recall(&[before], &[recorded.recall_before], &what);
            let mut draws = Recorded::review(&recorded.asked, None, delay);
            let step = session.step(item, &mut draws).expect("an item");
            draws.assert_used();
            assert_recall(&[step.reward], &[recorded.reward], &what);
            assert_eq!((step.done, step.review), (recorded.done, session.last()), "{what}");
            check(&session, recorded, &what);
            total += step.reward;
        }
        assert!(session.is_done(), "{what}");
        assert_close(total / rest.len() as f64, episode.mean_reward.unwrap_or(f64::NAN), &what);
        policies.push(episode.policy);
    }
    policies
}

/// The session after a review.
fn check(session: &grpo_edu::students::memory::MemorySession, recorded: &Step, what: &str) {
    let (item, outcome, time, delay) = recorded.obs;
    let observed = Review { item, correct: outcome == 1, time, delay };
    assert_eq!(session.last(), observed, "{what}");
    assert_eq!(recorded.asked.outcome, outcome, "{what}");
    assert_eq!((session.time(), session.steps()), (recorded.time, recorded.step), "{what}");
    assert_recall(&session.recall(), &recorded.recall, what);
}

#[test]
fn efc_traces() {
    let policies = replay("efc-traces.json", MemoryModel::Efc, |student: Efc, _| MemoryStudent::Efc(student));
    assert!(!policies.is_empty());
}

#[test]
fn hlr_traces() {
    let policies = replay("hlr-traces.json", MemoryModel::Hlr, |recorded: RecordedHlr, _| {
        let (weights, bias) = recorded.coefficients.split_at(3);
        MemoryStudent::Hlr(Hlr {
            init_last_review: recorded.init_last_review,
            attempts: weights[0],
            correct: weights[1],
            incorrect: weights[2],
            bias: bias.to_vec(),
        })
    });
    assert!(!policies.is_empty());
}

#[test]
fn dash_traces() {
    let policies = replay("dash-traces.json", MemoryModel::Dash, |recorded: RecordedDash, steps| {
        assert_eq!((recorded.windows, recorded.window_size), (WINDOWS, steps / WINDOWS));
        let weights: Vec<f64> = (0..WINDOWS).map(window_weight).collect();
        assert_all_close(&weights, &recorded.weight_correct, "weights of correct answers");
        assert_all_close(&weights, &recorded.weight_attempts, "weights of attempts");
        MemoryStudent::Dash(recorded.student)
    });
    assert!(!policies.is_empty());
}
