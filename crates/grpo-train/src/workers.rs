use crate::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    pub(crate) fn fitting(count: usize, parameters: usize) -> Result<Self, Error> {
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
        if self.pools.is_empty() || items.len() < 2 {
            return items.iter().map(work).collect();
        }
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<R, Error>>>> = items.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            for pool in &self.pools {
                let (next, results, work) = (&next, &results, &work);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(item), Some(slot)) = (items.get(index), results.get(index)) else { break };
                        let result = pool.install(|| work(item));
                        *slot.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
                    }
                });
            }
        });
        // Every slot is filled: a worker that panics takes the scope, and so this thread, with it.
        results.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(|e| e.into_inner())).collect()
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
