//! Model services of one node that others ask through it: what is shared, the head of a call, and the
//! frames of its answer. Who may ask, what it costs and where the key lies is the sharing node's business.

use serde::{Deserialize, Serialize};

use crate::limits;

/// What a member wants of another one's providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderAsk {
    /// What is shared with the asker: [`ProviderFrame::Shared`] at once, and again after each change,
    /// until the asker ends the stream.
    Watch,
    /// Have a provider asked. So many bytes as the head says follow it, and then the stream's end.
    Call(ProviderCall),
}

/// The head of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCall {
    /// The provider's id at the node that has it.
    pub provider: String,
    /// Behind the provider's base address: one of the few that have to do with answering.
    pub path: String,
    /// Headers that are part of the provider's API, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body: u32,
}

impl ProviderCall {
    /// Whether every length is within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.provider.len() <= limits::PROVIDER_ID_BYTES
            && self.path.len() <= limits::PROVIDER_PATH_BYTES
            && are_within_limits(&self.headers)
            && (1..=limits::PROVIDER_BODY_BYTES).contains(&self.body)
    }
}

fn are_within_limits(headers: &[(String, String)]) -> bool {
    let fits = |(name, value): &(String, String)| {
        name.len() + value.len() <= limits::PROVIDER_HEADER_BYTES
    };
    headers.len() <= limits::PROVIDER_HEADERS && headers.iter().all(fits)
}

/// What the node that has a provider answers. A version before these reads none of it, and answers with
/// an [`crate::stream::AttemptEvent`], which is none of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderFrame {
    /// All that it shares with the asker.
    Shared(Vec<SharedProvider>),
    /// The provider answers. Pieces follow, each behind its length (four bytes, little endian, at most
    /// [`limits::PROVIDER_PIECE_BYTES`]), then a length of zero, and [`Self::Ended`].
    Begun {
        /// The status: 200 to 299.
        status: u16,
        /// Those of its headers that are handed on, names in lower case.
        headers: Vec<(String, String)>,
    },
    /// There is no answer.
    Missed(ProviderMiss),
    /// The last frame of an answer; how it broke off, if it did.
    Ended(Option<ProviderMiss>),
}

impl ProviderFrame {
    /// Whether every number and length is within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        match self {
            Self::Shared(shared) => {
                let models: usize = shared.iter().map(|provider| provider.models.len()).sum();
                shared.len() <= limits::SHARED_PROVIDERS
                    && models <= limits::SHARED_MODELS
                    && shared.iter().all(SharedProvider::is_within_limits)
            }
            Self::Begun { status, headers } => {
                (200..300).contains(status) && are_within_limits(headers)
            }
            Self::Missed(miss) | Self::Ended(Some(miss)) => miss.is_within_limits(),
            Self::Ended(None) => true,
        }
    }
}

/// Why there is no answer, or no end of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderMiss {
    /// A closed word, as metrics have it: `rate_limited`, `timeout_first_byte`, `not_shared`, …
    pub word: String,
    /// How long to wait before asking again, in milliseconds, where somebody says so.
    pub wait_ms: Option<u32>,
}

impl ProviderMiss {
    /// Of which no more is known than the word.
    #[must_use]
    pub fn bare(word: &str) -> Self {
        Self { word: word.to_owned(), wait_ms: None }
    }

    fn is_within_limits(&self) -> bool {
        self.word.len() <= limits::PROVIDER_ID_BYTES
    }
}

/// A provider that a node shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedProvider {
    /// Its id there.
    pub id: String,
    /// Its kind, by id: says which language it speaks.
    pub kind: String,
    /// Text that goes there leaves the office.
    pub outside: bool,
    /// By the word of its node it keeps nothing that it is sent and learns nothing from it.
    pub keeps_nothing: bool,
    /// Models that are not listed may be asked for, too.
    pub any_model: bool,
    /// What others may use of it today is used up.
    pub is_spent: bool,
    /// Its models.
    pub models: Vec<SharedModel>,
}

impl SharedProvider {
    fn is_within_limits(&self) -> bool {
        self.id.len() <= limits::PROVIDER_ID_BYTES
            && self.kind.len() <= limits::PROVIDER_ID_BYTES
            && self.models.iter().all(SharedModel::is_within_limits)
    }
}

/// A model of a provider that a node shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedModel {
    /// Its name, as the provider calls it.
    pub name: String,
    /// Tokens of its context, where that is known.
    pub context: Option<u32>,
    /// Whether it answers chats, where that is known.
    pub chats: Option<bool>,
    /// Whether it makes embeddings, where that is known.
    pub embeds: Option<bool>,
    /// What it costs, where that is known; zero: nothing.
    pub price: Option<SharedPrice>,
    /// It failed too often lately, or asked to be left in peace: it is not asked at the moment.
    pub rests: bool,
}

impl SharedModel {
    fn is_within_limits(&self) -> bool {
        self.name.len() <= limits::MODEL_NAME_BYTES
            && self.context.is_none_or(|tokens| tokens <= limits::CONTEXT_TOKENS)
            && self.price.is_none_or(SharedPrice::is_within_limits)
    }
}

/// Millionths of a US dollar for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedPrice {
    /// Of prompts.
    pub input: u64,
    /// Of answers.
    pub output: u64,
    /// Of prompts that come from a cache, where that has a price of its own.
    pub cached: Option<u64>,
}

impl SharedPrice {
    fn is_within_limits(self) -> bool {
        let all = [Some(self.input), Some(self.output), self.cached];
        all.into_iter().flatten().all(|price| price <= limits::CLAIMED_PRICE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Refusal};
    use crate::frame;
    use crate::stream::AttemptEvent;

    fn call() -> ProviderCall {
        ProviderCall {
            provider: "openai".to_owned(),
            path: "/chat/completions".to_owned(),
            headers: vec![("anthropic-version".to_owned(), "2023-06-01".to_owned())],
            body: 100,
        }
    }

    #[test]
    fn heads_beyond_a_bound_are_seen() {
        assert!(call().is_within_limits());
        let long = |length: usize| "x".repeat(length);
        let many = vec![("a".to_owned(), "b".to_owned()); limits::PROVIDER_HEADERS + 1];
        let odd = [
            ProviderCall { body: 0, ..call() },
            ProviderCall { body: limits::PROVIDER_BODY_BYTES + 1, ..call() },
            ProviderCall { provider: long(33), ..call() },
            ProviderCall { path: long(257), ..call() },
            ProviderCall { headers: many, ..call() },
            ProviderCall { headers: vec![("a".to_owned(), long(1_024))], ..call() },
        ];
        for call in odd {
            assert!(!call.is_within_limits(), "{call:?}");
        }
    }

    #[test]
    fn lists_beyond_a_bound_are_seen() {
        let model = SharedModel {
            name: "m".to_owned(),
            context: None,
            chats: None,
            embeds: None,
            price: None,
            rests: false,
        };
        let provider = |models| SharedProvider {
            id: "openai".to_owned(),
            kind: "openai".to_owned(),
            outside: true,
            keeps_nothing: false,
            any_model: true,
            is_spent: false,
            models,
        };
        let fits = |models| ProviderFrame::Shared(vec![provider(models)]).is_within_limits();
        assert!(fits(vec![model.clone(); limits::SHARED_MODELS]));
        assert!(!fits(vec![model.clone(); limits::SHARED_MODELS + 1]));
        assert!(!fits(vec![SharedModel { name: "m".repeat(193), ..model.clone() }]));
        let dear = SharedPrice { input: u64::MAX, output: 0, cached: None };
        assert!(!fits(vec![SharedModel { price: Some(dear), ..model.clone() }]));
        assert!(!fits(vec![SharedModel { context: Some(u32::MAX), ..model }]));
        let many = vec![provider(Vec::new()); limits::SHARED_PROVIDERS + 1];
        assert!(!ProviderFrame::Shared(many).is_within_limits());
        assert!(!ProviderFrame::Begun { status: 302, headers: Vec::new() }.is_within_limits());
    }

    #[test]
    fn what_a_former_version_answers_is_no_frame_of_these() {
        let events = [Fault::Refused(Refusal::Unsupported), Fault::BadRequest, Fault::Silent]
            .map(AttemptEvent::Failed);
        for event in events {
            let body = frame::encode_body(&event, limits::FRAME_BYTES).expect("it is small");
            assert!(frame::decode_body::<ProviderFrame>(&body).is_err(), "{event:?}");
        }
    }
}
