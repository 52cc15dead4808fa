//! Counts wrong tokens per source, so that guessing is slow. A right token is never throttled: whoever
//! guesses must not be able to lock out whoever knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pumasi_protocol::pairing::Source;

use crate::error::ApiError;
use crate::limits;

const WINDOW: Duration = Duration::from_secs(60);

/// Wrong tokens of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    sources: Mutex<BTreeMap<Source, (Instant, u32)>>,
}

impl Throttle {
    /// Counts a wrong token, and says how to answer it.
    pub(crate) fn failure(&self, source: IpAddr) -> ApiError {
        self.failure_at(source.into(), Instant::now())
    }

    fn failure_at(&self, source: Source, now: Instant) -> ApiError {
        // The table stays whole even if a thread ended while it held the lock.
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= limits::TOKEN_SOURCES && !sources.contains_key(&source) {
            forget_oldest(&mut sources, now);
        }
        let (since, count) = sources.entry(source).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count <= limits::TOKEN_FAILURES {
            return ApiError::Unauthorized;
        }
        let left = WINDOW.saturating_sub(now.duration_since(*since));
        let retry_s = u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        ApiError::TooManyFailures { retry_s }
    }
}

fn forget_oldest(sources: &mut BTreeMap<Source, (Instant, u32)>, now: Instant) {
    sources.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
    if sources.len() >= limits::TOKEN_SOURCES
        && let Some(oldest) = sources.iter().min_by_key(|(_, (since, _))| *since)
    {
        let oldest = *oldest.0;
        sources.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u32) -> Source {
        IpAddr::from(std::net::Ipv4Addr::from(0x7f00_0000 | last)).into()
    }

    #[test]
    fn cat_h18_one_network_of_ipv6_is_one_guesser() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let ip = |n: u32| format!("2001:db8::{n:x}").parse::<IpAddr>().expect("an address").into();
        for n in 0..limits::TOKEN_FAILURES {
            assert_eq!(throttle.failure_at(ip(n), start), ApiError::Unauthorized);
        }
        let refused = throttle.failure_at(ip(0xffff), start);
        assert_eq!(refused, ApiError::TooManyFailures { retry_s: 61 });
    }

    #[test]
    fn cat_h18_guessing_is_answered_429_beyond_the_limit_and_forgiven_after_a_minute() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..limits::TOKEN_FAILURES {
            assert_eq!(throttle.failure_at(source(1), start), ApiError::Unauthorized);
        }
        let refused = throttle.failure_at(source(1), start);
        assert_eq!(refused, ApiError::TooManyFailures { retry_s: 61 });
        assert_eq!(throttle.failure_at(source(2), start), ApiError::Unauthorized);
        assert_eq!(throttle.failure_at(source(1), start + WINDOW), ApiError::Unauthorized);
    }

    #[test]
    fn the_table_is_bounded() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let sources = u32::try_from(limits::TOKEN_SOURCES).expect("a few thousand");
        for last in 0..sources + 100 {
            throttle.failure_at(source(last), start);
        }
        let held = throttle.sources.lock().expect("nobody panicked").len();
        assert_eq!(held, limits::TOKEN_SOURCES);
    }
}
