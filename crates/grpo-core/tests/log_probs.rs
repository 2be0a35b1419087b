//! Log-probabilities where floating point is awkward.

mod support;

use burn::tensor::{DType, Int, Tensor, TensorData};
use grpo_core::{KlEstimator, token_entropies, token_kl, token_log_probs, token_statistics};
use support::{Draw, close, device, matrix};

fn logits(rows: &[f32], vocab: usize) -> Tensor<3> {
    let data = TensorData::new(rows.to_vec(), [1, rows.len() / vocab, vocab]);
    Tensor::<3>::from_data(data, (&device().autodiff(), DType::F32)).require_grad()
}

fn targets(targets: &[i32]) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(targets.to_vec(), [1, targets.len()]), &device())
}

#[test]
fn huge_and_impossible_logits() {
    let inf = f32::NEG_INFINITY;
    let rows = [1e4, 1e4, -1e4, 3e4, inf, inf, inf, 2.0, 2.0, -1e4, -1e4 - 1.0, inf];
    let logits = logits(&rows, 3);
    let statistics = token_statistics(logits.clone(), targets(&[0, 0, 1, 0]), 1.0).unwrap();
    let ln2 = 2f64.ln();
    let last = (1.0 + (-1f64).exp()).ln();
    let p = 1.0 / (1.0 + (-1f64).exp());
    let entropy = -(p * p.ln() + (1.0 - p) * (1.0 - p).ln());
    close("log-probs", &matrix(statistics.log_probs.clone())[0], &[-ln2, 0.0, -ln2, -last], 1e-5).unwrap();
    close("entropies", &matrix(statistics.entropies.clone())[0], &[ln2, 0.0, ln2, entropy], 1e-5).unwrap();
    let grads = (statistics.log_probs + statistics.entropies).sum().backward();
    let gradient: Vec<f32> = logits.grad(&grads).unwrap().into_data().iter().collect();
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    // Of each row the gradient sums to zero, as adding a constant to all logits changes nothing.
    assert!(gradient.chunks(3).all(|row| row.iter().sum::<f32>().abs() < 1e-5), "{gradient:?}");
}

#[test]
fn the_three_functions_agree() {
    let mut rng = Draw(1);
    let rows: Vec<f32> = (0..7 * 11).map(|_| rng.uniform(-4.0, 4.0) as f32).collect();
    let chosen: Vec<i32> = (0..7).map(|_| rng.below(11) as i32).collect();
    for temperature in [0.7, 1.0, 1.3] {
        let both = token_statistics(logits(&rows, 11), targets(&chosen), temperature).unwrap();
        let log_probs = token_log_probs(logits(&rows, 11), targets(&chosen), temperature).unwrap();
        let entropies = token_entropies(logits(&rows, 11), temperature).unwrap();
        assert_eq!(matrix(both.log_probs), matrix(log_probs.clone()));
        assert_eq!(matrix(both.entropies), matrix(entropies.clone()));
        // Against the definition, in f64.
        for (t, row) in rows.chunks(11).enumerate() {
            let weights: Vec<f64> = row.iter().map(|&z| (f64::from(z) / temperature).exp()).collect();
            let total: f64 = weights.iter().sum();
            let entropy: f64 = weights.iter().map(|w| -(w / total) * (w / total).ln()).sum();
            let want = [(weights[chosen[t] as usize] / total).ln(), entropy];
            let got = [matrix(log_probs.clone())[0][t], matrix(entropies.clone())[0][t]];
            close("step", &got, &want, 1e-5).unwrap();
        }
    }
}

#[test]
fn exact_divergence_is_what_the_estimators_estimate() {
    let mut rng = Draw(2);
    let mut draw = || -> Vec<f32> { (0..5).map(|_| rng.uniform(-2.0, 2.0) as f32).collect() };
    let (policy, reference) = (draw(), draw());
    let temperature = 0.8;
    let exact = token_kl(logits(&policy, 5), logits(&reference, 5), temperature).unwrap();
    // k1 and k3 are unbiased: their mean over the policy's own distribution is the divergence.
    let every: Vec<i32> = (0..5).collect();
    let of = |row: &[f32]| {
        matrix(token_log_probs(logits(&row.repeat(5), 5), targets(&every), temperature).unwrap())
    };
    let (log_p, log_q) = (of(&policy), of(&reference));
    let device = device();
    for estimator in [KlEstimator::K1, KlEstimator::K3] {
        let new = support::tensor(&log_p, &device, DType::F32);
        let estimates = matrix(estimator.estimate(new, support::tensor(&log_q, &device, DType::F32)));
        let mean: f64 = estimates[0].iter().zip(&log_p[0]).map(|(k, log_p)| k * log_p.exp()).sum();
        close("divergence", &matrix(exact.clone())[0], &[mean], 1e-5).unwrap();
    }
}

#[test]
fn exact_divergence_has_the_right_gradient() {
    let (policy, reference) = ([0.3_f32, -0.4, 1.1, f32::NEG_INFINITY], [0.1_f32, 0.2, -0.3, 0.4]);
    let leaf = logits(&policy, 4);
    let kl = token_kl(leaf.clone(), logits(&reference, 4), 1.0).unwrap();
    let gradient: Vec<f64> =
        leaf.grad(&kl.clone().sum().backward()).unwrap().into_data().iter::<f64>().collect();
    // ∂KL/∂z_v = p_v · (log p_v − log q_v − KL).
    let softmax = |row: &[f32]| -> Vec<f64> {
        let weights: Vec<f64> = row.iter().map(|&z| f64::from(z).exp()).collect();
        weights.iter().map(|w| w / weights.iter().sum::<f64>()).collect()
    };
    let (p, q) = (softmax(&policy), softmax(&reference));
    let terms: Vec<f64> = p.iter().zip(&q).map(|(p, q)| if *p > 0.0 { (p / q).ln() } else { 0.0 }).collect();
    let divergence: f64 = p.iter().zip(&terms).map(|(p, t)| p * t).sum();
    let want: Vec<f64> = p.iter().zip(&terms).map(|(p, t)| p * (t - divergence)).collect();
    close("divergence", &matrix(kl)[0], &[divergence], 1e-5).unwrap();
    close("gradient", &gradient, &want, 1e-5).unwrap();
}
