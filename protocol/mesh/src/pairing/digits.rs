//! Six digits: what a newcomer shows and an admin types. A secret as long as they are shown.

use std::fmt;
use std::str::FromStr;

/// How many digits there are.
const COUNT: usize = 6;
/// How many different codes that makes.
const CODES: u64 = 1_000_000;
/// Longest text that is looked at, in bytes.
const TEXT_BYTES: usize = 64;

/// Six digits. Their text form is a secret; their debug form is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digits(u32);

/// A text is not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the six digits that the new computer shows")]
pub struct DigitsError;

impl Digits {
    /// From random bytes, all codes alike (the bias of the remainder is below 2⁻⁴⁴).
    #[must_use]
    pub fn from_random(bytes: [u8; 8]) -> Self {
        let code = u64::from_le_bytes(bytes) % CODES;
        Self(u32::try_from(code).expect("below a million"))
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(…)")
    }
}

/// The value of a digit, of those that keyboards for Korean, Japanese and Chinese write too.
fn value(c: char) -> Option<u32> {
    match c {
        '0'..='9' => c.to_digit(10),
        '\u{ff10}'..='\u{ff19}' => Some(u32::from(c) - 0xff10),
        _ => None,
    }
}

impl FromStr for Digits {
    type Err = DigitsError;
    /// Spaces and hyphens between the digits do not matter.
    fn from_str(text: &str) -> Result<Self, DigitsError> {
        if text.len() > TEXT_BYTES {
            return Err(DigitsError);
        }
        let (mut code, mut count) = (0, 0);
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            code = code * 10 + value(c).ok_or(DigitsError)?;
            count += 1;
            if count > COUNT {
                return Err(DigitsError);
            }
        }
        if count == COUNT { Ok(Self(code)) } else { Err(DigitsError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cat_c01_digits_are_read_as_people_write_them_and_nothing_else_is() {
        for text in ["012345", "012 345", " 012-345\n", "０１２３４５", "0 1 2 3 4 5"] {
            assert_eq!(text.parse::<Digits>().map(|d| d.to_string()), Ok("012345".to_owned()));
        }
        let long = "1".repeat(1 << 20);
        for text in ["", "12345", "1234567", "12345x", "-12.34", "１２３４５", "²23456", &long]
        {
            assert_eq!(text.parse::<Digits>(), Err(DigitsError), "{text:.20}");
        }
        assert_eq!(format!("{:?}", "012345".parse::<Digits>()), "Ok(Digits(…))");
    }

    proptest! {
        #[test]
        fn all_codes_have_six_digits_and_are_read_back(bytes: [u8; 8]) {
            let digits = Digits::from_random(bytes);
            prop_assert_eq!(digits.to_string().len(), COUNT);
            prop_assert_eq!(digits.to_string().parse(), Ok(digits));
        }
    }
}
