use burn::tensor::{Device, Tensor, TensorData};

/// Rotary position embedding (RoFormer, arXiv:2104.09864), in the arrangement of Hugging Face's Llama: feature `i`
/// of the first half of a head is rotated with feature `i` of the second half by the angle
/// `position * theta^(-2i / head_dim)`.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    /// `[tokens, 1, head_dim / 2]`
    cos: Tensor<3>,
    /// `[tokens, 1, head_dim / 2]`
    sin: Tensor<3>,
}

impl Rotation {
    /// Tables for the given positions. Angles are computed in `f64`.
    pub(crate) fn new(positions: &[usize], head_dim: usize, theta: f64, device: &Device) -> Self {
        let half = head_dim / 2;
        let frequencies: Vec<f64> =
            (0..half).map(|i| theta.powf(-2.0 * i as f64 / head_dim as f64)).collect();
        let (mut cos, mut sin) =
            (Vec::with_capacity(positions.len() * half), Vec::with_capacity(positions.len() * half));
        for &position in positions {
            for frequency in &frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push(c as f32);
                sin.push(s as f32);
            }
        }
        let table = |values| Tensor::from_data(TensorData::new(values, [positions.len(), 1, half]), device);
        Self { cos: table(cos), sin: table(sin) }
    }

    /// Rotates `x` `[tokens, heads, head_dim]`.
    pub(crate) fn apply(&self, x: Tensor<3>) -> Tensor<3> {
        let half = x.dims()[2] / 2;
        let (a, b) = (x.clone().narrow(2, 0, half), x.narrow(2, half, half));
        let first = a.clone() * self.cos.clone() - b.clone() * self.sin.clone();
        let second = b * self.cos.clone() + a * self.sin.clone();
        Tensor::cat(vec![first, second], 2)
    }
}
