use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;

/// Dropout (Srivastava et al. 2014) before an adapter, decided by counting instead of by a generator's state: what is left out depends on
/// the seed, the step, the token's place in its sequence and the projection, so that neither splitting a batch nor resuming a
/// run changes it.
#[derive(Debug, Clone)]
pub(crate) struct Dropout {
    /// Share of inputs that are left out.
    pub(crate) share: f64,
    /// A number for each token of the batch.
    pub(crate) tokens: Arc<[u64]>,
}

impl Dropout {
    /// `x` `[tokens, inputs]` with some entries zero and the others larger by `1 / (1 - share)`. `place` stands for the projection.
    pub(crate) fn apply(&self, x: Tensor<2>, place: usize) -> Tensor<2> {
        let [tokens, inputs] = x.dims();
        let (place, kept) = (place as u64, (1.0 / (1.0 - self.share)) as f32);
        let threshold = (self.share * u32::MAX as f64) as u32;
        let mut factors = Vec::with_capacity(tokens * inputs);
        for &token in self.tokens.iter() {
            let key = mix(token ^ mix(place));
            // One hash decides two inputs.
            for pair in 0..inputs.div_ceil(2) as u64 {
                let bits = mix(key.wrapping_add(pair));
                factors.push(if (bits as u32) < threshold { 0.0 } else { kept });
                factors.push(if ((bits >> 32) as u32) < threshold { 0.0 } else { kept });
            }
            factors.truncate(factors.len() - inputs % 2);
        }
        let factors = Tensor::from_data(TensorData::new(factors, [tokens, inputs]), &x.device());
        x * factors
    }
}

/// SplitMix64's finaliser.
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(share: f64, tokens: usize, inputs: usize, place: usize) -> Vec<f32> {
        let keys: Vec<u64> = (0..tokens as u64).map(mix).collect();
        let dropout = Dropout { share, tokens: keys.into() };
        let ones = Tensor::<2>::ones([tokens, inputs], &grpo_device::from_env().unwrap());
        dropout.apply(ones, place).try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn the_share_is_left_out_and_the_rest_makes_up_for_it() {
        for share in [0.1, 0.25, 0.5, 0.9] {
            // An odd number of inputs leaves half of a hash unused.
            let (tokens, inputs) = (300, 37);
            let found = factors(share, tokens, inputs, 3);
            assert_eq!(found.len(), tokens * inputs);
            let kept = (1.0 / (1.0 - share)) as f32;
            assert!(found.iter().all(|&x| x == 0.0 || x == kept), "{share}");
            let rate = |values: &mut dyn Iterator<Item = f32>| {
                let (mut zeros, mut count) = (0.0, 0.0);
                for value in values {
                    zeros += f64::from(u8::from(value == 0.0));
                    count += 1.0;
                }
                // In standard deviations of so many draws.
                (zeros / count - share) * (count / (share * (1.0 - share))).sqrt()
            };
            let all = rate(&mut found.iter().copied());
            assert!(all.abs() < 4.0, "{share}: {all} deviations from the share");
            // Neither a token nor an input is favoured; the largest of 300 deviations is hardly above 4.
            for token in found.chunks(inputs) {
                let one = rate(&mut token.iter().copied());
                assert!(one.abs() < 5.0, "{share}: {one} deviations in a token");
            }
            for input in 0..inputs {
                let one = rate(&mut found.iter().skip(input).step_by(inputs).copied());
                assert!(one.abs() < 4.5, "{share}: {one} deviations in an input");
            }
        }
    }

    #[test]
    fn every_projection_and_every_token_leaves_out_something_else() {
        let (tokens, inputs) = (40, 64);
        let one = factors(0.5, tokens, inputs, 0);
        assert_eq!(one, factors(0.5, tokens, inputs, 0));
        let agree =
            |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
        for place in 1..8 {
            let share = agree(&one, &factors(0.5, tokens, inputs, place));
            assert!((share - 0.5).abs() < 0.05, "projections 0 and {place} agree on {share}");
        }
        for token in 1..tokens {
            let share = agree(&one[..inputs], &one[token * inputs..(token + 1) * inputs]);
            assert!((share - 0.5).abs() < 0.32, "tokens 0 and {token} agree on {share}");
        }
        // More inputs don't change what is decided for the first ones.
        let wider = factors(0.5, 1, 2 * inputs, 0);
        assert_eq!(wider[..inputs], one[..inputs]);
    }
}
