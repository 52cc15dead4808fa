//! What becomes of one datagram or one piece of a stream: pure, from the weather, a seed and a count.

use std::str::FromStr;
use std::time::Duration;

use crate::chaos::Dice;

/// How a way behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Datagrams lost, in a thousand. Streams lose nothing: their system sends again, and that is a
    /// delay.
    pub drop_permille: u32,
    /// Datagrams that come twice, in a thousand.
    pub double_permille: u32,
    /// How long everything takes longer, in milliseconds.
    pub delay_ms: u32,
    /// How much of it varies, in milliseconds: what varies overtakes.
    pub jitter_ms: u32,
    /// Bytes a second; 0: no limit.
    pub bytes_per_s: u32,
    /// Nothing passes.
    pub cut: bool,
}

impl FromStr for Weather {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weather = Self::default();
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, "1"));
            let value: u32 = value.parse().map_err(|_| format!("no number: {word}"))?;
            match key {
                "clear" => weather = Self::default(),
                "cut" => weather.cut = value > 0,
                "drop" => weather.drop_permille = value,
                "double" => weather.double_permille = value,
                "delay" => weather.delay_ms = value,
                "jitter" => weather.jitter_ms = value,
                "bytes_per_s" => weather.bytes_per_s = value,
                other => return Err(format!("no weather: {other}")),
            }
        }
        Ok(weather)
    }
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is lost.
    Lost,
    /// It arrives after this time.
    Arrives(Duration),
    /// It arrives twice, after these times.
    Doubled(Duration, Duration),
}

impl Weather {
    /// The fate of the datagram of this number on a way with this seed. The same for the same
    /// arguments, so that leaving one out does not change the others.
    #[must_use]
    pub fn fate(&self, seed: u64, number: u64, bytes: usize) -> Fate {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        if self.cut || dice.happens(self.drop_permille.into()) {
            return Fate::Lost;
        }
        let first = self.delay(&mut dice) + self.transfer(bytes);
        if dice.happens(self.double_permille.into()) {
            Fate::Doubled(first, first + self.delay(&mut dice))
        } else {
            Fate::Arrives(first)
        }
    }

    fn delay(&self, dice: &mut Dice) -> Duration {
        let jitter = dice.below(u64::from(self.jitter_ms) + 1);
        Duration::from_millis(u64::from(self.delay_ms) + jitter)
    }

    /// How long these bytes take at the width of the way.
    #[must_use]
    pub fn transfer(&self, bytes: usize) -> Duration {
        match self.bytes_per_s {
            0 => Duration::ZERO,
            width => Duration::from_secs_f64(bytes as f64 / f64::from(width)),
        }
    }

    /// How much longer a piece of a stream takes.
    #[must_use]
    pub fn lag(&self) -> Duration {
        // What is lost is sent again after a time of this order.
        let again = u64::from(self.drop_permille) * 200 / 1_000;
        Duration::from_millis(u64::from(self.delay_ms) + again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weather_is_read_from_words() {
        let weather: Weather = "drop=200 delay=30 jitter=20 double=10".parse().expect("weather");
        assert_eq!((weather.drop_permille, weather.delay_ms, weather.jitter_ms), (200, 30, 20));
        assert_eq!("cut".parse(), Ok(Weather { cut: true, ..Weather::default() }));
        assert_eq!("drop=5 clear".parse(), Ok(Weather::default()));
        assert!("rain=1".parse::<Weather>().is_err() && "drop=much".parse::<Weather>().is_err());
    }

    #[test]
    fn fates_are_as_frequent_as_said_and_the_same_for_the_same_seed() {
        let weather: Weather = "drop=200 double=100 delay=30 jitter=20".parse().expect("weather");
        let fates: Vec<Fate> = (0..10_000).map(|n| weather.fate(7, n, 100)).collect();
        assert_eq!(fates[99], weather.fate(7, 99, 100));
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        let twice = fates.iter().filter(|fate| matches!(fate, Fate::Doubled(..))).count();
        assert!((600..1_000).contains(&twice), "{twice}");
        let early = |fate: &Fate| match fate {
            Fate::Lost => false,
            Fate::Arrives(after) | Fate::Doubled(after, _) => {
                *after < Duration::from_millis(30) || *after > Duration::from_millis(50)
            }
        };
        assert!(!fates.iter().any(early));
        let cut: Weather = "cut".parse().expect("weather");
        assert!((0..100).all(|n| cut.fate(1, n, 1) == Fate::Lost));
    }

    #[test]
    fn a_narrow_way_takes_its_time() {
        let narrow: Weather = "bytes_per_s=1000".parse().expect("weather");
        assert_eq!(narrow.transfer(500), Duration::from_millis(500));
        assert_eq!(Weather::default().transfer(1 << 30), Duration::ZERO);
    }
}
