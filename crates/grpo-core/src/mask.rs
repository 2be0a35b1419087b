//! Selecting by the mask, before any arithmetic.
//!
//! Padding may hold anything: `±1e4`, infinities, NaN. Multiplying by a zero-one mask *after* `exp` gives
//! `inf · 0 = NaN`, in the gradient too, so every input is replaced by a harmless constant first. `mask_fill`
//! also stops the gradient exactly (it fills, it does not multiply).

use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

use crate::Error;

/// A mask `[episodes, steps]` in the forms the formulas need. None of them is part of an autodiff graph.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    /// True where the step is *not* the policy's own.
    pub(crate) inactive: Tensor<2, Bool>,
    /// One where the step counts, zero elsewhere.
    pub(crate) indicator: Tensor<2>,
}

impl Mask {
    pub(crate) fn new(mask: Tensor<2, Bool>, dtype: DType) -> Self {
        let mask = mask.inner();
        let inactive = mask.clone().bool_not();
        let device = mask.device();
        let indicator = Tensor::zeros(mask.dims(), (&device, dtype)).mask_fill(mask, 1.0);
        Self { inactive, indicator }
    }

    /// `x` where the mask is true and `fill` elsewhere; the gradient is exactly zero elsewhere.
    pub(crate) fn select(&self, x: Tensor<2>, fill: f64) -> Tensor<2> {
        x.mask_fill(self.inactive.clone(), fill)
    }

    /// Active steps per episode, `[episodes, 1]`.
    pub(crate) fn lengths(&self) -> Tensor<2> {
        self.indicator.clone().sum_dim(1)
    }

    /// One over the active steps per episode (over one where there are none), `[episodes, 1]`.
    pub(crate) fn inverse_lengths(&self) -> Tensor<2> {
        self.lengths().clamp_min(1.0).recip()
    }

    /// One divided by the number of active steps on each active step, so that it sums to one per non-empty
    /// episode.
    pub(crate) fn per_episode(&self) -> Tensor<2> {
        self.indicator.clone() * self.inverse_lengths()
    }
}

/// The type a computation runs in: f64 stays, everything narrower becomes f32, because sums of thousands of
/// tokens and `exp` of a log-ratio lose their meaning in half precision.
pub(crate) fn compute_dtype(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

pub(crate) fn default_float(device: &Device) -> DType {
    compute_dtype(device.settings().float_dtype.into())
}

/// A host slice as a column `[values, 1]` on `device`, in the device's default float type: how row weights
/// and advantages reach [`LossInputs`](crate::LossInputs).
pub fn column(values: &[f64], device: &Device) -> Tensor<2> {
    let dtype = default_float(device);
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len(), 1]), (device, dtype))
}

/// Checks that `x` is `[rows, 1]` or `[rows, steps]` and returns it as `[rows, steps]`, in `dtype`.
pub(crate) fn broadcast(
    argument: &'static str,
    x: Tensor<2>,
    [rows, steps]: [usize; 2],
    dtype: DType,
) -> Result<Tensor<2>, Error> {
    let found = x.dims();
    if found != [rows, steps] && found != [rows, 1] {
        return Err(Error::Shape {
            argument,
            expected: format!("[{rows}, {steps}] or [{rows}, 1], as `log_probs` is [{rows}, {steps}],"),
            found: found.to_vec(),
        });
    }
    Ok(x.cast(dtype).expand([rows, steps]))
}

/// Checks that `x` is exactly `[rows, steps]`.
pub(crate) fn exact(argument: &'static str, found: [usize; 2], expected: [usize; 2]) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        argument,
        expected: format!("{expected:?}, the shape of `log_probs`,"),
        found: found.to_vec(),
    })
}
