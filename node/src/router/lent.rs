//! What other members used of this node's providers: counted by this node itself, so that nobody need be
//! believed, held against what is allowed, and kept in the ledger apart from what was asked for here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pumasi_web::meters::{Spent, UsageKey};

use super::sharing::Sharing;
use crate::store::{Store, StoreError};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const MINUTE: Duration = Duration::from_secs(60);

/// All of it.
#[derive(Debug)]
pub(super) struct LentBook {
    store: Store,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What is not written down yet.
    fresh: BTreeMap<UsageKey, Spent>,
    /// Tokens of one day, by provider, whether written down or not.
    day: u32,
    tokens: BTreeMap<String, u64>,
    /// Requests of the last minute, by provider: when each may be forgotten is told by its place.
    paces: BTreeMap<String, Pace>,
}

/// Requests that may still be put: filled up evenly.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Thousandths of a request.
    left: u64,
    at: Instant,
}

/// What is allowed is used up; when there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp {
    pub(super) wait: Duration,
}

/// Days of UTC since 1970.
pub(super) fn day_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / DAY_MS).unwrap_or(u32::MAX)
}

impl LentBook {
    /// Goes on with what was used today. Blocks.
    pub(super) fn restore(store: Store, now_ms: u64) -> Result<Self, StoreError> {
        let day = day_of(now_ms);
        let mut inner = Inner { day, ..Inner::default() };
        for (key, spent) in store.lent(day, day)? {
            inner.count(&key.place, &spent);
        }
        Ok(Self { store, inner: Mutex::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Counts are whole at any moment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more request may be put to a provider, which then counts.
    pub(super) fn take(
        &self,
        provider: &str,
        sharing: &Sharing,
        now_ms: u64,
        now: Instant,
    ) -> Result<(), UsedUp> {
        let mut inner = self.lock();
        inner.turn_to(day_of(now_ms));
        if inner.is_spent(provider, sharing) {
            let wait = Duration::from_millis(DAY_MS - now_ms % DAY_MS);
            return Err(UsedUp { wait });
        }
        inner.pace(provider, sharing.requests_per_minute, now)
    }

    /// Whether the tokens of this day are used up.
    pub(super) fn is_spent(&self, provider: &str, sharing: &Sharing, now_ms: u64) -> bool {
        let mut inner = self.lock();
        inner.turn_to(day_of(now_ms));
        inner.is_spent(provider, sharing)
    }

    /// Counts what was used.
    pub(super) fn add(&self, key: UsageKey, spent: &Spent) {
        let mut inner = self.lock();
        inner.turn_to(key.day);
        inner.count(&key.place, spent);
        inner.fresh.entry(key).or_default().add(spent);
    }

    /// Writes down what came since the last time. If the disk refuses, it waits for the next time.
    pub(super) async fn write(&self) {
        let fresh = std::mem::take(&mut self.lock().fresh);
        if fresh.is_empty() {
            return;
        }
        if let Err(error) = self.store.add_lent(fresh.clone()).await {
            tracing::warn!(%error, "what others used of providers could not be written down");
            let mut inner = self.lock();
            for (key, spent) in fresh {
                inner.fresh.entry(key).or_default().add(&spent);
            }
        }
    }

    /// What was used on one day, by whom.
    pub(super) async fn of_day(&self, day: u32) -> Result<Vec<(UsageKey, Spent)>, StoreError> {
        self.write().await;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.lent(day, day)).await;
        read.unwrap_or(Err(StoreError::Stopped))
    }
}

impl Inner {
    /// A new day begins with nothing. A clock that was set back does not give anything back.
    fn turn_to(&mut self, day: u32) {
        if day > self.day {
            self.day = day;
            self.tokens.clear();
        }
    }

    fn count(&mut self, provider: &str, spent: &Spent) {
        let tokens = self.tokens.entry(provider.to_owned()).or_default();
        *tokens = tokens.saturating_add(spent.prompt).saturating_add(spent.completion);
    }

    fn is_spent(&self, provider: &str, sharing: &Sharing) -> bool {
        let used = self.tokens.get(provider).copied().unwrap_or_default();
        sharing.tokens_per_day > 0 && used >= sharing.tokens_per_day
    }

    fn pace(&mut self, provider: &str, per_minute: u32, now: Instant) -> Result<(), UsedUp> {
        if per_minute == 0 {
            return Ok(());
        }
        let full = u64::from(per_minute) * 1_000;
        let begun = Pace { left: full, at: now };
        let pace = self.paces.entry(provider.to_owned()).or_insert(begun);
        let passed = now.saturating_duration_since(pace.at).min(MINUTE).as_millis();
        let more = u128::from(full) * passed / MINUTE.as_millis();
        if more > 0 {
            pace.left = pace.left.saturating_add(u64::try_from(more).unwrap_or(full));
            pace.at = now;
        }
        pace.left = pace.left.min(full);
        if let Some(left) = pace.left.checked_sub(1_000) {
            pace.left = left;
            return Ok(());
        }
        let missing = 1_000 - pace.left;
        let wait_ms = missing * u64::try_from(MINUTE.as_millis()).unwrap_or(u64::MAX) / full;
        Err(UsedUp { wait: Duration::from_millis(wait_ms.max(1)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> (tempfile::TempDir, LentBook) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path(), 1).expect("a new store");
        let book = LentBook::restore(store, NOON).expect("it is read");
        (folder, book)
    }

    const NOON: u64 = 20_000 * DAY_MS + DAY_MS / 2;

    fn key(day: u32) -> UsageKey {
        let text = str::to_owned;
        let (person, key, model, place) = (text("kim"), text("00"), text("gpt-4o"), text("openai"));
        UsageKey { day, person, key, model, place }
    }

    fn spent(prompt: u64, completion: u64) -> Spent {
        Spent { requests: 1, prompt, completion, ..Spent::default() }
    }

    #[test]
    fn so_many_requests_a_minute_and_evenly_more() {
        let (_folder, book) = book();
        let sharing = Sharing { requests_per_minute: 3, ..Sharing::default() };
        let now = Instant::now();
        let take = |after: Duration| book.take("openai", &sharing, NOON, now + after);
        let all: Vec<bool> = (0..5).map(|_| take(Duration::ZERO).is_ok()).collect();
        assert_eq!(all, [true, true, true, false, false]);
        assert_eq!(take(Duration::ZERO), Err(UsedUp { wait: Duration::from_secs(20) }));
        assert_eq!(book.take("other", &sharing, NOON, now), Ok(()), "each has its own");
        assert!(take(Duration::from_secs(19)).is_err());
        assert_eq!(take(Duration::from_secs(40)), Ok(()));
        let any = Sharing::default();
        assert!((0..1_000).all(|_| book.take("openai", &any, NOON, now).is_ok()));
    }

    #[tokio::test]
    async fn tokens_of_a_day_outlive_a_restart_and_end_with_the_day() {
        let (folder, book) = book();
        let sharing = Sharing { tokens_per_day: 100, ..Sharing::default() };
        let now = Instant::now();
        book.add(key(20_000), &spent(60, 30));
        assert_eq!(book.take("openai", &sharing, NOON, now), Ok(()), "ten are left");
        book.add(key(20_000), &spent(5, 5));
        let half = UsedUp { wait: Duration::from_millis(DAY_MS / 2) };
        assert_eq!(book.take("openai", &sharing, NOON, now), Err(half));
        book.write().await;
        let store = book.store.clone();
        drop(book);
        let again = LentBook::restore(store, NOON).expect("it is read");
        assert!(again.is_spent("openai", &sharing, NOON));
        let rows = again.of_day(20_000).await.expect("it is read");
        assert_eq!((rows.len(), rows[0].1.prompt, rows[0].1.requests), (1, 65, 2));
        assert!(!again.is_spent("openai", &sharing, NOON + DAY_MS), "a new day");
        assert!(!again.is_spent("openai", &sharing, NOON), "and what is over stays over");
        drop(folder);
    }
}
