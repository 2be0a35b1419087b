//! Credit for a group of which one right answer in k is enough.

use serde::{Deserialize, Serialize};

use super::{Combine, Composite, Part, groups};
use crate::spec::{Settings, finite};
use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// The unbiased estimate of the probability that at least one of `k` answers is right, from `n` answers of which `right` are:
/// `1 − C(n − right, k) / C(n, k)` (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1). `None` for
/// `k` of 0 or above `n`, or `right` above `n`.
///
/// ```
/// use grpo_rewards::compose::pass_at_k;
/// assert_eq!(pass_at_k(4, 1, 1), Some(0.25));
/// assert_eq!(pass_at_k(4, 1, 2), Some(0.5));
/// ```
pub fn pass_at_k(n: usize, right: usize, k: usize) -> Option<f64> {
    if k == 0 || k > n || right > n {
        return None;
    }
    // C(n − right, k) / C(n, k) as a product of k factors below 1: no number becomes large.
    let wrong = n - right;
    let all_wrong: f64 =
        (0..k).map(|drawn| wrong.saturating_sub(drawn) as f64 / (n - drawn) as f64).product();
    Some(1.0 - all_wrong)
}

/// The rewards of a right and of a wrong answer in a group of `n` with `right` right ones, by which the policy gradient of pass@1
/// becomes an unbiased estimate of that of pass@k: `k/n` and `k/n · ρ(n − 1, right, k − 1)`, where `ρ` is [`pass_at_k`] (Walder and
/// Karkhanis 2025, "Pass@K Policy Optimization", arXiv:2505.15201, theorem 2). `None` as in [`pass_at_k`].
///
/// Without a baseline. A group's mean as a baseline keeps the order of the two and adds the bias it always has.
pub fn pass_at_k_credit(n: usize, right: usize, k: usize) -> Option<(f64, f64)> {
    pass_at_k(n, right, k)?;
    let share = k as f64 / n as f64;
    // Of a group without a wrong answer, nobody asks what a wrong one earns.
    let others = if k == 1 { 0.0 } else { pass_at_k(n - 1, right, k - 1).unwrap_or(1.0) };
    Some((share, share * others))
}

/// Trains pass@k instead of pass@1: the more of a group are right, the less a right answer is worth beside a wrong one, so that the
/// policy keeps trying different things. See [`pass_at_k_credit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassAtK {
    /// The reward that says which answers are right.
    pub of: Box<RewardSpec>,
    /// How many answers there are tries for: from 1 up to the size of a group.
    pub k: usize,
    /// From which value on an answer is right. Default: 0.5.
    #[serde(default = "half")]
    pub threshold: f64,
}

fn half() -> f64 {
    0.5
}

impl Settings for PassAtK {
    fn kind(&self) -> &'static str {
        "pass_at_k"
    }

    fn needs_reference(&self) -> bool {
        self.of.kind.needs_reference()
    }

    fn reference_fields(&self) -> Vec<&'static str> {
        self.of.kind.reference_fields()
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if self.k == 0 {
            return Err(RewardError::invalid("k", "is 0", "use 1 up to the size of a group"));
        }
        finite("threshold", self.threshold)?;
        let part = [Part::build("of", &self.of)?];
        Ok(Box::new(Composite(Credit { part, k: self.k, threshold: self.threshold })))
    }
}

struct Credit {
    part: [Part; 1],
    k: usize,
    threshold: f64,
}

impl Combine for Credit {
    fn kind(&self) -> &'static str {
        "pass_at_k"
    }

    fn parts(&self) -> &[Part] {
        &self.part
    }

    fn per_episode(&self) -> bool {
        false
    }

    fn combine(&self, samples: &[Sample<'_>], mut columns: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        let mut outcomes = columns.pop().unwrap_or_default();
        for group in groups(samples) {
            let scored: Vec<usize> = group.into_iter().filter(|&at| outcomes[at].score().is_some()).collect();
            let is_right = |outcome: &Outcome| outcome.value().is_some_and(|value| value >= self.threshold);
            let right = scored.iter().filter(|&&at| is_right(&outcomes[at])).count();
            let credit = pass_at_k_credit(scored.len(), right, self.k);
            for at in scored.iter().copied() {
                outcomes[at] =
                    self.credited(&outcomes[at], is_right(&outcomes[at]), credit, right, scored.len());
            }
        }
        outcomes
    }
}

impl Credit {
    fn credited(
        &self,
        outcome: &Outcome,
        is_right: bool,
        credit: Option<(f64, f64)>,
        right: usize,
        n: usize,
    ) -> Outcome {
        let Some(score) = outcome.score() else { return outcome.clone() };
        let Some((of_right, of_wrong)) = credit else {
            return Outcome::Failed(format!("the group has {n} scored answers, fewer than k = {}", self.k));
        };
        let reason = format!("{}; {right} of {n} are right, k = {}", score.reason, self.k);
        let value = if is_right { of_right } else { of_wrong };
        Outcome::Scored(Score { value, reason: reason.into(), extracted: score.extracted.clone() })
    }
}
