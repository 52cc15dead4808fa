//! Runs work that a stranger's text drives (templates, grammars) on a thread of its own, for a
//! bounded time. What overruns goes on until its own fuel ends it; only a few may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::limits::OVERRUNS;

/// Room for deeply nested templates and schemas.
const STACK_BYTES: usize = 16 << 20;

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overrun {
    /// It took longer than it may, or panicked.
    Late,
    /// Too much that took longer still runs.
    Busy,
}

/// Counts what runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounded {
    running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bounded {
    /// The result of `work`, if it comes within `longest`.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overrun> {
        if self.running.fetch_add(1, Ordering::Relaxed) >= OVERRUNS {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Err(Overrun::Busy);
        }
        let running = Running(Arc::clone(&self.running));
        let (reply, result) = mpsc::sync_channel(1);
        let spawned = std::thread::Builder::new()
            .name("bounded".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _running = running;
                // Nobody waits any more if it took too long.
                let _ = reply.send(work());
            });
        spawned.map_err(|_| Overrun::Busy)?;
        result.recv_timeout(longest).map_err(|_| Overrun::Late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_work_is_given_up_and_only_a_few_may_be_late() {
        let bounded = Bounded::default();
        assert_eq!(bounded.run(Duration::from_secs(60), || 7), Ok(7));
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        // The finished thread above leaves its count a moment after its result.
        while bounded.running.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        for _ in 0..OVERRUNS {
            let wait = Arc::clone(&wait);
            let late = bounded.run(Duration::ZERO, move || {
                let _ = wait.lock().expect("no test thread panics").recv();
            });
            assert_eq!(late, Err(Overrun::Late));
        }
        assert_eq!(bounded.run(Duration::from_secs(60), || 7), Err(Overrun::Busy));
        drop(go);
        while bounded.running.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        assert_eq!(bounded.run(Duration::from_secs(60), || 8), Ok(8));
    }
}
