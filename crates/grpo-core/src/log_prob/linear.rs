//! Log-probabilities straight from hidden states and output head, without the logits.

use std::sync::Arc;

use burn::backend::DispatchTensorKind;
use burn::tensor::{Int, Tensor};

use super::op::{self, Plan};
use super::rules::{self, LogitRules, Rules};
use super::{Tiles, TokenStatistics, check_temperature, token_kl, token_statistics};
use crate::Error;

/// The output head of a language model: what turns hidden states into logits, `hidden · weightᵀ + bias`.
#[derive(Debug, Clone)]
pub struct LinearHead {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    tiles: Option<Tiles>,
}

impl LinearHead {
    /// A head of `weight` `[vocab, hidden]`: PyTorch's layout, and that of an embedding matrix which the head is tied to.
    /// (For the `[hidden, vocab]` weight of a burn `Linear`, give `weight.transpose()`: no copy is made.)
    ///
    /// The weight takes part in the gradient if it is tracked; for a frozen head, give `weight.detach()`.
    pub fn new(weight: Tensor<2>) -> Self {
        Self { weight, bias: None, tiles: None }
    }

    /// With a bias `[vocab]`.
    pub fn with_bias(self, bias: Tensor<1>) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// With tiles of another size than [`Tiles::fitting`]. They change time and memory, and results only by rounding.
    pub fn with_tiles(self, tiles: Tiles) -> Self {
        Self { tiles: Some(tiles), ..self }
    }

    /// Checks the head beside hidden states `[episodes, steps, width]`; returns tokens and vocabulary.
    fn check(&self, what: Names, hidden: &Tensor<3>) -> Result<[usize; 2], Error> {
        let ([episodes, steps, width], [vocab, head_width]) = (hidden.dims(), self.weight.dims());
        if hidden.dims().contains(&0) {
            let expected = "at least one episode, one step and one feature".into();
            return Err(Error::Shape { argument: what.hidden, expected, found: hidden.dims().to_vec() });
        }
        if head_width != width || vocab == 0 {
            let expected = format!("[vocab, {width}], as `{}` has {width} features,", what.hidden);
            return Err(Error::Shape { argument: what.weight, expected, found: vec![vocab, head_width] });
        }
        let types =
            [(what.weight, Some(self.weight.dtype())), (what.bias, self.bias.as_ref().map(|b| b.dtype()))];
        for (argument, dtype) in types {
            if let Some(found) = dtype.filter(|dtype| *dtype != hidden.dtype()) {
                return Err(Error::Type { argument, expected: hidden.dtype(), found, beside: what.hidden });
            }
        }
        if let Some(bias) = self.bias.as_ref().filter(|bias| bias.dims() != [vocab]) {
            let expected = format!("[{vocab}], as the weight has {vocab} rows,");
            return Err(Error::Shape { argument: what.bias, expected, found: bias.dims().to_vec() });
        }
        Ok([episodes * steps, vocab])
    }

    /// All logits, `[episodes, steps, vocab]`.
    fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let [episodes, steps, width] = hidden.dims();
        let logits = hidden.reshape([episodes * steps, width]).matmul(self.weight.clone().transpose());
        let logits = match &self.bias {
            Some(bias) => logits + bias.clone().unsqueeze_dim(0),
            None => logits,
        };
        let vocab = self.weight.dims()[0];
        logits.reshape([episodes, steps, vocab])
    }

    /// The bias as `[1, vocab]`, or what stands in its place.
    fn bias_row(&self) -> Tensor<2> {
        match &self.bias {
            Some(bias) => bias.clone().unsqueeze_dim(0),
            None => Tensor::zeros([1, 1], (&self.weight.device().without_autodiff(), self.weight.dtype())),
        }
    }
}

/// What an error calls the parts of a head.
struct Names {
    hidden: &'static str,
    weight: &'static str,
    bias: &'static str,
}

const OWN: Names = Names { hidden: "hidden", weight: "head.weight", bias: "head.bias" };
const REFERENCE: Names = Names { hidden: "ref_hidden", weight: "ref_head.weight", bias: "ref_head.bias" };

/// Log-probability of each target and entropy of each distribution, in nats, from `hidden` `[episodes, steps, width]`
/// and the output head: [`token_statistics`](super::token_statistics) of `hidden · weightᵀ + bias`, of which only one tile
/// exists at a time.
///
/// Differentiable with respect to hidden states, weight and bias; the backward pass computes each tile again. The largest tensor
/// of a training step, the `[tokens, vocab]` logits, and those that follow from it need no memory: for 4096 tokens and a
/// vocabulary of 49,152, tiles of 4 MB take the place of gigabytes. (Logits of up to 16 MB are one tile, which is kept for the backward
/// pass.) What the cut cross-entropy of [Wijmans et al.](https://arxiv.org/abs/2411.09009) and Liger's fused losses do, with
/// the entropy and its gradient as well.
///
/// `temperature` divides the logits, as when sampling. A target outside the vocabulary has the log-probability NaN. Rows that
/// nothing depends on (padding, masked out later) may hold anything: their gradients are exactly zero.
///
/// The operation is this crate's own, and built for the backends among its features; on another backend the logits are formed
/// and the memory is theirs.
///
/// ```
/// use burn::tensor::{Distribution, Int, Tensor};
/// use grpo_core::{LinearHead, linear_log_probs};
///
/// # let device = grpo_device::from_env().expect("a device").autodiff();
/// let hidden = Tensor::<3>::random([2, 5, 8], Distribution::Default, &device).require_grad();
/// let embeddings = Tensor::<2>::random([100, 8], Distribution::Default, &device).require_grad();
/// let targets = Tensor::<2, Int>::ones([2, 5], &device);
/// let statistics = linear_log_probs(hidden, &LinearHead::new(embeddings.clone()), targets, 1.0)?;
/// let gradients = statistics.log_probs.sum().backward();
/// assert_eq!(embeddings.grad(&gradients).unwrap().dims(), [100, 8]);
/// # Ok::<(), grpo_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] where shapes don't fit together, [`Error::Type`] where float types differ, [`Error::Config`] for a
/// temperature below 1e-6.
pub fn linear_log_probs(
    hidden: Tensor<3>,
    head: &LinearHead,
    targets: Tensor<2, Int>,
    temperature: f64,
) -> Result<TokenStatistics, Error> {
    statistics(hidden, head, targets, temperature, None)
}

/// [`linear_log_probs`] of what a sampler drew from: the distribution that its `rules` left of the logits, renormalised. Penalty on
/// the logits (the head's bias included), then temperature, then exclusion. DeepSeek-V3.2
/// ([arXiv:2512.02556](https://arxiv.org/abs/2512.02556)) calls it "keep sampling mask": the policy before an update and the one after
/// are compared on the same ids, and their ratio is 1 where they are equal.
///
/// Shapes are those of [`linear_log_probs`]; [`EpisodeRules`](super::EpisodeRules) `e` are for row `e`. Entropies are those of the
/// renormalised distribution, too. An id that is excluded has a gradient of exactly zero, one under the penalty its branch's
/// factor. A target that is excluded has the log-probability −∞, which is a constant: whatever depends on it, no gradient (and no
/// NaN) comes of it. Rules that change nothing are [`linear_log_probs`], bit for bit.
///
/// Tiles without a rule cost next to nothing more. For the others the lists are looked up tile by tile; away from flex's f32, a penalty
/// and an exclusion each take one bit per logit from host to device. (The ids of a batch are not copied: give an `Arc` to use
/// them again.)
///
/// ```
/// use burn::tensor::{Distribution, Int, Tensor};
/// use grpo_core::{Support, EpisodeRules, LinearHead, LogitRules, linear_log_probs_under};
///
/// # let device = grpo_device::from_env().expect("a device");
/// let hidden = Tensor::<3>::random([1, 2, 8], Distribution::Default, &device);
/// let head = LinearHead::new(Tensor::<2>::random([100, 8], Distribution::Default, &device));
/// let targets = Tensor::<2, Int>::from_data([[42, 7]], &device);
/// // Top-p left two ids at the first step, and one at the second.
/// let allowed = vec![Support::Only(vec![3, 42]), Support::Only(vec![7])];
/// let rules = LogitRules { episodes: vec![EpisodeRules { allowed, ..Default::default() }], ..Default::default() };
/// let statistics = linear_log_probs_under(hidden, &head, targets, 1.0, rules)?;
/// let log_probs: Vec<f32> = statistics.log_probs.into_data().iter().collect();
/// assert!(log_probs[0] < 0.0 && log_probs[1] == 0.0);
/// # Ok::<(), grpo_core::Error>(())
/// ```
///
/// # Errors
///
/// As [`linear_log_probs`]; and [`Error::Length`] for another number of episodes, [`Error::Rule`] for lists that aren't sorted, name
/// an id outside the vocabulary or a step beyond the last one, or leave nothing to choose from, [`Error::Config`] for a penalty below 1e-6.
pub fn linear_log_probs_under(
    hidden: Tensor<3>,
    head: &LinearHead,
    targets: Tensor<2, Int>,
    temperature: f64,
    rules: impl Into<Arc<LogitRules>>,
) -> Result<TokenStatistics, Error> {
    statistics(hidden, head, targets, temperature, Some(rules.into()))
}

fn statistics(
    hidden: Tensor<3>,
    head: &LinearHead,
    targets: Tensor<2, Int>,
    temperature: f64,
    rules: Option<Arc<LogitRules>>,
) -> Result<TokenStatistics, Error> {
    check_temperature(temperature)?;
    let [tokens, vocab] = head.check(OWN, &hidden)?;
    let [episodes, steps, width] = hidden.dims();
    super::check_targets(&targets, hidden.dims(), "hidden")?;
    let rules = match rules {
        Some(rules) => Rules::check(rules, [episodes, steps], vocab)?,
        None => None,
    };
    if !is_served(&hidden) {
        return match &rules {
            Some(rules) => rules::dense_statistics(head.logits(hidden), targets, temperature, rules),
            None => token_statistics(head.logits(hidden), targets, temperature),
        };
    }
    let plan = Plan {
        inverse: 1.0 / temperature,
        tiles: head.tiles.unwrap_or_else(|| Tiles::fitting(tokens, vocab, is_gpu(&hidden))),
        biased: head.bias.is_some(),
        ref_biased: false,
        rules,
    };
    let statistics = op::linear_statistics(
        hidden.reshape([tokens, width]),
        head.weight.clone(),
        head.bias_row(),
        targets.reshape([tokens, 1]),
        plan,
    );
    Ok(TokenStatistics::of(statistics, [episodes, steps]))
}

/// The exact divergence `KL(π ‖ π_ref)` of each step, in nats, `[episodes, steps]`: [`token_kl`](super::token_kl) from
/// hidden states and heads, without either's logits.
///
/// Differentiable with respect to the policy's hidden states, weight and bias; the reference policy is a constant. The tiles are those
/// of `head`. Infinite where the reference excludes (logit −∞) what the policy may do.
///
/// # Errors
///
/// As [`linear_log_probs`].
pub fn linear_kl(
    hidden: Tensor<3>,
    head: &LinearHead,
    ref_hidden: Tensor<3>,
    ref_head: &LinearHead,
    temperature: f64,
) -> Result<Tensor<2>, Error> {
    check_temperature(temperature)?;
    let [tokens, vocab] = head.check(OWN, &hidden)?;
    let [ref_tokens, ref_vocab] = ref_head.check(REFERENCE, &ref_hidden)?;
    if ref_hidden.dims()[..2] != hidden.dims()[..2] {
        let expected = format!("{:?} in front, as in `hidden`,", &hidden.dims()[..2]);
        let found = ref_hidden.dims().to_vec();
        return Err(Error::Shape { argument: REFERENCE.hidden, expected, found });
    }
    if ref_vocab != vocab {
        let expected = format!("{vocab} rows, as `head.weight` has,");
        let found = ref_head.weight.dims().to_vec();
        return Err(Error::Shape { argument: REFERENCE.weight, expected, found });
    }
    if !is_served(&hidden) {
        return token_kl(head.logits(hidden), ref_head.logits(ref_hidden), temperature);
    }
    let [episodes, steps, width] = hidden.dims();
    let ref_width = ref_hidden.dims()[2];
    let plan = Plan {
        inverse: 1.0 / temperature,
        tiles: head.tiles.unwrap_or_else(|| Tiles::fitting(tokens, vocab, is_gpu(&hidden))),
        biased: head.bias.is_some(),
        ref_biased: ref_head.bias.is_some(),
        rules: None,
    };
    let statistics = op::linear_kl(
        [hidden.reshape([tokens, width]), head.weight.clone(), head.bias_row()],
        [ref_hidden.reshape([ref_tokens, ref_width]), ref_head.weight.clone(), ref_head.bias_row()]
            .map(Tensor::inner),
        plan,
    );
    Ok(statistics.narrow(1, 0, 1).reshape([episodes, steps]))
}

/// Whether this crate was built with the operations of a tensor's backend.
pub(super) fn is_served(x: &Tensor<3>) -> bool {
    let kind = &x.clone().into_dispatch().kind;
    is_flex_kind(kind) || is_ndarray_kind(kind) || is_cube_kind(kind)
}

/// Whether a tensor is on a GPU.
fn is_gpu(x: &Tensor<3>) -> bool {
    is_cube_kind(&x.clone().into_dispatch().kind)
}

/// A test for one backend, of tracked tensors and others; false without the backend's feature.
macro_rules! is_kind {
    ($name:ident, $variant:ident, $feature:meta) => {
        fn $name(kind: &DispatchTensorKind) -> bool {
            match kind {
                DispatchTensorKind::Autodiff(inner) => $name(inner),
                #[cfg($feature)]
                DispatchTensorKind::$variant(_) => true,
                #[allow(unreachable_patterns)]
                _ => false,
            }
        }
    };
}

is_kind!(is_flex_kind, Flex, feature = "flex");
is_kind!(is_ndarray_kind, NdArray, feature = "ndarray");
is_kind!(is_cube_kind, Cube, any(feature = "wgpu", feature = "cuda", feature = "rocm"));
