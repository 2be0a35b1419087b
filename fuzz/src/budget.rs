//! How long something may take.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// What one call may take with an input of up to 64 KiB, in processor time. With sanitizers, coverage counters and
/// assertions a linear pass runs at some megabytes a second; a quadratic one over 64 KiB takes seconds.
const LIMIT: Duration = Duration::from_millis(500);

/// Processor time of this thread: others on the machine don't count.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

/// Runs something that must not take longer than [`LIMIT`].
pub(crate) fn within<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let started = now();
    let result = run();
    let took = now() - started;
    assert!(took < LIMIT, "{what} took {took:?} of processor time");
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "counting took")]
    fn what_takes_longer_is_told() {
        let started = now();
        within("counting", || while now() - started < 2 * LIMIT {});
    }
}
