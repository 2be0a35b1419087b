//! Containment of a reward that panics.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic becomes an error with the panic's message and place.
///
/// The default panic hook would print a backtrace for each such episode. The hook installed here is silent
/// for guarded work on this thread, and hands every other panic to the hook that was there before. (If the
/// program installs its own hook later, that one decides; with `panic = "abort"` nothing can be caught.)
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let outer = GUARDED.replace(true);
    // The reward is only shared by reference; whether one with interior mutability is still consistent
    // after its own panic is its author's affair, as with any Mutex-free cache.
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|payload| {
        let message = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => match payload.downcast::<&str>() {
                Ok(text) => (*text).to_owned(),
                Err(payload) => {
                    // Dropping a payload of any other type may itself panic; leaking it is the lesser evil.
                    std::mem::forget(payload);
                    "without a message".to_owned()
                }
            },
        };
        match LOCATION.take() {
            Some(place) => format!("panicked at {place}: {message}"),
            None => format!("panicked: {message}"),
        }
    })
}

fn install_hook() {
    static INSTALLED: Once = Once::new();
    // `take_hook` itself panics on a thread that is unwinding.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if GUARDED.get() {
                LOCATION.replace(info.location().map(ToString::to_string));
            } else {
                previous(info);
            }
        }));
    });
}
