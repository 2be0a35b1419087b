//! Small decision processes, solved exactly.
//!
//! Episodes end after `horizon` steps at most, or in one of the states that end them. Policies may depend
//! on the time, as they must where time is limited: backward induction finds the best action for each time
//! and state.

use crate::Draws;

/// A finite process with random transitions and rewards.
pub(crate) struct Mdp {
    pub(crate) horizon: usize,
    /// `[state][action][next]`, probabilities.
    pub(crate) transitions: Vec<Vec<Vec<f64>>>,
    /// `[state][action]`.
    pub(crate) rewards: Vec<Vec<f64>>,
    /// Which states end an episode.
    pub(crate) ends: Vec<bool>,
    /// What is promising, `[state]`.
    pub(crate) potentials: Vec<f64>,
}

/// What is paid on top of a transition's own reward, from the potentials before and after, and whether the
/// episode is over with it.
pub(crate) type Bonus<'a> = &'a dyn Fn(f64, f64, bool) -> f64;

impl Mdp {
    pub(crate) fn draw(draws: &mut Draws) -> Self {
        let (states, actions, horizon) = (3 + draws.below(6), 2 + draws.below(3), 2 + draws.below(6));
        let row = |draws: &mut Draws| {
            // Sparse rows: a few states that can follow.
            let weights: Vec<f64> =
                (0..states).map(|_| if draws.unit() < 0.5 { draws.unit() } else { 0.0 }).collect();
            let sum: f64 = weights.iter().sum();
            match sum > 0.0 {
                true => weights.into_iter().map(|weight| weight / sum).collect(),
                false => vec![1.0 / states as f64; states],
            }
        };
        let mut table = |make: &mut dyn FnMut(&mut Draws) -> Vec<f64>| -> Vec<Vec<f64>> {
            (0..actions).map(|_| make(draws)).collect()
        };
        let transitions = (0..states).map(|_| table(&mut |draws| row(draws))).collect();
        let rewards = (0..states).map(|_| (0..actions).map(|_| draws.unit() - 0.5).collect()).collect();
        let ends = (0..states).map(|state| state > 0 && draws.unit() < 0.3).collect();
        let potentials = (0..states).map(|_| 4.0 * draws.unit() - 2.0).collect();
        Self { horizon, transitions, rewards, ends, potentials }
    }

    /// The expected return of each action, `[time][state][action]`, when what follows is best. Empty rows
    /// for states that end episodes.
    pub(crate) fn solve(&self, discount: f64, bonus: Bonus<'_>) -> Vec<Vec<Vec<f64>>> {
        let states = self.ends.len();
        let mut later = vec![0.0; states];
        let mut solved = Vec::new();
        for time in (0..self.horizon).rev() {
            let of_state = |state: usize| -> Vec<f64> {
                if self.ends[state] {
                    return Vec::new();
                }
                let of_action = |(row, own): (&Vec<f64>, &f64)| {
                    let next = row.iter().enumerate().map(|(next, probability)| {
                        let over = self.ends[next] || time + 1 == self.horizon;
                        let paid = bonus(self.potentials[state], self.potentials[next], over);
                        probability * (paid + if over { 0.0 } else { discount * later[next] })
                    });
                    own + next.sum::<f64>()
                };
                self.transitions[state].iter().zip(&self.rewards[state]).map(of_action).collect()
            };
            let values: Vec<Vec<f64>> = (0..states).map(of_state).collect();
            let best = |values: &Vec<f64>| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            later = values.iter().map(|own| if own.is_empty() { 0.0 } else { best(own) }).collect();
            solved.push(values);
        }
        solved.reverse();
        solved
    }

    /// The best actions for each time and state: those within rounding of the best, which may be several.
    pub(crate) fn best(&self, discount: f64, bonus: Bonus<'_>) -> Vec<Vec<Vec<usize>>> {
        let among = |values: &Vec<f64>| {
            let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (0..values.len()).filter(|&action| values[action] > best - 1e-9).collect()
        };
        self.solve(discount, bonus).iter().map(|states| states.iter().map(among).collect()).collect()
    }

    /// An episode of random actions: the states it went through and the rewards on the way.
    pub(crate) fn wander(&self, draws: &mut Draws) -> (Vec<usize>, Vec<f64>) {
        let (mut states, mut rewards) = (vec![0], Vec::new());
        while rewards.len() < self.horizon && !self.ends[states[states.len() - 1]] {
            let state = states[states.len() - 1];
            let action = draws.below(self.rewards[state].len());
            rewards.push(self.rewards[state][action]);
            let mut rest = draws.unit();
            let row = &self.transitions[state][action];
            let next = row.iter().position(|&probability| {
                rest -= probability;
                rest < 0.0
            });
            // Rounding can leave a little: the last state that is possible.
            let last = || row.iter().rposition(|&probability| probability > 0.0).unwrap();
            states.push(next.unwrap_or_else(last));
        }
        (states, rewards)
    }
}
