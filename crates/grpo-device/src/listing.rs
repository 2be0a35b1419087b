//! What this build and this machine have: the content of `grpo devices`.

use std::{fmt, thread};

use burn::tensor::Device;

use crate::{
    DeviceName, Error,
    backend::{Backend, is_software},
    name_of, open,
};

/// Whether a device can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was opened and computed.
    Ready,
    /// The backend is compiled in, but the machine has nothing for it or what it has does not work.
    Missing,
    /// The backend is not part of this build.
    NotCompiled,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::Missing => "missing",
            Self::NotCompiled => "not built in",
        })
    }
}

/// One line of `grpo devices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What to give to [`open`]: with a number for each GPU that was found, else without.
    pub name: DeviceName,
    /// Whether it can be used.
    pub state: State,
    /// The device as it calls itself, or what to install or add to get it.
    pub description: String,
    /// The cargo feature that the backend belongs to.
    pub feature: &'static str,
}

/// Every device of every backend that grpo knows, with one line for a backend that has none.
///
/// Opens and tries each device, which takes memory on all of them: for a listing, not for a choice (that is
/// what `auto` does).
pub fn available() -> Vec<Listing> {
    Backend::ALL.into_iter().flat_map(lines).collect()
}

/// The device in words, for the summary of a run: `flex`, `cuda:1 (NVIDIA H100 PCIe)`, `wgpu (llvmpipe (LLVM
/// 15.0.6, 256 bits), software)`.
pub fn describe(device: &Device) -> String {
    match (name_of(device), adapter(device)) {
        (Some(name), None) => name.to_string(),
        (Some(name), Some(adapter)) => format!("{name} ({adapter})"),
        (None, _) => format!("{device:?}"),
    }
}

fn lines(backend: Backend) -> Vec<Listing> {
    // A backend without devices gets its one line by being opened without a number, which says what is
    // missing.
    let indices = match backend.devices().len() {
        found if backend.is_gpu() && found > 0 => (0..found).map(Some).collect(),
        _ => vec![None],
    };
    indices.into_iter().map(|index| line(backend, backend.name(index))).collect()
}

fn line(backend: Backend, name: DeviceName) -> Listing {
    let (state, description) = match open(&name) {
        Ok(device) => (State::Ready, adapter(&device).unwrap_or_else(cpu)),
        Err(Error::NotCompiled { feature, .. }) => {
            (State::NotCompiled, format!("add it with `cargo run --release --features {feature} -- ...`"))
        }
        Err(Error::NotFound { help, .. }) => (State::Missing, help.to_owned()),
        Err(Error::NotWorking { reason, help, .. }) => (State::Missing, format!("{reason}. {help}")),
        Err(error) => (State::Missing, error.to_string()),
    };
    Listing { name, state, description, feature: backend.feature() }
}

/// The GPU or software adapter as it calls itself; `None` for a CPU backend.
fn adapter(device: &Device) -> Option<String> {
    #[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))]
    {
        // Opens the device, so it can fail like any first use.
        let identity = crate::probe::quietly(|| device.identity()).ok()??;
        let software = identity.physical.is_none() || is_software(device);
        Some(if software { format!("{}, software", identity.name) } else { identity.name })
    }
    #[cfg(not(any(feature = "wgpu", feature = "cuda", feature = "rocm")))]
    {
        let _ = is_software(device);
        None
    }
}

fn cpu() -> String {
    match thread::available_parallelism() {
        Ok(threads) => format!("the CPU, {threads} hardware threads"),
        Err(_) => "the CPU".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_has_a_line_and_what_is_not_built_in_names_its_feature() {
        let listings = available();
        for backend in Backend::ALL {
            let lines: Vec<_> = listings.iter().filter(|line| line.feature == backend.feature()).collect();
            assert!(!lines.is_empty());
            for line in lines {
                assert_eq!(line.state == State::NotCompiled, !backend.compiled());
                assert!(!line.description.is_empty());
                if line.state == State::NotCompiled {
                    assert!(line.description.contains(&format!("--features {} ", backend.feature())));
                }
            }
        }
    }

    #[test]
    fn what_is_ready_opens_under_its_name() {
        for line in available().into_iter().filter(|line| line.state == State::Ready) {
            let device = open(&line.name).unwrap();
            let (backend, index) = line.name.parts().unwrap();
            // The preferred device of CUDA and ROCm is their device 0, which needs no number.
            let bare = index == Some(0) && backend.preferred().as_ref() == Some(&device);
            assert_eq!(name_of(&device), Some(backend.name(index.filter(|_| !bare))));
            assert!(describe(&device).starts_with(&name_of(&device).unwrap().to_string()));
        }
    }

    #[test]
    #[cfg(feature = "flex")]
    fn a_cpu_backend_is_described_by_its_name() {
        assert_eq!(describe(&Device::flex().autodiff()), "flex");
    }
}
