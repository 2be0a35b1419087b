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
