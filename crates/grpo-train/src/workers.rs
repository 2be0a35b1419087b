use crate::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

/// Parameters of a large model.
pub(crate) const LARGE: usize = 20_000_000;

/// Threads that each push whole micro-batches (or parts of a rollout) through the model.
///
/// On a CPU most of a small model's time goes into element-wise operations, which the backend runs on one thread; one micro-batch
/// per core keeps all of them busy. Results come back in the order of the work, so their sum doesn't depend on the number of
/// workers. On a GPU one worker is right.
#[derive(Debug)]
pub struct Workers {
    /// One pool of one thread for each worker: matrix products inside stay on it. Empty for a single worker, which may use all
    /// cores for one product.
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// `count` workers; 0 counts as 1.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(count: usize) -> Result<Self, Error> {
        let count = if count > 1 { count } else { 0 };
        let pools = (0..count)
            .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<_, _>>()
            .map_err(|e| Error::setting("workers", format!("is {count}"), format!("use fewer ({e})")))?;
        Ok(Self { pools })
    }

    /// One worker for a large model, whose matrix products keep all cores busy by themselves: several would each hold activations and
    /// gradients of their own.
    ///
    /// # Errors
    /// As [`Workers::new`].
    pub fn fitting(count: usize, parameters: usize) -> Result<Self, Error> {
        Self::new(if parameters > LARGE { 1 } else { count })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.pools.len().max(1)
    }

    /// Applies `work` to every item; results in the order of the items, or the first error in that order.
    pub(crate) fn map<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        let mut results = Vec::with_capacity(items.len());
        self.each(items, work, |result| results.push(result))?;
        Ok(results)
    }

    /// Applies `work` to every item, and hands the results to `take` in the order of the items, each as soon as its turn comes: what isn't
    /// wanted later needn't be kept. Stops at the first error in that order.
    pub(crate) fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, Error> + Sync,
        mut take: impl FnMut(R),
    ) -> Result<(), Error> {
        if self.pools.is_empty() || items.len() < 2 {
            return items.iter().try_for_each(|item| work(item).map(&mut take));
        }
        let next = AtomicUsize::new(0);
        let slots: Vec<Slot<Result<R, Error>>> = items.iter().map(|_| Slot::default()).collect();
        std::thread::scope(|scope| {
            for pool in &self.pools {
                let (next, slots, work) = (&next, &slots, &work);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(item), Some(slot)) = (items.get(index), slots.get(index)) else { break };
                        // Filled whatever happens: a panic must not leave the taker waiting.
                        let mut filled = Filled { slot, value: None };
                        filled.value = Some(pool.install(|| work(item)));
                    }
                });
            }
            for slot in &slots {
                match slot.take() {
                    Some(result) => take(result.inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?),
                    // The worker has panicked: leaving the scope takes the panic on.
                    None => break,
                }
            }
            Ok(())
        })
    }
}

/// One item's result: nothing yet, or what came of it.
struct Slot<R> {
    value: Mutex<Option<Option<R>>>,
    filled: Condvar,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self { value: Mutex::new(None), filled: Condvar::new() }
    }
}

impl<R> Slot<R> {
    /// Waits for the result; `None` when there will be none.
    fn take(&self) -> Option<R> {
        let mut value = self.value.lock().unwrap_or_else(|e| e.into_inner());
        loop {
            match value.take() {
                Some(result) => return result,
                None => value = self.filled.wait(value).unwrap_or_else(|e| e.into_inner()),
            }
        }
    }
}

/// Fills its slot when it goes out of scope.
struct Filled<'a, R> {
    slot: &'a Slot<R>,
    value: Option<R>,
}

impl<R> Drop for Filled<'_, R> {
    fn drop(&mut self) {
        *self.slot.value.lock().unwrap_or_else(|e| e.into_inner()) = Some(self.value.take());
        self.slot.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_errors_are_those_of_the_items() {
        for count in [0, 1, 2, 5] {
            let workers = Workers::new(count).unwrap();
            let items: Vec<usize> = (0..40).collect();
            assert_eq!(
                workers.map(&items, |i| Ok(i * i)).unwrap(),
                items.iter().map(|i| i * i).collect::<Vec<_>>()
            );
            let failed = workers.map(&items, |i| {
                if i % 7 == 6 { Err(Error::setting(i.to_string(), "", "")) } else { Ok(()) }
            });
            assert!(failed.unwrap_err().to_string().contains("`6`"));
        }
    }
}
