//! Bounds of what a dialect accepts beyond those of `pumasi_protocol::limits`.

/// Nesting of JSON arrays and objects in a body.
pub const JSON_DEPTH: usize = 128;
/// Largest integer that every JSON implementation holds exactly (RFC 8259, section 6).
pub const EXACT_INTEGER: i64 = (1 << 53) - 1;
/// Largest `max_tokens`.
pub const MAX_TOKENS: i64 = (1 << 31) - 1;
/// Largest `n`.
pub const CHOICES: i64 = 8;
/// Answers of one request: prompts of a completion times `n`.
pub const ANSWERS: usize = 32;
/// Models of `models`.
pub const FALLBACK_MODELS: usize = 8;
/// Places that one word of `provider` names.
pub const NAMED_PLACES: usize = 64;
/// Characters of a place's name.
pub const PLACE_CHARS: usize = 64;
/// Highest price that `max_price` may name, in US dollars for a million tokens.
pub const MAX_PRICE: f64 = 1_000_000.0;
/// Parts in one message.
pub const PARTS: usize = 1_024;
/// Tool calls in one message.
pub const TOOL_CALLS: usize = 256;
/// Characters of a tool's name.
pub const TOOL_NAME_CHARS: usize = 64;
/// Characters of a tool's name in Anthropic's and Gemini's dialects, which allow that many.
pub const LONG_TOOL_NAME_CHARS: usize = 128;
/// Characters of a speaker's name, a tool call's id, or `user`.
pub const LABEL_CHARS: usize = 256;
/// Bytes of one decoded picture.
pub const IMAGE_BYTES: usize = 20 * 1024 * 1024;
/// Unknown fields that are named back.
pub const IGNORED_NAMES: usize = 32;
/// Characters of an unknown field's name that are given back.
pub const IGNORED_NAME_CHARS: usize = 64;
/// Largest number of embedding dimensions that can be asked for.
pub const DIMENSIONS: i64 = 65_536;
/// Bytes of one event of a provider's stream (the largest are last events that repeat a long answer).
pub const PROVIDER_EVENT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the arguments of one call that a provider makes.
pub const PROVIDER_ARGUMENT_BYTES: usize = 4 * 1024 * 1024;
