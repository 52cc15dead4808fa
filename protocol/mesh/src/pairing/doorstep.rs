//! The doorstep: which digits a newcomer shows, for how long, and who may try them. One guess for
//! each; a source that guesses wrongly waits; after ten wrong ones a person must want more.
//!
//! It is told the time in milliseconds of a clock that only goes forward, and fresh digits whenever
//! it may need some.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Digits, PairingRefusal};
use crate::limits::{
    PAIRING_DIGITS_MS, PAIRING_FAILURES, PAIRING_OPEN_MS, PAIRING_SOURCE_FAILURES,
    PAIRING_SOURCE_MS, PAIRING_SOURCES,
};

/// Where guesses come from: an IPv4 address, or the first half of an IPv6 address, of which one
/// computer has as many as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(u128);

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_ipv6_mapped().to_bits()),
            IpAddr::V6(ip) => Self(ip.to_bits() >> 64 << 64),
        }
    }
}

/// Digits that a person can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The digits.
    pub digits: Digits,
    /// When they are replaced.
    pub until_ms: u64,
}

/// What a newcomer's screen says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody looks, so nobody may try.
    Closed,
    /// The door waits for these digits; so many wrong ones were tried since a person last opened it.
    Open(Shown, u32),
    /// Too many wrong digits: it waits for a person to open it again.
    Shut,
}

/// One exchange about one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The digits that it is about.
    pub digits: Digits,
    source: Source,
    number: u64,
}

/// Wrong digits of one source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong {
    count: u32,
    since_ms: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Doorstep {
    shown: Option<Shown>,
    /// Counts the digits that were shown.
    number: u64,
    /// Until when somebody looks.
    open_until_ms: u64,
    failures: u32,
    pub(super) sources: BTreeMap<Source, Wrong>,
}

impl Doorstep {
    /// A person looks, and waits to be let in. `again`: also after too many wrong digits.
    pub fn look(&mut self, now_ms: u64, again: bool, fresh: Digits) -> Standing {
        if again {
            self.failures = 0;
        }
        self.open_until_ms = now_ms.saturating_add(PAIRING_OPEN_MS);
        self.standing(now_ms, fresh)
    }

    /// What the screen says; digits whose time is over are replaced.
    pub fn standing(&mut self, now_ms: u64, fresh: Digits) -> Standing {
        if self.failures >= PAIRING_FAILURES {
            self.shown = None;
            return Standing::Shut;
        }
        if now_ms >= self.open_until_ms {
            self.shown = None;
            return Standing::Closed;
        }
        let shown = match self.shown.filter(|shown| now_ms < shown.until_ms) {
            Some(shown) => shown,
            None => self.show(now_ms, fresh),
        };
        Standing::Open(shown, self.failures)
    }

    /// Whether it waits for digits: what the newcomer may announce.
    #[must_use]
    pub fn is_open(&self, now_ms: u64) -> bool {
        self.failures < PAIRING_FAILURES && now_ms < self.open_until_ms
    }

    fn show(&mut self, now_ms: u64, digits: Digits) -> Shown {
        let shown = Shown { digits, until_ms: now_ms.saturating_add(PAIRING_DIGITS_MS) };
        self.number += 1;
        *self.shown.insert(shown)
    }

    /// Somebody dials the door. Costs nothing yet: neither side learns anything of the digits.
    ///
    /// # Errors
    /// [`PairingRefusal::Closed`], `Shut`, `Throttled`, or `Spent` where the digits' time was over.
    pub fn begin(
        &mut self,
        now_ms: u64,
        source: Source,
        fresh: Digits,
    ) -> Result<Trial, PairingRefusal> {
        let before = self.number;
        let shown = match self.standing(now_ms, fresh) {
            Standing::Closed => return Err(PairingRefusal::Closed),
            Standing::Shut => return Err(PairingRefusal::Shut),
            Standing::Open(shown, _) => shown,
        };
        if self.is_throttled(now_ms, source) {
            return Err(PairingRefusal::Throttled);
        }
        if self.number != before {
            return Err(PairingRefusal::Spent);
        }
        Ok(Trial { digits: shown.digits, source, number: self.number })
    }

    /// Somebody proves that they know the digits: whatever comes of it, nobody else may try them.
    ///
    /// # Errors
    /// [`PairingRefusal::Spent`] where somebody did so before, or `Throttled`.
    pub fn spend(&mut self, now_ms: u64, trial: Trial) -> Result<(), PairingRefusal> {
        if self.shown.is_none() || self.number != trial.number {
            return Err(PairingRefusal::Spent);
        }
        if self.is_throttled(now_ms, trial.source) {
            return Err(PairingRefusal::Throttled);
        }
        self.shown = None;
        Ok(())
    }

    /// The proof was wrong.
    pub fn note_wrong(&mut self, now_ms: u64, trial: Trial) {
        self.failures = self.failures.saturating_add(1);
        if self.sources.len() >= PAIRING_SOURCES {
            self.forget_sources(now_ms);
        }
        let wrong = self.sources.entry(trial.source);
        wrong.or_insert(Wrong { count: 0, since_ms: now_ms }).count += 1;
    }

    /// Those whose time is over, or else the one that has waited longest.
    fn forget_sources(&mut self, now_ms: u64) {
        self.sources.retain(|_, wrong| !is_over(wrong, now_ms));
        let oldest = self.sources.iter().min_by_key(|(_, wrong)| wrong.since_ms);
        let oldest = oldest.map(|(source, _)| *source);
        if let Some(oldest) = oldest.filter(|_| self.sources.len() >= PAIRING_SOURCES) {
            self.sources.remove(&oldest);
        }
    }

    fn is_throttled(&mut self, now_ms: u64, source: Source) -> bool {
        if self.sources.get(&source).is_some_and(|wrong| is_over(wrong, now_ms)) {
            self.sources.remove(&source);
        }
        self.sources.get(&source).is_some_and(|wrong| wrong.count >= PAIRING_SOURCE_FAILURES)
    }

    /// The door is not needed any more.
    pub fn close(&mut self) {
        *self = Self { number: self.number, ..Self::default() };
    }
}

fn is_over(wrong: &Wrong, now_ms: u64) -> bool {
    now_ms.saturating_sub(wrong.since_ms) >= PAIRING_SOURCE_MS
}
