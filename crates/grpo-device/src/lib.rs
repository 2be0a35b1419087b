//! Compute devices by name.
//!
//! burn picks its backend by value: a `Device` is made once, at the edge of a program, and passed in. This
//! crate makes that device from what a person writes (`--device cuda:1`, `GRPO_DEVICE=wgpu`) and, where that
//! is not possible, says which cargo feature, driver or package is missing.
//!
//! ```
//! use burn::tensor::Tensor;
//! use grpo_device::{DeviceName, open};
//!
//! # if !cfg!(any(feature = "flex", feature = "ndarray")) { return Ok(()); }
//! let name: DeviceName = "auto".parse()?;
//! let device = open(&name)?;
//! let ones = Tensor::<1>::ones([3], &device);
//! assert_eq!(ones.sum().into_scalar::<f32>(), 3.0);
//! # Ok::<(), grpo_device::Error>(())
//! ```
//!
//! # Backends are cargo features
//!
//! | feature | device | needs |
//! |---|---|---|
//! | `flex` (default) | the CPU, burn's own backend | nothing |
//! | `ndarray` (default) | the CPU, the backend that burn is retiring | nothing |
//! | `wgpu` | any GPU, WGSL kernels; software adapters too | a Vulkan, Metal or DirectX 12 driver |
//! | `vulkan` | any GPU, SPIR-V kernels | a Vulkan driver |
//! | `metal` | an Apple GPU | macOS |
//! | `cuda` | an NVIDIA GPU | NVIDIA's driver and CUDA's NVRTC |
//! | `rocm` | an AMD GPU | ROCm with HIP |
//!
//! A first build with `cuda` or `rocm` downloads the LLVM that burn's kernel compiler uses, from GitHub's
//! releases; it stays in the user's data folder for later builds. The other features need no network but
//! cargo's own.
//!
//! A library crate names no backend; it takes a `Device`. Its tests, examples and benches call [`from_env`]
//! (or [`all_from_env`]) so that one variable, `GRPO_DEVICE`, runs all of them elsewhere.

mod backend;
mod error;
mod listing;
mod memory;
mod name;
mod open;
mod probe;

pub use error::Error;
pub use listing::{Listing, State, available, describe};
pub use memory::{DeviceMemory, device_memory, peak_rss_bytes};
pub use name::DeviceName;
pub use open::{VARIABLE, all_from_env, check_burn_default, from_env, is_gpu, name_of, open, workers};
