//! What a recipe says a session is worth in training: `[[measures]]`, `[objectives]` and `[shaping]`.

use grpo_edu::students::Chronicled;
use grpo_edu::{Draws, EduError};
use grpo_rewards::shaping::{Constrained, Limit, Objectives, ParetoRank, Potential, PotentialShaping, Term};
use grpo_rollout::adaptive::Membership;
use grpo_rollout::{Environment, Streams};

use super::{Purpose, TutorRecipe, World};
use crate::{Appraiser, Error};

/// Sessions with any allowed choices, on which measures must apply at least once.
const TRIALS: u64 = 16;

/// Streams of those sessions, apart from those of training and examinations.
const TRIAL_STEP: u64 = u64::MAX - 2;

impl TutorRecipe {
    /// What says what sessions of training are worth; `None` where it is their environment.
    ///
    /// # Errors
    /// Names the key, the value and what would be right.
    pub fn appraiser(&self) -> Result<Option<Appraiser>, Error> {
        let appraiser =
            Appraiser::new(&self.measures, &self.delayed_tests, self.objectives.clone(), self.shaping)?;
        appraiser.check_credit(&self.credit)?;
        if self.shaping.is_some() && matches!(self.membership, Membership::Cluster { .. }) {
            let problem = "is set, and sessions of a cluster begin in different states: some are paid more than others for where they begin";
            let fix = "use `membership = \"question\"`, or leave it out";
            return Err(Error::setting("shaping", problem, fix));
        }
        let idle = self.measures.is_empty() && self.objectives.is_none() && self.shaping.is_none();
        Ok((!idle).then_some(appraiser))
    }
}

/// Refuses what would never apply to sessions of this world, before any training.
///
/// # Errors
/// Names the key of the recipe.
pub(super) fn check_on<W: World>(appraiser: &Appraiser, world: &W, seed: u64) -> Result<(), Error> {
    let streams = Streams::new(seed);
    let sessions = (0..TRIALS)
        .map(|index| {
            let start = world.learner(Purpose::Training, seed, index)?;
            any_choices(Chronicled::new(start), world.max_steps(), |which| {
                streams.stream(TRIAL_STEP, index, which)
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    appraiser.check_on(&appraiser.told(sessions.iter())?)
}

/// Plays a session to its end, with any allowed choices.
fn any_choices<E: Environment<Error = EduError>>(
    mut session: E,
    max_steps: usize,
    stream: impl Fn(u64) -> rand_chacha::ChaCha8Rng,
) -> Result<E, EduError> {
    let (mut choices, mut luck) = (stream(0), stream(1));
    for _ in 0..max_steps {
        let mut allowed = vec![true; session.actions()];
        session.allow(&mut allowed);
        let weights: Vec<f64> = allowed.into_iter().map(|ok| f64::from(u8::from(ok))).collect();
        if session.step(Draws::weighted(&mut choices, &weights), &mut luck)?.done {
            break;
        }
    }
    Ok(session)
}

/// What the tutor is trained for, in words; `None` where that is what the environment pays.
pub(super) fn trained_for(recipe: &TutorRecipe) -> Option<String> {
    let shaped = recipe.shaping.map(|shaping| format!("shaped by {}", potential(&shaping)));
    match (&recipe.objectives, shaped) {
        (None, None) => None,
        (Some(objectives), None) => Some(worth(objectives)),
        (None, Some(shaped)) => Some(format!("what the environment pays, {shaped}")),
        (Some(objectives), Some(shaped)) => Some(format!("{}, {shaped}", worth(objectives))),
    }
}

fn worth(objectives: &Objectives) -> String {
    match objectives {
        Objectives::Weighted(terms) => sum(terms),
        Objectives::Constrained(Constrained { maximise, limits, .. }) => {
            let limits: Vec<String> = limits.iter().map(limit).collect();
            format!("{}, with {}", sum(maximise), limits.join(" and "))
        }
        Objectives::Pareto(ParetoRank { more, less, .. }) => {
            let sides = [("more", more), ("less", less)];
            let sides = sides.into_iter().filter(|(_, columns)| !columns.is_empty());
            let sides: Vec<String> =
                sides.map(|(way, columns)| format!("{way} {}", columns.join(", "))).collect();
            format!("{} (by Pareto rank)", sides.join(" and "))
        }
    }
}

fn sum(terms: &[Term]) -> String {
    let term = |(at, term): (usize, &Term)| {
        let sign = match (at, term.weight < 0.0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => " + ",
            (_, true) => " - ",
        };
        let size = term.weight.abs();
        let factor = if size == 1.0 { String::new() } else { format!("{size} ") };
        format!("{sign}{factor}{}", term.column)
    };
    terms.iter().enumerate().map(term).collect()
}

fn limit(limit: &Limit) -> String {
    let bounds = [("at most", limit.at_most), ("at least", limit.at_least)];
    let bounds = bounds.into_iter().filter_map(|(way, bound)| Some(format!("{way} {}", bound?)));
    format!("{} {}", limit.column, bounds.collect::<Vec<_>>().join(", "))
}

fn potential(shaping: &PotentialShaping) -> String {
    match shaping.potential {
        Potential::MeanMastery => "mean mastery".into(),
        Potential::MasteredAt(threshold) => format!("the share of skills mastered at {threshold}"),
    }
}
