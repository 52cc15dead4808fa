//! An amount of memory as people write it: `8GB`, `7.5 GiB`, `500MB`, or plain bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number with a unit, as in 8GB, 7.5GiB or 500MB")]
pub struct SizeError;

const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("g", 1 << 30),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = unit.trim().to_ascii_lowercase();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SizeError)?;
        let number: f64 = number.parse().map_err(|_| SizeError)?;
        let bytes = number * *factor as f64;
        // Above this a float is no exact number of bytes, and no machine has as much.
        if bytes.is_finite() && bytes <= (1_u64 << 50) as f64 {
            Ok(Self(bytes as u64))
        } else {
            Err(SizeError)
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_nothing_else_is() {
        let of = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(of("8GB"), Ok(8_000_000_000));
        assert_eq!(of(" 7.5 GiB "), Ok(8_053_063_680));
        assert_eq!(of("500mb"), Ok(500_000_000));
        assert_eq!(of("1024"), Ok(1_024));
        assert_eq!(of("0"), Ok(0));
        for bad in ["", "GB", "-1GB", "8 bananas", "1e9GB", "9999999TB", "1.2.3GB", "half"] {
            assert_eq!(of(bad), Err(SizeError), "{bad}");
        }
    }
}
