//! The settings of lending: when this computer works for others, and what that does while its person
//! uses it.

use pumasi_scheduler::Yield;
use serde::Deserialize;

use super::{Schedule, Settings};

/// Percentage of the machine that other programs must take for it to count as in use (guess: a
/// browser at rest takes a few, a build or a game far more).
const BUSY_PERCENT: u8 = 50;

/// What work for others does while this computer is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YieldPolicy {
    /// It pauses, and goes on elsewhere if that lasts; new work is not taken meanwhile
    Pause,
    /// It runs at a fraction of its speed
    Slow,
    /// Nothing: only in the queue does this computer's person go first
    None,
}

/// A percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct Percent(pub u8);

/// A number that is no percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a percentage is a whole number from 0 to 100")]
pub struct PercentError;

impl TryFrom<u8> for Percent {
    type Error = PercentError;

    fn try_from(number: u8) -> Result<Self, PercentError> {
        if number <= 100 { Ok(Self(number)) } else { Err(PercentError) }
    }
}

impl std::str::FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let number = text.trim_end_matches('%').parse::<u8>().map_err(|_| PercentError)?;
        Self::try_from(number)
    }
}

/// When and how this computer works for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LendingConfig {
    /// What work for others does while this computer is in use.
    pub yields: Yield,
    /// Percentage that other programs must take for it to count as in use; 0: never.
    pub busy_percent: u32,
    /// When it is lent; none: always.
    pub schedule: Option<Schedule>,
    /// Whether it is lent on battery.
    pub on_battery: bool,
    /// Bytes that models may take together while they run for others; none: no cap.
    pub memory: Option<u64>,
}

impl LendingConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            yields: match settings.yields {
                Some(YieldPolicy::Pause) => Yield::Pause,
                Some(YieldPolicy::Slow) | None => Yield::Slow,
                Some(YieldPolicy::None) => Yield::None,
            },
            busy_percent: settings.busy_percent.map_or(BUSY_PERCENT, |percent| percent.0).into(),
            schedule: settings.lend.clone(),
            on_battery: settings.lend_on_battery.unwrap_or(false),
            memory: settings.lend_memory.map(|size| size.0),
        }
    }
}
