//! What decides whether this computer lends itself: what a person told it, its schedule, its power,
//! and whether it is in use. Each part is a plain value that is told what was measured.

mod power;
mod reading;
mod schedule;
mod seat;
mod size;

use pumasi_protocol::Admission;
use pumasi_web::api;

pub(crate) use power::{Power, power};
pub(crate) use reading::Reading;
pub(crate) use schedule::moment;
pub use schedule::{Schedule, ScheduleError};
pub(crate) use seat::Seat;
pub use size::{Size, SizeError};

/// The setting of the store that remembers what a person told.
pub(crate) const SETTING: &str = "lend";

/// What a person told this computer, as it outlives restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) lend: api::Lend,
    /// When a pause ends, Unix time in milliseconds.
    pub(crate) until_ms: Option<u64>,
}

impl Told {
    /// As it is kept; `None` is what a computer does that was told nothing.
    pub(crate) fn to_setting(self) -> Option<String> {
        match (self.lend, self.until_ms) {
            (api::Lend::Accepting, _) => None,
            (api::Lend::Paused, None) => Some("paused".to_owned()),
            (api::Lend::Paused, Some(until)) => Some(format!("paused {until}")),
            (api::Lend::Draining, _) => Some("draining".to_owned()),
        }
    }

    /// What was kept. What cannot be read was written by another version: then it pauses, because
    /// it was told something, and it says so.
    pub(crate) fn from_setting(setting: Option<&str>) -> Self {
        let paused = |until_ms| Self { lend: api::Lend::Paused, until_ms };
        match setting.map(|text| text.split_once(' ').unwrap_or((text, ""))) {
            None => Self::default(),
            Some(("draining", "")) => Self { lend: api::Lend::Draining, until_ms: None },
            Some(("paused", until)) => paused(until.parse().ok()),
            Some(_) => paused(None),
        }
    }

    /// What holds at this moment: a pause may be over.
    pub(crate) fn at(self, now_ms: u64) -> Self {
        let over = self.until_ms.is_some_and(|until| until <= now_ms);
        if over { Self::default() } else { self }
    }
}

/// Why this computer takes no jobs of others.
pub(crate) fn holds(
    told: Told,
    lent_now: bool,
    power_allows: bool,
    pauses_in_use: bool,
) -> Vec<api::Hold> {
    let mut holds = Vec::new();
    if told.lend != api::Lend::Accepting {
        holds.push(api::Hold::Told);
    }
    if !lent_now {
        holds.push(api::Hold::Schedule);
    }
    if !power_allows {
        holds.push(api::Hold::Battery);
    }
    if pauses_in_use {
        holds.push(api::Hold::InUse);
    }
    holds
}

/// What the mesh is told of it.
pub(crate) fn admission(told: Told, holds: &[api::Hold]) -> Admission {
    match (told.lend, holds) {
        (api::Lend::Draining, _) => Admission::Draining,
        (api::Lend::Accepting | api::Lend::Paused, []) => Admission::Accepting,
        (api::Lend::Accepting | api::Lend::Paused, [api::Hold::InUse]) => Admission::OwnerBusy,
        (api::Lend::Accepting | api::Lend::Paused, _) => Admission::Paused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_outlives_a_restart_and_a_pause_its_time_only() {
        let paused = |until_ms| Told { lend: api::Lend::Paused, until_ms };
        let draining = Told { lend: api::Lend::Draining, until_ms: None };
        for told in [Told::default(), paused(None), paused(Some(9)), draining] {
            assert_eq!(Told::from_setting(told.to_setting().as_deref()), told);
        }
        assert_eq!(Told::from_setting(Some("of a later version")), paused(None));
        assert_eq!(paused(Some(9)).at(8), paused(Some(9)));
        assert_eq!(paused(Some(9)).at(9), Told::default());
    }

    #[test]
    fn the_strongest_reason_is_what_the_mesh_hears() {
        let of = |told, lent, power, in_use| admission(told, &holds(told, lent, power, in_use));
        let (free, draining) =
            (Told::default(), Told { lend: api::Lend::Draining, until_ms: None });
        assert_eq!(of(free, true, true, false), Admission::Accepting);
        assert_eq!(of(free, true, true, true), Admission::OwnerBusy);
        assert_eq!(of(free, true, false, true), Admission::Paused);
        assert_eq!(of(free, false, true, false), Admission::Paused);
        assert_eq!(of(draining, false, true, true), Admission::Draining);
    }
}
