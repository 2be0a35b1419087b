//! The two steps of expectation maximisation for a hidden Markov model of two states: known and not known.

use super::BktSkill;
use super::fit::BktFit;

/// The answers to one skill; learners who gave the same answers share a sequence.
pub(super) struct Sequences {
    /// Each with the number of learners who gave it.
    distinct: Vec<(Vec<bool>, f64)>,
    pub(super) responses: usize,
    pub(super) learners: usize,
    pub(super) longest: usize,
}

/// One answer on the way forward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    /// That the skill isn't known, and that it is, given the answers before.
    before: [f64; 2],
    /// The same, given this answer too.
    after: [f64; 2],
}

/// What is expected of the hidden course of all learners, given their answers, under some parameters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    learners: f64,
    known_first: f64,
    /// Answers while the skill isn't known, and while it is.
    answers: [f64; 2],
    /// Right answers while it isn't known.
    guesses: f64,
    /// Wrong answers while it is known.
    slips: f64,
    /// Practices with an answer after them, while the skill isn't known, and while it is.
    practices: [f64; 2],
    learnt: f64,
    forgotten: f64,
    pub(super) log_likelihood: f64,
}

impl Sequences {
    pub(super) fn new(mut all: Vec<Vec<bool>>) -> Self {
        let responses = all.iter().map(Vec::len).sum();
        let learners = all.len();
        let longest = all.iter().map(Vec::len).max().unwrap_or(0);
        all.sort_unstable();
        let same = all.chunk_by(|left, right| left == right);
        let distinct =
            same.filter_map(|same| same.first().map(|first| (first.clone(), same.len() as f64))).collect();
        Self { distinct, responses, learners, longest }
    }

    /// The expectation step (Baum et al. 1970) with probabilities scaled at every answer, and the log-likelihood of `skill`.
    pub(super) fn expect(&self, skill: &BktSkill, scratch: &mut Vec<Forward>) -> Counts {
        let mut counts = Counts::default();
        for (answers, learners) in &self.distinct {
            counts.add(skill, answers, *learners, scratch);
        }
        counts
    }
}

impl Counts {
    fn add(&mut self, skill: &BktSkill, answers: &[bool], learners: f64, forward: &mut Vec<Forward>) {
        let emit = |correct| {
            if correct { [skill.guess, 1.0 - skill.slip] } else { [1.0 - skill.guess, skill.slip] }
        };
        let (learn, forget) = (skill.learn, skill.forget);
        forward.clear();
        // Logarithms are dear, so probabilities are multiplied as long as they are far from the smallest number.
        let (mut before, mut product, mut log) = ([1.0 - skill.prior, skill.prior], 1.0, 0.0);
        for &correct in answers {
            let emit = emit(correct);
            let joint = [before[0] * emit[0], before[1] * emit[1]];
            let probability = joint[0] + joint[1];
            let after = joint.map(|joint| joint / probability);
            forward.push(Forward { before, after });
            before =
                [after[0] * (1.0 - learn) + after[1] * forget, after[1] * (1.0 - forget) + after[0] * learn];
            if probability > 1e-100 {
                product *= probability;
            } else {
                log += probability.ln();
            }
            if product < 1e-100 {
                log += product.ln();
                product = 1.0;
            }
        }
        self.log_likelihood += learners * (log + product.ln());

        // Backwards: `now` is what all answers say of the state at one of them.
        let Some(last) = forward.last() else { return };
        let mut now = last.after;
        let mut sums = Counts::default();
        let mut note = |correct: bool, now: [f64; 2]| {
            sums.answers[0] += now[0];
            sums.answers[1] += now[1];
            if correct {
                sums.guesses += now[0];
            } else {
                sums.slips += now[1];
            }
        };
        let mut moves = ([0.0; 2], 0.0, 0.0);
        note(answers[answers.len() - 1], now);
        for (place, &correct) in answers.iter().enumerate().rev().skip(1) {
            let next = &forward[place + 1];
            // A state that can't be reached isn't there.
            let ratio = [0, 1].map(|s| if next.before[s] > 0.0 { now[s] / next.before[s] } else { 0.0 });
            let [no, yes] = forward[place].after;
            let (learnt, forgotten) = (no * learn * ratio[1], yes * forget * ratio[0]);
            now = [no * (1.0 - learn) * ratio[0] + learnt, yes * (1.0 - forget) * ratio[1] + forgotten];
            moves.0[0] += now[0];
            moves.0[1] += now[1];
            moves.1 += learnt;
            moves.2 += forgotten;
            note(correct, now);
        }
        self.learners += learners;
        self.known_first += learners * now[1];
        self.guesses += learners * sums.guesses;
        self.slips += learners * sums.slips;
        self.learnt += learners * moves.1;
        self.forgotten += learners * moves.2;
        for state in 0..2 {
            self.answers[state] += learners * sums.answers[state];
            self.practices[state] += learners * moves.0[state];
        }
    }

    /// The maximisation step: shares of the expected counts. With a bound, the best share within it, which is the nearest one. What
    /// nothing was expected of keeps its value.
    pub(super) fn maximise(&self, old: &BktSkill, config: &BktFit) -> BktSkill {
        let share = |part: f64, whole: f64, old: f64| if whole > 0.0 { (part / whole).min(1.0) } else { old };
        BktSkill {
            name: old.name.clone(),
            prior: share(self.known_first, self.learners, old.prior),
            learn: share(self.learnt, self.practices[0], old.learn),
            forget: if config.forget { share(self.forgotten, self.practices[1], old.forget) } else { 0.0 },
            guess: share(self.guesses, self.answers[0], old.guess).min(config.max_guess),
            slip: share(self.slips, self.answers[1], old.slip).min(config.max_slip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, SeededDraws};

    fn skill() -> BktSkill {
        BktSkill { name: "s".into(), prior: 0.3, learn: 0.2, forget: 0.05, guess: 0.25, slip: 0.1 }
    }

    #[test]
    fn expected_counts_agree_with_enumeration() {
        let skill = skill();
        for length in 1..=7 {
            for pattern in 0_u32..1 << length {
                let answers: Vec<bool> = (0..length).map(|time| pattern >> time & 1 == 1).collect();
                let (mut total, mut sums) = (0.0, [0.0; 9]);
                for states in 0_u32..1 << length {
                    let known = |time: usize| (states >> time & 1) as usize;
                    let mut p = if known(0) == 1 { skill.prior } else { 1.0 - skill.prior };
                    let mut counts = [0.0; 9];
                    counts[0] = known(0) as f64;
                    for (time, &correct) in answers.iter().enumerate() {
                        let right = [skill.guess, 1.0 - skill.slip][known(time)];
                        p *= if correct { right } else { 1.0 - right };
                        counts[1 + known(time)] += 1.0;
                        counts[3] += f64::from(u8::from(correct && known(time) == 0));
                        counts[4] += f64::from(u8::from(!correct && known(time) == 1));
                        if time + 1 < length {
                            let turn = [skill.learn, skill.forget][known(time)];
                            let turned = known(time) != known(time + 1);
                            p *= if turned { turn } else { 1.0 - turn };
                            counts[5 + known(time)] += 1.0;
                            counts[7 + known(time)] += f64::from(u8::from(turned));
                        }
                    }
                    total += p;
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += p * count);
                }
                let found = Sequences::new(vec![answers.clone(); 2]).expect(&skill, &mut Vec::new());
                let list = [
                    found.known_first,
                    found.answers[0],
                    found.answers[1],
                    found.guesses,
                    found.slips,
                    found.practices[0],
                    found.practices[1],
                    found.learnt,
                    found.forgotten,
                ];
                for (found, sum) in list.iter().zip(sums) {
                    assert!((found - 2.0 * sum / total).abs() < 1e-12, "{answers:?}");
                }
                assert!((found.log_likelihood - 2.0 * total.ln()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn long_sequences_do_not_underflow() {
        let mut draws = SeededDraws::new("answers", 1, 0);
        let answers = |draws: &mut SeededDraws| (0..5_000).map(|_| draws.unit() < 0.7).collect();
        let sequences = Sequences::new((0..3).map(|_| answers(&mut draws)).collect());
        let found = sequences.expect(&skill(), &mut Vec::new());
        let direct: f64 = sequences.distinct.iter().map(|(s, n)| n * skill().log_likelihood(s)).sum();
        assert!((found.log_likelihood - direct).abs() < 1e-6, "{} {direct}", found.log_likelihood);
        assert!((found.answers[0] + found.answers[1] - 15_000.0).abs() < 1e-6);
    }
}
