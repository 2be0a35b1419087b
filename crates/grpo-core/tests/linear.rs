//! Log-probabilities without the logits: values by the definition, gradients by central differences of it, for every way of
//! cutting the logits into tiles.

mod support;

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use grpo_core::{Error, LinearHead, Tiles, linear_kl, linear_log_probs, token_kl, token_statistics};
use support::{Draw, close, device, matrix, precisions};

const EPISODES: usize = 3;
const STEPS: usize = 5;
const TOKENS: usize = EPISODES * STEPS;
const WIDTH: usize = 4;
const VOCAB: usize = 23;

/// Hidden states, weight and bias of one policy, row by row.
#[derive(Clone)]
struct Policy {
    hidden: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl Policy {
    fn draw(seed: u64) -> Self {
        let mut rng = Draw(seed);
        let mut numbers = |n: usize, size: f64| -> Vec<f64> {
            // Exact in f32, so that both precisions compute on the same numbers.
            (0..n).map(|_| f64::from(rng.uniform(-size, size) as f32)).collect()
        };
        Self {
            hidden: numbers(TOKENS * WIDTH, 2.0),
            weight: numbers(VOCAB * WIDTH, 1.0),
            bias: numbers(VOCAB, 1.0),
        }
    }

    fn logits(&self, token: usize, biased: bool, temperature: f64) -> Vec<f64> {
        let hidden = &self.hidden[token * WIDTH..(token + 1) * WIDTH];
        self.weight
            .chunks(WIDTH)
            .zip(&self.bias)
            .map(|(row, bias)| {
                let product: f64 = row.iter().zip(hidden).map(|(w, h)| w * h).sum();
                (product + if biased { *bias } else { 0.0 }) / temperature
            })
            .collect()
    }

    fn log_softmax(&self, token: usize, biased: bool, temperature: f64) -> Vec<f64> {
        let logits = self.logits(token, biased, temperature);
        let lse = logits.iter().map(|z| z.exp()).sum::<f64>().ln();
        logits.iter().map(|z| z - lse).collect()
    }

    fn parts(&mut self) -> [&mut Vec<f64>; 3] {
        [&mut self.hidden, &mut self.weight, &mut self.bias]
    }

    /// Hidden states and head on a device.
    fn tensors(&self, device: &Device, dtype: DType) -> (Tensor<3>, Tensor<2>, Tensor<1>) {
        let data = |values: &[f64]| TensorData::new(values.to_vec(), [values.len()]);
        let on = (device, dtype);
        let hidden = Tensor::<1>::from_data(data(&self.hidden), on).reshape([EPISODES, STEPS, WIDTH]);
        let weight = Tensor::<1>::from_data(data(&self.weight), on).reshape([VOCAB, WIDTH]);
        (hidden, weight, Tensor::from_data(data(&self.bias), on))
    }
}

fn targets() -> Vec<usize> {
    let mut rng = Draw(5);
    // The first and the last entry of the vocabulary are among them.
    [0, VOCAB - 1].into_iter().chain(std::iter::repeat_with(|| rng.below(VOCAB))).take(TOKENS).collect()
}

fn target_tensor(device: &Device) -> Tensor<2, Int> {
    let data: Vec<i32> = targets().iter().map(|&t| t as i32).collect();
    Tensor::from_data(TensorData::new(data, [EPISODES, STEPS]), device)
}

/// What the results are multiplied by, so that every token's gradient is another.
fn coefficients(seed: u64) -> Vec<f64> {
    let mut rng = Draw(seed);
    (0..TOKENS).map(|_| f64::from(rng.uniform(-1.0, 1.0) as f32)).collect()
}

fn grid(values: &[f64], device: &Device, dtype: DType) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [EPISODES, STEPS]), (device, dtype))
}

fn all_tiles() -> Vec<Tiles> {
    let mut tiles = vec![Tiles::fitting(TOKENS, VOCAB, false)];
    for tokens in [1, 4, TOKENS, 99] {
        for vocab in [1, 7, VOCAB, 99] {
            tiles.push(Tiles { tokens, vocab });
        }
    }
    tiles
}

/// Central differences of `f` in every part of a policy.
fn differences(policy: &Policy, f: impl Fn(&Policy) -> f64) -> [Vec<f64>; 3] {
    const H: f64 = 1e-5;
    [0, 1, 2].map(|part| {
        let length = policy.clone().parts()[part].len();
        (0..length)
            .map(|i| {
                let at = |change: f64| {
                    let mut moved = policy.clone();
                    moved.parts()[part][i] += change;
                    f(&moved)
                };
                (at(H) - at(-H)) / (2.0 * H)
            })
            .collect()
    })
}

#[test]
fn values_and_gradients_are_those_of_the_definition_for_every_cut() {
    let (policy, device) = (Policy::draw(1), device());
    let (for_log_prob, for_entropy) = (coefficients(2), coefficients(3));
    for (biased, temperature) in [(false, 1.0), (true, 0.7)] {
        let statistics = |policy: &Policy, token: usize| {
            let log_p = policy.log_softmax(token, biased, temperature);
            (log_p[targets()[token]], -log_p.iter().map(|l| l.exp() * l).sum::<f64>())
        };
        let objective = |policy: &Policy| {
            (0..TOKENS).map(|t| (t, statistics(policy, t))).fold(0.0, |sum, (t, (log_prob, entropy))| {
                sum + for_log_prob[t] * log_prob + for_entropy[t] * entropy
            })
        };
        let want = differences(&policy, objective);
        let (log_probs, entropies): (Vec<f64>, Vec<f64>) =
            (0..TOKENS).map(|t| statistics(&policy, t)).unzip();
        for (dtype, _) in precisions(&device) {
            let tolerance = if dtype == DType::F64 { 1e-8 } else { 1e-5 };
            for tiles in all_tiles() {
                let autodiff = device.clone().autodiff();
                let (hidden, weight, bias) = policy.tensors(&autodiff, dtype);
                let (hidden, weight, bias) =
                    (hidden.require_grad(), weight.require_grad(), bias.require_grad());
                let head = LinearHead::new(weight.clone()).with_tiles(tiles);
                let head = if biased { head.with_bias(bias.clone()) } else { head };
                let got =
                    linear_log_probs(hidden.clone(), &head, target_tensor(&device), temperature).unwrap();
                let what = format!("{dtype:?}, {tiles:?}, biased {biased}");
                let check = |name: &str, got: &[f64], want: &[f64]| {
                    close(name, got, want, tolerance).unwrap_or_else(|e| panic!("{e} ({what})"));
                };
                check("log-probs", &matrix(got.log_probs.clone()).concat(), &log_probs);
                check("entropies", &matrix(got.entropies.clone()).concat(), &entropies);
                let loss = got.log_probs * grid(&for_log_prob, &device, dtype)
                    + got.entropies * grid(&for_entropy, &device, dtype);
                let grads = loss.sum().backward();
                check(
                    "gradient for hidden",
                    &hidden.grad(&grads).unwrap().into_data().iter().collect::<Vec<f64>>(),
                    &want[0],
                );
                check(
                    "gradient for weight",
                    &weight.grad(&grads).unwrap().into_data().iter().collect::<Vec<f64>>(),
                    &want[1],
                );
                match bias.grad(&grads) {
                    Some(gradient) => {
                        check("for bias", &gradient.into_data().iter().collect::<Vec<f64>>(), &want[2])
                    }
                    None => assert!(!biased),
                }
            }
        }
    }
}

#[test]
fn the_exact_divergence_is_too() {
    let (policy, reference, device) = (Policy::draw(11), Policy::draw(12), device());
    let for_kl = coefficients(4);
    for (biased, temperature) in [(false, 1.0), (true, 1.3)] {
        let divergence = |policy: &Policy, token: usize| -> f64 {
            let log_p = policy.log_softmax(token, biased, temperature);
            let log_q = reference.log_softmax(token, biased, temperature);
            log_p.iter().zip(log_q).map(|(p, q)| p.exp() * (p - q)).sum()
        };
        let objective = |policy: &Policy| (0..TOKENS).map(|t| for_kl[t] * divergence(policy, t)).sum::<f64>();
        let want = differences(&policy, objective);
        let values: Vec<f64> = (0..TOKENS).map(|t| divergence(&policy, t)).collect();
        for (dtype, _) in precisions(&device) {
            let tolerance = if dtype == DType::F64 { 1e-8 } else { 2e-5 };
            for tiles in all_tiles() {
                let (hidden, weight, bias) = policy.tensors(&device.clone().autodiff(), dtype);
                let (hidden, weight, bias) =
                    (hidden.require_grad(), weight.require_grad(), bias.require_grad());
                let (ref_hidden, ref_weight, ref_bias) = reference.tensors(&device, dtype);
                let (head, ref_head) = (LinearHead::new(weight.clone()), LinearHead::new(ref_weight));
                let (head, ref_head) = match biased {
                    true => (head.with_bias(bias.clone()), ref_head.with_bias(ref_bias)),
                    false => (head, ref_head),
                };
                let head = head.with_tiles(tiles);
                let got = linear_kl(hidden.clone(), &head, ref_hidden, &ref_head, temperature).unwrap();
                let check = |name: &str, got: Vec<f64>, want: &[f64]| {
                    close(name, &got, want, tolerance)
                        .unwrap_or_else(|e| panic!("{e} ({dtype:?}, {tiles:?})"));
                };
                check("divergence", matrix(got.clone()).concat(), &values);
                let grads = (got * grid(&for_kl, &device, dtype)).sum().backward();
                check("for hidden", hidden.grad(&grads).unwrap().into_data().iter().collect(), &want[0]);
                check("for weight", weight.grad(&grads).unwrap().into_data().iter().collect(), &want[1]);
                if biased {
                    check("for bias", bias.grad(&grads).unwrap().into_data().iter().collect(), &want[2]);
                }
            }
        }
    }
}

#[test]
fn the_dense_path_agrees_and_frozen_parts_get_no_gradient() {
    let (policy, device) = (Policy::draw(21), device());
    let autodiff = device.clone().autodiff();
    let tiles = Tiles { tokens: 4, vocab: 6 };
    let (hidden, weight, bias) = policy.tensors(&autodiff, DType::F32);
    let logits = hidden.clone().reshape([TOKENS, WIDTH]).matmul(weight.clone().transpose())
        + bias.clone().unsqueeze_dim::<2>(0);
    let logits = logits.reshape([EPISODES, STEPS, VOCAB]);
    let dense = token_statistics(logits.clone(), target_tensor(&device), 0.9).unwrap();

    // A frozen head: hidden states alone are trained.
    let hidden = hidden.require_grad();
    let head = LinearHead::new(weight.clone()).with_bias(bias.clone()).with_tiles(tiles);
    let linear = linear_log_probs(hidden.clone(), &head, target_tensor(&device), 0.9).unwrap();
    let flat = |x: Tensor<2>| matrix(x).concat();
    close("log-probs", &flat(linear.log_probs.clone()), &flat(dense.log_probs), 1e-5).unwrap();
    close("entropies", &flat(linear.entropies), &flat(dense.entropies), 1e-5).unwrap();
    let grads = linear.log_probs.sum().backward();
    assert!(hidden.grad(&grads).is_some() && weight.grad(&grads).is_none() && bias.grad(&grads).is_none());

    // A trained head on hidden states that are data.
    let (fixed, weight) = (policy.tensors(&device, DType::F32).0, weight.require_grad());
    let head = LinearHead::new(weight.clone()).with_tiles(tiles);
    let linear = linear_log_probs(fixed.clone(), &head, target_tensor(&device), 0.9).unwrap();
    let grads = linear.log_probs.sum().backward();
    assert!(weight.grad(&grads).is_some());

    // A head that is tied to the embeddings gets both gradients.
    let embeddings = weight.clone();
    let ids = Tensor::<1, Int>::arange(0..TOKENS as i64, &device);
    let embed = || embeddings.clone().select(0, ids.clone());
    let embedded = embed().reshape([EPISODES, STEPS, WIDTH]);
    let tied = linear_log_probs(embedded, &head, target_tensor(&device), 1.0).unwrap();
    let tied = tied.log_probs.sum().backward();
    let logits = embed().matmul(embeddings.clone().transpose());
    let dense =
        token_statistics(logits.reshape([EPISODES, STEPS, VOCAB]), target_tensor(&device), 1.0).unwrap();
    let dense = dense.log_probs.sum().backward();
    close("tied", &flat(embeddings.grad(&tied).unwrap()), &flat(weight.grad(&dense).unwrap()), 1e-5).unwrap();

    // Without a graph.
    let plain = LinearHead::new(weight.inner()).with_tiles(tiles);
    let inner = linear_log_probs(fixed, &plain, target_tensor(&device), 0.9).unwrap();
    assert!(flat(inner.log_probs).iter().all(|l| *l < 0.0));
}

#[test]
fn the_divergence_agrees_with_the_dense_one_and_impossible_actions_are_none() {
    let (policy, reference, device) = (Policy::draw(31), Policy::draw(32), device());
    let (hidden, weight, bias) = policy.tensors(&device, DType::F32);
    let (ref_hidden, ref_weight, ref_bias) = reference.tensors(&device, DType::F32);
    // Entry 3 is impossible for the policy, which the reference need not know; entry 0 for both.
    let exclude = |bias: Tensor<1>, entries: &[usize]| {
        entries.iter().fold(bias, |bias, &e| bias.slice_fill(e..e + 1, f32::NEG_INFINITY))
    };
    let (bias, ref_bias) = (exclude(bias, &[0, 3]), exclude(ref_bias, &[0]));
    let dense = |hidden: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>| {
        let logits = hidden.reshape([TOKENS, WIDTH]).matmul(weight.transpose()) + bias.unsqueeze_dim::<2>(0);
        logits.reshape([EPISODES, STEPS, VOCAB])
    };
    let want = token_kl(
        dense(hidden.clone(), weight.clone(), bias.clone()),
        dense(ref_hidden.clone(), ref_weight.clone(), ref_bias.clone()),
        1.1,
    )
    .unwrap();
    let hidden = hidden.clone().reshape([EPISODES, STEPS, WIDTH]);
    for tiles in all_tiles() {
        let autodiff = device.clone().autodiff();
        let tracked =
            Tensor::<3>::from_data(hidden.clone().into_data(), (&autodiff, DType::F32)).require_grad();
        let head = LinearHead::new(weight.clone()).with_bias(bias.clone()).with_tiles(tiles);
        let ref_head = LinearHead::new(ref_weight.clone()).with_bias(ref_bias.clone());
        let got = linear_kl(tracked.clone(), &head, ref_hidden.clone(), &ref_head, 1.1).unwrap();
        close("divergence", &matrix(got.clone()).concat(), &matrix(want.clone()).concat(), 2e-5).unwrap();
        let statistics = linear_log_probs(tracked.clone(), &head, target_tensor(&device), 1.0).unwrap();
        let entropies = matrix(statistics.entropies.clone()).concat();
        assert!(entropies.iter().all(|h| h.is_finite() && *h > 0.0), "{entropies:?}");
        let grads = (got + statistics.entropies).sum().backward();
        let gradient: Vec<f64> = tracked.grad(&grads).unwrap().into_data().iter().collect();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}, {tiles:?}");
    }
}

#[test]
fn padding_may_hold_anything() {
    let (policy, reference, device) = (Policy::draw(51), Policy::draw(52), device());
    let used: Vec<bool> = (0..TOKENS).map(|t| t % 4 != 3).collect();
    let dtypes = precisions(&device);
    for (tiles, (dtype, _)) in all_tiles().into_iter().flat_map(|t| dtypes.iter().map(move |d| (t, *d))) {
        let mut results = Vec::new();
        for garbage in [0.0, f64::NAN, f64::INFINITY] {
            let mut broken = policy.clone();
            for t in (0..TOKENS).filter(|&t| !used[t]) {
                broken.hidden[t * WIDTH..(t + 1) * WIDTH].fill(garbage);
            }
            let (hidden, weight, bias) = broken.tensors(&device.clone().autodiff(), dtype);
            let (hidden, weight, bias) = (hidden.require_grad(), weight.require_grad(), bias.require_grad());
            let head = LinearHead::new(weight.clone()).with_bias(bias.clone()).with_tiles(tiles);
            // Targets outside the vocabulary, as some libraries mark padding.
            let ids: Vec<i32> =
                targets().iter().zip(&used).map(|(&t, &u)| if u { t as i32 } else { -100 }).collect();
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [EPISODES, STEPS]), &device);
            let statistics = linear_log_probs(hidden.clone(), &head, ids, 0.8).unwrap();
            let (ref_hidden, ref_weight, _) = reference.tensors(&device, dtype);
            let kl = linear_kl(hidden.clone(), &head, ref_hidden, &LinearHead::new(ref_weight), 0.8).unwrap();
            let unused = Tensor::<2, Bool>::from_data(
                TensorData::new(used.iter().map(|u| !u).collect(), [EPISODES, STEPS]),
                &device,
            );
            let select = |x: Tensor<2>| x.mask_fill(unused.clone(), 0.0);
            let loss = select(statistics.log_probs) + select(statistics.entropies) * 0.3 + select(kl) * 0.7;
            let grads = loss.clone().sum().backward();
            let mut all = matrix(loss).concat();
            all.extend(hidden.grad(&grads).unwrap().into_data().iter::<f64>());
            all.extend(weight.grad(&grads).unwrap().into_data().iter::<f64>());
            all.extend(bias.grad(&grads).unwrap().into_data().iter::<f64>());
            assert!(all.iter().all(|x| x.is_finite()), "{garbage} {tiles:?} {dtype:?}");
            results.push(all);
        }
        assert_eq!(results[0], results[1], "{tiles:?}");
        assert_eq!(results[0], results[2], "{tiles:?}");
    }
}

#[test]
fn a_target_outside_the_vocabulary_is_not_a_number() {
    let (hidden, weight, _) = Policy::draw(61).tensors(&device(), DType::F32);
    for target in [-1, -100, VOCAB as i32, i32::MAX] {
        let ids = Tensor::<2, Int>::full([EPISODES, STEPS], target, &device());
        for tiles in all_tiles() {
            let head = LinearHead::new(weight.clone()).with_tiles(tiles);
            let got = linear_log_probs(hidden.clone(), &head, ids.clone(), 1.0).unwrap();
            assert!(matrix(got.log_probs).concat().iter().all(|l| l.is_nan()), "{target}");
            assert!(matrix(got.entropies).concat().iter().all(|h| h.is_finite()));
        }
    }
}

#[test]
fn a_divergence_beyond_all_bounds_that_is_masked_out_leaves_no_trace() {
    let (policy, device) = (Policy::draw(71), device());
    let (hidden, weight, bias) = policy.tensors(&device.clone().autodiff(), DType::F32);
    let (ref_hidden, ref_weight, ref_bias) = policy.tensors(&device, DType::F32);
    // The reference excludes what the policy may do: every divergence is infinite.
    let excluded = ref_bias.slice_fill(2..3, f32::NEG_INFINITY);
    let hidden = hidden.require_grad();
    let (head, ref_head) = (
        LinearHead::new(weight.clone()).with_bias(bias.clone()),
        LinearHead::new(ref_weight.clone()).with_bias(excluded.clone()),
    );
    let linear = linear_kl(hidden.clone(), &head, ref_hidden.clone(), &ref_head, 1.0).unwrap();
    let dense = |hidden: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>| {
        let logits = hidden.reshape([TOKENS, WIDTH]).matmul(weight.transpose()) + bias.unsqueeze_dim::<2>(0);
        logits.reshape([EPISODES, STEPS, VOCAB])
    };
    let dense =
        token_kl(dense(hidden.clone(), weight, bias), dense(ref_hidden, ref_weight, excluded), 1.0).unwrap();
    for kl in [linear, dense] {
        assert!(matrix(kl.clone()).concat().iter().all(|kl| *kl == f64::INFINITY));
        let grads = kl.clamp(-10.0, 10.0).sum().backward();
        let gradient: Vec<f64> = hidden.grad(&grads).unwrap().into_data().iter().collect();
        assert!(gradient.iter().all(|g| *g == 0.0), "{gradient:?}");
    }
}

#[test]
fn other_layouts_types_and_checkpointing_give_the_same() {
    let (policy, device) = (Policy::draw(81), device());
    let tiles = Tiles { tokens: 4, vocab: 6 };
    let run = |device: &Device, dtype: DType, transposed: bool| {
        let (hidden, weight, _) = policy.tensors(&device.clone().autodiff(), dtype);
        let (hidden, weight) = (hidden.require_grad(), weight.require_grad());
        // `[hidden, vocab]` in memory, as a burn `Linear` has it.
        let columns = weight.clone().transpose();
        let head = match transposed {
            true => LinearHead::new((columns * 1.0).transpose()),
            false => LinearHead::new(weight.clone()),
        };
        let got =
            linear_log_probs(hidden.clone(), &head.with_tiles(tiles), target_tensor(device), 0.9).unwrap();
        let grads = (got.log_probs.clone() + got.entropies.clone() * 0.5).sum().backward();
        let mut all = matrix(got.log_probs).concat();
        all.extend(matrix(got.entropies).concat());
        all.extend(hidden.grad(&grads).unwrap().into_data().iter::<f64>());
        let gradient = weight.grad(&grads).unwrap();
        assert_eq!(gradient.dtype(), dtype);
        all.extend(gradient.into_data().iter::<f64>());
        all
    };
    let want = run(&device, DType::F32, false);
    close("transposed", &run(&device, DType::F32, true), &want, 1e-5).unwrap();
    let checkpointing = device.clone().autodiff().gradient_checkpointing();
    let (hidden, weight, _) = policy.tensors(&checkpointing, DType::F32);
    let (hidden, weight) = (hidden.require_grad(), weight.require_grad());
    let head = LinearHead::new(weight.clone()).with_tiles(tiles);
    // A parent that is computed again.
    let got = linear_log_probs(hidden.clone().tanh(), &head, target_tensor(&device), 0.9).unwrap();
    let grads = got.log_probs.sum().backward();
    let plain = device.clone().autodiff();
    let (again, fixed, _) = policy.tensors(&plain, DType::F32);
    let again = again.require_grad();
    let plain =
        linear_log_probs(again.clone().tanh(), &LinearHead::new(fixed), target_tensor(&device), 0.9).unwrap();
    let plain = plain.log_probs.sum().backward();
    let flat = |x: Tensor<3>| -> Vec<f64> { x.into_data().iter().collect() };
    close("checkpointed", &flat(hidden.grad(&grads).unwrap()), &flat(again.grad(&plain).unwrap()), 1e-5)
        .unwrap();
    for dtype in [DType::F16, DType::BF16].into_iter().filter(|dtype| device.supports_dtype(*dtype)) {
        let tolerance = if dtype == DType::F16 { 0.01 } else { 0.06 };
        close(&format!("{dtype:?}"), &run(&device, dtype, false), &want, tolerance).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let device = device();
    let (hidden, weight, bias) = Policy::draw(41).tensors(&device, DType::F32);
    let head = LinearHead::new(weight.clone());
    let call = |hidden: &Tensor<3>, head: &LinearHead| {
        linear_log_probs(hidden.clone(), head, target_tensor(&device), 1.0).unwrap_err()
    };
    let argument = |error: Error| match error {
        Error::Shape { argument, .. } => argument,
        other => panic!("{other}"),
    };
    let narrow = hidden.clone().narrow(2, 0, WIDTH - 1);
    assert_eq!(argument(call(&narrow, &head)), "head.weight");
    assert_eq!(argument(call(&hidden.clone().narrow(0, 0, 2), &head)), "targets");
    let short = LinearHead::new(weight.clone()).with_bias(bias.narrow(0, 0, VOCAB - 1));
    assert_eq!(argument(call(&hidden, &short)), "head.bias");
    for temperature in [0.0, 1e-9, -1.0, f64::NAN, f64::INFINITY] {
        let error = linear_log_probs(hidden.clone(), &head, target_tensor(&device), temperature).unwrap_err();
        assert!(matches!(error, Error::Config { key: "temperature", .. }), "{error}");
    }
    let double = LinearHead::new(weight.clone().cast(DType::F64));
    if support::computes_f64(&device) {
        assert!(matches!(call(&hidden, &double), Error::Type { argument: "head.weight", .. }));
    }
    let other = LinearHead::new(weight.narrow(0, 0, VOCAB - 1));
    let error = linear_kl(hidden.clone(), &head, hidden.clone(), &other, 1.0).unwrap_err();
    assert_eq!(argument(error), "ref_head.weight");
    let error = linear_kl(hidden.clone(), &head, hidden.narrow(1, 0, 2), &head, 1.0).unwrap_err();
    assert_eq!(argument(error), "ref_hidden");
}
