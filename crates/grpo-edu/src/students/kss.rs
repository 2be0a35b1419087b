//! KSS, the knowledge-structure simulator: ten skills in a prerequisite graph.
//!
//! A tutor chooses one of ten exercises at a time for a learner who has a set of target skills. An
//! exercise outside the neighbourhood of the last one teaches nothing; a legal one raises its skill the
//! more, the better the prerequisites are known, and half of every gain is passed on along the graph.
//! The episode is worth the share of the missing targets that the learner answers correctly at the end.
//!
//! A port of the KSS environment of EduSim (tswsxk/EduSim, commit `38227c9`, MIT; Liu et al. 2019,
//! "Exploiting Cognitive Structure for Adaptive Learning", KDD). The equations:
//!
//! - answering: `p(θ, b) = 0.25 + 0.75 / (1 + exp(-8.5 (θ - b)))`, right iff `p >= 0.5`; no chance in it;
//! - learning `i`: `inc = 0.5 (5 - θ_i) exp(-Σ_{q before i} (5 - θ_q))`, then for every skill `j`
//!   `θ_j = min(5, θ_j + inc W_ij)` with `W_ij` the sum of `2^-length` over all paths from `i` to `j`;
//! - reward: `(final - initial) / (targets - initial)`, counts of targets answered correctly.
//!
//! [`Kss::reset`] makes a new learner and is the only place where chance enters, so the sessions of a
//! group start as clones of one session and differ by the tutor's choices alone.
//!
//! ```
//! use grpo_edu::SeededDraws;
//! use grpo_edu::students::kss::{Kss, KssConfig};
//!
//! let kss = Kss::new(KssConfig::default())?;
//! let session = kss.reset(&mut SeededDraws::new("learners", 1, 0))?;
//! let mut group = vec![session; 4];
//! for session in &mut group {
//!     let item = session.legal()[0];
//!     session.step(item)?;
//! }
//! assert_eq!(group[0].history(), group[3].history());
//! # Ok::<(), grpo_edu::EduError>(())
//! ```

mod beam;
mod environment;
mod learner;
mod session;
mod tutors;

pub use beam::beam_plan;
pub use environment::KssEpisode;
pub use learner::{KssLearner, probability};
pub use session::{Kss, KssObservation, KssSession, KssStep};
pub use tutors::{Baseline, Evaluation, evaluate_beam};

use super::prerequisites::Prerequisites;
use crate::draws::Draws;
use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// How many items there are. An item is at once a skill, a lesson and an exercise.
pub const ITEMS: usize = 10;

/// No ability grows beyond this.
pub const MASTERY: f64 = 5.0;

/// Prerequisite, then what needs it.
pub const EDGES: [(usize, usize); 12] =
    [(0, 1), (0, 2), (1, 3), (2, 4), (2, 8), (3, 4), (4, 8), (5, 4), (5, 9), (6, 7), (7, 8), (8, 9)];

/// The order along which difficulties never fall in a drawn bank.
const DIFFICULTY_ORDER: [usize; ITEMS] = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9];

/// The hardest an item can be.
const HARDEST: u8 = 5;

/// What follows from the graph, worked out once.
#[derive(Debug)]
struct Structure {
    before: [Vec<usize>; ITEMS],
    /// `transfer[i][j]`: what `j` gains when `i` gains 1.
    transfer: [Vec<f64>; ITEMS],
    /// `legal[last]`, ascending.
    legal: [Vec<usize>; ITEMS],
    /// All items, ascending: what is legal before the first exercise.
    all: Vec<usize>,
}

static STRUCTURE: LazyLock<Structure> = LazyLock::new(|| {
    let items: [usize; ITEMS] = std::array::from_fn(|item| item);
    // The edges are a constant without a cycle; `the_graph_is_sound` tests it.
    let graph = Prerequisites::new(ITEMS, &EDGES).unwrap_or_else(|error| unreachable!("{error}"));
    Structure {
        before: items.map(|item| graph.before(item).to_vec()),
        transfer: items.map(|item| graph.transfer(item)),
        legal: items.map(|item| graph.candidates(Some(item)).core.into_iter().collect()),
        all: items.to_vec(),
    }
});

/// The items a learner can go on with after `last`; all of them when there was none.
fn legal(last: Option<usize>) -> &'static [usize] {
    last.and_then(|item| STRUCTURE.legal.get(item)).unwrap_or(&STRUCTURE.all)
}

/// In which order the warm-up looks for an item that is still hard. It is a topological order of the
/// graph, and which one depends on the version of networkx that the original runs on: learners start
/// elsewhere, and every baseline moves. State it with any result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarmupOrder {
    /// The order of networkx 3.6: `0 5 6 1 2 7 3 4 8 9`.
    #[default]
    Networkx3,
    /// The order of networkx 2.5, of the time when the original was written: `6 7 5 0 2 1 3 4 8 9`.
    /// No traces of it were recorded, only baselines.
    Networkx2,
}

impl WarmupOrder {
    fn items(self) -> [usize; ITEMS] {
        match self {
            Self::Networkx3 => [0, 5, 6, 1, 2, 7, 3, 4, 8, 9],
            Self::Networkx2 => [6, 7, 5, 0, 2, 1, 3, 4, 8, 9],
        }
    }
}

/// The settings of the simulator; the defaults are those of the stock environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KssConfig {
    /// Difficulty of each item, whole numbers in `0..=5` on the scale of abilities. The default is the
    /// bank that the stock environment draws with its seed 10.
    pub difficulty: [u8; ITEMS],
    /// How many exercises a learner has done before the tutor comes.
    pub warmup_steps: usize,
    /// The order used in the warm-up.
    pub warmup_order: WarmupOrder,
    /// Whether the tutor is told the learner's targets. The stock environment does not tell.
    pub targets_visible: bool,
}

impl Default for KssConfig {
    fn default() -> Self {
        Self {
            difficulty: [0, 1, 2, 3, 3, 0, 3, 3, 4, 4],
            warmup_steps: 20,
            warmup_order: WarmupOrder::default(),
            targets_visible: false,
        }
    }
}

impl KssConfig {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`EduError::Config`] when a difficulty exceeds 5.
    pub fn validate(&self) -> Result<(), EduError> {
        match self.difficulty.iter().find(|&&difficulty| difficulty > HARDEST) {
            Some(difficulty) => Err(EduError::Config {
                key: "difficulty",
                value: difficulty.to_string(),
                need: format!("between 0 and {HARDEST}: no ability can grow beyond {HARDEST}"),
            }),
            None => Ok(()),
        }
    }

    /// Difficulties as the original draws them: ten uniform integers in `0..=5`, sorted, given to the
    /// items in an order in which difficulty never falls.
    pub fn draw_difficulty(draws: &mut (impl Draws + ?Sized)) -> [u8; ITEMS] {
        let mut drawn: [u8; ITEMS] =
            std::array::from_fn(|_| draws.integer(0, i64::from(HARDEST)).clamp(0, i64::from(HARDEST)) as u8);
        drawn.sort_unstable();
        let mut difficulty = [0; ITEMS];
        for (item, value) in DIFFICULTY_ORDER.into_iter().zip(drawn) {
            difficulty[item] = value;
        }
        difficulty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::SeededDraws;

    #[test]
    fn the_graph_is_sound() {
        assert!(Prerequisites::new(ITEMS, &EDGES).is_ok());
        // The table of the specification.
        let table: [&[usize]; ITEMS] = [
            &[0, 1, 2],
            &[0, 1, 2, 3],
            &[0, 1, 2, 4, 8],
            &[0, 1, 3, 4],
            &[0, 1, 2, 3, 4, 5, 8, 9],
            &[4, 5, 9],
            &[6, 7],
            &[6, 7, 8],
            &[0, 2, 3, 4, 5, 6, 7, 8, 9],
            &[2, 4, 5, 7, 8, 9],
        ];
        for (last, expected) in table.iter().enumerate() {
            assert_eq!(legal(Some(last)), *expected, "after {last}");
        }
        assert_eq!(legal(None).len(), ITEMS);
    }

    #[test]
    fn drawn_difficulties_never_fall_along_the_order() {
        for index in 0..100 {
            let difficulty = KssConfig::draw_difficulty(&mut SeededDraws::new("bank", 0, index));
            assert!(DIFFICULTY_ORDER.map(|item| difficulty[item]).is_sorted());
            let config = KssConfig { difficulty, ..Default::default() };
            assert_eq!(config.validate(), Ok(()));
        }
    }

    #[test]
    fn an_impossible_difficulty_is_refused() {
        let config = KssConfig { difficulty: [6; ITEMS], ..Default::default() };
        assert!(matches!(config.validate(), Err(EduError::Config { key: "difficulty", .. })));
    }
}
