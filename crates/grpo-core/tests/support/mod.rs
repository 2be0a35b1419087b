//! What the integration tests share: the device under test, golden cases, comparison.
// Every test binary uses a part of this, and `pub` is the simplest visibility for a shared folder.
#![allow(dead_code, unreachable_pub)]

pub mod batch;
pub mod golden;

use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

/// A matrix as the golden files hold it: a list of rows.
pub type Matrix = Vec<Vec<f64>>;

/// The device named by `GRPO_DEVICE`, `flex` when it isn't set.
pub fn device() -> Device {
    grpo_device::from_env().expect("GRPO_DEVICE names a device of this build")
}

/// Whether the device computes in f64. What it says of itself is not enough: burn's WGSL backend accepts f64 on Mesa's software
/// adapter, and its `exp` is then wrong in the first digit.
pub fn computes_f64(device: &Device) -> bool {
    device.supports_dtype(DType::F64) && {
        let x = Tensor::<1>::from_data(TensorData::new(vec![0.5_f64, -1.25], [2]), (device, DType::F64));
        let got: Vec<f64> = x.exp().into_data().iter::<f64>().collect();
        got.iter().zip([0.5_f64, -1.25]).all(|(got, x)| (got - x.exp()).abs() < 1e-12)
    }
}

/// The float types the device computes in, with the tolerance the golden files suggest for them.
pub fn precisions(device: &Device) -> Vec<(DType, f64)> {
    let mut precisions = vec![(DType::F32, 1e-4)];
    if computes_f64(device) {
        precisions.push((DType::F64, 2e-7));
    }
    precisions
}

pub fn tensor(rows: &Matrix, device: &Device, dtype: DType) -> Tensor<2> {
    let width = rows.first().map_or(0, Vec::len);
    let data = TensorData::new(rows.concat(), [rows.len(), width]);
    Tensor::from_data(data, (device, dtype))
}

pub fn bools(rows: &[Vec<bool>], device: &Device) -> Tensor<2, Bool> {
    let width = rows.first().map_or(0, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), width]), device)
}

pub fn matrix(tensor: Tensor<2>) -> Matrix {
    let width = tensor.dims()[1];
    let values: Vec<f64> = tensor.into_data().iter::<f64>().collect();
    values.chunks(width).map(<[f64]>::to_vec).collect()
}

pub fn scalar(tensor: Tensor<1>) -> f64 {
    tensor.into_data().iter::<f64>().next().expect("one number")
}

pub fn lengths(mask: &[Vec<bool>]) -> Vec<usize> {
    mask.iter().map(|row| row.iter().filter(|&&active| active).count()).collect()
}

/// `|got − want| ≤ t · max(0.01, max|want|)` over a whole matrix, as the golden files' README suggests.
pub fn close(what: &str, got: &[f64], want: &[f64], tolerance: f64) -> Result<(), String> {
    if got.len() != want.len() {
        return Err(format!("{what}: {} numbers instead of {}", got.len(), want.len()));
    }
    let largest = want.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let allowed = tolerance * largest.max(0.01);
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        // Written so that NaN fails.
        let within = (got - want).abs() <= allowed;
        if !within {
            return Err(format!("{what}[{index}]: got {got:e}, want {want:e}, allowed ±{allowed:.1e}"));
        }
    }
    Ok(())
}

/// A small generator (SplitMix64), so that tests draw the same numbers everywhere.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
