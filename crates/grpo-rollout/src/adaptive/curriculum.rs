use super::config::setting;
use crate::Error;
use serde::{Deserialize, Serialize};

/// Which of the candidate questions may be asked at a step.
///
/// `Linear` over difficulties that are given beforehand is curriculum learning ([Bengio et al. 2009](https://doi.org/10.1145/1553374.1553380)).
/// Over the policy's own running solve rates it is self-paced learning ([Kumar, Packer and Koller
/// 2010](https://papers.nips.cc/paper/3923-self-paced-learning-for-latent-variable-models)) with its hard weights, 1 for questions
/// easier than a threshold and 0 for the others; the threshold is given as a quantile, which rises from step to step. `Adaptive` lets the
/// threshold go and stays where the policy stands: goals of intermediate difficulty ([Florensa et al. 2018](https://arxiv.org/abs/1705.06366)).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Curriculum {
    /// All of them, always.
    #[default]
    None,
    /// The easiest ones: a share of the candidates that goes from `start` to `end` in equal steps and stays there. The difficulty is
    /// the question's own, or else one minus its expected solve rate.
    Linear {
        /// Share at step 0, in (0, 1].
        start: f64,
        /// Share from step `steps` on, in (0, 1].
        end: f64,
        /// Steps from one to the other.
        steps: u64,
    },
    /// Those whose expected solve rate is nearest to a target.
    Adaptive {
        /// The solve rate, in [0, 1]; groups carry most signal at 0.5.
        target: f64,
        /// Share of the candidates, in (0, 1].
        share: f64,
    },
}

impl Curriculum {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let share = |key, share: f64| {
            if share > 0.0 && share <= 1.0 {
                return Ok(());
            }
            Err(setting(key, share, "give a share of the questions above 0 and up to 1"))
        };
        match *self {
            Self::None => Ok(()),
            Self::Linear { start, end, steps } => {
                share("curriculum.linear.start", start)?;
                share("curriculum.linear.end", end)?;
                if steps == 0 {
                    return Err(setting("curriculum.linear.steps", 0, "use at least 1"));
                }
                Ok(())
            }
            Self::Adaptive { target, share: of } => {
                share("curriculum.adaptive.share", of)?;
                if !(0.0..=1.0).contains(&target) {
                    return Err(setting(
                        "curriculum.adaptive.target",
                        target,
                        "give a solve rate from 0 to 1",
                    ));
                }
                Ok(())
            }
        }
    }

    /// The questions that may be asked at `step`, as indices in rising order, given each one's difficulty in `[0, 1]` (for `Adaptive`, one
    /// minus its expected solve rate).
    ///
    /// The share is rounded up, to `least` where it is smaller (a step needs that many different questions), and questions that
    /// are exactly as difficult as the last one that fits are in too. So as long as there are questions, at least one may be asked, and
    /// their order doesn't matter.
    pub fn eligible(&self, step: u64, difficulties: &[f64], least: usize) -> Vec<usize> {
        let all = 0..difficulties.len();
        let (share, distance): (f64, Box<dyn Fn(f64) -> f64>) = match *self {
            Self::None => return all.collect(),
            Self::Linear { start, end, steps } => {
                let done = if step >= steps { 1.0 } else { step as f64 / steps as f64 };
                (start * (1.0 - done) + end * done, Box::new(|difficulty| difficulty))
            }
            Self::Adaptive { target, share } => {
                (share, Box::new(move |difficulty| (1.0 - difficulty - target).abs()))
            }
        };
        let distances: Vec<f64> = difficulties.iter().map(|&d| distance(d)).collect();
        // The share of whole questions is whole: 0.7 · 10 mustn't become 8 by rounding.
        let count = ((share * distances.len() as f64 * (1.0 - 1e-12)).ceil() as usize).max(least).max(1);
        let mut sorted = distances.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.get(count - 1) {
            Some(limit) => all.filter(|&i| distances[i] <= *limit).collect(),
            None => all.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFICULTIES: [f64; 10] = [0.9, 0.1, 0.5, 0.3, 0.7, 0.0, 1.0, 0.2, 0.6, 0.4];

    #[test]
    fn harder_questions_are_let_in_step_by_step() {
        let linear = Curriculum::Linear { start: 0.2, end: 0.9, steps: 10 };
        let mut before = Vec::new();
        for (step, count) in [(0, 2), (1, 3), (5, 6), (10, 9), (1000, 9)] {
            let eligible = linear.eligible(step, &DIFFICULTIES, 1);
            assert_eq!(eligible.len(), count, "step {step}");
            assert!(before.iter().all(|i| eligible.contains(i)));
            let hardest = eligible.iter().map(|&i| DIFFICULTIES[i]).fold(0.0, f64::max);
            assert!((0..10).all(|i| eligible.contains(&i) || DIFFICULTIES[i] > hardest));
            before = eligible;
        }
    }

    #[test]
    fn the_nearest_to_the_target_are_let_in() {
        let adaptive = Curriculum::Adaptive { target: 0.75, share: 0.3 };
        assert_eq!(adaptive.eligible(3, &DIFFICULTIES, 1), [1, 3, 7, 9]); // 0.1 and 0.4 are as far
        assert_eq!(adaptive.eligible(3, &DIFFICULTIES[..5], 1), [1, 3]);
    }

    #[test]
    fn enough_questions_are_let_in() {
        let narrow = Curriculum::Linear { start: 0.01, end: 0.01, steps: 1 };
        assert_eq!(narrow.eligible(0, &DIFFICULTIES, 0), [5]);
        assert_eq!(narrow.eligible(0, &DIFFICULTIES, 3), [1, 5, 7]);
        assert_eq!(narrow.eligible(0, &DIFFICULTIES, 30).len(), 10);
        assert_eq!(narrow.eligible(0, &[0.4; 6], 1).len(), 6); // equals aren't told apart
        assert!(narrow.eligible(0, &[], 1).is_empty());
        assert_eq!(Curriculum::None.eligible(0, &DIFFICULTIES, 1), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn whole_shares_are_whole() {
        for n in 1..200 {
            let difficulties: Vec<f64> = (0..n).map(|i| i as f64 / n as f64).collect();
            for k in 1..=n {
                let share = k as f64 / n as f64;
                let eligible = Curriculum::Linear { start: share, end: share, steps: 3 };
                assert_eq!(eligible.eligible(1, &difficulties, 1).len(), k, "{k} of {n}");
            }
        }
    }
}
