//! What a person settles about one provider, checked when it is read.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::BaseFault;
use crate::breaker::{BreakerConfig, BreakerFault};
use crate::limits;
use crate::secret::BadKey;

/// A provider's short name: lower-case letters, digits and dashes, at most 32.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId(String);

/// Why a text is no provider's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a provider's id is a letter or digit and up to 31 more letters, digits and dashes")]
pub struct BadId;

impl ProviderId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(plain);
        let goes_on = text.bytes().all(|byte| plain(byte) || byte == b'-');
        if begins && goes_on && text.len() <= limits::ID_CHARS {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId)
        }
    }
}

impl TryFrom<String> for ProviderId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One provider's settings. Times are in seconds. Its key is not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it is called here.
    pub id: ProviderId,
    /// Which row of the table of kinds it is.
    pub kind: String,
    /// Its base address, where the kind has none or another one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Only these models; empty: whatever it lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// By contract it keeps nothing that it is sent and learns nothing from it: a person says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_nothing: bool,
    /// When it is left in peace.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// Until a connection stands, its handshake included. Default 5 s (guess: three lost packets).
    #[serde(default = "defaults::connect", with = "crate::seconds")]
    pub connect: Duration,
    /// From then until the first byte of the answer. Default 120 s (guess: a whole reply comes when it
    /// is done, and models that think take their time).
    #[serde(default = "defaults::first_byte", with = "crate::seconds")]
    pub first_byte: Duration,
    /// Between two pieces of an answer. Default 60 s (guess).
    #[serde(default = "defaults::silence", with = "crate::seconds")]
    pub silence: Duration,
    /// For all of it. Default: as long as it takes.
    #[serde(default, with = "crate::seconds::optional", skip_serializing_if = "Option::is_none")]
    pub total: Option<Duration>,
}

mod defaults {
    use std::time::Duration;

    pub(super) fn connect() -> Duration {
        Duration::from_secs(5)
    }

    pub(super) fn first_byte() -> Duration {
        Duration::from_secs(120)
    }

    pub(super) fn silence() -> Duration {
        Duration::from_secs(60)
    }
}

impl Settings {
    /// A provider of this kind with every setting at its default.
    #[must_use]
    pub fn new(id: ProviderId, kind: impl Into<String>) -> Self {
        Self {
            id,
            kind: kind.into(),
            base: None,
            models: Vec::new(),
            keeps_nothing: false,
            breaker: BreakerConfig::default(),
            connect: defaults::connect(),
            first_byte: defaults::first_byte(),
            silence: defaults::silence(),
            total: None,
        }
    }
}

/// Why a provider cannot be set up. A person reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The kind is not in the table.
    #[error("there is no such kind of provider; choose one from the list of kinds")]
    UnknownKind,
    /// The kind has no address of its own.
    #[error("this kind of provider needs its address; give it as `base`")]
    NoBase,
    /// The address is none.
    #[error("the address cannot be used: {0}")]
    Base(#[from] BaseFault),
    /// The kind needs a key.
    #[error("this provider needs a key; make one on its site and enter it")]
    KeyNeeded,
    /// The key is none.
    #[error("{0}")]
    Key(#[from] BadKey),
    /// A key would travel where everybody on the way can read it.
    #[error("a key is not sent without encryption to another network; use https")]
    PlainKey,
    /// A cloud is asked over HTTPS only.
    #[error("this provider is asked over https only")]
    PlainCloud,
    /// The breaker's numbers make no sense.
    #[error("the breaker's settings cannot be used: {0}")]
    Breaker(#[from] BreakerFault),
    /// More models than one provider may have, or a name that is none.
    #[error("the list of models has too many entries or a name that is none")]
    Models,
    /// Nobody's certificate could be checked.
    #[error("this computer has no list of certificate authorities; install `ca-certificates`")]
    NoRoots,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_slug() {
        for good in ["a", "0", "openai", "my-openai-2", &"x".repeat(32)] {
            assert_eq!(good.parse::<ProviderId>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "A", "a b", "a/b", "../x", "ä", "a\n", &"x".repeat(33)] {
            assert_eq!(bad.parse::<ProviderId>(), Err(BadId), "{bad:?}");
        }
    }

    #[test]
    fn settings_are_read_with_their_defaults_and_nothing_unknown() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        let least = read("id = \"a\"\nkind = \"openai\"").expect("settings");
        assert_eq!(least, Settings::new("a".parse().expect("an id"), "openai"));
        let text =
            "id = \"a\"\nkind = \"vllm\"\nsilence = 2.5\ntotal = 60\n[breaker]\nconsecutive = 3";
        let more = read(text).expect("settings");
        assert_eq!(more.silence, Duration::from_millis(2_500));
        assert_eq!((more.total, more.breaker.consecutive), (Some(Duration::from_secs(60)), 3));
        let again = toml::to_string(&more).expect("settings can be written");
        assert_eq!(read(&again), Ok(more));
        for bad in ["key = \"x\"", "silence = 0", "silence = -1", "silence = nan", "total = 1e9"] {
            assert!(read(&format!("id = \"a\"\nkind = \"openai\"\n{bad}")).is_err(), "{bad}");
        }
    }
}
