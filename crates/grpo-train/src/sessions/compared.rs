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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn appraisal(rewards: &[Option<&[f64]>], shaping: Option<&[&[f64]]>) -> Appraisal {
        Appraisal {
            rewards: rewards.iter().map(|own| own.map(<[f64]>::to_vec)).collect(),
            shaping: shaping.map(|all| all.iter().map(|own| own.to_vec()).collect()),
            metrics: BTreeMap::new(),
        }
    }

    fn members(groups: &[&[usize]]) -> Comparison {
        Comparison { groups: groups.iter().map(|group| group.to_vec()).collect(), merged: 0, clusters: None }
    }

    fn compared(scored: &Scored, credit: &GroupCredit) -> (Vec<Vec<f64>>, Advantages) {
        let clocks = scored.rewards.iter().map(|steps| (0..steps.len() as u64).collect()).collect();
        scored.compare(credit, clocks).unwrap()
    }

    #[test]
    fn a_session_without_a_worth_is_as_if_it_had_not_been() {
        let there: [Option<&[f64]>; 5] =
            [Some(&[0.0, 1.0]), Some(&[0.5]), Some(&[0.0, 0.0, 2.0]), Some(&[0.25]), Some(&[0.0])];
        let with = [there[0], None, there[1], there[2], None, there[3], there[4], None];
        let few = Scored::new(&members(&[&[0, 2], &[1, 3, 4]]), &appraisal(&there, None));
        let many = Scored::new(&members(&[&[0, 1, 3], &[7], &[2, 4, 5, 6]]), &appraisal(&with, None));
        assert_eq!(many.rows, [0, 2, 3, 5, 6]);
        for to_go in [false, true] {
            let credit = GroupCredit { to_go, ..GroupCredit::default() };
            let ((one, whole), (other, reported)) = (compared(&few, &credit), compared(&many, &credit));
            assert_eq!(one, other);
            assert_eq!((whole.reward_mean, whole.reward_std), (reported.reward_mean, reported.reward_std));
            let mut all = vec![vec![0.0]; with.len()];
            many.put(other, &mut all);
            assert_eq!((&all[0], &all[1], &all[3], &all[7]), (&one[0], &vec![0.0], &one[2], &vec![0.0]));
            assert!(one.iter().flatten().any(|advantage| *advantage != 0.0));
        }
    }

    #[test]
    fn shaping_is_a_baseline_of_states_and_nothing_of_what_is_reported() {
        let credit = GroupCredit { to_go: true, ..GroupCredit::default() };
        let rewards: [Option<&[f64]>; 2] = [Some(&[0.0, 0.0, 1.0]), Some(&[0.0, 0.0, 0.0])];
        // Potentials: 0.25, then 0.5 and 0.75, or 0.25 all along.
        let extra: [&[f64]; 2] = [&[0.25, 0.25, -0.75], &[0.0, 0.0, -0.25]];
        let group = members(&[&[0, 1]]);
        let (plain, told) = compared(&Scored::new(&group, &appraisal(&rewards, None)), &credit);
        let (shaped, also) = compared(&Scored::new(&group, &appraisal(&rewards, Some(&extra))), &credit);
        assert_eq!((told.reward_mean, told.reward_std), (also.reward_mean, also.reward_std));
        // What is still to come is 1 and 0. Less what the state promises it is 0.75, 0.5, 0.25 and -0.25 throughout.
        let scale = told.reward_std + credit.advantages.epsilon;
        for (step, half) in [0.5, 0.375, 0.25].into_iter().enumerate() {
            assert!((plain[0][step] - 0.5 / scale).abs() < 1e-12);
            assert!((shaped[0][step] - half / scale).abs() < 1e-12, "step {step}: {shaped:?}");
            assert!((shaped[1][step] + half / scale).abs() < 1e-12, "step {step}: {shaped:?}");
        }
    }

    #[test]
    fn sessions_that_are_worth_the_same_teach_nothing_whatever_rounding_makes_of_their_shaping() {
        let credit = GroupCredit { to_go: true, ..GroupCredit::default() };
        let rewards: [Option<&[f64]>; 2] = [Some(&[0.0, 0.0, 0.0]), Some(&[0.0, 0.0, 0.0])];
        // Both begin at 0, and end where they end: the first adds up to 0, the second to a rounding error.
        let extra: [&[f64]; 2] = [&[0.5, 0.0, -0.5], &[0.1, 0.2, -0.3]];
        assert_ne!(extra[1].iter().rev().fold(0.0, |sum, own| own + sum), 0.0, "nothing to see here");
        let scored = Scored::new(&members(&[&[0, 1]]), &appraisal(&rewards, Some(&extra)));
        assert_eq!(compared(&scored, &credit).0, vec![vec![0.0; 3]; 2]);
    }
}
