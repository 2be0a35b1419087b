//! Sessions of which is known what they are worth, compared within their groups.

use grpo_core::Advantages;
use grpo_rollout::adaptive::Comparison;

use super::GroupCredit;
use super::appraiser::Appraisal;
use crate::Error;

/// The sessions that have a worth. The others leave their groups: any number in their place would move the others' advantages.
pub(super) struct Scored {
    /// Which sessions of the step these are.
    pub(super) rows: Vec<usize>,
    /// Their groups, as indices into `rows`.
    members: Comparison,
    rewards: Vec<Vec<f64>>,
    shaping: Option<Vec<Vec<f64>>>,
}

impl Scored {
    /// `members` must be of the appraised sessions.
    pub(super) fn new(members: &Comparison, appraisal: &Appraisal) -> Self {
        let (rows, rewards): (Vec<usize>, Vec<Vec<f64>>) = (appraisal.rewards.iter().enumerate())
            .filter_map(|(row, rewards)| Some((row, rewards.clone()?)))
            .unzip();
        let mut places = vec![None; appraisal.rewards.len()];
        rows.iter().enumerate().for_each(|(place, &row)| places[row] = Some(place));
        let groups = members.groups.iter().map(|group| group.iter().filter_map(|&row| places[row]).collect());
        let groups = groups.filter(|group: &Vec<usize>| !group.is_empty()).collect();
        let shaping =
            (appraisal.shaping.as_ref()).map(|extra| rows.iter().map(|&row| extra[row].clone()).collect());
        Self { rows, members: Comparison { groups, ..members.clone() }, rewards, shaping }
    }

    /// What each step is paid in all.
    pub(super) fn paid(&self) -> Vec<Vec<f64>> {
        let Some(extra) = &self.shaping else { return self.rewards.clone() };
        let sum = |(own, extra): (&Vec<f64>, &Vec<f64>)| own.iter().zip(extra).map(|(a, b)| a + b).collect();
        self.rewards.iter().zip(extra).map(sum).collect()
    }

    /// Advantages within groups, one per session or one per step; and those of whole sessions without shaping, for what is reported.
    pub(super) fn compare(
        &self,
        credit: &GroupCredit,
        clocks: Vec<Vec<u64>>,
    ) -> Result<(Vec<Vec<f64>>, Advantages), Error> {
        let (own, sizes) = (self.gather(&self.rewards)?, self.members.sizes());
        if !credit.to_go {
            // From the last step on, as rewards to go are added up.
            let worth = |steps: &Vec<f64>| steps.iter().rev().fold(0.0, |sum, reward| reward + sum);
            let (worths, lengths): (Vec<f64>, Vec<usize>) =
                own.iter().map(|steps| (worth(steps), steps.len())).unzip();
            let whole = credit.advantages.estimate_groups(&worths, &sizes, Some(&lengths))?;
            let values = self.scatter(&whole.values)?;
            return Ok((values.into_iter().map(|advantage| vec![advantage]).collect(), whole));
        }
        let times = self.gather(&clocks)?;
        let estimate =
            |rewards: &[Vec<f64>]| credit.advantages.estimate_to_go(rewards, &times, &sizes, credit.discount);
        let plain = estimate(&own)?;
        if self.shaping.is_none() {
            return Ok((self.scatter(&plain.values)?, plain.episodes));
        }
        let mut shaped = estimate(&self.gather(&self.paid())?)?.values;
        // Sessions that are worth the same differ under shaping in the last bits. Divided by their own deviation, those would be advantages.
        let mut start = 0;
        for size in sizes {
            let group = start..start + size;
            if plain.episodes.values[group.clone()].iter().all(|advantage| *advantage == 0.0) {
                shaped[group].iter_mut().flatten().for_each(|advantage| *advantage = 0.0);
            }
            start += size;
        }
        Ok((self.scatter(&shaped)?, plain.episodes))
    }

    /// Puts what is known of these sessions into a table of all sessions of the step.
    pub(super) fn put<T>(&self, values: Vec<T>, all: &mut [T]) {
        self.rows.iter().zip(values).for_each(|(&row, value)| all[row] = value);
    }

    fn gather<T: Clone>(&self, values: &[T]) -> Result<Vec<T>, Error> {
        self.members.gather(values).ok_or_else(|| self.off())
    }

    fn scatter<T: Clone>(&self, values: &[T]) -> Result<Vec<T>, Error> {
        self.members.scatter(values).ok_or_else(|| self.off())
    }

    fn off(&self) -> Error {
        let got = self.members.sizes().iter().sum();
        grpo_rollout::Error::Count { what: "sessions that are compared", got, want: self.rows.len() }.into()
    }
}
