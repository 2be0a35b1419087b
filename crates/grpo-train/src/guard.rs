//! The guard against a reward that is gamed: a check that is no part of the reward looks at the same completions.
//!
//! A policy learns what the reward measures, not what was meant by it (Amodei et al. 2016, "Concrete Problems in AI Safety", section 4;
//! Gao et al. 2023, "Scaling Laws for Reward Model Overoptimization"). So the metric of the held-out evaluation, or another one, judges
//! every training completion too. A completion that beat its group while its check fails was reinforced for the wrong reason.

use crate::{
    Error, GuardConfig, Metric,
    gather::Gathered,
    judge::{Answered, Judge},
};
use grpo_rewards::Outcome;

/// The check, ready to be asked.
pub(crate) struct Guard {
    judge: Judge,
    threshold: f64,
    keep: usize,
}

/// What the check says of a step's completions.
#[derive(Default)]
pub(crate) struct Checked {
    /// One per completion; empty without a guard.
    outcomes: Vec<Outcome>,
    /// Rows that beat their group while their check fails, the highest rewards first: those to be kept for a person to look at.
    pub(crate) kept: Vec<usize>,
    /// Mean of the check.
    pub(crate) mean: Option<f64>,
    /// Of the completions that beat their group, the share whose check fails.
    pub(crate) suspect_share: Option<f64>,
    /// Checks that failed to judge.
    pub(crate) failures: usize,
}

impl Guard {
    /// The guard of a recipe; `None` where it is off.
    pub(crate) fn open(config: &GuardConfig, evaluation: &Metric) -> Result<Option<Self>, Error> {
        if !config.enabled {
            return Ok(None);
        }
        let judge = Judge::new(config.metric.as_ref().unwrap_or(evaluation))?;
        Ok(Some(Self { judge, threshold: config.threshold, keep: config.keep }))
    }

    /// Looks at every completion of a step.
    pub(crate) fn check(&self, gathered: &Gathered) -> Checked {
        let mut answers = Vec::with_capacity(gathered.completions.len());
        for (at, group) in gathered.groups.iter().enumerate() {
            for episode in &group.episodes {
                let text = gathered.completions[answers.len()].as_str();
                answers.push(Answered {
                    question: &gathered.questions[group.prompt],
                    episode,
                    text,
                    group: at,
                });
            }
        }
        let outcomes = self.judge.outcomes(&answers);
        let values: Vec<f64> = outcomes.iter().filter_map(Outcome::value).collect();
        let (ahead, mut suspects) = self.ahead(gathered, &outcomes);
        let suspect_share = (ahead > 0).then(|| suspects.len() as f64 / ahead as f64);
        suspects.truncate(self.keep);
        Checked {
            mean: mean(&values),
            suspect_share,
            failures: outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count(),
            outcomes,
            kept: suspects,
        }
    }

    /// How many completions beat their group and have a check, and which of them fail it.
    fn ahead(&self, gathered: &Gathered, outcomes: &[Outcome]) -> (usize, Vec<usize>) {
        let rewards = &gathered.evaluation.combined;
        let (mut ahead, mut suspects, mut start) = (0, Vec::new(), 0);
        for group in &gathered.groups {
            let rows = start..start + group.episodes.len();
            start = rows.end;
            let present: Vec<f64> = rewards[rows.clone()].iter().copied().flatten().collect();
            let Some(baseline) = mean(&present) else { continue };
            for row in rows {
                // Rounding of the mean must not make equal rewards differ from it.
                let beats =
                    rewards[row].is_some_and(|reward| reward > baseline + 1e-9 * baseline.abs().max(1.0));
                let Some(check) = outcomes[row].value().filter(|_| beats) else { continue };
                ahead += 1;
                if check < self.threshold {
                    suspects.push(row);
                }
            }
        }
        suspects.sort_by(|&a, &b| rewards[b].partial_cmp(&rewards[a]).unwrap_or(std::cmp::Ordering::Equal));
        (ahead, suspects)
    }
}

impl Checked {
    /// What the check says of a row, where there is a guard.
    pub(crate) fn outcome(&self, row: usize) -> Option<&Outcome> {
        self.outcomes.get(row)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
