//! How fast a key may be used: a minute's share may be used at once, and then comes back evenly (the
//! virtual scheduling algorithm of ITU-T I.371, Annex A). Times are given, so that tests need not wait.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

const MINUTE: Duration = Duration::from_secs(60);

/// What was used of a limit in a minute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// When all that was used would be back.
    due: Option<Instant>,
}

impl Pace {
    /// When the next may come, in whole seconds; none: now.
    pub(crate) fn wait(self, most: Option<u64>, now: Instant) -> Option<u32> {
        let share = share(most?, 1);
        let used = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let early = (used + share).saturating_sub(MINUTE);
        let retry_s = u32::try_from(early.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        (early > Duration::ZERO).then_some(retry_s)
    }

    /// So much is used, also if it is more than is left: what has begun is written to its end.
    pub(crate) fn take(&mut self, most: Option<u64>, count: u64, now: Instant) {
        let Some(most) = most else { return };
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = due.checked_add(share(most, count)).or(self.due);
    }

    /// The limit, what is left of it, and when all of it is back.
    pub(crate) fn left(self, most: Option<u64>, now: Instant) -> Option<Left> {
        let most = most?;
        let used = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let free = MINUTE.saturating_sub(used).as_secs_f64() / MINUTE.as_secs_f64();
        // What a rounding of nanoseconds takes away is nobody's loss.
        Some(Left { most, left: (free * most as f64 + 1e-6).floor() as u64, reset: used })
    }
}

/// The time in which so many come back.
fn share(most: u64, count: u64) -> Duration {
    let nanos = MINUTE.as_nanos() * u128::from(count) / u128::from(most.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// One limit, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    most: u64,
    left: u64,
    reset: Duration,
}

/// What is left of a key's limits in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(super) requests: Option<Left>,
    pub(super) tokens: Option<Left>,
}

impl Allowance {
    /// Says so in the headers that OpenAI's API has for it.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        let names = [
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ];
        set(headers, names, self.requests);
        let names = [
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ];
        set(headers, names, self.tokens);
    }
}

fn set(headers: &mut HeaderMap, names: [&'static str; 3], left: Option<Left>) {
    let Some(Left { most, left, reset }) = left else { return };
    let values = [most.to_string(), left.to_string(), span(reset)];
    for (name, value) in names.into_iter().zip(values) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// As in `350ms`, `12s` and `6m0s`.
fn span(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1_000);
    match (time.as_millis(), seconds) {
        (ms @ 0..=999, _) => format!("{ms}ms"),
        (_, seconds @ 0..=59) => format!("{seconds}s"),
        (_, seconds) => format!("{}m{}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_share_may_be_used_at_once_and_comes_back_evenly() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let most = Some(600);
        assert_eq!((pace.wait(most, now), pace.wait(None, now)), (None, None));
        pace.take(most, 590, now);
        assert_eq!(pace.wait(most, now), None);
        let left = pace.left(most, now).expect("a limit");
        assert_eq!((left.left, span(left.reset)), (10, "59s".to_owned()));
        // An answer that is longer than what is left is written to its end.
        pace.take(most, 110, now);
        assert_eq!(pace.wait(most, now), Some(11));
        assert_eq!(pace.left(most, now).map(|left| left.left), Some(0));
        let later = now + Duration::from_secs(40);
        assert_eq!(pace.wait(most, later), None);
        assert_eq!(pace.left(most, later).map(|left| left.left), Some(300));
        assert_eq!(span(Duration::from_millis(90)), "90ms");
        assert_eq!(span(Duration::from_secs(360)), "6m0s");
    }
}
