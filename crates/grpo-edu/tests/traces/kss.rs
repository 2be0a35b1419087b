//! KSS: 60 recorded episodes and 120 cases of candidate sets.

use super::{assert_all_close, assert_close, recording};
use grpo_edu::Draws;
use grpo_edu::students::Response;
use grpo_edu::students::kss::{Baseline, ITEMS, Kss, KssConfig, KssLearner};
use grpo_edu::students::prerequisites::Prerequisites;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

#[derive(Deserialize)]
struct Recording {
    episodes: Vec<Episode>,
}

#[derive(Deserialize)]
struct Episode {
    episode: usize,
    warmup_steps: usize,
    policy: String,
    length: usize,
    difficulty: [u8; ITEMS],
    targets: Vec<usize>,
    warmup: Vec<Attempt>,
    ability: Vec<f64>,
    last: Option<usize>,
    profile: Vec<(usize, u8)>,
    initial_exam: Vec<u8>,
    initial_exam_p: Vec<f64>,
    steps: Vec<Step>,
    final_exam: Vec<u8>,
    final_exam_p: Vec<f64>,
    initial_score: usize,
    final_score: usize,
    reward: f64,
    reward_older: f64,
    done: bool,
}

#[derive(Deserialize)]
struct Attempt {
    draws: Vec<Vec<Value>>,
    initial_ability: Vec<f64>,
    targets: Vec<usize>,
    history: Vec<(usize, u8)>,
    ability_after: Vec<f64>,
    last: Option<usize>,
    score: usize,
    accepted: bool,
    after_each: Option<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct Step {
    legal: Vec<usize>,
    action: usize,
    was_legal: bool,
    ability: Vec<f64>,
    last: Option<usize>,
    correct: u8,
    p: f64,
    step_reward: usize,
    score: usize,
    done: bool,
}

/// Draws that were recorded: each must be asked for in its kind and its range, in order.
struct Recorded(VecDeque<Vec<Value>>);

impl Recorded {
    fn of<'a>(attempts: impl IntoIterator<Item = &'a Attempt>) -> Self {
        Self(attempts.into_iter().flat_map(|attempt| attempt.draws.iter().cloned()).collect())
    }

    fn next(&mut self, kind: &str) -> Vec<Value> {
        let draw = self.0.pop_front().unwrap_or_else(|| panic!("one {kind} draw too many"));
        assert_eq!(draw[0], kind, "another kind of draw was recorded: {draw:?}");
        draw
    }
}

impl Draws for Recorded {
    fn unit(&mut self) -> f64 {
        self.next("u")[1].as_f64().expect("a number")
    }

    fn integer(&mut self, low: i64, high: i64) -> i64 {
        let draw = self.next("int");
        assert_eq!((draw[1].as_i64(), draw[2].as_i64()), (Some(low), Some(high)), "another range");
        draw[3].as_i64().expect("an integer")
    }

    fn sample(&mut self, population: usize, count: usize) -> Vec<usize> {
        let draw = self.next("sample");
        assert_eq!(draw[1].as_array().map(Vec::len), Some(population), "another population");
        assert_eq!(draw[2].as_u64(), Some(count as u64), "another count");
        let chosen = draw[3].as_array().expect("a list");
        chosen.iter().map(|item| item.as_u64().expect("an item") as usize).collect()
    }
}

fn responses(recorded: &[(usize, u8)]) -> Vec<Response> {
    recorded.iter().map(|&(item, correct)| Response { item, correct: correct == 1 }).collect()
}

fn exam(learner: &KssLearner, difficulty: &[u8; ITEMS]) -> (Vec<u8>, Vec<f64>) {
    let answers = learner.targets().iter().map(|&item| u8::from(learner.answers(item, difficulty)));
    (answers.collect(), learner.targets().iter().map(|&item| learner.probability(item, difficulty)).collect())
}

#[test]
fn kss_traces_of_every_warm_up() {
    let mut rejected = 0;
    for episode in recording::<Recording>("kss-traces.json").episodes {
        let what = format!("episode {}", episode.episode);
        let config = KssConfig {
            difficulty: episode.difficulty,
            warmup_steps: episode.warmup_steps,
            ..Default::default()
        };
        let kss = Kss::new(config).expect("a valid bank");
        for attempt in &episode.warmup {
            let mut draws = Recorded::of([attempt]);
            let mut learner = KssLearner::draw(&mut draws);
            assert_all_close(learner.ability(), &attempt.initial_ability, &what);
            assert_eq!(learner.targets(), attempt.targets, "{what}");

            // Exercise by exercise, where every state in between was recorded.
            let mut replayed = learner.clone();
            for (&(item, correct), row) in attempt.history.iter().zip(attempt.after_each.iter().flatten()) {
                replayed.learn(item);
                assert_eq!(replayed.last().map(|last| last as f64), Some(row[0]), "{what}");
                assert_all_close(replayed.ability(), &row[1..], &what);
                assert_eq!(replayed.answers(item, &episode.difficulty), correct == 1, "{what}");
            }

            let history = kss.warm_up(&mut learner, &mut draws);
            assert!(draws.0.is_empty(), "{what}: {} draws were not made", draws.0.len());
            assert_eq!(history, responses(&attempt.history), "{what}");
            assert_all_close(learner.ability(), &attempt.ability_after, &what);
            assert_eq!(learner.last(), attempt.last, "{what}");
            assert_eq!(learner.score(&episode.difficulty), attempt.score, "{what}");
            assert_eq!(attempt.accepted, attempt.score < attempt.targets.len(), "{what}");
            rejected += usize::from(!attempt.accepted);
        }
    }
    println!("{rejected} rejected learners among them");
}

#[test]
fn kss_traces_of_every_episode() {
    let episodes = recording::<Recording>("kss-traces.json").episodes;
    assert!(!episodes.is_empty());
    for episode in episodes {
        let what = format!("episode {}", episode.episode);
        let config = KssConfig {
            difficulty: episode.difficulty,
            warmup_steps: episode.warmup_steps,
            ..Default::default()
        };
        let mut draws = Recorded::of(&episode.warmup);
        let mut session = Kss::new(config).and_then(|kss| kss.reset(&mut draws)).expect("a learner");
        assert!(draws.0.is_empty(), "{what}: {} draws were not made", draws.0.len());
        assert_eq!(session.observe().history, responses(&episode.profile), "{what}");
        assert_eq!(session.observe().targets, None, "{what}: the stock tutor is not told the targets");
        assert_eq!(session.learner().targets(), episode.targets, "{what}");
        assert_all_close(session.learner().ability(), &episode.ability, &what);
        assert_eq!(session.learner().last(), episode.last, "{what}");
        assert_eq!(session.initial_score(), episode.initial_score, "{what}");
        let (answers, chances) = exam(session.learner(), &episode.difficulty);
        assert_eq!(answers, episode.initial_exam, "{what}");
        assert_all_close(&chances, &episode.initial_exam_p, &what);

        assert_eq!(episode.steps.len(), episode.length, "{what}");
        for (place, recorded) in episode.steps.iter().enumerate() {
            let what = format!("{what}, step {place}");
            let item = recorded.action;
            assert_eq!(session.legal(), recorded.legal, "{what}");
            assert_eq!(session.legal().contains(&item), recorded.was_legal, "{what}");
            if episode.policy == "greedy" {
                // It draws nothing: a draw would fail, for the recording is used up.
                assert_eq!(Baseline::Greedy.choose(&session, &mut draws), item, "{what}");
            }
            let step = session.step(item).expect("an item");
            assert_all_close(session.learner().ability(), &recorded.ability, &what);
            assert_eq!(session.learner().last(), recorded.last, "{what}");
            assert_eq!(step.response, Response { item, correct: recorded.correct == 1 }, "{what}");
            assert_close(session.learner().probability(item, &episode.difficulty), recorded.p, &what);
            assert_eq!((step.gain, step.done), (recorded.step_reward, recorded.done), "{what}");
            assert_eq!(session.score(), recorded.score, "{what}");
        }

        let (answers, chances) = exam(session.learner(), &episode.difficulty);
        assert_eq!(answers, episode.final_exam, "{what}");
        assert_all_close(&chances, &episode.final_exam_p, &what);
        assert_eq!(session.score(), episode.final_score, "{what}");
        assert_eq!(session.is_done(), episode.done, "{what}");
        assert_eq!(session.steps(), episode.length, "{what}");
        assert_close(session.reward(), episode.reward, &what);
        assert_close(session.reward_older(), episode.reward_older, &what);
    }
}

#[derive(Deserialize)]
struct Legality {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    nodes: usize,
    edges: Vec<(usize, usize)>,
    ability: Vec<f64>,
    last: Option<usize>,
    shortcut: bool,
    candidates: BTreeSet<usize>,
    soft: BTreeSet<usize>,
}

#[test]
fn kss_traces_of_candidate_sets() {
    let cases = recording::<Legality>("kss-legality.json").cases;
    assert!(!cases.is_empty());
    for (place, case) in cases.iter().enumerate() {
        let graph = Prerequisites::new(case.nodes, &case.edges).expect("a graph without cycles");
        let found = if case.shortcut {
            let mastered: Vec<bool> = case.ability.iter().map(|&ability| ability >= 0.5).collect();
            graph.candidates_with_shortcuts(case.last, &mastered)
        } else {
            graph.candidates(case.last)
        };
        assert_eq!((&found.core, &found.soft), (&case.candidates, &case.soft), "case {place}");
    }
}
