//! When a computer is lent: `mon-fri 18:00-08:00, sat-sun`. Entries are days, hours or both; hours that
//! end before they begin reach into the next morning. Local time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MINUTES: u16 = 24 * 60;
/// Entries of one schedule.
const ENTRIES: usize = 32;

/// A moment of the week on the wall's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since Monday.
    pub(crate) day: u8,
    /// Minutes since midnight.
    pub(crate) minute: u16,
}

/// This moment, in the time zone of this computer.
pub(crate) fn moment() -> Moment {
    let now = jiff::Zoned::now();
    let day = now.weekday().to_monday_zero_offset();
    let minute = i16::from(now.hour()) * 60 + i16::from(now.minute());
    Moment { day: day.unsigned_abs(), minute: minute.unsigned_abs() }
}

/// When a computer is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Whether it begins on a day, from Monday.
    days: [bool; 7],
    /// Minutes since midnight; an end that is not after its beginning is on the next day.
    from: u16,
    to: u16,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A word that is neither a day nor hours.
    #[error("'{0}' is neither days (mon-fri) nor hours (18:00-08:00)")]
    Word(String),
    /// Hours that begin when they end.
    #[error("'{0}' begins when it ends; leave the hours out for the whole day")]
    Empty(String),
    /// No entry, or too many.
    #[error("a schedule has 1 to {ENTRIES} entries, as in 'mon-fri 18:00-08:00, sat-sun'")]
    Entries,
}

impl Schedule {
    /// Whether the computer is lent at a moment.
    pub(crate) fn lends_at(&self, moment: Moment) -> bool {
        self.entries.iter().any(|entry| entry.covers(moment))
    }
}

impl Entry {
    fn covers(&self, moment: Moment) -> bool {
        let today = usize::from(moment.day) % 7;
        let yesterday = (today + 6) % 7;
        let Self { days, from, to } = *self;
        if from < to {
            days[today] && (from..to).contains(&moment.minute)
        } else {
            (days[today] && moment.minute >= from) || (days[yesterday] && moment.minute < to)
        }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
        if entries.is_empty() || entries.len() > ENTRIES {
            return Err(ScheduleError::Entries);
        }
        let parsed: Result<Vec<Entry>, _> = entries.iter().map(|entry| parse(entry)).collect();
        Ok(Self { text: entries.join(", "), entries: parsed? })
    }
}

fn parse(text: &str) -> Result<Entry, ScheduleError> {
    let (mut days, mut hours) = (None, None);
    for word in text.split_whitespace() {
        let word = word.to_ascii_lowercase();
        if let (None, None, Some(read)) = (days, hours, read_days(&word)) {
            days = Some(read);
        } else if let (None, Some(read)) = (hours, read_hours(&word)) {
            hours = Some(read);
        } else {
            return Err(ScheduleError::Word(word));
        }
    }
    let (from, to) = hours.unwrap_or((0, DAY_MINUTES));
    if from == to {
        return Err(ScheduleError::Empty(text.to_owned()));
    }
    Ok(Entry { days: days.unwrap_or([true; 7]), from, to })
}

/// `fri`, or `fri-mon`.
fn read_days(word: &str) -> Option<[bool; 7]> {
    let of = |name: &str| DAYS.iter().position(|day| *day == name);
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (of(first)?, of(last)?);
    let count = (last + 7 - first) % 7;
    let mut days = [false; 7];
    (0..=count).for_each(|n| days[(first + n) % 7] = true);
    Some(days)
}

/// `18:00-08:00`.
fn read_hours(word: &str) -> Option<(u16, u16)> {
    let (from, to) = word.split_once('-')?;
    let (from, to) = (read_minute(from)?, read_minute(to)?);
    (from < DAY_MINUTES).then_some((from, to))
}

fn read_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lends(schedule: &str, day: &str, time: &str) -> bool {
        let schedule: Schedule = schedule.parse().expect("a schedule");
        let day = DAYS.iter().position(|d| *d == day).expect("a day");
        let minute = read_minute(time).expect("a time");
        schedule.lends_at(Moment { day: u8::try_from(day).expect("seven days"), minute })
    }

    #[test]
    fn a_night_belongs_to_the_evening_that_it_begins_in() {
        let nights = "mon-fri 18:00-08:00";
        assert!(!lends(nights, "mon", "07:59"), "Sunday's night is not lent");
        assert!(!lends(nights, "mon", "17:59") && lends(nights, "mon", "18:00"));
        assert!(lends(nights, "tue", "07:59") && !lends(nights, "tue", "08:00"));
        assert!(lends(nights, "sat", "07:59") && !lends(nights, "sat", "18:00"));
    }

    #[test]
    fn days_alone_are_whole_and_hours_alone_are_daily() {
        assert!(lends("sat-sun", "sat", "00:00") && lends("sat-sun", "sun", "23:59"));
        assert!(!lends("sat-sun", "mon", "00:00"));
        assert!(lends("fri-mon", "sun", "12:00") && !lends("fri-mon", "tue", "12:00"));
        assert!(lends("12:00-13:00", "wed", "12:30") && !lends("12:00-13:00", "wed", "13:00"));
        assert!(
            lends("Mon 9:00-24:00", "mon", "23:59") && !lends("mon 9:00-24:00", "tue", "00:00")
        );
        let both = "mon-fri 18:00-08:00, sat-sun";
        assert!(lends(both, "sat", "15:00") && lends(both, "fri", "20:00"));
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_its_word() {
        let of = |text: &str| text.parse::<Schedule>().expect_err("no schedule");
        assert_eq!(of(""), ScheduleError::Entries);
        assert_eq!(of(" , "), ScheduleError::Entries);
        assert_eq!(of("mon 08:00-08:00"), ScheduleError::Empty("mon 08:00-08:00".to_owned()));
        for (text, word) in [
            ("weekends", "weekends"),
            ("mon tue", "tue"),
            ("18:00-08:00 mon", "mon"),
            ("mon 25:00-26:00", "25:00-26:00"),
            ("mon 8-9", "8-9"),
            ("mon 08:60-09:00", "08:60-09:00"),
            ("mon 24:00-09:00", "24:00-09:00"),
        ] {
            assert_eq!(of(text), ScheduleError::Word(word.to_owned()), "{text}");
        }
    }
}
