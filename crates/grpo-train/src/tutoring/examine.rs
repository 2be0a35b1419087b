//! How tutors are examined.

use super::{Examination, Examined, Interval, Replay, ReplayStep, Rival, Role, World};
use crate::{Error, SessionPolicy, Workers};
use burn::tensor::Tensor;
use grpo_edu::Tutor;
use grpo_edu::students::Narrated;
use grpo_rollout::{Agent, Environment, Play, Streams, play};

/// Learners that a tutor teaches together.
const TOGETHER: usize = 256;

/// Sessions of the trained tutor that are kept step by step.
const REPLAYS: usize = 4;

/// Streams of examinations, apart from those of training.
const EXAMINATION_STEP: u64 = u64::MAX - 1;

/// What was seen of one tutor: the rewards of each session, step by step.
type Sheets = Vec<Vec<f64>>;

/// Lets a tutor that learns nothing teach the learners. Each has the same luck as with every other tutor, as far as luck doesn't depend
/// on what is done.
///
/// # Errors
/// When a session refuses an action.
pub fn examine_rival<S: Environment + Sync>(
    rival: &Rival<S>,
    learners: &[S],
    seed: u64,
    workers: &Workers,
) -> Result<Vec<Vec<f64>>, Error> {
    let streams = Streams::new(seed);
    let indexed: Vec<(usize, &S)> = learners.iter().enumerate().collect();
    workers.map(&indexed, |&(index, start)| {
        let stream = |which| streams.stream(EXAMINATION_STEP, index as u64, which);
        Ok((rival.teach)(start, &mut stream(1), &mut stream(0))?)
    })
}

/// What a tutor did and what came of it, learner by learner.
pub(crate) struct Taught {
    pub(crate) actions: Vec<Vec<u32>>,
    pub(crate) rewards: Vec<Vec<f64>>,
}

impl Taught {
    /// What the sessions were worth.
    pub(crate) fn worths(&self) -> Vec<f64> {
        self.rewards.iter().map(|rewards| rewards.iter().sum()).collect()
    }
}

/// Lets a tutor teach the learners by its most probable choices.
pub(crate) fn examine<P: SessionPolicy, S: Environment>(
    tutor: &P,
    learners: &[S],
    max_steps: usize,
    seed: u64,
) -> Result<Taught, Error> {
    let tutor = tutor.valid();
    let greedy = Play { group_size: 1, max_steps, temperature: 0.0 };
    let mut taught = Taught { actions: Vec::new(), rewards: Vec::new() };
    for (at, part) in learners.chunks(TOGETHER).enumerate() {
        let streams = Streams::new(seed).starting_at(at * TOGETHER);
        let sessions = play(&tutor, part, greedy, &streams, EXAMINATION_STEP)?;
        let episodes = sessions.groups.into_iter().flat_map(|group| group.episodes);
        taught.actions.extend(episodes.map(|episode| episode.actions));
        taught.rewards.extend(sessions.records.into_iter().map(|record| record.rewards));
    }
    Ok(taught)
}

/// The whole examination.
pub(super) fn examination<W: World>(
    world: &W,
    untrained: &Tutor,
    trained: &Tutor,
    learners: &[W::Session],
    seed: u64,
    workers: &Workers,
) -> Result<Examination, Error> {
    let steps = world.max_steps();
    let Taught { actions: done, rewards: own } = examine(trained, learners, steps, seed)?;
    let longest = own.iter().map(Vec::len).max().unwrap_or(0);
    let mut tutors = Vec::new();
    for rival in world.rivals(seed)? {
        let sheets = examine_rival(&rival, learners, seed, workers)?;
        tutors.push(examined(rival.name, rival.role, &sheets, Some(&own)));
    }
    let before = examine(untrained, learners, steps, seed)?.rewards;
    let name = if world.shows_inside() { "this tutor (looks inside of the learner)" } else { "this tutor" };
    tutors.push(examined(format!("{name} before training"), Role::Untrained, &before, Some(&own)));
    tutors.push(examined(name.into(), Role::Trained, &own, None));
    let actions = world.actions();
    let chosen = chosen(&done, longest, actions.len());
    let replays = learners.iter().take(REPLAYS).enumerate();
    let sessions = replays
        .map(|(learner, start)| replay(trained, start, learner, steps, seed))
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(Examination {
        measure: world.measure().into(),
        learners: learners.len(),
        actions,
        tutors,
        chosen,
        sessions,
    })
}

fn examined(name: String, role: Role, sheets: &Sheets, trained: Option<&Sheets>) -> Examined {
    let worth: Vec<f64> = sheets.iter().map(|rewards| rewards.iter().sum()).collect();
    let ahead = trained.map(|trained| {
        let own = trained.iter().map(|rewards| rewards.iter().sum::<f64>());
        Interval::of(&own.zip(&worth).map(|(own, other)| own - other).collect::<Vec<f64>>())
    });
    let longest = sheets.iter().map(Vec::len).max().unwrap_or(0);
    let mut sofar = vec![0.0; sheets.len()];
    let mut curve = vec![Interval::of(&sofar)];
    for step in 0..longest {
        for (sum, rewards) in sofar.iter_mut().zip(sheets) {
            *sum += rewards.get(step).copied().unwrap_or(0.0);
        }
        curve.push(Interval::of(&sofar));
    }
    Examined { name, role, worth: Interval::of(&worth), ahead, curve }
}

/// Shares of sessions by step and action.
fn chosen(done: &[Vec<u32>], steps: usize, actions: usize) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0.0; actions]; steps];
    for session in done {
        for (step, &action) in session.iter().enumerate() {
            counts[step][action as usize] += 1.0;
        }
    }
    for row in &mut counts {
        let all: f64 = row.iter().sum();
        row.iter_mut().for_each(|count| *count /= all.max(1.0));
    }
    counts
}

/// Plays one session again, slowly.
pub(super) fn replay<S: Environment<Error = grpo_edu::EduError> + Narrated>(
    tutor: &Tutor,
    start: &S,
    learner: usize,
    max_steps: usize,
    seed: u64,
) -> Result<Replay, Error> {
    let tutor = burn::module::Module::valid(tutor);
    let device = tutor.device();
    let (mut session, mut memory) = (start.clone(), tutor.begin(1));
    let mut luck = Streams::new(seed).stream(EXAMINATION_STEP, learner as u64, 1);
    let mut told =
        Replay { learner, about: start.about(), worth: 0.0, inside: start.inside(), steps: Vec::new() };
    for _ in 0..max_steps {
        let mut features = vec![0.0; session.features()];
        session.observe(&mut features);
        let observation = Tensor::<1>::from_floats(features.as_slice(), &device).unsqueeze_dim(0);
        let scores = tutor.act(observation, &mut memory)?;
        let scores = scores.try_into_vec_as::<f32>().map_err(|e| {
            grpo_rollout::Error::Policy(format!("the scores can't be read from the device: {e}"))
        })?;
        let mut allowed = vec![true; scores.len()];
        session.allow(&mut allowed);
        let possible = || (0..scores.len()).filter(|&action| allowed[action]);
        let most = possible().map(|a| scores[a]).fold(f32::NEG_INFINITY, f32::max);
        let weight = |action: usize| f64::from(scores[action] - most).exp();
        let total: f64 = possible().map(weight).sum();
        let mut considered: Vec<(usize, f64)> = possible().map(|a| (a, weight(a) / total)).collect();
        considered.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some(&(action, probability)) = considered.first() else { break };
        considered.truncate(3);
        let transition = session.step(action, &mut luck)?;
        told.worth += transition.reward;
        told.steps.push(ReplayStep {
            action,
            probability,
            considered,
            correct: session.correct(),
            worth: told.worth,
            inside: session.inside(),
        });
        if transition.done {
            break;
        }
    }
    Ok(told)
}
