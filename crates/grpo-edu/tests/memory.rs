//! Spaced repetition beyond the traces: errors, shared luck, and an order of tutors that must hold.

#![cfg(feature = "tutors")]

use grpo_edu::students::memory::{
    AnyItem, Leitner, Memory, MemoryConfig, MemoryModel, MemoryStudent, Threshold, teach,
};
use grpo_edu::{EduError, SeededDraws};
use std::sync::Arc;

const MODELS: [MemoryModel; 3] = [MemoryModel::Efc, MemoryModel::Hlr, MemoryModel::Dash];

fn memory(model: MemoryModel) -> Memory {
    let config = MemoryConfig { model, items: 12, steps: 60, ..Default::default() };
    Memory::new(config).expect("a valid configuration")
}

fn student(memory: &Memory, index: u64) -> Arc<MemoryStudent> {
    Arc::new(memory.draw_student(&mut SeededDraws::new("student", 7, index)))
}

#[test]
fn clones_with_the_same_draws_stay_the_same() {
    for model in MODELS {
        let memory = memory(model);
        let mut draws = SeededDraws::new("episode", 7, 0);
        let session = memory.reset(&student(&memory, 0), &mut draws).expect("the same model");
        let (mut one, mut two) = (session.clone(), session);
        let mut again = draws.clone();
        for item in [0, 1, 2, 1, 0] {
            let left = one.step(item, &mut draws).expect("an item");
            let right = two.step(item, &mut again).expect("an item");
            assert_eq!(left, right);
        }
        assert_eq!(one, two);
        // Another item, the same luck: the streams do not come apart.
        one.step(4, &mut draws).expect("an item");
        two.step(5, &mut again).expect("an item");
        assert_ne!(one, two);
        assert_eq!(grpo_edu::Draws::unit(&mut draws), grpo_edu::Draws::unit(&mut again));
    }
}

#[test]
fn an_episode_ends_and_refused_steps_change_nothing() {
    let memory = memory(MemoryModel::Dash);
    let mut draws = SeededDraws::new("episode", 7, 1);
    let mut session = memory.reset(&student(&memory, 1), &mut draws).expect("the same model");
    let before = session.clone();
    assert_eq!(session.step(12, &mut draws), Err(EduError::ItemOutOfRange { item: 12, items: 12 }));
    assert_eq!(session, before);
    let mut steps = 1;
    while !session.is_done() {
        assert_eq!(session.steps(), steps);
        let step = session.step(steps % 12, &mut draws).expect("an item");
        steps += 1;
        assert_eq!(step.done, steps == 60);
    }
    assert_eq!(session.step(0, &mut draws), Err(EduError::EpisodeOver { steps: 60 }));
}

#[test]
fn a_student_of_another_kind_is_refused() {
    let (efc, dash) = (memory(MemoryModel::Efc), memory(MemoryModel::Dash));
    let mut draws = SeededDraws::new("episode", 7, 2);
    let error = dash.reset(&student(&efc, 0), &mut draws).expect_err("another model");
    assert!(error.to_string().contains("Efc with 12 items"), "{error}");
    assert!(Threshold::new(&dash, &student(&efc, 0), 0.5).is_err());
    let mut lame = efc.draw_student(&mut draws);
    if let MemoryStudent::Efc(efc) = &mut lame {
        efc.decay_rate.pop();
    }
    let error = efc.reset(&Arc::new(lame), &mut draws).expect_err("a list too short");
    assert!(error.to_string().contains("differ in length"), "{error}");
}

#[test]
fn impossible_configurations_are_refused_by_key() {
    let default = MemoryConfig::default();
    let cases = [
        ("items", MemoryConfig { items: 0, ..default.clone() }),
        ("steps", MemoryConfig { steps: 1, ..default.clone() }),
        ("steps", MemoryConfig { steps: 201, model: MemoryModel::Dash, ..default.clone() }),
        ("min_delay", MemoryConfig { min_delay: 6, ..default.clone() }),
    ];
    for (key, config) in cases {
        let error = Memory::new(config).expect_err(key);
        assert!(matches!(error, EduError::Config { key: found, .. } if found == key), "{error}");
    }
    assert!(matches!(Leitner::new(3, 1.5), Err(EduError::Config { key: "arrival", .. })));
}

/// On the published task (30 items, 200 steps, delay 5) reviewing what is about to be forgotten beats
/// reviewing anything, for the model in which recall falls steadily.
#[test]
fn a_threshold_tutor_beats_random_reviews_of_an_exponential_forgetter() {
    let memory = Memory::new(MemoryConfig::default()).expect("valid");
    let mut better = 0;
    for index in 0..20 {
        let student = student(&memory, index);
        let environment = SeededDraws::new("environment", 7, index);
        let run = |tutor: &mut dyn grpo_edu::students::memory::MemoryTutor| {
            let mut draws = SeededDraws::new("tutor", 7, index);
            teach(&memory, &student, tutor, &mut environment.clone(), &mut draws).expect("an episode")
        };
        let random = run(&mut AnyItem::new(30));
        let best = [0.1, 0.2, 0.3, 0.4, 0.5]
            .map(
                |threshold| run(&mut Threshold::new(&memory, &student, threshold).expect("the same student")),
            )
            .into_iter()
            .fold(f64::NEG_INFINITY, f64::max);
        better += usize::from(best > random);
    }
    assert!(better >= 17, "{better} of 20 students");
}

#[test]
fn as_a_probability_the_reward_stays_one() {
    use grpo_edu::students::memory::MemoryReward;
    for model in [MemoryModel::Efc, MemoryModel::Hlr, MemoryModel::Dash] {
        let config =
            MemoryConfig { model, steps: 40, reward: MemoryReward::Probability, ..Default::default() };
        let memory = Memory::new(config).expect("a valid configuration");
        let mut beyond = false;
        for index in 0..40 {
            let student = memory.draw_student(&mut SeededDraws::new("students", 5, index)).into();
            let mut draws = SeededDraws::new("episodes", 5, index);
            let mut session = memory.reset(&student, &mut draws).expect("a session");
            while !session.is_done() {
                let step = session.step(session.steps() % 30, &mut draws).expect("a step");
                assert!((0.0..=1.0).contains(&step.reward), "{model:?}: {step:?}");
                let recall = session.recall();
                beyond |= recall.iter().any(|recall| recall.is_nan() || *recall > 1.0);
                let probability = |r: &f64| if r.is_nan() { 0.0 } else { r.clamp(0.0, 1.0) };
                let mean = recall.iter().map(probability).sum::<f64>() / 30.0;
                assert!((step.reward - mean).abs() < 1e-12);
            }
        }
        // Otherwise nothing was tested.
        assert!(beyond || model != MemoryModel::Hlr, "{model:?} stays within the probabilities by itself");
    }
}
