//! Trying a device out without letting it take the process down.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use burn::{
    backend::{Dispatch, Scalar, ops::FloatTensorOps},
    tensor::{Device, TensorData, try_read_sync},
};

/// Runs one addition on `device` and reads the result back: this opens the device, compiles a kernel where
/// the backend has kernels, and moves data both ways.
///
/// # Errors
///
/// What the backend said when it failed, be it an error or a panic.
pub(crate) fn works(device: &Device) -> Result<(), String> {
    quietly(|| {
        // The backend's own operations rather than a `Tensor`: creating a tensor would lock the device's
        // default types, and the caller may still want to set them with `Device::configure`.
        let device = device.clone().without_autodiff();
        let numbers = Dispatch::float_from_data(TensorData::from([1.0f32, 2.0, 3.0]), device.as_dispatch());
        let sums = Dispatch::float_add_scalar(numbers, Scalar::from(1.0f32));
        let read = match try_read_sync(Dispatch::float_into_data(sums)) {
            Some(Ok(data)) => data.try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?,
            Some(Err(error)) => return Err(format!("{error:?}")),
            None => return Err("it cannot be read from synchronously".to_owned()),
        };
        if read == [2.0, 3.0, 4.0] { Ok(()) } else { Err(format!("it computed [1, 2, 3] + 1 = {read:?}")) }
    })
    .and_then(|outcome| outcome)
}

/// Runs `action` and turns a panic into its message, which is then not printed.
///
/// The panic hook belongs to the whole process: it is replaced for the duration, one caller at a time, by one
/// that is silent for this thread and burn's device threads and passes everybody else's panics on.
pub(crate) fn quietly<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let hook = SilentHook::install();
    panic::catch_unwind(AssertUnwindSafe(action)).map_err(|payload| {
        // A device thread that panics leaves its caller with a closed channel: the first panic is the cause.
        hook.first.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(|| message(&*payload))
    })
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Puts the previous hook back when dropped.
struct SilentHook {
    previous: Option<Arc<Hook>>,
    /// The message of the first panic that was kept silent.
    first: Arc<Mutex<Option<String>>>,
}

impl SilentHook {
    fn install() -> Self {
        let first = Arc::new(Mutex::new(None));
        if thread::panicking() {
            // The hook cannot be changed while this thread unwinds.
            return Self { previous: None, first };
        }
        let prober = thread::current().id();
        let previous = Arc::new(panic::take_hook());
        let others = Arc::clone(&previous);
        let kept = Arc::clone(&first);
        panic::set_hook(Box::new(move |panic| {
            let thread = thread::current();
            // cubecl names the threads that serve a device DSU-.. and DSD-..
            let serves_a_device = thread.name().is_some_and(|name| name.starts_with("DS"));
            if thread.id() == prober || serves_a_device {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get_or_insert_with(|| message(panic.payload()));
            } else {
                others(panic);
            }
        }));
        Self { previous: Some(previous), first }
    }
}

impl Drop for SilentHook {
    fn drop(&mut self) {
        let Some(previous) = self.previous.take() else { return };
        drop(panic::take_hook());
        match Arc::try_unwrap(previous) {
            Ok(hook) => panic::set_hook(hook),
            // Another thread is inside it right now.
            Err(shared) => panic::set_hook(Box::new(move |panic| shared(panic))),
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "it panicked without a message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(quietly(|| -> () { panic!("no driver") }), Err("no driver".to_owned()));
        assert_eq!(quietly(|| -> () { panic!("no driver {}", 3) }), Err("no driver 3".to_owned()));
        assert_eq!(quietly(|| 7), Ok(7));
    }

    #[test]
    fn a_device_thread_that_panics_gives_the_cause() {
        let outcome = quietly(|| {
            let server = thread::Builder::new().name("DSU-0-0".to_owned());
            server.spawn(|| panic!("no driver")).unwrap().join().expect("an answer")
        });
        assert_eq!(outcome, Err::<(), _>("no driver".to_owned()));
    }
}
