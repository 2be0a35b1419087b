//! The backends: which are compiled in, and what devices each finds.

use std::sync::OnceLock;

use burn::tensor::Device;

use crate::DeviceName;

/// One of burn's backends. Each has a cargo feature of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Flex,
    NdArray,
    Wgpu,
    Vulkan,
    Metal,
    Cuda,
    Rocm,
}

impl Backend {
    /// All of them, in the order that `grpo devices` lists.
    pub(crate) const ALL: [Self; 7] =
        [Self::Flex, Self::NdArray, Self::Wgpu, Self::Vulkan, Self::Metal, Self::Cuda, Self::Rocm];

    /// The order in which `auto` tries them: a vendor's own interface before the portable ones, GPUs before
    /// CPUs.
    pub(crate) const BEST_FIRST: [Self; 7] =
        [Self::Cuda, Self::Rocm, Self::Metal, Self::Vulkan, Self::Wgpu, Self::Flex, Self::NdArray];

    /// The cargo feature, which is also the word for the backend in a device's name.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
        }
    }

    pub(crate) fn compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Rocm => cfg!(feature = "rocm"),
        }
    }

    pub(crate) fn is_gpu(self) -> bool {
        !matches!(self, Self::Flex | Self::NdArray)
    }

    /// The name of this backend's device number `index`. A CPU backend has one device and no number.
    pub(crate) fn name(self, index: Option<usize>) -> DeviceName {
        match self {
            Self::Flex => DeviceName::Flex,
            Self::NdArray => DeviceName::NdArray,
            Self::Wgpu => DeviceName::Wgpu(index),
            Self::Vulkan => DeviceName::Vulkan(index),
            Self::Metal => DeviceName::Metal(index),
            Self::Cuda => DeviceName::Cuda(index),
            Self::Rocm => DeviceName::Rocm(index),
        }
    }

    /// The device that the backend takes when no number is given; `None` when it is not compiled in. Nothing
    /// is opened yet, so this says nothing about whether it exists.
    #[allow(unreachable_patterns)] // With every feature on, the last arm has nothing left to match.
    pub(crate) fn preferred(self) -> Option<Device> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Some(Device::flex()),
            #[cfg(feature = "ndarray")]
            Self::NdArray => Some(ndarray()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Some(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Some(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "metal")]
            Self::Metal => Some(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "cuda")]
            Self::Cuda => Some(Device::cuda(0)),
            #[cfg(feature = "rocm")]
            Self::Rocm => Some(Device::rocm(0)),
            _ => None,
        }
    }

    /// Every device of this backend on this machine, in the order of their numbers. Opens none. Empty when
    /// there is none or the backend is not compiled in.
    ///
    /// The driver is asked once per process: asking loads its libraries, and some of them write to stderr.
    pub(crate) fn devices(self) -> &'static [Device] {
        static FOUND: [OnceLock<Vec<Device>>; Backend::ALL.len()] =
            [const { OnceLock::new() }; Backend::ALL.len()];
        FOUND[self as usize].get_or_init(|| self.enumerate())
    }

    #[allow(unreachable_patterns)]
    fn enumerate(self) -> Vec<Device> {
        match self {
            #[cfg(feature = "wgpu")]
            Self::Wgpu => enumerate(burn::tensor::DeviceType::Wgpu),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => enumerate(burn::tensor::DeviceType::Vulkan),
            #[cfg(feature = "metal")]
            Self::Metal => enumerate(burn::tensor::DeviceType::Metal),
            #[cfg(feature = "cuda")]
            Self::Cuda => enumerate(burn::tensor::DeviceType::Cuda),
            #[cfg(feature = "rocm")]
            Self::Rocm => enumerate(burn::tensor::DeviceType::Rocm),
            _ => self.preferred().into_iter().collect(),
        }
    }

    /// What to install when no device is found, or when the one found does not work.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Flex | Self::NdArray => "It needs nothing beyond the CPU",
            Self::Wgpu if cfg!(target_os = "macos") => "It needs macOS 10.13 or later on a Mac with Metal",
            Self::Wgpu if cfg!(target_os = "windows") => {
                "It needs a GPU driver with Vulkan or DirectX 12, from the GPU's maker"
            }
            Self::Wgpu | Self::Vulkan => {
                "It needs a Vulkan driver: on Debian and Ubuntu `apt-get install mesa-vulkan-drivers` for \
                 AMD and Intel GPUs (it also brings a software adapter for machines without a GPU), NVIDIA's \
                 own driver for NVIDIA GPUs; `vulkaninfo --summary` (package vulkan-tools) shows what is seen"
            }
            Self::Metal => "It needs macOS on a Mac with Metal; elsewhere take `wgpu` or `vulkan`",
            Self::Cuda => {
                "It needs NVIDIA's driver (`nvidia-smi` must list the GPU) and the CUDA toolkit's libraries, \
                 NVRTC among them, on the library path or under `CUDA_PATH`"
            }
            Self::Rocm => {
                "It needs AMD's ROCm with its HIP runtime and HIPRTC (`rocminfo` must list the GPU)"
            }
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))]
fn enumerate(kind: burn::tensor::DeviceType) -> Vec<Device> {
    // A driver that fails while it is asked has no device to offer.
    crate::probe::quietly(|| Device::enumerate(kind).into_iter().collect()).unwrap_or_default()
}

#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "burn retires this backend in favour of flex; both stay selectable here")]
fn ndarray() -> Device {
    Device::ndarray()
}

/// Whether the adapter behind `device` is a program on the CPU, such as Mesa's llvmpipe.
pub(crate) fn is_software(device: &Device) -> bool {
    #[cfg(feature = "wgpu")]
    {
        use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
        let device = device.clone().without_autodiff();
        matches!(device.as_dispatch(), DispatchDevice::Cube(CubeDevice::Wgpu(adapter))
            if adapter.kind == WgpuDeviceKind::Cpu)
    }
    #[cfg(not(feature = "wgpu"))]
    {
        let _ = device;
        false
    }
}
