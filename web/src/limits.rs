//! Every bound of the HTTP face in one place. Times are in `settings.rs`, since tests shorten them.

/// Bytes of a request's head: request line and headers.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Headers of a request: as many as the HTTP library has room for, unless it is told otherwise.
pub const HEADERS: usize = 100;
/// Headers of an answer for which there is room at first.
pub const REPLY_HEADERS: usize = 16;
/// Bytes of a body without pictures.
pub const BODY_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a body with pictures.
pub const VISION_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a document that is handed over.
pub const DOCUMENT_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Documents that are handed over at a time; further ones wait.
pub const UPLOADS: usize = 4;
/// Bytes of a body of `/api/v1` other than a submitted job.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;
/// Connections at a time; the next are told to come back.
pub const CONNECTIONS: usize = 1_024;
/// Bytes that may wait for a client that reads slowly, before its job is paused.
pub const REPLY_BUFFER_BYTES: usize = 64 * 1024;
/// Bytes gathered into one write, when the engine is faster than the client.
pub const WRITE_BYTES: usize = 16 * 1024;
/// Bodies above this are parsed off the async threads.
pub const INLINE_PARSE_BYTES: usize = 64 * 1024;
/// Characters of a request id that a program may set itself.
pub const REQUEST_ID_CHARS: usize = 64;
/// Characters of an answer's header.
pub const HEADER_CHARS: usize = 512;
/// Jobs in one list.
pub const JOBS_LISTED: usize = 1_000;
/// Jobs in a list, where nothing else is asked for, and in a snapshot.
pub const JOBS_DEFAULT: usize = 100;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Wrong tokens of one source in a minute.
pub const TOKEN_FAILURES: u32 = 20;
/// Sources whose wrong tokens are counted at a time.
pub const TOKEN_SOURCES: usize = 4_096;
/// API keys, revoked ones included.
pub const KEYS: usize = 256;
/// Requests of one API key that are answered at a time.
pub const KEY_REQUESTS: usize = 64;
/// Requests that are answered at a time for this install, and as many for programs of this computer
/// that show no key: together less than [`CONNECTIONS`], so that the interface still loads.
pub const OWN_REQUESTS: usize = 448;
/// Connections of one source that a listener for other computers takes at a time.
pub const SOURCE_CONNECTIONS: usize = 128;
/// Lasting jobs that are followed to their end to charge the keys that they came with.
pub const CHARGED_JOBS: usize = 4_096;
/// The longest time that an API key can be given, in seconds: ten years.
pub const KEY_VALID_S: u32 = 3_660 * 24 * 60 * 60;
/// Requests in a minute, where a key is limited to some.
pub const KEY_REQUESTS_PER_MIN: u32 = 60_000;
/// Bytes that are read and thrown away after a refusal, so that the client can read it.
pub const LINGER_BYTES: usize = 4 * 1024 * 1024;
/// Entries of the audit log in one answer: more than a node keeps, with the roster's.
pub const AUDIT_LISTED: usize = 50_000;
/// Entries of the audit log in a list, where nothing else is asked for.
pub const AUDIT_DEFAULT: usize = 200;

/// Conversations that are kept (guess: years of one person).
pub const CONVERSATIONS: usize = 10_000;
/// Conversations in a list, where nothing else is asked for.
pub const CONVERSATIONS_DEFAULT: usize = 200;
/// Messages of one conversation, all versions included.
pub const CONVERSATION_MESSAGES: usize = 50_000;
/// Bytes of all messages of one conversation, as they are kept.
pub const CONVERSATION_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of all conversations.
pub const CONVERSATIONS_BYTES: u64 = 512 * 1024 * 1024;
/// Bytes of the id of a conversation or of a message.
pub const CONVERSATION_ID_BYTES: usize = 64;
/// Bytes of a model's name in a conversation.
pub const CONVERSATION_WORD_BYTES: usize = 512;
/// Bytes of one message with its files, below those of a body.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Bytes of a title.
pub const TITLE_BYTES: usize = 400;
/// Bytes of what a model is told before everything else.
pub const SYSTEM_BYTES: usize = 64 * 1024;
/// Bytes of what is searched for.
pub const SEARCH_BYTES: usize = 200;
/// Bytes of a saved conversation: a whole one, with room for its signs' escapes.
pub const SAVED_BODY_BYTES: usize = 40 * 1024 * 1024;

/// Bytes of a provider's whole reply, which is read to its end before it is passed on.
pub const PROVIDER_REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a provider's first frame that are kept, for what the following ones begin with.
pub const FIRST_FRAME_BYTES: usize = 4 * 1024;
/// Bytes of frames with parts of tool calls that are held back until the calls are whole.
pub const HELD_CALL_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one frame of a provider's stream that wait for its end.
pub const FRAME_BYTES: usize = 8 * 1024 * 1024;
/// Models × places whose figures are told apart; what comes after them counts as `other`.
pub const METERED_MODELS: usize = 100;
/// Rows of usage that one shard holds until they are written down; what comes after them counts as `other`.
pub const USAGE_ROWS: usize = 4_096;
/// Models of providers whose figures are shown, of those that were asked.
pub const METERED_PROVIDER_MODELS: usize = 200;
/// Places whose state is kept for each minute.
pub const HISTORY_PLACES: usize = 32;
/// Days that one question about usage may cover.
pub const USAGE_DAYS: u32 = 3_660;
/// Results of a search at a hub where the asker does not say how many.
pub const HUB_RESULTS_DEFAULT: usize = 20;
/// Rows of usage in one answer; what is above it is joined to one row.
pub const USAGE_LISTED: usize = 10_000;

/// Measurements of models that are kept.
pub const BENCHMARKS: usize = 60;
