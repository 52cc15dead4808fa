//! One key while the node runs: whether it still opens anything, how fast and how much. Times are given,
//! so that tests need not wait for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use blake3::Hash;
use tokio_util::sync::CancellationToken;

use super::{Allowance, Pace, Terms, Used};
use crate::api::{self, KeyScope, KeyState};
use crate::error::KeyRefusal;
use crate::limits;
use crate::mesh::Caller;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A key, as long as anybody uses it.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(super) hash: Hash,
    state: Mutex<State>,
    crowd: Arc<Crowd>,
    /// Ends what is being answered.
    revoked: CancellationToken,
}

#[derive(Debug)]
struct State {
    terms: Terms,
    used: Used,
    is_written: bool,
    requests: Pace,
    tokens: Pace,
}

impl Holder {
    pub(super) fn new(terms: Terms, used: Used) -> Self {
        let revoked = CancellationToken::new();
        if terms.revoked_ms.is_some() {
            revoked.cancel();
        }
        Self {
            hash: Hash::from_bytes(terms.hash),
            state: Mutex::new(State {
                terms,
                used,
                is_written: true,
                requests: Pace::default(),
                tokens: Pace::default(),
            }),
            crowd: Arc::new(Crowd::new(limits::KEY_REQUESTS)),
            revoked,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state stays whole even if a thread ended while it held the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> String {
        self.state().terms.id.clone()
    }

    pub(crate) fn terms(&self) -> Terms {
        self.state().terms.clone()
    }

    pub(crate) fn caller(&self) -> Caller {
        let state = self.state();
        let (person, id) = (state.terms.person.to_string(), Some(state.terms.id.clone()));
        Caller::Key { person, id }
    }

    pub(super) fn agree(&self, terms: Terms) {
        let is_revoked = terms.revoked_ms.is_some();
        self.state().terms = terms;
        if is_revoked {
            self.revoked.cancel();
        }
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.is_cancelled()
    }

    /// Cancelled when the key is revoked.
    pub(crate) fn revoked(&self) -> CancellationToken {
        self.revoked.clone()
    }

    /// Whether it opens anything.
    pub(crate) fn alive(&self, now_ms: u64) -> Result<(), KeyRefusal> {
        match self.state().terms.state(now_ms) {
            KeyState::Active => Ok(()),
            KeyState::Expired => Err(KeyRefusal::Expired),
            KeyState::Revoked => Err(KeyRefusal::Revoked),
        }
    }

    /// Lets a request through, and counts it.
    pub(crate) fn enter(
        &self,
        scope: KeyScope,
        now: Instant,
        now_ms: u64,
    ) -> Result<Place, KeyRefusal> {
        self.alive(now_ms)?;
        if !self.state().terms.scopes.contains(&scope) {
            return Err(KeyRefusal::Scope(scope));
        }
        let place = self.crowd.enter().ok_or(KeyRefusal::Crowded)?;
        let mut state = self.state();
        state.pace(now)?;
        state.used.requests = state.used.requests.saturating_add(1);
        state.used.last_ms = Some(now_ms);
        state.is_written = false;
        Ok(place)
    }

    /// Whether anything is left of its quota. What has begun is written to its end, so that the quota
    /// can be passed by what is under way.
    pub(crate) fn may_spend(&self, now: Instant, now_ms: u64) -> Result<(), KeyRefusal> {
        let state = self.state();
        let wait = state.tokens.wait(state.terms.tokens_per_min, now);
        wait.map_or(Ok(()), |retry_s| Err(KeyRefusal::TokenRate { retry_s }))?;
        let (terms, used) = (&state.terms, &state.used);
        if terms.tokens_in_all.is_some_and(|most| used.tokens >= most) {
            return Err(KeyRefusal::Quota { retry_s: None });
        }
        if terms.tokens_per_day.is_some_and(|most| used.tokens_on(day(now_ms)) >= most) {
            let left_s = (DAY_MS - now_ms % DAY_MS).div_ceil(1_000);
            let retry_s = u32::try_from(left_s).expect("a day has few seconds");
            return Err(KeyRefusal::Quota { retry_s: Some(retry_s) });
        }
        Ok(())
    }

    pub(crate) fn spend(&self, tokens: u64, now_ms: u64) {
        let (mut state, day) = (self.state(), day(now_ms));
        let used = &mut state.used;
        used.tokens = used.tokens.saturating_add(tokens);
        used.tokens_of_day = used.tokens_on(day).saturating_add(tokens);
        used.day = day;
        state.is_written = false;
        let most = state.terms.tokens_per_min;
        state.tokens.take(most, tokens, Instant::now());
    }

    /// What is left of its limits in a minute, if it has any.
    pub(crate) fn allowance(&self, now: Instant) -> Option<Allowance> {
        let state = self.state();
        let requests = state.requests.left(state.terms.requests_per_min.map(u64::from), now);
        let tokens = state.tokens.left(state.terms.tokens_per_min, now);
        (requests.is_some() || tokens.is_some()).then_some(Allowance { requests, tokens })
    }

    pub(super) fn take_used(&self) -> Option<(String, Used)> {
        let mut state = self.state();
        let is_new = !std::mem::replace(&mut state.is_written, true);
        is_new.then(|| (state.terms.id.clone(), state.used))
    }

    /// As the API shows it.
    pub(crate) fn show(&self, now_ms: u64) -> api::Key {
        self.show_under(&self.terms(), now_ms)
    }

    /// As the API shows it once these terms are agreed.
    pub(crate) fn show_under(&self, terms: &Terms, now_ms: u64) -> api::Key {
        let used = self.state().used;
        api::Key {
            id: terms.id.clone(),
            name: terms.name.to_string(),
            person: terms.person.to_string(),
            scopes: terms.scopes.iter().copied().collect(),
            state: terms.state(now_ms),
            created_ms: terms.created_ms,
            expires_ms: terms.expires_ms,
            requests_per_min: terms.requests_per_min,
            tokens_per_min: terms.tokens_per_min,
            tokens_per_day: terms.tokens_per_day,
            tokens_in_all: terms.tokens_in_all,
            requests: used.requests,
            tokens: used.tokens,
            tokens_today: used.tokens_on(day(now_ms)),
            last_used_ms: used.last_ms,
        }
    }
}

impl Terms {
    fn state(&self, now_ms: u64) -> KeyState {
        if self.revoked_ms.is_some() {
            return KeyState::Revoked;
        }
        let is_over = self.expires_ms.is_some_and(|end| end <= now_ms);
        if is_over { KeyState::Expired } else { KeyState::Active }
    }
}

fn day(now_ms: u64) -> u64 {
    now_ms / DAY_MS
}

impl Used {
    fn tokens_on(&self, day: u64) -> u64 {
        if self.day == day { self.tokens_of_day } else { 0 }
    }
}

impl State {
    /// A minute's requests may come at once; then each waits for its turn.
    fn pace(&mut self, now: Instant) -> Result<(), KeyRefusal> {
        let most = self.terms.requests_per_min.map(u64::from);
        if let Some(retry_s) = self.requests.wait(most, now) {
            return Err(KeyRefusal::Rate { retry_s });
        }
        self.requests.take(most, 1, now);
        Ok(())
    }
}

/// How many requests of one asker are answered at a time.
#[derive(Debug)]
pub(crate) struct Crowd {
    inside: AtomicUsize,
    most: usize,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self { inside: AtomicUsize::new(0), most }
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let one_more = |inside: usize| (inside < self.most).then_some(inside + 1);
        let entered =
            self.inside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        entered.then(|| Place { crowd: Arc::clone(self) })
    }
}

/// One request's place, until its answer has gone out.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.inside.fetch_sub(1, Ordering::Relaxed);
    }
}
