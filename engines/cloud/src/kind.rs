//! The table of kinds of providers: data, in `kinds.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pumasi_dialects::provider::Speech;
use serde::{Deserialize, Deserializer};

/// One kind of provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What settings call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What stands before the paths of its dialect; none where the person gives it.
    pub base: Option<String>,
    /// The language that it speaks.
    #[serde(deserialize_with = "speech")]
    pub speech: Speech,
    /// Where its key goes.
    pub auth: Auth,
    /// Whether it wants one.
    pub key: KeyNeed,
    /// Ports of this computer on which it usually answers.
    #[serde(default)]
    pub local_ports: Vec<u16>,
    /// A cloud that costs money, or at least takes text out of the office.
    pub paid: bool,
    /// How it differs from its dialect.
    #[serde(default)]
    pub quirks: Quirks,
    /// The page where a person makes a key.
    pub keys_at: Option<String>,
}

/// How a key travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer`.
    Bearer,
    /// `x-api-key`.
    XApiKey,
    /// `x-goog-api-key`.
    GoogApiKey,
    /// `api-key`.
    AzureApiKey,
    /// Not at all.
    None,
}

/// Whether a kind wants a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyNeed {
    /// Nothing works without.
    Required,
    /// Some installations want one.
    Optional,
    /// None is sent, even if there is one.
    None,
}

/// How models are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// `GET /models`, OpenAI's way.
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
    /// `GET /v1/models`, in pages.
    Anthropic,
    /// `GET /v1beta/models`, in pages.
    Gemini,
    /// Not at all: the person names them, or they are known.
    Given,
}

/// How a kind differs from its dialect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// It knows what local servers add to OpenAI's API (`Target::extensions`).
    pub extensions: bool,
    /// It wants `max_tokens`, not `max_completion_tokens` (`Target::older_ceiling`).
    pub older_ceiling: bool,
    /// It takes `stream_options.include_usage`; the others count by themselves, or not at all.
    pub stream_usage: bool,
    /// It takes OpenRouter's field `provider` (`Target::preferences`).
    pub routing_words: bool,
    /// Headers that every call carries.
    pub headers: BTreeMap<String, String>,
    /// How its models are listed.
    pub models: Listing,
    /// Models that it is known to have, where it lists none.
    pub known: Vec<String>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            extensions: false,
            older_ceiling: true,
            stream_usage: true,
            routing_words: false,
            headers: BTreeMap::new(),
            models: Listing::OpenAi,
            known: Vec::new(),
        }
    }
}

fn speech<'de, D: Deserializer<'de>>(from: D) -> Result<Speech, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        OpenAi,
        Anthropic,
        Gemini,
    }
    Ok(match Word::deserialize(from)? {
        Word::OpenAi => Speech::OpenAi,
        Word::Anthropic => Speech::Anthropic,
        Word::Gemini => Speech::Gemini,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: Vec<Kind>,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("kinds.toml")).expect("a test reads the table");
    table.kind
});

/// All kinds, in the order in which a person chooses.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The kind with this id.
#[must_use]
pub fn kind(id: &str) -> Option<&'static Kind> {
    kinds().iter().find(|kind| kind.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::address::Base;
    use crate::settings::ProviderId;

    #[test]
    fn every_row_of_the_table_makes_sense() {
        let mut ids = BTreeSet::new();
        for kind in kinds() {
            let id = &kind.id;
            assert!(ids.insert(id), "{id} twice");
            assert!(id.parse::<ProviderId>().is_ok() && !kind.name.is_empty(), "{id}");
            let base = kind.base.as_deref().map(|base| Base::parse(base).expect(id));
            assert!(base.is_none_or(|base| base.is_encrypted() || base.is_near()), "{id}");
            assert_eq!(kind.auth == Auth::None, kind.key == KeyNeed::None, "{id}");
            assert_eq!(kind.keys_at.is_some(), kind.paid, "{id}: where is a key made?");
            assert!(!kind.paid || kind.key == KeyNeed::Required, "{id}");
            assert!(!kind.paid || kind.local_ports.is_empty(), "{id}");
            for (name, value) in &kind.quirks.headers {
                assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{id}: {name}");
                assert!(HeaderValue::from_str(value).is_ok(), "{id}: {name}");
            }
            let given = kind.quirks.models == Listing::Given;
            assert!(given || kind.quirks.known.is_empty(), "{id}");
            let known = kind.quirks.known.iter();
            assert!(known.clone().all(|name| crate::listing::is_name(name)), "{id}");
        }
        assert_eq!(kinds().len(), 25);
    }

    #[test]
    fn dialects_have_their_headers_and_their_way_of_listing() {
        for kind in kinds() {
            let version = kind.quirks.headers.contains_key("anthropic-version");
            assert_eq!(version, kind.speech == Speech::Anthropic, "{}", kind.id);
            let listing = match kind.speech {
                Speech::OpenAi => [Listing::OpenAi, Listing::Given],
                Speech::Anthropic => [Listing::Anthropic; 2],
                Speech::Gemini => [Listing::Gemini; 2],
            };
            assert!(listing.contains(&kind.quirks.models), "{}", kind.id);
        }
    }
}
