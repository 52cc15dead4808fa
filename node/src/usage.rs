//! What was used, from the meters of the HTTP face to the ledger: every few seconds, in one write; and the
//! main figures, every minute. A power cut forgets what came since the last write.

use std::sync::Arc;
use std::time::Duration;

use pumasi_web::Mesh;
use pumasi_web::meters::{MINUTE_MS, Meters, Minute, Spent, Totals, UsageKey};
use tokio_util::sync::CancellationToken;

use crate::core::unix_ms;
use crate::router::Router;
use crate::store::{Store, StoreError};

/// How often it is written down.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How often what is old is let go of.
const SWEEP_EVERY: u64 = 60;
/// Minutes of history that are kept: a week.
const KEEP_MINUTES: u64 = 7 * 24 * 60;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Where usage is kept. Cheap to clone.
#[derive(Clone)]
pub(crate) struct UsageBook(Arc<Inner>);

struct Inner {
    store: Store,
    meters: Arc<Meters>,
    router: Arc<Router>,
    /// Days that it is kept; 0: for ever.
    keep_days: u32,
    /// One write after the other, so that whoever asks finds all that was taken from the meters.
    writing: tokio::sync::Mutex<()>,
}

impl UsageBook {
    pub(crate) fn new(
        store: Store,
        meters: Arc<Meters>,
        router: Arc<Router>,
        keep_days: u32,
    ) -> Self {
        let writing = tokio::sync::Mutex::new(());
        Self(Arc::new(Inner { store, meters, router, keep_days, writing }))
    }

    /// Writes down what was used since the last time. If the disk refuses, it waits for the next time.
    pub(crate) async fn write(&self, minute: Option<Minute>) {
        let _one_at_a_time = self.0.writing.lock().await;
        let mut used = self.0.meters.take_usage();
        if used.is_empty() && minute.is_none() {
            return;
        }
        for (key, spent) in &mut used {
            self.0.router.price(key, spent);
        }
        if let Err(error) = self.0.store.add_usage(used.clone(), minute).await {
            tracing::warn!(%error, "what was used could not be written down");
            for spent in used.values_mut() {
                (spent.cost_nano_usd, spent.unpriced) = (0, 0);
            }
            self.0.meters.give_back(used);
        }
    }

    /// What was used from one day to another.
    pub(crate) async fn usage(
        &self,
        from: u32,
        to: u32,
    ) -> Result<Vec<(UsageKey, Spent)>, StoreError> {
        self.write(None).await;
        let store = self.0.store.clone();
        let read = tokio::task::spawn_blocking(move || store.usage(from, to)).await;
        read.unwrap_or(Err(StoreError::Stopped))
    }

    /// The minutes from one to another.
    pub(crate) async fn minutes(&self, from: u64, to: u64) -> Result<Vec<Minute>, StoreError> {
        let store = self.0.store.clone();
        let read = tokio::task::spawn_blocking(move || store.minutes(from, to)).await;
        read.unwrap_or(Err(StoreError::Stopped))
    }

    async fn sweep(&self, now_ms: u64) {
        let oldest_day = match self.0.keep_days {
            0 => 0,
            days => (now_ms / DAY_MS).saturating_sub(days.into()),
        };
        let day = u32::try_from(oldest_day).unwrap_or(u32::MAX);
        let minute = (now_ms / MINUTE_MS).saturating_sub(KEEP_MINUTES);
        if let Err(error) = self.0.store.forget_usage(day, minute).await {
            tracing::warn!(%error, "old usage could not be forgotten");
        }
    }
}

/// Keeps what is used, and how things stand on `mesh`, until `closing`.
pub(crate) async fn keep(book: UsageBook, mesh: Arc<dyn Mesh>, closing: CancellationToken) {
    let mut due = tokio::time::interval(KEEP_EVERY);
    let mut at_min = unix_ms() / MINUTE_MS;
    let mut before = Totals::of(&book.0.meters.figures());
    book.sweep(unix_ms()).await;
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = closing.cancelled() => return,
        }
        let now_min = unix_ms() / MINUTE_MS;
        let mut minute = None;
        // A clock that was set back waits for itself.
        if now_min > at_min {
            let now = Totals::of(&book.0.meters.figures());
            let since = now.since(&before, at_min);
            let waiting = mesh.status().await.jobs_waiting;
            minute = Some(since.standing(waiting, &mesh.nodes().await, &mesh.providers().await));
            (before, at_min) = (now, now_min);
        }
        let is_full_hour = minute.is_some() && now_min.is_multiple_of(SWEEP_EVERY);
        book.write(minute).await;
        if is_full_hour {
            book.sweep(unix_ms()).await;
        }
    }
}
