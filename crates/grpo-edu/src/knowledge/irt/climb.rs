//! The two steps of expectation maximisation for items, and the likelihood that they raise.

use super::quadrature::Quadrature;
use super::{IrtItem, IrtKind, log_probability, logistic, weight};
use crate::knowledge::log::ResponseLog;

/// The first answer of each learner to each item of a model: learners who have any, each with (item, right or wrong).
pub(super) struct Answers {
    pub(super) learners: Vec<Vec<(usize, bool)>>,
    pub(super) repeated: usize,
}

impl Answers {
    /// `own` says which item of the model each item of the log is, if it is one.
    pub(super) fn new(log: &ResponseLog, own: &[Option<usize>]) -> Self {
        let items = own.iter().flatten().max().map_or(0, |last| last + 1);
        // By item, the last learner who answered it, counted from 1.
        let mut answered = vec![0; items];
        let (mut learners, mut repeated) = (Vec::new(), 0);
        for (number, responses) in (1..).zip(log.responses()) {
            let mut answers = Vec::new();
            for response in responses {
                let Some(item) = own[response.item] else { continue };
                if answered[item] == number {
                    repeated += 1;
                } else {
                    answered[item] = number;
                    answers.push((item, response.correct));
                }
            }
            if !answers.is_empty() {
                learners.push(answers);
            }
        }
        Self { learners, repeated }
    }

    /// By item, how many answers there are and how many of them are right.
    pub(super) fn tally(&self, items: usize) -> Vec<(usize, usize)> {
        let mut tally = vec![(0, 0); items];
        for &(item, correct) in self.learners.iter().flatten() {
            tally[item].0 += 1;
            tally[item].1 += usize::from(correct);
        }
        tally
    }
}

/// The marginal log-likelihood of answers.
pub(super) fn log_likelihood(items: &[IrtItem], answers: &Answers, quadrature: &Quadrature) -> f64 {
    let curves: Vec<Curve> = items.iter().map(Curve::of).collect();
    expect(&curves, answers, quadrature).0
}

/// The parameters of an item on a scale without bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    /// `-a b`, the logit at ability 0 where there is no guessing.
    intercept: f64,
    /// `a`.
    pub(super) slope: f64,
    /// `ln(c / (1 - c))`; minus infinity where the model has no guessing.
    guess: f64,
}

impl Curve {
    /// Where a climb begins, for an item that this share of learners answered rightly.
    pub(super) fn start(share: f64, kind: IrtKind, guess_prior: Option<(f64, f64)>) -> Self {
        let guess = match (kind, guess_prior) {
            (IrtKind::Three, Some((alpha, beta))) => (alpha - 1.0) / (alpha + beta - 2.0),
            (IrtKind::Three, None) => 0.15,
            _ => 0.0,
        };
        // Half of the right answers at least are not guessed: any start will do, if only it is inside.
        let known = ((share - guess) / (1.0 - guess)).max(0.5 * share);
        Self { intercept: (known / (1.0 - known)).ln(), slope: 1.0, guess: (guess / (1.0 - guess)).ln() }
    }

    fn of(item: &IrtItem) -> Self {
        Self {
            intercept: -item.discrimination * item.difficulty,
            slope: item.discrimination,
            guess: (item.guess / (1.0 - item.guess)).ln(),
        }
    }

    pub(super) fn item(&self, name: String) -> IrtItem {
        let difficulty = -self.intercept / self.slope;
        IrtItem { name, discrimination: self.slope, difficulty, guess: logistic(self.guess) }
    }

    fn logit(&self, ability: f64) -> f64 {
        self.intercept + self.slope * ability
    }

    fn moved(&self, by: [f64; 3], share: f64) -> Self {
        Self {
            intercept: self.intercept + share * by[0],
            slope: self.slope + share * by[1],
            guess: self.guess + share * by[2],
        }
    }

    /// The logarithm of the prior density of `c`, without the constant.
    fn log_prior(&self, prior: Option<(f64, f64)>) -> f64 {
        let guess = logistic(self.guess);
        prior.map_or(0.0, |(alpha, beta)| (alpha - 1.0) * guess.ln() + (beta - 1.0) * (-guess).ln_1p())
    }
}

/// Expected wrong and right answers to one item at each ability.
type Expected = [Vec<f64>; 2];

/// The expectation step: the log-likelihood, and for each item what is expected under the learners' posteriors.
fn expect(curves: &[Curve], answers: &Answers, quadrature: &Quadrature) -> (f64, Vec<Expected>) {
    let points = quadrature.abilities.len();
    let curve = |curve: &Curve| {
        let guess = logistic(curve.guess);
        [false, true].map(|correct| {
            let at = |&ability: &f64| log_probability(curve.logit(ability), guess, correct);
            quadrature.abilities.iter().map(at).collect::<Vec<f64>>()
        })
    };
    let tables: Vec<Expected> = curves.iter().map(curve).collect();
    let mut expected: Vec<Expected> = curves.iter().map(|_| [vec![0.0; points], vec![0.0; points]]).collect();
    let (mut sum, mut posterior) = (0.0, vec![0.0; points]);
    for answers in &answers.learners {
        posterior.copy_from_slice(&quadrature.log_weights);
        for &(item, correct) in answers {
            for (log, add) in posterior.iter_mut().zip(&tables[item][usize::from(correct)]) {
                *log += add;
            }
        }
        let top = posterior.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        posterior.iter_mut().for_each(|log| *log = (*log - top).exp());
        let total: f64 = posterior.iter().sum();
        sum += top + total.ln();
        posterior.iter_mut().for_each(|weight| *weight /= total);
        for &(item, correct) in answers {
            for (sum, add) in expected[item][usize::from(correct)].iter_mut().zip(&posterior) {
                *sum += add;
            }
        }
    }
    (sum, expected)
}

/// A climb to the top of the likelihood.
pub(super) struct Climb {
    pub(super) curves: Vec<Curve>,
    prior: Option<(f64, f64)>,
    pub(super) log_likelihood: f64,
    expected: Vec<Expected>,
}

impl Climb {
    pub(super) fn new(
        curves: Vec<Curve>,
        prior: Option<(f64, f64)>,
        answers: &Answers,
        quadrature: &Quadrature,
    ) -> Self {
        let (log_likelihood, expected) = expect(&curves, answers, quadrature);
        Self { curves, prior, log_likelihood, expected }
    }

    /// What is maximised.
    fn objective(&self) -> f64 {
        self.log_likelihood + self.curves.iter().map(|curve| curve.log_prior(self.prior)).sum::<f64>()
    }

    /// One iteration; gives by how much it raised the objective. One that would lower it, as rounding may at the top, is not made.
    pub(super) fn step(&mut self, kind: IrtKind, answers: &Answers, quadrature: &Quadrature) -> f64 {
        let improve = |(curve, expected): (&Curve, &Expected)| {
            Item { expected, abilities: &quadrature.abilities, prior: self.prior, kind }.maximise(*curve)
        };
        let curves = self.curves.iter().zip(&self.expected).map(improve).collect();
        let next = Self::new(curves, self.prior, answers, quadrature);
        let gain = next.objective() - self.objective();
        if gain > 0.0 {
            *self = next;
        }
        gain
    }
}

/// The maximisation step for one item: a logistic regression on abilities with expected counts, with guessing or without.
struct Item<'a> {
    expected: &'a Expected,
    abilities: &'a [f64],
    prior: Option<(f64, f64)>,
    kind: IrtKind,
}

impl Item<'_> {
    /// Scoring steps on one maximisation, at most. Where they do not reach the top, the next iteration goes on from there.
    const STEPS: usize = 20;

    fn maximise(&self, mut curve: Curve) -> Curve {
        let mut value = self.value(&curve);
        for _ in 0..Self::STEPS {
            let step = self.scoring_step(&curve);
            // Halved until it helps; a step that doesn't even when it is tiny means that this is the top.
            let tried = (0..30).map(|halvings| curve.moved(step, 0.5_f64.powi(halvings)));
            let better = tried.map(|curve| (self.value(&curve), curve)).find(|(found, _)| *found > value);
            let Some((found, moved)) = better else { return curve };
            let gain = found - value;
            (value, curve) = (found, moved);
            if gain <= 1e-12 * value.abs() {
                return curve;
            }
        }
        curve
    }

    /// The expected log-likelihood of the item's answers, and the prior.
    fn value(&self, curve: &Curve) -> f64 {
        let guess = logistic(curve.guess);
        let [wrong, right] = self.expected;
        let mut sum = curve.log_prior(self.prior);
        for ((&ability, wrong), right) in self.abilities.iter().zip(wrong).zip(right) {
            let logit = curve.logit(ability);
            sum += wrong * log_probability(logit, guess, false) + right * log_probability(logit, guess, true);
        }
        sum
    }

    /// The gradient by intercept, slope and guess, and the expected information.
    fn derivatives(&self, curve: &Curve) -> ([f64; 3], [[f64; 3]; 3]) {
        let guess = logistic(curve.guess);
        let [wrong, right] = self.expected;
        let (mut gradient, mut information) = ([0.0; 3], [[0.0; 3]; 3]);
        for ((&ability, wrong), right) in self.abilities.iter().zip(wrong).zip(right) {
            let logit = curve.logit(ability);
            let below = logistic(-logit);
            let (p, q) = (guess + (1.0 - guess) * logistic(logit), (1.0 - guess) * below);
            // `dP / (P (1 - P))` for each parameter; with `c = logistic(guess)`, `dP/dguess = (1 - L) c (1 - c)`.
            let weight = weight(logit, guess);
            let by = [weight, weight * ability, if guess > 0.0 { guess / p } else { 0.0 }];
            let residual = right * q - wrong * p;
            let variance = (wrong + right) * p * q;
            for row in 0..3 {
                gradient[row] += residual * by[row];
                for column in 0..3 {
                    information[row][column] += variance * by[row] * by[column];
                }
            }
        }
        if let Some((alpha, beta)) = self.prior {
            gradient[2] += (alpha - 1.0) * (1.0 - guess) - (beta - 1.0) * guess;
            information[2][2] += (alpha + beta - 2.0) * guess * (1.0 - guess);
        }
        (gradient, information)
    }

    /// `information^-1 gradient` on the free parameters, 0 on the others.
    fn scoring_step(&self, curve: &Curve) -> [f64; 3] {
        let free = self.kind.parameters();
        let (mut right, mut matrix) = self.derivatives(curve);
        // A positive definite matrix needs no pivoting; a hair on its diagonal keeps it so where the data leave a direction open.
        let trace: f64 = (0..free).map(|row| matrix[row][row]).sum();
        (0..free).for_each(|row| matrix[row][row] += 1e-10 * trace + f64::MIN_POSITIVE);
        for pivot in 0..free {
            for row in pivot + 1..free {
                let factor = matrix[row][pivot] / matrix[pivot][pivot];
                let above = matrix[pivot];
                let cells = matrix[row].iter_mut().zip(above).take(free).skip(pivot);
                cells.for_each(|(cell, above)| *cell -= factor * above);
                right[row] -= factor * right[pivot];
            }
        }
        let mut step = [0.0; 3];
        for row in (0..free).rev() {
            let known: f64 = (row + 1..free).map(|column| matrix[row][column] * step[column]).sum();
            step[row] = (right[row] - known) / matrix[row][row];
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, SeededDraws};

    fn curves(kind: IrtKind) -> Vec<Curve> {
        let mut draws = SeededDraws::new("curves", 1, 0);
        let free = kind.parameters();
        (0..8)
            .map(|_| Curve {
                intercept: draws.normal(),
                slope: if free > 1 { (0.3 * draws.normal()).exp() } else { 1.0 },
                guess: if free > 2 { -1.5 + 0.3 * draws.normal() } else { f64::NEG_INFINITY },
            })
            .collect()
    }

    fn sample(curves: &[Curve], learners: u64) -> Answers {
        let one = |learner| {
            let mut draws = SeededDraws::new("irt sample", 2, learner);
            let ability = draws.normal();
            // About a fifth of the answers are missing.
            let answer = |(item, curve): (usize, &Curve)| {
                let p = curve.item(String::new()).probability(ability);
                let (missing, correct) = (draws.unit() < 0.2, draws.unit() < p);
                (!missing).then_some((item, correct))
            };
            curves.iter().enumerate().filter_map(answer).collect::<Vec<_>>()
        };
        let learners = (0..learners).map(one).filter(|answers| !answers.is_empty()).collect();
        Answers { learners, repeated: 0 }
    }

    const KINDS: [IrtKind; 3] = [IrtKind::One, IrtKind::Two, IrtKind::Three];

    #[test]
    fn gradients_agree_with_finite_differences() {
        let quadrature = Quadrature::new(61);
        for kind in KINDS {
            let curves = curves(kind);
            let (_, expected) = expect(&curves, &sample(&curves, 200), &quadrature);
            let prior = (kind == IrtKind::Three).then_some((5.0, 17.0));
            for (expected, curve) in expected.iter().zip(&curves) {
                let item = Item { expected, abilities: &quadrature.abilities, prior, kind };
                let curve = curve.moved([0.3, -0.2, 0.4], 1.0);
                let (gradient, _) = item.derivatives(&curve);
                for free in 0..kind.parameters() {
                    let mut by = [0.0; 3];
                    by[free] = 1e-5;
                    let slope =
                        (item.value(&curve.moved(by, 1.0)) - item.value(&curve.moved(by, -1.0))) / 2e-5;
                    assert!(
                        (gradient[free] - slope).abs() < 1e-5,
                        "{kind:?} {free}: {} {slope}",
                        gradient[free]
                    );
                }
            }
        }
    }

    /// The expected information is minus the mean second derivative where the counts are those that the curve itself expects.
    #[test]
    fn information_agrees_with_finite_differences() {
        let quadrature = Quadrature::new(41);
        for kind in KINDS {
            for curve in curves(kind) {
                let learners: Vec<f64> = quadrature.log_weights.iter().map(|w| 500.0 * w.exp()).collect();
                let p = |&ability: &f64| curve.item(String::new()).probability(ability);
                let p: Vec<f64> = quadrature.abilities.iter().map(p).collect();
                let wrong = learners.iter().zip(&p).map(|(n, p)| n * (1.0 - p)).collect();
                let right = learners.iter().zip(&p).map(|(n, p)| n * p).collect();
                let expected = [wrong, right];
                let item = Item { expected: &expected, abilities: &quadrature.abilities, prior: None, kind };
                let (gradient, information) = item.derivatives(&curve);
                for row in 0..kind.parameters() {
                    assert!(gradient[row].abs() < 1e-9, "these counts are met exactly");
                    let mut by = [0.0; 3];
                    by[row] = 1e-5;
                    let (up, down) = (curve.moved(by, 1.0), curve.moved(by, -1.0));
                    let (up, down) = (item.derivatives(&up).0, item.derivatives(&down).0);
                    for column in 0..kind.parameters() {
                        let second = (up[column] - down[column]) / 2e-5;
                        let error = (information[row][column] + second).abs();
                        assert!(error < 1e-5, "{kind:?} {row} {column}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_iteration_lowers_what_is_maximised() {
        let quadrature = Quadrature::new(61);
        for (kind, prior) in [
            (IrtKind::One, None),
            (IrtKind::Two, None),
            (IrtKind::Three, None),
            (IrtKind::Three, Some((5.0, 17.0))),
        ] {
            let answers = sample(&curves(kind), 300);
            let start = vec![Curve::start(0.5, kind, prior); 8];
            let mut climb = Climb::new(start, prior, &answers, &quadrature);
            let first = climb.objective();
            for _ in 0..80 {
                let gain = climb.step(kind, &answers, &quadrature);
                assert!(gain > -1e-8, "{kind:?}: {gain}");
            }
            assert!(climb.objective() > first + 10.0);
        }
    }

    #[test]
    fn the_marginal_likelihood_agrees_with_direct_integration() {
        for kind in KINDS {
            let curves = curves(kind);
            let answers = sample(&curves, 20);
            let (mut sum, n) = (0.0, 4_000);
            for answers in &answers.learners {
                let mut integral = 0.0;
                for point in 0..=n {
                    let ability = 18.0 * f64::from(point) / f64::from(n) - 9.0;
                    let mut density = (-0.5 * ability * ability).exp() / std::f64::consts::TAU.sqrt();
                    for &(item, correct) in answers {
                        let p = curves[item].item(String::new()).probability(ability);
                        density *= if correct { p } else { 1.0 - p };
                    }
                    integral += density * 18.0 / f64::from(n);
                }
                sum += integral.ln();
            }
            let (found, expected) = expect(&curves, &answers, &Quadrature::new(61));
            assert!((found - sum).abs() < 1e-6, "{found} {sum}");
            let total: f64 = expected.iter().flatten().flatten().sum();
            let count = answers.learners.iter().map(Vec::len).sum::<usize>() as f64;
            assert!((total - count).abs() < 1e-9);
        }
    }
}
