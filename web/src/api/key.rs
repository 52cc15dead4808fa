//! API keys: what programs of other computers show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a key opens. Letting computers in and making keys is never opened by one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// The OpenAI endpoints below `/v1`.
    Inference,
    /// Handing in lasting jobs; seeing, cancelling and forgetting those of its person.
    Jobs,
    /// Seeing this computer, the mesh, its models and what changes.
    View,
    /// Loading and unloading models.
    Models,
    /// Pausing, draining and resuming this computer; what the doctor says of it.
    Operate,
}

impl KeyScope {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Inference, Self::Jobs, Self::View, Self::Models, Self::Operate];

    /// The word for it, as in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::Jobs => "jobs",
            Self::View => "view",
            Self::Models => "models",
            Self::Operate => "operate",
        }
    }
}

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Key {
    /// Its id, 12 hexadecimal digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The person it stands for: the owner of its jobs.
    pub person: String,
    /// What it opens.
    pub scopes: Vec<KeyScope>,
    /// Whether it opens anything.
    pub state: KeyState,
    /// When it was made, Unix time in milliseconds.
    pub created_ms: u64,
    /// When it ends, Unix time in milliseconds; none: when it is revoked.
    pub expires_ms: Option<u64>,
    /// Requests in a minute; none: any number.
    pub requests_per_min: Option<u32>,
    /// Tokens in a minute, prompts included; none: any number.
    #[serde(default)]
    pub tokens_per_min: Option<u64>,
    /// Tokens in a day of UTC, prompts included; none: any number.
    pub tokens_per_day: Option<u64>,
    /// Tokens in all, prompts included; none: any number.
    pub tokens_in_all: Option<u64>,
    /// Requests that it opened so far.
    pub requests: u64,
    /// Tokens that it cost so far, prompts included.
    pub tokens: u64,
    /// Of these, today's (UTC).
    pub tokens_today: u64,
    /// When it was last used, Unix time in milliseconds.
    pub last_used_ms: Option<u64>,
}

/// The body of `POST /api/v1/keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What people call it.
    pub name: String,
    /// The person it stands for; none: the person of this computer, or, if it is a shared one, a
    /// person of the key's name.
    #[serde(default)]
    pub person: Option<String>,
    /// What it opens; none: inference.
    #[serde(default)]
    pub scopes: Option<Vec<KeyScope>>,
    /// How long it is valid, in seconds; none: until it is revoked.
    #[serde(default)]
    pub valid_s: Option<u32>,
    /// Requests in a minute; none: any number.
    #[serde(default)]
    pub requests_per_min: Option<u32>,
    /// Tokens in a minute, prompts included; none: any number.
    #[serde(default)]
    pub tokens_per_min: Option<u64>,
    /// Tokens in a day of UTC, prompts included; none: any number.
    #[serde(default)]
    pub tokens_per_day: Option<u64>,
    /// Tokens in all, prompts included; none: any number.
    #[serde(default)]
    pub tokens_in_all: Option<u64>,
}

/// The body of `PATCH /api/v1/keys/{id}`: what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyChange {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// What it opens.
    #[serde(default)]
    pub scopes: Option<Vec<KeyScope>>,
    /// How long it is valid from now, in seconds; 0: until it is revoked.
    #[serde(default)]
    pub valid_s: Option<u32>,
    /// Requests in a minute; 0: any number.
    #[serde(default)]
    pub requests_per_min: Option<u32>,
    /// Tokens in a minute; 0: any number.
    #[serde(default)]
    pub tokens_per_min: Option<u64>,
    /// Tokens in a day of UTC; 0: any number.
    #[serde(default)]
    pub tokens_per_day: Option<u64>,
    /// Tokens in all; 0: any number.
    #[serde(default)]
    pub tokens_in_all: Option<u64>,
}

/// A fresh key: the secret is shown once, and is nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NewKey {
    /// What programs send after `Authorization: Bearer`.
    pub secret: String,
    /// The key.
    pub key: Key,
}
