//! From a name to a device that works.

use std::env;

use burn::tensor::Device;

use crate::{
    DeviceName, Error,
    backend::{Backend, is_software},
    probe,
};

/// The environment variable that [`from_env`] and [`all_from_env`] read.
pub const VARIABLE: &str = "GRPO_DEVICE";

/// Opens a device and tries it out with one small computation.
///
/// `auto` gives the best device that works: CUDA, ROCm, Metal, Vulkan or wgpu where there is a real GPU, else
/// flex, else ndarray. A software adapter is never chosen over a CPU backend, which is faster.
///
/// The device comes without autodiff (add it with `Device::autodiff`), and its default types can still be set
/// with `Device::configure`. Nothing is printed and nothing panics on a machine that lacks the device.
///
/// # Errors
///
/// The backend is not compiled in (the error names the cargo feature), there is no such device (the error
/// names the driver or package), or the device does not compute.
pub fn open(name: &DeviceName) -> Result<Device, Error> {
    resolve(*name).map(|(_, device)| device)
}

/// Opens the device that `GRPO_DEVICE` names; without it `flex`, or the first backend that is compiled in.
///
/// For tests, benches and examples, which take no options.
///
/// # Errors
///
/// Those of [`open`], and a value that is no name.
pub fn from_env() -> Result<Device, Error> {
    match variable()? {
        None => open(&default_name()?),
        Some(text) => text.parse().and_then(|name| open(&name)).map_err(in_variable),
    }
}

/// Opens every device in the comma-separated list in `GRPO_DEVICE`; without it the one that [`from_env`]
/// opens.
///
/// `auto` is returned under the name of the device it stands for.
///
/// # Errors
///
/// Those of [`from_env`], for the first device that fails.
pub fn all_from_env() -> Result<Vec<(DeviceName, Device)>, Error> {
    match variable()? {
        None => Ok(vec![resolve(default_name()?)?]),
        Some(list) => list
            .split(',')
            .map(|text| text.parse().and_then(resolve))
            .collect::<Result<_, _>>()
            .map_err(in_variable),
    }
}

/// The name under which [`open`] gives this device, or `None` for a device of a backend that has no name
/// here.
///
/// Autodiff does not matter. The result is never [`DeviceName::Auto`].
pub fn name_of(device: &Device) -> Option<DeviceName> {
    // The preferred devices first: they need not ask any driver.
    let preferred = |backend: &Backend| backend.preferred().is_some_and(|one| one == *device);
    if let Some(backend) = Backend::ALL.into_iter().find(preferred) {
        return Some(backend.name(None));
    }
    Backend::ALL.into_iter().filter(|backend| backend.is_gpu()).find_map(|backend| {
        let index = backend.devices().iter().position(|one| one == device)?;
        Some(backend.name(Some(index)))
    })
}

/// How many batches to compute on `device` at the same time: the number of cores for a CPU backend, which
/// runs most operations on one thread, and 1 for a GPU, which fills itself.
pub fn workers(device: &Device) -> usize {
    match name_of(device) {
        Some(DeviceName::Flex | DeviceName::NdArray) => {
            std::thread::available_parallelism().map_or(1, usize::from)
        }
        _ => 1,
    }
}

/// Whether a device is a GPU.
pub fn is_gpu(device: &Device) -> bool {
    !matches!(name_of(device), Some(DeviceName::Flex | DeviceName::NdArray))
}

/// Checks that the device burn takes *by itself* works.
///
/// burn materialises the state of an optimizer on `Device::default()` when it loads a record, then moves it
/// to the parameters' device. In a build with a GPU backend that default is a GPU, whatever device the caller
/// opened: without this check, going on with a run on `flex` would panic on a machine without that GPU.
///
/// # Errors
///
/// burn's default device does not work; the error says what to set `BURN_DEVICE` to so that it becomes the
/// backend of `device`.
pub fn check_burn_default(device: &Device) -> Result<(), Error> {
    let working =
        name_of(device).and_then(DeviceName::parts).map_or("flex", |(backend, _)| backend.feature());
    let broken = |reason| Error::BurnDefault { reason, value: working };
    let default = probe::quietly(Device::default).map_err(broken)?;
    if default == *device {
        return Ok(());
    }
    probe::works(&default).map_err(broken)
}

/// The device and the name it has when `auto` is resolved.
fn resolve(name: DeviceName) -> Result<(DeviceName, Device), Error> {
    match name.parts() {
        Some((backend, index)) => Ok((name, open_on(backend, index)?)),
        None => best(),
    }
}

fn best() -> Result<(DeviceName, Device), Error> {
    let compiled = || Backend::BEST_FIRST.into_iter().filter(|backend| backend.compiled());
    let hardware =
        |backend: &Backend| !backend.is_gpu() || backend.devices().iter().any(|one| !is_software(one));
    let open = |backend: Backend| open_on(backend, None).map(|device| (backend.name(None), device));

    let mut failure = Error::NoBackend;
    for backend in compiled().filter(hardware).chain(compiled()) {
        // The second round is for a build without a CPU backend: there a software adapter is better than
        // nothing.
        match open(backend) {
            Ok(found) => return Ok(found),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn open_on(backend: Backend, index: Option<usize>) -> Result<Device, Error> {
    let name = backend.name(index);
    let Some(preferred) = backend.preferred() else {
        return Err(Error::NotCompiled { name, feature: backend.feature() });
    };
    if !backend.is_gpu() {
        return Ok(preferred);
    }
    let devices = backend.devices();
    if devices.is_empty() {
        return Err(Error::NotFound { name, help: backend.help() });
    }
    if cfg!(feature = "vulkan")
        && index.map_or(devices.iter().all(is_software), |index| devices.get(index).is_some_and(is_software))
    {
        return Err(Error::SoftwareAdapter { name });
    }
    let device = match index {
        None => preferred,
        Some(index) => match devices.get(index) {
            Some(device) => device.clone(),
            None => return Err(Error::NoSuchIndex { name, found: devices.len() }),
        },
    };
    match probe::works(&device) {
        Ok(()) => Ok(device),
        Err(reason) => Err(Error::NotWorking { name, reason, help: backend.help() }),
    }
}

/// `flex`, or the first backend that is compiled in.
fn default_name() -> Result<DeviceName, Error> {
    let first = Backend::ALL.into_iter().find(|backend| backend.compiled());
    first.map(|backend| backend.name(None)).ok_or(Error::NoBackend)
}

fn variable() -> Result<Option<String>, Error> {
    match env::var(VARIABLE) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(text)) => {
            Err(in_variable(Error::UnknownName { given: text.to_string_lossy().into_owned() }))
        }
    }
}

fn in_variable(error: Error) -> Error {
    Error::Environment { variable: VARIABLE, source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_outside_this_build_is_answered_with_its_feature() {
        for backend in Backend::ALL.into_iter().filter(|backend| !backend.compiled()) {
            let feature = backend.feature();
            let message = open(&backend.name(None)).unwrap_err().to_string();
            assert!(message.contains(&format!("cargo run --release --features {feature} -- ")), "{message}");
            assert_eq!(message.matches(feature).count(), 3, "{message}");
        }
    }

    #[test]
    fn cpu_backends_open_and_keep_their_names() {
        for backend in [Backend::Flex, Backend::NdArray] {
            if backend.compiled() {
                let device = open(&backend.name(None)).unwrap();
                assert!(!device.is_autodiff());
                assert!(probe::works(&device).is_ok());
                assert_eq!(name_of(&device), Some(backend.name(None)));
                assert_eq!(name_of(&device.autodiff()), Some(backend.name(None)));
            }
        }
    }

    #[test]
    fn auto_opens_something_wherever_a_cpu_backend_is_compiled_in() {
        if Backend::Flex.compiled() || Backend::NdArray.compiled() {
            let (name, device) = resolve(DeviceName::Auto).unwrap();
            assert_ne!(name, DeviceName::Auto);
            assert_eq!(name_of(&device), Some(name));
        }
    }

    #[test]
    fn a_build_without_backends_says_so() {
        if Backend::ALL.into_iter().all(|backend| !backend.compiled()) {
            for outcome in [open(&DeviceName::Auto), default_name().and_then(|name| open(&name))] {
                let message = outcome.unwrap_err().to_string();
                assert!(message.contains("--features flex"), "{message}");
            }
        }
    }

    #[test]
    fn a_gpu_is_opened_or_explained() {
        for backend in Backend::ALL.into_iter().filter(|backend| backend.is_gpu() && backend.compiled()) {
            match (open(&backend.name(None)), backend.devices().len()) {
                (Ok(device), _) => assert_eq!(name_of(&device), Some(backend.name(None))),
                (Err(Error::NotFound { help, .. }), 0) => assert!(!help.is_empty()),
                (Err(error), found) => panic!("{found} found: {error}"),
            }
        }
    }
}
