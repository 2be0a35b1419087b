//! What the fuzz targets do with an input, as plain functions of bytes.
//!
//! A target in `targets/` hands its bytes to the function of the same name here. Each function panics where a
//! promise is broken: a panic of the code itself, a score that is no number, a solution that isn't right, an
//! answer that takes long. So a crash can be replayed by any toolchain, as the tests below replay the seeds.
//!
//! Inputs are files that a person can read and write: parts of an input are divided by a line `=====`, and a
//! piece between two form feeds stands for many of it ([`input::grown`]).

#![forbid(unsafe_code)]

mod answers;
mod banks;
mod budget;
mod input;
mod item;
mod math;
mod qti;
mod text;
mod xapi;

pub use answers::answers;
pub use banks::{csv_bank, gift};
pub use math::math_answer;
pub use qti::{qti_item, qti_package};
pub use text::text_rewards;
pub use xapi::xapi;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 8] = [
        ("answers", super::answers),
        ("csv_bank", super::csv_bank),
        ("gift", super::gift),
        ("math_answer", super::math_answer),
        ("qti_item", super::qti_item),
        ("qti_package", super::qti_package),
        ("text_rewards", super::text_rewards),
        ("xapi", super::xapi),
    ];

    /// Items of QTI that serve as seeds where they are.
    const ITEMS: &str = "../crates/grpo-edu/tests/assessment/qti/items";

    fn replay(target: fn(&[u8]), folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .inspect(|path| println!("{}", path.display()))
            .map(|path| target(&fs::read(path).unwrap()))
            .count()
    }

    #[test]
    fn seeds_pass() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, target) in TARGETS {
            let seeds = replay(target, &here.join("seeds").join(name));
            assert!(seeds > 2, "{name} has {seeds} seeds");
        }
        replay(super::qti_item, &here.join(ITEMS));
    }

    /// With `GRPO_TARGET=NAME` and `GRPO_REPLAY=FILE`: what a fuzzer found.
    #[test]
    fn one_input_passes() {
        if let Ok(path) = std::env::var("GRPO_REPLAY") {
            let name =
                std::env::var("GRPO_TARGET").expect("GRPO_TARGET says which target GRPO_REPLAY is for");
            let (_, target) = TARGETS.iter().find(|target| target.0 == name).expect("a target of that name");
            target(&fs::read(path).unwrap());
        }
    }
}
