use crate::Error;
use crate::tutoring::{Purpose, Rival, Role, World, world::any_allowed};
use grpo_edu::knowledge::{Bkt, BktEpisode, BktLearner, Irt, IrtEpisode, KnowledgeModel};
use grpo_edu::{EduError, Layout, SeededDraws};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Mastery learning goes on to the next skill at this probability (Corbett and Anderson 1995).
const MASTERY: f64 = 0.95;

/// Learners of a model that was fitted to a log (`grpo edu fit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeTask {
    /// The model's file.
    pub path: PathBuf,
    /// Steps of a session.
    pub steps: usize,
}

impl KnowledgeTask {
    fn load(&self) -> Result<KnowledgeModel, Error> {
        Ok(KnowledgeModel::load(&self.path)?)
    }

    /// The model is of another kind than the environment.
    fn refuse(&self, kind: &str, found: &str) -> Error {
        let problem =
            format!("is \"{kind}\", but {} holds a model of the kind \"{found}\"", self.path.display());
        Error::setting("environment.kind", problem, "name the other kind, or another file")
    }
}

/// Skills that are practised: learners of Bayesian knowledge tracing.
#[derive(Debug, Clone)]
pub struct BktWorld {
    model: Arc<Bkt>,
    steps: usize,
}

impl BktWorld {
    /// For a task.
    ///
    /// # Errors
    /// When the file can't be read or holds another model.
    pub fn new(task: &KnowledgeTask) -> Result<Self, Error> {
        match task.load()? {
            KnowledgeModel::Bkt(model) => Ok(Self { model: Arc::new(model), steps: task.steps }),
            KnowledgeModel::Irt(_) => Err(task.refuse("bkt", "irt")),
        }
    }
}

impl World for BktWorld {
    type Session = BktEpisode;

    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<BktEpisode, EduError> {
        let learner = BktLearner::draw(&self.model, &mut SeededDraws::new(purpose.domain(), seed, index))?;
        BktEpisode::new(learner, self.steps)
    }

    fn layout(&self) -> Layout {
        BktEpisode::layout(&self.model)
    }

    fn actions(&self) -> Vec<String> {
        self.model.skills().iter().map(|skill| skill.name.clone()).collect()
    }

    fn max_steps(&self) -> usize {
        self.steps
    }

    fn measure(&self) -> &'static str {
        "share of the missing skills that are learnt"
    }

    fn rivals(&self, _: u64) -> Result<Vec<Rival<BktEpisode>>, Error> {
        let first_unmastered = |session: &BktEpisode, _: &mut ChaCha8Rng| {
            let known = session.probabilities();
            // With everything mastered, what is least so.
            known.iter().position(|&p| p < MASTERY).unwrap_or_else(|| largest(known.iter().map(|p| -p)))
        };
        let expected_gain = |session: &BktEpisode, _: &mut ChaCha8Rng| {
            let skills = session.learner().model().skills();
            largest(
                session.probabilities().iter().zip(skills).map(|(known, skill)| (1.0 - known) * skill.learn),
            )
        };
        let looks_inside = |session: &BktEpisode, _: &mut ChaCha8Rng| {
            let learner = session.learner();
            let known = learner.known().iter().zip(learner.model().skills());
            largest(known.map(|(&known, skill)| if known { -1.0 } else { skill.learn }))
        };
        Ok(vec![
            any_allowed("random"),
            Rival::choosing("mastery learning (0.95, in order)", Role::Baseline, move |_: &BktEpisode| {
                first_unmastered
            }),
            Rival::choosing("largest expected gain", Role::Baseline, move |_: &BktEpisode| expected_gain),
            Rival::choosing("knows what is known", Role::Reference, move |_: &BktEpisode| looks_inside),
        ])
    }
}

/// Questions that tell most: learners of item response theory.
#[derive(Debug, Clone)]
pub struct IrtWorld {
    model: Arc<Irt>,
    steps: usize,
}

impl IrtWorld {
    /// For a task.
    ///
    /// # Errors
    /// When the file can't be read or holds another model, or has fewer items than there are steps.
    pub fn new(task: &KnowledgeTask) -> Result<Self, Error> {
        match task.load()? {
            KnowledgeModel::Irt(model) => {
                let world = Self { model: Arc::new(model), steps: task.steps };
                world.learner(Purpose::Examination, 0, 0)?; // as many steps as items, at most
                Ok(world)
            }
            KnowledgeModel::Bkt(_) => Err(task.refuse("irt", "bkt")),
        }
    }
}

impl World for IrtWorld {
    type Session = IrtEpisode;

    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<IrtEpisode, EduError> {
        let mut draws = SeededDraws::new(purpose.domain(), seed, index);
        IrtEpisode::draw(Arc::clone(&self.model), self.steps, &mut draws)
    }

    fn layout(&self) -> Layout {
        IrtEpisode::layout(&self.model)
    }

    fn actions(&self) -> Vec<String> {
        self.model.items().iter().map(|item| item.name.clone()).collect()
    }

    fn max_steps(&self) -> usize {
        self.steps
    }

    fn measure(&self) -> &'static str {
        "share of the uncertainty about the ability that is taken away"
    }

    fn rivals(&self, _: u64) -> Result<Vec<Rival<IrtEpisode>>, Error> {
        let telling = |session: &IrtEpisode, _: &mut ChaCha8Rng| session.most_informative().unwrap_or(0);
        Ok(vec![
            any_allowed("random"),
            Rival::choosing("most informative item", Role::Baseline, move |_: &IrtEpisode| telling),
        ])
    }
}

/// The place of the largest number, the first among equals.
fn largest(numbers: impl Iterator<Item = f64>) -> usize {
    numbers.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best }).map_or(0, |(at, _)| at)
}
