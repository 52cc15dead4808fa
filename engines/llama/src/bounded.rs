//! Runs work that a stranger's text drives (templates, grammars) on a thread of its own, for a
//! bounded time: processor time, because on a busy machine honest work may wait for long. What
//! overruns goes on until its own fuel ends it; only a few may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::limits::OVERRUNS;

/// Room for deeply nested templates and schemas.
const STACK_BYTES: usize = 16 << 20;

/// Between two looks at the processor time.
const LOOK: Duration = Duration::from_millis(20);

/// How many times the processor time the wait may take. Only a machine that gives this thread less
/// than a tenth of a core comes here; where the processor time is not known, everything that waits.
const PATIENCE: u32 = 10;

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
    /// The result of `work`, if it takes no longer than `longest` of a processor's time.
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
        let thread = Arc::new(OnceLock::new());
        let own = Arc::clone(&thread);
        let run = move || {
            // Only this thread sets it, and once.
            let _ = own.set(thread_id());
            let result = work();
            // First the count, so that whoever gets the result finds room for the next work.
            drop(running);
            // Nobody waits any more if it took too long.
            let _ = reply.send(result);
        };
        let builder = std::thread::Builder::new().name("bounded".into()).stack_size(STACK_BYTES);
        builder.spawn(run).map_err(|_| Overrun::Busy)?;
        wait(&result, longest, || thread.get().copied().flatten().and_then(processor_time))
    }
}

fn wait<T>(
    result: &mpsc::Receiver<T>,
    longest: Duration,
    used: impl Fn() -> Option<Duration>,
) -> Result<T, Overrun> {
    let began = Instant::now();
    loop {
        match result.recv_timeout(LOOK.min(longest)) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err(Overrun::Late),
            Err(RecvTimeoutError::Timeout) => {
                let waited = began.elapsed();
                let late = used().is_some_and(|used| used >= longest);
                if late || waited >= longest * PATIENCE {
                    return Err(Overrun::Late);
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn thread_id() -> Option<i32> {
    Some(rustix::thread::gettid().as_raw_nonzero().get())
}

#[cfg(not(target_os = "linux"))]
fn thread_id() -> Option<i32> {
    None
}

/// What a thread of this process has used: fields 14 and 15 of its `stat` (proc(5)), in ticks of a
/// hundredth of a second on every Linux of today.
fn processor_time(thread: i32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(Duration::from_millis((user + system) * 10))
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
        assert_eq!(bounded.running.load(Ordering::Relaxed), 0);
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

    #[cfg(target_os = "linux")]
    #[test]
    fn what_waits_is_not_late_and_what_computes_is() {
        let bounded = Bounded::default();
        let (go, wait) = mpsc::channel();
        let waits = std::thread::spawn({
            let bounded = bounded.clone();
            move || bounded.run(Duration::from_secs(60), move || wait.recv())
        });
        // It computes until its processor time is up, however long that takes here.
        let late = bounded.run(Duration::from_millis(50), || {
            let mut x = 0u64;
            while processor_time(thread_id()?)? < Duration::from_millis(200) {
                x = std::hint::black_box(x.wrapping_add(1));
            }
            Some(x)
        });
        assert_eq!(late, Err(Overrun::Late));
        go.send(7).expect("it still waits");
        assert_eq!(waits.join().expect("no panic"), Ok(Ok(7)));
    }
}
