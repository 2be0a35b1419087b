//! Rewards for properties of text that can be checked without knowing what it means.

mod exact_match;

pub use exact_match::ExactMatch;
