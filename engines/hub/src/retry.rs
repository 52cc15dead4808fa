//! How long to wait before the same is tried again.

use std::time::Duration;
use std::time::SystemTime;

/// How tries again are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Before the second try; doubled each time.
    pub first: Duration,
    /// The longest wait, whatever the hub asks for.
    pub longest: Duration,
    /// Tries without any byte in between before it is given up.
    pub tries: u32,
}

impl Default for Retry {
    /// A guess: some twelve minutes of a hub out of order.
    fn default() -> Self {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        Self { first, longest, tries: 18 }
    }
}

impl Retry {
    /// The wait after so many tries that failed, and what the hub asked for.
    pub(crate) fn wait(&self, failed: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1 << failed.saturating_sub(1).min(16));
        asked.map_or(doubled, |asked| asked.max(doubled)).min(self.longest)
    }
}

/// What `Retry-After` says: seconds or a date (RFC 9110, 10.2.3). Nonsense is nothing.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_f08_waits_are_capped_whatever_the_hub_asks() {
        let retry = Retry::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text| retry_after(text, now);
        assert_eq!(after("5"), Some(Duration::from_secs(5)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        for nonsense in ["", "-5", "1e12", "soon", "Sun, 06 Nov 1994 08:00:00 GMT"] {
            assert_eq!(after(nonsense), None, "{nonsense:?}");
        }
        for huge in ["1000000000000", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
        {
            let asked = after(huge);
            assert!(asked.is_some(), "{huge:?}");
            assert_eq!(retry.wait(1, asked), retry.longest, "{huge:?}");
        }
        assert_eq!(retry.wait(1, None), Duration::from_secs(1));
        assert_eq!(retry.wait(3, None), Duration::from_secs(4));
        assert_eq!(retry.wait(1, Some(Duration::from_secs(5))), Duration::from_secs(5));
        assert_eq!(retry.wait(u32::MAX, None), retry.longest);
    }
}
