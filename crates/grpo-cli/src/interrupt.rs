use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a program that was interrupted: 128 + SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// Watches for Ctrl-C (and for SIGTERM and a closed terminal). The first raises the flag and calls `notify`, the second ends the
/// program at once.
pub(crate) fn watch(notify: impl Fn() + Send + 'static) -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
        notify();
    })?;
    Ok(stop)
}
