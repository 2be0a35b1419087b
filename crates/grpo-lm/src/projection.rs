use crate::dropout::Dropout;
use burn::{
    module::{Module, Param},
    tensor::{DType, Tensor, module::linear},
};

/// A linear map, with a low-rank adapter beside it where one is trained (LoRA, arXiv:2106.09685):
///
/// ```text
/// y = x W + b + scale · (x A) B          A [inputs, rank], B [rank, outputs]
/// ```
#[derive(Module, Debug)]
pub(crate) struct Projection {
    /// `[inputs, outputs]`: the transpose of what files hold.
    pub(crate) weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub(crate) bias: Option<Param<Tensor<1>>>,
    pub(crate) lora: Option<Lora>,
}

/// The low-rank factors of an adapter.
#[derive(Module, Debug)]
pub(crate) struct Lora {
    /// `[inputs, rank]`.
    pub(crate) a: Param<Tensor<2>>,
    /// `[rank, outputs]`.
    pub(crate) b: Param<Tensor<2>>,
    /// `alpha / rank`, or `alpha / sqrt(rank)`.
    pub(crate) scale: f64,
    /// Which of the decoder's projections it belongs to.
    pub(crate) place: usize,
}

impl Projection {
    /// `[tokens, inputs]` to `[tokens, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<2>, dropout: Option<&Dropout>) -> Tensor<2> {
        let bias = self.bias.as_ref().map(Param::val);
        let Some(lora) = &self.lora else { return linear(x, self.weight.val(), bias) };
        let added = lora.forward(x.clone(), dropout);
        linear(x, self.weight.val(), bias) + added
    }

    /// The weight with the adapter's part added to it.
    pub(crate) fn merged(&self) -> Tensor<2> {
        let weight = self.weight.val();
        match &self.lora {
            None => weight,
            Some(lora) => {
                let dtype = weight.dtype();
                let part = lora.a.val().matmul(lora.b.val()).mul_scalar(lora.scale);
                (weight.cast(DType::F32) + part).cast(dtype)
            }
        }
    }
}

impl Lora {
    fn forward(&self, x: Tensor<2>, dropout: Option<&Dropout>) -> Tensor<2> {
        let dtype = x.dtype();
        let x = x.cast(DType::F32);
        let x = match dropout {
            Some(dropout) => dropout.apply(x, self.place),
            None => x,
        };
        x.matmul(self.a.val()).matmul(self.b.val()).mul_scalar(self.scale).cast(dtype)
    }
}
