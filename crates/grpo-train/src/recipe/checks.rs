//! Checks of single values.

use crate::Error;
use grpo_rewards::RewardSpec;

pub(crate) fn at_least_one(key: &str, value: usize) -> Result<(), Error> {
    if value == 0 { Err(Error::setting(key, "is 0", "use at least 1")) } else { Ok(()) }
}

/// A learning rate: AdamW moves every weight by about that much a step, so 1 is far beyond anything that learns.
pub(crate) fn rate(key: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    let fix = "use a number above 0 and at most 1 (1e-3 to 1e-6 are usual)";
    Err(Error::setting(key, format!("is {value}"), fix))
}

pub(crate) fn share(key: &str, value: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::setting(key, format!("is {value}"), "use a number from 0 to 1"))
}

/// A recipe's name and seed.
pub(crate) fn check_name(name: &str, seed: u64) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) || name.starts_with('.') {
        let fix = "use letters, digits, - and _, since it names a folder";
        return Err(Error::setting("name", format!("is {name:?}"), fix));
    }
    if i64::try_from(seed).is_err() {
        return Err(Error::setting("seed", format!("is {seed}"), "use a number below 2^63"));
    }
    Ok(())
}

/// A metric is its reward's own value.
pub(crate) fn unweighted(key: &str, spec: &RewardSpec) -> Result<(), Error> {
    match spec.weight == 1.0 {
        true => Ok(()),
        false => Err(Error::setting(
            format!("{key}.weight"),
            format!("is {}", spec.weight),
            "leave it out: a metric is not weighted",
        )),
    }
}
