//! What can go wrong between a device's name and the device.

use crate::DeviceName;

/// Why a device could not be named or opened, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text names no device.
    #[error(
        "unknown device `{given}`: expected auto, flex, ndarray, wgpu, vulkan, metal, cuda or rocm; the GPU \
         ones may be followed by a number, as in `cuda:1`"
    )]
    UnknownName {
        /// The text as it was given.
        given: String,
    },

    /// What follows the colon is not a number.
    #[error(
        "device `{given}`: what follows the colon must be the number of a GPU, counted from 0, as in `cuda:1`"
    )]
    InvalidIndex {
        /// The text as it was given.
        given: String,
    },

    /// A number was given to a backend that has one device.
    #[error("device `{given}`: there is only one of these; write `{name}`")]
    IndexNotTaken {
        /// The text as it was given.
        given: String,
        /// The name that would do.
        name: DeviceName,
    },

    /// The backend is not part of this build.
    #[error(
        "device `{name}`: this build was made without it. Add the cargo feature `{feature}`: \
         `cargo run --release --features {feature} -- ...`"
    )]
    NotCompiled {
        /// The device asked for.
        name: DeviceName,
        /// The cargo feature that adds it.
        feature: &'static str,
    },

    /// No backend at all is part of this build.
    #[error(
        "this build was made without any backend. Add one as a cargo feature, the CPU's for a start: \
         `cargo run --release --features flex -- ...`"
    )]
    NoBackend,

    /// The backend is there but the machine has nothing for it.
    #[error("device `{name}`: none was found on this machine. {help}")]
    NotFound {
        /// The device asked for.
        name: DeviceName,
        /// The driver or package that is probably missing.
        help: &'static str,
    },

    /// The number is higher than the devices there are.
    #[error("device `{name}`: this machine has {found}, numbered from 0. `grpo devices` lists them")]
    NoSuchIndex {
        /// The device asked for.
        name: DeviceName,
        /// How many devices the backend found.
        found: usize,
    },

    /// A software adapter in a build whose kernels would crash its driver.
    #[error(
        "device `{name}` is a software adapter, and the SPIR-V kernels of this build (feature `vulkan`) \
         crash Mesa's llvmpipe. Build with `--features wgpu` instead of `vulkan` to use it, or take `flex`, \
         which is faster on a CPU"
    )]
    SoftwareAdapter {
        /// The device asked for.
        name: DeviceName,
    },

    /// The device was found but a first small computation on it failed.
    #[error("device `{name}` was found but does not work: {reason}. {help}")]
    NotWorking {
        /// The device asked for.
        name: DeviceName,
        /// What the backend said.
        reason: String,
        /// The driver or package that is probably missing.
        help: &'static str,
    },

    /// burn's own default device, which it uses when it restores an optimizer, does not work.
    #[error(
        "burn restores an optimizer's state on its own default device, which does not work here ({reason}). \
         Set the environment variable `BURN_DEVICE={value}` and start again"
    )]
    BurnDefault {
        /// What is wrong with burn's default device.
        reason: String,
        /// What to set `BURN_DEVICE` to.
        value: &'static str,
    },

    /// The name came from the environment.
    #[error("in the environment variable {variable}: {source}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value.
        source: Box<Error>,
    },
}
