//! Names of devices, as a person writes them.

use std::{fmt, str::FromStr};

use burn::serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, backend::Backend};

/// A device by name: `auto`, `flex`, `ndarray`, `wgpu[:n]`, `vulkan[:n]`, `metal[:n]`, `cuda[:n]` or
/// `rocm[:n]`.
///
/// The number counts the GPUs that the backend sees, from 0. Without one, the backend takes its
/// preferred GPU: the first for CUDA and ROCm, the most powerful for the others. A name says nothing about
/// this machine or this build; [`open`](crate::open) finds out.
///
/// It is written and read as a string, by [`Display`](fmt::Display) and [`FromStr`] as well as by `serde`.
///
/// ```
/// use grpo_device::DeviceName;
///
/// let name: DeviceName = "cuda:1".parse()?;
/// assert_eq!(name, DeviceName::Cuda(Some(1)));
/// assert_eq!(name.to_string(), "cuda:1");
/// # Ok::<(), grpo_device::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// The best device that this build and this machine have.
    #[default]
    Auto,
    /// burn's own CPU backend.
    Flex,
    /// The CPU backend on the `ndarray` crate, which burn is retiring in favour of `flex`.
    NdArray,
    /// A GPU (or a software adapter) through wgpu, on the graphics interface that wgpu prefers.
    Wgpu(Option<usize>),
    /// A GPU through Vulkan, with SPIR-V kernels.
    Vulkan(Option<usize>),
    /// An Apple GPU through Metal.
    Metal(Option<usize>),
    /// An NVIDIA GPU.
    Cuda(Option<usize>),
    /// An AMD GPU through ROCm's HIP.
    Rocm(Option<usize>),
}

impl DeviceName {
    /// The backend and the number after the colon; `None` for `auto`.
    pub(crate) fn parts(self) -> Option<(Backend, Option<usize>)> {
        match self {
            Self::Auto => None,
            Self::Flex => Some((Backend::Flex, None)),
            Self::NdArray => Some((Backend::NdArray, None)),
            Self::Wgpu(index) => Some((Backend::Wgpu, index)),
            Self::Vulkan(index) => Some((Backend::Vulkan, index)),
            Self::Metal(index) => Some((Backend::Metal, index)),
            Self::Cuda(index) => Some((Backend::Cuda, index)),
            Self::Rocm(index) => Some((Backend::Rocm, index)),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.parts() {
            None => "auto".to_owned(),
            Some((backend, None)) => backend.feature().to_owned(),
            Some((backend, Some(index))) => format!("{}:{index}", backend.feature()),
        };
        // `pad` so that a table can give the name a width.
        f.pad(&text)
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    /// # Errors
    ///
    /// The text is not one of the names, has a number where the backend has one device only, or has something
    /// else than a number after the colon.
    fn from_str(text: &str) -> Result<Self, Error> {
        let given = || text.to_owned();
        let lower = text.trim().to_ascii_lowercase();
        let (word, index) = match lower.split_once(':') {
            None => (lower.as_str(), None),
            Some((word, index)) => (word, Some(index)),
        };
        if word == "auto" {
            return match index {
                None => Ok(Self::Auto),
                Some(_) => Err(Error::IndexNotTaken { given: given(), name: Self::Auto }),
            };
        }
        let backend = Backend::ALL
            .into_iter()
            .find(|backend| backend.feature() == word)
            .ok_or_else(|| Error::UnknownName { given: given() })?;
        match index {
            None => Ok(backend.name(None)),
            Some(_) if !backend.is_gpu() => {
                Err(Error::IndexNotTaken { given: given(), name: backend.name(None) })
            }
            Some(digits) => match digits.parse() {
                Ok(index) => Ok(backend.name(Some(index))),
                Err(_) => Err(Error::InvalidIndex { given: given() }),
            },
        }
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&str, DeviceName); 13] = [
        ("auto", DeviceName::Auto),
        ("flex", DeviceName::Flex),
        ("ndarray", DeviceName::NdArray),
        ("wgpu", DeviceName::Wgpu(None)),
        ("wgpu:2", DeviceName::Wgpu(Some(2))),
        ("vulkan", DeviceName::Vulkan(None)),
        ("vulkan:0", DeviceName::Vulkan(Some(0))),
        ("metal", DeviceName::Metal(None)),
        ("metal:1", DeviceName::Metal(Some(1))),
        ("cuda", DeviceName::Cuda(None)),
        ("cuda:7", DeviceName::Cuda(Some(7))),
        ("rocm", DeviceName::Rocm(None)),
        ("rocm:0", DeviceName::Rocm(Some(0))),
    ];

    #[test]
    fn every_name_is_written_as_it_is_read() {
        for (text, name) in NAMES {
            assert_eq!(text.parse::<DeviceName>().unwrap(), name);
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn case_and_spaces_around_a_name_do_not_matter() {
        assert_eq!(" CUDA:1 ".parse::<DeviceName>().unwrap(), DeviceName::Cuda(Some(1)));
        assert_eq!("NdArray".parse::<DeviceName>().unwrap(), DeviceName::NdArray);
    }

    #[test]
    fn a_name_is_padded_to_a_column() {
        assert_eq!(format!("{:<8}|", DeviceName::Cuda(Some(1))), "cuda:1  |");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        for text in ["", "gpu", "flex,ndarray", "cuda1", ":0"] {
            let message = text.parse::<DeviceName>().unwrap_err().to_string();
            for (name, _) in NAMES.iter().filter(|(name, _)| !name.contains(':')) {
                assert!(message.contains(name), "{message}");
            }
        }
    }

    #[test]
    fn a_wrong_number_is_refused() {
        for text in ["cuda:", "cuda:x", "cuda:-1", "wgpu:0:0", "rocm:99999999999999999999999"] {
            let error = text.parse::<DeviceName>().unwrap_err();
            assert!(matches!(error, Error::InvalidIndex { .. }), "{text}: {error}");
        }
        for text in ["flex:0", "ndarray:1", "auto:0"] {
            let error = text.parse::<DeviceName>().unwrap_err();
            assert!(matches!(error, Error::IndexNotTaken { .. }), "{text}: {error}");
        }
    }
}
