//! From logits to log-probabilities and entropies.
//!
//! ```text
//! log p(a) = z_a − log Σ_v exp(z_v),      H = log Σ_v exp(z_v) − Σ_v p_v · z_v,      z = logits / temperature
//! ```
//!
//! Only the target's logit and the log-sum-exp are formed; a full `log_softmax` would write another tensor of the size of the
//! logits, the largest of a training step.

use burn::tensor::{Int, Tensor, activation};

use crate::Error;

/// The log-probability of each target, in nats: `logits` `[episodes, steps, vocab]` and `targets` `[episodes, steps]` to
/// `[episodes, steps]`.
///
/// `temperature` divides the logits, as when sampling, so that the log-probabilities are those of the distribution that was
/// sampled from. Differentiable with respect to the logits.
///
/// # Errors
///
/// [`Error::Shape`] when `targets` doesn't fit `logits`, [`Error::Config`] for a temperature that isn't above zero.
pub fn token_log_probs(
    logits: Tensor<3>,
    targets: Tensor<2, Int>,
    temperature: f64,
) -> Result<Tensor<2>, Error> {
    let (scaled, shape) = scaled(logits, temperature)?;
    check_targets(&targets, shape)?;
    let chosen = scaled.clone().gather(2, targets.unsqueeze_dim(2));
    Ok((chosen - log_sum_exp(scaled)).squeeze_dim(2))
}

/// The entropy of each step's distribution, in nats: `logits` `[episodes, steps, vocab]` to `[episodes, steps]`.
///
/// A logit of −∞ stands for an impossible action and adds nothing. Differentiable with respect to the logits.
///
/// # Errors
///
/// [`Error::Config`] for a temperature that isn't above zero, [`Error::Shape`] for an empty vocabulary.
pub fn token_entropies(logits: Tensor<3>, temperature: f64) -> Result<Tensor<2>, Error> {
    let (scaled, _) = scaled(logits, temperature)?;
    let probabilities = activation::softmax(scaled.clone(), 2);
    // 0 · −∞ is NaN; the limit of p·log p is 0.
    let impossible = scaled.clone().equal_elem(f32::NEG_INFINITY);
    let mean = (probabilities * scaled.clone().mask_fill(impossible, 0.0)).sum_dim(2);
    Ok((log_sum_exp(scaled) - mean).squeeze_dim(2))
}

/// `log Σ_v exp(x_v)` over the last dimension, which is kept with size one. The maximum is taken out as a constant: its gradient
/// cancels.
fn log_sum_exp(x: Tensor<3>) -> Tensor<3> {
    let max = x.clone().inner().max_dim(2);
    (x - max.clone()).exp().sum_dim(2).log() + max
}

fn scaled(logits: Tensor<3>, temperature: f64) -> Result<(Tensor<3>, [usize; 3]), Error> {
    let shape = logits.dims();
    if !(temperature.is_finite() && temperature > 0.0) {
        let fix = "give the sampling temperature, a finite number above zero (1.0 changes nothing)";
        return Err(Error::config("temperature", temperature, fix));
    }
    if shape[2] == 0 {
        return Err(Error::Shape {
            argument: "logits",
            expected: "at least one vocabulary entry".into(),
            found: shape.to_vec(),
        });
    }
    let logits = if temperature == 1.0 { logits } else { logits / temperature };
    Ok((logits, shape))
}

fn check_targets(targets: &Tensor<2, Int>, [episodes, steps, _]: [usize; 3]) -> Result<(), Error> {
    if targets.dims() == [episodes, steps] {
        return Ok(());
    }
    Err(Error::Shape {
        argument: "targets",
        expected: format!("[{episodes}, {steps}], the first dimensions of `logits`,"),
        found: targets.dims().to_vec(),
    })
}
