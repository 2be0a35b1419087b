//! What can be wrong with the arguments of this crate.

use burn::tensor::DType;

/// Everything this crate refuses, with the argument or the key that is wrong and what would fix it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has another shape than the arguments beside it.
    #[error("`{argument}` has shape {found:?}, but {expected} is needed")]
    Shape {
        /// The argument, as it is called in the function's signature or the struct's field.
        argument: &'static str,
        /// The shapes that would do, and which argument they follow from.
        expected: String,
        /// The shape that was given.
        found: Vec<usize>,
    },

    /// A slice has another length than the arguments beside it.
    #[error("`{argument}` has {found} entries, but {expected} are needed: {reason}")]
    Length {
        /// The argument, as it is called in the function's signature.
        argument: &'static str,
        /// The number of entries that would do.
        expected: usize,
        /// The number of entries that was given.
        found: usize,
        /// Which other argument fixes that number.
        reason: &'static str,
    },

    /// The configuration asks for an input that was not given.
    #[error("`{argument}` is missing: {reason}")]
    Missing {
        /// The argument, as it is called in the struct's field.
        argument: &'static str,
        /// The setting that needs it, and the way out.
        reason: &'static str,
    },

    /// A value of the configuration is impossible, alone or beside another.
    #[error("`{key}` = {value}: {fix}")]
    Config {
        /// The key, written as in a recipe (`surrogate.clip.low`).
        key: &'static str,
        /// The value that was found.
        value: String,
        /// What would be accepted.
        fix: &'static str,
    },

    /// A number among the data is not finite or lies outside the function's domain.
    #[error("`{argument}[{index}]` is {value}: {fix}")]
    Value {
        /// The argument, as it is called in the function's signature.
        argument: &'static str,
        /// The index of the number in the slice.
        index: usize,
        /// The number that was found.
        value: f64,
        /// What would be accepted.
        fix: &'static str,
    },

    /// A sampler's rule is not one that the tensors beside it could have been sampled under.
    #[error("`rules.episodes[{episode}].{list}[{index}]`: {fix}")]
    Rule {
        /// The episode.
        episode: usize,
        /// Which list of the episode's rules.
        list: &'static str,
        /// The entry of the list.
        index: usize,
        /// What is wrong with it, or would be accepted.
        fix: &'static str,
    },

    /// A tensor has another float type than the one beside it.
    #[error("`{argument}` is {found:?}, but `{beside}` is {expected:?}: cast one of them")]
    Type {
        /// The argument.
        argument: &'static str,
        /// The type of the argument beside it.
        expected: DType,
        /// The type that was given.
        found: DType,
        /// The argument beside it.
        beside: &'static str,
    },

    /// The device could not hand a result back to the host.
    #[error("the device could not be read: {0}")]
    Device(String),
}

impl Error {
    pub(crate) fn config(key: &'static str, value: impl std::fmt::Debug, fix: &'static str) -> Self {
        Self::Config { key, value: format!("{value:?}"), fix }
    }
}
