//! How a worker is started and how long it may keep silent: the config of this crate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pumasi_protocol::EngineKind;

/// How to start and to watch a worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSpec {
    /// The worker binary.
    pub program: PathBuf,
    /// Its arguments. The workers of this project need none but the file to load, which is added.
    pub arguments: Vec<String>,
    /// Which engine it must say it is.
    pub kind: EngineKind,
    /// Variables it gets. The environment is cleared first, so that no proxy, token or preloaded
    /// library of the node reaches an engine (row C11); `OMP_WAIT_POLICY=passive` is always set,
    /// because spinning OpenMP threads slow a shared machine down six-fold (measured).
    pub environment: BTreeMap<String, String>,
    /// From the start to the first frame. Default 20 s (a guess: GPU drivers take seconds).
    pub start_deadline: Duration,
    /// Without any frame while work is under way. Default 10 s (row E02).
    pub silence_deadline: Duration,
    /// From asking it to exit to killing it. Default 2 s (row E01).
    pub exit_grace: Duration,
    /// Wait before the second start after a failure; doubles with each further one. Default 500 ms.
    pub backoff_first: Duration,
    /// The longest such wait. Default 60 s.
    pub backoff_longest: Duration,
    /// Address space of the process in bytes (`RLIMIT_AS`, Linux). Default none: models are mapped
    /// into memory, and GPU drivers reserve far more than they use.
    pub address_space: Option<u64>,
    /// Where the running process is written down, so that the next node can end a left-over one
    /// (row E07). One file per worker. Default none.
    pub record: Option<PathBuf>,
}

impl WorkerSpec {
    /// A worker with every other setting at its default.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, kind: EngineKind) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            kind,
            environment: BTreeMap::new(),
            start_deadline: Duration::from_secs(20),
            silence_deadline: Duration::from_secs(10),
            exit_grace: Duration::from_secs(2),
            backoff_first: Duration::from_millis(500),
            backoff_longest: Duration::from_secs(60),
            address_space: None,
            record: None,
        }
    }

    /// The wait after this many failures in a row.
    #[must_use]
    pub fn backoff(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        self.backoff_first.saturating_mul(1 << doublings.min(16)).min(self.backoff_longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_the_first_failure_to_its_ceiling() {
        let spec = WorkerSpec::new("worker", EngineKind::Llama);
        let waits = [0, 1, 2, 3, 8, 40].map(|n| spec.backoff(n).as_millis());
        assert_eq!(waits, [0, 500, 1_000, 2_000, 60_000, 60_000]);
    }
}
