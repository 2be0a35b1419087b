//! Sessions that are written down: the record is what the environment did, and the environment does what it did without it.
#![cfg(feature = "tutors")]

use std::fmt::Debug;
use std::sync::Arc;

use grpo_edu::knowledge::{Bkt, BktEpisode, BktLearner, BktSkill, Irt, IrtEpisode, IrtItem};
use grpo_edu::students::fsrs::{Deck, DeckConfig, DeckEpisode};
use grpo_edu::students::kss::{EDGES, Kss, KssConfig, KssEpisode};
use grpo_edu::students::memory::{Memory, MemoryConfig, MemoryEpisode, MemoryModel};
use grpo_edu::students::{Chronicled, Recorded};
use grpo_edu::{Draws, EduError, SeededDraws};
use grpo_rewards::shaping::{Session, Step};
use grpo_rollout::{Environment, Streams};
use rand_chacha::ChaCha8Rng;

fn draws(index: u64) -> SeededDraws {
    SeededDraws::new("learners", 5, index)
}

fn kss(index: u64) -> KssEpisode {
    KssEpisode::new(Kss::new(KssConfig::default()).unwrap().reset(&mut draws(index)).unwrap(), 20)
}

fn memory(model: MemoryModel, index: u64) -> MemoryEpisode {
    let config = MemoryConfig { model, items: 6, steps: 30, max_delay: 9, ..MemoryConfig::default() };
    let memory = Memory::new(config).unwrap();
    let mut draws = draws(index);
    let student = memory.draw_student(&mut draws).into();
    MemoryEpisode::new(memory.reset(&student, &mut draws).unwrap())
}

fn deck(index: u64) -> DeckEpisode {
    let deck = Deck::new(DeckConfig { cards: 6, days: 20, ..DeckConfig::default() }).unwrap();
    DeckEpisode::new(deck.reset(&mut draws(index)).unwrap())
}

fn bkt(index: u64) -> BktEpisode {
    let skill = |at: usize| BktSkill {
        name: at.to_string(),
        prior: 0.1 + 0.1 * at as f64,
        learn: 0.4 - 0.1 * at as f64,
        forget: 0.05,
        guess: 0.2,
        slip: 0.1,
    };
    let model = Arc::new(Bkt::new((0..4).map(skill).collect()).unwrap());
    BktEpisode::new(BktLearner::draw(&model, &mut draws(index)).unwrap(), 15).unwrap()
}

fn irt(index: u64) -> IrtEpisode {
    let item = |at: usize| IrtItem {
        name: at.to_string(),
        discrimination: 1.0,
        difficulty: at as f64 - 4.0,
        guess: 0.1,
    };
    let bank = Arc::new(Irt::new((0..9).map(item).collect()).unwrap());
    IrtEpisode::draw(bank, 6, &mut draws(index)).unwrap()
}

/// What is seen and may be done now.
fn view(environment: &impl Environment) -> (Vec<f32>, Vec<bool>, Option<u64>) {
    let mut features = vec![0.0; environment.features()];
    environment.observe(&mut features);
    let mut allowed = vec![true; environment.actions()];
    environment.allow(&mut allowed);
    (features, allowed, environment.clock())
}

fn choose(allowed: &[bool], rng: &mut ChaCha8Rng) -> usize {
    let weights: Vec<f64> = allowed.iter().map(|&ok| f64::from(u8::from(ok))).collect();
    Draws::weighted(rng, &weights)
}

/// Plays the same session with and without a record, and holds every step's record against the environment before and after it.
fn played<E: Recorded<Error = EduError> + Debug>(start: &E, luck: u64) -> (E, Session) {
    let stream = |which| Streams::new(luck).stream(0, 0, which);
    let (mut choices, mut rng, mut twin) = (stream(0), stream(1), stream(1));
    let (mut plain, mut told) = (start.clone(), Chronicled::new(start.clone()));
    assert_eq!((told.actions(), told.features()), (plain.actions(), plain.features()));
    let mut mastery = start.mastery();
    let mut halfway = None;
    loop {
        assert_eq!(view(&told), view(&plain));
        let action = choose(&view(&plain).1, &mut choices);
        let before = plain.clone();
        let expected = plain.step(action, &mut rng).unwrap();
        assert_eq!(told.step(action, &mut twin).unwrap(), expected);
        let session = told.session(&[]).unwrap();
        let step: &Step = session.steps().last().unwrap();
        assert_eq!(step.skill, before.skill(action));
        assert_eq!((step.success, step.difficulty), (before.success(action), before.difficulty(action)));
        assert_eq!(step.correct, step.skill.and_then(|_| plain.correct()));
        let took = before.seconds().map(|begin| plain.seconds().unwrap() - begin);
        assert_eq!((step.seconds, step.hints), (took, None));
        for &(skill, now) in &step.mastery {
            assert_ne!(mastery[skill], now, "nothing but changes is told");
            mastery[skill] = now;
        }
        assert_eq!(mastery, plain.mastery());
        assert_eq!(session.record().final_score, plain.score());
        if session.steps().len() == 3 {
            halfway = Some((told.clone(), rng.clone(), choices.clone()));
        }
        if expected.done {
            break;
        }
    }
    let session = told.session(&[]).unwrap();
    assert_eq!(session.record().initial_score, start.score());
    assert_eq!(session.record().full_score, start.full_score());
    assert_eq!(session.initial_mastery().unwrap_or_default(), start.mastery());
    assert_eq!(session.final_mastery().unwrap_or_default(), plain.mastery());
    // An action that is refused is not written down.
    assert!(told.step(usize::MAX, &mut twin).is_err());
    assert_eq!(told.session(&[]).unwrap(), session);
    // A clone goes on as the session that it was taken from.
    let (mut clone, mut rng, mut choices) = halfway.expect("three steps");
    while !clone.step(choose(&view(&clone).1, &mut choices), &mut rng).unwrap().done {}
    assert_eq!(clone.session(&[]).unwrap(), session);
    (plain, session)
}

fn all_steps(session: &Session, known: impl Fn(&Step) -> bool) -> bool {
    session.steps().iter().all(known)
}

#[test]
fn lessons_in_a_graph() {
    for index in 0..6 {
        let (end, session) = played(&kss(index), index);
        let record = session.record();
        assert!(all_steps(&session, |step| step.success.is_some() && step.difficulty.is_some()));
        assert!(all_steps(&session, |step| step.correct.is_some()));
        let gain = (record.final_score.unwrap() - record.initial_score.unwrap())
            / (record.full_score - record.initial_score.unwrap());
        assert_eq!(gain, end.session().reward(), "the learning gain is what the environment pays");
        let graph = record.prerequisites.as_ref().unwrap();
        let edges = |item| EDGES.iter().filter(|(_, to)| *to == item).count();
        assert!((0..10).all(|item| graph.before(item).len() == edges(item)));
        assert!(record.delayed.is_empty() && session.seconds().is_none());
    }
}

#[test]
fn skills_that_are_practised() {
    for index in 0..6 {
        let (end, session) = played(&bkt(index), index);
        let record = session.record();
        let (initial, last) = (record.initial_score.unwrap(), record.final_score.unwrap());
        assert_eq!(last, end.learner().known().iter().filter(|known| **known).count() as f64);
        assert!(((last - initial) / (record.full_score - initial) - end.gain()).abs() < 1e-12);
        let first = &session.steps()[0];
        let skill = &end.learner().model().skills()[first.skill.unwrap()];
        let expected = skill.prior * (1.0 - skill.slip) + (1.0 - skill.prior) * skill.guess;
        assert!((first.success.unwrap() - expected).abs() < 1e-12);
    }
}

#[test]
fn a_test_in_which_nothing_is_learnt() {
    for index in 0..6 {
        let (end, session) = played(&irt(index), index);
        assert_eq!((session.initial_mastery(), session.record().final_score), (None, None));
        for step in session.steps() {
            assert_eq!(step.difficulty, Some(step.skill.unwrap() as f64 - 4.0));
            assert_eq!(step.correct, end.answers()[step.skill.unwrap()]);
        }
    }
}

#[test]
fn reviews_of_what_is_forgotten() {
    for model in [MemoryModel::Efc, MemoryModel::Hlr, MemoryModel::Dash] {
        for index in 0..4 {
            let start = memory(model, index);
            let (end, session) = played(&start, index);
            assert_eq!(session.steps().len(), 29);
            let at = |delay: f64| end.score_in(delay).unwrap();
            assert_eq!(Some(at(0.0)), end.score());
            assert!(at(10.0) > at(1_000.0) && at(1_000.0) > at(1e6), "{model:?}");
            assert!((0.0..=1.0).contains(&at(f64::MAX)));
        }
    }
}

#[test]
fn cards_and_days() {
    let mut idle = 0;
    for index in 0..6 {
        let (end, session) = played(&deck(index), index);
        assert!((session.seconds().unwrap() - end.session().seconds_used()).abs() < 1e-9);
        for step in session.steps() {
            let review = step.skill.is_some();
            assert_eq!((step.correct.is_some(), step.success.is_some()), (review, review));
            assert_eq!(step.seconds.unwrap() > 0.0, review);
            idle += usize::from(!review);
        }
        let told = |days: &[f64]| {
            let delays: Vec<f64> = days.iter().map(|days| days * 86_400.0).collect();
            Chronicled::new(end.clone()).session(&delays).unwrap().record().delayed.clone()
        };
        let tests = told(&[0.0, 1.0, 30.0]);
        assert_eq!(tests.len(), 3);
        assert_eq!(Some(tests[0].score), end.score());
        assert!(tests[0].score > tests[1].score && tests[1].score > tests[2].score);
        assert_eq!(tests[2].seconds, 2_592_000.0);
        // As many days later, the simulator says the same of cards that nobody reviewed.
        let mut later = deck(index);
        let promised = later.session().recall_in(2.0);
        let end_of_day = later.end_of_day();
        let mut rng = Streams::new(1).stream(0, 0, 0);
        later.step(end_of_day, &mut rng).unwrap();
        later.step(end_of_day, &mut rng).unwrap();
        assert_eq!((later.session().day(), later.session().recall()), (2, promised));
    }
    assert!(idle > 0);
}
