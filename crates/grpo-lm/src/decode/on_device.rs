//! Drawing tokens where the logits are: on a GPU, reading them all would cost more than computing them. The host sends one uniform number
//! a row, and reads four numbers a row back.

use burn::tensor::{Int, Tensor, TensorData};
use grpo_rollout::{Choice, Error, Support};

/// Entries of the vocabulary whose probabilities are added up together.
const BLOCK: usize = 256;

/// Whether logits are better left where they are: on everything but a CPU.
pub(super) fn is_better(logits: &Tensor<2>) -> bool {
    match logits.clone().into_dispatch().kind {
        #[cfg(feature = "flex")]
        burn::backend::DispatchTensorKind::Flex(_) => false,
        #[cfg(feature = "ndarray")]
        burn::backend::DispatchTensorKind::NdArray(_) => false,
        _ => true,
    }
}

/// One token for each row of `logits` `[rows, vocab]` by inverting the cumulative distribution at `uniforms`, as
/// [`grpo_rollout::choose`] does; temperature 0 takes the first largest. `None` for a row without a distribution.
///
/// The cumulative sums are taken in two levels, blocks and within a block: a scan over a whole vocabulary is slow on most devices. (A
/// product with a triangular matrix would be faster still, but some devices shorten its factors to ten bits.)
pub(super) fn choose(
    logits: Tensor<2>,
    uniforms: &[f32],
    temperature: f64,
) -> Result<Vec<Option<Choice>>, Error> {
    let ([rows, vocab], device) = (logits.dims(), logits.device());
    let scaled = if temperature > 0.0 { logits / temperature } else { logits };
    let shifted = scaled.clone() - scaled.clone().max_dim(1);
    let weights = shifted.clone().exp();
    let total = weights.clone().sum_dim(1);
    let log_total = total.clone().log();
    // 0 · −∞ is NaN; the limit of p · log p is 0.
    let weighted = (weights.clone() * shifted.clone().clamp_min(-1e30)).sum_dim(1);
    let entropy = log_total.clone() - weighted / total.clone();
    let token = if temperature > 0.0 {
        let uniforms = Tensor::<2>::from_data(TensorData::new(uniforms.to_vec(), [rows, 1]), &device);
        let drawn = invert(weights.clone(), uniforms);
        // Rounding may leave a crumb at the end of a block or of the row, where nothing is possible: the most probable takes it.
        let impossible = weights.gather(1, drawn.clone()).lower_equal_elem(0.0);
        drawn.mask_where(impossible, scaled.argmax(1))
    } else {
        scaled.argmax(1)
    };
    let log_prob = shifted.gather(1, token.clone()) - log_total;
    let read = Tensor::cat(vec![token.float(), log_prob, entropy, total], 1);
    let values = read
        .try_into_vec_as::<f32>()
        .map_err(|e| Error::Policy(format!("the drawn tokens can't be read from the device: {e}")))?;
    Ok(values
        .chunks_exact(4)
        .map(|row| {
            let [action, log_prob, entropy, total] = [row[0], row[1], row[2], row[3]];
            let sound = total.is_finite() && total > 0.0 && log_prob.is_finite() && (action as usize) < vocab;
            let action = action as u32;
            sound.then_some(Choice { action, log_prob, entropy, support: Support::All })
        })
        .collect())
}

/// For each row the first entry at which the sum of weights so far exceeds a share of the whole, `shares` `[rows, 1]`.
fn invert(weights: Tensor<2>, shares: Tensor<2>) -> Tensor<2, Int> {
    let ([rows, vocab], device) = (weights.dims(), weights.device());
    let blocks = vocab.div_ceil(BLOCK);
    let missing = blocks * BLOCK - vocab;
    let weights = match missing {
        0 => weights,
        _ => Tensor::cat(vec![weights, Tensor::zeros([rows, missing], &device)], 1),
    };
    let weights = weights.reshape([rows, blocks, BLOCK]);
    let sums: Tensor<2> = weights.clone().sum_dim(2).squeeze_dim(2);
    let until = sums.clone().cumsum(1);
    let target = shares * until.clone().narrow(1, blocks - 1, 1);
    let block = first_beyond(&until, &target);
    let before = until.gather(1, block.clone()) - sums.gather(1, block.clone());
    let place = block.clone().unsqueeze_dim::<3>(2).repeat_dim(2, BLOCK);
    let within: Tensor<2> = weights.gather(1, place).squeeze_dim(1);
    let entry = first_beyond(&within.cumsum(1), &(target - before));
    (block.mul_scalar(BLOCK as i32) + entry).clamp_max(vocab as i32 - 1)
}

/// How many entries of each rising row are not larger than the target, but at most the last place.
fn first_beyond(rising: &Tensor<2>, target: &Tensor<2>) -> Tensor<2, Int> {
    let last = rising.dims()[1] as i32 - 1;
    let target = target.clone().repeat_dim(1, rising.dims()[1]);
    rising.clone().lower_equal(target).int().sum_dim(1).clamp_max(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use grpo_rollout::Streams;
    use rand_chacha::rand_core::RngCore;

    #[test]
    fn tokens_and_numbers_are_those_of_the_host() {
        let device = grpo_device::from_env().unwrap();
        for (vocab, temperature) in [(7, 1.0), (256, 0.7), (300, 1.5), (1000, 0.0), (5000, 1.0)] {
            let rows = 40;
            let mut rng = Streams::new(3).stream(vocab as u64, 0, 0);
            let mut noise = || (rng.next_u32() as f32 / u32::MAX as f32 - 0.5) * 8.0;
            let mut logits: Vec<f32> = (0..rows * vocab).map(|_| noise()).collect();
            logits[3] = f32::NEG_INFINITY;
            let mut generators: Vec<_> =
                (0..rows).map(|row| Streams::new(9).stream(1, row as u64, 0)).collect();
            let host: Vec<Choice> = logits
                .chunks(vocab)
                .zip(&mut generators.clone())
                .map(|(row, rng)| grpo_rollout::choose(row, temperature, rng).unwrap())
                .collect();
            let uniforms: Vec<f32> = generators.iter_mut().map(super::super::rows::uniform).collect();
            let logits = Tensor::from_data(TensorData::new(logits, [rows, vocab]), &device);
            let drawn = choose(logits, &uniforms, temperature).unwrap();
            let mut other = 0;
            for (got, want) in drawn.into_iter().zip(host) {
                let got = got.unwrap();
                // At a boundary between two tokens, single precision may fall on the other side.
                if got.action != want.action {
                    other += 1;
                    continue;
                }
                assert!((got.log_prob - want.log_prob).abs() < 1e-4, "{got:?} {want:?}");
                assert!((got.entropy - want.entropy).abs() < 1e-4, "{got:?} {want:?}");
            }
            assert!(other <= 1, "{other} of {rows} at {vocab}");
        }
    }

    #[test]
    fn a_row_without_a_distribution_is_none() {
        let device = grpo_device::from_env().unwrap();
        let logits = Tensor::<2>::from_floats([[0.0, f32::NAN, 1.0], [0.0, 1.0, 2.0]], &device);
        let drawn = choose(logits, &[0.5, 0.5], 1.0).unwrap();
        assert!(drawn[0].is_none() && drawn[1].is_some());
    }
}
