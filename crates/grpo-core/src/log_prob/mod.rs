//! From logits to log-probabilities and entropies.
//!
//! ```text
//! z = logits / temperature,   y = z − max z,   s = Σ_v exp(y_v)
//! log p(a) = y_a − log s,     H = log s − Σ_v exp(y_v)·y_v / s
//! ```
//!
//! Only the target's logit and the sums are formed. A full `log_softmax` would write another tensor of the
//! size of the logits, the largest of a training step, and on burn's CPU backends it is composed of several
//! passes. Where this crate was built for a tensor's backend, they are one operation that keeps the logits and four
//! numbers per token; on flex, values and gradient are one pass over the logits each.
//!
//! A language model's logits need not exist at all: [`linear_log_probs`] goes from hidden states and output head to
//! the same numbers, tile by tile. [`linear_log_probs_under`] does so for what a sampler left of the distribution (top-k, top-p,
//! min-p, a repetition penalty): [`LogitRules`].
//!
//! Logits narrower than f32 are widened first: a sum over a vocabulary means nothing in half precision.

mod composed;
#[cfg(feature = "flex")]
mod fused;
#[cfg(feature = "flex")]
mod kernel;
mod linear;
mod op;
mod rules;
mod support;
mod tiles;

use burn::tensor::{Int, Tensor};

pub use linear::{LinearHead, linear_kl, linear_log_probs, linear_log_probs_under};
pub use rules::{EpisodeRules, LogitRules};
pub use support::Support;
pub use tiles::Tiles;

use crate::{Error, mask};

/// What an objective needs to know about each step's distribution, `[episodes, steps]` each.
#[derive(Debug, Clone)]
pub struct TokenStatistics {
    /// The log-probability of the target, in nats.
    pub log_probs: Tensor<2>,
    /// The entropy of the whole distribution, in nats.
    pub entropies: Tensor<2>,
}

/// The log-probability of each target, in nats: `logits` `[episodes, steps, vocab]` and `targets`
/// `[episodes, steps]` to `[episodes, steps]`.
///
/// `temperature` divides the logits, as when sampling, so that the log-probabilities are those of the
/// distribution that was sampled from. Differentiable with respect to the logits. A logit of −∞ stands for an
/// impossible action.
///
/// # Errors
///
/// [`Error::Shape`] when `targets` doesn't fit `logits` or the vocabulary is empty, [`Error::Config`] for a
/// temperature below 1e-6.
pub fn token_log_probs(
    logits: Tensor<3>,
    targets: Tensor<2, Int>,
    temperature: f64,
) -> Result<Tensor<2>, Error> {
    check_targets(&targets, logits.dims(), "logits")?;
    check(&logits, temperature)?;
    if linear::is_served(&logits) {
        return Ok(statistics_by_op(logits, targets, temperature).log_probs);
    }
    Ok(Parts::new(logits, temperature).log_probs(targets))
}

/// The entropy of each step's distribution, in nats: `logits` `[episodes, steps, vocab]` to
/// `[episodes, steps]`.
///
/// Differentiable with respect to the logits. To report the entropy only, pass `logits.inner()` and no graph
/// is kept.
///
/// # Errors
///
/// As [`token_log_probs`].
pub fn token_entropies(logits: Tensor<3>, temperature: f64) -> Result<Tensor<2>, Error> {
    check(&logits, temperature)?;
    if linear::is_served(&logits) {
        let [episodes, steps, _] = logits.dims();
        let none = Tensor::zeros([episodes, steps], &logits.device().without_autodiff());
        return Ok(statistics_by_op(logits, none, temperature).entropies);
    }
    Ok(Parts::new(logits, temperature).entropies())
}

/// [`token_log_probs`] and [`token_entropies`] in one go, sharing the exponentials.
///
/// # Errors
///
/// As [`token_log_probs`].
pub fn token_statistics(
    logits: Tensor<3>,
    targets: Tensor<2, Int>,
    temperature: f64,
) -> Result<TokenStatistics, Error> {
    check_targets(&targets, logits.dims(), "logits")?;
    check(&logits, temperature)?;
    if linear::is_served(&logits) {
        return Ok(statistics_by_op(logits, targets, temperature));
    }
    let parts = Parts::new(logits, temperature);
    Ok(TokenStatistics { log_probs: parts.log_probs(targets), entropies: parts.entropies() })
}

/// The exact divergence `KL(π ‖ π_ref) = Σ_v p_v · (log p_v − log q_v)` of each step, in nats, from the full
/// distributions: `logits` and `ref_logits` `[episodes, steps, vocab]` to `[episodes, steps]`.
///
/// What [`KlEstimator`](crate::KlEstimator) estimates from one sample, without its variance and with the
/// right gradient, at the price of the reference policy's logits. Differentiable with respect to `logits`;
/// `ref_logits` are taken as constants. Infinite where the reference policy excludes (logit −∞) an action
/// that the policy may take.
///
/// # Errors
///
/// [`Error::Shape`] when the shapes differ, and as [`token_log_probs`].
pub fn token_kl(logits: Tensor<3>, ref_logits: Tensor<3>, temperature: f64) -> Result<Tensor<2>, Error> {
    if ref_logits.dims() != logits.dims() {
        return Err(Error::Shape {
            argument: "ref_logits",
            expected: format!("{:?}, the shape of `logits`,", logits.dims()),
            found: ref_logits.dims().to_vec(),
        });
    }
    check(&logits, temperature)?;
    let dtype = mask::compute_dtype(logits.dtype());
    let reference = Parts::new(ref_logits.inner().cast(dtype), temperature);
    let policy = Parts::new(logits, temperature);
    // Σ p·(y − y_ref) − log s + log s_ref; an action that the policy excludes adds nothing.
    let impossible = policy.shifted.clone().inner().lower_elem(IMPOSSIBLE);
    // Infinities are put back at the end: where they are masked out, they must not leave NaN in the gradient.
    let difference = (policy.shifted - reference.shifted).mask_fill(impossible, 0.0).clamp_max(-IMPOSSIBLE);
    let mean = (policy.exponentials * difference).sum_dim(2) / policy.sum.clone();
    let infinite = mean.clone().inner().greater_elem(1e20);
    let mean = mean.mask_fill(infinite, f64::INFINITY);
    Ok((mean - policy.sum.log() + reference.sum.log()).squeeze_dim(2))
}

fn check(logits: &Tensor<3>, temperature: f64) -> Result<(), Error> {
    check_temperature(temperature)?;
    let shape = logits.dims();
    if shape.contains(&0) {
        let expected = "at least one episode, one step and one vocabulary entry".into();
        return Err(Error::Shape { argument: "logits", expected, found: shape.to_vec() });
    }
    Ok(())
}

fn check_temperature(temperature: f64) -> Result<(), Error> {
    if temperature.is_finite() && temperature >= 1e-6 {
        return Ok(());
    }
    let fix = "give the sampling temperature, a finite number of at least 1e-6 (1.0 changes nothing)";
    Err(Error::config("temperature", temperature, fix))
}

/// Both statistics by this crate's operation.
fn statistics_by_op(logits: Tensor<3>, targets: Tensor<2, Int>, temperature: f64) -> TokenStatistics {
    let [episodes, steps, vocab] = logits.dims();
    let tokens = episodes * steps;
    let logits = logits.clone().cast(mask::compute_dtype(logits.dtype()));
    let statistics = op::logit_statistics(
        logits.reshape([tokens, vocab]),
        targets.reshape([tokens, 1]),
        1.0 / temperature,
    );
    TokenStatistics::of(statistics, [episodes, steps])
}

impl TokenStatistics {
    /// From `[tokens, 4]`.
    fn of(statistics: Tensor<2>, shape: [usize; 2]) -> Self {
        let column = |at: usize| statistics.clone().narrow(1, at, 1).reshape(shape);
        Self { log_probs: column(0), entropies: column(1) }
    }
}

/// `y`, `exp y` and `s` of the module's formulas.
struct Parts {
    /// `[episodes, steps, vocab]`.
    shifted: Tensor<3>,
    /// `[episodes, steps, vocab]`.
    exponentials: Tensor<3>,
    /// `[episodes, steps, 1]`.
    sum: Tensor<3>,
}

impl Parts {
    fn new(logits: Tensor<3>, temperature: f64) -> Self {
        let dtype = mask::compute_dtype(logits.dtype());
        let logits = logits.cast(dtype);
        let scaled = if temperature == 1.0 { logits } else { logits / temperature };
        // The maximum is a constant here: it cancels, and so does its gradient.
        let shifted = scaled.clone() - scaled.inner().max_dim(2);
        let exponentials = shifted.clone().exp();
        let sum = exponentials.clone().sum_dim(2);
        Self { shifted, exponentials, sum }
    }

    fn log_probs(&self, targets: Tensor<2, Int>) -> Tensor<2> {
        let chosen = self.shifted.clone().gather(2, targets.unsqueeze_dim(2));
        (chosen - self.sum.clone().log()).squeeze_dim(2)
    }

    fn entropies(self) -> Tensor<2> {
        // 0 · −∞ is NaN; the limit of p · log p is 0.
        let impossible = self.shifted.clone().lower_elem(IMPOSSIBLE);
        let shifted = self.shifted.mask_fill(impossible, 0.0);
        let mean = (self.exponentials * shifted).sum_dim(2) / self.sum.clone();
        (self.sum.log() - mean).squeeze_dim(2)
    }
}

/// Below this `exp` is zero in every type.
const IMPOSSIBLE: f64 = -1e30;

fn check_targets(
    targets: &Tensor<2, Int>,
    [episodes, steps, _]: [usize; 3],
    beside: &str,
) -> Result<(), Error> {
    if targets.dims() == [episodes, steps] {
        return Ok(());
    }
    Err(Error::Shape {
        argument: "targets",
        expected: format!("[{episodes}, {steps}], the first dimensions of `{beside}`,"),
        found: targets.dims().to_vec(),
    })
}
