//! Log-probabilities under a sampler's rules: values by the definition, gradients by central differences of it, for every way of
//! cutting the logits into tiles.

mod support;

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use grpo_core::{
    EpisodeRules, Error, LinearHead, LogitRules, Support, Tiles, TokenStatistics, linear_log_probs,
    linear_log_probs_under,
};
use support::{Draw, close, device, matrix, precisions};

/// Hidden states, head, rules and targets, and what the results are multiplied by.
#[derive(Clone)]
struct Problem {
    episodes: usize,
    steps: usize,
    width: usize,
    vocab: usize,
    temperature: f64,
    biased: bool,
    /// Hidden states, weight, bias, row by row.
    parts: [Vec<f64>; 3],
    rules: LogitRules,
    targets: Vec<u32>,
    for_log_prob: Vec<f64>,
    for_entropy: Vec<f64>,
}

impl Problem {
    fn draw(seed: u64) -> Self {
        let mut rng = Draw(seed);
        let (episodes, steps, width) = (1 + rng.below(3), 1 + rng.below(5), 1 + rng.below(4));
        // Up to three words of bits.
        let vocab = 2 + rng.below(80);
        let tokens = episodes * steps;
        let penalty = [1.0, 1.3, 0.75][rng.below(3)];
        let rules = LogitRules {
            repetition_penalty: penalty,
            episodes: (0..episodes).map(|_| draw_rules(&mut rng, steps, vocab)).collect(),
        };
        let targets = (0..tokens)
            .map(|token| {
                let ids: Vec<u32> =
                    (0..vocab as u32).filter(|&id| allows(&rules, steps, token, id)).collect();
                ids[rng.below(ids.len())]
            })
            .collect();
        // Exact in f32, so that both precisions compute on the same numbers.
        let mut numbers = |n: usize, size: f64| -> Vec<f64> {
            (0..n).map(|_| f64::from(rng.uniform(-size, size) as f32)).collect()
        };
        let parts = [numbers(tokens * width, 2.0), numbers(vocab * width, 1.0), numbers(vocab, 1.0)];
        let (for_log_prob, for_entropy) = (numbers(tokens, 1.0), numbers(tokens, 1.0));
        let temperature = [1.0, 0.7, 1.6][seed as usize % 3];
        let biased = seed % 2 == 1;
        Self {
            episodes,
            steps,
            width,
            vocab,
            temperature,
            biased,
            parts,
            rules,
            targets,
            for_log_prob,
            for_entropy,
        }
    }

    fn tokens(&self) -> usize {
        self.episodes * self.steps
    }

    /// The log-probabilities of a token's whole distribution, by the definition.
    fn log_p(&self, token: usize) -> Vec<f64> {
        let [hidden, weight, bias] = &self.parts;
        let hidden = &hidden[token * self.width..(token + 1) * self.width];
        let logits = (0..self.vocab).map(|id| {
            let row = &weight[id * self.width..(id + 1) * self.width];
            let product: f64 = row.iter().zip(hidden).map(|(w, h)| w * h).sum();
            let z = product + if self.biased { bias[id] } else { 0.0 };
            let penalty = self.rules.repetition_penalty;
            let z = match penalises(&self.rules, self.steps, token, id as u32) {
                true if z > 0.0 => z / penalty,
                true => z * penalty,
                false => z,
            };
            let allowed = allows(&self.rules, self.steps, token, id as u32);
            if allowed { z / self.temperature } else { f64::NEG_INFINITY }
        });
        let logits: Vec<f64> = logits.collect();
        let lse = logits.iter().map(|z| z.exp()).sum::<f64>().ln();
        logits.iter().map(|z| z - lse).collect()
    }

    /// Log-probability of the target, and entropy.
    fn statistics(&self, token: usize) -> (f64, f64) {
        let log_p = self.log_p(token);
        let possible = log_p.iter().filter(|l| l.is_finite());
        (log_p[self.targets[token] as usize], -possible.map(|l| l.exp() * l).sum::<f64>())
    }

    fn objective(&self) -> f64 {
        (0..self.tokens()).fold(0.0, |sum, token| {
            let (log_prob, entropy) = self.statistics(token);
            sum + self.for_log_prob[token] * log_prob + self.for_entropy[token] * entropy
        })
    }

    /// Central differences of the objective in every part.
    fn differences(&self) -> [Vec<f64>; 3] {
        const H: f64 = 1e-5;
        [0, 1, 2].map(|part| {
            let at = |i: usize, change: f64| {
                let mut moved = self.clone();
                moved.parts[part][i] += change;
                moved.objective()
            };
            (0..self.parts[part].len()).map(|i| (at(i, H) - at(i, -H)) / (2.0 * H)).collect()
        })
    }

    fn all_tiles(&self) -> Vec<Tiles> {
        let mut tiles = vec![Tiles::fitting(self.tokens(), self.vocab, false)];
        for tokens in [1, 4, 99] {
            tiles.extend([1, 7, 32, 99].map(|vocab| Tiles { tokens, vocab }));
        }
        tiles
    }

    /// In the type of the results, which is f32 at least.
    fn grid(&self, values: &[f64], device: &Device, dtype: DType) -> Tensor<2> {
        let dtype = if dtype == DType::F64 { dtype } else { DType::F32 };
        Tensor::from_data(TensorData::new(values.to_vec(), [self.episodes, self.steps]), (device, dtype))
    }

    fn target_tensor(&self, device: &Device) -> Tensor<2, Int> {
        let targets: Vec<i32> = self.targets.iter().map(|&target| target as i32).collect();
        Tensor::from_data(TensorData::new(targets, [self.episodes, self.steps]), device)
    }

    fn run(&self, device: &Device, dtype: DType, tiles: Tiles, rules: Option<&LogitRules>) -> Results {
        self.run_with(device, dtype, tiles, rules, |statistics| {
            statistics.log_probs * self.grid(&self.for_log_prob, device, dtype)
                + statistics.entropies * self.grid(&self.for_entropy, device, dtype)
        })
    }

    /// The operation, under rules or without them, and the gradients of a loss.
    fn run_with(
        &self,
        device: &Device,
        dtype: DType,
        tiles: Tiles,
        rules: Option<&LogitRules>,
        loss: impl Fn(TokenStatistics) -> Tensor<2>,
    ) -> Results {
        let autodiff = device.clone().autodiff();
        let [hidden, weight, bias] = &self.parts;
        let leaf = |values: &[f64], shape: [usize; 2]| {
            let data = TensorData::new(values.to_vec(), shape);
            Tensor::<2>::from_data(data, (&autodiff, dtype)).require_grad()
        };
        let hidden = leaf(hidden, [self.tokens(), self.width]);
        let weight = leaf(weight, [self.vocab, self.width]);
        let bias = leaf(bias, [1, self.vocab]);
        let head = LinearHead::new(weight.clone()).with_tiles(tiles);
        let head = if self.biased { head.with_bias(bias.clone().reshape([self.vocab])) } else { head };
        let states = hidden.clone().reshape([self.episodes, self.steps, self.width]);
        let targets = self.target_tensor(device);
        let got = match rules {
            Some(rules) => linear_log_probs_under(states, &head, targets, self.temperature, rules.clone()),
            None => linear_log_probs(states, &head, targets, self.temperature),
        };
        let got = got.unwrap();
        let grads = loss(got.clone()).sum().backward();
        let gradient = |x: Tensor<2>| matrix(x.grad(&grads).expect("a gradient")).concat();
        Results {
            log_probs: matrix(got.log_probs).concat(),
            entropies: matrix(got.entropies).concat(),
            hidden: gradient(hidden),
            weight: gradient(weight),
            bias: if self.biased { gradient(bias) } else { Vec::new() },
        }
    }
}

#[derive(Debug, PartialEq)]
struct Results {
    log_probs: Vec<f64>,
    entropies: Vec<f64>,
    hidden: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl Results {
    fn gradients(&self) -> impl Iterator<Item = f64> {
        self.hidden.iter().chain(&self.weight).chain(&self.bias).copied()
    }
}

fn draw_rules(rng: &mut Draw, steps: usize, vocab: usize) -> EpisodeRules {
    let ids = |rng: &mut Draw, one_in: usize| -> Vec<u32> {
        (0..vocab as u32).filter(|_| rng.below(one_in) == 0).collect()
    };
    let seen = ids(rng, 3).into_iter().map(|id| (id, rng.below(steps + 1))).collect();
    // Lists may end before the steps do.
    let allowed = (0..rng.below(steps + 1)).map(|_| match rng.below(4) {
        0 => Support::All,
        1 => Support::Without(ids(rng, 6).into_iter().take(vocab - 1).collect()),
        kind => {
            let mut some = ids(rng, if kind == 2 { 2 } else { 12 });
            if some.is_empty() {
                some.push(rng.below(vocab) as u32);
            }
            Support::Only(some)
        }
    });
    EpisodeRules { seen, allowed: allowed.collect() }
}

fn allows(rules: &LogitRules, steps: usize, token: usize, id: u32) -> bool {
    match rules.episodes[token / steps].allowed.get(token % steps) {
        None | Some(Support::All) => true,
        Some(Support::Only(ids)) => ids.contains(&id),
        Some(Support::Without(ids)) => !ids.contains(&id),
    }
}

fn penalises(rules: &LogitRules, steps: usize, token: usize, id: u32) -> bool {
    rules.episodes[token / steps].seen.iter().any(|&(seen, from)| seen == id && from <= token % steps)
}

#[test]
fn values_and_gradients_are_those_of_the_definition_for_every_cut() {
    let device = device();
    for seed in 0..24 {
        let problem = Problem::draw(seed);
        let want = problem.differences();
        let (log_probs, entropies): (Vec<f64>, Vec<f64>) =
            (0..problem.tokens()).map(|token| problem.statistics(token)).unzip();
        for (dtype, _) in precisions(&device) {
            let tolerance = if dtype == DType::F64 { 1e-7 } else { 2e-5 };
            for tiles in problem.all_tiles() {
                let got = problem.run(&device, dtype, tiles, Some(&problem.rules));
                let check = |name: &str, got: &[f64], want: &[f64]| {
                    close(name, got, want, tolerance)
                        .unwrap_or_else(|e| panic!("{e} (problem {seed}, {dtype:?}, {tiles:?})"));
                };
                check("log-probs", &got.log_probs, &log_probs);
                check("entropies", &got.entropies, &entropies);
                check("gradient for hidden", &got.hidden, &want[0]);
                check("gradient for weight", &got.weight, &want[1]);
                if problem.biased {
                    check("gradient for bias", &got.bias, &want[2]);
                }
                // An id that no step could choose has no gradient at all.
                for id in 0..problem.vocab {
                    let chosen = |token| allows(&problem.rules, problem.steps, token, id as u32);
                    if !(0..problem.tokens()).any(chosen) {
                        let row = &got.weight[id * problem.width..(id + 1) * problem.width];
                        assert!(row.iter().all(|g| *g == 0.0), "{id}: {row:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn rules_that_change_nothing_give_the_same_bits() {
    let device = device();
    for seed in 0..6 {
        let problem = Problem::draw(seed);
        let every = |rules: EpisodeRules| vec![rules; problem.episodes];
        let seen: Vec<(u32, usize)> = (0..problem.vocab as u32).map(|id| (id, 0)).collect();
        let later = seen.iter().map(|&(id, _)| (id, problem.steps)).collect();
        let without = vec![Support::Without(Vec::new()); problem.steps];
        let rules = [
            LogitRules::default(),
            LogitRules { repetition_penalty: 1.5, episodes: Vec::new() },
            LogitRules { repetition_penalty: 1.5, episodes: every(EpisodeRules::default()) },
            LogitRules {
                repetition_penalty: 1.5,
                episodes: every(EpisodeRules { seen: later, allowed: without }),
            },
            LogitRules {
                repetition_penalty: 1.0,
                episodes: every(EpisodeRules { seen, allowed: vec![Support::All] }),
            },
        ];
        for (dtype, _) in precisions(&device) {
            for tiles in problem.all_tiles() {
                let want = problem.run(&device, dtype, tiles, None);
                for rules in &rules {
                    assert_eq!(problem.run(&device, dtype, tiles, Some(rules)), want, "{rules:?} {tiles:?}");
                }
            }
        }
    }
}

#[test]
fn tokens_without_rules_are_as_if_there_were_none() {
    let device = device();
    // One token under rules, of several.
    let mut problem = Problem::draw(4);
    (problem.episodes, problem.steps) = (2, 3);
    problem.parts[0] = (0..6 * problem.width).map(|i| f64::from(i as f32 * 0.37).sin()).collect();
    problem.parts[0].iter_mut().for_each(|x| *x = f64::from(*x as f32));
    (problem.for_log_prob, problem.for_entropy) = (vec![0.7; 6], vec![-0.4; 6]);
    problem.targets = vec![1; 6];
    let ruled = EpisodeRules { seen: vec![(0, 2)], allowed: vec![Support::All, Support::Only(vec![0, 1])] };
    let rules = LogitRules { repetition_penalty: 1.4, episodes: vec![EpisodeRules::default(), ruled] };
    for (dtype, _) in precisions(&device) {
        for tiles in problem.all_tiles() {
            let plain = problem.run(&device, dtype, tiles, None);
            let got = problem.run(&device, dtype, tiles, Some(&rules));
            for token in 0..6 {
                let of = |results: &Results| {
                    let gradient = &results.hidden[token * problem.width..(token + 1) * problem.width];
                    (results.log_probs[token], results.entropies[token], gradient.to_vec())
                };
                assert_eq!(of(&got) == of(&plain), token < 4, "token {token}, {tiles:?}");
            }
        }
    }
}

#[test]
fn a_target_that_is_not_allowed_is_impossible_and_leaves_no_gradient() {
    let device = device();
    let problem = Problem::draw(9);
    let (token, steps) = (0, problem.steps);
    let mut rules = problem.rules.clone();
    let other = (problem.targets[token] + 1) % problem.vocab as u32;
    for kind in [
        Support::Without(vec![problem.targets[token]]),
        Support::Only(vec![other]),
        Support::Only({
            let mut ids: Vec<u32> = (0..problem.vocab as u32).filter(|id| id % 2 == other % 2).collect();
            ids.retain(|id| *id != problem.targets[token]);
            ids
        }),
    ] {
        match rules.episodes[token / steps].allowed.first_mut() {
            Some(first) => *first = kind,
            None => rules.episodes[token / steps].allowed.push(kind),
        }
        for (dtype, _) in precisions(&device) {
            for tiles in problem.all_tiles() {
                let mut without = problem.clone();
                without.for_log_prob[token] = 0.0;
                // What comes back from an infinite log-probability is infinite or NaN: none of it may go on.
                let got = problem.run_with(&device, dtype, tiles, Some(&rules), |x| {
                    let [u, w] = [&problem.for_log_prob, &problem.for_entropy]
                        .map(|values| problem.grid(values, &device, dtype));
                    let log_probs = x.log_probs.clone();
                    log_probs.clone() * u + x.entropies * w + (log_probs.clone() - log_probs) * 0.1
                });
                assert_eq!(got.log_probs[token], f64::NEG_INFINITY);
                assert!(got.entropies[token].is_finite() && got.entropies[token] >= -1e-6);
                let want = without.run_with(&device, dtype, tiles, Some(&rules), |x| {
                    let impossible = x.log_probs.clone().lower_elem(-1e30);
                    let [u, w] = [&without.for_log_prob, &without.for_entropy]
                        .map(|values| without.grid(values, &device, dtype));
                    x.log_probs.mask_fill(impossible, 0.0) * u + x.entropies * w
                });
                assert!(got.gradients().all(f64::is_finite), "{tiles:?}");
                close(
                    "gradients",
                    &got.gradients().collect::<Vec<_>>(),
                    &want.gradients().collect::<Vec<_>>(),
                    1e-6,
                )
                .unwrap();
                let squared = problem.run_with(&device, dtype, tiles, Some(&rules), |x| {
                    x.log_probs.clone() * x.log_probs.clone() + x.log_probs.exp() * 0.5
                });
                assert!(squared.gradients().all(f64::is_finite), "{tiles:?}");
            }
        }
    }
}

#[test]
fn padding_may_hold_anything() {
    let device = device();
    for seed in [5, 7, 8] {
        let problem = Problem::draw(seed);
        let used: Vec<bool> = (0..problem.tokens()).map(|token| token % 3 != 1).collect();
        let unused = Tensor::<2, Bool>::from_data(
            TensorData::new(used.iter().map(|used| !used).collect(), [problem.episodes, problem.steps]),
            &device,
        );
        for (dtype, _) in precisions(&device) {
            for tiles in problem.all_tiles() {
                let results = [0.0, f64::NAN, f64::INFINITY].map(|garbage| {
                    let mut broken = problem.clone();
                    for token in (0..problem.tokens()).filter(|&token| !used[token]) {
                        broken.parts[0][token * problem.width..(token + 1) * problem.width].fill(garbage);
                    }
                    let got = broken.run_with(&device, dtype, tiles, Some(&problem.rules), |x| {
                        x.log_probs.mask_fill(unused.clone(), 0.0)
                            + x.entropies.mask_fill(unused.clone(), 0.0) * 0.3
                    });
                    let gradients: Vec<f64> = got.gradients().collect();
                    assert!(gradients.iter().all(|g| g.is_finite()), "{garbage} {tiles:?} {dtype:?}");
                    gradients
                });
                assert_eq!(results[0], results[1], "{tiles:?}");
                assert_eq!(results[0], results[2], "{tiles:?}");
            }
        }
    }
}

#[test]
fn narrower_types_and_checkpointing_give_the_same() {
    let device = device();
    let problem = Problem::draw(13);
    let tiles = Tiles { tokens: 4, vocab: 33 };
    let want = problem.run(&device, DType::F32, tiles, Some(&problem.rules));
    let checkpointing = device.clone().autodiff().gradient_checkpointing();
    let got = problem.run(&checkpointing, DType::F32, tiles, Some(&problem.rules));
    assert_eq!(got, want);
    for dtype in [DType::F16, DType::BF16].into_iter().filter(|dtype| device.supports_dtype(*dtype)) {
        let tolerance = if dtype == DType::F16 { 0.01 } else { 0.06 };
        let got = problem.run(&device, dtype, tiles, Some(&problem.rules));
        close(&format!("{dtype:?}"), &got.log_probs, &want.log_probs, tolerance).unwrap();
        let of = |results: &Results| results.gradients().collect::<Vec<f64>>();
        close(&format!("{dtype:?}"), &of(&got), &of(&want), tolerance).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let device = device();
    let hidden = Tensor::<3>::ones([2, 3, 4], &device);
    let head = LinearHead::new(Tensor::<2>::ones([10, 4], &device));
    let call = |rules: LogitRules| {
        let targets = Tensor::<2, Int>::ones([2, 3], &device);
        linear_log_probs_under(hidden.clone(), &head, targets, 1.0, rules).unwrap_err()
    };
    let second = |seen: &[(u32, usize)], allowed: Vec<Support>| LogitRules {
        repetition_penalty: 1.2,
        episodes: vec![EpisodeRules::default(), EpisodeRules { seen: seen.to_vec(), allowed }],
    };
    for repetition_penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = call(LogitRules { repetition_penalty, ..Default::default() });
        assert!(matches!(error, Error::Config { key: "repetition_penalty", .. }), "{error}");
    }
    let error = call(LogitRules { episodes: vec![EpisodeRules::default()], ..Default::default() });
    assert!(matches!(error, Error::Length { argument: "rules.episodes", expected: 2, found: 1, .. }));
    let named = |rules: LogitRules, want: (&str, usize)| {
        let error = call(rules);
        let Error::Rule { episode: 1, list, index, .. } = error else { panic!("{error}") };
        assert_eq!((list, index), want);
    };
    named(second(&[(3, 0), (3, 1)], vec![]), ("seen", 1));
    named(second(&[(3, 0), (10, 1)], vec![]), ("seen", 1));
    named(second(&[], vec![Support::All; 4]), ("allowed", 3));
    named(second(&[], vec![Support::All, Support::Only(vec![])]), ("allowed", 1));
    named(second(&[], vec![Support::Without((0..10).collect())]), ("allowed", 0));
    named(second(&[], vec![Support::Only(vec![4, 2])]), ("allowed", 0));
    named(second(&[], vec![Support::Without(vec![2, 2])]), ("allowed", 0));
    named(second(&[], vec![Support::All, Support::All, Support::Only(vec![10])]), ("allowed", 2));
}
