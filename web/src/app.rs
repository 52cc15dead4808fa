//! What every request can reach: the mesh, the guard, the settings, and the counts of refusals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use tokio::sync::Semaphore;

use crate::guard::Guard;
use crate::keys::{Crowd, Keyring};
use crate::limits;
use crate::mesh::Mesh;
use crate::meters::{Meters, Tally};
use crate::server::RefusalPath;
use crate::settings::{Patience, RequestLog, Secret, Settings};

/// Shared by all requests.
pub(crate) struct App {
    pub(crate) mesh: Arc<dyn Mesh>,
    pub(crate) guard: Guard,
    pub(crate) patience: Patience,
    pub(crate) strict: bool,
    pub(crate) token: Secret,
    pub(crate) keys: Arc<Keyring>,
    /// Requests of this install.
    pub(crate) install: Arc<Crowd>,
    /// Requests of programs of this computer that show no key.
    pub(crate) anybody: Arc<Crowd>,
    pub(crate) refusals: RefusalPath,
    pub(crate) errors: ErrorCounts,
    pub(crate) meters: Arc<Meters>,
    pub(crate) request_log: RequestLog,
    /// Turns of those who hand files over.
    pub(crate) uploads: Semaphore,
    ids: RequestIds,
}

impl App {
    pub(crate) fn new(mesh: Arc<dyn Mesh>, settings: &Settings) -> Self {
        Self {
            mesh,
            guard: Guard::new(settings, random()),
            patience: settings.patience,
            strict: settings.strict,
            token: settings.token.clone(),
            keys: Arc::clone(&settings.keys),
            install: Arc::new(Crowd::new(limits::OWN_REQUESTS)),
            anybody: Arc::new(Crowd::new(limits::OWN_REQUESTS)),
            refusals: RefusalPath::new(random()),
            errors: ErrorCounts::default(),
            meters: Arc::clone(&settings.meters),
            request_log: settings.request_log,
            uploads: Semaphore::new(limits::UPLOADS),
            ids: RequestIds::new(),
        }
    }

    /// What counts a request that began then.
    pub(crate) fn tally(&self, started: Instant) -> Arc<Tally> {
        Arc::new(Tally::new(Arc::clone(&self.meters), self.request_log, started))
    }

    /// The id that a program gave its request, if it is a plain one, or else a new one.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> String {
        let plain = |text: &&str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            (1..=limits::REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(allowed)
        };
        let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        given.filter(plain).map_or_else(|| self.ids.next(), str::to_owned)
    }
}

/// # Panics
/// When the system has no randomness: nothing safe can be served then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Unix time in milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Unix time in seconds.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Request ids: a random start, then counted.
struct RequestIds {
    start: [u8; 4],
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { start: random(), next: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        format!("req-{}-{count:06x}", hex::encode(self.start))
    }
}

/// How often each error was answered.
#[derive(Debug, Default)]
pub(crate) struct ErrorCounts(Mutex<BTreeMap<&'static str, u64>>);

impl ErrorCounts {
    pub(crate) fn add(&self, code: &'static str) {
        // Counts stay whole even if a thread ended while it held the lock.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(code).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
